"""Where the chunks of a stream, or the document of a JSON answer, break their schema; each distinct defect told once.

A deviating server breaks the schema in the same way on every chunk, and an explanation costs a hundred times the
yes-or-no answer. So chunks that differ in their text only share one explanation.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.narrow import array_or_none, object_or_none
from vapi_conformance.schema import SchemaError, errors, is_valid

__all__ = ["ShapeError", "shape_errors"]

_MOST_EXPLANATIONS: Final = 200
"""Distinct defects of one stream that are explained; a stream with more is told by these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeError:
    """One place where one chunk breaks the schema."""

    chunk: Chunk
    schema: str
    error: SchemaError


def shape_errors(
    chunks: Iterable[Chunk], schema_of: Callable[[Chunk], str | None], words: Collection[str]
) -> tuple[ShapeError, ...]:
    """In the order of the chunks. Never raises, whatever the payloads are.

    schema_of: the schema of a chunk, None for one that has none.
    words: keys whose text is the model's, wherever they stand: it makes no difference to the shape.
    """
    return tuple(_shape_errors(chunks, schema_of, frozenset(words)))


def _shape_errors(
    chunks: Iterable[Chunk], schema_of: Callable[[Chunk], str | None], words: frozenset[str]
) -> Iterator[ShapeError]:
    explained: dict[str, tuple[SchemaError, ...]] = {}
    for chunk in chunks:
        schema = schema_of(chunk)
        if schema is None or is_valid(schema, chunk.payload.value):
            continue
        key = schema + _without_words(chunk, words)
        if key not in explained and len(explained) < _MOST_EXPLANATIONS:
            explained[key] = errors(schema, chunk.payload.value)
        for error in explained.get(key, ()):
            yield ShapeError(chunk=chunk, schema=schema, error=error)


def _without_words(chunk: Chunk, words: frozenset[str]) -> str:
    """What two chunks have in common when they break the schema alike."""
    try:
        return repr(_blanked(chunk.payload.value, words))
    except RecursionError:
        return chunk.payload.raw


def _blanked(value: object, words: frozenset[str]) -> object:
    items = array_or_none(value)
    if items is not None:
        return [_blanked(each, words) for each in items]
    record = object_or_none(value)
    if record is None:
        return value
    return {
        key: "" if key in words and isinstance(each, str) else _blanked(each, words) for key, each in record.items()
    }
