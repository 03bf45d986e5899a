"""Gemini's streams: the form that the URL asks for, chunks that are answers, one finish, nothing twice."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from vapi_conformance.dialects.gemini.fields import candidates_of
from vapi_conformance.dialects.gemini.request import wants_sse
from vapi_conformance.dialects.transcript import OutOfOrder
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.payload import parse
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import (
    GEMINI,
    RESPONSE,
    array_rest,
    block_reason,
    has_candidates,
    is_array,
    is_streamed,
    is_whole,
    lacks,
    records,
)
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.schema import errors as schema_errors

__all__ = [
    "alt_sse_gets_events",
    "array_holds_objects",
    "array_is_json",
    "array_is_labelled_json",
    "chunk_has_candidates",
    "error_has_the_shape",
    "every_candidate_finishes",
    "finish_reason_is_sent",
    "finish_reason_is_sent_once",
    "model_version_is_constant",
    "no_alt_gets_an_array",
    "nothing_after_error",
    "nothing_after_finish",
    "response_id_is_constant",
]

_FINISH: Final = "observed: of each candidate the last chunk, and no other, has a finishReason"


def _is_asked_stream(evidence: Evidence) -> bool:
    """A stream was asked for, and something came that is no error in disguise."""
    label, transcript = evidence.exchange.label, evidence.transcript
    return (
        evidence.is_success
        and (label is None or label.expects != "refusal")
        and evidence.request is not None
        and evidence.request.stream
        and evidence.exchange.end is End.CLEAN
        and evidence.decoded.error is None
        and transcript.kind not in ("nothing", "ndjson")
        and not (transcript.kind == "json" and transcript.errors)
    )


_FORMS: Final = {"stream": "server-sent events", "array": "a JSON array", "json": "one JSON document"}


@rule(
    "gemini-stream.alt-sse-gets-events",
    dialects=GEMINI,
    standard=MUST,
    source="ai.google.dev/api, streamGenerateContent with alt=sse; observed on every such request",
    catalogue=["GEM-STREAM-01", "HTTP-09"],
    remedy="Answer streamGenerateContent with server-sent events where the query says alt=sse.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _is_asked_stream(evidence) and wants_sse(evidence.exchange.request.url),
)
def alt_sse_gets_events(evidence: Evidence) -> Iterator[Violation]:
    """A stream that was asked for with `alt=sse` comes as server-sent events."""
    kind = evidence.transcript.kind
    if kind != "stream":
        yield Violation(expected="server-sent events", actual=_FORMS.get(kind, "something else"))


@rule(
    "gemini-stream.no-alt-gets-an-array",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: without alt=sse the streaming method answers a JSON array, one element for each chunk",
    catalogue=["GEM-STREAM-01"],
    remedy="Answer streamGenerateContent without alt=sse with a JSON array of chunks.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _is_asked_stream(evidence) and not wants_sse(evidence.exchange.request.url),
)
def no_alt_gets_an_array(evidence: Evidence) -> Iterator[Violation]:
    """A stream that was asked for without `alt=sse` comes as a JSON array."""
    kind = evidence.transcript.kind
    if kind != "array":
        yield Violation(expected="a JSON array", actual=_FORMS.get(kind, "something else"))


@rule(
    "gemini-stream.array-is-json",
    dialects=GEMINI,
    standard=MUST,
    source="RFC 8259, 2 and 5",
    catalogue=["GEM-STREAM-01"],
    remedy="Write commas between the chunks and the closing bracket after the last one.",
    applies=is_array,
)
def array_is_json(evidence: Evidence) -> Iterator[Violation]:
    """The array of chunks is one whole JSON text."""
    problem = parse(evidence.body.decode(errors="replace").removeprefix("\ufeff")).error
    if problem is not None:
        rest = array_rest(evidence)
        actual = problem if rest == "]" else f"{problem}; after the last whole chunk stands {quote(rest, 40)}"
        yield Violation(expected="a whole JSON array", actual=actual, start=0, end=len(evidence.body))


@rule(
    "gemini-stream.array-holds-objects",
    dialects=GEMINI,
    standard=MUST,
    source=RESPONSE,
    catalogue=["GEM-STREAM-01", "GEM-STREAM-06"],
    remedy="Put chunks into the array and nothing else; an empty array says nothing at all.",
    applies=is_array,
)
def array_holds_objects(evidence: Evidence) -> Iterator[Violation]:
    """The array of chunks holds at least one, and each is an object."""
    chunks = evidence.transcript.chunks
    if not chunks and evidence.body.strip().removeprefix(b"\xef\xbb\xbf").endswith(b"]"):
        yield Violation(expected="at least one chunk", actual="an empty array")
    yield from at_most(
        Violation.at(chunk, expected="an object", actual=describe(chunk.payload.value))
        for chunk in chunks
        if chunk.record is None and chunk.payload.error is None
    )


@rule(
    "gemini-stream.array-is-labelled-json",
    dialects=GEMINI,
    standard=MUST,
    source="RFC 8259, 11; observed on every array",
    catalogue=["GEM-STREAM-01", "HTTP-03"],
    remedy="Send Content-Type: application/json with an array.",
    needs=[Need.HEADERS],
    applies=lambda evidence: is_array(evidence) and bool(evidence.header("content-type")),
)
def array_is_labelled_json(evidence: Evidence) -> Iterator[Violation]:
    """An array of chunks is labelled `application/json`."""
    if evidence.media_type != "application/json":
        yield Violation(expected="Content-Type application/json", actual=quote(evidence.media_type))


@rule(
    "gemini-stream.chunk-has-candidates",
    dialects=GEMINI,
    standard=MUST,
    source=f"{RESPONSE}; observed on every chunk",
    catalogue=["GEM-STREAM-06"],
    remedy="Send usage and other news on the chunks of the answer, not on chunks of their own.",
    applies=is_streamed,
)
def chunk_has_candidates(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk has candidates, or says why the prompt was blocked."""
    return at_most(
        Violation.at(
            chunk, expected="candidates", actual=f"only {', '.join(map(quote, list(record)[:10])) or 'nothing'}"
        )
        for chunk, record in records(evidence)
        if block_reason(record) is None
        and not has_candidates(record)
        and isinstance(record.get("candidates"), list | None)
    )


