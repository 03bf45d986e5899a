"""What Rapida's built-in caller over Gemini needs beyond the standard, inferred from its source of January 2026.

Of usage it reads the first chunk only (facts on dialects, 7.3). No server can help that: the first chunk cannot know
how long the answer will be.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.called import chunk_of, has_calls
from vapi_conformance.rules.gemini.view import GEMINI, is_answer
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import SHOULD, Violation, rule

__all__ = ["no_thoughts_to_speak", "one_call_in_a_candidate"]

_INFERRED: Final = "inferred: Rapida's built-in callers of January 2026"


@rule(
    "gemini.no-thoughts-to-speak",
    dialects=GEMINI,
    standard=None,
    rapida=SHOULD,
    source=f"{_INFERRED}; the mark `thought` is not looked at, and every text is spoken",
    catalogue=["GEM-15"],
    remedy="Send no thoughts: leave includeThoughts out of model.parameters.",
    applies=is_answer,
)
def no_thoughts_to_speak(evidence: Evidence) -> Iterator[Violation]:
    """An answer holds no thoughts, be they marked as such."""
    for choice in evidence.transcript.choices:
        if choice.reasoning:
            first = choice.reasoning[0]
            chunk = evidence.transcript.chunks[first.chunk]
            yield Violation.at(chunk, expected="no thoughts", actual=f"{quote(first.text)}, which is spoken")
            return


@rule(
    "gemini.one-call-in-a-candidate",
    dialects=GEMINI,
    standard=None,
    rapida=SHOULD,
    source=f"{_INFERRED}; a call is kept under the index of its candidate, so that the last one is left",
    catalogue=["GEM-STREAM-11"],
    remedy="Call one function after the other.",
    applies=lambda evidence: is_answer(evidence) and has_calls(evidence),
)
def one_call_in_a_candidate(evidence: Evidence) -> Iterator[Violation]:
    """A candidate calls one function."""
    for choice in evidence.transcript.choices:
        if len(choice.tool_calls) > 1:
            yield Violation.at(
                chunk_of(evidence, choice.tool_calls[1]),
                expected="one call",
                actual=f"{len(choice.tool_calls)}, of which the last is run",
            )
            return
