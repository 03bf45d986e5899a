"""Gemini's answers, whole or in chunks: that there are candidates, told apart, and what an answer says of itself.

Names are judged in `gemini_names`, parts in `gemini_parts`, calls in `gemini_calls`, counts in `gemini_usage`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing
from vapi_conformance.payload import parse
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import (
    GEMINI,
    RESPONSE,
    block_reason,
    candidates,
    entries,
    has_candidates,
    is_answer,
    is_document,
    is_whole_answer,
    lacks,
    records,
)
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed

__all__ = [
    "candidate_indexes_are_distinct",
    "candidates_are_objects",
    "candidates_or_block_reason",
    "content_holds_parts",
    "every_whole_candidate_finishes",
    "index_is_an_integer",
    "json_answer_parses",
    "model_version_is_named",
    "no_more_candidates_than_asked",
    "nothing_is_null",
    "response_id_is_sent",
    "response_matches_the_schema",
    "role_is_model",
]

_MAY_BE_EMPTY: Final = frozenset(
    {
        "args",
        "avgLogprobs",
        "blockReason",
        "cachedContentTokenCount",
        "candidatesTokenCount",
        "candidatesTokensDetails",
        "citationMetadata",
        "codeExecutionResult",
        "content",
        "createTime",
        "executableCode",
        "fileData",
        "finishMessage",
        "finishReason",
        "functionCall",
        "functionResponse",
        "groundingMetadata",
        "id",
        "index",
        "inlineData",
        "logprobsResult",
        "partialArgs",
        "parts",
        "promptFeedback",
        "promptTokenCount",
        "promptTokensDetails",
        "role",
        "safetyRatings",
        "text",
        "thought",
        "thoughtSignature",
        "thoughtsTokenCount",
        "tokenCount",
        "toolUsePromptTokenCount",
        "totalTokenCount",
        "willContinue",
    }
)
_CANDIDATE: Final = "python-genai 3.4, types.Candidate"


@rule(
    "gemini.candidates-or-block-reason",
    dialects=GEMINI,
    standard=MUST,
    source=RESPONSE,
    catalogue=["GEM-01"],
    remedy="Answer with at least one candidate, or say in promptFeedback.blockReason why there is none.",
    applies=is_document,
)
def candidates_or_block_reason(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer has candidates, or a reason why the prompt was blocked."""
    for chunk, record in records(evidence):
        if (
            not has_candidates(record)
            and block_reason(record) is None
            and isinstance(record.get("candidates"), list | None)
        ):
            yield Violation.at(
                chunk,
                expected="candidates, or promptFeedback with a blockReason",
                actual=f"an object with {', '.join(map(quote, list(record)[:10])) or 'no key'}",
            )


@rule(
    "gemini.candidates-are-objects",
    dialects=GEMINI,
    standard=MUST,
    source=f"{RESPONSE}.candidates",
    catalogue=["GEM-01"],
    remedy="Send candidates as an array of objects.",
    applies=is_answer,
)
def candidates_are_objects(evidence: Evidence) -> Iterator[Violation]:
    """The candidates are an array of objects."""
    return shape_violations(evidence, "gemini.candidates-are-objects")


@rule(
    "gemini.content-holds-parts",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.Content",
    catalogue=["GEM-05"],
    remedy='Send content as {"role": "model", "parts": [{...}]}; parts may be left out, and are no string.',
    applies=lambda evidence: is_answer(evidence) and any(True for _ in candidates(evidence)),
)
def content_holds_parts(evidence: Evidence) -> Iterator[Violation]:
    """The content of a candidate is an object, and its parts are an array of objects."""
    return shape_violations(evidence, "gemini.content-holds-parts")


@rule(
    "gemini.role-is-model",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: the role of every content with parts is model, at Google and at Vertex",
    catalogue=["GEM-04"],
    remedy='Send "role": "model" beside the parts, on every chunk.',
    applies=lambda evidence: is_answer(evidence) and any(True for _ in _contents(evidence)),
)
def role_is_model(evidence: Evidence) -> Iterator[Violation]:
    """The role of a content with parts is `model`."""
    return at_most(
        Violation.at(chunk, expected='"role": "model"', actual=_told(content, "role"))
        for chunk, content in _contents(evidence)
        if content.get("role") != "model"
    )


def _contents(evidence: Evidence) -> Iterator[tuple[Chunk, Mapping[str, object]]]:
    for chunk, candidate in candidates(evidence):
        content = object_or_nothing(candidate.fields.get("content"))
        if array_or_nothing(content.get("parts")):
            yield chunk, content


def _told(record: Mapping[str, object], key: str) -> str:
    return f'"{key}": {describe(record[key])}' if key in record else f"no {key}"


@rule(
    "gemini.index-is-an-integer",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CANDIDATE}.index",
    catalogue=["GEM-08"],
    remedy="Send the index as an integer from 0, or leave it out where it is 0.",
    applies=lambda evidence: (
        is_answer(evidence) and any(each.fields.get("index") is not None for _, each in candidates(evidence))
    ),
)
def index_is_an_integer(evidence: Evidence) -> Iterator[Violation]:
    """The `index` of a candidate is an integer of 0 or more, where it is there."""
    return shape_violations(evidence, "gemini.index-is-an-integer", expected="an integer from 0")


@rule(
    "gemini.candidate-indexes-are-distinct",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CANDIDATE}.index; ProtoJSON format: a value that is left out is 0",
    catalogue=["GEM-08"],
    remedy="Number the candidates of an answer from 0; only the first may go without its index.",
    applies=lambda evidence: (
        is_answer(evidence) and any(len(array_or_nothing(each.get("candidates"))) > 1 for _, each in records(evidence))
    ),
)
def candidate_indexes_are_distinct(evidence: Evidence) -> Iterator[Violation]:
    """Of several candidates each has an index of its own; one that is left out is 0."""
    return at_most(
        Violation.at(chunk, expected="a different index for each candidate", actual=f"{describe(twice)} more than once")
        for chunk, record in records(evidence)
        if (twice := _twice(array_or_nothing(record.get("candidates")))) is not None
    )


