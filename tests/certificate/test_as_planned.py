"""What a signer who holds the key might leave out of a bundle, or lay into it, and who notices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from made_certificates import exchange, small_plan
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.certificate import as_planned
from vapi_conformance.certificate.as_planned import check_as_planned, not_whole
from vapi_conformance.certificate.bundle import Bundle, BundleError, BundleWriter, read_bundle
from vapi_conformance.certificate.conditions import Circumstances, fixed_before
from vapi_conformance.certificate.rejudging import not_played, rejudged
from vapi_conformance.certificate.requirements import RequirementSet, current_set
from vapi_conformance.certificate.shapes import text_digest
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import Capture, Exchange, Label
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.scenario import Step, all_scenarios
from vapi_conformance.specimens import load_specimen
from vapi_conformance.speech import ChunkPlan


def bundled(
    folder: Path,
    exchanges: Sequence[Exchange] = (),
    calls: Sequence[CallRecord] = (),
    *,
    plan: Mapping[str, object] | None = None,
    conditions: Conditions | None = None,
) -> Bundle:
    writer = BundleWriter(folder=folder)
    writer.put("plan.json", small_plan() if plan is None else plan)
    for each in exchanges:
        writer.put_exchange(each)
    for call in calls:
        writer.put_call(call)
    writer.put("conditions.json", Circumstances(conditions=conditions or Conditions()).to_document())
    writer.finish()
    return read_bundle(folder, is_judged=False)


def labelled(scenario: str, step: str, *, attempt: int = 1) -> Exchange:
    found = next(each for each in all_scenarios()[scenario].steps if each.name == step)
    return replace(exchange(), label=Label(scenario=scenario, step=step, expects=found.expects, attempt=attempt))


def with_key(given: Exchange) -> Exchange:
    return replace(given, request=replace(given.request, headers=((b"Authorization", b"Bearer ****"),)))


NO_TOKENS = "the endpoint was called without access tokens (OAuth2)"


def planning(*scenarios: str, **left_out: str) -> dict[str, object]:
    return small_plan(
        scenarios=list(scenarios), left_out={name.replace("_", "-"): why for name, why in left_out.items()}
    )


class TestWhatIsMissing:
    def test_is_nothing_where_all_steps_are_there(self, tmp_path: Path) -> None:
        steps = [labelled("auth", step.name) for step in all_scenarios()["auth"].steps]
        assert {} == not_whole(bundled(tmp_path, steps))

    def test_is_a_step_that_went_wrong_and_was_taken_out(self, tmp_path: Path) -> None:
        bundle = bundled(tmp_path, [labelled("auth", "missing"), labelled("auth", "right")])
        assert {"auth": "not whole, without auth.wrong, attempt 1"} == not_whole(bundle)

    def test_keeps_the_verdict_from_being_conformant(self, tmp_path: Path) -> None:
        plan = planning("auth")
        bundle = bundled(tmp_path, [labelled("auth", "missing")], plan=plan)
        assert ["auth (not whole, without auth.wrong, attempt 1, auth.right, attempt 1)"] == not_played(bundle)

    def test_is_an_attempt_before_the_one_that_went_well(self, tmp_path: Path) -> None:
        assert {"tool-call": "not whole, without tool-call.stream, attempt 1, tool-call.json, attempt 1"} == {
            name: told.removesuffix(" and more")[:78]
            for name, told in not_whole(
                bundled(
                    tmp_path,
                    [labelled("tool-call", step, attempt=2) for step in ("stream", "json")],
                    plan=planning("tool-call"),
                )
            ).items()
        }

    def test_is_no_step_for_which_a_token_would_have_to_be_waited_out(self, tmp_path: Path) -> None:
        fresh = [labelled("expired-token", "fresh")]
        assert {} == not_whole(bundled(tmp_path, fresh))

    def test_is_one_where_the_token_could_be_waited_out(self, tmp_path: Path) -> None:
        fresh = [labelled("expired-token", "fresh")]
        bundle = bundled(tmp_path, fresh, conditions=Conditions(token_lifetime_s=2.0))
        assert ["expired-token"] == list(not_whole(bundle))


class TestWhatNoPlayLeaves:
    def refused(self, bundle: Bundle, says: str) -> None:
        with pytest.raises(BundleError, match=says):
            check_as_planned(bundle)
        with pytest.raises(BundleError, match=says):
            rejudged(bundle)

    def test_is_not_found_in_a_sound_bundle(self, tmp_path: Path) -> None:
        check_as_planned(bundled(tmp_path, [exchange()]))

    def test_is_an_exchange_twice(self, tmp_path: Path) -> None:
        self.refused(bundled(tmp_path, [exchange(), exchange()]), "is there a second time")

    def test_is_an_exchange_without_a_label(self, tmp_path: Path) -> None:
        self.refused(bundled(tmp_path, [replace(exchange(), label=None)]), "it is of no scenario that was planned")

    def test_is_an_exchange_of_a_scenario_that_was_left_out(self, tmp_path: Path) -> None:
        levels = [name for name in cast("list[str]", small_plan()["scenarios"]) if name != "gemini-query-key"]
        plan = planning(*levels, gemini_query_key="no client of this API sends such requests")
        assert "gemini-query-key" in object_or_nothing(plan["left_out"])
        strange = replace(exchange(), label=Label(scenario="gemini-query-key", step="json"))
        self.refused(bundled(tmp_path, [strange], plan=plan), "it is of no scenario that was planned")

    @pytest.mark.parametrize(
        "label",
        [
            Label(scenario="plain-json", step="another"),
            Label(scenario="plain-json", step="json", expects="anything"),
            Label(scenario="plain-json", step="json", attempt=2),
        ],
        ids=["name", "expectation", "attempt"],
    )
    def test_is_a_step_that_the_scenario_does_not_have(self, tmp_path: Path, label: Label) -> None:
        strange = replace(exchange(), label=label)
        self.refused(bundled(tmp_path, [strange]), "the scenario plain-json has no step like")

    @pytest.mark.parametrize("capture", [Capture(body="rebuilt"), Capture(headers="assumed")])
    def test_is_an_exchange_of_which_the_recorder_lost_something(self, tmp_path: Path, capture: Capture) -> None:
        self.refused(bundled(tmp_path, [replace(exchange(), capture=capture)]), "keeps what the wire had")

    def test_is_an_exchange_with_another_endpoint(self, tmp_path: Path) -> None:
        other = replace(exchange().request, url="https://other.example/v1/messages")
        self.refused(bundled(tmp_path, [replace(exchange(), request=other)]), "it was sent to another endpoint")

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"url": None}, "the target has no URL"),
            ({"name": "https://bank.example"}, "the target is called by the URL of another host"),
        ],
    )
    def test_is_a_target_with_a_name_that_is_not_its_own(
        self, tmp_path: Path, changes: dict[str, object], says: str
    ) -> None:
        plan = small_plan(target={**object_or_nothing(small_plan()["target"]), **changes})
        self.refused(bundled(tmp_path, [exchange()], plan=plan), says)

    @pytest.mark.parametrize(
        "conditions",
        [
            Conditions(dead_air_s=99),
            Conditions(hang_s=99),
            Conditions(prompt_speech_s=99),
            Conditions(characters_per_second=1),
            Conditions(timeout_s=601),
        ],
        ids=["dead air", "hang", "prompt speech", "rate", "timeout"],
    )
    def test_is_a_limit_that_somebody_moved(self, tmp_path: Path, conditions: Conditions) -> None:
        self.refused(bundled(tmp_path, [exchange()], conditions=conditions), "conditions.json: /")

    @pytest.mark.parametrize(
        ("conditions", "says"),
        [
            (Conditions(timeout_s=600), "conditions.json: /timeout_s: is not what the plan says"),
            (
                Conditions(chunk_plan=ChunkPlan(min_characters=3)),
                "conditions.json: /chunk_plan: is not what the plan says",
            ),
        ],
        ids=["timeout", "chunk plan"],
    )
    def test_is_a_condition_that_the_plan_did_not_fix(self, tmp_path: Path, conditions: Conditions, says: str) -> None:
        self.refused(bundled(tmp_path, [exchange()], conditions=conditions), says)

    def test_is_not_a_condition_that_it_fixed(self, tmp_path: Path) -> None:
        patient = Conditions(timeout_s=600, chunk_plan=ChunkPlan(min_characters=3))
        plan = small_plan(conditions=fixed_before(patient))
        check_as_planned(bundled(tmp_path, [exchange()], plan=plan, conditions=patient))


class TestReasonsForLeavingOut:
    def left_out(
        self, folder: Path, name: str, why: str, *exchanges: Exchange, conditions: Conditions | None = None
    ) -> Bundle:
        scenarios = [each for each in cast("list[str]", small_plan()["scenarios"]) if each != name]
        plan = small_plan(scenarios=scenarios, left_out={name: why})
        return bundled(folder, exchanges, plan=plan, conditions=conditions)

    def test_the_weather_is_none(self, tmp_path: Path) -> None:
        bundle = self.left_out(tmp_path, "oversized", "the weather was bad")
        with pytest.raises(BundleError, match="oversized was left out, and 'the weather was bad' is no reason"):
            rejudged(bundle)

    def test_a_reason_for_one_scenario_is_none_for_another(self, tmp_path: Path) -> None:
        bundle = self.left_out(tmp_path, "oversized", "the endpoint was called without a key")
        with pytest.raises(BundleError, match="is no reason that holds for it"):
            rejudged(bundle)

    def test_no_key_is_a_reason(self, tmp_path: Path) -> None:
        rejudged(self.left_out(tmp_path, "auth", "the endpoint was called without a key", exchange()))

    def test_no_key_is_none_where_requests_show_one(self, tmp_path: Path) -> None:
        why = "the endpoint was called without a key"
        bundle = self.left_out(tmp_path, "auth", why, with_key(exchange()))
        with pytest.raises(BundleError, match="auth was left out"):
            rejudged(bundle)

    def test_no_access_tokens_is_a_reason(self, tmp_path: Path) -> None:
        rejudged(self.left_out(tmp_path, "expired-token", NO_TOKENS, exchange()))

    def test_no_access_tokens_is_none_where_it_is_known_how_long_they_live(self, tmp_path: Path) -> None:
        given = Conditions(token_lifetime_s=3600.0)
        bundle = self.left_out(tmp_path, "expired-token", NO_TOKENS, exchange(), conditions=given)
        with pytest.raises(BundleError, match="expired-token was left out"):
            rejudged(bundle)


class TestShapesOfTheDay:
    """A certificate of before is held to the scenarios as they were, whatever they are by now."""

    @pytest.fixture
    def before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The set that plans name had fewer tries of a tool call, other steps, and a call of another text."""
        known = current_set()
        scenarios = dict(known.shapes.scenarios)
        scenarios["plain-json"] = replace(scenarios["plain-json"], steps=(Step(name="as-it-was"),))
        scenarios["tool-call"] = replace(scenarios["tool-call"], tries=1)
        call = load_specimen("call.tool-is-asked-for-once").broken_call
        assert call is not None
        texts = {**known.shapes.texts, call.name: text_digest({**call.scenario, "locale": "pt-PT"})}
        shapes = replace(known.shapes, scenarios=scenarios, texts=texts)

        def of_before(_: Mapping[str, object]) -> RequirementSet:
            return replace(known, shapes=shapes)

        monkeypatch.setattr(as_planned, "requirement_set", of_before)

    @pytest.mark.usefixtures("before")
    def test_a_step_that_there_was_is_one(self, tmp_path: Path) -> None:
        was = replace(exchange(), label=Label(scenario="plain-json", step="as-it-was"))
        bundle = bundled(tmp_path, [was], plan=planning("plain-json"))
        check_as_planned(bundle)
        assert {} == not_whole(bundle)

    @pytest.mark.usefixtures("before")
    def test_a_step_of_later_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match=r"the scenario plain-json has no step like plain-json\.json"):
            check_as_planned(bundled(tmp_path, [exchange()], plan=planning("plain-json")))

    @pytest.mark.usefixtures("before")
    def test_attempts_are_as_many_as_there_were(self, tmp_path: Path) -> None:
        steps = [labelled("tool-call", each.name) for each in all_scenarios()["tool-call"].steps]
        assert {} == not_whole(bundled(tmp_path, steps, plan=planning("tool-call")))

    def played(self, folder: Path) -> Bundle:
        """A call whose text is not that of today."""
        found = load_specimen("call.tool-is-asked-for-once").broken_call
        assert found is not None
        call = replace(found, scenario={**found.scenario, "about": "Told otherwise.", "locale": "pt-PT"})
        return bundled(folder, [], [call], plan=planning(f"calls/{call.name}"))

    @pytest.mark.usefixtures("before")
    def test_a_call_of_the_text_that_there_was_is_one(self, tmp_path: Path) -> None:
        check_as_planned(self.played(tmp_path))

    def test_a_call_of_a_text_that_there_was_not_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="another call was played than was planned"):
            check_as_planned(self.played(tmp_path))


class TestCalls:
    def call(self) -> CallRecord:
        found = load_specimen("call.tool-is-asked-for-once").broken_call
        assert found is not None
        return found

    def test_of_several_callers_none_may_be_missing(self, tmp_path: Path) -> None:
        scenario = all_call_scenarios()["sixteen-callers"]
        call = replace(
            self.call(), name=scenario.name, scenario=scenario.document, expects_ended=scenario.expects_ended
        )
        bundle = bundled(tmp_path, [], [call], plan=planning(scenario.label))
        assert {"calls/sixteen-callers": "not whole, without 15 of 16 callers"} == not_whole(bundle)

    def test_one_that_asks_for_less_than_was_planned_is_refused(self, tmp_path: Path) -> None:
        call = replace(self.call(), expects_tools=())
        plan = planning(f"calls/{call.name}")
        with pytest.raises(BundleError, match="another call was played than was planned"):
            check_as_planned(bundled(tmp_path, [], [call], plan=plan))

    def test_one_that_was_not_planned_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="it is of no scenario that was planned"):
            check_as_planned(bundled(tmp_path, [], [self.call()]))
