"""Calibration: figures of the stamping server's answers, flags for the right metrics, and a cache that never fails."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vapi_conformance.latency.calibration import LEVELS, Errors, Level, LevelError, calibrated, level_for
from vapi_conformance.latency.calibration_cache import FRESH_FOR, CalibrationCache, cache_folder, known_or_measured
from vapi_conformance.latency.engine import Engine, Settings
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.machine import this_machine
from vapi_conformance.latency.metrics import metrics_for

NOTHING = Errors(n=0, p50_ns=None, p99_ns=None, max_ns=None)
MACHINE = this_machine()


def error() -> LevelError:
    return LevelError(
        level=Level(streams=8, chunks_per_s=200.0),
        processes=1,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        asked=16,
        answered=16,
        chunks=320,
        duration_s=1.5,
        ttft=Errors(n=16, p50_ns=10_000, p99_ns=None, max_ns=90_000),
        lag=Errors(n=320, p50_ns=5_000, p99_ns=40_000, max_ns=50_000),
        gap=Errors(n=304, p50_ns=300, p99_ns=12_000, max_ns=15_000),
        cpu_us_per_chunk=20.0,
    )


class TestLevels:
    @pytest.mark.parametrize(("streams", "level"), [(1, 1), (4, 8), (8, 8), (9, 32), (1000, 1000), (5000, 1000)])
    def test_a_bench_is_held_against_the_least_that_has_as_many_streams(self, streams: int, level: int) -> None:
        assert level == level_for(streams).streams

    def test_all_have_a_pace(self) -> None:
        assert {20} == {level_for(each).pace.chunks for each in LEVELS}


class TestMeasuring:
    def test_every_answer_is_whole_and_every_chunk_is_counted(self, engine: Engine) -> None:
        (found,) = calibrated([Level(streams=3, chunks_per_s=500.0)], engine, processes=1, for_s=0.2)
        assert found.asked == found.answered > 0
        assert found.answered * 20 == found.chunks == found.lag.n
        assert found.answered * 19 == found.gap.n
        assert found.answered == found.ttft.n
        assert found.ttft.max_ns is not None
        assert not found.is_from_cache

    def test_several_loads_follow_each_other(self, engine: Engine) -> None:
        levels = [Level(streams=each, chunks_per_s=1000.0) for each in (1, 2)]
        assert levels == [each.level for each in calibrated(levels, engine, processes=1, for_s=0.05)]


class TestErrors:
    def test_p99_is_told_from_a_hundred_values_on(self) -> None:
        assert Errors(n=99, p50_ns=50, p99_ns=None, max_ns=99) == Errors.of(Histogram(range(1, 100)))
        assert 99 == Errors.of(Histogram(range(1, 101))).bound_ns

    def test_the_greatest_bounds_where_p99_is_not_known(self) -> None:
        assert (99, None) == (Errors.of(Histogram(range(1, 100))).bound_ns, NOTHING.bound_ns)

    def test_metrics_have_the_error_of_their_kind(self) -> None:
        known = error().by_metric()
        assert (90_000, 90_000, 12_000) == (known["ttft"], known["ttft_from_sent"], known["icl"])
        names = {metric.name for metric in (*metrics_for("closed"), *metrics_for("open"))}
        assert set() == known.keys() - names

    def test_nothing_is_said_where_nothing_is_known(self) -> None:
        assert {} == replace(error(), ttft=NOTHING, gap=NOTHING).by_metric()


class TestCache:
    def test_gives_back_what_was_kept(self, tmp_path: Path) -> None:
        cache = CalibrationCache(tmp_path / "new" / "folder", MACHINE)
        other = replace(error(), level=Level(streams=32))
        cache.keep(other)
        cache.keep(error())
        assert replace(error(), is_from_cache=True, measured_at="") == replace(
            cache.fresh(error().level, 1) or other, measured_at=""
        )
        assert cache.fresh(Level(streams=32), 1) is not None
        assert cache.fresh(Level(streams=32), 2) is None
        assert cache.fresh(Level(streams=32, chunks_per_s=7.0), 1) is None

    def test_another_machine_has_its_own(self, tmp_path: Path) -> None:
        CalibrationCache(tmp_path, MACHINE).keep(error())
        other = CalibrationCache(tmp_path, replace(MACHINE, cores=MACHINE.cores + 1))
        assert other.fresh(error().level, 1) is None
        busier = CalibrationCache(tmp_path, replace(MACHINE, load_average=(9.0, 9.0, 9.0)))
        assert busier.fresh(error().level, 1) is not None

    @pytest.mark.parametrize("age", [FRESH_FOR, timedelta(days=-1)], ids=["stale", "from the future"])
    def test_what_is_not_fresh_is_not_given(self, tmp_path: Path, age: timedelta) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        cache.keep(replace(error(), measured_at=(datetime.now(UTC) - age).isoformat()))
        assert cache.fresh(error().level, 1) is None

    def test_what_was_measured_while_something_was_in_the_way_is_not_kept(self, tmp_path: Path) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        cache.keep(replace(error(), bottleneck_reasons=("busy",)))
        assert [] == list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        "content",
        [b"", b"\xff", b"[" * 100_000, b'{"levels": 3}', b'{"levels": [{}, 1, {"measured_at": "2026"}]}'],
        ids=["empty", "no text", "deep", "no levels", "no level"],
    )
    def test_a_damaged_file_is_as_good_as_none(self, tmp_path: Path, content: bytes) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        cache.keep(error())
        (path,) = tmp_path.iterdir()
        path.write_bytes(content)
        assert cache.fresh(error().level, 1) is None
        cache.keep(error())
        assert cache.fresh(error().level, 1) is not None

    @pytest.mark.parametrize("field", ["streams", "chunks", "measured_at", "processes"])
    def test_a_level_without_a_field_is_none(self, tmp_path: Path, field: str) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        cache.keep(error())
        (path,) = tmp_path.iterdir()
        stored = json.loads(path.read_text())
        stored["levels"][0][field] = None
        path.write_text(json.dumps(stored))
        assert cache.fresh(error().level, 1) is None

    def test_a_place_that_cannot_be_written_is_no_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        cache = CalibrationCache(tmp_path / "file" / "below", MACHINE)
        cache.keep(error())
        assert cache.fresh(error().level, 1) is None


class TestKnownOrMeasured:
    @pytest.fixture
    def measured(self, monkeypatch: pytest.MonkeyPatch) -> list[LevelError]:
        """What was measured, in order; each time it takes one answer more."""
        found: list[LevelError] = []

        def measure(levels: Iterable[Level], _: Engine, *, processes: int) -> Iterator[LevelError]:
            for level in levels:
                found.append(replace(error(), level=level, processes=processes, answered=len(found) + 1))
                yield found[-1]

        monkeypatch.setattr("vapi_conformance.latency.calibration_cache.calibrated", measure)
        return found

    def test_is_measured_once_and_known_then(
        self, tmp_path: Path, engine: Engine, measured: Sequence[LevelError]
    ) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        told: list[str] = []
        first, second = (
            known_or_measured(cache, engine, streams=5, measuring=lambda: told.append("measuring")) for _ in range(2)
        )
        assert [first] == measured
        assert level_for(5) == first.level
        assert (False, True) == (first.is_from_cache, second.is_from_cache)
        assert ["measuring"] == told
        with Engine(Settings(processes=2)) as larger:
            assert 2 == known_or_measured(cache, larger, streams=5).processes

    def test_is_measured_anew_where_that_is_wanted(
        self, tmp_path: Path, engine: Engine, measured: Sequence[LevelError]
    ) -> None:
        cache = CalibrationCache(tmp_path, MACHINE)
        for _ in range(2):
            known_or_measured(cache, engine, streams=5, is_anew=True)
        known = cache.fresh(level_for(5), 1)
        assert [1, 2] == [each.answered for each in measured]
        assert 2 == (known.answered if known is not None else 0)


@pytest.mark.parametrize(
    ("environment", "system", "folder"),
    [
        ({"XDG_CACHE_HOME": "/var/cache"}, "linux", "/var/cache/vapi-conformance"),
        ({}, "linux", "/home/u/.cache/vapi-conformance"),
        ({}, "darwin", "/home/u/Library/Caches/vapi-conformance"),
        ({"LOCALAPPDATA": "/local"}, "win32", "/local/vapi-conformance/Cache"),
        ({}, "win32", "/home/u/.cache/vapi-conformance"),
    ],
)
def test_the_cache_is_where_the_system_keeps_such(environment: Mapping[str, str], system: str, folder: str) -> None:
    assert Path(folder) == cache_folder(environment, Path("/home/u"), system=system)
