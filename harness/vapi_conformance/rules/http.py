"""HTTP around an answer: its status, the kind of body it has, and whether that came whole.

What the response head says about the body is judged in `http_headers`.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule

__all__ = [
    "body_is_bounded",
    "body_is_complete",
    "delta_document_is_a_stream",
    "error_is_not_an_event_stream",
    "json_body_is_utf8",
    "json_request_gets_json",
    "no_content_is_not_an_answer",
    "post_is_not_redirected",
    "stream_request_gets_stream",
    "success_status_is_200",
]

_OK: Final = 200
_WITHOUT_BODY: Final = (204, 205)
"""RFC 9110, 15.3.5 and 15.3.6."""
_EVENT_STREAM: Final = "text/event-stream"
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


def _is_whole(evidence: Evidence) -> bool:
    return evidence.exchange.end is End.CLEAN and evidence.decoded.error is None


def _is_answer(evidence: Evidence) -> bool:
    """A success where one was wanted; that a probe succeeds which must be refused is told by its own rule."""
    label = evidence.exchange.label
    return evidence.is_success and (label is None or label.expects != "refusal")


def _is_empty(evidence: Evidence) -> bool:
    return evidence.status in _WITHOUT_BODY or not evidence.exchange.body.strip()


@rule(
    "http.success-status-is-200",
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, createChatCompletion and createResponse: responses; so in the other APIs",
    catalogue=["HTTP-01"],
    remedy="Answer with status 200.",
    applies=lambda evidence: _is_answer(evidence) and not _is_empty(evidence),
)
def success_status_is_200(evidence: Evidence) -> Iterator[Violation]:
    """A successful answer has status 200."""
    if evidence.status != _OK:
        yield Violation(expected="status 200", actual=f"status {evidence.status}")


@rule(
    "http.no-content-is-not-an-answer",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, createChatCompletion: responses; VAPI 2.2: the caller hears nothing",
    remedy="Send an answer, or an error status that says why there is none.",
    applies=lambda evidence: _is_answer(evidence) and evidence.exchange.end is End.CLEAN,
)
def no_content_is_not_an_answer(evidence: Evidence) -> Iterator[Violation]:
    """A successful answer has a body."""
    if _is_empty(evidence):
        yield Violation(expected="an answer in the body", actual=f"status {evidence.status} and nothing in the body")


def _wants_a_stream(evidence: Evidence) -> bool:
    return (
        _is_answer(evidence)
        and evidence.request is not None
        and evidence.request.stream
        and not _is_empty(evidence)
        and _is_whole(evidence)
        # Bare lines of JSON, and an answer that depends on the Accept header, have rules of their own.
        and evidence.transcript.kind != "ndjson"
        and (evidence.exchange.label is None or evidence.exchange.label.scenario != "accept")
        and not _is_error_document(evidence)
    )


@rule(
    "http.stream-request-gets-stream",
    # A stream of Gemini may be an array; gemini-stream.alt-sse-gets-events and its neighbour say when.
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=MUST,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.stream; VAPI 2.1 and 2.2: two reports of answers that "
    "were not spoken, and the client library hands over no chunk of a body without events",
    catalogue=["HTTP-09"],
    remedy="Answer `stream: true` with server-sent events, whatever the Accept header says.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _wants_a_stream(evidence) and not _is_delta_document(evidence),
)
def stream_request_gets_stream(evidence: Evidence) -> Iterator[Violation]:
    """`stream: true` is answered with server-sent events."""
    if evidence.transcript.kind != "stream":
        what = (
            "one JSON document" if evidence.transcript.kind == "json" else quote(evidence.body[:80].decode("latin-1"))
        )
        yield Violation(expected="server-sent events", actual=what)


@rule(
    "http.delta-document-is-a-stream",
    standard=SHOULD,
    vapi=SHOULD,
    source="VAPI 2.1: Vapi's own sample answers so, and its documentation says that both kinds are handled; its client "
    "library hands over no chunk of it",
    catalogue=["HTTP-09"],
    remedy="Send the delta as a server-sent event: then nobody has to know which of the two sources is right.",
    needs=[Need.REQUEST],
    applies=_wants_a_stream,
)
def delta_document_is_a_stream(evidence: Evidence) -> Iterator[Violation]:
    """A `delta` is sent as an event of a stream, not in one JSON document."""
    if _is_delta_document(evidence):
        yield Violation(expected="server-sent events", actual="one JSON document with the text in `delta`")


def _is_delta_document(evidence: Evidence) -> bool:
    """The form of Vapi's own sample for answers without a stream."""
    document = evidence.transcript.document
    choices = array_or_nothing((document.record or {}).get("choices")) if document else ()
    return any("delta" in choice and "message" not in choice for choice in map(object_or_nothing, choices))


def _is_error_document(evidence: Evidence) -> bool:
    """An error object under a success status is told by errors.no-error-in-200."""
    document = evidence.transcript.document
    return document is not None and bool(object_or_nothing(document.payload.value).get("error"))


