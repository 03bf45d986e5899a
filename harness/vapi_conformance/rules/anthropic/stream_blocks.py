"""Messages as a stream: blocks one after the other, each started, filled with what fits it, and stopped."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.anthropic.blocks import Block
from vapi_conformance.dialects.anthropic.order import Signal
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none
from vapi_conformance.payload import parse
from vapi_conformance.rules.anthropic.view import DOCS, MESSAGES, TYPES, found_in, is_legible_stream, signals, stop_of
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule
from vapi_conformance.rules.streamed import is_chat_stream, is_whole_stream

__all__ = [
    "block_indexes_count_up",
    "blocks_do_not_overlap",
    "delta_type_fits_the_block",
    "deltas_come_before_the_stop",
    "deltas_follow_a_start",
    "every_block_is_stopped",
    "result_blocks_come_whole",
    "server_tool_input_is_json",
    "signature_ends_the_thinking",
    "stops_follow_a_start",
]

_STREAMING: Final = f"{DOCS}, streaming messages"

_DELTAS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "tool_use": ("input_json_delta",),
    "server_tool_use": ("input_json_delta",),
    "mcp_tool_use": ("input_json_delta",),
    "compaction": ("compaction_delta",),
}
"""Which deltas a block of a known type takes. Deltas of unknown types may be for any block."""

_KNOWN_DELTAS: Final = frozenset(kind for kinds in _DELTAS.values() for kind in kinds)
_CUT: Final = ("length", "content_filter", "paused")


def _at(evidence: Evidence, block: Block) -> Chunk:
    return evidence.transcript.chunks[block.start]


def _has_blocks(evidence: Evidence) -> bool:
    return is_legible_stream(evidence) and bool(signals(evidence, Signal.BLOCK_START))


def _index_of(chunk: Chunk) -> int | None:
    return integer_or_none((chunk.record or {}).get("index"))


@rule(
    "anthropic-stream.block-indexes-count-up",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}: index is the place in the content; observed: a gap breaks helpers of official clients",
    catalogue=["ANTH-STREAM-04"],
    remedy="Number the blocks 0, 1, 2 in the order of their starts, whatever your backend calls them.",
    applies=_has_blocks,
)
def block_indexes_count_up(evidence: Evidence) -> Iterator[Violation]:
    """Blocks are numbered 0, 1, 2 in the order of their starts."""
    for place, block in enumerate(found_in(evidence).blocks):
        # What is no index at all breaks anthropic-stream.index-is-an-integer.
        if block.index is not None and block.index >= 0 and block.index != place:
            yield Violation.at(_at(evidence, block), expected=f"index {place}", actual=f"index {describe(block.index)}")
            return


@rule(
    "anthropic-stream.deltas-follow-a-start",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}; observed: helpers of the official clients fail on a delta of a block they do not know",
    catalogue=["ANTH-STREAM-05"],
    remedy="Send content_block_start before the first delta of a block, with the same index.",
    applies=is_legible_stream,
)
def deltas_follow_a_start(evidence: Evidence) -> Iterator[Violation]:
    """A delta belongs to a block that was started."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(
            chunks[at],
            expected="content_block_start before its deltas",
            actual=f"a delta for index {describe(_index_of(chunks[at]))}, which was not started",
        )
        for at in found_in(evidence).stray_deltas
    )


@rule(
    "anthropic-stream.deltas-come-before-the-stop",
    dialects=MESSAGES,
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-05"],
    remedy="Stop a block after its last delta.",
    applies=_has_blocks,
)
def deltas_come_before_the_stop(evidence: Evidence) -> Iterator[Violation]:
    """No delta comes for a block that was stopped."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(chunks[delta.chunk], expected="no delta after the stop", actual=f"{quote(delta.kind)} after it")
        for block in found_in(evidence).blocks
        for delta in block.deltas
        if block.stop is not None and delta.chunk > block.stop
    )


@rule(
    "anthropic-stream.stops-follow-a-start",
    dialects=MESSAGES,
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-05"],
    remedy="Send one content_block_stop for each block that was started.",
    applies=is_legible_stream,
)
def stops_follow_a_start(evidence: Evidence) -> Iterator[Violation]:
    """A stop is for a block that was started, and comes once."""
    chunks, found = evidence.transcript.chunks, found_in(evidence)
    # Where the start is missing, the deltas without one have told it.
    told = {_index_of(chunks[at]) for at in found.stray_deltas}
    return at_most(
        Violation.at(
            chunks[at],
            expected="one stop for each block that was started",
            actual=f"a stop for index {describe(_index_of(chunks[at]))}, which is not open",
        )
        for at in found.stray_stops
        if _index_of(chunks[at]) not in told
    )


@rule(
    "anthropic-stream.blocks-do-not-overlap",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}; observed: the official Go client adds every delta to the block that was started last",
    catalogue=["ANTH-STREAM-05"],
    remedy="Stop a block before you start the next.",
    applies=_has_blocks,
)
def blocks_do_not_overlap(evidence: Evidence) -> Iterator[Violation]:
    """A block is stopped before the next one starts."""
    stopped_at = -1
    for block in found_in(evidence).blocks:
        if block.start < stopped_at:
            yield Violation.at(
                _at(evidence, block),
                expected="the block before it stopped",
                actual=f"a start at event {block.start}, and that stop at event {stopped_at}",
            )
            return
        stopped_at = block.stop if block.stop is not None else stopped_at


@rule(
    "anthropic-stream.every-block-is-stopped",
    dialects=MESSAGES,
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-09"],
    remedy="Send content_block_stop for every block, before message_delta.",
    applies=lambda evidence: is_whole_stream(evidence) and _has_blocks(evidence),
)
def every_block_is_stopped(evidence: Evidence) -> Iterator[Violation]:
    """Every block that was started is stopped before `message_delta`."""
    deltas = signals(evidence, Signal.MESSAGE_DELTA)
    end = deltas[0].index if deltas else len(evidence.transcript.chunks)
    return at_most(
        Violation.at(
            _at(evidence, block),
            expected="content_block_stop before message_delta",
            actual="none" if block.stop is None else "one after it",
        )
        for block in found_in(evidence).blocks
        # One that starts after message_delta is out of place altogether.
        if block.start < end and (block.stop is None or block.stop > end)
    )


@rule(
    "anthropic-stream.delta-type-fits-the-block",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/raw_content_block_delta.py; {_STREAMING}, content block delta types",
    catalogue=["ANTH-STREAM-06"],
    remedy="Send text_delta in texts, input_json_delta in calls, thinking_delta in thoughts; clients drop others.",
    applies=_has_blocks,
)
def delta_type_fits_the_block(evidence: Evidence) -> Iterator[Violation]:
    """The type of a delta is one for the type of its block."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(
            chunks[delta.chunk],
            expected=f"{' or '.join(_DELTAS[block.kind])} in a {block.kind} block",
            actual=delta.kind,
        )
        for block in found_in(evidence).blocks
        if block.kind in _DELTAS
        for delta in block.deltas
        if delta.kind in _KNOWN_DELTAS and delta.kind not in _DELTAS[block.kind]
    )


