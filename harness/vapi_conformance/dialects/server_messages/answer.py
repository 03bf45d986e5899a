"""The answer to a server message: one JSON document. No words of a model stand in it, so nothing is made of them."""

from collections.abc import Sequence

from vapi_conformance.dialects.reading import Answer, read_body
from vapi_conformance.dialects.transcript import BodyKind, Chunk, Marker, Transcript
from vapi_conformance.exchange import Read

__all__ = ["read_answer"]


def read_answer(reads: Sequence[Read], *, media_type: str) -> Answer:
    """Body reads with content coding undone. Never raises on what a server sends."""
    return read_body(reads, media_type, _transcribe)


def _transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> Transcript:
    return Transcript(kind=kind, chunks=chunks, markers=markers)
