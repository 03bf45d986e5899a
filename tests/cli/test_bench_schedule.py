"""From options to loads, and one sentence for each mistake."""

from pathlib import Path

import pytest

from vapi_conformance.cli.bench_schedule import LoadOptions, capped_loads, knee_condition, loads, named_scenario
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Trace, constant, ramp, steps
from vapi_conformance.problems import UsageError

S = 1_000_000_000


def only(options: LoadOptions) -> object:
    (schedule,) = loads(options).schedules
    return schedule


class TestClosedLoop:
    def test_is_small_where_nobody_says(self) -> None:
        assert ClosedLoop(streams=4, requests=100, warm_up=4) == only(LoadOptions())

    def test_has_enough_for_each_stream(self) -> None:
        assert ClosedLoop(streams=64, requests=320, warm_up=10) == only(LoadOptions(concurrency="64"))

    def test_takes_numbers_and_times(self) -> None:
        asked = LoadOptions(concurrency="2", requests=7, duration_s=1.5, warmup=0)
        assert ClosedLoop(streams=2, requests=7, duration_ns=1_500_000_000) == only(asked)

    def test_calls_are_counted_as_calls(self) -> None:
        assert ClosedLoop(streams=4, requests=4) == only(LoadOptions(calls=True))

    def test_several_loads_are_a_sweep(self) -> None:
        planned = loads(LoadOptions(concurrency="1,16", requests=30))
        assert [1, 16] == [each.streams for each in planned.schedules if isinstance(each, ClosedLoop)]
        assert (("1 stream", "16 streams"), 16) == (planned.names, planned.streams)
        assert ClosedLoop(streams=16, requests=60, warm_up=11) == planned.whole()


class TestOpenLoop:
    def test_rate(self) -> None:
        assert OpenLoop(phases=constant(5.0), requests=100) == only(LoadOptions(rate=5.0))
        timed = OpenLoop(phases=constant(5.0, duration_s=3), arrivals="poisson", seed=4)
        assert timed == only(LoadOptions(rate=5.0, duration_s=3.0, poisson=True, seed=4))

    def test_ramp(self) -> None:
        assert OpenLoop(phases=ramp(1, 20, duration_s=30)) == only(LoadOptions(ramp="1:20"))

    def test_steps(self) -> None:
        assert OpenLoop(phases=steps([1, 2.5], step_s=4), warm_up=2) == only(
            LoadOptions(steps="1,2.5", duration_s=4.0, warmup=2)
        )

    @pytest.mark.parametrize(("name", "text"), [("a.txt", "0.5\n1 # later\n"), ("a.json", "[0.5, 1]")])
    def test_trace(self, tmp_path: Path, name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(text)
        assert Trace(at_ns=(S // 2, S), requests=2) == only(LoadOptions(trace=path, requests=2))

    def test_streams_for_calibration_follow_from_the_rate(self) -> None:
        assert [40, 1] == [loads(LoadOptions(ramp=each)).streams for each in ("1:20", "0:0.1")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (LoadOptions(rate=1.0, ramp="1:2"), "--rate and --ramp are different kinds of load; give one of them"),
        (LoadOptions(concurrency="x"), "--concurrency wants a number of streams, or several as 1,4,16, got 'x'"),
        (LoadOptions(concurrency="0"), "--concurrency wants"),
        (LoadOptions(concurrency="4,4"), "--concurrency wants"),
        (LoadOptions(concurrency="20000"), "at most 10,000 streams"),
        (LoadOptions(poisson=True), "--poisson is about arrivals"),
        (LoadOptions(ramp="5"), "--ramp wants FROM:TO in requests a second, as 1:20, got '5'"),
        (LoadOptions(ramp="5:fast"), "--ramp wants requests a second, got 'fast'"),
        (LoadOptions(steps="1,,2"), "--steps wants requests a second, got ''"),
        (LoadOptions(rate=-1.0), "a rate is between 0 and"),
        (LoadOptions(rate=float("nan")), "a rate is between 0 and"),
        (LoadOptions(duration_s=0.0), "a duration is above 0 s"),
        (LoadOptions(duration_s=float("inf")), "a duration is"),
        (LoadOptions(trace=Path("/nowhere/trace.txt")), "--trace: /nowhere/trace.txt cannot be read"),
        (LoadOptions(trace=Path("/nowhere/trace.json")), "--trace: /nowhere/trace.json"),
    ],
)
def test_what_cannot_be_played_is_told(options: LoadOptions, words: str) -> None:
    with pytest.raises(UsageError) as problem:
        loads(options)
    assert str(problem.value).startswith(words) or words in str(problem.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"soon\n", "line 1 is no number"), (b"\xff\xfe", "is no text"), (b"", "it holds no arrival")],
)
def test_a_trace_that_is_none_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "trace.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as problem:
        loads(LoadOptions(trace=path))
    assert str(problem.value).startswith(f"--trace: {path} ")


