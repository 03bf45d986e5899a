"""What Rapida needs beyond the standard, as far as anybody outside knows.

Its custom LLM was never published. All of this is inferred from the source of its built-in callers in January 2026,
which use openai-go 1.12.0 (facts on dialects, 7.3). Rules that mean others, too, have a level for Rapida where they
stand.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Choice
from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.rules.called import has_calls
from vapi_conformance.rules.pauses import in_seconds
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.streamed import is_chat_stream, sent_deltas

__all__ = [
    "no_content_before_calls",
    "one_call_in_a_turn",
    "turn_ends_within_a_minute",
]

_INFERRED: Final = "inferred: Rapida's built-in callers of January 2026"
_MOST_S: Final = 60


def _streams_calls(evidence: Evidence) -> bool:
    return is_chat_stream(evidence) and has_calls(evidence)


@rule(
    "rapida.no-content-before-calls",
    dialects=CHAT,
    standard=None,
    rapida=MUST,
    source=f"{_INFERRED}; openai-go 1.12.0, streamaccumulator.go: content that ends finishes the turn",
    catalogue=["RAP-04", "CHAT-TOOL-14"],
    remedy="Begin an answer that calls a tool with the call: content null or absent, not even an empty text.",
    applies=_streams_calls,
)
def no_content_before_calls(evidence: Evidence) -> Iterator[Violation]:
    """No text, not even an empty one, is sent before a tool call."""
    for choice in evidence.transcript.choices:
        first = min((piece.chunk for call in choice.tool_calls for piece in call.fragments), default=None)
        for sent in sent_deltas(evidence):
            content = string_or_none(object_or_nothing(sent.delta).get("content"))
            if first is not None and sent.choice == choice.index and sent.chunk.index < first and content is not None:
                yield Violation.at(
                    sent.chunk, expected="no content before the call", actual=f"content {quote(content)}"
                )
                return


def _calls(choice: Choice) -> int:
    return len(choice.tool_calls)


@rule(
    "rapida.one-call-in-a-turn",
    dialects=CHAT,
    standard=None,
    rapida=SHOULD,
    source=f"{_INFERRED}; of parallel calls the first one survives",
    catalogue=["RAP-04"],
    remedy="Send parallel_tool_calls: false in model.parameters, or call one tool after the other.",
    applies=_streams_calls,
)
def one_call_in_a_turn(evidence: Evidence) -> Iterator[Violation]:
    """A streamed answer calls one tool."""
    choice = max(evidence.transcript.choices, key=_calls)
    if _calls(choice) > 1:
        second = evidence.transcript.chunks[choice.tool_calls[1].fragments[0].chunk]
        yield Violation.at(second, expected="one tool call", actual=f"{_calls(choice)}, of which one is run")


@rule(
    "rapida.turn-ends-within-a-minute",
    standard=None,
    rapida=SHOULD,
    source=f"{_INFERRED}: a request is cancelled after a minute",
    catalogue=["TIME-02"],
    remedy="Bound the answer (max_tokens), and end it; a caller listens for seconds.",
    needs=[Need.TIMES],
    applies=lambda evidence: evidence.is_success and evidence.exchange.timing.end_ns is not None,
)
def turn_ends_within_a_minute(evidence: Evidence) -> Iterator[Violation]:
    """An answer is whole within a minute."""
    end_ns = evidence.exchange.timing.end_ns
    if end_ns is not None and end_ns > _MOST_S * NS_PER_S:
        yield Violation(
            expected=f"the end within {_MOST_S} s", actual=f"it came after {in_seconds(end_ns)}", at_ns=end_ns
        )