def _comes_whole(block: Block) -> bool:
    return block.kind.endswith("_tool_result") or block.kind == "redacted_thinking"


@rule(
    "anthropic-stream.result-blocks-come-whole",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_STREAMING}; observed: in each recorded stream with results of the server's own tools",
    catalogue=["ANTH-STREAM-20"],
    remedy="Send the whole result with content_block_start, and no delta for it.",
    applies=lambda evidence: _has_blocks(evidence) and any(map(_comes_whole, found_in(evidence).blocks)),
)
def result_blocks_come_whole(evidence: Evidence) -> Iterator[Violation]:
    """Results of the server's own tools, and redacted thinking, come whole in `content_block_start`."""
    for block in filter(_comes_whole, found_in(evidence).blocks):
        for delta in block.deltas[:1]:
            chunk = evidence.transcript.chunks[delta.chunk]
            yield Violation.at(chunk, expected="no delta", actual=f"{quote(delta.kind)} in a {quote(block.kind)} block")
            return


@rule(
    "anthropic-stream.signature-ends-the-thinking",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_STREAMING}, thinking delta: the signature_delta comes just before content_block_stop",
    catalogue=["ANTH-STREAM-16"],
    remedy="Send the signature once, after the last thinking_delta.",
    applies=lambda evidence: _has_blocks(evidence) and any(map(_is_signed_by_delta, found_in(evidence).blocks)),
)
def signature_ends_the_thinking(evidence: Evidence) -> Iterator[Violation]:
    """The signature is the last delta of a thinking block, and comes once."""
    for block in filter(_is_signed_by_delta, found_in(evidence).blocks):
        kinds = [delta.kind for delta in block.deltas]
        at = kinds.index("signature_delta")
        if at != len(kinds) - 1:
            chunk = evidence.transcript.chunks[block.deltas[at + 1].chunk]
            yield Violation.at(chunk, expected="nothing between signature and stop", actual=quote(kinds[at + 1]))
            return


def _is_signed_by_delta(block: Block) -> bool:
    return block.kind == "thinking" and any(delta.kind == "signature_delta" for delta in block.deltas)


@rule(
    "anthropic-stream.server-tool-input-is-json",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}, input JSON delta: the joined pieces are the JSON of input; observed: clients raise",
    catalogue=["ANTH-STREAM-07"],
    remedy="Send the pieces in order, each once, so that joined they are one JSON object.",
    applies=lambda evidence: is_whole_stream(evidence) and any(True for _ in _own_calls(evidence)),
)
def server_tool_input_is_json(evidence: Evidence) -> Iterator[Violation]:
    """The joined arguments of a tool that the server runs itself are one JSON object, or nothing."""
    stop = stop_of(evidence)
    if stop is not None and stop.meaning in _CUT:
        return
    for block in _own_calls(evidence):
        text = block.joined("input_json_delta", "partial_json")
        payload = parse(text)
        if text.strip() and (payload.error is not None or not isinstance(payload.value, dict)):
            actual = f"{quote(text)}: {payload.error or 'no object'}"
            yield Violation.at(_at(evidence, block), expected="one JSON object", actual=actual)
            return


def _own_calls(evidence: Evidence) -> Iterator[Block]:
    """Calls that no platform answers; those that one does are judged by tools.arguments-are-json."""
    if is_chat_stream(evidence):
        yield from (each for each in found_in(evidence).blocks if each.kind in ("server_tool_use", "mcp_tool_use"))
