"""`vapi-conformance check`: judge recordings."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings import load_exchanges
from vapi_conformance.report.document import to_document
from vapi_conformance.report.run import Run, Target
from vapi_conformance.report.text import Line, summary
from vapi_conformance.rules import Profile, Rule
from vapi_conformance.rules.selection import select
from vapi_conformance.verdict import Verdict, judge

__all__ = ["command"]


def _runs(exchanges: Sequence[Exchange], rules: Sequence[Rule], profile: Profile, dialect: Dialect) -> Iterator[Run]:
    """One run per exchange; the exchanges of one scenario are judged once more together."""
    for exchange in exchanges:
        evidence = [Evidence(exchange=exchange)]
        single = [rule for rule in rules if not rule.scenarios]
        yield Run(
            target=Target(name=exchange.source, url=exchange.request.url),
            profile=profile,
            dialect=dialect,
            results=judge(single, evidence, profile=profile, dialect=dialect),
            exchanges=1,
        )


def _scenario_run(
    exchanges: Sequence[Exchange], rules: Sequence[Rule], profile: Profile, dialect: Dialect
) -> Run | None:
    """Rules over several exchanges, where the files hold a played scenario."""
    labelled = [Evidence(exchange=each) for each in exchanges if each.label is not None]
    played = {each.exchange.label.scenario for each in labelled if each.exchange.label is not None}
    chosen = [rule for rule in rules if played & set(rule.scenarios)]
    if not chosen:
        return None
    return Run(
        target=Target(name="the scenarios that the files hold"),
        profile=profile,
        dialect=dialect,
        results=judge(chosen, labelled, profile=profile, dialect=dialect),
        exchanges=len(labelled),
    )


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--profile",
    type=click.Choice([each.value for each in Profile]),
    default=Profile.VAPI.value,
    show_default=True,
    help="What the verdict is measured against: what Vapi needs, or the API's owner to the letter.",
)
@click.option(
    "--dialect",
    type=click.Choice([each.value for each in Dialect]),
    default=Dialect.OPENAI_COMPATIBLE.value,
    show_default=True,
    help="API shape that the endpoint claims; the standard's duties are one step softer for a compatible one.",
)
@click.option(
    "--rule", "patterns", multiple=True, metavar="RULE", help="Judge this rule only; repeatable; 'sse.*' takes a layer."
)
@click.option("--verbose", "-v", is_flag=True, help="What only informs (MAY) in full, too.")
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *, files: tuple[Path, ...], profile: str, dialect: str, patterns: tuple[str, ...], verbose: bool, as_json: bool
) -> None:
    """Judge the exchanges in FILES, rule by rule.

    FILES are exchange files (`pytest --endpoint URL --endpoint-save-exchanges DIR` writes them), HAR 1.2 files
    with bodies (browsers and proxies write them), or recordings of the form {request, response: {body_text}}.
    A file that cannot be read is named and the others are judged all the same.

    \b
    Example:
      vapi-conformance check exchanges/*.json
      vapi-conformance check --profile standard --dialect openai_chat_completions call.har --json
    """
    rules = select(patterns)
    chosen_profile, chosen_dialect = Profile(profile), Dialect(dialect)
    runs: list[Run] = []
    exchanges: list[Exchange] = []
    unread: list[str] = []
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal or len(files) < 2) as bar:  # noqa: PLR2004 - one file needs no bar
        for path in bar.track(files, description="judging"):
            try:
                for exchange in load_exchanges(path):
                    runs.extend(_runs([exchange], rules, chosen_profile, chosen_dialect))
                    exchanges.append(exchange if exchange.label is not None else replace(exchange, reads=()))
            except UsageError as problem:
                unread.append(str(problem))
    if (together := _scenario_run(exchanges, rules, chosen_profile, chosen_dialect)) is not None:
        runs.append(together)
    if as_json:
        print_json({"results": [{**to_document(run), "source": run.target.name} for run in runs], "unread": unread})
    else:
        _print(runs, verbose=verbose)
    for sentence in unread:
        click.secho(f"not read: {sentence}", fg="red", err=True)
    if unread and not runs:
        sys.exit(2)
    sys.exit(0 if not unread and all(run.verdict is not Verdict.VIOLATED for run in runs) else 1)


def _print(runs: Sequence[Run], *, verbose: bool) -> None:
    for run in runs:
        print_lines([Line(run.target.name, "strong")])
        print_lines(summary(run, repeat=f"vapi-conformance check {run.target.name} --rule {{rule}}", verbose=verbose))
        print_lines([Line("")])
    if len(runs) > 1:
        violated = sum(run.verdict is Verdict.VIOLATED for run in runs)
        print_lines([Line(f"{len(runs)} judged, {violated} violated", "bad" if violated else "good")])
