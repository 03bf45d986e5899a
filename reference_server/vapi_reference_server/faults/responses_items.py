"""Faults of the items of a Responses answer: messages, their parts, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, completions, drop, each, put
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, decode, objects_of

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.RESPONSES
_json = Shelf(SeenOn.JSON, Stage.COMPLETION, dialect=_MINE).fault
_calls = Shelf(SeenOn.TOOL_JSON, Stage.COMPLETION, dialect=_MINE).fault
_problem = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault


def responses_item_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_items(), *_part_items(), *_call_items())


def _items() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-output-not-an-array",
            "responses.output-is-an-array",
            "The output is one item, not an array.",
            each(completions, _output_unpacked),
        ),
        _json(
            "responses-item-id-missing",
            "responses.item-has-id",
            "Items have no id.",
            each(_output, drop("id")),
        ),
        _json(
            "responses-item-type-missing",
            "responses.item-has-type",
            "Items have no type.",
            each(_output, drop("type")),
        ),
        _json(
            "responses-message-role-wrong",
            "responses.message-role-is-assistant",
            "The message is the user's.",
            each(_output, put("role", "user")),
        ),
        _json(
            "responses-content-text",
            "responses.message-content-is-an-array",
            "The content of the message is a string.",
            each(_output, _content_as_text),
        ),
        _json(
            "responses-message-status-missing",
            "responses.message-has-status",
            "The message has no status.",
            each(_output, drop("status")),
        ),
        _json(
            "responses-text-missing",
            "responses.text-is-a-string",
            "The part that holds the words has another name for them.",
            each(_parts, _text_renamed),
        ),
    )


def _part_items() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-annotations-missing",
            "responses.annotations-are-an-array",
            "The words have no annotations.",
            each(_parts, drop("annotations")),
        ),
        _json(
            "responses-item-type-unknown",
            "responses.item-type-is-known",
            "The item is of a type that nobody knows.",
            each(_output, put("type", "speech")),
        ),
        _json(
            "responses-item-status-unknown",
            "responses.item-status-is-known",
            "The status of the item is done.",
            each(_output, put("status", "done")),
        ),
        _json(
            "responses-item-unfinished",
            "responses.finished-items-are-finished",
            "The item of a completed answer is in progress.",
            each(_output, put("status", "in_progress")),
        ),
        _json(
            "responses-part-type-unknown",
            "responses.part-type-is-known",
            "The part with the words has the type text, as in Chat Completions.",
            each(_parts, put("type", "text")),
        ),
        _json(
            "responses-logprobs-missing",
            "responses.logprobs-are-an-array",
            "The words have no logprobs.",
            each(_parts, drop("logprobs")),
        ),
        _json(
            "responses-refusal-null",
            "responses.refusal-is-a-string",
            "The answer is a refusal without words.",
            each(_parts, _empty_refusal),
        ),
        _json(
            "responses-summary-text",
            "responses.reasoning-is-well-formed",
            "The summary of the reasoning is a string.",
            each(_output, _summary_as_text),
            seen_on=SeenOn.THOUGHTS,
        ),
    )


def _call_items() -> tuple[Fault, ...]:
    return (
        _calls(
            "responses-call-id-missing",
            "responses-tools.call-has-call-id",
            "Calls have no call_id.",
            each(_output, drop("call_id")),
        ),
        _calls(
            "responses-call-name-missing",
            "responses-tools.call-has-name",
            "Calls do not name their function.",
            each(_output, drop("name")),
        ),
        _calls(
            "responses-arguments-object",
            "responses-tools.arguments-are-a-string",
            "Arguments are an object, not a string of JSON.",
            each(_output, _arguments_as_object),
        ),
        _calls(
            "responses-call-id-is-item-id",
            "responses-tools.call-id-is-not-the-item-id",
            "The id of the item is used as call_id.",
            each(_output, _item_id_as_call_id),
        ),
        _problem(
            "responses-500-on-unknown-call",
            "tools.unknown-result-is-refused",
            "The result of a call that nobody made gets status 500.",
            _fails_on_unknown_call,
        ),
        _calls(
            "responses-call-status-missing",
            "responses-tools.call-has-status",
            "Calls have no status.",
            each(_output, drop("status")),
        ),
    )


def _output(work: Work) -> list[JsonObject]:
    return objects_of(work.completion, "output")


def _parts(work: Work) -> list[JsonObject]:
    return [part for item in _output(work) for part in objects_of(item, "content")]


def _output_unpacked(response: JsonObject) -> None:
    response["output"] = (objects_of(response, "output") or [{}])[0]


def _content_as_text(item: JsonObject) -> None:
    item["content"] = "".join(str(part.get("text", "")) for part in objects_of(item, "content"))


def _text_renamed(part: JsonObject) -> None:
    part["value"] = part.pop("text", "")


def _arguments_as_object(item: JsonObject) -> None:
    item["arguments"] = decode(str(item["arguments"]).encode())


def _item_id_as_call_id(item: JsonObject) -> None:
    item["call_id"] = item["id"]


def _fails_on_unknown_call(work: Work) -> None:
    if work.problem is not None and "No tool call found" in work.problem.message:
        work.problem = problems.server_error("Internal server error.")


def _empty_refusal(part: JsonObject) -> None:
    part.clear()
    part.update({"type": "refusal", "refusal": None})


def _summary_as_text(item: JsonObject) -> None:
    if item["type"] == "reasoning":
        item["summary"] = "I thought about it."
