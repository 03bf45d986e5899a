"""Printing for people (colours on a terminal, plain when piped) and for scripts (one JSON document)."""

import json
import sys
from collections.abc import Iterable, Mapping

import click

from vapi_conformance.report.printable import printable
from vapi_conformance.report.text import Line, Style

__all__ = ["JsonResults", "complain", "encodable", "json_option", "one_line", "print_json", "print_lines"]

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


def one_line(text: str) -> str:
    """Text of a stranger (a file name, an endpoint's words) that can neither paint nor begin a line of its own."""
    return printable(text).replace("\n", "\\n")


def print_lines(lines: Iterable[Line]) -> None:
    """click drops the colours by itself when nobody looks."""
    for line in lines:
        text = encodable(one_line(line.text), sys.stdout.encoding)
        click.secho(text, fg=_COLOURS[line.style], bold=line.style in ("strong", "bad", "good"))


def complain(sentence: str, *, is_fault: bool = True) -> None:
    """One sentence on standard error."""
    text = encodable(one_line(sentence), sys.stderr.encoding)
    click.secho(text, fg="red" if is_fault else None, err=True)


def encodable(text: str, encoding: str | None) -> str:
    """A pipe on Windows and a C locale take few characters; the others are written as escapes."""
    name = encoding or "utf-8"
    return text.encode(name, errors="backslashreplace").decode(name)


def print_json(document: object) -> None:
    """One whole document."""
    click.echo(_json(document))


def _json(document: object) -> str:
    """Text from an endpoint may hold lone surrogates, which JSON can escape and UTF-8 cannot carry."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, indent=1)
    return text


class JsonResults:
    """A document `{"results": [...], ...}` that is written while it grows, so that none of it need be kept."""

    def __init__(self) -> None:
        self._separator = '{"results": [\n'

    def add(self, result: Mapping[str, object]) -> None:
        """One more result."""
        click.echo(self._separator + _json(result), nl=False)
        self._separator = ",\n"

    def end(self, rest: Mapping[str, object]) -> None:
        """The keys after the results."""
        opened = self._separator if self._separator != ",\n" else ""
        click.echo(f"{opened}\n],\n" + _json(rest).removeprefix("{\n"))
