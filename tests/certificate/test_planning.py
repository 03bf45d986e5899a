"""What is fixed before the first request: it follows from published documents, and names no secret."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from vapi_conformance.certificate.bundle_files import BundleError
from vapi_conformance.certificate.conditions import fixed_before
from vapi_conformance.certificate.levels import current_levels
from vapi_conformance.certificate.planning import check_plan, plan_for, planned_scenarios
from vapi_conformance.certificate.requirements import current_set
from vapi_conformance.endpoint import Endpoint, opened, read_endpoint
from vapi_conformance.evidence import Conditions
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

MOMENT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
URL = "https://user.example/v1"
ENVIRONMENT = {"MY_KEY": "sk-key-of-this-test-0123456789"}


def endpoint(**settings: str) -> Endpoint:
    given = {"": [URL], **{name.replace("_", "-"): [value] for name, value in settings.items()}}
    return read_endpoint(given, ENVIRONMENT)


def planned(level: str, **settings: str) -> dict[str, object]:
    """Nothing is sent: an endpoint with a key is opened without asking it anything."""
    asked = endpoint(**settings)
    with opened(asked) as live:
        return plan_for(asked, live, level=level, started_at=MOMENT)


class TestPlan:
    @pytest.mark.parametrize("level", current_levels().names)
    @pytest.mark.parametrize(
        "settings",
        [{}, {"platform": "rapida", "model": "m"}, {"dialect": "anthropic_messages"}, {"profile": "standard"}],
        ids=["vapi", "rapida", "direct", "standard"],
    )
    def test_follows_its_schema_and_is_what_the_documents_say(self, level: str, settings: dict[str, str]) -> None:
        plan = planned(level, **settings)
        assert () == tuple(errors("harness/certificate-plan", plan))
        assert (current_set(), current_levels()) == check_plan(plan)

    def test_every_scenario_of_the_level_is_planned_or_left_out_with_a_reason(self) -> None:
        plan = planned("voice-ready")
        left_out = object_or_nothing(plan["left_out"])
        assert [
            name for name in current_levels().scenarios("voice-ready") if name not in left_out
        ] == planned_scenarios(plan)
        assert {
            "auth": "the endpoint was called without a key",
            "expired-token": "the endpoint was called without access tokens (OAuth2)",
            "anthropic-version": "no client of this API sends such requests",
        } == {name: left_out[name] for name in ("auth", "expired-token", "anthropic-version")}

    def test_a_key_lets_its_scenarios_be_played(self) -> None:
        assert "auth" in planned_scenarios(planned("json", api_key_env="MY_KEY"))

    def test_calls_are_played_as_vapi_only(self) -> None:
        left_out = object_or_nothing(planned("calls", platform="rapida", model="m")["left_out"])
        assert ("whole calls are played as Vapi only", "rapida never sends such requests") == (
            left_out["calls/barge-in"],
            left_out["greeting"],
        )

    def test_the_identity_is_where_requests_go_and_holds_no_key(self) -> None:
        plan = planned("json", api_key_env="MY_KEY", model="m")
        assert {
            "name": URL,
            "url": f"{URL}/chat/completions",
            "platform": "vapi",
            "dialect": "openai_compatible",
            "model": "m",
        } == plan["target"]
        assert ENVIRONMENT["MY_KEY"] not in str(plan)

    def test_nor_a_query(self) -> None:
        asked = read_endpoint({"": [f"{URL}?tenant=7"]}, {})
        with opened(asked) as live:
            plan = plan_for(asked, live, level="json", started_at=MOMENT)
        assert "tenant" not in str(plan)

    def test_the_bundled_server_is_itself_on_whatever_port(self) -> None:
        asked = read_endpoint({"": ["reference"]}, {})
        with opened(asked) as live:
            plan = plan_for(asked, live, level="json", started_at=MOMENT)
        assert ("reference", None) == tuple(object_or_nothing(plan["target"])[name] for name in ("name", "url"))

    def test_the_conditions_that_a_user_may_set_are_fixed(self) -> None:
        usual = object_or_nothing(planned("json")["conditions"])
        assert (20.0, fixed_before(Conditions())["chunk_plan"]) == (usual["timeout_s"], usual["chunk_plan"])
        assert 600.0 == object_or_nothing(planned("json", timeout="600")["conditions"])["timeout_s"]

    def test_thresholds_are_there_for_the_level_that_has_them(self) -> None:
        assert (None, []) == (planned("calls")["load"], planned("calls")["gates"])
        plan = planned("voice-ready", profile="standard")
        assert {"fail_if": "ttfs.p95 > 1000ms", "weighs": "MUST"} in list(_gates(plan))
        assert {"fail_if": "ttfs.max >= 5s", "weighs": "MUST"} not in list(_gates(plan))

    def test_the_moment_is_whole_seconds(self) -> None:
        assert "2026-11-21T12:00:00+00:00" == planned("json")["started_at"]

    def test_a_level_that_there_is_not_is_a_mistake(self) -> None:
        with pytest.raises(UsageError, match="there is no level 'best'"):
            planned("best")


def _gates(plan: dict[str, object]) -> Iterator[object]:
    gates = plan["gates"]
    assert isinstance(gates, list)
    yield from gates


def test_a_plan_made_by_another_release_is_checked_by_what_it_names() -> None:
    plan = planned("json")
    for name in ("requirements", "levels"):
        other = {**plan, name: {"name": "2026-11", "digest": "sha256:" + "f" * 64}}
        with pytest.raises(BundleError, match=r"plan\.json: the .* another digest here"):
            check_plan(other)
