"""A Gemini answer as rules look at it: which parts they judge, and which others have judged."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.gemini.fields import Candidate, candidates_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import streamed

__all__ = [
    "GEMINI",
    "RESPONSE",
    "array_rest",
    "asked_body",
    "block_reason",
    "candidates",
    "entries",
    "has_candidates",
    "is_answer",
    "is_array",
    "is_document",
    "is_streamed",
    "is_whole",
    "is_whole_answer",
    "lacks",
    "records",
    "snake_case",
]

GEMINI: Final = frozenset({Dialect.GEMINI_GENERATE_CONTENT})
RESPONSE: Final = "python-genai 3.4, types.GenerateContentResponse"

_NOTHING: Final[Mapping[str, object]] = {}
_OF_OTHERS: Final = frozenset({"args", "response", "groundingMetadata", "grounding_metadata"})
"""Keys whose values have names that the model, or a tool, has chosen."""
_CAPITAL: Final = re.compile(r"(?<!^)([A-Z])")


def is_answer(evidence: Evidence) -> bool:
    """A successful answer, streamed or whole, where none was to be refused."""
    label = evidence.exchange.label
    return streamed.is_chat_answer(evidence) and (label is None or label.expects != "refusal")


def is_document(evidence: Evidence) -> bool:
    """A whole answer."""
    return is_answer(evidence) and evidence.transcript.kind == "json"


def is_streamed(evidence: Evidence) -> bool:
    """A streamed answer: events, or an array of chunks."""
    return is_answer(evidence) and evidence.transcript.kind in ("stream", "array")


def is_array(evidence: Evidence) -> bool:
    """A successful JSON array that came to its own end."""
    return (
        evidence.is_success
        and evidence.transcript.kind == "array"
        and evidence.exchange.end is End.CLEAN
        and evidence.decoded.error is None
    )


def array_rest(evidence: Evidence) -> str:
    """What stands after the last whole element of an array: `]` where the array is sound."""
    chunks = evidence.transcript.chunks
    if not chunks:
        return "]"
    return evidence.body[chunks[-1].end :][:200].decode(errors="replace").strip()


def is_whole_answer(evidence: Evidence) -> bool:
    """Nothing of the answer is lost, so that what is missing was never sent."""
    if not is_answer(evidence) or not streamed.is_whole(evidence):
        return False
    return evidence.transcript.kind != "array" or array_rest(evidence) == "]"


def is_whole(evidence: Evidence) -> bool:
    """A stream, be it events or an array, of which nothing is lost."""
    return is_streamed(evidence) and is_whole_answer(evidence)


def records(evidence: Evidence) -> Iterator[tuple[Chunk, Mapping[str, object]]]:
    """Chunks that carry the answer, with what they hold."""
    return ((chunk, object_or_nothing(chunk.payload.value)) for chunk in evidence.answer_chunks)


def candidates(evidence: Evidence) -> Iterator[tuple[Chunk, Candidate]]:
    """What each chunk says about each candidate, in wire order."""
    return ((chunk, each) for chunk, record in records(evidence) for each in candidates_of(record))


def snake_case(name: str) -> str:
    """The other spelling of a key."""
    return _CAPITAL.sub(r"_\1", name).lower()


def asked_body(evidence: Evidence) -> Mapping[str, object]:
    """The body of the request; empty where it is unknown."""
    return evidence.request.body if evidence.request else _NOTHING


def lacks(record: Mapping[str, object], name: str) -> bool:
    """Whether a key is there in neither spelling, null being absent; the wrong spelling is told by its own rule."""
    return record.get(name) is None and snake_case(name) not in record


def block_reason(record: Mapping[str, object]) -> object:
    """Why the prompt was not answered; None where it was."""
    feedback = record.get("promptFeedback", record.get("prompt_feedback"))
    found = object_or_nothing(feedback)
    return found.get("blockReason", found.get("block_reason"))


def has_candidates(record: Mapping[str, object]) -> bool:
    """Whether there is at least one."""
    return bool(array_or_nothing(record.get("candidates")))


def entries(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Every key of every object that is the API's, with its value."""
    stack: list[object] = [record]
    while stack:
        item = stack.pop()
        for key, value in object_or_nothing(item).items():
            yield key, value
            if key not in _OF_OTHERS:
                stack.append(value)
        stack.extend(array_or_nothing(item))