@rule(
    "http.json-request-gets-json",
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.stream: default false",
    catalogue=["HTTP-10"],
    remedy="Answer with one JSON document unless `stream` is true.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        _is_answer(evidence)
        and evidence.request is not None
        and not evidence.request.stream
        and not _is_empty(evidence)
        and _is_whole(evidence)
        and _encoding_fault(evidence.body) is None
    ),
)
def json_request_gets_json(evidence: Evidence) -> Iterator[Violation]:
    """Without `stream: true` the answer is one JSON document."""
    document = evidence.transcript.document
    if document is None:
        kinds = {"stream": "server-sent events", "ndjson": f"{len(evidence.transcript.chunks)} lines of JSON"}
        actual = kinds.get(evidence.transcript.kind) or quote(evidence.body[:80].decode("latin-1"))
        yield Violation(expected="one JSON document", actual=actual)
    elif document.payload.error is not None:
        yield Violation.at(
            document, expected="one JSON document", actual=f"{quote(document.payload.raw)}: {document.payload.error}"
        )


@rule(
    "http.json-body-is-utf8",
    standard=MUST,
    vapi=SHOULD,
    source="RFC 8259, 8.1",
    catalogue=["HTTP-11"],
    remedy="Encode JSON as UTF-8 without a byte order mark.",
    applies=lambda evidence: (
        _is_whole(evidence) and (evidence.transcript.kind == "json" or evidence.body.startswith(_OTHER_BOMS))
    ),
)
def json_body_is_utf8(evidence: Evidence) -> Iterator[Violation]:
    """A JSON body is UTF-8 without a byte order mark."""
    fault = _encoding_fault(evidence.body)
    if fault is not None:
        what, at = fault
        yield Violation(expected="UTF-8 without a byte order mark", actual=what, start=at, end=at + 1)


def _encoding_fault(body: bytes) -> tuple[str, int] | None:
    """What is wrong, and the offset of the first bad byte."""
    if body.startswith(_BOM):
        return "a byte order mark before the JSON text", 0
    # Two ASCII characters begin every JSON text, so a NUL among the first bytes gives UTF-16 and UTF-32 away.
    if body.startswith(_OTHER_BOMS) or b"\0" in body[:4]:
        return "UTF-16 or UTF-32", 0
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        return f"byte 0x{body[problem.start]:02x}, which is no UTF-8 here", problem.start
    return None


@rule(
    "http.body-is-complete",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 9112, 8",
    catalogue=["HTTP-12"],
    remedy="End the body properly (last chunk, END_STREAM); on a failure say so as an error event first.",
    applies=lambda evidence: evidence.exchange.end is not End.CLOSED_BY_US,
)
def body_is_complete(evidence: Evidence) -> Iterator[Violation]:
    """The body comes whole: the connection is neither closed nor reset nor silent in the middle of it."""
    exchange = evidence.exchange
    how = {
        End.TRUNCATED: "the connection was closed in the middle of the body",
        End.RESET: "the connection was reset in the middle of the body",
    }.get(exchange.end)
    # Silence before the first byte, and a connection held open after the end, are questions of time.
    if exchange.end is End.TIMED_OUT and exchange.body and not evidence.transcript.markers:
        how = "nothing more came, and the body had not ended"
    if how is not None:
        size = len(exchange.body)
        words = f" ({quote(exchange.error)})" if exchange.error else ""
        yield Violation(
            expected="a body that ends properly",
            actual=f"{how}, after {size} bytes{words}",
            start=len(evidence.body),
            end=len(evidence.body),
            at_ns=exchange.timing.end_ns,
        )


@rule(
    "http.error-is-not-an-event-stream",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: first parties send JSON; official clients read the error from JSON",
    catalogue=["HTTP-20"],
    remedy="Send errors as JSON with the media type application/json, also when the request asked for a stream.",
    applies=lambda evidence: evidence.is_refusal,
)
def error_is_not_an_event_stream(evidence: Evidence) -> Iterator[Violation]:
    """A response with status 400 or above is no event stream."""
    if evidence.transcript.kind == "stream" and evidence.stream and evidence.stream.events:
        yield Violation(expected="an error document", actual=f"status {evidence.status} with server-sent events")
    elif evidence.media_type == _EVENT_STREAM:
        yield Violation(expected="an error document", actual=f"status {evidence.status} as {_EVENT_STREAM}")


@rule(
    "http.post-is-not-redirected",
    standard=SHOULD,
    vapi=MUST,
    source="RFC 9110, 15.4: a client may change POST to GET; VAPI 1.1: the path is the base URL and /chat/completions",
    catalogue=["HTTP-16"],
    remedy="Serve the path itself, with and without a slash at its end, instead of redirecting to it.",
    applies=lambda evidence: evidence.exchange.request.method.upper() == "POST",
)
def post_is_not_redirected(evidence: Evidence) -> Iterator[Violation]:
    """A POST is answered where it was sent, not redirected."""
    if evidence.status is not None and 300 <= evidence.status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
        target = next(iter(evidence.header("location")), "nowhere")
        yield Violation(expected="an answer", actual=f"status {evidence.status} to {quote(target)}")


@rule(
    "http.body-is-bounded",
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9110, 17: limits protect clients; observed: an hour of speech is less than a megabyte",
    remedy="End the answer; look for a loop that writes without end.",
    applies=lambda evidence: bool(evidence.exchange.reads),
)
def body_is_bounded(evidence: Evidence) -> Iterator[Violation]:
    """A body ends before any sensible bound of a client."""
    exchange = evidence.exchange
    if exchange.end is End.CLOSED_BY_US and exchange.error is not None and exchange.error.startswith("more than"):
        yield Violation(expected="a body that ends", actual=exchange.error, at_ns=exchange.timing.end_ns)
    elif evidence.decoded.is_past_bound and evidence.decoded.error is not None:
        yield Violation(expected="a body that ends", actual=evidence.decoded.error)
