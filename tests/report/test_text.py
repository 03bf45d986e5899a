"""The text of a run, line by line: people read it, and scripts of people match it."""

from dataclasses import replace

import pytest

from made_runs import (
    INFORMED,
    NOT_APPLICABLE,
    OURS,
    PASSED,
    SOUND,
    UNREACHABLE,
    UNTESTABLE,
    VIOLATED,
    WARNED,
    result,
    run,
)
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.report.run import Run
from vapi_conformance.report.text import Line, Style, summary, violation_lines
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Level, Violation
from vapi_conformance.specimens import load_specimen
from vapi_conformance.verdict import Outcome, RuleResult, judge_rule

REPEAT = "check FILE --rule {rule}"


def lines(of: RuleResult, repeat: str = REPEAT) -> list[str]:
    return [line.text for line in violation_lines(of, repeat=repeat)]


def told(made: Run, *, verbose: bool = False) -> list[str]:
    return [line.text for line in summary(made, repeat=REPEAT, verbose=verbose)]


class TestViolation:
    def test_layout(self) -> None:
        violation = Violation(expected="an end", actual="none", chunk=14, start=2481, end=2500, at_ns=1_204_345_678)
        assert [
            "sse.holds  MUST  A standard, 1.2",
            "  requires  What is required holds.",
            "  expected  an end",
            "  actual    none",
            "  at        plain/stream, chunk 14, byte 2481, 1204.3 ms after the request was written",
            "  effect    Vapi, of this answer as a whole: The answer is spoken. (observed)",
            "  mend      Mend it.",
            "  repeat    check FILE --rule sse.holds",
        ] == lines(result(Outcome.VIOLATED, MUST, violation))

    def test_a_place_says_only_what_is_known(self) -> None:
        bare = result(Outcome.VIOLATED)
        assert "  at        plain/stream" in lines(bare)
        nameless = replace(bare.findings[0].evidence, exchange=replace(SOUND, source=""))
        findings = (replace(bare.findings[0], evidence=nameless),)
        assert "  at        an exchange" in lines(replace(bare, findings=findings))

    def test_the_first_byte_and_the_first_chunk_are_places_too(self) -> None:
        violation = Violation(expected="a", actual="b", chunk=0, start=0, at_ns=0)
        place = "  at        plain/stream, chunk 0, byte 0, 0.0 ms after the request was written"
        assert place in lines(result(Outcome.VIOLATED, MUST, violation))

    def test_three_are_shown_and_the_rest_counted(self) -> None:
        violations = [Violation(expected="a", actual=str(number)) for number in range(5)]
        shown = lines(result(Outcome.VIOLATED, MUST, *violations))
        assert ["  actual    0", "  actual    1", "  actual    2"] == [each for each in shown if "actual" in each]
        assert "            ... and 2 more like it" in shown
        assert not any("more like it" in each for each in lines(result(Outcome.VIOLATED, MUST, *violations[:3])))

    def test_the_same_effect_is_told_once(self) -> None:
        violations = [Violation(expected="a", actual=str(number)) for number in range(3)]
        assert 1 == sum("  effect" in each for each in lines(result(Outcome.VIOLATED, MUST, *violations)))

    def test_the_reasons_that_may_end_the_call(self) -> None:
        specimen = load_specimen("sse.no-event-names")
        found = lines(result(Outcome.VIOLATED, exchange=specimen.broken[0]))
        assert (
            "  ended     pipeline-error-custom-llm-llm-failed or "
            "call.in-progress.error-providerfault-custom-llm-llm-failed"
        ) in found

    def test_tries_are_told_where_there_were_several(self) -> None:
        several = replace(result(Outcome.VIOLATED), judged=3, broken=2)
        assert not any("of tries" in each for each in lines(several))
        scenario = replace(several, rule=replace(several.rule, scenarios=("plain",)))
        assert "  of tries  2 of 3" in lines(scenario)
        assert not any("of tries" in each for each in lines(replace(scenario, judged=1)))

    @pytest.mark.parametrize(
        ("of", "row"),
        [
            (UNTESTABLE, "  untestable no attempt at plain showed it"),
            (UNREACHABLE, "  unreachable no response came: refused"),
            (OURS, "  harness error ZeroDivisionError: oops (on plain/stream)"),
        ],
    )
    def test_what_was_not_shown_says_why(self, of: RuleResult, row: str) -> None:
        assert row == lines(of)[2]

    @pytest.mark.parametrize(("level", "style"), [(MUST, "bad"), (SHOULD, "warning"), (MAY, "faint")])
    def test_the_level_decides_the_colour(self, level: Level, style: str) -> None:
        assert style == next(iter(violation_lines(result(Outcome.VIOLATED, level), repeat=REPEAT))).style

    def test_a_command_may_hold_doubled_braces(self) -> None:
        assert "  repeat    check {x} sse.holds" == lines(result(Outcome.VIOLATED), "check {{x}} {rule}")[-1]


