"""`vapi-conformance bench`: latency under load."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vapi_conformance.cli.bench_cluster import crew
from vapi_conformance.cli.bench_compare import command as compare_command
from vapi_conformance.cli.bench_consent import be_allowed
from vapi_conformance.cli.bench_idle_options import refuse_idle_options
from vapi_conformance.cli.bench_load_options import load_options
from vapi_conformance.cli.bench_playing import MOST_LOAD, Bench, BenchOutcome, Plan
from vapi_conformance.cli.bench_progress import BenchProgress
from vapi_conformance.cli.bench_reaching import reached
from vapi_conformance.cli.bench_schedule import (
    LoadOptions,
    capped_loads,
    knee_condition,
    loads,
    named_scenario,
)
from vapi_conformance.cli.broken_additions import tell_broken
from vapi_conformance.cli.endpoint_options import endpoint_options, endpoint_settings, in_own_words, own_words
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.cli.result_file import check_place, write_json, write_text
from vapi_conformance.endpoint import read_endpoint
from vapi_conformance.latency.gates import parse_gate
from vapi_conformance.latency.politeness import DEFAULT_CAP
from vapi_conformance.latency.result import to_document
from vapi_conformance.latency.running import metrics_of
from vapi_conformance.latency.sampling import MOST_KEPT
from vapi_conformance.latency.traffic import FIRST_WORDS
from vapi_conformance.masking import Secrets
from vapi_conformance.options import ENVIRONMENT_PREFIX
from vapi_conformance.report.bench_text import bench_lines

if TYPE_CHECKING:
    from vapi_conformance.history.keeping import Keeper

__all__ = ["command"]

_INTERRUPTED: Final = 130
_SETTINGS: Final = {
    "concurrency": "concurrency",
    "rate": "rate",
    "poisson": "poisson",
    "seed": "seed",
    "ramp": "ramp",
    "steps": "steps",
    "trace": "trace",
    "requests": "requests",
    "duration": "duration_s",
    "warmup": "warmup",
    "scenario": "scenario",
    "real-time": "real_time",
    "say": "words",
    "knee": "knee",
    "most": "most",
    "fail-if": "conditions",
    "cap": "cap",
    "stop-on-errors": "stop_on_errors",
    "cold": "cold",
    "processes": "processes",
    "judge": "keeps",
    "timeout": "timeout",
    "assistant": "assistant",
}
"""Options that the document repeats, and what click calls them. Those that may hold a credential are not among them."""
_EPILOG: Final = """\b
Examples:
  vapi-conformance bench reference                                  the bundled server, as an example
  vapi-conformance bench https://my.host/v1 --api-key-env MY_KEY    4 streams, 100 requests
  vapi-conformance bench URL --concurrency 1,4,16 --requests 200    a sweep: one load after the other
  vapi-conformance bench URL --rate 5 --poisson --duration 60       callers do not wait for each other
  vapi-conformance bench URL --ramp 1:20 --duration 120
  vapi-conformance bench URL --scenario ten-turns --concurrency 8   whole calls, whose history grows
  vapi-conformance bench URL --knee 'ttfs.p95 > 800ms'              how many at once before it is slow?
  vapi-conformance bench URL --fail-if 'ttft.p95 > 800ms' --fail-if 'errors > 1%' --out today.json --yes
  vapi-conformance bench URL --html today.html                      plots, for people
  vapi-conformance bench URL --rate 500 --duration 60 --cluster auto    from every node of a Ray cluster
  vapi-conformance bench URL --history runs.db                      kept, for `vapi-conformance history trend`
  vapi-conformance bench compare yesterday.json today.json

\b
Closed loop (--concurrency): so many streams, each of which asks again when its answer is over; a slow endpoint is asked
less often. Open loop (--rate, --ramp, --steps, --trace): requests start when they are meant to. Their times count from
the intended start, so that a stall cannot hide behind itself; NAME_from_sent counts from the sending.

\b
Conditions for --fail-if and --knee: NAME.FIGURE OPERATOR LIMIT, as 'ttft.p95 > 800ms', 'dead_air.max >= 2s',
'tokens.p50 < 20', 'errors > 1%'. A condition that nobody can judge, because there are too few values, fails, too.

\b
Exit status:
  0  requests were answered, and no condition of --fail-if holds
  1  one holds or cannot be judged; no request was answered, or errors ended the load (--stop-on-errors)
  2  wrong usage, or load to another machine without --yes
  130  interrupted; what was measured until then is told
