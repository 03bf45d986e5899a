"""What filters hold back at Gemini: told in an answer, without the content, and never by an error status."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.gemini.enums import BLOCKED
from vapi_conformance.dialects.gemini.fields import parts_of
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import (
    GEMINI,
    block_reason,
    candidates,
    has_candidates,
    is_answer,
    is_streamed,
    records,
)
from vapi_conformance.rules.reported_error import error_payload
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule

__all__ = [
    "block_reason_comes_first",
    "blocked_answer_is_empty",
    "blocked_prompt_is_a_success",
    "blocked_prompt_is_not_answered",
]


@rule(
    "gemini.blocked-prompt-is-not-answered",
    dialects=GEMINI,
    standard=SHOULD,
    source="python-genai 3.4, types.GenerateContentResponsePromptFeedback: a prompt that was blocked has no answer",
    catalogue=["GEM-13"],
    remedy="Send promptFeedback.blockReason in place of candidates, not beside them.",
    applies=lambda evidence: (
        is_answer(evidence) and any(block_reason(record) is not None for _, record in records(evidence))
    ),
)
def blocked_prompt_is_not_answered(evidence: Evidence) -> Iterator[Violation]:
    """Where the prompt was blocked, there are no candidates."""
    return at_most(
        Violation.at(chunk, expected="no candidates", actual="candidates beside a blockReason")
        for chunk, record in records(evidence)
        if block_reason(record) is not None and has_candidates(record)
    )


@rule(
    "gemini.blocked-prompt-is-a-success",
    dialects=GEMINI,
    standard=MUST,
    source="observed: what a filter holds back is told in an answer with status 200, never by an error status",
    catalogue=["GEM-13"],
    remedy="Answer with status 200; the blockReason or the finishReason says the rest.",
    applies=lambda evidence: evidence.is_refusal and error_payload(evidence).error is None,
)
def blocked_prompt_is_a_success(evidence: Evidence) -> Iterator[Violation]:
    """What a filter holds back comes with status 200: no refusal has candidates or feedback on the prompt."""
    record = object_or_nothing(error_payload(evidence).value)
    held = next((key for key in ("promptFeedback", "candidates") if key in record), None)
    if held is not None:
        yield Violation(expected="status 200", actual=f"{held} with status {evidence.status}")


_NOTHING_LEFT: Final = BLOCKED - {"RECITATION", "ESCALATION", "PUP_LIMITED_DISABLED"}
"""Reasons for which the content is held back. What was recited up to then may stand."""


def _blocked(evidence: Evidence) -> Iterator[tuple[Chunk, Mapping[str, object]]]:
    for chunk, candidate in candidates(evidence):
        reason = candidate.fields.get("finishReason")
        if isinstance(reason, str) and reason in _NOTHING_LEFT:
            yield chunk, candidate.fields


@rule(
    "gemini.blocked-answer-is-empty",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.FinishReason.SAFETY: content is empty if content filters block the output",
    catalogue=["GEM-13"],
    remedy="Leave out the content that a filter blocks.",
    applies=lambda evidence: is_answer(evidence) and any(True for _ in _blocked(evidence)),
)
def blocked_answer_is_empty(evidence: Evidence) -> Iterator[Violation]:
    """What comes with a finish reason of a filter has no text and no call."""
    return at_most(
        Violation.at(chunk, expected="no content", actual=f"content with finishReason {fields['finishReason']}")
        for chunk, fields in _blocked(evidence)
        if any(part.get("text") or "functionCall" in part for _, part in parts_of(fields))
    )


@rule(
    "gemini-stream.block-reason-comes-first",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.GenerateContentResponse.prompt_feedback: sent on the first chunk only",
    catalogue=["GEM-STREAM-06"],
    remedy="Check the prompt before the first chunk; later blocks are told by a finishReason.",
    applies=lambda evidence: is_streamed(evidence) and any(block_reason(record) for _, record in records(evidence)),
)
def block_reason_comes_first(evidence: Evidence) -> Iterator[Violation]:
    """Why the prompt was blocked is said by the first chunk, not after the answer has begun."""
    return at_most(
        Violation.at(chunk, expected="a finishReason", actual="a blockReason after the answer has begun")
        for chunk, record in records(evidence)
        if chunk.index and block_reason(record) is not None
    )