def _twice(items: Sequence[object]) -> int | None:
    seen: set[int] = set()
    for item in map(object_or_none, items):
        sent = None if item is None else item.get("index")
        index = 0 if sent is None else integer_or_none(sent)
        if item is None or index is None:
            continue
        if index in seen:
            return index
        seen.add(index)
    return None


@rule(
    "gemini.no-more-candidates-than-asked",
    dialects=GEMINI,
    standard=SHOULD,
    source="python-genai 3.4, types.GenerateContentConfig.candidate_count",
    catalogue=["GEM-08"],
    remedy="Give one candidate, unless generationConfig.candidateCount asks for more.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_answer(evidence) and bool(evidence.transcript.choices),
)
def no_more_candidates_than_asked(evidence: Evidence) -> Iterator[Violation]:
    """An answer has no more candidates than `candidateCount`, which is 1 where nothing is said."""
    asked = evidence.request.n if evidence.request else 1
    given = len(evidence.transcript.choices)
    if given > asked:
        yield Violation.at(
            evidence.answer_chunks[0], expected=f"{describe(asked)} at most", actual=f"{given} candidates"
        )


@rule(
    "gemini.every-whole-candidate-finishes",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: every candidate of a whole answer has a finishReason, at Google and at Vertex",
    catalogue=["GEM-03"],
    remedy="Say in finishReason why the answer ended.",
    applies=lambda evidence: is_document(evidence) and any(True for _ in candidates(evidence)),
)
def every_whole_candidate_finishes(evidence: Evidence) -> Iterator[Violation]:
    """Each candidate of a whole answer has a `finishReason`."""
    return at_most(
        Violation.at(chunk, expected="a finishReason", actual=f"none in candidate {describe(candidate.index)}")
        for chunk, candidate in candidates(evidence)
        if lacks(candidate.fields, "finishReason")
    )


@rule(
    "gemini.model-version-is-named",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{RESPONSE}.model_version; observed on every chunk",
    catalogue=["GEM-12"],
    remedy="Say in modelVersion which model answered, on every chunk.",
    applies=is_answer,
)
def model_version_is_named(evidence: Evidence) -> Iterator[Violation]:
    """An answer names the model that made it in `modelVersion`, a string that is not empty."""
    yield from _missing(evidence, "modelVersion")
    yield from shape_violations(evidence, "gemini.model-version-is-named", expected="the name of a model")


@rule(
    "gemini.response-id-is-sent",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{RESPONSE}.response_id; observed on every chunk; facts on Rapida, 7.3: usage is read where it stands",
    catalogue=["GEM-12"],
    remedy="Send a responseId, the same on every chunk of an answer.",
    applies=is_answer,
)
def response_id_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """An answer has a `responseId`, a string that is not empty."""
    yield from _missing(evidence, "responseId")
    yield from shape_violations(evidence, "gemini.response-id-is-sent", expected="an id")


def _missing(evidence: Evidence, name: str) -> Iterator[Violation]:
    return at_most(
        Violation.at(chunk, expected=name, actual="no such key")
        for chunk, record in records(evidence)
        if lacks(record, name)
    )


def _has_json_to_parse(evidence: Evidence) -> bool:
    """Asked for as JSON, and neither cut nor held back. The scenario of JSON mode has a rule of its own."""
    request, label, choices = evidence.request, evidence.exchange.label, evidence.transcript.choices
    return (
        request is not None
        and bool(request.response_format)
        and (label is None or label.scenario != "json-mode")
        and is_whole_answer(evidence)
        and bool(choices)
        and choices[0].finish_meaning == "stop"
        and not choices[0].tool_calls
    )


@rule(
    "gemini.json-answer-parses",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.GenerateContentConfig.response_mime_type",
    catalogue=["GEM-17"],
    remedy="Constrain the model to JSON where responseMimeType says application/json, and send no fence around it.",
    needs=[Need.REQUEST],
    applies=_has_json_to_parse,
)
def json_answer_parses(evidence: Evidence) -> Iterator[Violation]:
    """An answer that was asked for as `application/json` is one JSON text."""
    text = evidence.transcript.text
    problem = parse(text).error
    if problem is not None:
        yield Violation.at(evidence.answer_chunks[0], expected="a JSON text", actual=f"{quote(text)}: {problem}")


@rule(
    "gemini.nothing-is-null",
    dialects=GEMINI,
    standard=SHOULD,
    source="ProtoJSON format: what is empty is left out, and null is read as if it were; observed on every answer",
    catalogue=["GEM-02"],
    remedy="Leave out what is not there, when the answer is written.",
    applies=is_answer,
)
def nothing_is_null(evidence: Evidence) -> Iterator[Violation]:
    """What is not there is left out, and not sent as null."""
    return at_most(
        Violation.at(chunk, expected=f"no {key}, or a value", actual="null")
        for chunk, record in records(evidence)
        for key, value in entries(record)
        # What an answer cannot do without is told by its own rule, and so is a key that is no key of the API.
        if value is None and key in _MAY_BE_EMPTY
    )


@rule(
    "gemini.response-matches-the-schema",
    dialects=GEMINI,
    standard=SHOULD,
    source=RESPONSE,
    catalogue=["GEM-STREAM-06"],
    remedy="Compare the answer with the schema at the place named.",
    applies=is_answer,
)
def response_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """An answer has the described shape in everything that no other rule is about."""
    return unclaimed(evidence)
