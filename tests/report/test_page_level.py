"""A report that was made for a certificate says what its level came to, and never reads better than that."""

import pytest

from made_reports import report
from vapi_conformance.report.page import render_page
from vapi_conformance.report.page.level import level_of
from vapi_conformance.schema import errors

MET = {"text": "ttfs.p95 > 1000ms", "weighs": "MUST", "outcome": "passed", "sentence": "ttfs.p95 is 400 ms"}
SLOW = {"text": "ttfs.p50 > 500ms", "weighs": "SHOULD", "outcome": "failed", "sentence": "ttfs.p50 is 650 ms"}
UNSAID = {
    "text": "ttfs.max >= 5s",
    "weighs": "MUST",
    "outcome": "cannot be said",
    "sentence": "ttfs.max is unsaid",
}


def certified(*gates: object, not_played: tuple[str, ...] = ()) -> dict[str, object]:
    certificate = {"level": "voice-ready", "gates": list(gates)}
    return {**report(), "certificate": certificate, "not_played": list(not_played)}


def test_the_documents_of_these_tests_follow_the_schema() -> None:
    assert () == errors("harness/report", certified(MET, SLOW, UNSAID, not_played=("plain",)))


def test_other_reports_have_no_level() -> None:
    assert level_of(report()) is None
    assert "For a certificate" not in render_page([report()])


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        ((), ""),
        ((MET,), "Its thresholds are met."),
        ((MET, SLOW), "Its thresholds are met; 1 SHOULD is not."),
        ((MET, UNSAID), "The level is not reached: 1 threshold not met, or not to be said."),
        (({**MET, "outcome": "failed"}, UNSAID), "The level is not reached: 2 thresholds not met, or not to be said."),
    ],
)
def test_thresholds_come_to_one_sentence(gates: tuple[object, ...], sentence: str) -> None:
    level = level_of(certified(*gates))
    assert level is not None
    assert sentence == level.sentence
    assert sentence.startswith("The level is not reached") == bool(level.missed)


def test_what_was_planned_and_not_played_stands_at_the_top() -> None:
    page = render_page([certified(MET, not_played=("plain", "tools"))])
    above, below = page.split('id="provenance"')
    assert "The level voice-ready is not reached: not all was played." in above
    assert "Planned and not played, so that the level is not reached: plain, tools." in below


def test_a_threshold_that_is_missed_stands_above_rules_that_all_hold() -> None:
    page = render_page([certified(MET, UNSAID)])
    above, below = page.split('id="provenance"')
    assert "The level voice-ready is not reached: a threshold is not met, or cannot be said to be." in above
    assert "ttfs.max is unsaid" in below


def test_a_page_with_thresholds_does_not_say_that_it_knows_nothing_of_speed() -> None:
    assert "speed under load" in render_page([report()])
    assert "speed under load" not in render_page([certified(MET)])


def test_many_scenarios_are_counted() -> None:
    level = level_of(certified(not_played=tuple(f"scenario-{number}" for number in range(25))))
    assert level is not None
    assert level.not_played.endswith("scenario-19 and 5 more.")
