"""A run as a value: its verdict and its counts."""

import pytest

from made_runs import INFORMED, NOT_APPLICABLE, OURS, PASSED, UNREACHABLE, UNTESTABLE, VIOLATED, WARNED, run
from vapi_conformance.report.run import Run, Target
from vapi_conformance.rules.rule import MAY, MUST, SHOULD
from vapi_conformance.verdict import Verdict


class TestVerdict:
    @pytest.mark.parametrize(
        ("made", "verdict"),
        [
            (run(PASSED, WARNED, INFORMED, NOT_APPLICABLE), Verdict.CONFORMANT),
            (run(PASSED, VIOLATED, UNTESTABLE), Verdict.VIOLATED),
            (run(PASSED, UNTESTABLE), Verdict.INCOMPLETE),
            (run(PASSED, OURS), Verdict.INCOMPLETE),
            (run(PASSED, unreachable="nobody is there"), Verdict.INCOMPLETE),
            (run(VIOLATED, unreachable="nobody is there"), Verdict.INCOMPLETE),
            (run(), Verdict.INCOMPLETE),
        ],
    )
    def test_of(self, made: Run, verdict: Verdict) -> None:
        assert verdict is made.verdict


class TestBroken:
    def test_is_everything_but_passed_and_not_applicable_by_level(self) -> None:
        made = run(PASSED, VIOLATED, UNTESTABLE, UNREACHABLE, WARNED, OURS, INFORMED, NOT_APPLICABLE)
        assert [VIOLATED, UNTESTABLE, UNREACHABLE] == made.broken(MUST)
        assert [WARNED, OURS] == made.broken(SHOULD)
        assert [INFORMED] == made.broken(MAY)


class TestCounts:
    def test_name_every_outcome(self) -> None:
        assert {
            "passed": 1,
            "violated": 2,
            "not applicable": 1,
            "untestable": 1,
            "unreachable": 1,
            "harness error": 1,
        } == run(PASSED, VIOLATED, WARNED, UNTESTABLE, UNREACHABLE, OURS, NOT_APPLICABLE).counts


def test_a_target_is_called_by_vapi_unless_said_otherwise() -> None:
    assert ("vapi", None, None) == (Target(name="x").platform, Target(name="x").url, Target(name="x").model)
