"""Rules before what Anthropic itself sent: none at MUST is broken, and the facts that the rules stand on show there."""

from collections import Counter
from collections.abc import Iterator

import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.anthropic.blocks import blocks_of
from vapi_conformance.dialects.anthropic.order import Signal, signal_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge

RECORDINGS = wire_recordings("anthropic_messages__")
STREAMS = wire_recordings("anthropic_messages__anthropic__stream")

# Scenarios are played, not recorded. Every other rule has been before the first party, and passed.
NEVER_SHOWN = {
    "anthropic.api-key-is-accepted",
    "anthropic.max-tokens-is-required",
    "anthropic.stream-and-json-are-one-shape",
    "anthropic.stream-and-json-count-alike",
    "anthropic.unknown-result-is-400",
    "anthropic.version-is-required",
}


def evidence(recording: Recording) -> Evidence:
    return Evidence(exchange=load_wire(recording.path), dialect=Dialect.ANTHROPIC_MESSAGES)


def judged(recording: Recording) -> list[RuleResult]:
    return judge(
        all_rules().values(), [evidence(recording)], profile=Profile.STANDARD, dialect=Dialect.ANTHROPIC_MESSAGES
    )


def broken(results: list[RuleResult], level: Level) -> Iterator[str]:
    yield from (each.rule.id for each in results if each.level is level and each.outcome is Outcome.VIOLATED)


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_breaks_no_must_and_no_rule_fails_to_run(self, recording: Recording) -> None:
        results = judged(recording)
        assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
        assert [] == list(broken(results, Level.MUST))

    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_breaks_no_should(self, recording: Recording) -> None:
        assert [] == list(broken(judged(recording), Level.SHOULD))

    def test_has_been_before_every_rule_but_those_listed(self) -> None:
        shown = {
            each.rule.id for recording in RECORDINGS for each in judged(recording) if each.outcome is Outcome.PASSED
        }
        own = {name for name in all_rules() if name.startswith("anthropic")}
        assert NEVER_SHOWN == own - shown


@needs_shared
class TestFacts:
    """What dialects.md counts over all recordings, on those at hand."""

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_streams_have_one_start_one_message_delta_and_end_with_message_stop(self, recording: Recording) -> None:
        signals = [signal_of(chunk) for chunk in evidence(recording).transcript.chunks]
        assert (1, 1) == (signals.count(Signal.MESSAGE_START), signals.count(Signal.MESSAGE_DELTA))
        assert Signal.MESSAGE_STOP == signals[-1]

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_block_indexes_are_their_places(self, recording: Recording) -> None:
        blocks = blocks_of(evidence(recording).transcript.chunks).blocks
        assert list(range(len(blocks))) == [block.index for block in blocks]

    def test_pings_are_common_and_optional(self) -> None:
        pinged = [
            any(signal_of(chunk) is Signal.PING for chunk in evidence(recording).transcript.chunks)
            for recording in STREAMS
        ]
        assert {True, False} == set(pinged)

    def test_data_lines_may_be_padded_with_blanks(self) -> None:
        bodies = [evidence(recording).body for recording in STREAMS]
        assert any(b"} \n" in body or b"}  " in body for body in bodies)

    def test_a_message_delta_may_count_output_only_and_may_raise_the_input(self) -> None:
        ends = [evidence(recording).transcript.usages for recording in STREAMS]
        assert any({"output_tokens"} == set(usages[-1].counts) for usages in ends)
        assert any((usages[-1].input_tokens or 0) > (usages[0].input_tokens or 0) for usages in ends)

    def test_the_first_piece_of_arguments_is_empty(self) -> None:
        firsts = Counter(
            block.deltas[0].fields.get("partial_json")
            for recording in STREAMS
            for block in blocks_of(evidence(recording).transcript.chunks).blocks
            if block.kind == "tool_use" and block.deltas
        )
        assert "" == firsts.most_common(1)[0][0]

    def test_a_stop_sequence_is_named_with_its_reason_only(self) -> None:
        said: set[tuple[bool, bool]] = set()
        for recording in RECORDINGS:
            for chunk in evidence(recording).transcript.chunks:
                record = chunk.record or {}
                fields = record if "stop_reason" in record else object_or_nothing(record.get("delta"))
                if "stop_reason" in fields:
                    said.add((fields["stop_reason"] == "stop_sequence", fields.get("stop_sequence") is not None))
        assert {(True, True), (False, False)} == said
