"""Faults of the Responses API: its `response` object, its items, and what it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, completions, each, put
from vapi_reference_server.faults.events import within
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_list, as_object, objects_of

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Change
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.RESPONSES
_both = Shelf(SeenOn.SPECIAL, Stage.COMPLETION, Stage.CHUNKS, dialect=_MINE).fault
_body = Shelf(SeenOn.SPECIAL, Stage.BODY, dialect=_MINE).fault
_json = Shelf(SeenOn.JSON, Stage.COMPLETION, dialect=_MINE).fault
_problem = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault


def responses_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_labels(), *_states(), *_echo(), *_counts(), *_requests())


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
            "responses.required-keys-are-present",
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
            "responses-id-without-prefix",
            "responses.id-has-its-prefix",
            "The id does not begin with resp_.",
            each(completions, put("id", "0195f2c4-answer")),
        ),
        _json(
            "responses-created-in-milliseconds",
            "responses.created-at-is-in-seconds",
            "The time of creation is in milliseconds.",
            each(completions, _in_milliseconds),
        ),
        _json(
            "responses-model-empty",
            "responses.model-is-named",
            "The model has no name.",
            each(completions, put("model", "")),
        ),
        _json(
            "responses-another-model",
            "responses.model-is-the-one-asked",
            "Another model answers than was asked for.",
            each(completions, put("model", "another")),
        ),
        _json(
            "responses-output-text-key",
            "responses.no-output-text-key",
            "The words stand in output_text, too, as clients have it.",
            each(completions, put("output_text", "Hello")),
        ),
        _json(
            "responses-background-text",
            "responses.body-matches-the-schema",
            "Whether it ran in the background is a string.",
            each(completions, put("background", "no")),
        ),
    )


def _states() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-status-unknown",
            "responses.status-is-known",
            "The status is done.",
            each(completions, put("status", "done")),
        ),
        _json(
            "responses-error-on-completed",
            "responses.error-is-null-unless-failed",
            "A completed answer has an error.",
            each(completions, put("error", {"code": "server_error", "message": "The model failed."})),
        ),
        _json(
            "responses-failed-without-error",
            "responses.failed-has-an-error",
            "An answer has failed, and does not say why.",
            each(completions, put("status", "failed")),
        ),
        _json(
            "responses-incomplete-without-reason",
            "responses.incomplete-has-a-reason",
            "An answer that was cut does not say why.",
            each(completions, put("incomplete_details", None)),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "responses-limit-hidden",
            "responses.limit-reached-is-incomplete",
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
        _json(
            "responses-details-on-completed",
            "responses.details-are-null-unless-incomplete",
            "A completed answer says what cut it.",
            each(completions, put("incomplete_details", {"reason": "max_output_tokens"})),
        ),
    )


def _counts() -> tuple[Fault, ...]:
    return (
        _json(
            "responses-usage-missing",
            "responses.usage-is-reported",
            "A completed answer has no usage.",
            each(completions, put("usage", None)),
        ),
        _json(
            "responses-usage-of-chat",
            "responses.usage-counts-are-integers",
            "Tokens are counted under the names of Chat Completions.",
            within(completions, _chat_names, "usage"),
        ),
        _json(
            "responses-total-wrong",
            "responses.usage-total-is-the-sum",
            "The total is one more than the sum.",
            within(completions, _one_more, "usage"),
        ),
        _json(
            "responses-details-missing",
            "responses.usage-counts-are-integers",
            "The details of the counts are left out.",
            within(completions, _without_details, "usage"),
        ),
        _json(
            "responses-reasoning-too-many",
            "responses.usage-reasoning-within-output",
            "More reasoning tokens are counted than output tokens.",
            within(completions, put("reasoning_tokens", 100_000), "usage", "output_tokens_details"),
        ),
        _json(
            "responses-cached-too-many",
            "responses.usage-cached-within-input",
            "More cached tokens are counted than input tokens.",
            within(completions, put("cached_tokens", 100_000), "usage", "input_tokens_details"),
        ),
        _json(
            "responses-output-uncounted",
            "responses.usage-output-is-counted",
            "The words of the answer are counted as zero tokens.",
            within(completions, _output_of(0), "usage"),
        ),
        _json(
            "responses-usage-above-limit",
            "responses.usage-within-the-limit",
            "More output tokens are counted than max_output_tokens allows.",
            within(completions, _output_of(100_000), "usage"),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "responses-prompt-recounted",
            "responses.usage-agrees-streamed-and-whole",
            "A whole answer counts five more input tokens than a stream.",
            within(completions, _five_more, "usage"),
        ),
    )


def _echo() -> tuple[Fault, ...]:
    """Shown by requests that ask for something out of the ordinary."""
    return (
        _both(
            "responses-temperature-differs",
            "responses.sampling-is-echoed",
            "The answer says another temperature than was asked for.",
            each(_responses, put("temperature", 0.125)),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-instructions-lost",
            "responses.instructions-are-echoed",
            "The answer does not repeat the instructions.",
            each(_responses, put("instructions", None)),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-tools-lost",
            "responses.tools-are-echoed",
            "The answer does not repeat the tools.",
            each(_responses, put("tools", [])),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-tool-choice-differs",
            "responses.tool-choice-is-echoed",
            "The answer says another tool_choice than was asked for.",
            each(_responses, put("tool_choice", "auto")),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-limit-lost",
            "responses.limit-is-echoed",
            "The answer does not repeat max_output_tokens.",
            each(_responses, put("max_output_tokens", None)),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-metadata-lost",
            "responses.metadata-is-echoed",
            "The answer does not repeat the metadata.",
            each(_responses, put("metadata", {})),
            seen_on=SeenOn.SPECIAL,
        ),
        _both(
            "responses-format-lost",
            "responses.format-is-echoed",
            "The answer says that it is text, and JSON was asked for.",
            within(_responses, put("format", {"type": "text"}), "text"),
            seen_on=SeenOn.SPECIAL,
        ),
    )


def _requests() -> tuple[Fault, ...]:
    return (
        _body(
            "responses-stores-anyway",
            "responses.store-is-echoed",
            "Answers are remembered although store is false.",
            _store,
        ),
        _body(
            "responses-400-on-text",
            "responses.text-input-is-accepted",
            "An input that is one string gets status 400.",
            _refuse_text,
        ),
        _body(
            "responses-400-on-parts",
            "responses.typed-content-is-accepted",
            "Messages with typed content get status 400.",
            _refuse_parts,
        ),
        _body(
            "responses-400-on-items",
            "responses.output-items-are-taken-back",
            "Calls that are sent back get status 400.",
            _refuse_calls,
        ),
        _body(
            "responses-unknown-previous-200",
            "responses.unknown-previous-response-is-refused",
            "A previous_response_id that nobody knows is ignored.",
            _forget_previous,
        ),
        _problem(
            "responses-model-code-missing",
            "responses.unknown-model-has-its-code",
            "A model that nobody knows gets status 400 without a code.",
            _without_model_code,
        ),
    )


def _responses(work: Work) -> list[JsonObject]:
    """The whole answer, or every response in the events of a stream."""
    found = (as_object(event.get("response")) for event in work.chunks)
    return [response for response in (*found, work.completion) if response is not None]


def _without_echo(work: Work) -> None:
    for key in ("tools", "tool_choice", "parallel_tool_calls"):
        work.completion.pop(key, None)


def _as_if_whole(response: JsonObject) -> None:
    response.update({"status": "completed", "incomplete_details": None})
    for item in objects_of(response, "output"):
        item["status"] = "completed"


def _chat_names(usage: JsonObject) -> None:
    usage["prompt_tokens"], usage["completion_tokens"] = usage.pop("input_tokens"), usage.pop("output_tokens")


def _one_more(usage: JsonObject) -> None:
    usage["total_tokens"] = int(str(usage["total_tokens"])) + 1


def _without_details(usage: JsonObject) -> None:
    for key in [key for key in usage if as_object(usage[key]) is not None]:
        usage.pop(key)


def _store(work: Work) -> None:
    work.body["store"] = True


def _in_milliseconds(response: JsonObject) -> None:
    for key in ("created_at", "completed_at"):
        response[key] = int(str(response[key])) * 1000


def _output_of(tokens: int) -> Change:
    def change(usage: JsonObject) -> None:
        usage.update({"output_tokens": tokens, "total_tokens": int(str(usage["input_tokens"])) + tokens})

    return change


def _five_more(usage: JsonObject) -> None:
    for key in ("input_tokens", "total_tokens"):
        usage[key] = int(str(usage[key])) + 5


def _refuse_text(work: Work) -> None:
    if isinstance(work.body.get("input"), str):
        raise problems.bad_value("input", "an array is wanted")


def _refuse_parts(work: Work) -> None:
    if any(as_list(item.get("content")) is not None for item in objects_of(work.body, "input")):
        raise problems.bad_value("input", "content as a string is wanted")


def _refuse_calls(work: Work) -> None:
    if any(item.get("type") == "function_call" for item in objects_of(work.body, "input")):
        raise problems.bad_value("input", "messages only are wanted")


def _forget_previous(work: Work) -> None:
    work.body.pop("previous_response_id", None)


def _without_model_code(work: Work) -> None:
    if work.problem is not None and work.problem.code == "model_not_found":
        work.problem.code = None
