"""Where the chunks of a stream, or the document of a JSON answer, break their schema; each distinct defect told once.

A deviating server breaks the schema in the same way on every chunk, and an explanation costs a hundred times the
yes-or-no answer. So chunks that differ in their text only share one explanation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing
from vapi_conformance.schema import SchemaError, errors, is_valid

__all__ = ["CHUNK_SCHEMA", "DOCUMENT_SCHEMA", "ShapeError", "shape_errors"]

CHUNK_SCHEMA: Final = "openai/chat-completion-chunk"
DOCUMENT_SCHEMA: Final = "openai/chat-completion"

_MOST_EXPLANATIONS: Final = 200
"""Distinct defects of one stream that are explained; a stream with more is told by these."""

_TEXT_KEYS: Final = ("content", "refusal", "reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeError:
    """One place where one chunk breaks the schema."""

    chunk: Chunk
    schema: str
    error: SchemaError


def shape_errors(chunks: Iterable[Chunk], schema: str) -> tuple[ShapeError, ...]:
    """In the order of the chunks. Never raises, whatever the payloads are."""
    return tuple(_shape_errors(chunks, schema))


def _shape_errors(chunks: Iterable[Chunk], schema: str) -> Iterator[ShapeError]:
    explained: dict[str, tuple[SchemaError, ...]] = {}
    for chunk in chunks:
        if is_valid(schema, chunk.payload.value):
            continue
        key = _without_text(chunk)
        if key not in explained and len(explained) < _MOST_EXPLANATIONS:
            explained[key] = errors(schema, chunk.payload.value)
        for error in explained.get(key, ()):
            yield ShapeError(chunk=chunk, schema=schema, error=error)


def _without_text(chunk: Chunk) -> str:
    """What two chunks have in common when they break the schema alike: everything but the words and the padding."""
    record = {key: value for key, value in (chunk.record or {}).items() if key != "obfuscation"}
    if "choices" not in record:
        return chunk.payload.raw
    if (choices := array_or_none(record["choices"])) is not None:
        record["choices"] = [_choice_without_text(each) for each in choices]
    try:
        return repr(record)
    except RecursionError:
        return chunk.payload.raw


def _choice_without_text(choice: object) -> object:
    fields = object_or_none(choice)
    delta = None if fields is None else object_or_none(fields.get("delta"))
    if fields is None or delta is None:
        return choice
    blanked: dict[str, object] = {
        key: "" if key in _TEXT_KEYS and isinstance(value, str) else value for key, value in delta.items()
    }
    if (calls := array_or_none(delta.get("tool_calls"))) is not None:
        blanked["tool_calls"] = [_call_without_text(each) for each in calls]
    return {**fields, "delta": blanked}


def _call_without_text(call: object) -> object:
    fields = object_or_nothing(call)
    function: Mapping[str, object] = object_or_nothing(fields.get("function"))
    if not isinstance(function.get("arguments"), str):
        return call
    return {**fields, "function": {**function, "arguments": ""}}
