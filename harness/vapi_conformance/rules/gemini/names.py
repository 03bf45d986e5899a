"""Names in Gemini's answers: keys in camelCase, enum values in capitals, numbers only where they were asked for."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.gemini.enums import FINISH_REASONS
from vapi_conformance.dialects.gemini.request import wants_integer_enums
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import GEMINI, candidates, entries, is_answer, records, snake_case
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "finish_reason_is_a_name",
    "finish_reason_is_known",
    "integer_enums_only_when_asked",
    "integer_enums_when_asked",
    "keys_are_camel_case",
]

_FINISH_REASON: Final = "python-genai 3.4, types.Candidate.finish_reason"

_KEYS: Final = (
    "avgLogprobs",
    "blockReason",
    "cachedContentTokenCount",
    "candidatesTokenCount",
    "candidatesTokensDetails",
    "citationMetadata",
    "codeExecutionResult",
    "createTime",
    "executableCode",
    "fileData",
    "finishMessage",
    "finishReason",
    "functionCall",
    "functionResponse",
    "groundingMetadata",
    "inlineData",
    "logprobsResult",
    "mimeType",
    "modelVersion",
    "partialArgs",
    "promptFeedback",
    "promptTokenCount",
    "promptTokensDetails",
    "responseId",
    "safetyRatings",
    "thoughtSignature",
    "thoughtsTokenCount",
    "tokenCount",
    "toolUsePromptTokenCount",
    "totalTokenCount",
    "usageMetadata",
    "willContinue",
)
_ENUMS: Final = frozenset(
    {"finishReason", "blockReason", "category", "probability", "severity", "modality", "trafficType", "outcome"}
)


@rule(
    "gemini.keys-are-camel-case",
    dialects=GEMINI,
    standard=MUST,
    source="ProtoJSON format: field names are written in lowerCamelCase; observed: clients lose the others in silence",
    catalogue=["GEM-02"],
    remedy="Write keys in lowerCamelCase: finishReason, usageMetadata; snake_case is for requests only.",
    applies=is_answer,
)
def keys_are_camel_case(evidence: Evidence) -> Iterator[Violation]:
    """The keys of an answer are written in camelCase."""
    written = {snake_case(name): name for name in _KEYS}
    return at_most(
        Violation.at(chunk, expected=written[key], actual=quote(key))
        for chunk, record in records(evidence)
        for key, _ in entries(record)
        if key in written
    )


@rule(
    "gemini.finish-reason-is-a-name",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_FINISH_REASON}; ProtoJSON format: enums are written by name",
    catalogue=["GEM-03"],
    remedy='Send finishReason as a name in capitals, "STOP", and leave it out until the answer ends.',
    applies=lambda evidence: is_answer(evidence) and any(True for _ in candidates(evidence)),
)
def finish_reason_is_a_name(evidence: Evidence) -> Iterator[Violation]:
    """A `finishReason` is the name of an enum value in capitals, or its number."""
    return shape_violations(evidence, "gemini.finish-reason-is-a-name", expected="a name in capitals, such as STOP")


@rule(
    "gemini.finish-reason-is-known",
    dialects=GEMINI,
    standard=MAY,
    source="python-genai 3.4, types.FinishReason; new values come with new models, and clients warn of them",
    catalogue=["GEM-03"],
    remedy="Use the values that the API has; for calls, too, that is STOP.",
    applies=lambda evidence: is_answer(evidence) and any(each.finishes for each in evidence.transcript.choices),
)
def finish_reason_is_known(evidence: Evidence) -> Iterator[Violation]:
    """A `finishReason` is one of those that clients know."""
    for choice in evidence.transcript.choices:
        for finish in choice.finishes:
            reason = finish.value
            # In lower case it is no name at all, and what calls end with has a rule of its own.
            if isinstance(reason, str) and reason not in FINISH_REASONS and reason.isupper() and not choice.tool_calls:
                yield Violation.at(
                    evidence.transcript.chunks[finish.chunk],
                    expected="STOP, MAX_TOKENS, SAFETY or another known value",
                    actual=quote(reason),
                )


def _enum_values(evidence: Evidence) -> Iterator[tuple[Chunk, str, object]]:
    for chunk, record in records(evidence):
        yield from ((chunk, key, value) for key, value in entries(record) if key in _ENUMS)


@rule(
    "gemini.integer-enums-only-when-asked",
    dialects=GEMINI,
    standard=MUST,
    source="ProtoJSON format: enums are written by name; observed: google-genai for Python fails on numbers",
    catalogue=["GEM-03"],
    remedy='Write enums by name, "STOP"; numbers are for requests with enum-encoding=int in the query.',
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_answer(evidence)
        and not wants_integer_enums(evidence.exchange.request.url)
        and any(True for _ in _enum_values(evidence))
    ),
)
def integer_enums_only_when_asked(evidence: Evidence) -> Iterator[Violation]:
    """Enums are names, unless the URL asks for numbers."""
    return at_most(
        Violation.at(chunk, expected=f"{key} as a name", actual=f"the number {describe(value)}")
        for chunk, key, value in _enum_values(evidence)
        if integer_or_none(value) is not None
    )


@rule(
    "gemini.integer-enums-when-asked",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: with enum-encoding=int, Google and Vertex write every enum as a number",
    catalogue=["GEM-03"],
    remedy="Write enums as numbers where the query says enum-encoding=int, or ignore the whole parameter.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_answer(evidence)
        and wants_integer_enums(evidence.exchange.request.url)
        and any(True for _ in _enum_values(evidence))
    ),
)
def integer_enums_when_asked(evidence: Evidence) -> Iterator[Violation]:
    """Enums are numbers where the URL asks for numbers."""
    return at_most(
        Violation.at(chunk, expected=f"{key} as a number", actual=describe(value))
        for chunk, key, value in _enum_values(evidence)
        if isinstance(value, str)
    )
