"""Messages as one record; see `dialects.apis`."""

from typing import Final

from vapi_conformance.dialects.anthropic.answer import read_answer
from vapi_conformance.dialects.anthropic.order import Signal, signal_of
from vapi_conformance.dialects.anthropic.putting import put
from vapi_conformance.dialects.anthropic.request import read_request
from vapi_conformance.dialects.apis import Api
from vapi_conformance.dialects.transcript import BodyKind, Chunk

__all__ = ["API", "VERSION"]

VERSION: Final = "2023-06-01"
"""Sent with each request: the API refuses one that does not say which version it is written for."""

_SCHEMAS: Final = {
    Signal.MESSAGE_START: "anthropic/message-start",
    Signal.BLOCK_START: "anthropic/content-block-start",
    Signal.BLOCK_DELTA: "anthropic/content-block-delta",
    Signal.BLOCK_STOP: "anthropic/content-block-stop",
    Signal.MESSAGE_DELTA: "anthropic/message-delta",
    Signal.MESSAGE_STOP: "anthropic/event",
    Signal.PING: "anthropic/event",
}


def _schema_of(chunk: Chunk, kind: BodyKind) -> str | None:
    if kind == "json":
        return "anthropic/message"
    signal = signal_of(chunk)
    # Of an event of a type that this API does not have, nothing is known but that it names its type.
    return "anthropic/event" if signal is None else _SCHEMAS.get(signal)


def _url(base_url: str, _model: str, _stream: bool) -> str:  # noqa: FBT001 - the record's signature
    base = base_url.rstrip("/")
    return base + ("/messages" if base.endswith("/v1") else "/v1/messages")


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    version = ("anthropic-version", VERSION)
    return (version,) if key is None else (("x-api-key", key), version)


API: Final = Api(
    name="Messages",
    read_answer=read_answer,
    read_request=read_request,
    schema_of=_schema_of,
    error_schema="anthropic/error",
    words=frozenset({"text", "thinking", "signature", "partial_json", "data"}),
    has_end_marker=False,
    url=_url,
    headers=_headers,
    put=put,
)