def _changes(evidence: Evidence, name: str) -> Iterator[Violation]:
    """The first chunk that differs from the first one that has it."""
    told = [(chunk, record[name]) for chunk, record in records(evidence) if isinstance(record.get(name), str)]
    for chunk, value in told[1:]:
        if value != told[0][1]:
            yield Violation.at(chunk, expected=f"{name} {describe(told[0][1])}", actual=describe(value))
            return


@rule(
    "gemini-stream.response-id-is-constant",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed on every stream of Google and Vertex",
    catalogue=["GEM-STREAM-07"],
    remedy="Make the responseId once for each answer.",
    applies=lambda evidence: is_streamed(evidence) and any("responseId" in record for _, record in records(evidence)),
)
def response_id_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """All chunks of an answer have the same `responseId`."""
    return _changes(evidence, "responseId")


@rule(
    "gemini-stream.model-version-is-constant",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed on every stream of Google and Vertex",
    catalogue=["GEM-STREAM-07"],
    remedy="Name the same model on every chunk.",
    applies=lambda evidence: is_streamed(evidence) and any("modelVersion" in record for _, record in records(evidence)),
)
def model_version_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """All chunks of an answer have the same `modelVersion`."""
    return _changes(evidence, "modelVersion")


def _is_blocked(evidence: Evidence) -> bool:
    return any(block_reason(record) is not None for _, record in records(evidence))


def _has_whole_candidates(evidence: Evidence) -> bool:
    return is_whole(evidence) and bool(evidence.transcript.choices) and not _is_blocked(evidence)


@rule(
    "gemini-stream.finish-reason-is-sent",
    dialects=GEMINI,
    standard=MUST,
    source=_FINISH,
    catalogue=["GEM-STREAM-08"],
    remedy="Put a finishReason on the last chunk: without an end marker it is all that tells an end from a cut.",
    applies=_has_whole_candidates,
)
def finish_reason_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """A stream says why the answer ended."""
    if any(choice.finishes for choice in evidence.transcript.choices):
        return
    named = any(
        not lacks(candidate.fields, "finishReason")
        for _, record in records(evidence)
        for candidate in candidates_of(record)
    )
    if not named:
        count = len(evidence.answer_chunks)
        yield Violation.at(evidence.answer_chunks[-1], expected="a finishReason", actual=f"none in {count} chunks")


