"""False alarms are worse than misses: what Google and Vertex sent breaks nothing that is not listed with its reason."""

from collections import Counter

import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.gemini.fields import candidates_of, is_thought, parts_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.verdict import Outcome, judge

GEMINI = Dialect.GEMINI_GENERATE_CONTENT
RECORDINGS = wire_recordings("gemini_generate_content__")
ANSWERS = [each for each in RECORDINGS if "__error__" not in each.name]
FIRST_PARTIES = ("google", "vertex")


def provider_of(recording: Recording) -> str:
    return recording.name.split("__")[1]


def evidence_of(recording: Recording) -> Evidence:
    return Evidence(exchange=load_wire(recording.path), dialect=GEMINI)


# Provider, rule and level to how many of its recordings break it; above each group why that is true of them.
BROKEN = {
    # An error to a stream that was asked for is labelled as if it were the stream.
    ("google", "http.error-is-not-an-event-stream", Level.SHOULD): 1,
}


@needs_shared
class TestRecordings:
    def test_break_what_is_listed_and_nothing_else(self) -> None:
        found: Counter[tuple[str, str, Level]] = Counter()
        for recording in RECORDINGS:
            results = judge(all_rules().values(), [evidence_of(recording)], profile=Profile.STANDARD, dialect=GEMINI)
            assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
            found.update(
                (provider_of(recording), each.rule.id, each.level)
                for each in results
                if each.outcome is Outcome.VIOLATED and each.level > Level.MAY
            )
        assert BROKEN == dict(found)

    def test_no_first_party_breaks_a_must(self) -> None:
        assert [] == [rule for (who, rule, level) in BROKEN if who in FIRST_PARTIES and level is Level.MUST]

    def test_rapida_would_speak_thoughts_and_lose_calls(self) -> None:
        """What breaks no rule of the API, and Rapida's built-in caller all the same."""
        found: Counter[str] = Counter()
        for recording in RECORDINGS:
            results = judge(all_rules().values(), [evidence_of(recording)], profile=Profile.RAPIDA, dialect=GEMINI)
            found.update(
                each.rule.id
                for each in results
                if each.outcome is Outcome.VIOLATED and each.rule.standard is None and each.rule.id.startswith("gemini")
            )
        tags = Counter(tag for recording in RECORDINGS for tag in array_or_nothing(recording.load()["tags"]))
        assert tags["reasoning"]
        assert tags["parallel-tools"]
        assert {
            "gemini.no-thoughts-to-speak": tags["reasoning"],
            "gemini.one-call-in-a-candidate": tags["parallel-tools"],
        } == dict(found)

    def test_nearly_every_rule_of_its_own_was_put_to_the_test(self) -> None:
        """What no recording shows: several candidates, blocked prompts, cached tokens, several allowed names."""
        judged: set[str] = set()
        for recording in RECORDINGS:
            results = judge(all_rules().values(), [evidence_of(recording)], profile=Profile.STANDARD, dialect=GEMINI)
            judged |= {each.rule.id for each in results if each.outcome in (Outcome.PASSED, Outcome.VIOLATED)}
        own = {
            each.id
            for each in all_rules().values()
            if each.dialects == frozenset({GEMINI}) and each.standard is not None and not each.scenarios
        }
        assert {
            "gemini.allowed-function-names-are-honoured",
            "gemini.blocked-prompt-is-not-answered",
            "gemini.cached-within-prompt",
            "gemini.candidate-indexes-are-distinct",
            "gemini.error-details-are-typed",
            "gemini-stream.block-reason-comes-first",
            "gemini-stream.every-candidate-finishes",
        } == own - judged


@needs_shared
class TestFacts:
    """What the facts on dialects, section 5, say of first parties, as far as these recordings show it."""

    def test_vertex_leaves_out_the_index(self) -> None:
        indexes = [
            "index" in candidate.fields
            for recording in ANSWERS
            if provider_of(recording) == "vertex"
            for chunk in evidence_of(recording).answer_chunks
            for candidate in candidates_of(chunk.record or {})
        ]
        assert indexes
        assert not any(indexes)

    def test_calls_finish_stop_or_say_that_they_were_unexpected(self) -> None:
        finishes = Counter(
            choice.finish_reason
            for recording in ANSWERS
            for choice in evidence_of(recording).transcript.choices
            if choice.tool_calls
        )
        assert {"STOP", 1, "UNEXPECTED_TOOL_CALL"} == set(finishes)
        assert 2 == finishes["UNEXPECTED_TOOL_CALL"]

    def test_streams_end_lines_with_crlf_and_have_no_marker(self) -> None:
        streams = [
            stream
            for recording in ANSWERS
            if object_or_nothing(recording.load()["capture"])["body"] != "reframed"
            and (stream := evidence_of(recording).stream) is not None
        ]
        assert 16 == len(streams)
        assert {(0, 0)} == {(each.line_ends.lf, each.line_ends.cr) for each in streams}
        assert all(block.event is not None and len(block.fields) == 1 for each in streams for block in each.blocks)

    def test_usage_is_on_every_chunk(self) -> None:
        for recording in ANSWERS:
            transcript = evidence_of(recording).transcript
            assert [each.index for each in transcript.chunks] == [each.chunk for each in transcript.usages]

    def test_the_finish_reason_is_on_the_last_chunk_only(self) -> None:
        for recording in ANSWERS:
            transcript = evidence_of(recording).transcript
            (choice,) = transcript.choices
            assert [len(transcript.chunks) - 1] == [each.chunk for each in choice.finishes]

    def test_thoughts_come_first_and_only_where_they_were_asked_for(self) -> None:
        thoughts = [
            recording
            for recording in ANSWERS
            if any(
                is_thought(part)
                for chunk in evidence_of(recording).answer_chunks
                for candidate in candidates_of(chunk.record or {})
                for _, part in parts_of(candidate.fields)
            )
        ]
        asked = [evidence_of(each).request for each in thoughts]
        assert 10 == len(thoughts)
        assert all(request is None or "'includeThoughts': True" in str(request.body) for request in asked)

    def test_enums_are_numbers_where_they_were_asked_for(self) -> None:
        forms = Counter(
            (
                "enum-encoding" in str(object_or_nothing(recording.load()["request"])["url"]),
                isinstance(choice.finish_reason, int),
            )
            for recording in ANSWERS
            for choice in evidence_of(recording).transcript.choices
        )
        assert {(True, True), (False, False)} == set(forms)

    @pytest.mark.parametrize("recording", ANSWERS, ids=lambda each: each.name)
    def test_the_total_is_the_sum_with_thoughts_and_tools(self, recording: Recording) -> None:
        last = evidence_of(recording).transcript.usages[-1]
        assert last.total_tokens == (last.input_tokens or 0) + (last.output_tokens or 0)
