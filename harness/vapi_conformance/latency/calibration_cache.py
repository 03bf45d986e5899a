"""The calibration of this machine, kept for a day in the user's cache folder: a bench that starts at once has it, too.

What is kept holds for this processor, system, Python and these versions only. Nothing here fails: where a file cannot
be read or written, the instrument is calibrated again.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from vapi_conformance import __version__
from vapi_conformance.latency.calibration import Errors, Level, LevelError, calibrated, level_for
from vapi_conformance.latency.engine import Engine
from vapi_conformance.latency.machine import Machine
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none

__all__ = ["FRESH_FOR", "CalibrationCache", "cache_folder", "known_or_measured"]

FRESH_FOR: Final = timedelta(days=1)

_FORMAT: Final = 1
_NAME: Final = "vapi-conformance"
_MOST_BYTES: Final = 256 * 1024


def cache_folder(environment: Mapping[str, str], home: Path, *, system: str = sys.platform) -> Path:
    """Where this system keeps what can be made again: XDG Base Directory, Apple's and Microsoft's habits."""
    if given := environment.get("XDG_CACHE_HOME"):
        return Path(given) / _NAME
    if system == "darwin":
        return home / "Library" / "Caches" / _NAME
    if system == "win32" and (local := environment.get("LOCALAPPDATA")):
        return Path(local) / _NAME / "Cache"
    return home / ".cache" / _NAME


class CalibrationCache:
    """Errors of levels, by machine and versions."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        """Reads nothing yet."""
        fields = machine.to_document()
        fields.pop("load_average")
        identity = json.dumps([_FORMAT, __version__, fields], sort_keys=True)
        self._path = folder / f"calibration-{sha256(identity.encode()).hexdigest()[:16]}.json"

    @classmethod
    def of_user(cls, machine: Machine) -> Self:
        """In this user's cache folder."""
        return cls(cache_folder(os.environ, Path.home()), machine)

    def fresh(self, level: Level, processes: int) -> LevelError | None:
        """What was measured within the last day under this load; None where nothing was."""
        return next((each for each in self._all() if (each.level, each.processes) == (level, processes)), None)

    def keep(self, found: LevelError) -> None:
        """Beside what else is fresh. What was measured while the client was kept from its work is not kept."""
        if found.bottleneck_reasons:
            return
        others = [each for each in self._all() if (each.level, each.processes) != (found.level, found.processes)]
        text = json.dumps({"levels": [_stored(each) for each in (*others, found)]})
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)
        except OSError:
            return

    def _all(self) -> list[LevelError]:
        try:
            with self._path.open("rb") as file:
                document: object = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return []
        levels = map(_restored, map(object_or_nothing, array_or_nothing(object_or_nothing(document).get("levels"))))
        return [each for each in levels if each is not None]


def known_or_measured(
    cache: CalibrationCache,
    engine: Engine,
    *,
    streams: int,
    is_anew: bool = False,
    measuring: Callable[[], None] | None = None,
) -> LevelError:
    """The error of this engine under so many streams: what the cache has from today; else that of a short calibration,
    which it has from then on.

    is_anew: whatever the cache has. measuring: called where it takes its time. Raises TransportError where the stamping
    server does not start.
    """
    level, processes = level_for(streams), len(engine.process_ids)
    known = None if is_anew else cache.fresh(level, processes)
    if known is not None:
        return known
    if measuring is not None:
        measuring()
    (found,) = calibrated([level], engine, processes=processes)
    cache.keep(found)
    return found


def _stored(error: LevelError) -> dict[str, object]:
    return {
        "streams": error.level.streams,
        "chunks_per_s": error.level.chunks_per_s,
        "processes": error.processes,
        "measured_at": error.measured_at,
        "asked": error.asked,
        "answered": error.answered,
        "chunks": error.chunks,
        "duration_s": error.duration_s,
        "cpu_us_per_chunk": error.cpu_us_per_chunk,
        **{
            name: {"n": each.n, "p50_ns": each.p50_ns, "p99_ns": each.p99_ns, "max_ns": each.max_ns}
            for name, each in (("ttft", error.ttft), ("lag", error.lag), ("gap", error.gap))
        },
    }


def _restored(record: Mapping[str, object]) -> LevelError | None:
    """None for what is stale, from the future, or not what we would write."""
    measured_at = string_or_none(record.get("measured_at")) or ""
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(measured_at)
    except (ValueError, TypeError):  # no time, or one without a zone
        return None
    counts = {
        name: integer_or_none(record.get(name)) for name in ("streams", "processes", "asked", "answered", "chunks")
    }
    if not timedelta(0) <= age < FRESH_FOR or any(each is None or each < 0 for each in counts.values()):
        return None
    known = {name: each for name, each in counts.items() if each is not None}
    return LevelError(
        level=Level(streams=known["streams"], chunks_per_s=_number(record.get("chunks_per_s")) or 1.0),
        processes=known["processes"],
        measured_at=measured_at,
        asked=known["asked"],
        answered=known["answered"],
        chunks=known["chunks"],
        duration_s=_number(record.get("duration_s")) or 0.0,
        ttft=_errors(record.get("ttft")),
        lag=_errors(record.get("lag")),
        gap=_errors(record.get("gap")),
        cpu_us_per_chunk=_number(record.get("cpu_us_per_chunk")),
        is_from_cache=True,
    )


def _errors(value: object) -> Errors:
    record = object_or_nothing(value)
    p50_ns, p99_ns, max_ns = (_time_ns(record.get(name)) for name in ("p50_ns", "p99_ns", "max_ns"))
    return Errors(n=_time_ns(record.get("n")) or 0, p50_ns=p50_ns, p99_ns=p99_ns, max_ns=max_ns)


def _time_ns(value: object) -> int | None:
    number = integer_or_none(value)
    return number if number is not None and number >= 0 else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
