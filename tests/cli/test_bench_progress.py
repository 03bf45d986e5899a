"""How a bench gets on, without a terminal: a plain line now and then, on standard error."""

from queue import SimpleQueue

import pytest

from latency.samples import answered, sample
from vapi_conformance.cli import bench_progress
from vapi_conformance.cli.bench_progress import BenchProgress
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.latency.running import Course
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop
from vapi_conformance.latency.tally import Tally


def course(answers: int) -> Course:
    tally = Tally(metrics_for("closed"))
    for _ in range(answers):
        tally.add(sample(answered((100, "A sentence that is long enough."))))
    return Course(tally=tally, keeper=Keeper(0), sent=answers)


@pytest.fixture(autouse=True)
def no_reminders(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes; those about reminders ask for them."""
    monkeypatch.setattr(bench_progress, "_SILENT_S", 3600.0)


def test_tells_how_many_of_how_many(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_progress, "_EVERY_LINE_S", 0.0)
    made = course(0)
    with BenchProgress() as progress:
        progress.load(ClosedLoop(streams=2, requests=30), "2 streams", made)
        progress.watch(course(20))
        progress.load(ClosedLoop(streams=2, requests=30, duration_ns=10**9), "", made)
        progress.watch(course(1))
    told = capsys.readouterr()
    first, second = told.err.splitlines()
    assert first.endswith(" s: 2 streams: 20 of 30 answers, 0 errors, TTFT p50 100.0 ms")
    assert second.endswith(" s: 1 answers, 0 errors")
    assert "" == told.out


def test_is_quiet_for_a_short_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_progress, "_EVERY_LINE_S", 3600.0)
    with BenchProgress() as progress:
        progress.say("calibrating")
        progress.watch(course(20))
    assert ("", "") == tuple(capsys.readouterr())


def test_says_that_no_answer_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    said = SimpleQueue[str]()

    def complain(sentence: str, *, is_fault: bool) -> None:
        assert not is_fault
        said.put(sentence)

    monkeypatch.setattr(bench_progress, "complain", complain)
    monkeypatch.setattr(bench_progress, "_EVERY_LINE_S", 0.0)
    monkeypatch.setattr(bench_progress, "_SILENT_S", 0.01)

    def next_line_is(words: str) -> bool:
        while words not in said.get(timeout=60):
            pass
        return True

    with BenchProgress() as progress:
        assert next_line_is(" s: starting")
        progress.say("calibrating")
        assert next_line_is(" s: calibrating")
        progress.load(ClosedLoop(streams=2, requests=30), "2 streams", course(0))
        assert next_line_is(" s: 2 streams: no answer yet")
        progress.watch(course(3))
        assert next_line_is(" s: 2 streams: 3 answers, none for ")


def test_leaves_no_thread_behind() -> None:
    with BenchProgress() as progress:
        pass
    assert progress._reminder is not None  # pyright: ignore[reportPrivateUsage] - a thread left behind is seen nowhere
    assert not progress._reminder.is_alive()  # pyright: ignore[reportPrivateUsage] - same
