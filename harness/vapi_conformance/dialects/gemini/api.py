"""Gemini as one record; see `dialects.apis`."""

import re
from typing import Final
from urllib.parse import quote

from vapi_conformance.dialects.apis import Api
from vapi_conformance.dialects.gemini.answer import read_answer
from vapi_conformance.dialects.gemini.put import put
from vapi_conformance.dialects.gemini.request import read_request
from vapi_conformance.dialects.transcript import BodyKind, Chunk

__all__ = ["API", "RESPONSE_SCHEMA"]

RESPONSE_SCHEMA: Final = "gemini/generate-content-response"
"""Of a chunk and of a whole answer: they are one type."""

_VERSIONED: Final = re.compile(r"/v1(?:alpha|beta)?\d*\Z|/publishers/[^/]+\Z")
"""How a base URL ends that only lacks the model: an API version, or the publisher at Vertex."""
_COLLECTIONS: Final = ("models/", "tunedModels/")


def _schema_of(_chunk: Chunk, _kind: BodyKind) -> str:
    return RESPONSE_SCHEMA


def _url(base_url: str, model: str, stream: bool) -> str:  # noqa: FBT001 - the record's signature
    base = base_url.rstrip("/")
    resource = model if model.startswith(_COLLECTIONS) else f"models/{model}"
    version = "" if _VERSIONED.search(base) else "/v1beta"
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"{base}{version}/{quote(resource, safe='/@')}:{method}"


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    return () if key is None else (("x-goog-api-key", key),)


API: Final = Api(
    name="Gemini",
    read_answer=read_answer,
    read_request=read_request,
    schema_of=_schema_of,
    error_schema="gemini/error",
    words=frozenset({"text", "thoughtSignature"}),
    has_end_marker=False,
    url=_url,
    headers=_headers,
    put=put,
)
