"""Faults of tool calls: their pieces in a stream, their neighbours, their arguments."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.faults.completion import json_calls
from vapi_reference_server.faults.editing import (
    Shelf,
    call_fragments,
    deltas,
    drop,
    each,
    finishes,
    first_call_fragments,
    put,
    text_deltas,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import as_object, objects_of
from vapi_reference_server.reply import Call, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_chunk = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS).fault
_call = Shelf(SeenOn.TOOL_STREAM, Stage.REPLIES).fault


def tool_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_fragments(), *_neighbours(), *_calls())


def _fragments() -> tuple[Fault, ...]:
    return (
        _chunk(
            "tool-index-missing",
            "tools.index-is-an-integer",
            "Pieces of a call have no index.",
            each(call_fragments, drop("index")),
        ),
        _chunk(
            "tool-index-gap",
            "tools.indexes-are-contiguous",
            "Calls are counted from 1.",
            each(call_fragments, _count_from_one),
        ),
        _chunk("tool-id-missing", "tools.first-fragment-has-id", "Calls have no id.", each(call_fragments, drop("id"))),
        _chunk(
            "tool-name-missing",
            "tools.first-fragment-has-name",
            "Calls do not name their function.",
            each(_functions, drop("name")),
        ),
        _chunk(
            "tool-type-missing",
            "tools.first-fragment-has-type",
            "Calls have no type.",
            each(call_fragments, drop("type")),
        ),
        _chunk(
            "tool-ids-same",
            "tools.ids-are-unique",
            "All calls have the id 0.",
            each(first_call_fragments, put("id", "0")),
        ),
        _chunk(
            "name-repeated",
            "tools.later-fragments-repeat-nothing",
            "Every piece of a call repeats the name.",
            _repeat_name,
        ),
        _chunk(
            "args-object",
            "tools.arguments-are-a-string",
            "Arguments are an object, not a string of JSON.",
            _arguments_as_object,
        ),
    )


def _neighbours() -> tuple[Fault, ...]:
    return (
        _chunk(
            "content-beside-calls",
            "tools.no-content-beside-calls",
            "Deltas with pieces of a call have an empty content too.",
            each(deltas, _empty_content_beside_calls),
        ),
        _chunk(
            "empty-call-list",
            "tools.no-empty-call-list",
            "Deltas with text have an empty list of calls.",
            each(text_deltas, put("tool_calls", [])),
            seen_on=SeenOn.STREAM,
        ),
        Shelf(SeenOn.TOOL_JSON, Stage.COMPLETION).fault(
            "json-call-index",
            "tools.json-calls-have-no-index",
            "Calls of a JSON answer have an index.",
            _index_json_calls,
        ),
        _chunk(
            "tool-finish-stop",
            "tools.finish-is-tool-calls",
            "A stream with a call finishes with stop.",
            each(finishes, _stop_for_calls),
        ),
        _chunk(
            "finish-without-call",
            "tools.finish-tool-calls-has-a-call",
            "A stream without a call finishes with tool_calls.",
            each(finishes, put("finish_reason", "tool_calls")),
            seen_on=SeenOn.STREAM,
        ),
        _chunk(
            "function-call-for-tools",
            "tools.function-call-only-for-functions",
            "Tools are called in the old way, as function_call.",
            _old_way,
        ),
    )


def _calls() -> tuple[Fault, ...]:
    return (
        _call(
            "args-not-json",
            "tools.arguments-are-json",
            "Arguments are written as Python would, with single quotes.",
            _with_arguments(lambda arguments: arguments.replace('"', "'")),
        ),
        _call(
            "args-off-schema",
            "tools.arguments-match-the-schema",
            "Each argument is an array of arrays.",
            _with_arguments(_wrap_values),
        ),
        _call(
            "args-empty",
            "tools.no-argument-call-is-an-empty-object",
            "A call without arguments says nothing instead of an empty object.",
            _with_arguments(lambda arguments: "" if arguments == "{}" else arguments),
            seen_on=SeenOn.SPECIAL,
        ),
        _call(
            "calls-without-offer",
            "tools.calls-need-an-offer",
            "A tool is called although the request offers none.",
            _call_unasked,
            seen_on=SeenOn.STREAM,
        ),
        _call(
            "tool-not-offered",
            "tools.name-was-offered",
            "The called tool is none of those offered.",
            _other_name,
        ),
    )


def _functions(work: Work) -> list[JsonObject]:
    found = (as_object(fragment.get("function")) for fragment in call_fragments(work))
    return [function for function in found if function is not None]


def _count_from_one(fragment: JsonObject) -> None:
    fragment["index"] = int(str(fragment["index"])) + 1


def _repeat_name(work: Work) -> None:
    name: object = None
    for function in _functions(work):
        name = function.setdefault("name", name)


def _arguments_as_object(work: Work) -> None:
    calls = [call for reply in work.replies for call in reply.calls]
    for fragment, call in zip(first_call_fragments(work), calls, strict=True):
        fragment["function"] = {"name": call.name, "arguments": json.loads(call.arguments)}
    work.chunks = [chunk for chunk in work.chunks if not _is_later_piece(chunk)]


def _is_later_piece(chunk: JsonObject) -> bool:
    found = [as_object(choice.get("delta")) or {} for choice in objects_of(chunk, "choices")]
    return any("id" not in fragment for delta in found for fragment in objects_of(delta, "tool_calls"))


def _empty_content_beside_calls(delta: JsonObject) -> None:
    if "tool_calls" in delta:
        delta["content"] = ""


def _index_json_calls(work: Work) -> None:
    for at, call in enumerate(json_calls(work)):
        call["index"] = at


def _stop_for_calls(choice: JsonObject) -> None:
    if choice["finish_reason"] == "tool_calls":
        choice["finish_reason"] = "stop"


def _old_way(work: Work) -> None:
    for delta in deltas(work):
        for fragment in objects_of(delta, "tool_calls"):
            delta["function_call"] = fragment["function"]
        delta.pop("tool_calls", None)
    for choice in finishes(work):
        if choice["finish_reason"] == "tool_calls":
            choice["finish_reason"] = "function_call"


def _with_arguments(change: Callable[[str], str]) -> Edit:
    def edit(work: Work) -> None:
        work.replies = [
            replace(
                reply,
                calls=tuple(replace(call, arguments=change(call.arguments)) for call in reply.calls),
            )
            for reply in work.replies
        ]

    return edit


def _wrap_values(arguments: str) -> str:
    return json.dumps({key: [[]] for key in as_object(json.loads(arguments)) or {}})


def _call_unasked(work: Work) -> None:
    if not objects_of(work.body, "tools"):
        call = Call(id="call_unasked", name="look_up", arguments='{"for": "the caller"}')
        work.replies = [Reply(calls=(call,), finish_reason="tool_calls") for _ in work.replies]


def _other_name(work: Work) -> None:
    work.replies = [
        replace(reply, calls=tuple(replace(call, name=f"{call.name}_v2") for call in reply.calls))
        for reply in work.replies
    ]
