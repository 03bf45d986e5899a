"""The parts of Gemini's contents: one payload each, thoughts apart from the answer, signatures that can come back."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.gemini.fields import is_thought, parts_of
from vapi_conformance.dialects.gemini.request import generation_config, sent
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import GEMINI, asked_body, candidates, is_answer, snake_case
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "part_has_one_payload",
    "text_is_a_string",
    "thought_is_a_boolean",
    "thought_signature_is_base64",
    "thoughts_only_when_asked",
    "thoughts_precede_answers",
]

_PART: Final = "python-genai 3.4, types.Part"

_PAYLOADS: Final = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_WRITTEN_OTHERWISE: Final = frozenset(snake_case(name) for name in _PAYLOADS) - {"text"}
_FLAGS: Final = frozenset({"thought", "thoughtSignature", "thought_signature", "partMetadata", "videoMetadata"})
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}")
"""Standard or for URLs, with or without padding: ProtoJSON readers take all four."""


def _parts(evidence: Evidence) -> Iterator[tuple[Chunk, Mapping[str, object]]]:
    for chunk, candidate in candidates(evidence):
        yield from ((chunk, part) for _, part in parts_of(candidate.fields))


def _has_parts(evidence: Evidence) -> bool:
    return is_answer(evidence) and any(True for _ in _parts(evidence))


@rule(
    "gemini.part-has-one-payload",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PART}: exactly one field within a part should be set",
    catalogue=["GEM-05"],
    remedy="Put a text and a call into parts of their own, one after the other.",
    applies=_has_parts,
)
def part_has_one_payload(evidence: Evidence) -> Iterator[Violation]:
    """Each part has exactly one payload: text, data, a call, code, or a result."""
    return at_most(
        Violation.at(chunk, expected="one payload in each part", actual=fault)
        for chunk, part in _parts(evidence)
        if (fault := _payload_fault(part)) is not None
    )


def _payload_fault(part: Mapping[str, object]) -> str | None:
    held = [name for name in _PAYLOADS if part.get(name) is not None]
    if len(held) > 1:
        return f"{' and '.join(held)} in one part"
    # A key that nobody knows yet may be a payload; one in snake_case has a rule of its own.
    if not held and part.keys() <= _FLAGS.union(_PAYLOADS) - _WRITTEN_OTHERWISE:
        return f"a part with {', '.join(sorted(part)) or 'nothing'} only"
    return None


@rule(
    "gemini.text-is-a-string",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PART}.text",
    catalogue=["GEM-05"],
    remedy="Send the text of a part as a string; leave the key out where there is none.",
    applies=lambda evidence: is_answer(evidence) and any("text" in part for _, part in _parts(evidence)),
)
def text_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `text` of a part is a string."""
    return shape_violations(evidence, "gemini.text-is-a-string", expected="a string")


@rule(
    "gemini.thought-is-a-boolean",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PART}.thought; facts on Rapida, 7.3: what is not marked true is spoken",
    catalogue=["GEM-15"],
    remedy='Mark a thought with "thought": true, and put its words into text.',
    applies=lambda evidence: is_answer(evidence) and any("thought" in part for _, part in _parts(evidence)),
)
def thought_is_a_boolean(evidence: Evidence) -> Iterator[Violation]:
    """The mark `thought` of a part is true or false."""
    return shape_violations(evidence, "gemini.thought-is-a-boolean", expected="true or false")


@rule(
    "gemini.thoughts-only-when-asked",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.ThinkingConfig.include_thoughts; facts on Rapida, 7.3: thoughts are spoken",
    catalogue=["GEM-15"],
    remedy="Keep thoughts to yourself unless generationConfig.thinkingConfig.includeThoughts is true.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _has_parts(evidence) and not _asked_for_thoughts(evidence),
)
def thoughts_only_when_asked(evidence: Evidence) -> Iterator[Violation]:
    """Thoughts are sent only where `includeThoughts` asks for them."""
    return at_most(
        Violation.at(chunk, expected="no thoughts", actual=f"the thought {quote(str(part.get('text', '')), 40)}")
        for chunk, part in _parts(evidence)
        if is_thought(part)
    )


def _asked_for_thoughts(evidence: Evidence) -> bool:
    thinking = object_or_nothing(sent(generation_config(asked_body(evidence)), "thinkingConfig"))
    return sent(thinking, "includeThoughts") is True


@rule(
    "gemini.thoughts-precede-answers",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: thoughts come before the first words of the answer, at Google and at Vertex",
    catalogue=["GEM-15"],
    remedy="Send thoughts before the first part of the answer.",
    applies=lambda evidence: is_answer(evidence) and any(is_thought(part) for _, part in _parts(evidence)),
)
def thoughts_precede_answers(evidence: Evidence) -> Iterator[Violation]:
    """Thoughts come before the answer, unless the model ran something in between."""
    begun: set[int] = set()
    for chunk, candidate in candidates(evidence):
        for _, part in parts_of(candidate.fields):
            if is_thought(part):
                if candidate.index in begun:
                    yield Violation.at(chunk, expected="no thought after the answer began", actual="a late thought")
                    return
            elif isinstance(text := part.get("text"), str):
                if text.strip():
                    begun.add(candidate.index)
            else:
                begun.discard(candidate.index)


@rule(
    "gemini.thought-signature-is-base64",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PART}.thought_signature: bytes; ProtoJSON format: bytes are written as base64",
    catalogue=["GEM-16"],
    remedy="Write the signature in base64, as a string: it has to come back unchanged in the next request.",
    applies=lambda evidence: is_answer(evidence) and any(True for _ in _signatures(evidence)),
)
def thought_signature_is_base64(evidence: Evidence) -> Iterator[Violation]:
    """A `thoughtSignature` is base64."""
    return at_most(
        Violation.at(chunk, expected="base64", actual=describe(signature))
        for chunk, signature in _signatures(evidence)
        if not _is_base64(signature)
    )


def _signatures(evidence: Evidence) -> Iterator[tuple[Chunk, object]]:
    sent_ones = ((chunk, part.get("thoughtSignature")) for chunk, part in _parts(evidence))
    return ((chunk, signature) for chunk, signature in sent_ones if signature is not None)


def _is_base64(value: object) -> bool:
    return isinstance(value, str) and _BASE64.fullmatch(value) is not None and len(value.rstrip("=")) % 4 != 1
