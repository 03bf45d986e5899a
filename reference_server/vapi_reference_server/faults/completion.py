"""Faults of the JSON answer, and of parameters that the server accepts and then ignores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.faults.editing import (
    Shelf,
    asking,
    call_fragments,
    completions,
    drop,
    each,
    json_choices,
    messages,
    put,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import as_object, objects_of

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_json = Shelf(SeenOn.JSON, Stage.COMPLETION).fault
_misread = Shelf(SeenOn.SPECIAL, Stage.REQUEST, everywhere=True).fault
_JANUARY_2020_S = 1_577_836_800


def completion_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_tops(), *_choices(), *_ignored_parameters())


def _tops() -> tuple[Fault, ...]:
    return (
        _json(
            "object-wrong",
            "chat.object-is-chat-completion",
            "The object is called text_completion.",
            each(completions, put("object", "text_completion")),
        ),
        _json("id-empty", "chat.id-is-non-empty", "The id is empty.", each(completions, put("id", ""))),
        _json(
            "created-float",
            "chat.created-is-integer-seconds",
            "The time of creation has a fraction.",
            each(completions, _halve_second),
        ),
        _json(
            "created-stale",
            "chat.created-is-fresh",
            "The time of creation lies in January 2020.",
            each(completions, put("created", _JANUARY_2020_S)),
        ),
        _json("model-missing", "chat.model-is-named", "No model is named.", each(completions, drop("model"))),
        _json(
            "choices-empty",
            "chat.choices-is-non-empty",
            "There are no choices.",
            each(completions, put("choices", [])),
        ),
        _json(
            "error-beside-choices",
            "chat.no-error-beside-choices",
            "An error object stands beside the choices.",
            each(completions, put("error", {"message": "partly failed"})),
        ),
        _json(
            "fingerprint-number",
            "chat.labels-are-strings",
            "The system fingerprint is a number.",
            each(completions, put("system_fingerprint", 7)),
        ),
    )


def _choices() -> tuple[Fault, ...]:
    return (
        _json(
            "choice-index-wrong",
            "chat.choice-indexes-are-complete",
            "Choices are counted from 1.",
            each(json_choices, _count_from_one),
        ),
        _json(
            "vapi-basic-delta",
            "chat.choice-has-message",
            "The text stands in `delta`, not in `message`, as in Vapi's sample for answers without a stream.",
            each(json_choices, _message_as_delta),
        ),
        _json("role-bot", "chat.role-is-assistant", "The role is bot.", each(messages, put("role", "bot"))),
        _json(
            "content-key-missing",
            "chat.content-key-is-present",
            "The message of a tool call has no content key.",
            each(messages, _drop_null_content),
            seen_on=SeenOn.TOOL_JSON,
        ),
        _json(
            "content-parts",
            "chat.content-is-not-an-array",
            "The content is an array of parts.",
            each(messages, _content_as_parts),
        ),
        _json(
            "null-content",
            "chat.null-content-has-a-reason",
            "The content is null, with nothing in its place.",
            each(messages, put("content", None)),
        ),
        _json(
            "finish-eos",
            "chat.finish-reason-is-known",
            "The finish reason is eos.",
            each(json_choices, put("finish_reason", "eos")),
        ),
        _json(
            "no-refusal-key",
            "chat.refusal-key-is-present",
            "The message has no refusal key.",
            each(messages, drop("refusal")),
        ),
        _json(
            "no-logprobs-key",
            "chat.logprobs-key-is-present",
            "The choice has no logprobs key.",
            each(json_choices, drop("logprobs")),
        ),
        _json(
            "logprobs-malformed",
            "chat.logprobs-are-well-formed",
            "Log probabilities are positive.",
            each(json_choices, put("logprobs", _positive_logprobs())),
        ),
        _json(
            "call-name-missing",
            "chat.tool-calls-are-complete",
            "Tool calls do not name their function.",
            each(_functions, drop("name")),
            seen_on=SeenOn.TOOL_JSON,
        ),
        _json(
            "annotations-text",
            "chat.body-matches-the-schema",
            "The annotations are a string.",
            each(messages, put("annotations", "none")),
        ),
    )


def _ignored_parameters() -> tuple[Fault, ...]:
    return (
        _misread(
            "max-tokens-ignored",
            "sampling.max-tokens-is-honoured",
            "The answer is as long as it likes.",
            asking(lambda request: replace(request, max_tokens=None)),
        ),
        _misread(
            "stop-ignored",
            "sampling.stop-sequence-is-honoured",
            "The answer goes on past a stop sequence.",
            asking(lambda request: replace(request, stops=())),
        ),
        _misread(
            "n-ignored",
            "chat.n-is-honoured-or-refused",
            "There is one choice, always.",
            asking(lambda request: replace(request, choices=1)),
        ),
        _misread(
            "json-mode-prose",
            "sampling.json-mode-parses",
            "A request for JSON is answered in prose.",
            asking(lambda request: replace(request, response_format=None)),
        ),
        Shelf(SeenOn.ANY, Stage.REPLIES).fault(
            "seed-ignored", "chat.seed-repeats", "Every answer is worded differently.", _numbered
        ),
    )


def json_calls(work: Work) -> list[JsonObject]:
    """The tool calls of the JSON answer."""
    return [call for message in messages(work) for call in objects_of(message, "tool_calls")]


def _functions(work: Work) -> list[JsonObject]:
    found = (as_object(call.get("function")) for call in (*json_calls(work), *call_fragments(work)))
    return [function for function in found if function is not None]


def _halve_second(completion: JsonObject) -> None:
    completion["created"] = float(str(completion["created"])) + 0.5


def _count_from_one(choice: JsonObject) -> None:
    choice["index"] = int(str(choice["index"])) + 1


def _message_as_delta(choice: JsonObject) -> None:
    choice["delta"] = choice.pop("message")


def _drop_null_content(message: JsonObject) -> None:
    if message.get("content") is None:
        message.pop("content", None)


def _content_as_parts(message: JsonObject) -> None:
    message["content"] = [{"type": "text", "text": message["content"]}]


def _positive_logprobs() -> JsonObject:
    token = {"token": "You", "logprob": 0.7, "bytes": [89, 111, 117], "top_logprobs": []}
    return {"content": [token], "refusal": None}


def _numbered(work: Work) -> None:
    work.memory.answered += 1
    work.replies = [
        reply if reply.calls else replace(reply, text=f"{reply.text} That was answer {work.memory.answered}.")
        for reply in work.replies
    ]
