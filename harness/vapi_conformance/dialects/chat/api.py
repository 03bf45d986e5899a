"""Chat Completions as one record; see `dialects.apis`."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.dialects.apis import Api
from vapi_conformance.dialects.chat.answer import read_answer
from vapi_conformance.dialects.chat.request import read_request
from vapi_conformance.dialects.transcript import BodyKind, Chunk

__all__ = ["API", "CHUNK_SCHEMA", "DOCUMENT_SCHEMA", "PROMPT_FILTER_SCHEMA"]

CHUNK_SCHEMA: Final = "openai/chat-completion-chunk"
PROMPT_FILTER_SCHEMA: Final = "openai/prompt-filter-chunk"
"""Azure's first chunk: a legal extension (facts on dialects, 2)."""
DOCUMENT_SCHEMA: Final = "openai/chat-completion"


def _schema_of(chunk: Chunk, kind: BodyKind) -> str:
    if kind == "json":
        return DOCUMENT_SCHEMA
    record = chunk.record or {}
    return PROMPT_FILTER_SCHEMA if "prompt_filter_results" in record and record.get("choices") == [] else CHUNK_SCHEMA


def _url(base_url: str, _model: str, _stream: bool) -> str:  # noqa: FBT001 - the record's signature
    return base_url.rstrip("/") + "/chat/completions"


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    return () if key is None else (("Authorization", f"Bearer {key}"),)


def _put(body: Mapping[str, object]) -> dict[str, object]:
    return dict(body)


API: Final = Api(
    name="Chat Completions",
    read_answer=read_answer,
    read_request=read_request,
    schema_of=_schema_of,
    error_schema="openai/error",
    words=frozenset({"content", "refusal", "reasoning_content", "reasoning", "arguments", "obfuscation"}),
    has_end_marker=True,
    url=_url,
    headers=_headers,
    put=_put,
)
