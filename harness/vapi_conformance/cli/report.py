"""`vapi-conformance report render`: stored reports as a page, or as Markdown."""

from pathlib import Path

import click

from vapi_conformance.cli.printing import complain
from vapi_conformance.cli.result_file import check_place, write_text
from vapi_conformance.problems import UsageError
from vapi_conformance.report.reading import read_reports
from vapi_conformance.report.writing import rendered

__all__ = ["command"]

_EPILOG = """\b
Examples:
  pytest --endpoint https://my.host/v1 --endpoint-report report.json
  vapi-conformance report render report.json
  vapi-conformance report render report.json --out summary.md
  vapi-conformance report render vllm.json ollama.json mine.json --out all.html

\b
Exit status:
  0  written, whatever the reports say
  2  wrong usage, or a file is no report
"""


@click.group()
def command() -> None:
    """Make pages and summaries of stored reports."""


@command.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE.json...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A name that ends with .html or .md. Without it: the page, beside the first file.",
)
def render(*, files: tuple[Path, ...], out: Path | None) -> None:
    """One page, or one Markdown text, of the reports in the FILES.

    FILES are what `pytest --endpoint-report FILE.json`, `check-webhook --report` and `check --json` write; the page is
    the one that `--endpoint-report FILE.html` gives. Several reports make a matrix of endpoints and rules, and any two
    of them can be compared.
    """
    place = out or files[0].with_suffix(".html")
    if place.suffix.lower() not in (".html", ".md"):
        raise UsageError(f"{place}: the name of a page ends with .html, that of a Markdown text with .md")
    check_place(place)
    documents = [document for path in files for document in read_reports(path)]
    write_text(rendered(documents, place.suffix), place)
    complain(f"written: {place}", is_fault=False)
