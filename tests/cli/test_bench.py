"""`bench` as a user types it: what it sends, its document, its text, its exit status; `bench compare`."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import made_benches
import raw_server
from latency.streaming_apps import Answering, endpoint, refusal, stream
from vapi_conformance.cli import bench_consent, bench_progress, main
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

KEY = "sk-key-of-this-test-0123456789"
FAR = "https://host.example/v1"
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A cache of its own: the first bench calibrates, the others know."""
    return {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")), "MY_KEY": KEY, "MY_HEADER": "letmein-0123456789"}


@pytest.fixture(autouse=True)
def on_a_quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine does beside the test must not change what is told: `test_bottleneck` has the signs of it."""

    def none(*_: object, **__: object) -> Iterator[str]:
        return iter(())

    for place in ("running", "calibration"):
        monkeypatch.setattr(f"vapi_conformance.latency.{place}.reasons", none)
    # A bench that takes long tells how it gets on, and then standard error is no longer what these tests expect.
    for name in ("_EVERY_LINE_S", "_SILENT_S"):
        monkeypatch.setattr(bench_progress, name, 3600.0)


@pytest.fixture
def served() -> Iterator[tuple[str, Answering]]:
    with endpoint() as made:
        yield made


@pytest.fixture
def run(environment: Mapping[str, str]) -> "Bench":
    return Bench(environment)


class Bench:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: object, typed: str | None = None) -> Result:
        return CliRunner(env=self.environment).invoke(main, ["bench", *map(str, arguments)], input=typed)

    def document(self, *arguments: object, status: int = 0) -> Mapping[str, object]:
        result = self(*arguments, "--json")
        assert status == result.exit_code, result.output
        return document(result.stdout)


def document(text: str) -> Mapping[str, object]:
    found: object = json.loads(text)
    assert () == errors("harness/bench", found)
    return object_or_nothing(found)


def at(found: Mapping[str, object], *path: str) -> object:
    value: object = found
    for name in path:
        value = object_or_nothing(value)[name]
    return value


def groups(found: Mapping[str, object], by: str) -> list[object]:
    return [
        at(object_or_nothing(each), "value")
        for each in array_or_nothing(found["groups"])
        if at(object_or_nothing(each), "by") == by
    ]


class TestDocument:
    def test_has_what_the_design_promises(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        found = run.document(url, "--requests", 12, "--concurrency", 2, "--model", "my-model")
        for name in ("ttft_ms", "ttfs_ms", "icl_ms"):
            assert {"n", "mean", "p50", "p90", "p95", "p99", "max"} <= object_or_nothing(found[name]).keys()
        assert (12, 2, 14) == (found["requests"], found["warm_up"], len(app.bodies))
        assert (12, None) == (at(found, "ttft_ms", "n"), at(found, "ttft_ms", "p99"))
        assert ("my-model", f"{url}/chat/completions") == (at(found, "target", "model"), at(found, "target", "url"))
        assert (8, True) == (
            at(found, "calibration", "streams"),
            isinstance(at(found, "calibration", "ttft_error_ms"), dict),
        )
        assert ({"count": 0, "share": 0.0, "by_kind": {}}, None) == (found["errors"], found["stopped"])
        assert 12 == at(found, "streams", "seen")

    def test_says_what_each_judge_says_of_load_traffic(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: stream() if number % 2 else None
        found = run.document(url, "--requests", 8, "--warmup", 0, "--concurrency", 1, "--stop-on-errors", 100)
        assert (8, {"heard": 4, "silence": 4}) == (found["judged"], found["heard"])
        assert {"empty answer": 4} == at(found, "errors", "by_kind")
        assert 4 in object_or_nothing(found["violations"]).values()

    def test_answers_that_are_too_large_to_keep_are_not_passed_over_in_silence(
        self, run: Bench, served: tuple[str, Answering], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vapi_conformance.latency.sampling._MOST_BYTES", 1000)
        result = run(served[0], "--requests", 2)
        assert (0, True) == (result.exit_code, "too large to be kept for the judges" in result.stderr)
        assert "rules: not judged" in result.stdout

    def test_nobody_judges_where_nobody_is_to(self, run: Bench, served: tuple[str, Answering]) -> None:
        found = run.document(served[0], "--requests", 2, "--judge", 0)
        assert (None, None, {}) == (found["judged"], found["violations"], found["heard"])

    def test_is_kept_in_a_file(self, run: Bench, served: tuple[str, Answering], tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        result = run(served[0], "--requests", 3, "--out", path)
        assert (0, f"the result is in {path}\n") == (result.exit_code, result.stderr)
        assert 3 == document(path.read_text())["requests"]

    def test_is_drawn_on_a_page(self, run: Bench, served: tuple[str, Answering], tmp_path: Path) -> None:
        path = tmp_path / "a.html"
        result = run(served[0], "--requests", 3, "--html", path)
        assert (0, f"the page is in {path}\n") == (result.exit_code, result.stderr)
        assert path.read_text().startswith("<!DOCTYPE html>") or "<html" in path.read_text()[:200].lower()

    def test_the_settings_are_those_that_were_typed(self, run: Bench, served: tuple[str, Answering]) -> None:
        settings = object_or_nothing(run.document(served[0], "--requests", 2, "--fail-if", "errors > 9")["settings"])
        assert (2, ["errors > 9"], None) == (settings["requests"], settings["fail-if"], settings["rate"])


class TestLoads:
    def test_open_loop_has_both_figures(self, run: Bench, served: tuple[str, Answering]) -> None:
        found = run.document(served[0], "--rate", 100, "--requests", 10, "--poisson", "--seed", 5)
        assert {10} == {at(found, f"{each}_ms", "n") for each in ("ttft", "ttft_from_sent", "start_delay")}
        assert ("open", "poisson", 5) == tuple(at(found, "schedule", each) for each in ("kind", "arrivals", "seed"))

    def test_a_sweep_tells_its_loads_apart(self, run: Bench, served: tuple[str, Answering]) -> None:
        found = run.document(served[0], "--concurrency", "1,3", "--requests", 6)
        assert (12, ["1 stream", "3 streams"]) == (found["requests"], groups(found, "load"))

    def test_steps_and_traces(self, run: Bench, served: tuple[str, Answering], tmp_path: Path) -> None:
        trace = tmp_path / "arrivals.txt"
        trace.write_text("0\n0.01\n0.01\n")
        assert ["100/s", "50/s"] == groups(run.document(served[0], "--steps", "50,100", "--duration", 0.1), "load")
        assert 3 == run.document(served[0], "--trace", trace)["requests"]

    def test_whole_calls_have_a_growing_history(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        found = run.document(url, "--scenario", "ten-turns", "--concurrency", 2)
        assert (20, 10) == (found["requests"], len(groups(found, "messages")))
        assert max(map(len, app.messages)) == 21

    def test_connections_of_their_own(self, run: Bench, served: tuple[str, Answering]) -> None:
        assert ["new"] == groups(run.document(served[0], "--requests", 3, "--cold"), "connection")

    def test_several_processes(self, run: Bench, served: tuple[str, Answering]) -> None:
        found = run.document(served[0], "--requests", 8, "--processes", 2)
        names = [at(object_or_nothing(each), "name") for each in array_or_nothing(found["workers"])]
        assert (["process 1", "process 2"], 2) == (names, at(found, "calibration", "processes"))

    def test_the_cap_holds(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        found = run.document(url, "--duration", 60, "--cap", 9, "--warmup", 2)
        assert (7, 9) == (found["requests"], len(app.bodies))

    def test_a_knee_is_a_bracket(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, _ = served
        found = run.document(url, "--knee", "errors > 50%", "--most", 2, "--concurrency", 1, "--requests", 10)
        assert (2, None) == (at(found, "knee", "carried"), at(found, "knee", "overloaded"))
        assert ["1 stream", "2 streams"] == groups(found, "load")
        text = run(url, "--knee", "errors > 50%", "--most", 1, "--requests", 10, "--concurrency", 1).stdout
        assert "knee of errors > 50%: carried up to 1, and no load that was tried was too much\n" in text


class TestGates:
    def test_one_that_passes(self, run: Bench, served: tuple[str, Answering]) -> None:
        found = run.document(served[0], "--requests", 4, "--fail-if", "errors > 10%", "--fail-if", "errors >= 1")
        assert ["passed", "passed"] == [
            at(object_or_nothing(each), "outcome") for each in array_or_nothing(found["gates"])
        ]

    def test_one_that_fails(self, run: Bench, served: tuple[str, Answering]) -> None:
        result = run(served[0], "--requests", 4, "--fail-if", "ttft.n < 100")
        assert 1 == result.exit_code
        assert result.stdout.endswith("--fail-if ttft.n < 100: fails, ttft.n is 4 (n = 4)\n")

    def test_one_that_nobody_can_judge(self, run: Bench, served: tuple[str, Answering]) -> None:
        result = run(served[0], "--requests", 4, "--fail-if", "ttft.p99 > 60s")
        assert 1 == result.exit_code
        assert "cannot be said, because p99 needs at least 100 values, and there are 4" in result.stdout


class TestBottleneck:
    def test_gives_no_number_and_passes_no_gate(
        self, run: Bench, served: tuple[str, Answering], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def busy(*_: object, **__: object) -> list[str]:
            return ["process 1 of the client was busy"]

        monkeypatch.setattr("vapi_conformance.latency.running.reasons", busy)
        arguments = (served[0], "--requests", 4, "--fail-if", "ttft.p50 > 60s", "--fail-if", "errors > 3")
        result = run(*arguments)
        assert 1 == result.exit_code
        assert "the client was the bottleneck: figures would be its own and not the endpoint's\n" in result.stdout
        assert re.search(r"^ttft ms +4 +\? +\?", result.stdout, re.MULTILINE)
        assert "--fail-if ttft.p50 > 60s: cannot be said, because the client was the bottleneck\n" in result.stdout
        assert "--fail-if errors > 3: passes, errors is 0 (0 of 4 requests)\n" in result.stdout
        assert True is run.document(*arguments, status=1)["client_was_bottleneck"]


class TestText:
    def test_shows_figures_with_their_meaning_and_the_instrument(
        self, run: Bench, served: tuple[str, Answering]
    ) -> None:
        text = run(served[0], "--requests", 6).stdout
        for words in (
            f"{served[0]}/chat/completions, model gpt-4o\n",
            "6 requests in ",
            "closed loop, 4 streams at once, 4 more to warm up\n",
            "ttft ms         Time to first token: to the first delta with content;",
            "errors: none in 6 requests\n",
            "what the platform makes of them: 6 heard\n",
            "not subtracted:\n  first token ",
            "client process 1: ",
        ):
            assert words in text
        assert re.search(r"^ttft ms +6 +\S+ +\S+ +- +- +- +\S+", text, re.MULTILINE)
        # Of the rate there is a value for each answer whose chunks came apart, and that may be a single one.
        needs = r"^- too few values: (p50 from 2, )?p90 from 10, p95 from 20, p99 from 100 on$"
        assert re.search(needs, text, re.MULTILINE)

    def test_a_refused_endpoint_is_told_in_one_sentence(self, run: Bench) -> None:
        result = run("http://127.0.0.1:1/v1", "--requests", 30)
        assert 1 == result.exit_code
        assert "ended early: 20 of the last 20 requests went wrong\n" in result.stdout
        assert "no request gave a figure\n" in result.stdout
        assert "errors: 20 of 20 requests (100.0%): 20 no connection\n" in result.stdout
        assert result.stderr.startswith("http://127.0.0.1:1/v1/chat/completions cannot be reached: ")

    def test_a_wrong_key_is_told_in_one_sentence(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: refusal(401, "who are you?")
        result = run(url, "--requests", 30)
        assert 1 == result.exit_code
        assert (
            "wants a key (status 401): name the environment variable that holds it with --api-key-env" in result.stderr
        )

    def test_an_endpoint_that_has_enough_ends_the_load(self, run: Bench, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: refusal(429, Retry_After=str(number)) if number > 10 else None
        result = run(url, "--concurrency", 1, "--warmup", 0, "--requests", 5000)
        assert 1 == result.exit_code
        assert (
            "the endpoint limits its rate: it refused 10 times with status 429 and asked to wait for up to 20 s before "
            "the next (Retry-After); send less with a lower --rate or --concurrency, or ask its owner for a higher "
            "limit\n"
        ) == result.stderr
        assert "ended early: 10 of the last 20 requests went wrong\n" in result.stdout
        assert "errors: 10 of 20 requests (50.0%): 10 status 429\n" in result.stdout
        assert "what the platform makes of them: 10 call-ends, 10 heard\n" in result.stdout
        assert 5000 > len(app.bodies)

    def test_an_endpoint_that_is_silent_was_reached(self, run: Bench) -> None:
        with raw_server.playing(raw_server.saying([3600.0])) as url:
            result = run(url, "--requests", 1, "--concurrency", 1, "--warmup", 0, "--timeout", 0.1)
        assert "errors: 1 of 1 request (100.0%): 1 timed out\n" in result.stdout
        words = (
            "was reached, but gives no answer: no byte for 5.1 s (--timeout and 5 s more, so that its breach is seen)"
        )
        assert f"{url}/chat/completions {words}\n" == result.stderr

    def test_help_teaches(self, run: Bench) -> None:
        text = run("--help").stdout
        assert "vapi-conformance bench URL --knee 'ttfs.p95 > 800ms'" in text
        assert "  Examples:\n    vapi-conformance bench compare" in run("compare", "--help").stdout
        assert "  Examples:\n    vapi-conformance bench reference" in text


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["localhost:8000"], "Error: URL needs http:// or https://, got 'localhost:8000'"),
            ([FAR, "--rate", "1", "--concurrency", "2"], "Error: --concurrency and --rate are different kinds of load"),
            ([FAR, "--fail-if", "ttfx.p95 > 1s"], "Error: --fail-if: there is no ttfx; known are headers, ttft, ttfs"),
            ([FAR, "--fail-if", "ttft.p95 > 800"], "Error: --fail-if: a time needs its unit, ms or s"),
            ([FAR, "--scenario", "no-such-call"], "Error: --scenario: 'no-such-call' is no call that we know"),
            ([FAR, "--api-key-env", "NOT_SET"], "Error: the environment variable NOT_SET is not set or empty"),
            ([FAR, "--api-key-env", KEY], "Error: --api-key-env and --header want the name of an environment variable"),
            ([FAR, "--warmup", "5", "--cap", "5"], "Error: 5 requests to warm up (--warmup) leave none of the 5"),
            ([FAR, "--out", "/nowhere/a.json"], "Error: the folder /nowhere does not exist"),
            ([FAR, "--real-time"], "Error: --real-time is about the turns of calls: it goes with --scenario\n"),
            ([FAR, "--most", "9"], "Error: --most is about a search: it goes with --knee\n"),
            (
                [FAR, "--rate", "1", "--seed", "0"],
                "Error: --seed is about arrivals at random: it goes with --poisson\n",
            ),
            (
                [FAR, "--say", "Hello?", "--scenario", "ten-turns"],
                "Error: --say and --scenario are different words of the caller; give one of them\n",
            ),
            (
                [FAR, "--ramp", "5:5", "--knee", "errors > 1%"],
                "Error: --knee looks for a load itself: it goes with one",
            ),
            ([FAR, "--steps", "5", "--knee", "errors > 1%"], "Error: --knee looks for a load itself: it goes with one"),
            ([FAR, "--requests", "0"], "Invalid value for '--requests'"),
            (["compare", "one.json"], "Missing argument 'AFTER.json'"),
        ],
    )
    def test_a_mistake_is_one_sentence(self, run: Bench, arguments: list[str], words: str) -> None:
        result = run(*arguments)
        assert 2 == result.exit_code
        assert words in result.stderr
        assert "" == result.stdout
        assert KEY not in result.output


class TestPoliteness:
    def test_nobody_there_to_agree_ends_it_before_anything_is_sent(self, run: Bench) -> None:
        result = run(FAR)
        assert (2, "") == (result.exit_code, result.stdout)
        assert "This sends up to 104 requests to host.example" in result.stderr
        assert result.stderr.endswith("give --yes where the owner of the endpoint does\n")

    @pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("n", False), ("", False)])
    def test_somebody_is_asked(self, run: Bench, monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
        def begin(*_: object, **__: object) -> None:
            raise InterruptedError

        monkeypatch.setattr(bench_consent, "is_somebody_there", lambda: True)
        monkeypatch.setattr("vapi_conformance.cli.bench.Bench", begin)
        result = run(FAR, typed=f"{answer}\n")
        assert "Go on? [y/N]" in result.stderr
        assert goes_on is isinstance(result.exception, InterruptedError)
        assert goes_on or "Error: nothing was sent\n" in result.stderr

    def test_a_search_says_how_much_it_may_send(self, run: Bench) -> None:
        result = run(FAR, "--knee", "errors > 1%", "--cap", 700)
        assert "This sends up to 700 requests to host.example" in result.stderr

    def test_calls_are_counted_in_requests(self, run: Bench) -> None:
        result = run(FAR, "--scenario", "ten-turns", "--requests", 3)
        assert "This sends up to 30 requests to host.example" in result.stderr

    def test_one_s_own_machine_needs_no_consent(self, run: Bench, served: tuple[str, Answering]) -> None:
        assert "" == run(served[0], "--requests", 2).stderr


class TestSecrets:
    def test_never_appear(self, run: Bench, served: tuple[str, Answering], tmp_path: Path) -> None:
        url, app = served
        app.say = lambda number: refusal(400, f"bad key {KEY} and letmein-0123456789")
        path = tmp_path / "a.json"
        options = ["--api-key-env", "MY_KEY", "--header", "X-Door: $MY_HEADER", "--requests", 25, "--out", path]
        result = run(url, *options)
        whole = result.output + path.read_text() + run(url, *options, "--json").output
        assert {f"Bearer {KEY}"} == {each["authorization"] for each in app.headers}
        assert KEY not in whole
        assert "letmein" not in whole


class TestHostileEndpoints:
    @pytest.mark.parametrize(
        "answer",
        [
            b"\x00\xff" * 500,
            raw_server.head(Content_Type="text/event-stream", Transfer_Encoding="chunked") + b"zz\r\n",
            raw_server.head(Content_Length="999999999999") + b"{",
            raw_server.head(Content_Type="text/event-stream", Content_Length="40") + b"data: \x1b[31m{" + b"[" * 29,
        ],
        ids=["no HTTP", "broken chunks", "lying length", "paint and depth"],
    )
    def test_are_figures_and_no_crash(self, run: Bench, answer: bytes) -> None:
        def script(connection: socket.socket) -> None:
            if raw_server.read_request(connection):
                connection.sendall(answer)

        with raw_server.playing(*[script] * 12) as url:
            result = run(url, "--requests", 4, "--warmup", 0, "--concurrency", 1, "--stop-on-errors", 100)
        assert 1 == result.exit_code, result.output
        assert "errors: 4 of 4 requests" in result.stdout
        assert "\x1b" not in result.stdout
        assert "our bug" not in result.stderr
        assert "cannot be reached" not in result.stderr

    def test_who_speaks_no_http_was_reached(self, run: Bench) -> None:
        with raw_server.playing(*[raw_server.saying([b"SSH-2.0-OpenSSH_9.9\r\n"])] * 24) as url:
            result = run(url, "--requests", 20, "--concurrency", 1, "--warmup", 0)
        assert "errors: 20 of 20 requests (100.0%): 20 broken HTTP\n" in result.stdout
        words = "was reached, but gives no answer: broken HTTP: what came is no HTTP response\n"
        assert f"{url}/chat/completions {words}" == result.stderr


class TestCompare:
    @pytest.fixture
    def before(self, tmp_path: Path) -> Path:
        """30 answers whose times are made up: a machine that is busy changes none of them."""
        path = tmp_path / "before.json"
        path.write_text(json.dumps(made_benches.document(made_benches.bench())))
        return path

    def test_says_what_changed(self, run: Bench, before: Path, tmp_path: Path) -> None:
        after = tmp_path / "after.json"
        slower = [made_benches.streamed(number) for number in range(300, 330)]
        bench = replace(made_benches.bench(samples=slower), settings={"concurrency": 1})
        after.write_text(json.dumps(made_benches.document(bench)))
        result = run("compare", before, after)
        assert 1 == result.exit_code
        assert re.search(r"^ttft p50: worse, ", result.stdout, re.MULTILINE)
        assert "something is worse; intervals at 99%" in result.stdout
        assert "differs: settings: concurrency is not set and 1\n" in result.stdout
        found: object = json.loads(run("compare", before, after, "--json").stdout)
        assert () == errors("harness/compare", found)

    def test_a_result_that_was_kept_has_not_changed_from_itself(
        self, run: Bench, served: tuple[str, Answering], tmp_path: Path
    ) -> None:
        kept = tmp_path / "kept.json"
        run(served[0], "--requests", 20, "--out", kept)
        result = run("compare", kept, kept)
        assert (0, True) == (result.exit_code, "ttft p50: no evidence of change" in result.stdout)
        assert result.stdout.endswith("nothing is worse, as far as anybody can say; intervals at 99%\n")

    def test_one_that_can_say_nothing_has_not_passed(self, run: Bench, before: Path, tmp_path: Path) -> None:
        after = tmp_path / "after.json"
        bench = replace(made_benches.bench(), bottleneck_reasons=("process 1 of the client was busy",))
        after.write_text(json.dumps(made_benches.document(bench)))
        result = run("compare", before, after)
        assert 1 == result.exit_code
        assert result.stdout.endswith("no latency could be compared; intervals at 99%\n")
        told = run("compare", before, after, "--json")
        assert 1 == told.exit_code
        assert (False, False) == tuple(json.loads(told.stdout)[name] for name in ("is_worse", "has_compared"))

    def test_a_file_that_is_no_result_is_named(self, run: Bench, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        path.write_text("{}")
        result = run("compare", path, path)
        assert (2, f"Error: {path} is no result of a bench\n") == (result.exit_code, result.stderr)


@posix
def test_ctrl_c_tells_what_was_measured(served: tuple[str, Answering], environment: Mapping[str, str]) -> None:
    url, app = served

    def slowly(number: int) -> None:
        time.sleep(0.02)

    app.say = slowly
    command = [sys.executable, "-m", "vapi_conformance", "bench", url, "--duration", "300", "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    until = time.monotonic() + 60
    while len(app.bodies) < 30:
        assert time.monotonic() < until, "no load comes"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    found = document(output.decode())
    assert (130, "interrupted by the user") == (process.returncode, found["stopped"])
    assert found["requests"]
