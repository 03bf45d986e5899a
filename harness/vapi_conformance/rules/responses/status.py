"""What a response says of its end: status, error and the reason for a cut agree, and so do its items."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    Sent,
    carries_a_response,
    final_response,
    output_items,
    sent_responses,
)
from vapi_conformance.rules.rule import MUST, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "answer_is_finished",
    "details_are_null_unless_incomplete",
    "error_is_null_unless_failed",
    "failed_has_an_error",
    "finished_items_are_finished",
    "incomplete_has_a_reason",
    "limit_reached_is_incomplete",
]

_RESPONSE: Final = "openai-openapi 2.3.0, Response"
_SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？", ")", '"', "}", "]", "`", "|")


def _with_status(evidence: Evidence, *statuses: str) -> Iterator[Sent]:
    return (sent for sent in sent_responses(evidence) if sent.fields.get("status") in statuses)


@rule(
    "responses.error-is-null-unless-failed",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.error",
    catalogue=["RESP-04"],
    remedy='Send "error": null with every response that has not failed: clients raise where it is an object.',
    applies=carries_a_response,
)
def error_is_null_unless_failed(evidence: Evidence) -> Iterator[Violation]:
    """`error` is null in a response that has not failed."""
    for sent in _with_status(evidence, "completed", "incomplete", "in_progress", "queued"):
        if sent.fields.get("error") is not None:
            status = describe(sent.fields["status"])
            yield Violation.at(sent.chunk, expected="error null", actual=f"an error with status {status}")
            return


@rule(
    "responses.failed-has-an-error",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.error; ResponseError: code and message are required",
    catalogue=["RESP-04", "RESP-STREAM-20"],
    remedy="Say in error.code and error.message why the response failed.",
    applies=lambda evidence: any(True for _ in _with_status(evidence, "failed")),
)
def failed_has_an_error(evidence: Evidence) -> Iterator[Violation]:
    """A failed response has an `error` with a code and a message."""
    for sent in _with_status(evidence, "failed"):
        error = object_or_none(sent.fields.get("error"))
        if error is None:
            actual = f"error {describe(sent.fields.get('error'))}"
        elif lacking := [key for key in ("code", "message") if not string_or_none(error.get(key))]:
            actual = f"an error without {' and '.join(lacking)}"
        else:
            continue
        yield Violation.at(sent.chunk, expected="an error object with code and message", actual=actual)
        return
    yield from shape_violations(evidence, "responses.failed-has-an-error", expected="code and message are strings")


@rule(
    "responses.details-are-null-unless-incomplete",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.incomplete_details",
    catalogue=["RESP-04"],
    remedy='Send "incomplete_details": null with a response that was not cut.',
    applies=carries_a_response,
)
def details_are_null_unless_incomplete(evidence: Evidence) -> Iterator[Violation]:
    """`incomplete_details` is null in a response that was not cut."""
    for sent in _with_status(evidence, "completed", "failed", "in_progress", "queued"):
        if sent.fields.get("incomplete_details") is not None:
            status = describe(sent.fields["status"])
            actual = f"details of a cut with status {status}"
            yield Violation.at(sent.chunk, expected="incomplete_details null", actual=actual)
            return


@rule(
    "responses.incomplete-has-a-reason",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.incomplete_details.reason",
    catalogue=["RESP-04", "RESP-12"],
    remedy="Say in incomplete_details.reason what cut the answer: max_output_tokens or content_filter.",
    applies=lambda evidence: any(True for _ in _with_status(evidence, "incomplete")),
)
def incomplete_has_a_reason(evidence: Evidence) -> Iterator[Violation]:
    """A response that was cut says by what."""
    yield from shape_violations(evidence, "responses.incomplete-has-a-reason", expected="a known reason")
    for sent in _with_status(evidence, "incomplete"):
        if object_or_none(sent.fields.get("incomplete_details")) is None:
            actual = f"incomplete_details {describe(sent.fields.get('incomplete_details'))}"
            yield Violation.at(sent.chunk, expected="an object with the reason", actual=actual)
            return


def _in_background(evidence: Evidence, sent: Sent) -> bool:
    asked = evidence.request is not None and evidence.request.body.get("background") is True
    return asked or sent.fields.get("background") is True


@rule(
    "responses.answer-is-finished",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.status, .background: only a response in the background is answered before it is done",
    catalogue=["RESP-04"],
    remedy="Answer when the response is completed, incomplete or failed.",
    applies=lambda evidence: (
        evidence.transcript.kind == "json"
        and (sent := final_response(evidence)) is not None
        and not _in_background(evidence, sent)
    ),
)
def answer_is_finished(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer is finished, unless it was asked for in the background."""
    sent = final_response(evidence)
    status = None if sent is None else sent.fields.get("status")
    if sent is not None and status in ("queued", "in_progress"):
        yield Violation.at(sent.chunk, expected="an answer that is done", actual=f"status {status}")


@rule(
    "responses.finished-items-are-finished",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, OutputMessage.status; observed: items of a completed response are completed",
    catalogue=["RESP-04", "RESP-07"],
    remedy="Set the status of each item when it is done, and that of the response by its items.",
    applies=lambda evidence: (sent := final_response(evidence)) is not None and any(True for _ in output_items(sent)),
)
def finished_items_are_finished(evidence: Evidence) -> Iterator[Violation]:
    """In a completed response no item is unfinished or cut; in a cut one, none is unfinished."""
    sent = final_response(evidence)
    unfinished = {"completed": ("in_progress", "incomplete"), "incomplete": ("in_progress",)}
    status = sent.fields.get("status") if sent is not None else None
    if sent is None or not isinstance(status, str):
        return
    for place, item in enumerate(output_items(sent)):
        if item.get("type") in ("message", "function_call") and item.get("status") in unfinished.get(status, ()):
            actual = f"item {place} is {item['status']} in a response that is {status}"
            yield Violation.at(sent.chunk, expected="items as finished as their response", actual=actual)
            return


def _limited(evidence: Evidence) -> tuple[Sent, int, int] | None:
    """The final response, its bound and its count; None where either is unknown."""
    sent, request = final_response(evidence), evidence.request
    counts = [report.output_tokens for report in evidence.transcript.usages[-1:]]
    if sent is None or request is None or request.max_tokens is None or not counts or counts[0] is None:
        return None
    return sent, request.max_tokens, counts[0]


@rule(
    "responses.limit-reached-is-incomplete",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, CreateResponse.max_output_tokens; observed: status incomplete, max_output_tokens",
    catalogue=["RESP-12"],
    remedy="End an answer that max_output_tokens cuts with status incomplete and that reason.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (found := _limited(evidence)) is not None and found[2] >= found[1],
)
def limit_reached_is_incomplete(evidence: Evidence) -> Iterator[Violation]:
    """An answer that took all tokens it was allowed and stops in mid-sentence is incomplete, by `max_output_tokens`."""
    found = _limited(evidence)
    if found is None or evidence.transcript.text.rstrip().endswith(_SENTENCE_ENDS):
        return
    sent, bound, count = found
    reason = object_or_nothing(sent.fields.get("incomplete_details")).get("reason")
    if sent.fields.get("status") == "completed" or reason not in (None, "max_output_tokens"):
        words = quote(evidence.transcript.text[-40:])
        actual = f"status {describe(sent.fields.get('status'))} after {count} of {bound} tokens, ending {words}"
        yield Violation.at(sent.chunk, expected="status incomplete, reason max_output_tokens", actual=actual)
