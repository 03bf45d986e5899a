"""A Messages request, read from its JSON. What a sound endpoint must refuse is refused here.

Unknown keys are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.anthropic.messages import read_messages, read_system
from vapi_reference_server.dialects.fields import (
    boolean_in,
    integer_in,
    model_in,
    name_in,
    number_in,
    object_in,
    objects_in,
    stops_in,
    string_in,
    word_in,
)
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Choice, Request, Tool

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject

_CHOICES = {"auto": Choice.AUTO, "any": Choice.REQUIRED, "tool": Choice.NAMED, "none": Choice.NONE}
_MIN_THINKING_TOKENS = 1024


def parse_request(body: JsonObject) -> Request:
    """The request in a JSON body. Raises Problem, status 400, that names the field at fault."""
    model = model_in(body)
    max_tokens = integer_in(body, "max_tokens", low=1)
    if max_tokens is None:
        raise Problem(status=400, message="max_tokens: Field required", param="max_tokens")
    _check_the_rest(body)
    tools = _tools(body)
    asked = object_in(body, "tool_choice") or {"type": "auto"}
    choice, named = _tool_choice(asked, {tool.name for tool in tools})
    return Request(
        model=model,
        messages=(*read_system(body.get("system")), *read_messages(body)),
        stream=boolean_in(body, "stream", default=False),
        max_tokens=max_tokens,
        stops=stops_in(body, "stop_sequences"),
        response_format=_output_format(body),
        tools=tools,
        tool_choice=choice,
        named_tool=named,
        parallel_tool_calls=not boolean_in(asked, "disable_parallel_tool_use", default=False, at="tool_choice."),
        thinks_aloud=_thinks(body, max_tokens),
    )


def _check_the_rest(body: JsonObject) -> None:
    """What changes nothing in the answer of a script has to be well-formed all the same."""
    number_in(body, "temperature", 1.0)
    number_in(body, "top_p", 1.0)
    integer_in(body, "top_k", low=0)
    word_in(body, "service_tier", ("auto", "standard_only"))
    string_in(object_in(body, "metadata") or {}, "user_id", "metadata.")


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    """The caller's own tools; those that Anthropic runs are accepted and never called."""
    tools: list[Tool] = []
    for position, item in enumerate(objects_in(body, "tools")):
        at = f"tools.{position}."
        name = name_in(item, "name", at)
        if string_in(item, "type", at) not in (None, "custom"):
            continue
        schema = object_in(item, "input_schema", at)
        if schema is None:
            raise Problem(status=400, message=f"{at}input_schema: Field required", param=f"{at}input_schema")
        tools.append(Tool(name=name, parameters=schema))
    return tuple(tools)


def _tool_choice(asked: JsonObject, offered: set[str]) -> tuple[Choice, str | None]:
    kind = word_in(asked, "type", _CHOICES, "tool_choice.")
    if kind is None:
        raise bad_value("tool_choice.type", f"one of {', '.join(_CHOICES)} is wanted")
    choice = _CHOICES[kind]
    if choice is Choice.REQUIRED and not offered:
        raise bad_value("tool_choice", "any can be asked for only where tools are offered")
    if choice is not Choice.NAMED:
        return choice, None
    named = name_in(asked, "name", "tool_choice.")
    if named not in offered:
        raise bad_value("tool_choice.name", "the name of an offered tool is wanted")
    return choice, named


def _output_format(body: JsonObject) -> JsonObject | None:
    config = object_in(body, "output_config") or {}
    wanted = object_in(config, "format", "output_config.")
    if wanted is None:
        return None
    schema = object_in(wanted, "schema", "output_config.format.")
    if wanted.get("type") != "json_schema" or schema is None:
        raise bad_value("output_config.format", "json_schema with a schema is wanted")
    return schema


def _thinks(body: JsonObject, max_tokens: int) -> bool:
    thinking = object_in(body, "thinking") or {"type": "disabled"}
    kind = word_in(thinking, "type", ("enabled", "adaptive", "disabled"), "thinking.")
    if kind is None:
        raise bad_value("thinking.type", "enabled, adaptive or disabled is wanted")
    if kind == "enabled":
        budget = integer_in(thinking, "budget_tokens", low=_MIN_THINKING_TOKENS, at="thinking.")
        if budget is None or budget >= max_tokens:
            raise bad_value("thinking.budget_tokens", "a number below max_tokens is wanted")
    return kind != "disabled"
