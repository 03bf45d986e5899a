"""Issuing: the plan is there before anything is sent, every exchange is kept as it ends, and what is kept is judged."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from starlette.responses import Response

from latency.streaming_apps import Answering, endpoint, refusal
from vapi_conformance.call_record import CallRecord
from vapi_conformance.certificate.bundle import read_bundle
from vapi_conformance.certificate.canonical import canonical_json, digest_of
from vapi_conformance.certificate.issuing import Issued, Issuer
from vapi_conformance.certificate.planning import planned_scenarios
from vapi_conformance.certificate.rejudging import rejudged
from vapi_conformance.endpoint import opened, read_endpoint
from vapi_conformance.problems import TransportError, UsageError


@pytest.fixture
def served() -> Iterator[tuple[str, Answering]]:
    with endpoint() as made:
        yield made


def issue(folder: Path, url: str, level: str, bench: Mapping[str, object] | None = None) -> Issued:
    asked = read_endpoint({"": [url]}, {})
    issuer = Issuer(endpoint=asked, folder=folder)
    with opened(asked) as live:
        issuer.fix(live, level=level)
        issuer.play(live)
    if bench is not None:
        issuer.measure(lambda plan: bench)
    return issuer.judge()


class TestFixing:
    def test_writes_the_plan_before_anything_is_sent(self, served: tuple[str, Answering], tmp_path: Path) -> None:
        asked = read_endpoint({"": [served[0]]}, {})
        issuer = Issuer(endpoint=asked, folder=tmp_path)
        with opened(asked) as live:
            digest = issuer.fix(live, level="calls")
        assert [] == served[1].bodies
        assert digest == digest_of(json.loads((tmp_path / "plan.json").read_bytes()))

    def test_what_was_fixed_is_what_is_judged(self, served: tuple[str, Answering], tmp_path: Path) -> None:
        asked = read_endpoint({"": [served[0]]}, {})
        issuer = Issuer(endpoint=asked, folder=tmp_path)
        with opened(asked) as live:
            digest = issuer.fix(live, level="json")
            issuer.play(live)
        assert digest == digest_of(issuer.judge().bundle.plan)


class TestPlaying:
    def test_plays_the_scenarios_of_the_plan_in_order_and_no_others(
        self, served: tuple[str, Answering], tmp_path: Path
    ) -> None:
        bundle = issue(tmp_path, served[0], "json").bundle
        labels = [each.label.scenario for each in bundle.exchanges if each.label is not None]
        assert planned_scenarios(bundle.plan) == list(dict.fromkeys(labels))

    def test_the_report_is_what_the_bundle_comes_to(self, served: tuple[str, Answering], tmp_path: Path) -> None:
        issued = issue(tmp_path, served[0], "json")
        again = read_bundle(tmp_path)
        assert canonical_json(issued.bundle.report) == canonical_json(rejudged(again))
        assert issued.bundle.digest == again.digest

    def test_an_endpoint_that_answers_badly_is_judged_and_not_raised(
        self, served: tuple[str, Answering], tmp_path: Path
    ) -> None:
        def say(number: int) -> Response:
            return Response(b"\xff\x00" * 100, status_code=(200, 500, 204, 301)[number % 4], media_type="a/b")

        served[1].say = say
        issued = issue(tmp_path, served[0], "json")
        assert "FAILED" == issued.result.result
        assert {} != dict(issued.result.not_shown)

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            (refusal(401), "wants a key"),
            (refusal(404, "no such model"), "name a model that it has"),
            (Response(status_code=307, headers={"location": "/"}), "redirects"),
        ],
    )
    def test_a_set_up_that_is_wrong_is_told_and_not_certified(
        self, served: tuple[str, Answering], tmp_path: Path, answer: Response, problem: str
    ) -> None:
        served[1].say = lambda number: answer
        with pytest.raises(UsageError, match=problem):
            issue(tmp_path, served[0], "json")
        assert 1 == len(served[1].bodies)

    def test_who_cannot_be_reached_is_not_certified(self, tmp_path: Path) -> None:
        with pytest.raises(TransportError, match="cannot be reached"):
            issue(tmp_path, "http://127.0.0.1:9/v1", "json")


class TestLatency:
    def test_a_bench_that_is_none_proves_nothing_and_is_no_bundle(
        self, served: tuple[str, Answering], tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=r"bench\.json: "):
            issue(tmp_path, served[0], "json", bench={"format": "vapi-conformance/bench"})


class TestCalls:
    def test_calls_that_are_waited_for_in_vain_are_given_up_and_listed(
        self, served: tuple[str, Answering], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Five are enough, and the certificate says that the others were not played."""

        def tiresome(call: CallRecord) -> bool:
            return bool(call.name)

        monkeypatch.setattr("vapi_conformance.suite.is_tiresome", tiresome)
        issued = issue(tmp_path, served[0], "calls")
        assert 5 <= len(issued.bundle.calls)
        missing = [reason for reason in issued.result.reasons if "planned scenarios were not played" in reason]
        assert ("FAILED", 1) == (issued.result.result, len(missing))
        assert any("were waited for in vain" in str(each) for each in issued.bundle.circumstances.lints)
        assert "planned and not played" == issued.result.not_shown["calls/webhook-schema"]
