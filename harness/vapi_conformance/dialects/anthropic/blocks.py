"""The content blocks of a message, streamed or whole, each with its deltas; and the pieces that belong to none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vapi_conformance.dialects.anthropic.order import Signal, is_error, signal_of
from vapi_conformance.dialects.transcript import Chunk, Transcript
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none

__all__ = ["Block", "BlockDelta", "BlockTranscript", "Blocks", "blocks_of", "document_blocks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDelta:
    """One `content_block_delta`."""

    chunk: int
    kind: str
    """Its type; empty where it has none."""
    fields: Mapping[str, object]
    """The `delta` as sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One content block from its start to its stop. Of a whole message, start and stop are the document."""

    index: int | None
    """As sent; None where that is no integer. Of a whole message, its place."""
    kind: str
    """Its type; empty where it has none."""
    fields: Mapping[str, object]
    """The `content_block` as sent."""
    start: int
    """Chunk."""
    deltas: tuple[BlockDelta, ...] = ()
    """Those after its stop, too: rules of their own speak about them."""
    stop: int | None = None
    """Chunk of the first `content_block_stop` for it; None where none came."""

    def joined(self, kind: str, key: str) -> str:
        """The texts under `key` of the deltas of one type, one after the other."""
        return "".join(
            text for delta in self.deltas if delta.kind == kind and (text := string_or_none(delta.fields.get(key)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """All blocks in the order of their starts."""

    blocks: tuple[Block, ...] = ()
    stray_deltas: tuple[int, ...] = ()
    """Chunks: deltas for an index that no block had been started with."""
    stray_stops: tuple[int, ...] = ()
    """Chunks: stops for an index without a block, or with one that was stopped before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTranscript(Transcript):
    """A transcript with what the rules of this API read besides, worked out once."""

    found: Blocks = field(default_factory=Blocks)
    signals: Mapping[Signal, tuple[Chunk, ...]] = field(default_factory=dict[Signal, tuple[Chunk, ...]])
    """The events of a stream by what they say, those that report an error aside."""


@dataclass(slots=True)
class _OpenBlock:
    index: int | None
    fields: Mapping[str, object]
    start: int
    deltas: list[BlockDelta] = field(default_factory=list[BlockDelta])
    stop: int | None = None

    def close(self) -> Block:
        return Block(
            index=self.index,
            kind=_type(self.fields),
            fields=self.fields,
            start=self.start,
            deltas=tuple(self.deltas),
            stop=self.stop,
        )


def _type(fields: Mapping[str, object]) -> str:
    return string_or_none(fields.get("type")) or ""


def blocks_of(chunks: Iterable[Chunk]) -> Blocks:
    """The blocks of a stream. A piece without an index is taken for one of the block that was started last."""
    started: list[_OpenBlock] = []
    by_index: dict[int, _OpenBlock] = {}
    stray_deltas: list[int] = []
    stray_stops: list[int] = []
    for chunk in chunks:
        signal = None if is_error(chunk) else signal_of(chunk)
        if signal not in (Signal.BLOCK_START, Signal.BLOCK_DELTA, Signal.BLOCK_STOP):
            continue
        record = object_or_nothing(chunk.payload.value)
        index = integer_or_none(record.get("index"))
        if signal is Signal.BLOCK_START:
            block = _OpenBlock(index, object_or_nothing(record.get("content_block")), chunk.index)
            started.append(block)
            if index is not None:
                by_index[index] = block
            continue
        meant = by_index.get(index) if index is not None else (started[-1] if started else None)
        if signal is Signal.BLOCK_DELTA:
            if meant is None:
                stray_deltas.append(chunk.index)
                continue
            delta = object_or_nothing(record.get("delta"))
            meant.deltas.append(BlockDelta(chunk=chunk.index, kind=_type(delta), fields=delta))
        elif meant is None or meant.stop is not None:
            stray_stops.append(chunk.index)
        else:
            meant.stop = chunk.index
    return Blocks(
        blocks=tuple(block.close() for block in started),
        stray_deltas=tuple(stray_deltas),
        stray_stops=tuple(stray_stops),
    )


def document_blocks(document: Chunk) -> Iterator[Block]:
    """The blocks of a whole message; what is no object is a block without type and fields."""
    for place, item in enumerate(array_or_nothing((document.record or {}).get("content"))):
        fields = object_or_nothing(item)
        yield Block(index=place, kind=_type(fields), fields=fields, start=document.index, stop=document.index)
