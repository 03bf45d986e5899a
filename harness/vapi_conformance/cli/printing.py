"""Printing for people (colours on a terminal, plain when piped) and for scripts (one JSON document)."""

import json
from collections.abc import Iterable

import click

from vapi_conformance.report.printable import printable
from vapi_conformance.report.text import Line, Style

__all__ = ["json_option", "print_json", "print_lines"]

_COLOURS: dict[Style, str | None] = {
    "plain": None,
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "faint": "bright_black",
    "strong": None,
}

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON document on standard output and nothing else; its schema is in schemas/harness.",
)


def print_json(document: object) -> None:
    """One document; text from an endpoint may hold lone surrogates, which JSON can escape and UTF-8 cannot carry."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(document, indent=1)
    click.echo(text)


def print_lines(lines: Iterable[Line]) -> None:
    """click drops the colours by itself when nobody looks."""
    for line in lines:
        text = printable(line.text)
        click.secho(text, fg=_COLOURS[line.style], bold=line.style in ("strong", "bad", "good"))
