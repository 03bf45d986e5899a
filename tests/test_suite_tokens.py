"""What is played and sent where a platform fetches access tokens."""

from dataclasses import replace

import pytest

from fake_tokens import FakeTokens
from test_suite import POSTED, first, names, platform, played, scenario, sent
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import Scenario, Step
from vapi_conformance.suite import WRONG_KEY, be_sure_of, needed_scenarios


class TestTokens:
    PROBE = scenario(
        Step(name="fresh"), Step(name="expired", expired_token=True, expects="refusal"), Step(name="refreshed")
    )

    @staticmethod
    def sent(probe: Scenario, lifetime_s: float | None) -> list[str]:
        by = replace(platform(), tokens=FakeTokens(lifetime_s))
        return [dict(each.headers)["authorization"] for each in played(probe, by=by).sent]

    def test_one_is_sent_in_force_expired_and_anew(self) -> None:
        assert ["Bearer token-1", "Bearer token-1", "Bearer token-2"] == self.sent(self.PROBE, 5.0)

    @pytest.mark.parametrize("lifetime_s", [5.1, 3600.0, None])
    def test_one_that_lives_long_is_not_waited_out(self, lifetime_s: float | None) -> None:
        assert ["Bearer token-1"] == self.sent(self.PROBE, lifetime_s)

    def test_a_wrong_key_is_sent_in_place_of_one(self) -> None:
        assert [f"Bearer {WRONG_KEY}"] == self.sent(scenario(Step(name="s", wrong_key=True)), 60)

    def test_none_is_sent_without_a_key(self) -> None:
        by = replace(platform(), tokens=FakeTokens(60))
        assert "authorization" not in dict(sent(Step(name="s", without_key=True), by=by).headers)

    def test_their_scenario_is_played_where_some_are_sent(self) -> None:
        rules = [all_rules()["auth.expired-token-is-401"]]
        with_tokens = replace(platform(), tokens=FakeTokens(60))
        assert [["plain"], ["plain", "expired-token"]] == [
            names(needed_scenarios(rules, platform=by, has_key=True)) for by in (platform(), with_tokens)
        ]

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_token_is_no_refused_key(self, status: int) -> None:
        with pytest.raises(UsageError) as caught:
            be_sure_of(first(status), has_key=True, sends_token=True)
        assert (
            f"{POSTED} refuses the access token (status {status}): is authenticationPlan of the credential the one for "
            "this endpoint, with the scope that it wants?"
        ) == str(caught.value)
