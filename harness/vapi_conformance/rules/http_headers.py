"""What a response says about itself: media type, length, caching, and the coding of its body."""

import re
from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, header_values
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.sse_lines import is_stream

__all__ = [
    "coding_is_flushed_per_event",
    "identity_is_honoured",
    "json_media_type",
    "proxies_are_told_not_to_buffer",
    "stream_has_no_content_length",
    "stream_is_not_cached",
    "stream_media_type",
]

_EVENT_STREAM: Final = "text/event-stream"
_JSON: Final = "application/json"
_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)
_NS_PER_MS: Final = 1_000_000
_HELD_BACK_NS: Final = 50 * _NS_PER_MS
"""Compressed bytes that come so long before the first event they hold were not flushed with it."""
_MANY_EVENTS: Final = 3
"""From so many events on, all of them in the last read is no chance."""


def _has_real_headers(evidence: Evidence) -> bool:
    """Whether header values can be held against the server.

    Cassettes of test suites are edited by hand: one stream of api.openai.com is labelled application/json, with a
    Date of the year before its payload. A HAR is written by a program that saw the response.
    """
    capture = evidence.exchange.capture
    return capture.headers == "wire" or (capture.headers == "joined" and capture.recorder == "HAR")


@rule(
    "http.stream-media-type",
    standard=MUST,
    vapi=SHOULD,
    source="HTML Living Standard, 9.2.5 and 9.2.3",
    catalogue=["HTTP-02"],
    remedy="Send `Content-Type: text/event-stream`.",
    needs=[Need.HEADERS],
    # A stream that nobody asked for is told by http.json-request-gets-json, whatever it calls itself.
    applies=lambda evidence: (
        is_stream(evidence) and (evidence.request is None or evidence.request.stream) and _has_real_headers(evidence)
    ),
)
def stream_media_type(evidence: Evidence) -> Iterator[Violation]:
    """A stream says that it is text/event-stream, in UTF-8 if it names a charset."""
    values = evidence.header("content-type")
    charset = _CHARSET.search(values[0]) if values else None
    if evidence.media_type != _EVENT_STREAM or (charset and charset[1].lower() not in ("utf-8", "utf8")):
        actual = f"Content-Type: {quote(values[0])}" if values else "no Content-Type"
        yield Violation(expected=f"Content-Type: {_EVENT_STREAM}, charset utf-8 or none", actual=actual)


@rule(
    "http.json-media-type",
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, createChatCompletion: responses; observed: openai-node gives a string else",
    catalogue=["HTTP-03"],
    remedy="Send `Content-Type: application/json`.",
    needs=[Need.HEADERS],
    applies=lambda evidence: (
        evidence.is_success
        and evidence.transcript.kind == "json"
        and (evidence.request is None or not evidence.request.stream)
        and _has_real_headers(evidence)
    ),
)
def json_media_type(evidence: Evidence) -> Iterator[Violation]:
    """A JSON answer says that it is application/json."""
    if evidence.media_type != _JSON:
        values = evidence.header("content-type")
        actual = f"Content-Type: {quote(values[0])}" if values else "no Content-Type"
        yield Violation(expected=f"Content-Type: {_JSON}", actual=actual)


@rule(
    "http.stream-has-no-content-length",
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9112, 6.1 and 6.3; observed: no first party sends one",
    catalogue=["HTTP-04"],
    remedy="Write the stream event by event with the chunked coding; a length can only be known by collecting it all.",
    needs=[Need.HEADERS],
    applies=lambda evidence: is_stream(evidence) and evidence.exchange.capture.headers == "wire",
)
def stream_has_no_content_length(evidence: Evidence) -> Iterator[Violation]:
    """A stream has no Content-Length; over HTTP/1.1 it uses the chunked coding."""
    lengths = evidence.header("content-length")
    response = evidence.exchange.response
    if lengths:
        yield Violation(expected="no Content-Length", actual=f"Content-Length: {quote(lengths[0])}")
    elif response is not None and response.http_version.upper().startswith("HTTP/1"):
        codings = ",".join(evidence.header("transfer-encoding")).lower()
        if "chunked" not in codings:
            yield Violation(
                expected="Transfer-Encoding: chunked",
                actual="a body that ends when the connection closes, so that a cut looks like the end",
            )


@rule(
    "http.stream-is-not-cached",
    standard=SHOULD,
    vapi=MAY,
    source="RFC 9111, 5.2.2.4; observed: Anthropic, DeepSeek, OpenRouter, Groq and xAI send it",
    catalogue=["HTTP-05"],
    remedy="Send `Cache-Control: no-cache`.",
    needs=[Need.HEADERS],
    applies=lambda evidence: is_stream(evidence) and evidence.exchange.capture.headers == "wire",
)
def stream_is_not_cached(evidence: Evidence) -> Iterator[Violation]:
    """A stream tells caches to keep away: Cache-Control has no-cache or no-store."""
    if not {"no-cache", "no-store"} & _cache_directives(evidence).keys():
        values = evidence.header("cache-control")
        actual = f"Cache-Control: {quote(', '.join(values))}" if values else "no Cache-Control"
        yield Violation(expected="Cache-Control: no-cache", actual=actual)


