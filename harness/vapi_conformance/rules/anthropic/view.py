"""An answer of Messages as its rules look at it: whole or streamed, its blocks, how it ended."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.anthropic.blocks import Block, Blocks, BlockTranscript
from vapi_conformance.dialects.anthropic.order import Signal
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.transcript import Chunk, Finish
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules.rule import Level, Rule, Violation, rule
from vapi_conformance.rules.shape import shape_violations
from vapi_conformance.rules.streamed import is_chat_stream, is_whole
from vapi_conformance.rules.whole_answer import document

__all__ = [
    "CALLS",
    "DOCS",
    "MESSAGES",
    "TYPES",
    "blocks_in",
    "ending",
    "found_in",
    "has_block",
    "has_delta",
    "is_answer",
    "is_legible_stream",
    "is_message",
    "is_whole_answer",
    "last_chunk",
    "shape_rule",
    "signals",
    "stop_of",
]

CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")
"""Types of blocks that call something, whoever runs it."""
MESSAGES: Final = frozenset({Dialect.ANTHROPIC_MESSAGES})
TYPES: Final = "anthropic-sdk-python 2.11, src/anthropic/types"
DOCS: Final = "docs.anthropic.com, Messages API"


def is_message(evidence: Evidence) -> bool:
    """A whole answer that at least wants to be a message."""
    record = document(evidence) or {}
    return "content" in record or record.get("type") == "message"


def is_answer(evidence: Evidence) -> bool:
    """A successful answer, streamed or whole."""
    return is_chat_stream(evidence) or is_message(evidence)


def is_whole_answer(evidence: Evidence) -> bool:
    """An answer of which nothing is lost."""
    return is_answer(evidence) and is_whole(evidence)


def is_legible_stream(evidence: Evidence) -> bool:
    """A stream all of whose payloads could be read, so that no event is missing for that reason."""
    return is_chat_stream(evidence) and all(chunk.record is not None for chunk in evidence.transcript.chunks)


def blocks_in(evidence: Evidence) -> Sequence[Block]:
    """The blocks of the answer in the order of their starts."""
    return found_in(evidence).blocks if is_answer(evidence) else ()


def has_block(*kinds: str) -> Callable[[Evidence], bool]:
    """Whether an answer has a block of one of these types: what says nothing of them, shows nothing about them."""
    return lambda evidence: any(block.kind in kinds for block in blocks_in(evidence))


def has_delta(*kinds: str) -> Callable[[Evidence], bool]:
    """Whether a stream has a delta of one of these types."""

    def applies(evidence: Evidence) -> bool:
        return is_chat_stream(evidence) and any(
            delta.kind in kinds for block in blocks_in(evidence) for delta in block.deltas
        )

    return applies


def found_in(evidence: Evidence) -> Blocks:
    """The blocks, and the pieces that belong to none."""
    transcript = evidence.transcript
    return transcript.found if isinstance(transcript, BlockTranscript) else Blocks()


def signals(evidence: Evidence, signal: Signal) -> Sequence[Chunk]:
    """The events of this kind, errors aside."""
    transcript = evidence.transcript
    return transcript.signals.get(signal, ()) if isinstance(transcript, BlockTranscript) else ()


def ending(evidence: Evidence) -> Iterator[tuple[Chunk, object, object]]:
    """Where it is said how the answer ends: the chunk, `stop_reason` and `stop_sequence` as sent."""
    if evidence.transcript.kind == "json":
        record = document(evidence)
        if record is not None:
            yield evidence.transcript.chunks[0], record.get("stop_reason"), record.get("stop_sequence")
        return
    for chunk in signals(evidence, Signal.MESSAGE_DELTA):
        delta = object_or_nothing(object_or_nothing(chunk.payload.value).get("delta"))
        yield chunk, delta.get("stop_reason"), delta.get("stop_sequence")


def stop_of(evidence: Evidence) -> Finish | None:
    """The stop reason that was sent first; None where none was, or one that the API does not know."""
    choices = evidence.transcript.choices
    finish = choices[0].finishes[0] if choices and choices[0].finishes else None
    return None if finish is None or finish.meaning is None else finish


def last_chunk(evidence: Evidence) -> Chunk:
    """The last that carries the answer."""
    return evidence.answer_chunks[-1]


def shape_rule(  # noqa: PLR0913 - see rule
    rule_id: str,
    *,
    about: str,
    expected: str,
    standard: Level,
    source: str,
    remedy: str,
    catalogue: Sequence[str],
    applies: Callable[[Evidence], bool] = is_answer,
) -> Rule:
    """A rule that a schema claims errors for by `x-rule`; `about` is its statement."""

    def check(evidence: Evidence) -> Iterator[Violation]:
        return shape_violations(evidence, rule_id, expected=expected)

    check.__doc__ = about
    return rule(
        rule_id,
        dialects=MESSAGES,
        standard=standard,
        source=source,
        catalogue=catalogue,
        remedy=remedy,
        applies=applies,
    )(check)
