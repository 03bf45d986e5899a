"""Faults of HTTP answers: their status, their headers, their codings, their kind."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import Answer, Write, json_answer
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, body_of, head, text_deltas, with_answer, with_body
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.faults.requests import is_chat

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_arrival = Shelf(SeenOn.SPECIAL, Stage.ARRIVED, everywhere=True).fault
_body = Shelf(SeenOn.SPECIAL, Stage.BODY, everywhere=True).fault
_any = Shelf(SeenOn.ANY, Stage.ANSWER, everywhere=True).fault
_stream = Shelf(SeenOn.STREAM, Stage.ANSWER, everywhere=True).fault
_json = Shelf(SeenOn.JSON, Stage.ANSWER, everywhere=True).fault

_GZIP_WINDOW_BITS = 31  # zlib's way to ask for a gzip wrapper around the largest window
_FLOOD_WRITES, _FLOOD_BYTES = 4096, 64 * 1024


def http_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_statuses(), *_heads(), *_shapes())


def _statuses() -> tuple[Fault, ...]:
    empty = "http.no-content-is-not-an-answer"
    return (
        _any("201", "http.success-status-is-200", "Good answers have status 201.", _created),
        _any("204", empty, "The answer is 204, without a body.", _no_content),
        _any("empty-200", empty, "The answer is 200 with an empty body.", with_answer(_empty)),
        _arrival(
            "redirects",
            "http.post-is-not-redirected",
            "The request is redirected (307) to the same path with a slash.",
            _redirect,
            seen_on=SeenOn.ANY,
        ),
    )


def _heads() -> tuple[Fault, ...]:
    return (
        _stream(
            "stream-as-text-plain",
            "http.stream-media-type",
            "The stream says it is text/plain.",
            head(content_type="text/plain; charset=utf-8"),
        ),
        _json(
            "json-as-text-html",
            "http.json-media-type",
            "The JSON answer says it is text/html.",
            head(content_type="text/html; charset=utf-8"),
        ),
        _stream(
            "content-length-stream",
            "http.stream-has-no-content-length",
            "The stream tells its length.",
            with_answer(_content_length),
        ),
        _stream(
            "cacheable-stream",
            "http.stream-is-not-cached",
            "The stream may be cached for an hour.",
            head(cache_control="public, max-age=3600, no-transform"),
        ),
        _stream(
            "proxies-not-told",
            "http.proxies-are-told-not-to-buffer",
            "Nothing tells proxies to pass events on at once.",
            head(cache_control="no-cache", x_accel_buffering=None),
        ),
        _stream(
            "gzip-unflushed",
            "http.coding-is-flushed-per-event",
            "The stream is compressed as a whole and leaves at its end.",
            _gzip(zlib.Z_NO_FLUSH),
        ),
        _stream(
            "gzip-unasked",
            "http.identity-is-honoured",
            "The stream is compressed although the client did not ask for it.",
            _gzip(zlib.Z_SYNC_FLUSH),
        ),
    )


def _shapes() -> tuple[Fault, ...]:
    return (
        _body(
            "json-for-stream",
            "http.stream-request-gets-stream",
            "One JSON document answers a request for a stream.",
            _stream_set(asked=False),
            seen_on=SeenOn.STREAM,
        ),
        _stream(
            "vapi-basic-for-stream",
            "http.delta-document-is-a-stream",
            "One JSON document with the text in `delta` answers a request for a stream, as Vapi's sample does.",
            with_answer(_sample_document),
            everywhere=False,
        ),
        _body(
            "stream-for-json",
            "http.json-request-gets-json",
            "A stream answers a request for JSON.",
            _stream_set(asked=True),
            seen_on=SeenOn.JSON,
        ),
        _json("json-bom", "http.json-body-is-utf8", "The JSON starts with a byte order mark.", with_answer(_bom)),
        _json(
            "json-utf-16",
            "http.json-body-is-utf8",
            "The JSON is encoded in UTF-16.",
            with_answer(_utf_16),
        ),
        _stream(
            "endless-body",
            "http.body-is-bounded",
            "256 MiB of comments follow the answer.",
            with_answer(_flood),
        ),
        _body(
            "accept-decides",
            "http.stream-ignores-accept",
            "A stream is sent only when the Accept header asks for text/event-stream.",
            _accept_decides,
        ),
    )


def _created(work: Work) -> None:
    if work.answer is not None:
        work.answer = replace(work.answer, status=201)


def _no_content(work: Work) -> None:
    work.answer = Answer(status=204, headers={}, writes=())


def _empty(answer: Answer, _work: Work) -> Answer:
    return with_body(answer, b"")


def _redirect(work: Work) -> None:
    if is_chat(work):
        work.answer = json_answer(307, {"detail": "moved"}, {"location": f"{work.path}/"})


def _content_length(answer: Answer, _work: Work) -> Answer:
    writes = list(answer.writes)
    length = str(sum(len(write.data) for write in writes))
    return replace(answer, headers={**answer.headers, "content-length": length}, writes=writes)


def _gzip(flush_mode: int) -> Edit:
    def change(answer: Answer, _work: Work) -> Answer:
        packer = zlib.compressobj(wbits=_GZIP_WINDOW_BITS)
        packed: list[Write] = []
        for write in answer.writes:
            data = packer.compress(write.data)
            if flush_mode != zlib.Z_NO_FLUSH:
                data += packer.flush(flush_mode)
            packed.append(replace(write, data=data))
        packed.append(Write(data=packer.flush()))
        return replace(answer, headers={**answer.headers, "content-encoding": "gzip"}, writes=packed)

    return with_answer(change)


def _sample_document(_: Answer, work: Work) -> Answer:
    text = "".join(str(delta.get("content") or "") for delta in text_deltas(work))
    document = {
        "id": "chatcmpl-sample",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "reference",
        "choices": [{"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": "stop"}],
    }
    return json_answer(200, document)


def _stream_set(*, asked: bool) -> Edit:
    def edit(work: Work) -> None:
        work.body["stream"] = asked
        if work.dialect.name is DialectName.GEMINI and work.route is not None:
            # There the method says it, and the query in which form.
            work.route, work.query = replace(work.route, stream=asked), {"alt": "sse"}

    return edit


def _bom(answer: Answer, _work: Work) -> Answer:
    return with_body(answer, b"\xef\xbb\xbf" + body_of(answer))


def _utf_16(answer: Answer, _work: Work) -> Answer:
    return with_body(answer, body_of(answer).decode().encode("utf-16-le"))


def _flood(answer: Answer, _work: Work) -> Answer:
    flood = itertools.repeat(Write(data=b":" + b"." * _FLOOD_BYTES + b"\n"), _FLOOD_WRITES)
    return replace(answer, writes=itertools.chain(answer.writes, flood))


def _accept_decides(work: Work) -> None:
    if "text/event-stream" not in work.headers.get("accept", ""):
        _stream_set(asked=False)(work)
