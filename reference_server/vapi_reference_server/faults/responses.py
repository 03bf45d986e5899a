"""Faults of the Responses API: its `response` object, its items, and what it remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, completions, drop, each, put
from vapi_reference_server.faults.events import within
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, decode, objects_of
from vapi_reference_server.problems import Problem

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.RESPONSES
_json = Shelf(SeenOn.JSON, Stage.COMPLETION, dialect=_MINE).fault
_calls = Shelf(SeenOn.TOOL_JSON, Stage.COMPLETION, dialect=_MINE).fault
_request = Shelf(SeenOn.SPECIAL, Stage.REQUEST, dialect=_MINE).fault
_problem = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault


def responses_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_labels(), *_states(), *_items(), *_call_items(), *_counts(), *_memory())


def _labels() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-object-wrong",
            "responses.object-is-response",
            "The answer is called chat.completion.",
            each(completions, put("object", "chat.completion")),
        ),
        _json("responses-id-empty", "responses.id-is-non-empty", "The id is empty.", each(completions, put("id", ""))),
        _json(
            "responses-keys-missing",
            "responses.required-keys-are-there",
            "What was asked is not repeated: tools, tool_choice and parallel_tool_calls are left out.",
            _without_echo,
        ),
        _json(
            "responses-created-text",
            "responses.created-at-is-a-number",
            "The time of creation is a string.",
            each(completions, put("created_at", "2025-01-31T10:00:00Z")),
        ),
        _json(
            "responses-completed-too-early",
            "responses.completed-at-follows-created-at",
            "The answer is complete before it was begun.",
            each(completions, put("completed_at", 1)),
        ),
        _json(
            "responses-echo-wrong",
            "responses.request-is-echoed",
            "The answer says another temperature than was asked for.",
            each(completions, put("temperature", 0.125)),
            seen_on=SeenOn.SPECIAL,
        ),
    )


def _states() -> tuple[Fault, ...]:
    agree = "responses.status-and-error-agree"
    return (
        _json(
            "responses-status-unknown",
            "responses.status-is-known",
            "The status is done.",
            each(completions, put("status", "done")),
        ),
        _json(
            "responses-error-on-completed",
            agree,
            "A completed answer has an error.",
            each(completions, put("error", {"code": "server_error", "message": "The model failed."})),
        ),
        _json(
            "responses-failed-without-error",
            agree,
            "An answer has failed, and does not say why.",
            each(completions, put("status", "failed")),
        ),
        _json(
            "responses-incomplete-without-reason",
            "responses.incomplete-says-why",
            "An answer that was cut does not say why.",
            each(completions, put("incomplete_details", None)),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "responses-limit-hidden",
            "responses.limit-makes-it-incomplete",
            "An answer that was cut at its limit of tokens says it is completed.",
            each(completions, _as_if_whole),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "responses-still-running",
            "responses.answer-is-finished",
            "The answer says it is still in progress.",
            each(completions, put("status", "in_progress")),
        ),
    )


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
            "responses.items-have-ids",
            "Items have no id.",
            each(_output, drop("id")),
        ),
        _json(
            "responses-item-type-missing",
            "responses.items-have-a-type",
            "Items have no type.",
            each(_output, drop("type")),
        ),
        _json(
            "responses-message-role-wrong",
            "responses.message-is-the-assistants",
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
            "responses.message-has-a-status",
            "The message has no status.",
            each(_output, drop("status")),
        ),
        _json(
            "responses-text-missing",
            "responses.output-text-has-text",
            "The part that holds the words has another name for them.",
            each(_parts, _text_renamed),
        ),
        _json(
            "responses-annotations-missing",
            "responses.output-text-has-annotations",
            "The words have no annotations.",
            each(_parts, drop("annotations")),
        ),
    )


def _call_items() -> tuple[Fault, ...]:
    return (
        _calls(
            "responses-call-id-missing",
            "responses-tools.call-has-a-call-id",
            "Calls have no call_id.",
            each(_output, drop("call_id")),
        ),
        _calls(
            "responses-call-name-missing",
            "responses-tools.call-has-a-name",
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
            "responses-call-ids-same",
            "responses-tools.call-ids-are-unique",
            "All calls have the call_id call_0.",
            each(_output, put("call_id", "call_0")),
            seen_on=SeenOn.SPECIAL,
        ),
        _calls(
            "responses-call-id-is-item-id",
            "responses-tools.call-id-is-not-the-item-id",
            "The id of the item is used as call_id.",
            each(_output, _item_id_as_call_id),
        ),
        _request(
            "responses-result-ignored",
            "responses-tools.replayed-result-is-answered",
            "Results of tools are not read.",
            _without_results,
        ),
        _problem(
            "responses-500-on-unknown-call",
            "responses-tools.unknown-call-is-refused",
            "The result of a call that nobody made gets status 500.",
            _fails_on_unknown_call,
        ),
    )


def _counts() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-usage-missing",
            "responses.usage-is-complete",
            "A completed answer has no usage.",
            each(completions, put("usage", None)),
        ),
        _json(
            "responses-usage-of-chat",
            "responses.usage-is-complete",
            "Tokens are counted under the names of Chat Completions.",
            within(completions, _chat_names, "usage"),
        ),
        _json(
            "responses-total-wrong",
            "responses.total-is-the-sum",
            "The total is one more than the sum.",
            within(completions, _one_more, "usage"),
        ),
        _json(
            "responses-details-missing",
            "responses.usage-has-details",
            "The details of the counts are left out.",
            within(completions, _without_details, "usage"),
        ),
    )


def _memory() -> tuple[Fault, ...]:
    return (
        Shelf(SeenOn.SPECIAL, Stage.BODY, dialect=_MINE).fault(
            "responses-stores-anyway",
            "responses.store-false-is-honoured",
            "Answers are remembered although store is false.",
            _store,
        ),
        _problem(
            "responses-unknown-model-500",
            "responses.unknown-model-is-refused",
            "A model that nobody knows gets status 500.",
            _fails_on_unknown_model,
        ),
    )


def _output(work: Work) -> list[JsonObject]:
    return objects_of(work.completion, "output")


def _parts(work: Work) -> list[JsonObject]:
    return [part for item in _output(work) for part in objects_of(item, "content")]


def _without_echo(work: Work) -> None:
    for key in ("tools", "tool_choice", "parallel_tool_calls"):
        work.completion.pop(key, None)


def _as_if_whole(response: JsonObject) -> None:
    response.update({"status": "completed", "incomplete_details": None})
    for item in objects_of(response, "output"):
        item["status"] = "completed"


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


def _without_results(work: Work) -> None:
    kept = tuple(message for message in work.asked.messages if message.role != "tool")
    work.request = replace(work.asked, messages=kept)


def _fails_on_unknown_call(work: Work) -> None:
    if work.problem is not None and "No tool call found" in work.problem.message:
        work.problem = problems.server_error("Internal server error.")


def _fails_on_unknown_model(work: Work) -> None:
    if work.problem is not None and work.problem.code == "model_not_found":
        work.problem = Problem(status=500, message="Internal server error.", type="server_error")


def _chat_names(usage: JsonObject) -> None:
    usage["prompt_tokens"], usage["completion_tokens"] = usage.pop("input_tokens"), usage.pop("output_tokens")


def _one_more(usage: JsonObject) -> None:
    usage["total_tokens"] = int(str(usage["total_tokens"])) + 1


def _without_details(usage: JsonObject) -> None:
    for key in [key for key in usage if as_object(usage[key]) is not None]:
        usage.pop(key)


def _store(work: Work) -> None:
    work.body["store"] = True
