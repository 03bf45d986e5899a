"""Responses as one record; see `dialects.apis`."""

from typing import Final

from vapi_conformance.dialects.apis import Api
from vapi_conformance.dialects.responses.answer import read_answer
from vapi_conformance.dialects.responses.order import place_of
from vapi_conformance.dialects.responses.put import put
from vapi_conformance.dialects.responses.request import read_request
from vapi_conformance.dialects.transcript import BodyKind, Chunk
from vapi_conformance.narrow import string_or_none

__all__ = ["API", "DOCUMENT_SCHEMA", "EVENT_SCHEMAS", "OTHER_EVENT_SCHEMA"]

DOCUMENT_SCHEMA: Final = "openai/responses/response"
OTHER_EVENT_SCHEMA: Final = "openai/responses/event"
EVENT_SCHEMAS: Final = {
    "response": "openai/responses/response-event",
    "item": "openai/responses/item-event",
    "content": "openai/responses/content-event",
    "summary": "openai/responses/summary-event",
    "body": "openai/responses/body-event",
    "hosted": "openai/responses/hosted-event",
}
"""By the scope of the event type (`order.Place`); all others follow `OTHER_EVENT_SCHEMA`."""


def _schema_of(chunk: Chunk, kind: BodyKind) -> str:
    if kind == "json":
        return DOCUMENT_SCHEMA
    event_type = string_or_none((chunk.record or {}).get("type"))
    if event_type is None or event_type == "error":
        return OTHER_EVENT_SCHEMA
    return EVENT_SCHEMAS.get(place_of(event_type).scope, OTHER_EVENT_SCHEMA)


def _url(base_url: str, _model: str, _stream: bool) -> str:  # noqa: FBT001 - the record's signature
    return base_url.rstrip("/") + "/responses"


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    return () if key is None else (("Authorization", f"Bearer {key}"),)


API: Final = Api(
    name="Responses",
    read_answer=read_answer,
    read_request=read_request,
    schema_of=_schema_of,
    error_schema="openai/error",
    words=frozenset({"delta", "text", "refusal", "arguments", "input", "code", "encrypted_content", "obfuscation"}),
    has_end_marker=False,
    url=_url,
    headers=_headers,
    put=put,
)
