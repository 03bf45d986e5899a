"""`vapi-conformance history`: the runs that are kept, one by one, compared, and over time."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from vapi_conformance.cli.history_text import difference_lines, print_runs, show_lines
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.cli.result_file import check_place, write_text
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.options import ENVIRONMENT_PREFIX
from vapi_conformance.problems import UsageError

if TYPE_CHECKING:
    from vapi_conformance.history.rows import Kind, StoredSummary
    from vapi_conformance.history.store import Store

__all__ = ["command"]

_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}HISTORY"
_VERDICTS: Final = ("conformant", "violated", "incomplete", "passed", "failed", "cannot be said")
_EPILOG: Final = """\b
Examples:
  pytest --endpoint https://my.host/v1 --endpoint-history runs.db    keep a run
  vapi-conformance bench https://my.host/v1 --history runs.db        keep a bench
  vapi-conformance history list --db runs.db
  vapi-conformance history diff --db runs.db                         the newest against the one before it
  vapi-conformance history trend --db runs.db --html trend.html

\b
A history is one file (SQLite), or a database that a team shares: postgresql://USER@HOST/DATABASE, with
  pip install 'vapi-conformance[postgres]'
A URL with a password comes from the environment or a file: --db '$NAME', --db @FILE, or VAPI_CONFORMANCE_HISTORY,
which also stands for --db where that is not given. On a network filesystem SQLite's locks cannot be relied on.

\b
Exit status: 0 all is well, 1 something is worse (diff), 2 wrong usage, or a history that cannot be used.
"""
_Command = TypeVar("_Command", bound=Callable[..., object])


def _db_option(command: _Command) -> _Command:
    return click.option(
        "--db",
        envvar=_VARIABLE,
        metavar="FILE|URL",
        help=f"The history [environment: {_VARIABLE}].",
    )(command)


def _store(db: str | None) -> "Store":
    if db is None:
        raise UsageError(f"which history? Give --db FILE, or set {_VARIABLE}")
    from vapi_conformance.history.place import read_place
    from vapi_conformance.history.store import Store

    return Store(place=read_place(db, option="--db"))


@click.group(epilog=_EPILOG)
def command() -> None:
    """Look at runs that were kept: which there are, one of them, what changed, how it went over time."""


@command.command(
    "list",
    epilog="""\b
Examples:
  vapi-conformance history list --db runs.db
  vapi-conformance history list --db runs.db --target https://my.host/v1 --verdict violated
  vapi-conformance history list --db runs.db --json | jq '.runs[0].run'

\b
Piped, there is one run a line: number, beginning, kind, verdict, target, platform, dialect, profile or load, model,
rules that passed, were violated, could not be tested, suite, with tabs between them.
""",
)
@_db_option
@click.option("--target", metavar="NAME", help="Only of this endpoint, as it was given: a URL, or `reference`.")
@click.option("--kind", type=click.Choice(["report", "bench"]), help="Only judged runs, or only benches.")
@click.option("--verdict", type=click.Choice(_VERDICTS), help="Only those that came to it.")
@click.option(
    "--newest", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="So many, at most."
)
@json_option
def list_runs(  # noqa: PLR0913 - one parameter per option
    *, db: str | None, target: str | None, kind: str | None, verdict: str | None, newest: int, as_json: bool
) -> None:
    """List runs, the newest first."""
    store = _store(db)
    from vapi_conformance.history.store import Wanted
    from vapi_conformance.history.trend import run_document

    wanted = Wanted(
        kind=_kind(kind),
        target=target,
        verdict=verdict,
        newest=newest,
    )
    runs = [run_document(each) for each in reversed(store.runs(wanted))]
    if as_json:
        print_json({"format": "vapi-conformance/history-list", "version": 1, "runs": runs})
    elif runs:
        print_runs(runs)
    else:
        complain("no run is like that; `vapi-conformance history list` without options shows all", is_fault=False)


@command.command(
    epilog="""\b
Examples:
  vapi-conformance history show --db runs.db                the newest run
  vapi-conformance history show 12 --db runs.db
  vapi-conformance history show 12 --db runs.db --json > report.json
  vapi-conformance report render report.json                its page
"""
)
@click.argument("run", type=int, required=False)
@_db_option
@json_option
def show(*, run: int | None, db: str | None, as_json: bool) -> None:
    """Show one run: who was judged, and what did not pass. RUN is its number; without it, the newest.

    --json prints the document that was stored: a report after schemas/harness/report.json, or the result of a bench.
    """
    store = _store(db)
    from vapi_conformance.history.trend import run_document

    found = store.run(run) if run is not None else _newest(store, 1)[-1]
    document = store.document(found.id)
    if as_json:
        print_json(document)
    else:
        print_lines(show_lines(run_document(found), document))


@command.command(
    epilog="""\b
Examples:
  vapi-conformance history diff --db runs.db          the newest run against the one before it of the same endpoint
  vapi-conformance history diff 12 15 --db runs.db
  vapi-conformance history diff 12 15 --db runs.db --json

\b
Two benches are compared as `vapi-conformance bench compare` does it.