@rule(
    "gemini-stream.every-candidate-finishes",
    dialects=GEMINI,
    standard=MUST,
    source=_FINISH,
    catalogue=["GEM-STREAM-08"],
    remedy="Finish each candidate by itself.",
    applies=lambda evidence: _has_whole_candidates(evidence) and len(evidence.transcript.choices) > 1,
)
def every_candidate_finishes(evidence: Evidence) -> Iterator[Violation]:
    """Where a stream holds several candidates, each of them gets a finish reason."""
    open_ones = [choice.index for choice in evidence.transcript.choices if not choice.finishes]
    if open_ones and len(open_ones) < len(evidence.transcript.choices):
        yield Violation.at(
            evidence.answer_chunks[-1],
            expected="a finishReason for each candidate",
            actual=f"none for {', '.join(map(describe, open_ones[:10]))}",
        )


def _late(evidence: Evidence) -> Iterator[OutOfOrder]:
    """What came after a finish reason."""
    return (fault for fault in evidence.transcript.out_of_order if fault.state == "finished")


@rule(
    "gemini-stream.finish-reason-is-sent-once",
    dialects=GEMINI,
    standard=MUST,
    source=_FINISH,
    catalogue=["GEM-STREAM-08"],
    remedy="Leave finishReason out until the last chunk of the candidate.",
    applies=lambda evidence: is_streamed(evidence) and any(each.finishes for each in evidence.transcript.choices),
)
def finish_reason_is_sent_once(evidence: Evidence) -> Iterator[Violation]:
    """A candidate has one finish reason."""
    return at_most(
        Violation.at(
            evidence.transcript.chunks[fault.chunk],
            expected="one finishReason",
            actual=f"another one for candidate {describe(fault.choice)}",
        )
        for fault in _late(evidence)
        if fault.signal == "finishReason"
    )


@rule(
    "gemini-stream.nothing-after-finish",
    dialects=GEMINI,
    standard=MUST,
    source=_FINISH,
    catalogue=["GEM-STREAM-08"],
    remedy="Put the finishReason on the last chunk, with what is left to say.",
    applies=lambda evidence: is_streamed(evidence) and any(each.finishes for each in evidence.transcript.choices),
)
def nothing_after_finish(evidence: Evidence) -> Iterator[Violation]:
    """Nothing of a candidate follows its finish reason."""
    # A chunk that finishes once more is told by the rule before.
    again = {(fault.chunk, fault.choice) for fault in _late(evidence) if fault.signal == "finishReason"}
    return at_most(
        Violation.at(
            evidence.transcript.chunks[fault.chunk],
            expected="the end of the stream",
            actual=f"a {fault.signal} of candidate {describe(fault.choice)} after its finishReason",
        )
        for fault in _late(evidence)
        if (fault.chunk, fault.choice) not in again
    )


@rule(
    "gemini-stream.error-has-the-shape",
    dialects=GEMINI,
    standard=SHOULD,
    source="python-genai 3.4, errors.APIError: code, status and message of the object error are read",
    catalogue=["GEM-STREAM-13"],
    remedy='Report a failure as data: {"error": {"code": 503, "message": "...", "status": "UNAVAILABLE"}}.',
    applies=lambda evidence: evidence.is_success and evidence.transcript.kind in ("stream", "array"),
)
def error_has_the_shape(evidence: Evidence) -> Iterator[Violation]:
    """An error that a stream reports has the shape of the API's errors."""
    chunks = (evidence.transcript.chunks[index] for index in evidence.transcript.errors)
    return at_most(
        Violation.at(chunk, expected="an error with code, message and status", actual=f"{each.pointer}: {each.message}")
        for chunk in chunks
        for each in schema_errors("gemini/error", chunk.payload.value)
    )


@rule(
    "gemini-stream.nothing-after-error",
    dialects=GEMINI,
    standard=SHOULD,
    source="python-genai 3.4, _api_client.py: a client stops reading at the error",
    catalogue=["GEM-STREAM-13"],
    remedy="Close the stream after the error.",
    applies=is_streamed,
)
def nothing_after_error(evidence: Evidence) -> Iterator[Violation]:
    """No text and no call follows an error."""
    transcript = evidence.transcript
    if not transcript.errors:
        return
    said = chain.from_iterable(
        chain(
            (delta.chunk for delta in choice.content),
            (piece.chunk for call in choice.tool_calls for piece in call.fragments),
        )
        for choice in transcript.choices
    )
    late = sorted({at for at in said if at > transcript.errors[0]})
    if late:
        yield Violation.at(
            transcript.chunks[late[0]],
            expected="the end of the stream",
            actual=f"{len(late)} chunks of the answer after an error",
        )
