"""Stored runs for people: a table on a terminal, one run a line when piped."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vapi_conformance.cli.printing import encodable
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.printable import printable
from vapi_conformance.report.text import Line, Style
from vapi_conformance.report.trend_text import series_title

__all__ = ["difference_lines", "print_runs", "show_lines"]

_GOOD: Final = ("passed", "not applicable")
_COLOURS: Final = {"conformant": "green", "passed": "green", "violated": "red", "failed": "red"}
_STYLES: Final[Mapping[object, Style]] = {"better": "good", "worse": "bad", "new": "warning", "changed": "warning"}
_VERDICTS: Final[Mapping[object, Style]] = {"conformant": "good", "passed": "good", "violated": "bad", "failed": "bad"}


def print_runs(runs: Sequence[Mapping[str, object]]) -> None:
    """runs: as in `harness/history-list`."""
    console = Console()
    if console.is_terminal:
        console.print(_table(runs))
        return
    for run in runs:
        cells = (printable(str(each)).replace("\n", "\\n") for each in _cells(run))
        click.echo(encodable("\t".join(cells), sys.stdout.encoding))


def show_lines(run: Mapping[str, object], document: Mapping[str, object]) -> Iterator[Line]:
    """run: as in `harness/history-list`; document: as it was stored."""
    yield Line(series_title(run), "strong")
    verdict = run.get("verdict")
    yield Line(f"{verdict or 'no verdict'}", _VERDICTS.get(verdict, "warning"))
    yield Line(
        f"run {run.get('run')}, {_when(run)}, {run.get('exchanges')} exchanges, suite {run.get('suite_version')}",
        "faint",
    )
    if run.get("counts"):
        yield Line(_counted(run))
    for name, value in sorted(object_or_nothing(run.get("figures")).items()):
        yield Line(f"  {name:<24}  {value:,.4g}" if isinstance(value, int | float) else f"  {name}")
    for rule in map(object_or_nothing, array_or_nothing(document.get("rules"))):
        if rule.get("outcome") in _GOOD:
            continue
        is_bad = rule.get("level") == "MUST" and rule.get("expected_failure") is not True
        yield Line(f"{rule.get('id')}  {rule.get('level')}  {rule.get('outcome')}", "bad" if is_bad else "warning")
        violations = [object_or_nothing(each) for each in array_or_nothing(rule.get("violations"))]
        told = violations[0].get("actual") if violations else rule.get("reason")
        if told:
            yield Line(f"  {told}")
    for gate in map(object_or_nothing, array_or_nothing(document.get("gates"))):
        yield Line(f"{gate.get('outcome')}: {gate.get('sentence')}", _VERDICTS.get(str(gate.get("outcome")), "warning"))


def difference_lines(document: Mapping[str, object]) -> Iterator[Line]:
    """document: after `harness/history-difference`."""
    before, after = object_or_nothing(document.get("before")), object_or_nothing(document.get("after"))
    yield Line(series_title(after), "strong")
    for name, run in (("before", before), ("after", after)):
        yield Line(f"  {name:<6}  run {run.get('run')}, {_when(run)}: {run.get('verdict')}", "faint")
    for each in array_or_nothing(document.get("differs")):
        yield Line(f"  differs: {each}", "warning")
    yield Line("")
    rules = [object_or_nothing(each) for each in array_or_nothing(document.get("rules"))]
    for rule in rules:
        judgement = rule.get("judgement")
        change = f"{rule.get('before') or 'not judged'}, now {rule.get('after') or 'not judged'}"
        yield Line(f"{judgement}: {rule.get('id')}  {rule.get('level')}  {change}", _STYLES.get(judgement, "faint"))
        if judgement != "better" and rule.get("says"):
            yield Line(f"  {rule.get('says')}")
    same = document.get("same")
    yield Line(f"{same} {'rule' if same == 1 else 'rules'} came to the same", "faint")
    for figure in map(object_or_nothing, array_or_nothing(document.get("figures"))):
        yield Line(f"  {figure.get('name')!s:<24}  {_figure(figure.get('before'))}, now {_figure(figure.get('after'))}")
    yield Line("")
    is_worse = document.get("is_worse") is True
    yield Line("something is worse" if is_worse else "nothing is worse", "bad" if is_worse else "good")


def _table(runs: Sequence[Mapping[str, object]]) -> Table:
    table = Table()
    for name in ("run", "began (UTC)", "verdict"):
        table.add_column(name, no_wrap=True)
    for name in ("endpoint", "rules"):
        table.add_column(name, overflow="fold")
    for run in runs:
        verdict = str(run.get("verdict") or "-")
        cells = (str(run.get("run")), _when(run), verdict, series_title(run).replace("  ", "\n"), _counted(run))
        # Text, so that brackets are no markup.
        texts = [Text(printable(each)) for each in cells]
        texts[2].stylize(_COLOURS.get(verdict, "yellow"))
        table.add_row(*texts)
    return table


def _counted(run: Mapping[str, object]) -> str:
    counts = object_or_nothing(run.get("counts")).items()
    return ", ".join(f"{number} {name}" for name, number in counts if number) or "-"


def _cells(run: Mapping[str, object]) -> tuple[str, ...]:
    counts = object_or_nothing(run.get("counts"))
    return (
        str(run.get("run")),
        _when(run),
        str(run.get("kind")),
        str(run.get("verdict") or "-"),
        str(run.get("target")),
        str(run.get("platform")),
        str(run.get("dialect")),
        str(run.get("profile") or run.get("load") or "-"),
        str(run.get("model") or "-"),
        *(str(counts.get(name, "-")) for name in ("passed", "violated", "untestable")),
        str(run.get("suite_version")),
    )


def _when(run: Mapping[str, object]) -> str:
    """In UTC, to the minute."""
    return str(run.get("started_at"))[:16].replace("T", " ")


def _figure(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, int | float) else "not told"
