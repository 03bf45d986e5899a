"""A Responses request, read from its JSON. What a sound endpoint must refuse is refused here.

Unknown keys are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import (
    boolean_in,
    integer_in,
    list_in,
    model_in,
    number_in,
    object_in,
    objects_in,
    string_in,
    text_of,
    word_in,
)
from vapi_reference_server.dialects.responses.items import read_items
from vapi_reference_server.dialects.responses.tool_choice import read_tool_choice
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Message, Request, Tool

if TYPE_CHECKING:
    from vapi_reference_server.dialects.responses.stored import StoredAnswers
    from vapi_reference_server.json_values import JsonObject

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARIES = ("auto", "concise", "detailed")
_MIN_OUTPUT_TOKENS = 16
_MAX_TOP_LOGPROBS = 20


def parse_request(body: JsonObject, answers: StoredAnswers) -> Request:
    """The request in a JSON body. Raises Problem, status 400, that names the field at fault."""
    _check_the_rest(body)
    tools = _tools(body)
    choice = read_tool_choice(body.get("tool_choice"), tools)
    reasoning = object_in(body, "reasoning") or {}
    word_in(reasoning, "effort", EFFORTS, "reasoning.")
    summary = word_in(reasoning, "summary", _SUMMARIES, "reasoning.")
    return Request(
        model=model_in(body),
        messages=(*_instructions(body), *_conversation(body, answers)),
        stream=boolean_in(body, "stream", default=False),
        max_tokens=integer_in(body, "max_output_tokens", low=_MIN_OUTPUT_TOKENS),
        response_format=_text_format(body),
        tools=choice.tools,
        tool_choice=choice.choice,
        named_tool=choice.named,
        parallel_tool_calls=boolean_in(body, "parallel_tool_calls", default=True),
        thinks_aloud=summary is not None and reasoning.get("effort") != "none",
    )


def _check_the_rest(body: JsonObject) -> None:
    """What changes nothing in the answer of a script has to be well-formed all the same."""
    number_in(body, "temperature", 2.0)
    number_in(body, "top_p", 1.0)
    integer_in(body, "top_logprobs", low=0, high=_MAX_TOP_LOGPROBS)
    integer_in(body, "max_tool_calls", low=1)
    boolean_in(body, "store", default=True)
    boolean_in(object_in(body, "stream_options") or {}, "include_obfuscation", default=True, at="stream_options.")
    word_in(body, "truncation", ("auto", "disabled"))
    for field in ("user", "safety_identifier", "prompt_cache_key", "service_tier"):
        string_in(body, field)
    for position, item in enumerate(list_in(body, "include")):
        text_of(item, f"include[{position}]")
    for key, value in (object_in(body, "metadata") or {}).items():
        text_of(value, f"metadata.{key[:64]}")
    if boolean_in(body, "background", default=False):
        raise bad_value("background", "this server answers in the foreground only")


def _instructions(body: JsonObject) -> tuple[Message, ...]:
    text = string_in(body, "instructions")
    return () if text is None else (Message(role="system", text=text),)


def _conversation(body: JsonObject, answers: StoredAnswers) -> tuple[Message, ...]:
    before: tuple[Message, ...] = ()
    previous = string_in(body, "previous_response_id")
    if body.get("conversation") is not None:
        raise bad_value(
            "conversation", "this server keeps no conversations; previous_response_id goes on from an answer"
        )
    if previous is not None:
        stored = answers.find(previous)
        if stored is None:
            raise Problem(
                status=400,
                message=f"Previous response with id '{previous[:80]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        before = stored.messages
    said = body.get("input")
    if isinstance(said, str):
        return (*before, Message(role="user", text=text_of(said, "input")))
    items = objects_in(body, "input")
    if not items and previous is None:
        raise Problem(
            status=400,
            message="Missing required parameter: 'input'. A string or a non-empty array of items is wanted.",
            param="input",
            code="missing_required_parameter",
        )
    return (*before, *read_items(items, before, answers))


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    """The functions; tools that OpenAI hosts are accepted and never called."""
    tools: list[Tool] = []
    for position, item in enumerate(objects_in(body, "tools")):
        at = f"tools[{position}]."
        kind = string_in(item, "type", at)
        if kind is None:
            raise bad_value(f"{at}type", "a string is wanted")
        if kind != "function":
            continue
        name = string_in(item, "name", at)
        if not name:
            raise Problem(
                status=400,
                message=f"Missing required parameter: '{at}name'.",
                param=f"{at}name",
                code="missing_required_parameter",
            )
        boolean_in(item, "strict", default=True, at=at)
        tools.append(Tool(name=name, parameters=object_in(item, "parameters", at) or {}))
    return tuple(tools)


def _text_format(body: JsonObject) -> JsonObject | None:
    text = object_in(body, "text") or {}
    word_in(text, "verbosity", ("low", "medium", "high"), "text.")
    wanted = object_in(text, "format", "text.") or {"type": "text"}
    kind = word_in(wanted, "type", ("text", "json_object", "json_schema"), "text.format.")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    name, schema = string_in(wanted, "name", "text.format."), object_in(wanted, "schema", "text.format.")
    if kind is None or not name or schema is None:
        raise bad_value("text.format", "text, json_object, or json_schema with a name and a schema is wanted")
    return schema