"""


class _Bench(click.Command):
    """`bench URL`, and `bench compare A B`, which is a command of its own."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """See click."""
        if args[:1] == ["compare"]:
            return compare_command.make_context(f"{info_name} compare", args[1:], parent=parent)
        return super().make_context(info_name, args, parent=parent, **extra)


@click.command(cls=_Bench, epilog=_EPILOG)
@click.argument("url")
@load_options
@click.option(
    "--scenario",
    metavar="NAME|FILE",
    help="The turns of whole calls as load; `vapi-conformance call --list` names them. Each turn follows the answer "
    "before it, and the history grows.",
)
@click.option("--real-time", is_flag=True, help="With --scenario: speaking and thinking take their time between turns.")
@click.option("--say", "words", default=FIRST_WORDS, show_default=True, metavar="TEXT", help="What the caller says.")
@click.option(
    "--knee",
    metavar="CONDITION",
    help="Search for the load at which the condition begins to hold: streams at once, or with --rate requests a "
    "second. The search begins at the load that is given.",
)
@click.option(
    "--most",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"With --knee: no load above it is tried (default: {MOST_LOAD}, or the load at which the search begins).",
)
@click.option(
    "--fail-if", "conditions", multiple=True, metavar="CONDITION", help="Exit status 1 if it holds; repeatable."
)
@click.option(
    "--cap",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"No more requests than that, warm-up included (default: {DEFAULT_CAP:,} where --requests is not given).",
)
@click.option(
    "--stop-on-errors",
    type=click.IntRange(1, 100),
    default=50,
    show_default=True,
    metavar="PERCENT",
    help="Stop when so many of the last 20 requests went wrong; 100 goes on until all do.",
)
@click.option("--cold", is_flag=True, help="A new connection for each request.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Of the client; more than one where one core is not enough.",
)
@click.option(
    "--cluster",
    metavar="auto|HOST:PORT",
    help="The nodes of a Ray cluster share the load; this machine has to be one of them. Needs the extra `cluster`.",
)
@click.option(
    "--judge",
    "keeps",
    type=click.IntRange(0, 100_000),
    default=MOST_KEPT,
    show_default=True,
    metavar="N",
    help="Judge by the rules a fair sample of so many sound answers and as many others; 0: none.",
)
@click.option("--recalibrate", is_flag=True, help="Measure the instrument's own error again, though it is known.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.json", help="Keep the result.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Draw the result: a page of its own, without script or network.",
)
@click.option(
    "--history",
    envvar=f"{ENVIRONMENT_PREFIX}HISTORY",
    metavar="FILE.db|URL",
    help="Keep the result in a history, for `vapi-conformance history trend` [environment: "
    f"{ENVIRONMENT_PREFIX}HISTORY].",
)
@click.option("--yes", is_flag=True, help="The owner of the endpoint agrees: do not ask.")
@endpoint_options
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    url: str,
    load: LoadOptions,
    scenario: str | None,
    real_time: bool,
    words: str,
    knee: str | None,
    most: int | None,
    conditions: tuple[str, ...],
    cap: int | None,
    stop_on_errors: int,
    cold: bool,
    processes: int,
    cluster: str | None,
    keeps: int,
    recalibrate: bool,
    out: Path | None,
    page: Path | None,
    history: str | None,
    yes: bool,
    as_json: bool,
    **endpoint_given: object,
) -> None:
    """Measure the endpoint at URL under load: time to first token, to first speech, silences, errors, broken rules.

    URL is the base URL as in the assistant's model.url (/chat/completions is appended), or `reference` for the bundled
    server. What is sent is what Vapi would send, each request in a call of its own. Answers come through an engine made
    for measuring, whose own error is measured before, shown beside the figures and never subtracted.

    `bench compare A.json B.json` says what changed between two results.
    """
    for place in filter(None, (out, page)):
        check_place(place)
    keeper = None if history is None else _keeper(history)
    context = click.get_current_context()
    refuse_idle_options(context)
    given = context.params
    planned = loads(replace(load, calls=scenario is not None))
    metrics = metrics_of(planned.schedules[0])
    condition = None if knee is None else knee_condition(knee, metrics, planned, most=most)
    plan = Plan(
        loads=capped_loads(planned, cap),
        settings={name: _json(given[key]) for name, key in _SETTINGS.items()},
        gates=[parse_gate(each, metrics) for each in conditions],
        knee=condition,
        most_load=most or MOST_LOAD,
        knee_rate=load.rate if condition is not None else None,
        cap=cap,
        stop_at=stop_on_errors / 100,
        processes=processes,
        keeps_alive=not cold,
        scenario=None if scenario is None else named_scenario(scenario),
        is_real_time=real_time,
        words=words,
        keeps=keeps,
        recalibrates=recalibrate,
    )
    outcome, secrets = _played(plan, endpoint_settings(url, endpoint_given), cluster=cluster, yes=yes)
    document = to_document(outcome.result)
    if as_json:
        print_json(document)
    else:
        print_lines(bench_lines(document, levels=outcome.judgement.levels))
    _keep(document, out, page)
    if keeper is not None and not outcome.is_interrupted:
        keeper.keep(document)
        complain(keeper.told, is_fault=keeper.is_fault)
    _complain(outcome, secrets)
    if outcome.is_interrupted:
        sys.exit(_INTERRUPTED)
    sys.exit(1 if outcome.is_bad else 0)


def _played(
    plan: Plan, settings: Mapping[str, Sequence[str]], *, cluster: str | None, yes: bool
) -> tuple[BenchOutcome, Secrets]:
    """settings: of the endpoint."""
    with in_own_words():
        endpoint = read_endpoint(settings)
        tell_broken()
        with reached(endpoint) as live, crew(cluster, live) as nodes:
            be_allowed(plan.at_most(), to=live.platform.url(), yes=yes)
            with BenchProgress() as progress:
                bench = Bench(plan=plan, endpoint=endpoint, live=live, progress=progress, cluster=nodes)
                return bench.run(), live.client.secrets


def _complain(outcome: BenchOutcome, secrets: Secrets) -> None:
    """What is in no document."""
    if outcome.has_left_out:
        complain("some answers were too large to be kept for the judges, and are not among those that were judged")
    for fault in outcome.judgement.faults:
        complain(f"our bug: the rule {fault} failed to run")
    if outcome.advice is not None:
        complain(own_words(secrets.masked(outcome.advice) or ""))


def _json(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - click's are untyped
    return str(value) if isinstance(value, Path) else value


def _keeper(place: str) -> "Keeper":
    """Imported only where a history is asked for."""
    from vapi_conformance.history.keeping import Keeper

    return Keeper.at(place, option="--history", file_option="--out")


def _keep(document: Mapping[str, object], out: Path | None, page: Path | None) -> None:
    if out is not None:
        write_json(document, out)
        complain(f"the result is in {out}", is_fault=False)
    if page is not None:
        from vapi_conformance.report.bench_page import page as drawn

        write_text(drawn(document), page)
        complain(f"the page is in {page}", is_fault=False)
