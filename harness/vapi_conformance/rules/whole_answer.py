"""The document of a JSON answer, as rules look at it: its choices and its messages."""

from collections.abc import Iterator, Mapping

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none
from vapi_conformance.rules.rule import Violation

__all__ = [
    "choices",
    "document",
    "has_choice",
    "has_message",
    "is_reply",
    "messages",
    "violation",
]


def document(evidence: Evidence) -> Mapping[str, object] | None:
    """The reply as a JSON object; None for streams, refusals and documents that report an error.

    None, too, where a refusal was due: that a health page answers a stray GET is a fault of its own.
    """
    label = evidence.exchange.label
    if label is not None and label.expects == "refusal":
        return None
    if not evidence.is_success or evidence.transcript.kind != "json" or not evidence.answer_chunks:
        return None
    return evidence.answer_chunks[0].record


def choices(evidence: Evidence) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Choices that are objects, each with its place."""
    for place, item in enumerate(array_or_nothing((document(evidence) or {}).get("choices"))):
        if (choice := object_or_none(item)) is not None:
            yield place, choice


def messages(evidence: Evidence) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Messages that are objects, each with the place of its choice."""
    for place, choice in choices(evidence):
        if (message := object_or_none(choice.get("message"))) is not None:
            yield place, message


def is_reply(evidence: Evidence) -> bool:
    """Whether there is a document that at least wants to be an answer."""
    return "choices" in (document(evidence) or {})


def has_choice(evidence: Evidence) -> bool:
    """Whether there is a choice to look at."""
    return any(True for _ in choices(evidence))


def has_message(evidence: Evidence) -> bool:
    """Whether there is a message to look at."""
    return any(True for _ in messages(evidence))


def violation(evidence: Evidence, expected: str, actual: str) -> Violation:
    """A violation that the document shows."""
    return Violation.at(evidence.transcript.chunks[0], expected=expected, actual=actual)