class TestHostileWords:
    """An endpoint's words cannot begin a line that looks like one of ours."""

    FORGED = "x\nconformant: every rule that was shown holds"

    def test_in_a_violation(self) -> None:
        violation = Violation(expected=self.FORGED, actual=self.FORGED)
        found = lines(result(Outcome.VIOLATED, MUST, violation))
        assert "  actual    x\\nconformant: every rule that was shown holds" in found
        assert not any("\n" in each for each in found)

    def test_in_an_effect(self) -> None:
        body = b'data: {"error": {"message": "x\\nconformant: yes"}}\n\n'
        exchange: Exchange = replace(SOUND, reads=(Read(at_ns=1, data=body),))
        found = lines(result(Outcome.VIOLATED, exchange=exchange))
        assert any("x\\nconformant: yes" in each for each in found)
        assert not any("\n" in each for each in found)

    def test_in_a_reason_and_in_remarks(self) -> None:
        ours = result(Outcome.HARNESS_ERROR, reason=self.FORGED)
        made = run(ours, lints=[self.FORGED])
        assert not any("\n" in each for each in told(made))
        assert not any("\n" in each for each in told(run(unreachable=self.FORGED)))


class TestSummary:
    def test_all_is_well(self) -> None:
        assert [
            "conformant: every rule that was shown holds",
            "2 rules over 3 exchanges: 1 passed, 1 not applicable · profile vapi · dialect openai_compatible",
        ] == told(run(PASSED, NOT_APPLICABLE))

    def test_one_of_each_is_singular(self) -> None:
        assert (
            "1 rule over 1 exchange: 1 passed · profile vapi · dialect openai_compatible"
            == told(run(PASSED, exchanges=1))[-1]
        )

    def test_musts_come_before_shoulds_and_an_empty_line_after_each(self) -> None:
        found = told(run(WARNED, PASSED, VIOLATED))
        heads = [each for each in found if each.startswith("sse.")]
        assert ["sse.must-break  MUST  A standard, 1.2", "sse.should-break  SHOULD  A standard, 1.2"] == heads
        assert ["", ""] == [each for each in found if not each]
        assert "violated: 1 MUST broken or not shown, 1 SHOULD warns" == found[-2]

    def test_what_informs_is_named_and_told_in_full_when_asked(self) -> None:
        made = run(PASSED, INFORMED, replace(INFORMED, rule=replace(INFORMED.rule, id="sse.other")))
        assert "2 more inform (MAY): sse.may-break, sse.other" == told(made)[0]
        verbose = told(made, verbose=True)
        assert "sse.may-break  MAY  A standard, 1.2" == verbose[0]
        assert not any("more inform" in each for each in verbose)

    def test_remarks_on_the_configuration(self) -> None:
        assert "configuration: model.url: is not https" in told(run(PASSED, lints=["model.url: is not https"]))

    def test_what_vapi_makes_of_the_answers(self) -> None:
        found = list(summary(run(PASSED, heard={"silence": 1, "heard": 3}), repeat=REPEAT))
        assert Line("what Vapi makes of 4 streamed answers: 3 heard, 1 silence", "warning") == found[0]
        found = list(summary(run(PASSED, heard={"tool-call": 1}), repeat=REPEAT))
        assert Line("what Vapi makes of 1 streamed answer: 1 tool-call", "plain") == found[0]

    def test_whose_server_it_looks_like(self) -> None:
        found = list(summary(run(PASSED, flavour="looks like vLLM: `stop_reason` in its choices"), repeat=REPEAT))
        assert Line("the endpoint looks like vLLM: `stop_reason` in its choices", "faint") == found[0]

    def test_out_of_reach_is_one_sentence(self) -> None:
        made = run(PASSED, VIOLATED, unreachable="nobody is there", lints=["x"])
        assert [Line("nobody is there", "bad")] == list(summary(made, repeat=REPEAT))

    @pytest.mark.parametrize(
        ("made", "sentence", "style"),
        [
            (run(PASSED), "conformant: every rule that was shown holds", "good"),
            (run(PASSED, INFORMED), "conformant: every MUST and SHOULD that was shown holds", "good"),
            (run(PASSED, WARNED), "conformant: every MUST that was shown holds; 1 SHOULD warns", "good"),
            (run(WARNED, WARNED), "conformant: every MUST that was shown holds; 2 SHOULD warn", "good"),
            (run(VIOLATED, UNTESTABLE), "violated: 2 MUST broken or not shown", "bad"),
            (run(PASSED, UNTESTABLE), "incomplete: 1 MUST could not be shown; a skip is not a pass", "bad"),
            (run(PASSED, OURS), "incomplete: 1 rule failed to run, which is our bug", "bad"),
            (
                run(PASSED, UNREACHABLE, OURS, replace(OURS, level=MUST)),
                "incomplete: 1 MUST could not be shown; a skip is not a pass; 2 rules failed to run, which is our bug",
                "bad",
            ),
            (run(NOT_APPLICABLE), "incomplete: nothing was judged", "bad"),
            (run(), "incomplete: nothing was judged", "bad"),
        ],
    )
    def test_the_verdict_in_a_sentence(self, made: Run, sentence: str, style: Style) -> None:
        assert Line(sentence, style) == list(summary(made, repeat=REPEAT))[-2]

    def test_a_stored_specimen_end_to_end(self) -> None:
        specimen = load_specimen("sse.last-event-is-terminated")
        evidence = [Evidence(exchange=exchange) for exchange in specimen.broken]
        found = judge_rule(all_rules()[specimen.rule], MUST, evidence)
        assert "sse.last-event-is-terminated  MUST  HTML Living Standard, 9.2.6" == lines(found)[0]
