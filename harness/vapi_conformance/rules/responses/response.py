"""The response object: as the document of a whole answer, and as events carry it. One shape, one set of rules."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import string_or_none
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    carries_a_response,
    sent_responses,
)
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed
from vapi_conformance.rules.whole_answer import document

__all__ = [
    "body_matches_the_schema",
    "completed_at_follows_created_at",
    "created_at_is_a_number",
    "created_at_is_in_seconds",
    "id_has_its_prefix",
    "id_is_non_empty",
    "model_is_named",
    "no_output_text_key",
    "object_is_response",
    "output_is_an_array",
    "required_keys_are_present",
    "status_is_known",
]

_RESPONSE: Final = "openai-openapi 2.3.0, Response"
_EARLIEST_S: Final = 1_600_000_000
_LATEST_S: Final = 10_000_000_000
"""From 2020 on, and before milliseconds of any year since 1970 would look like seconds."""


@rule(
    "responses.object-is-response",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.object",
    catalogue=["RESP-01"],
    remedy='Answer with one object that has "object": "response".',
    applies=lambda evidence: carries_a_response(evidence) or document(evidence) is not None,
)
def object_is_response(evidence: Evidence) -> Iterator[Violation]:
    """`object` of a response is `response`."""
    return shape_violations(evidence, "responses.object-is-response", expected='an object with "object": "response"')


@rule(
    "responses.id-is-non-empty",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.id",
    catalogue=["RESP-01"],
    remedy="Give each response an id of its own.",
    applies=carries_a_response,
)
def id_is_non_empty(evidence: Evidence) -> Iterator[Violation]:
    """`id` of a response is a string and not empty."""
    return shape_violations(evidence, "responses.id-is-non-empty", expected="id is a string that is not empty")


@rule(
    "responses.id-has-its-prefix",
    dialects=RESPONSES,
    standard=MAY,
    source="observed: OpenAI's ids begin with resp_; other vendors send UUIDs",
    catalogue=["RESP-01"],
    remedy="Begin the id with resp_, so that people know what it names.",
    applies=carries_a_response,
)
def id_has_its_prefix(evidence: Evidence) -> Iterator[Violation]:
    """The id of a response begins with `resp_`."""
    for sent in sent_responses(evidence):
        name = string_or_none(sent.fields.get("id"))
        if name and not name.startswith("resp_"):
            yield Violation.at(sent.chunk, expected="an id that begins with resp_", actual=quote(name))
            return


@rule(
    "responses.required-keys-are-present",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}, required; observed: all of OpenAI's responses have them",
    catalogue=["RESP-02"],
    remedy="Send every required key, null where there is nothing to say: strictly typed clients fail without it.",
    applies=carries_a_response,
)
def required_keys_are_present(evidence: Evidence) -> Iterator[Violation]:
    """A response has all required keys, be they null."""
    return shape_violations(evidence, "responses.required-keys-are-present", expected="every required key")


@rule(
    "responses.status-is-known",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.status",
    catalogue=["RESP-03"],
    remedy="Use completed, incomplete, failed, in_progress, queued or cancelled.",
    applies=carries_a_response,
)
def status_is_known(evidence: Evidence) -> Iterator[Violation]:
    """`status` of a response is one of the six values."""
    return shape_violations(evidence, "responses.status-is-known", expected="one of the six values of status")


@rule(
    "responses.created-at-is-a-number",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.created_at",
    catalogue=["RESP-05"],
    remedy="Send created_at as Unix seconds, a number.",
    applies=carries_a_response,
)
def created_at_is_a_number(evidence: Evidence) -> Iterator[Violation]:
    """`created_at` is a number."""
    return shape_violations(evidence, "responses.created-at-is-a-number", expected="created_at is a number")


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@rule(
    "responses.created-at-is-in-seconds",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_RESPONSE}.created_at: Unix timestamp (in seconds)",
    catalogue=["RESP-05"],
    remedy="Send created_at in seconds, not in milliseconds, and from a clock that is set.",
    applies=carries_a_response,
)
def created_at_is_in_seconds(evidence: Evidence) -> Iterator[Violation]:
    """`created_at` is a time of these years, in seconds."""
    for sent in sent_responses(evidence):
        created = _number(sent.fields.get("created_at"))
        if created is not None and not _EARLIEST_S <= created < _LATEST_S:
            yield Violation.at(sent.chunk, expected="Unix seconds of these years", actual=describe(created))
            return


@rule(
    "responses.completed-at-follows-created-at",
    dialects=RESPONSES,
    standard=MAY,
    source=f"{_RESPONSE}.completed_at",
    catalogue=["RESP-05"],
    remedy="Read both times from one clock; completed_at is a number, or null until the end.",
    applies=lambda evidence: any("completed_at" in sent.fields for sent in sent_responses(evidence)),
)
def completed_at_follows_created_at(evidence: Evidence) -> Iterator[Violation]:
    """`completed_at` is null, or a time not before `created_at`."""
    yield from shape_violations(evidence, "responses.completed-at-follows-created-at", expected="a number or null")
    for sent in sent_responses(evidence):
        created, completed = (_number(sent.fields.get(key)) for key in ("created_at", "completed_at"))
        # Either may be rounded to whole seconds.
        if created is not None and completed is not None and completed + 1 <= created:
            yield Violation.at(
                sent.chunk, expected=f"{describe(created)} or later", actual=f"completed_at {describe(completed)}"
            )
            return


@rule(
    "responses.model-is-named",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.model",
    catalogue=["RESP-02"],
    remedy="Name the model that answers.",
    applies=carries_a_response,
)
def model_is_named(evidence: Evidence) -> Iterator[Violation]:
    """`model` is a string and not empty."""
    return shape_violations(evidence, "responses.model-is-named", expected="model is a string that is not empty")


@rule(
    "responses.output-is-an-array",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_RESPONSE}.output",
    catalogue=["RESP-02", "RESP-06"],
    remedy="Send output as an array of items, empty while there is none.",
    applies=carries_a_response,
)
def output_is_an_array(evidence: Evidence) -> Iterator[Violation]:
    """`output` is an array of objects."""
    return shape_violations(evidence, "responses.output-is-an-array", expected="output is an array of objects")


@rule(
    "responses.no-output-text-key",
    dialects=RESPONSES,
    standard=MAY,
    source=f"{_RESPONSE}.output_text: SDK only; observed: never on the wire",
    catalogue=["RESP-02"],
    remedy="Leave output_text out; clients join it from the messages.",
    applies=carries_a_response,
)
def no_output_text_key(evidence: Evidence) -> Iterator[Violation]:
    """A response has no key `output_text`, which is a convenience of clients."""
    return shape_violations(evidence, "responses.no-output-text-key", expected="no key output_text")


@rule(
    "responses.body-matches-the-schema",
    dialects=RESPONSES,
    standard=SHOULD,
    source=_RESPONSE,
    remedy="Send what the schema describes; unknown keys are welcome, known ones have their types.",
    applies=lambda evidence: evidence.transcript.kind == "json" and carries_a_response(evidence),
)
def body_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer has the described shape in everything that no other rule is about."""
    return unclaimed(evidence)
