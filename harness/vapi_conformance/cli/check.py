"""`vapi-conformance check`: judge recordings."""

import sys
from pathlib import Path

import click

from vapi_conformance.cli.broken_additions import tell_broken_consumers
from vapi_conformance.cli.catalogue import chosen
from vapi_conformance.cli.check_text import Summary, repeat_command, run_lines
from vapi_conformance.cli.judging import Judge
from vapi_conformance.cli.printing import JsonResults, json_option, print_lines
from vapi_conformance.cli.reading import Reading, files_argument
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.endpoint import check_profile
from vapi_conformance.problems import UsageError
from vapi_conformance.report.document import to_document
from vapi_conformance.report.run import Run
from vapi_conformance.rules import Profile
from vapi_conformance.rules.selection import refuse_broken

__all__ = ["command"]

_EPILOG = """\b
Examples:
  vapi-conformance check exchanges/
  vapi-conformance check call.har --rule 'sse.*'
  vapi-conformance check --profile standard --dialect openai_chat_completions call.har --json

\b
Exit status:
  0  every file was read, and no MUST is broken
  1  a MUST is broken or was not shown, no response came at all, or some file could not be read
  2  wrong usage, or no file could be read
"""


@click.command(epilog=_EPILOG)
@files_argument
@click.option(
    "--profile",
    type=click.Choice([each.value for each in Profile]),
    help="What the verdict is measured against: what Vapi or Rapida needs, or the API's owner to the letter "
    "(standard). Without it: what Vapi needs, and for dialects that Vapi does not speak, standard.",
)
@click.option(
    "--dialect",
    type=click.Choice([each.value for each in Dialect]),
    help="API shape that the endpoint claims. Without it each exchange is recognised by its URL, its headers and its "
    "shape. The standard's duties are one step softer for openai_compatible.",
)
@click.option(
    "--rule", "patterns", multiple=True, metavar="RULE", help="Judge this rule only; repeatable; 'sse.*' takes a layer."
)
@click.option("--verbose", "-v", is_flag=True, help="What only informs (MAY) in full, too.")
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    files: tuple[Path, ...],
    profile: str | None,
    dialect: str | None,
    patterns: tuple[str, ...],
    verbose: bool,
    as_json: bool,
) -> None:
    """Judge the exchanges in FILES, rule by rule.

    FILES are exchange files and whole calls, as `pytest --endpoint URL --endpoint-save-exchanges DIR` writes them;
    HAR 1.2 files with bodies, as browsers and proxies write them; or recordings {request, response: {status, headers,
    body_text}}. A folder stands for the .json and .har files in it. Where a folder holds all exchanges of a scenario,
    or a file a whole call, the rules over several exchanges are judged, too. A file that cannot be read is named, and
    the others are judged.
    """
    measure, spoken = None if profile is None else Profile(profile), None if dialect is None else Dialect(dialect)
    check_profile(measure, spoken)
    refuse_broken(patterns)
    tell_broken_consumers()
    judge = Judge(rules=chosen(patterns), profile=measure, dialect=spoken)
    options = _options(profile, dialect)
    reading, summary, results = Reading(files=files), Summary(), JsonResults()

    def tell(run: Run, path: Path) -> None:
        summary.add(run)
        if as_json:
            results.add({**to_document(run, repeat=repeat_command(path, options)), "source": run.target.name})
        else:
            with reading.paused():
                print_lines(run_lines(run, path, options=options, verbose=verbose))

    for path, exchange in reading:
        if (run := judge.alone(path, exchange)) is not None:
            tell(run, path)
    for run in judge.together():
        tell(run, Path(run.target.name))
    if reading.exchanges and not summary.runs:
        raise UsageError(f"{' '.join(patterns)}: judged over a whole scenario, and the files hold none")
    if as_json:
        results.end({"unread": reading.unread, "left_out": reading.left_out})
    elif summary.runs:
        print_lines(summary.lines())
    reading.complain()
    sys.exit(reading.exit_status(failed=summary.is_bad))


def _options(profile: str | None, dialect: str | None) -> str:
    """What a repeated command needs of these to say the same."""
    told = "" if profile is None else f" --profile {profile}"
    return told + ("" if dialect is None else f" --dialect {dialect}")
