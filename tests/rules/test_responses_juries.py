"""Rules before recorded Responses traffic: OpenAI broke no MUST; what others broke, and why that is true.

Softer levels count too, down to SHOULD: a warning about sound traffic is as false as an error. Where a recorder joined
the answers of several requests in one body, each answer is judged by itself.
"""

from collections.abc import Iterator

import pytest

from responses_answers import answers, story
from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.order import TERMINAL
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge

RECORDINGS = wire_recordings("openai_responses__")
FIRST_PARTY = wire_recordings("openai_responses__openai__")
STREAMS = wire_recordings("openai_responses__openai__stream")

# First party. Not faults of its: there is nothing to say where the answer is an image, a command for the asker's shell,
# a request for approval, or reasoning that the limit cut before the first word.
WITHOUT_WORDS = ("openai", "speech.answer-is-not-empty")

OTHERS = {
    # No event lines, and the end marker of Chat Completions.
    ("openrouter", "responses-stream.event-line-equals-type"),
    ("openrouter", "responses-stream.no-end-marker"),
    # Two items of one answer have the same id: reasoning before a search and after it.
    ("xai", "responses.item-ids-are-unique"),
}

# Scenarios are played, not recorded; of the rest, no recording shows what the rule is about, or none passes it.
NEVER_PASSED = {
    "responses-tools.arguments-done-has-name",  # no vendor at hand sends it; the level is MAY for that
    "responses.metadata-is-echoed",
    "responses.output-items-are-taken-back",
    "responses.text-input-is-accepted",
    "responses.typed-content-is-accepted",
    "responses.unknown-model-has-its-code",
    "responses.unknown-previous-response-is-refused",
    "responses.usage-agrees-streamed-and-whole",
}


def evidence(recording: Recording) -> Iterator[Evidence]:
    return (Evidence(exchange=each, dialect=Dialect.OPENAI_RESPONSES) for each in answers(recording))


def judged(recording: Recording) -> list[RuleResult]:
    """All rules of the dialect, the generic ones too, on each answer of a recording."""
    return [
        result
        for each in evidence(recording)
        for result in judge(all_rules().values(), [each], profile=Profile.STANDARD, dialect=Dialect.OPENAI_RESPONSES)
    ]


def broken(recording: Recording, level: Level) -> set[tuple[str, str]]:
    results = judged(recording)
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    provider = recording.name.split("__")[1]
    return {(provider, each.rule.id) for each in results if each.level >= level and each.outcome is Outcome.VIOLATED}


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", FIRST_PARTY, ids=lambda each: each.name)
    def test_breaks_no_must(self, recording: Recording) -> None:
        assert set() == broken(recording, Level.MUST)

    def test_breaks_no_should_but_those_listed(self) -> None:
        assert {WITHOUT_WORDS} == {each for recording in FIRST_PARTY for each in broken(recording, Level.SHOULD)}

    def test_passes_every_rule_but_those_listed(self) -> None:
        passed = {
            each.rule.id for recording in RECORDINGS for each in judged(recording) if each.outcome is Outcome.PASSED
        }
        assert NEVER_PASSED == {name for name in all_rules() if name.startswith("responses")} - passed


@needs_shared
class TestOthers:
    def test_break_what_is_listed(self) -> None:
        others = (each for each in RECORDINGS if each not in FIRST_PARTY)
        assert OTHERS == {each for recording in others for each in broken(recording, Level.SHOULD)}


def types(each: Evidence) -> list[str]:
    return [event.type for event in story(each.transcript).events]


def streams() -> Iterator[Evidence]:
    return (each for recording in STREAMS for each in evidence(recording))


@needs_shared
class TestFacts:
    """What dialects.md counts over all recordings, on those at hand."""

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_streams_are_created_and_end_once(self, recording: Recording) -> None:
        for each in evidence(recording):
            names = types(each)
            assert "response.created" == names[0]
            assert [names[-1]] == [name for name in names if name in TERMINAL]

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_event_lines_repeat_the_type_and_there_is_no_end_marker(self, recording: Recording) -> None:
        for each in evidence(recording):
            assert [chunk.event_type for chunk in each.transcript.chunks] == types(each)
            assert () == each.transcript.markers

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_sequence_numbers_count_from_0(self, recording: Recording) -> None:
        for each in evidence(recording):
            numbers = [(chunk.record or {}).get("sequence_number") for chunk in each.transcript.chunks]
            assert list(range(len(numbers))) == numbers

    def test_arguments_that_are_done_never_have_a_name(self) -> None:
        done = [
            event
            for each in streams()
            for event in story(each.transcript).events
            if event.type == "response.function_call_arguments.done"
        ]
        assert len(done) > 5
        assert not any("name" in event.fields for event in done)

    def test_an_error_event_is_nested_and_followed_by_a_failure(self) -> None:
        (failing,) = [each for each in streams() if each.transcript.errors]
        first, second = (failing.transcript.chunks[at] for at in failing.transcript.errors)
        assert {"type", "code", "message", "param"} == set(object_or_nothing((first.record or {})["error"]))
        assert ["error", "response.failed"] == types(failing)[-2:]
        assert "failed" == object_or_nothing((second.record or {})["response"])["status"]

    def test_reasoning_has_no_status(self) -> None:
        items = [
            object_or_nothing(each)
            for recording in FIRST_PARTY
            for answer in evidence(recording)
            for each in story(answer.transcript).output
        ]
        reasoning = [each for each in items if each.get("type") == "reasoning"]
        assert len(reasoning) > 10
        assert not any("status" in each for each in reasoning)

    def test_a_cut_answer_is_incomplete_by_its_limit(self) -> None:
        cut = [
            object_or_nothing(each.transcript.chunks[-1].record)
            for recording in FIRST_PARTY
            for each in evidence(recording)
            if any(choice.finish_meaning == "length" for choice in each.transcript.choices)
        ]
        responses = [object_or_nothing(each.get("response", each)) for each in cut]
        assert 3 == len(responses)
        assert {"max_output_tokens"} == {object_or_nothing(each["incomplete_details"])["reason"] for each in responses}

    def test_the_convenience_of_clients_is_never_on_the_wire(self) -> None:
        for recording in RECORDINGS:
            for each in evidence(recording):
                assert not any(b'"output_text":"' in read.data for read in each.decoded.reads)

    def test_tools_may_come_back_in_another_order(self) -> None:
        orders = {
            [object_or_nothing(tool).get("type") for tool in array_or_nothing(asked)]
            == [object_or_nothing(tool).get("type") for tool in array_or_nothing(got)]
            for recording in FIRST_PARTY
            for each in evidence(recording)
            if each.request is not None and each.transcript.kind == "json"
            for asked, got in [(each.request.body.get("tools"), (each.transcript.chunks[0].record or {}).get("tools"))]
        }
        assert {True, False} == orders
