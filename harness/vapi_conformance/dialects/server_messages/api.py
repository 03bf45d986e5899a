"""Vapi's server messages as one record; see `dialects.apis`."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.dialects.apis import Api
from vapi_conformance.dialects.server_messages.answer import read_answer
from vapi_conformance.dialects.server_messages.request import read_request
from vapi_conformance.dialects.transcript import BodyKind, Chunk

__all__ = ["API"]


def _schema_of(_chunk: Chunk, _kind: BodyKind) -> None:
    """What an answer has to look like depends on the question: the rules ask `kind_of` for its schema."""
    return


def _url(base_url: str, _model: str, _stream: bool) -> str:  # noqa: FBT001 - the record's signature
    return base_url


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    return () if key is None else (("X-Vapi-Secret", key),)


def _put(body: Mapping[str, object]) -> dict[str, object]:
    return dict(body)


API: Final = Api(
    name="Vapi's server messages",
    read_answer=read_answer,
    read_request=read_request,
    schema_of=_schema_of,
    error_schema="vapi/answers/refusal",
    words=frozenset(),
    has_end_marker=False,
    url=_url,
    headers=_headers,
    put=_put,
)
