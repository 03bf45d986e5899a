"""What an endpoint makes of requests that only this API knows: scenarios whose names begin with `responses`."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules.quoting import describe
from vapi_conformance.rules.reported_error import sent_error
from vapi_conformance.rules.responses.view import RESPONSES
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "output_items_are_taken_back",
    "text_input_is_accepted",
    "typed_content_is_accepted",
    "unknown_model_has_its_code",
    "unknown_previous_response_is_refused",
]

_REQUEST: Final = "openai-openapi 2.3.0, CreateResponse"
_REFUSALS: Final = frozenset({400, 404, 422})
_NOT_ABOUT_THE_REQUEST: Final = frozenset({401, 403, 408, 429})
"""Refused before the body was looked at: nothing is known about how it would have been judged."""


def _step(group: Sequence[Evidence], name: str) -> tuple[int, Evidence] | None:
    found = by_step(group).get(name)
    return None if found is None or found[1].status in _NOT_ABOUT_THE_REQUEST else found


def _answers(group: Sequence[Evidence], name: str) -> Iterator[Violation]:
    """An answer in words; a failure that a broken connection hides has rules of its own."""
    found = _step(group, name)
    if found is None:
        return
    step, evidence = found
    if evidence.is_refusal:
        yield Violation(expected="an answer", actual=f"status {evidence.status}", step=step)


@scenario_rule(
    "responses.text-input-is-accepted",
    scenarios=("responses-input",),
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_REQUEST}.input: a string is text input with the role user",
    catalogue=["RESP-15"],
    remedy="Take an input that is a string for one message of the user.",
    applies=lambda group: _step(group, "text") is not None,
)
def text_input_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """An `input` that is one string is answered."""
    return _answers(group, "text")


@scenario_rule(
    "responses.typed-content-is-accepted",
    scenarios=("responses-input",),
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_REQUEST}.input: InputMessage with input_text, OutputMessage with output_text",
    catalogue=["RESP-15"],
    remedy="Take messages whose content is an array of input_text and output_text.",
    applies=lambda group: _step(group, "typed") is not None,
)
def typed_content_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Messages with typed content are answered."""
    return _answers(group, "typed")


@scenario_rule(
    "responses.output-items-are-taken-back",
    scenarios=("responses-replay",),
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_REQUEST}.store, .input: without stored state the items of an answer are sent again",
    catalogue=["RESP-15"],
    remedy="Take items of your own output back, with id and status, beside function_call_output; store nothing.",
    applies=lambda group: _step(group, "replay") is not None,
)
def output_items_are_taken_back(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Items of an earlier answer are taken back as they were sent, where nothing was stored."""
    return _answers(group, "replay")


@scenario_rule(
    "responses.unknown-previous-response-is-refused",
    scenarios=("responses-previous",),
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_REQUEST}.previous_response_id; a response that was not stored cannot be gone on from",
    catalogue=["RESP-14"],
    remedy="Refuse a previous_response_id that you do not keep with 400 or 404; in silence, the history is lost.",
    applies=lambda group: _step(group, "post") is not None,
)
def unknown_previous_response_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A `previous_response_id` of a response that is not kept is refused."""
    found = _step(group, "post")
    if found is not None and found[1].status not in _REFUSALS:
        yield Violation(expected="status 400 or 404", actual=f"status {found[1].status}", step=found[0])


@scenario_rule(
    "responses.unknown-model-has-its-code",
    scenarios=("unknown-model",),
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: 400 with the code model_not_found, where Chat Completions has 404",
    catalogue=["RESP-16"],
    remedy="Refuse a model that you do not serve with the code model_not_found.",
    applies=lambda group: any(evidence.status in _REFUSALS for _, evidence in by_step(group).values()),
)
def unknown_model_has_its_code(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A refusal of a model that does not exist has the code `model_not_found`."""
    for step, evidence in by_step(group).values():
        code = object_or_nothing(sent_error(evidence)).get("code")
        if evidence.status in _REFUSALS and code != "model_not_found":
            yield Violation(expected="code model_not_found", actual=f"code {describe(code)}", step=step)
