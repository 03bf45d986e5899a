"""False alarms are worse than misses: what first parties sent breaks no MUST, and what others break is listed."""

from collections import Counter
from collections.abc import Iterator

import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge


def judged(recording: Recording, dialect: Dialect) -> list[RuleResult]:
    evidence = [Evidence(exchange=load_wire(recording.path))]
    return judge(all_rules().values(), evidence, profile=Profile.STANDARD, dialect=dialect)


def broken(results: list[RuleResult], level: Level) -> Iterator[str]:
    yield from (each.rule.id for each in results if each.level is level and each.outcome is Outcome.VIOLATED)


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", wire_recordings("openai_chat_completions__"), ids=lambda each: each.name)
    def test_breaks_no_must_and_no_rule_fails_to_run(self, recording: Recording) -> None:
        results = judged(recording, Dialect.OPENAI_CHAT_COMPLETIONS)
        assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
        assert [] == list(broken(results, Level.MUST))


# Provider and rule to how many of its recordings break it, and why that is true of them.
COMPATIBLE: dict[tuple[str, str], tuple[int, str]] = {}


@needs_shared
class TestCompatible:
    def test_breaks_what_is_listed_and_nothing_else(self) -> None:
        found: Counter[tuple[str, str]] = Counter()
        for recording in wire_recordings("openai_compatible__"):
            provider = recording.name.split("__")[1]
            results = judged(recording, Dialect.OPENAI_COMPATIBLE)
            found.update((provider, rule) for rule in broken(results, Level.MUST))
        assert {key: count for key, (count, _) in COMPATIBLE.items()} == dict(found)