\b
Exit status: 0 nothing is worse, 1 something is, or no latency of two benches could be compared, 2 wrong usage.
"""
)
@click.argument("before", type=int, required=False)
@click.argument("after", type=int, required=False)
@_db_option
@json_option
def diff(*, before: int | None, after: int | None, db: str | None, as_json: bool) -> None:
    """Show what changed from run BEFORE to run AFTER.

    Without AFTER: to the newest. A rule is worse that passed, or did not apply, and does so no longer; one that was not
    judged before is new, and makes nothing worse.
    """
    store = _store(db)
    first, last = _pair(store, before, after)
    old, new = store.run(first), store.run(last)
    if old.series.kind != new.series.kind:
        raise UsageError(f"run {first} and run {last} cannot be compared: one is a report, the other a bench")
    if old.series.kind == "bench":
        from vapi_conformance.cli.bench_compare import tell_comparison
        from vapi_conformance.latency.compare import compare
        from vapi_conformance.latency.result import from_document

        stored = [from_document(store.document(number)) for number in (first, last)]
        tell_comparison(compare(*stored), as_json=as_json)
    from vapi_conformance.history.difference import difference_document

    document = difference_document((old, store.document(first)), (new, store.document(last)))
    if as_json:
        print_json(document)
    else:
        print_lines(difference_lines(document))
    sys.exit(1 if document["is_worse"] else 0)


@command.command(
    epilog="""\b
Examples:
  vapi-conformance history trend --db runs.db
  vapi-conformance history trend --db runs.db --kind bench --figure ttft_ms.p95 --figure errors.share
  vapi-conformance history trend --db runs.db --html trend.html

\b
One sign a run, the newest on the right:
  verdict     ✗✗?✓✓✓   conformant
  violated    █▄▂▁▁▁   0 (0 to 7)
Figures of a bench are METRIC.p50, .p95, .p99 and .max, as in its result; of a judged run first_speech_ms.p50 and .max
and dead_air_ms.max, of its streamed answers one after the other, without load.
"""
)
@_db_option
@click.option("--target", metavar="NAME", help="Only of this endpoint.")
@click.option("--kind", type=click.Choice(["report", "bench"]), help="Only judged runs, or only benches.")
@click.option("--figure", "figures", multiple=True, metavar="NAME", help="A figure to show; repeatable.")
@click.option(
    "--newest", type=click.IntRange(min=1), default=500, show_default=True, metavar="N", help="So many runs, at most."
)
@click.option(
    "--html", "page", type=click.Path(path_type=Path), metavar="FILE.html", help="Draw it: a page of its own."
)
@json_option
def trend(  # noqa: PLR0913 - one parameter per option
    *,
    db: str | None,
    target: str | None,
    kind: str | None,
    figures: tuple[str, ...],
    newest: int,
    page: Path | None,
    as_json: bool,
) -> None:
    """Show how verdicts, broken rules and latencies went over time, for each endpoint and way of measuring."""
    if page is not None:
        check_place(page)
    store = _store(db)
    from vapi_conformance.history.store import Wanted
    from vapi_conformance.history.trend import trend_document
    from vapi_conformance.report.trend_text import trend_lines

    wanted = Wanted(kind=_kind(kind), target=target, newest=newest)
    runs = store.runs(wanted)
    document = trend_document(runs, figures=figures)
    known = {name for each in runs for name in each.figures}
    if strange := [each for each in figures if each not in known]:
        raise UsageError(f"no run has a figure {strange[0]!r}; there are: {', '.join(sorted(known)) or 'none'}")
    if as_json:
        print_json(document)
    elif runs:
        print_lines(trend_lines(document, is_plain=not _takes_bars()))
    else:
        complain("no run is like that; `vapi-conformance history list` shows which there are", is_fault=False)
    if page is not None:
        from vapi_conformance.report.trend_page import trend_page

        write_text(trend_page(document), page)
        complain(f"the page is in {page}", is_fault=False)


@command.command(
    epilog="""\b
Examples:
  vapi-conformance history add report.json --db runs.db
  vapi-conformance history add ci/*.json --db runs.db

\b
A file that is there already, or whose run is, is not added again.
"""
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE.json...")
@_db_option
def add(*, files: tuple[Path, ...], db: str | None) -> None:
    """Add runs from files: what `--endpoint-report FILE.json` and `bench --out FILE.json` wrote."""
    store = _store(db)
    from vapi_conformance.history.problems import HistoryError

    for path in files:
        document = object_or_nothing(read_json(path))
        try:
            added = store.add(document)
        except HistoryError:
            raise
        except UsageError as problem:
            raise UsageError(f"{path} {problem}") from None
        click.echo(f"run {added.id}: {path}" if added.is_new else f"run {added.id} is the same: {path}")


def _kind(given: str | None) -> "Kind | None":
    return "bench" if given == "bench" else "report" if given == "report" else None


def _takes_bars() -> bool:
    """A pipe on Windows and a C locale do not."""
    try:
        "▁✓".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _pair(store: "Store", before: int | None, after: int | None) -> tuple[int, int]:
    """Two runs; of those that were not named, the newest that can be compared."""
    from vapi_conformance.history.store import Wanted

    if before is not None and after is not None:
        return before, after
    one = store.run(before) if before is not None else _newest(store, 1)[-1]
    others = [each.id for each in store.runs(Wanted(series=one.series)) if each.id != one.id]
    if not others:
        raise UsageError(f"run {one.id} is the only one of its endpoint and kind: there is nothing to compare it with")
    return (one.id, others[-1]) if before is not None else (others[-1], one.id)


def _newest(store: "Store", count: int) -> list["StoredSummary"]:
    from vapi_conformance.history.store import Wanted

    found = store.runs(Wanted(newest=count))
    if not found:
        raise UsageError("no run is kept there yet")
    return found
