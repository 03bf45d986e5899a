"""`vapi-conformance calibrate`: the instrument's own error on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from vapi_conformance import __version__
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.cli.result_file import check_place, write_json
from vapi_conformance.latency.calibration import THOROUGH_S, Level, LevelError, calibrated, level_for
from vapi_conformance.latency.calibration_cache import CalibrationCache
from vapi_conformance.latency.engine import Engine, Settings
from vapi_conformance.latency.machine import Machine, this_machine
from vapi_conformance.report.bench_text import level_lines
from vapi_conformance.report.text import Line

__all__ = ["command"]

_FORMAT: Final = "vapi-conformance/calibration"
_STREAMS: Final = (1, 32, 256)
_FAST: Final = Level(streams=32, chunks_per_s=400.0)
"""As many chunks as 256 streams have, out of fewer sockets."""
_MOST_STREAMS: Final = 10_000
_EPILOG: Final = """\b
Examples:
  vapi-conformance calibrate
  vapi-conformance calibrate --streams 100 --chunks-per-second 100 --json

\b
Exit status:
  0  measured
  1  at some load the client was kept from its work, or answers were missing: no figure of a bench at that load is good
  2  wrong usage
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--streams",
    type=click.IntRange(1, _MOST_STREAMS),
    multiple=True,
    metavar="N",
    help=f"At so many streams at once; repeatable (default: {', '.join(map(str, _STREAMS))}).",
)
@click.option(
    "--chunks-per-second",
    "rates",
    type=click.FloatRange(min=1, max=10_000),
    multiple=True,
    metavar="R",
    help="With so many chunks a second in each stream; repeatable (default: 50, and 500 in up to eight streams).",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600),
    default=THOROUGH_S,
    show_default=True,
    metavar="S",
    help="For each load.",
)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Of the client."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.json", help="Keep the document in a file.")
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    streams: tuple[int, ...],
    rates: tuple[float, ...],
    seconds: float,
    processes: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the instrument's own error on this machine, by load.

    A server in another process writes into each chunk when it was sent; both read the same clock. What the engine of
    `bench` says beyond that is its error: of the time to the first token, and of the time between two chunks. A bench
    measures a short one of its own and keeps it for a day; what is measured here is kept for it, too.
    """
    if out is not None:
        check_place(out)
    machine = this_machine()
    cache = CalibrationCache.of_user(machine)
    found: list[LevelError] = []
    if machine.is_busy:
        complain("this machine is busy with something else, which makes the instrument look worse than it is")
    with Engine(Settings(processes=processes)) as engine:
        for each in calibrated(_levels(streams, rates), engine, processes=processes, for_s=seconds):
            found.append(each)
            cache.keep(each)
            if not as_json:
                complain(f"measured {each.level.streams} × {each.level.chunks_per_s:g} chunks/s", is_fault=False)
    document = _document(found, machine)
    if as_json:
        print_json(document)
    else:
        print_lines(_lines(found))
    if out is not None:
        write_json(document, out)
    click.get_current_context().exit(1 if any(map(_is_doubtful, found)) else 0)


def _levels(streams: tuple[int, ...], rates: tuple[float, ...]) -> list[Level]:
    usual = [level_for(each) if not streams else _usual(each) for each in streams or _STREAMS]
    if rates:
        return [Level(streams=each.streams, chunks_per_s=rate) for each in usual for rate in rates]
    return usual if streams else [*usual, _FAST]


def _usual(streams: int) -> Level:
    return Level(streams=streams, chunks_per_s=level_for(streams).chunks_per_s)


def _is_doubtful(error: LevelError) -> bool:
    return bool(error.bottleneck_reasons) or error.answered < error.asked


def _document(found: list[LevelError], machine: Machine) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "version": 1,
        "suite": {"version": __version__},
        "machine": machine.to_document(),
        "levels": [each.to_document() for each in found],
    }


def _lines(found: list[LevelError]) -> Iterator[Line]:
    yield from level_lines([each.to_document() for each in found])
    yield Line("")
    yield Line(
        "Nothing of this is subtracted; `bench` flags figures that are less than ten times as large.",
        "faint",
    )