def _cache_directives(evidence: Evidence) -> dict[str, str]:
    parts = [part.strip().lower() for value in evidence.header("cache-control") for part in value.split(",")]
    return {name.strip(): argument.strip(' "') for name, _, argument in (part.partition("=") for part in parts)}


@rule(
    "http.proxies-are-told-not-to-buffer",
    standard=MAY,
    vapi=MAY,
    source="RFC 9111, 5.2.2.6; nginx, proxy_buffering: X-Accel-Buffering",
    catalogue=["HTTP-06"],
    remedy="Send `Cache-Control: no-cache, no-transform` and `X-Accel-Buffering: no`.",
    needs=[Need.HEADERS],
    applies=lambda evidence: is_stream(evidence) and evidence.exchange.capture.headers == "wire",
)
def proxies_are_told_not_to_buffer(evidence: Evidence) -> Iterator[Violation]:
    """A stream tells proxies to pass it on at once: no-transform, or X-Accel-Buffering: no."""
    unbuffered = any(value.lower() == "no" for value in evidence.header("x-accel-buffering"))
    if not unbuffered and "no-transform" not in _cache_directives(evidence):
        yield Violation(expected="Cache-Control: no-transform, or X-Accel-Buffering: no", actual="neither")


@rule(
    "http.coding-is-flushed-per-event",
    standard=MUST,
    vapi=MUST,
    source="RFC 9110, 8.4; RFC 1951, 3.2.4; observed: api.anthropic.com and api.openai.com flush gzip per event",
    catalogue=["HTTP-07"],
    remedy="Do not compress streams; if you must, flush the compressor after each event (Z_SYNC_FLUSH).",
    needs=[Need.WIRE, Need.HEADERS],
    applies=lambda evidence: (
        evidence.is_success
        and evidence.exchange.end is End.CLEAN
        and evidence.decoded.coding is not None
        and (evidence.transcript.kind == "stream" or evidence.decoded.error is not None)
        and not evidence.decoded.is_past_bound  # past it, the fault is the size
    ),
)
def coding_is_flushed_per_event(evidence: Evidence) -> Iterator[Violation]:
    """A compressed stream can be read event by event, as it is sent."""
    coding = evidence.decoded.coding
    if evidence.decoded.error is not None:
        yield Violation(expected=f"a body that is {coding} to its end", actual=evidence.decoded.error)
        return
    held = _held_back_ns(evidence)
    if held is not None:
        events = len(evidence.stream.events) if evidence.stream else 0
        yield Violation(
            expected="each event readable when it is sent",
            actual=f"{events} events all at once, {held // _NS_PER_MS} ms after the first bytes of their {coding} data",
            at_ns=evidence.decoded.reads[-1].at_ns,
        )


def _held_back_ns(evidence: Evidence) -> int | None:
    """How long compressed bytes lay with the client before any event could be read, when then all came in one read."""
    times = {event.at_ns for event in (evidence.stream.events if evidence.stream else ())}
    first_ns = next((read.at_ns for read in evidence.exchange.reads if read.data), None)
    if first_ns is None or len(times) != 1 or evidence.stream is None or len(evidence.stream.events) < _MANY_EVENTS:
        return None
    event_ns = times.pop()
    held_ns = 0 if event_ns is None else event_ns - first_ns
    return held_ns if held_ns >= _HELD_BACK_NS else None


@rule(
    "http.identity-is-honoured",
    standard=SHOULD,
    vapi=MAY,
    source="RFC 9110, 12.5.3",
    catalogue=["HTTP-08"],
    remedy="Send the body as it is when Accept-Encoding is identity, or does not name your coding.",
    needs=[Need.HEADERS],
    applies=lambda evidence: evidence.is_success and _wants_identity(evidence),
)
def identity_is_honoured(evidence: Evidence) -> Iterator[Violation]:
    """With Accept-Encoding: identity no content coding is applied."""
    codings = [value for value in evidence.header("content-encoding") if value.lower() != "identity"]
    if codings:
        yield Violation(expected="no Content-Encoding", actual=f"Content-Encoding: {quote(', '.join(codings))}")


def _wants_identity(evidence: Evidence) -> bool:
    values = header_values(evidence.exchange.request.headers, "accept-encoding")
    return bool(values) and all(value.lower() == "identity" for value in values)