class TestCap:
    def test_a_number_that_was_asked_for_is_a_cap_of_its_own(self) -> None:
        assert [20_000] == [each.requests for each in capped_loads(loads(LoadOptions(requests=20_000)), None).schedules]

    def test_time_alone_has_one(self) -> None:
        planned = capped_loads(loads(LoadOptions(concurrency="1", duration_s=3600.0)), None)
        assert 10_000 == planned.whole().total

    def test_is_shared_by_the_loads_of_a_sweep(self) -> None:
        planned = capped_loads(loads(LoadOptions(concurrency="1,2", requests=100, warmup=0)), 50)
        assert [25, 25] == [each.requests for each in planned.schedules]

    def test_too_small_a_cap_is_told(self) -> None:
        with pytest.raises(UsageError, match="too few for 3 loads"):
            capped_loads(loads(LoadOptions(concurrency="1,2,3")), 2)


class TestKnee:
    def test_is_a_condition(self) -> None:
        found = knee_condition("ttfs.p95 > 800ms", metrics_for("closed"), loads(LoadOptions()))
        assert ("ttfs", "p95") == (found.name, found.figure)

    def test_a_mistake_is_told_of_the_right_option(self) -> None:
        with pytest.raises(UsageError, match=r"^--knee: there is no ttfx"):
            knee_condition("ttfx.p95 > 800ms", metrics_for("closed"), loads(LoadOptions()))

    @pytest.mark.parametrize(
        "options",
        [LoadOptions(concurrency="1,2"), LoadOptions(ramp="1:9"), LoadOptions(steps="1,2")],
        ids=["sweep", "ramp", "steps"],
    )
    def test_goes_with_one_steady_load(self, options: LoadOptions) -> None:
        with pytest.raises(UsageError, match="--knee looks for a load itself"):
            knee_condition("errors > 1%", metrics_for("open"), loads(options))

    @pytest.mark.parametrize(
        ("options", "most", "words"),
        [
            (LoadOptions(), 3, "--most 3 is below the load at which the search begins, 4: say less by --concurrency"),
            (LoadOptions(rate=9), 8, "--most 8 is below the load at which the search begins, 9: say less by --rate"),
            (LoadOptions(rate=0.4), None, "--knee looks among whole numbers of requests a second: --rate is 0.4"),
            (LoadOptions(rate=2.5), None, "--knee looks among whole numbers of requests a second: --rate is 2.5"),
        ],
    )
    def test_begins_where_it_is_told_and_not_above_what_is_allowed(
        self, options: LoadOptions, most: int | None, words: str
    ) -> None:
        with pytest.raises(UsageError) as told:
            knee_condition("errors > 1%", metrics_for("open"), loads(options), most=most)
        assert words == str(told.value)

    def test_may_begin_above_what_is_tried_where_nobody_says(self) -> None:
        many = loads(LoadOptions(concurrency="300"))
        assert "errors" == knee_condition("errors > 1%", metrics_for("closed"), many).name


class TestScenario:
    def test_is_known_by_name_or_stands_in_a_file(self, tmp_path: Path) -> None:
        assert "ten-turns" == named_scenario("ten-turns").name
        path = tmp_path / "mine.json"
        path.write_text('{"call": "mine", "about": "A call of mine, one turn long.", "turns": [{"says": "Hello."}]}')
        assert "mine" == named_scenario(str(path)).name

    def test_an_unknown_one_is_told(self) -> None:
        with pytest.raises(UsageError, match="'twelve-turns' is no call that we know"):
            named_scenario("twelve-turns")
