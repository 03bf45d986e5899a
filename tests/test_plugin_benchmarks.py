"""Latencies as benchmarks of pytest-benchmark: only when asked for, the instrument's values, its users' habits."""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from raw_server import chunked, head, playing, saying
from vapi_conformance.endpoint import Endpoint
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.pytest_plugin import benchmarks
from vapi_conformance.pytest_plugin.measuring import METRICS, Measurement, Rounds
from vapi_conformance.reference import ReferenceServer, reference_server

pytest_plugins = ["pytester"]

QUICK = ("--benchmark-min-rounds", "3", "--benchmark-max-time", "0")
ONLY = ("--benchmark-only", *QUICK)
IDS = [f"vapi-conformance-latency::{name}" for name in METRICS]
RULE = ("--endpoint-rule", "sse.last-event-is-terminated")
VALUES_NS = (100_000_001, 123_456_789, 987_654_321)
WHOLE = (
    b'{"id":"c1","object":"chat.completion","created":1785312000,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Hello there, caller."},"finish_reason":"stop"}]}'
)


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "0"]) as running:
        yield running


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instrument is calibrated once for all tests here, and nothing is left in the user's own folder."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, server: ReferenceServer, cache: Path) -> None:
    monkeypatch.setenv("REFERENCE_KEY", server.key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    # Where these tests run under pytest-xdist, pytest-benchmark would take the sessions in them for workers.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Rounds]:
    """In place of measuring: values that are known. What was asked for is noted."""
    asked: list[Rounds] = []

    def known(endpoint: Endpoint, rounds: Rounds) -> Measurement:
        asked.append(rounds)
        values = {name: [each + number for each in VALUES_NS] for number, name in enumerate(METRICS)}
        return Measurement(values=values, requests=len(VALUES_NS), clock="kernel", url=f"{endpoint.name}/v1?key=secret")

    monkeypatch.setattr(benchmarks, "measure", known)
    return asked


def endpoint(server: ReferenceServer, *more: str) -> list[str]:
    return ["--endpoint", server.url, "--endpoint-api-key-env", "REFERENCE_KEY", "--endpoint-model", "reference", *more]


def stored(path: Path) -> dict[str, Mapping[str, object]]:
    """Benchmarks of a file of pytest-benchmark's, by name."""
    found = array_or_nothing(object_or_nothing(json.loads(path.read_text(encoding="utf-8")))["benchmarks"])
    return {str(each["name"]): each for each in map(object_or_nothing, found)}


class TestCollection:
    def test_nothing_is_offered_without_an_endpoint(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile("def test_mine(): pass\ndef test_quick(benchmark): benchmark(len, '')")
        result = pytester.runpytest("--benchmark-only")
        result.assert_outcomes(passed=1, skipped=1)
        result.stdout.no_fnmatch_line("*vapi-conformance-latency*")

    def test_nothing_is_measured_unless_somebody_asks(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest(*endpoint(server, *RULE))
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*vapi-conformance-latency*")

    def test_benchmark_only_offers_the_three_and_no_rule(
        self, pytester: pytest.Pytester, server: ReferenceServer
    ) -> None:
        pytester.makepyfile("def test_mine(): pass")
        result = pytester.runpytest(*endpoint(server, "--benchmark-only", "--collect-only", "-q"))
        result.stdout.fnmatch_lines(["*::test_mine", *IDS, "", "4 tests collected in *"], consecutive=True)

    def test_benchmark_enable_offers_them_beside_the_rules(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        result = pytester.runpytest(*endpoint(server, *RULE, "--benchmark-enable", "-v"))
        result.assert_outcomes(passed=4)
        result.stdout.fnmatch_lines([f"{each} PASSED*" for each in IDS])
        result.stdout.fnmatch_lines(["1 rule over * exchanges: 1 passed *"])
        assert 1 == len(measured)

    @pytest.mark.parametrize("more", [(), ("--benchmark-enable",), ("--benchmark-disable",)], ids=" ".join)
    def test_benchmark_skip_offers_none(
        self, pytester: pytest.Pytester, server: ReferenceServer, more: tuple[str, ...]
    ) -> None:
        result = pytester.runpytest(*endpoint(server, *RULE, "--benchmark-skip", *more, "--collect-only", "-q"))
        result.stdout.fnmatch_lines(["vapi-conformance::sse.last-event-is-terminated"])
        result.stdout.no_fnmatch_line("*latency*")

    def test_without_pytest_benchmark_the_rules_are_judged(
        self, pytester: pytest.Pytester, server: ReferenceServer
    ) -> None:
        pytester.runpytest(*endpoint(server, *RULE, "-p", "no:benchmark")).assert_outcomes(passed=1)

    def test_collecting_sends_nothing(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        pytester.runpytest(*endpoint(server, *ONLY, "--collect-only"))
        pytester.runpytest(*endpoint(server, *ONLY, "-k", "nothing"))
        assert [] == measured

    def test_the_users_own_fixtures_do_no_harm(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        scopes = ("session", "package", "module", "class", "function")
        pytester.makeconftest(
            "import pytest\n"
            + "\n".join(
                f"@pytest.fixture(autouse=True, scope={scope!r})\ndef {scope}_wide(request): return request.node.name"
                for scope in scopes
            )
        )
        pytester.runpytest(*endpoint(server, *ONLY)).assert_outcomes(passed=3)


class TestValues:
    def test_are_the_instruments_own_to_the_nanosecond(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        result = pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-json", "out.json"))
        assert pytest.ExitCode.OK == result.ret
        for number, (name, bench) in enumerate(stored(pytester.path / "out.json").items()):
            stats = object_or_nothing(bench["stats"])
            assert (METRICS[number], 3, 1) == (name, stats["rounds"], stats["iterations"])
            assert [float(Fraction(each + number, 10**9)) for each in VALUES_NS] == stats["data"]
        assert [Rounds(least=3, time_s=0.0)] == measured

    def test_say_what_they_are(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-json", "out.json"))
        assert measured
        found = stored(pytester.path / "out.json")
        extra = object_or_nothing(found["ttft"]["extra_info"])
        assert (3, "kernel", 1, f"{server.url}/v1") == tuple(
            extra[each] for each in ("n", "clock", "warm_up", "endpoint")
        )
        assert str(extra["definition"]).startswith("Time to first token")
        assumed = object_or_nothing(object_or_nothing(found["turn"]["extra_info"])["assumed_ms"])
        assert {"endpointing": 100.0, "transcriber": 150.0, "voice": 325.0} == assumed
        assert "instrument_time" == object_or_nothing(found["ttft"]["options"])["timer"]

    def test_of_the_bundled_server_are_measured(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-json", "out.json"))
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(
            [
                f"vapi-conformance *: latency of {server.url}, platform vapi, dialect openai_compatible, one request *",
                "vapi-conformance-latency: 3 requests one after the other, 1 more*own error*not subtracted",
                f"* benchmark 'latency of {server.url}': 3 tests *",
            ]
        )
        written = (pytester.path / "out.json").read_text(encoding="utf-8")
        assert [] == [place for place in (written, result.stdout.str(), result.stderr.str()) if server.key in place]
        found = stored(pytester.path / "out.json")
        data = {name: array_or_nothing(object_or_nothing(found[name]["stats"])["data"]) for name in METRICS}
        # No time is known here, but how they hang together is: speech is not before the first token, and then a turn's
        # other stages are assumed.
        for first, speech, turn in zip(*data.values(), strict=True):
            assert isinstance(first, float)
            assert isinstance(speech, float)
            assert 0 < first <= speech
            assert speech + 0.575 == pytest.approx(turn)
        extra = object_or_nothing(found["ttft"]["extra_info"])
        assert 1 == object_or_nothing(extra["calibration"])["streams"]

    def test_say_where_the_client_was_late_beside_the_gaps_of_the_answers(
        self, pytester: pytest.Pytester, server: ReferenceServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def late(_: object, *, loop: str, ttft: Histogram, icl: Histogram) -> Iterator[str]:
            yield f"late in a {loop} loop: {ttft.n} answers, {'gaps' if icl.n > ttft.n else 'no gaps'}"

        monkeypatch.setattr("vapi_conformance.pytest_plugin.measuring.reasons", late)
        result = pytester.runpytest(*endpoint(server, *ONLY))
        result.stdout.fnmatch_lines(["*: the client was the bottleneck: late in a closed loop: * answers, gaps"])

    def test_under_the_reference_name_no_server_is_needed(self, pytester: pytest.Pytester) -> None:
        result = pytester.runpytest("--endpoint", "reference", *ONLY, "-k", "ttft")
        result.assert_outcomes(passed=1, deselected=2)

    def test_more_rounds_are_more_requests(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        rounds = ("--benchmark-only", "--benchmark-min-rounds", "7", "--benchmark-max-time", "0")
        pytester.runpytest(*endpoint(server, *rounds, "--benchmark-json", "out.json"))
        found = stored(pytester.path / "out.json")
        assert dict.fromkeys(METRICS, 7) == {
            name: object_or_nothing(each["stats"])["rounds"] for name, each in found.items()
        }


class TestHabits:
    @pytest.mark.parametrize(("factor", "ends"), [(1e-6, False), (1e6, True)], ids=["slower", "faster"])
    def test_storage_and_compare_fail(
        self,
        pytester: pytest.Pytester,
        server: ReferenceServer,
        measured: list[Rounds],
        factor: float,
        ends: bool,
    ) -> None:
        assert pytest.ExitCode.OK == pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-autosave")).ret
        [saved] = pytester.path.glob(".benchmarks/*/0001_*.json")
        document = json.loads(saved.read_text(encoding="utf-8"))
        for bench in document["benchmarks"]:
            bench["stats"] = {
                name: value * factor if isinstance(value, float) else value for name, value in bench["stats"].items()
            }
        saved.write_text(json.dumps(document), encoding="utf-8")
        compared = ("--benchmark-compare", "--benchmark-compare-fail=mean:5%")
        result = pytester.runpytest_subprocess(*endpoint(server, *ONLY, *compared))
        assert ends is (result.ret == pytest.ExitCode.OK)
        assert ends is ("Performance has regressed" not in result.stderr.str())
        result.stdout.fnmatch_lines_random(["ttft (0001_*", "ttft (NOW) *"])
        assert len(measured) == 1  # the second one measured in a process of its own

    def test_groups(self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]) -> None:
        result = pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-group-by", "name"))
        result.stdout.fnmatch_lines([f"* benchmark '{name}': 1 tests *" for name in sorted(METRICS)])
        assert measured

    def test_cprofile_finds_an_answer_to_profile(
        self, pytester: pytest.Pytester, server: ReferenceServer, measured: list[Rounds]
    ) -> None:
        pytester.runpytest(*endpoint(server, *ONLY, "--benchmark-cprofile", "cumtime")).assert_outcomes(passed=3)
        assert measured

    @pytest.mark.parametrize("asked", [("--benchmark-only",), ("--benchmark-enable", *RULE)], ids=" ".join)
    def test_under_xdist_they_refuse_to_run(
        self, pytester: pytest.Pytester, server: ReferenceServer, asked: tuple[str, ...]
    ) -> None:
        result = pytester.runpytest_subprocess(*endpoint(server, *asked, "-n", "2"))
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        told = (
            "ERROR: latency is not measured under pytest-xdist, where other tests share the processor with the "
            "instrument: run the benchmarks on their own, without -n"
        )
        assert [told] == [line for line in result.errlines if line]


class TestFailures:
    def told(self, pytester: pytest.Pytester, *arguments: str) -> list[str]:
        """What each of the three says; no traceback, no figure."""
        result = pytester.runpytest(*arguments, *ONLY)
        result.assert_outcomes(failed=3)
        assert ("Traceback" in result.stdout.str(), " benchmark 'latency" in result.stdout.str()) == (False, False)
        return [
            line
            for before, line in pairwise(result.outlines)
            if any(f" {identity} " in before and before.startswith("____") for identity in IDS)
        ]

    def test_an_endpoint_that_is_not_there(self, pytester: pytest.Pytester) -> None:
        said = self.told(pytester, "--endpoint", "http://127.0.0.1:1")
        assert [True] * 3 == ["http://127.0.0.1:1/chat/completions cannot be reached: " in each for each in said]

    def test_a_key_that_is_missing(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        said = self.told(pytester, "--endpoint", server.url)
        assert [True] * 3 == ["wants a key (status 401): name the environment variable" in each for each in said]

    def test_an_error_between_answers(self, pytester: pytest.Pytester) -> None:
        answer = head(Content_Type="text/event-stream", Transfer_Encoding="chunked") + chunked(
            b'data: {"id":"c1","object":"chat.completion.chunk","created":1785312000,"model":"m","choices":[{"index":0,'
            b'"delta":{"role":"assistant","content":"Hello there, caller. "},"finish_reason":"stop"}]}\n\n',
            b"data: [DONE]\n\n",
        )
        broken = head("500 Internal Server Error", Content_Length="0")
        with playing(saying([answer]), saying([answer]), saying([broken])) as url:
            said = self.told(pytester, "--endpoint", url)
        assert ["request 3 went wrong: status 500; figures without it would flatter"] * 3 == said

    def test_answers_that_are_not_streamed_have_no_first_token(self, pytester: pytest.Pytester) -> None:
        answer = head(Content_Type="application/json", Content_Length=str(len(WHOLE))) + WHOLE
        with playing(saying([answer])) as url:
            said = self.told(pytester, "--endpoint", url)
        assert [f"3 of 3 answers have no {name}: " for name in METRICS] == [
            each[: len(f"3 of 3 answers have no {name}: ")] for name, each in zip(METRICS, said, strict=True)
        ]
