"""`vapi-conformance bench compare`: what changed between two results."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import click

from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.latency.compare import CONFIDENCE, Comparison, Judgement, compare, to_document
from vapi_conformance.latency.result import load
from vapi_conformance.report.text import Line, Style

__all__ = ["command", "tell_comparison"]

_STYLES: Final[dict[Judgement, Style]] = {
    "better": "good",
    "worse": "bad",
    "changed": "warning",
    "no evidence of change": "plain",
    "cannot be said": "faint",
}
_EPILOG: Final = """\b
Examples:
  vapi-conformance bench compare yesterday.json today.json
  vapi-conformance bench compare yesterday.json today.json --json

\b
Exit status:
  0  nothing is worse, as far as anybody can say
  1  something is worse, or no latency could be compared
  2  wrong usage, or a file is no result of a bench
"""


@click.command(epilog=_EPILOG)
@click.argument("before", type=click.Path(path_type=Path), metavar="BEFORE.json")
@click.argument("after", type=click.Path(path_type=Path), metavar="AFTER.json")
@json_option
def command(*, before: Path, after: Path, as_json: bool) -> None:
    """What changed from one result of `bench --out` to another, and how sure that is.

    Each difference comes with the interval in which the true one lies; where that holds zero there is no evidence of
    change, which is the usual answer. What else differs (machine, settings, schedule) is named first.
    """
    tell_comparison(compare(load(before), load(after)), as_json=as_json)


def tell_comparison(comparison: Comparison, *, as_json: bool) -> NoReturn:
    """Prints it and ends the program with its status; the history compares two benches in the same words."""
    if as_json:
        print_json(to_document(comparison))
    else:
        print_lines(_lines(comparison))
    sys.exit(1 if comparison.is_worse or not comparison.has_compared else 0)


def _lines(comparison: Comparison) -> Iterator[Line]:
    for warning in comparison.warnings:
        yield Line(f"differs: {warning}", "warning")
    if comparison.warnings:
        yield Line("")
    for each in comparison.differences:
        yield Line(each.sentence, _STYLES[each.judgement])
    yield Line(comparison.errors.sentence, _STYLES[comparison.errors.judgement])
    yield Line("")
    verdict, style = _verdict(comparison)
    yield Line(f"{verdict}; intervals at {CONFIDENCE:.0%}", style)


def _verdict(comparison: Comparison) -> tuple[str, Style]:
    if comparison.is_worse:
        return "something is worse", "bad"
    if not comparison.has_compared:
        return "no latency could be compared", "bad"
    return "nothing is worse, as far as anybody can say", "good"
