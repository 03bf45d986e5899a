"""Outcomes that cannot be confused: kept, broken, never shown, out of reach, and our own mistakes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Capture, End, Exchange, Label
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Level, Need, Profile, Rule, Violation, rule, scenario_rule
from vapi_conformance.specimen_calls import made_call
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, RuleResult, Verdict, judge, judge_rule, verdict_of

(SOUND,) = base("text-stream")
NO_RESPONSE = replace(SOUND, response=None, reads=(), end=End.NO_RESPONSE, error="connection refused")


def shown(*exchanges: Exchange) -> list[Evidence]:
    return [Evidence(exchange=exchange) for exchange in exchanges]


def step(scenario: str, name: str, attempt: int = 1, exchange: Exchange = SOUND) -> Exchange:
    label = Label(scenario=scenario, step=name, attempt=attempt)
    return replace(exchange, label=label, source=f"{scenario}/{name}/{attempt}")


def single(
    check: Callable[[Evidence], Iterable[Violation]] = lambda _: (),
    *,
    needs: Iterable[Need] = (),
    applies: Callable[[Evidence], bool] = lambda _: True,
    standard: Level | None = MUST,
    vapi: Level | None = SHOULD,
    both: bool = False,
) -> Rule:
    def stated(evidence: Evidence) -> Iterator[Violation]:
        """What is required holds."""
        yield from check(evidence)

    decorate = rule(
        "test.holds", standard=standard, vapi=vapi, both=both, source="a test", remedy="Mend it.", needs=needs,
        applies=applies,
    )  # fmt: skip
    return decorate(stated)


def grouped(
    check: Callable[[Sequence[Evidence]], Iterable[Violation]] = lambda _: (),
    *,
    scenarios: Sequence[str] = ("plain",),
    needs: Iterable[Need] = (),
    applies: Callable[[Sequence[Evidence]], bool] = lambda _: True,
    optional: bool = False,
    why_unjudged: Callable[[Sequence[Evidence]], str] | None = None,
) -> Rule:
    def stated(group: Sequence[Evidence]) -> Iterator[Violation]:
        """What is required holds."""
        yield from check(group)

    decorate = scenario_rule(
        "test.holds-together", scenarios=scenarios, standard=MUST, vapi=MUST, source="a test", remedy="Mend it.",
        needs=needs, applies=applies, optional=optional, why_unjudged=why_unjudged,
    )  # fmt: skip
    return decorate(stated)


def broken(*, step: int = 0) -> Violation:
    return Violation(expected="one thing", actual="another", step=step)


def result(outcome: Outcome, level: Level = MUST, *, judged: int = 1) -> RuleResult:
    return RuleResult(rule=single(), level=level, outcome=outcome, judged=judged)


class TestSingleExchanges:
    def test_a_rule_that_finds_nothing_is_passed(self) -> None:
        found = judge_rule(single(), MUST, shown(SOUND, SOUND))
        assert (Outcome.PASSED, 2, 0, ()) == (found.outcome, found.judged, found.broken, found.findings)

    def test_violations_are_counted_by_exchange_and_kept_with_it(self) -> None:
        other = replace(SOUND, source="the other")
        found = judge_rule(
            single(lambda each: [broken(), broken()] if each.exchange is other else []), MUST, shown(SOUND, other)
        )
        assert (Outcome.VIOLATED, 2, 1) == (found.outcome, found.judged, found.broken)
        assert ["the other", "the other"] == [each.evidence.exchange.source for each in found.findings]

    def test_where_it_does_not_apply_it_is_not_judged(self) -> None:
        found = judge_rule(single(applies=lambda _: False), MUST, shown(SOUND))
        assert (Outcome.NOT_APPLICABLE, 0) == (found.outcome, found.judged)
        assert "no exchange shows what the rule is about" == found.reason

    @pytest.mark.parametrize(
        ("need", "capture"),
        [
            (Need.FRAMING, Capture(body="rebuilt")),
            (Need.WIRE, Capture(body="decoded")),
            (Need.HEADERS, Capture(headers="assumed")),
        ],
    )
    def test_what_the_recorder_lost_cannot_be_judged(self, need: Need, capture: Capture) -> None:
        found = judge_rule(single(needs=[need]), MUST, shown(replace(SOUND, capture=capture)))
        assert (Outcome.NOT_APPLICABLE, f"the recording kept no {need}") == (found.outcome, found.reason)
        assert Outcome.PASSED is judge_rule(single(needs=[need]), MUST, shown(SOUND)).outcome

    def test_what_one_exchange_lacks_is_not_why_where_another_had_all_and_showed_nothing(self) -> None:
        without_body = replace(SOUND, request=replace(SOUND.request, body=None))
        found = judge_rule(single(needs=[Need.REQUEST], applies=lambda _: False), MUST, shown(without_body, SOUND))
        assert (Outcome.NOT_APPLICABLE, "no exchange shows what the rule is about") == (found.outcome, found.reason)

    def test_neither_without_times_nor_without_the_request(self) -> None:
        untimed = replace(
            SOUND,
            reads=tuple(replace(read, at_ns=None) for read in SOUND.reads),
            request=replace(SOUND.request, body=None),
        )
        found = judge_rule(single(needs=[Need.TIMES, Need.REQUEST]), MUST, shown(untimed))
        assert "the recording kept no request, times" == found.reason

    def test_is_judged_where_one_of_several_recordings_kept_enough(self) -> None:
        poor = replace(SOUND, capture=Capture(body="rebuilt"))
        found = judge_rule(single(needs=[Need.FRAMING]), MUST, shown(poor, SOUND))
        assert (Outcome.PASSED, 1) == (found.outcome, found.judged)

    def test_an_exchange_without_a_response_shows_nothing(self) -> None:
        found = judge_rule(single(lambda _: [broken()]), MUST, shown(NO_RESPONSE, SOUND))
        assert (Outcome.VIOLATED, 1) == (found.outcome, found.judged)

    def test_no_response_at_all_is_out_of_reach(self) -> None:
        found = judge_rule(single(), MUST, shown(NO_RESPONSE, replace(NO_RESPONSE, error=None)))
        assert (Outcome.UNREACHABLE, "no response came: connection refused") == (found.outcome, found.reason)

    def test_no_exchange_at_all_is_out_of_reach(self) -> None:
        found = judge_rule(single(), MUST, [])
        assert (Outcome.UNREACHABLE, "no response came") == (found.outcome, found.reason)


class TestScenarios:
    def test_the_exchanges_of_one_attempt_are_judged_together(self) -> None:
        seen: list[list[str]] = []

        def check(group: Sequence[Evidence]) -> Iterable[Violation]:
            seen.append([each.exchange.source for each in group])
            return ()

        exchanges = [step("plain", "a"), step("other", "a"), step("plain", "b"), step("plain", "a", 2), SOUND]
        assert 2 == judge_rule(grouped(check), MUST, shown(*exchanges)).judged
        assert [["plain/a/1", "plain/b/1"], ["plain/a/2"]] == seen

    def test_some_of_several_attempts_may_be_broken(self) -> None:
        def check(group: Sequence[Evidence]) -> Iterable[Violation]:
            label = group[0].exchange.label
            return [broken()] if label is not None and label.attempt > 1 else []

        attempts = [step("plain", "a", attempt) for attempt in (1, 2, 3)]
        found = judge_rule(grouped(check), MUST, shown(*attempts))
        assert (Outcome.VIOLATED, 3, 2, 2) == (found.outcome, found.judged, found.broken, len(found.findings))

    def test_a_violation_belongs_to_its_step(self) -> None:
        found = judge_rule(grouped(lambda _: [broken(step=1)]), MUST, shown(step("plain", "a"), step("plain", "b")))
        assert ["plain/b/1"] == [each.evidence.exchange.source for each in found.findings]

    def test_what_no_attempt_shows_is_untestable(self) -> None:
        found = judge_rule(grouped(applies=lambda _: False), MUST, shown(step("plain", "a")))
        assert Outcome.UNTESTABLE is found.outcome
        assert "no attempt at plain showed what the rule is about" == found.reason

    def test_what_is_optional_and_not_offered_is_not_applicable(self) -> None:
        found = judge_rule(grouped(applies=lambda _: False, optional=True), MUST, shown(step("plain", "a")))
        assert (Outcome.NOT_APPLICABLE, "the endpoint offers nothing that shows it") == (found.outcome, found.reason)

    def test_what_an_ordinary_turn_shows_is_told_before_what_a_probe_does(self) -> None:
        probe = Label(scenario="plain", step="probe", expects="refusal")
        group = shown(replace(SOUND, label=probe, source="probe"), step("plain", "b"))
        found = judge_rule(grouped(lambda _: [broken(step=0), broken(step=1)]), MUST, group)
        assert ["plain/b/1", "probe"] == [each.evidence.exchange.source for each in found.findings]

    def test_what_was_not_played_is_not_applicable(self) -> None:
        found = judge_rule(grouped(scenarios=("auth", "plain")), MUST, shown(step("other", "a")))
        assert Outcome.NOT_APPLICABLE is found.outcome
        assert "needs the scenario auth or plain, which was not played" == found.reason

    def test_what_got_no_response_is_out_of_reach(self) -> None:
        dead = [step("plain", "a", exchange=NO_RESPONSE), step("plain", "b", exchange=NO_RESPONSE)]
        found = judge_rule(grouped(applies=lambda _: False), MUST, shown(step("other", "a"), *dead))
        assert (Outcome.UNREACHABLE, "no response came: connection refused") == (found.outcome, found.reason)

    def test_a_rule_may_judge_that_no_response_came(self) -> None:
        """A server that an aborted request has killed."""
        found = judge_rule(grouped(lambda _: [broken()]), MUST, shown(step("plain", "a", exchange=NO_RESPONSE)))
        assert Outcome.VIOLATED is found.outcome

    def test_one_poor_recording_keeps_its_group_from_being_judged(self) -> None:
        poor = replace(SOUND, capture=Capture(body="rebuilt"))
        found = judge_rule(
            grouped(needs=[Need.FRAMING]), MUST, shown(step("plain", "a"), step("plain", "b", exchange=poor))
        )
        assert (Outcome.NOT_APPLICABLE, "the recording kept no framing") == (found.outcome, found.reason)


def in_call(name: str, *, steps: Sequence[str] = ("turn-1.1", "turn-2.1"), attempt: int = 1) -> list[Evidence]:
    exchanges = tuple(step(f"calls/{name}", each, attempt) for each in steps)
    call = made_call({}, exchanges)
    return [Evidence(exchange=each, call=call) for each in exchanges]


class TestCalls:
    @pytest.mark.parametrize(
        ("scenarios", "names"),
        [
            (["calls/barge-in"], [["calls/barge-in/turn-1.1/1", "calls/barge-in/turn-2.1/1"]]),
            (
                ["calls/*"],
                [
                    ["calls/barge-in/turn-1.1/1", "calls/barge-in/turn-2.1/1"],
                    ["calls/ten-turns/turn-1.1/1"],
                    ["calls/ten-turns/turn-1.1/2"],
                ],
            ),
            (["plain"], [["plain/a/1"]]),
        ],
    )
    def test_the_exchanges_of_one_call_are_judged_together(
        self, scenarios: Sequence[str], names: list[list[str]]
    ) -> None:
        seen: list[list[str]] = []

        def check(group: Sequence[Evidence]) -> Iterable[Violation]:
            seen.append([each.exchange.source for each in group])
            return ()

        evidence = [
            *shown(step("plain", "a")),
            *in_call("barge-in"),
            *in_call("ten-turns", steps=["turn-1.1"]),
            *in_call("ten-turns", steps=["turn-1.1"], attempt=2),
        ]
        assert len(names) == judge_rule(grouped(check, scenarios=scenarios), MUST, evidence).judged
        assert names == seen

    @pytest.mark.parametrize("scenario", ["calls/barge-in", "calls/*"])
    def test_an_exchange_without_its_call_shows_nothing_of_it(self, scenario: str) -> None:
        alone = shown(step("calls/barge-in", "turn-1.1"))
        found = judge_rule(grouped(lambda _: [broken()], scenarios=[scenario]), MUST, alone)
        wanted = "a whole call" if scenario == "calls/*" else f"the scenario {scenario}"
        assert (Outcome.NOT_APPLICABLE, f"needs {wanted}, which was not played") == (found.outcome, found.reason)

    def test_rules_on_single_exchanges_see_those_of_calls(self) -> None:
        assert 2 == judge_rule(single(), MUST, in_call("barge-in")).judged


class TestWhyNothingWasShown:
    @pytest.mark.parametrize(("optional", "outcome"), [(False, Outcome.UNTESTABLE), (True, Outcome.NOT_APPLICABLE)])
    def test_is_told_in_the_rules_own_words(self, optional: bool, outcome: Outcome) -> None:
        rule = grouped(
            applies=lambda _: False,
            optional=optional,
            why_unjudged=lambda group: f"{len(group)} exchanges, and no header",
        )
        found = judge_rule(rule, MUST, shown(step("plain", "a"), step("plain", "b")))
        assert (outcome, "2 exchanges, and no header") == (found.outcome, found.reason)

    def test_in_general_words_where_the_rule_knows_nothing_better(self) -> None:
        rule = grouped(applies=lambda _: False, why_unjudged=lambda _: "")
        found = judge_rule(rule, MUST, shown(step("plain", "a")))
        assert "no attempt at plain showed what the rule is about" == found.reason

    def test_not_where_another_attempt_showed_it(self) -> None:
        first, second = shown(step("plain", "a"), step("plain", "a", 2))
        rule = grouped(applies=lambda group: group[0] is second, why_unjudged=lambda _: "nothing")
        found = judge_rule(rule, MUST, [first, second])
        assert (Outcome.PASSED, "") == (found.outcome, found.reason)

    def test_is_asked_for_as_carefully_as_the_rule_itself(self) -> None:
        rule = grouped(applies=lambda _: False, why_unjudged=lambda _: str(1 // 0))
        assert Outcome.HARNESS_ERROR is judge_rule(rule, MUST, shown(step("plain", "a"))).outcome


class TestHarnessErrors:
    @staticmethod
    def fails(_: object) -> Iterable[Violation]:
        yield broken()
        raise ZeroDivisionError("our mistake")

    @pytest.mark.parametrize("made", [single(fails), single(applies=lambda _: bool(1 // 0))])
    def test_what_a_rule_raises_is_ours(self, made: Rule) -> None:
        found = judge_rule(made, SHOULD, shown(replace(SOUND, source="plain/stream")))
        assert (Outcome.HARNESS_ERROR, ()) == (found.outcome, found.findings)
        assert found.reason.startswith("ZeroDivisionError: ")
        assert found.reason.endswith("(on plain/stream)")

    def test_a_violation_at_a_step_that_is_not_there_is_ours(self) -> None:
        found = judge_rule(grouped(lambda _: [broken(step=7)]), MUST, shown(step("plain", "a")))
        assert Outcome.HARNESS_ERROR is found.outcome
        assert found.reason.startswith("IndexError")

    def test_evidence_that_cannot_be_read_is_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Evidence, "is_timed", property(lambda _: 1 // 0))
        assert Outcome.HARNESS_ERROR is judge_rule(single(needs=[Need.TIMES]), MUST, shown(SOUND)).outcome


class TestLevels:
    @pytest.mark.parametrize(
        ("profile", "dialect", "both", "level"),
        [
            (Profile.STANDARD, Dialect.OPENAI_CHAT_COMPLETIONS, False, MUST),
            (Profile.STANDARD, Dialect.OPENAI_COMPATIBLE, False, SHOULD),
            (Profile.STANDARD, Dialect.OPENAI_COMPATIBLE, True, MUST),
            (Profile.VAPI, Dialect.OPENAI_CHAT_COMPLETIONS, False, MAY),
            (Profile.VAPI, Dialect.OPENAI_COMPATIBLE, False, MAY),
        ],
    )
    def test_depend_on_profile_and_dialect(self, profile: Profile, dialect: Dialect, both: bool, level: Level) -> None:
        (found,) = judge([single(both=both, vapi=MAY)], shown(SOUND), profile=profile, dialect=dialect)
        assert level is found.level

    def test_are_never_softer_than_may(self) -> None:
        (found,) = judge(
            [single(standard=MAY)], shown(SOUND), profile=Profile.STANDARD, dialect=Dialect.OPENAI_COMPATIBLE
        )
        assert MAY is found.level

    def test_a_rule_that_the_profile_does_not_have_is_not_judged(self) -> None:
        rules = [single(standard=None), single(vapi=None)]
        for profile in Profile:
            assert 1 == len(judge(rules, shown(SOUND), profile=profile, dialect=Dialect.OPENAI_COMPATIBLE))


ALL = [(outcome, level) for outcome in Outcome for level in Level]


class TestVerdict:
    @pytest.mark.parametrize(
        ("outcome", "level", "verdict", "gates"),
        [
            (Outcome.PASSED, MUST, Verdict.CONFORMANT, False),
            (Outcome.PASSED, SHOULD, Verdict.CONFORMANT, False),
            (Outcome.PASSED, MAY, Verdict.CONFORMANT, False),
            (Outcome.VIOLATED, MUST, Verdict.VIOLATED, True),
            (Outcome.VIOLATED, SHOULD, Verdict.CONFORMANT, False),
            (Outcome.VIOLATED, MAY, Verdict.CONFORMANT, False),
            (Outcome.NOT_APPLICABLE, MUST, Verdict.CONFORMANT, False),
            (Outcome.NOT_APPLICABLE, SHOULD, Verdict.CONFORMANT, False),
            (Outcome.NOT_APPLICABLE, MAY, Verdict.CONFORMANT, False),
            (Outcome.UNTESTABLE, MUST, Verdict.INCOMPLETE, True),
            (Outcome.UNTESTABLE, SHOULD, Verdict.CONFORMANT, False),
            (Outcome.UNTESTABLE, MAY, Verdict.CONFORMANT, False),
            (Outcome.UNREACHABLE, MUST, Verdict.INCOMPLETE, True),
            (Outcome.UNREACHABLE, SHOULD, Verdict.CONFORMANT, False),
            (Outcome.UNREACHABLE, MAY, Verdict.CONFORMANT, False),
            (Outcome.HARNESS_ERROR, MUST, Verdict.INCOMPLETE, True),
            (Outcome.HARNESS_ERROR, SHOULD, Verdict.INCOMPLETE, True),
            (Outcome.HARNESS_ERROR, MAY, Verdict.INCOMPLETE, True),
        ],
    )
    def test_of_one_rule_beside_one_that_passed(
        self, outcome: Outcome, level: Level, verdict: Verdict, gates: bool
    ) -> None:
        one = result(outcome, level)
        assert (verdict, gates) == (verdict_of([one, result(Outcome.PASSED)]), one.gates)

    def test_a_broken_must_outweighs_what_could_not_be_shown(self) -> None:
        results = [result(outcome) for outcome in Outcome]
        assert Verdict.VIOLATED is verdict_of(results)

    @pytest.mark.parametrize("outcome", [Outcome.NOT_APPLICABLE, Outcome.UNTESTABLE, Outcome.UNREACHABLE])
    def test_a_run_that_judged_nothing_is_no_pass(self, outcome: Outcome) -> None:
        assert Verdict.INCOMPLETE is verdict_of([result(outcome, SHOULD, judged=0)])
        assert Verdict.INCOMPLETE is verdict_of([])

    @given(mixed=st.lists(st.sampled_from(ALL), min_size=1))
    def test_is_conformant_just_when_nothing_gates(self, mixed: list[tuple[Outcome, Level]]) -> None:
        results = [result(outcome, level) for outcome, level in mixed]
        assert (verdict_of(results) is Verdict.CONFORMANT) == (not any(each.gates for each in results))

    @given(mixed=st.lists(st.sampled_from(ALL)), data=st.data())
    def test_does_not_depend_on_the_order(self, mixed: list[tuple[Outcome, Level]], data: st.DataObject) -> None:
        shuffled = data.draw(st.permutations(mixed))
        assert verdict_of(result(*each) for each in mixed) is verdict_of(result(*each) for each in shuffled)
