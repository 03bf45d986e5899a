"""`vapi-conformance call`: hold a phone call with an endpoint, by keyboard or after a scenario."""

import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from vapi_conformance import call_file
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CallScenario, all_call_scenarios, load_call_scenario
from vapi_conformance.cli.broken_additions import tell_broken_consumers
from vapi_conformance.cli.call_interrupts import ending_in_order
from vapi_conformance.cli.call_judging import Judged, judged
from vapi_conformance.cli.call_keeping import scenario_name
from vapi_conformance.cli.call_keyboard import Keyboard, held
from vapi_conformance.cli.call_playing import played
from vapi_conformance.cli.call_stage import Stage
from vapi_conformance.cli.endpoint_options import own_words
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.endpoint import opened, read_endpoint
from vapi_conformance.problems import UsageError
from vapi_conformance.report.call_result import to_document
from vapi_conformance.report.call_text import result_lines
from vapi_conformance.report.text import Line, summary
from vapi_conformance.rules import Profile
from vapi_conformance.rules.selection import refuse_broken

__all__ = ["command"]

_EPILOG: Final = """\b
Examples:
  vapi-conformance call reference                      talk to the bundled server
  vapi-conformance call https://my.host/v1 --api-key-env MY_KEY
  vapi-conformance call https://my.host/v1 --assistant assistant.json --save mine.json
  vapi-conformance call https://my.host/v1 --scenario mine.json --record mine.call.json
  vapi-conformance call --list                         the calls that can be played
  vapi-conformance call reference --scenario barge-in --real-time
  printf 'Hello.\\nWhat can you do?\\n' | vapi-conformance call https://my.host/v1 --json

\b
By keyboard:
  type what the caller says, and Enter
  Ctrl-C     while the assistant speaks or is asked: interrupt it, as a caller would
  Ctrl-C     at the prompt, with nothing typed, or Ctrl-D: hang up
  /again TEXT   the transcriber changes your last words, and the model is asked again
  /keys 1234#   /wait SECONDS   /tools   /hang up   /help

\b
Exit status:
  0  no MUST is broken
  1  a MUST is broken or was not shown, or no response came
  2  wrong usage
"""


def _list(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and not ctx.resilient_parsing:
        print_lines(Line(f"{name:<28} {scenario.about}") for name, scenario in all_call_scenarios().items())
        ctx.exit()


@click.command(epilog=_EPILOG)
@click.argument("url")
@click.option("--assistant", metavar="FILE", help="Your assistant as JSON, the body of Vapi's POST /assistant.")
@click.option("--credential", metavar="FILE", help="Your custom-llm credential as JSON.")
@click.option("--api-key-env", metavar="VARIABLE", help="Environment variable that holds the API key.")
@click.option("--model", metavar="NAME", help="Model to ask for.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Header to send with every request; repeatable. A value like $VARIABLE is taken from the environment.",
)
@click.option("--timeout", metavar="SECONDS", help="Seconds without a token after which Vapi gives up (default: 20).")
@click.option(
    "--profile",
    type=click.Choice([Profile.VAPI.value, Profile.STANDARD.value]),
    help="What the verdict is measured against: what Vapi needs (default), or the API's owner to the letter.",
)
@click.option("--scenario", metavar="NAME|FILE", help="Play this call; without it you hold one by keyboard.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Calls to play, by name.")
@click.option(
    "--real-time/--virtual",
    default=None,
    help="Whether speaking and waiting take their time. Default: by keyboard on a terminal they do.",
)
@click.option(
    "--tool-result",
    "tool_results",
    multiple=True,
    metavar="NAME=TEXT",
    help="What a tool returns that has no server; repeatable. Without it you are asked.",
)
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Keep what was typed as a call scenario.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the whole call, every byte of it, for `check` and `hear`; name it *.call.json.",
)
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    url: str,
    assistant: str | None,
    credential: str | None,
    api_key_env: str | None,
    model: str | None,
    headers: tuple[str, ...],
    timeout: str | None,
    profile: str | None,
    scenario: str | None,
    real_time: bool | None,
    tool_results: tuple[str, ...],
    save: Path | None,
    record: Path | None,
    as_json: bool,
) -> None:
    """Hold a phone call with the endpoint at URL, as Vapi would: by keyboard, or after a scenario.

    URL is the base URL as in the assistant's model.url (/chat/completions is appended), or `reference` for the
    bundled server. What Vapi would send is sent; what its client hears of the answers is shown as the caller hears
    it, with times. The end is predicted: the ended reason in both spellings, and how sure the facts are.
    """
    given = {
        "": [url],
        "assistant": _given(assistant),
        "credential": _given(credential),
        "api-key-env": _given(api_key_env),
        "model": _given(model),
        "header": headers,
        "timeout": _given(timeout),
        "profile": _given(profile),
    }
    refuse_broken([])
    tell_broken_consumers()
    meant = None if scenario is None else _scenario(scenario)
    results = _results(tool_results)
    if meant is not None and (save is not None or results):
        raise UsageError("--save and --tool-result are for calls by keyboard; --record keeps a played call")
    for path in filter(None, (save, record)):
        _check_place(path)
    with ending_in_order(), _in_own_words():
        endpoint = read_endpoint(given)
        with opened(endpoint) as live:
            stage = Stage(console=Console(stderr=as_json, highlight=False, markup=False, emoji=False), is_quiet=as_json)
            if meant is not None:
                records = played(meant, live, stage, is_real_time=real_time is True)
            else:
                keyboard = Keyboard(
                    name="by-keyboard" if save is None else scenario_name(save),
                    stage=stage,
                    tool_results=results,
                    is_real_time=real_time,
                    save=save,
                )
                records = [held(keyboard, live)]
            found = judged(records, endpoint, live)
            secrets = live.client.secrets
    names = [] if record is None else _recorded(records, record)
    if as_json:
        print_json(to_document(found.results, found.run))
    else:
        _print(found, repeat=_repeat(given, scenario, names))
    for path in names:
        complain(f"the call is in {path}", is_fault=False)
    if found.advice is not None:
        complain(_own_words(secrets.masked(found.advice) or ""))
    sys.exit(1 if found.is_bad else 0)


def _given(value: str | None) -> Sequence[str]:
    return [] if value is None else [value]


def _scenario(named: str) -> CallScenario:
    known = all_call_scenarios()
    path = Path(named)
    if named in known:
        return known[named]
    if path.suffix or path.exists() or path.name != named:
        return load_call_scenario(path)
    raise UsageError(f"--scenario: {named!r} is no call that we know; --list names them, or give a file")


def _results(given: Sequence[str]) -> Mapping[str, str]:
    results: dict[str, str] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--tool-result wants NAME=TEXT, got {each!r}")
        results[name.strip()] = text
    return results


def _check_place(path: Path) -> None:
    """Before a call that would be lost."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist")


def _recorded(records: Sequence[CallRecord], path: Path) -> list[Path]:
    """One file for each call; where there are several, numbered."""
    stem, dots, rest = path.name.partition(".")
    paths = [path.with_name(f"{stem}-{number}{dots}{rest}") for number in range(1, len(records) + 1)]
    names = [path] if len(records) == 1 else paths
    for record, each in zip(records, names, strict=True):
        try:
            call_file.save(record, each)
        except OSError as problem:
            raise UsageError(f"{each} cannot be written: {problem.strerror or problem}") from problem
    return names


def _repeat(given: Mapping[str, Sequence[str]], scenario: str | None, recorded: Sequence[Path]) -> str:
    """How to see one rule again, under the same conditions: a format string that takes `rule`."""
    if recorded:
        words, end = ["vapi-conformance", "check", *map(str, recorded)], " --rule {rule}"
    else:
        options = {**given, "scenario": _given(scenario)}
        told = (part for name, values in options.items() for value in values for part in _option(name, value))
        words, end = ["vapi-conformance", "call", *told], ""
    return shlex.join(words).replace("{", "{{").replace("}", "}}") + end


def _option(name: str, value: str) -> Sequence[str]:
    """As it was typed, but for the value of a header: it may be a secret."""
    if not name:
        return [value]
    if name == "header" and not value.partition(":")[2].strip().startswith("$"):
        value = f"{value.partition(':')[0]}: ..."
    return [f"--{name}", value]


def _print(found: Judged, *, repeat: str) -> None:
    print_lines([Line("")])
    for result in found.results:
        if len(found.results) > 1:
            print_lines([Line(f"{result.record.name}, call {result.record.call_id}", "strong")])
        print_lines(result_lines(result))
        print_lines([Line("")])
    if found.run.exchanges:
        print_lines(summary(found.run, repeat=repeat))


@contextmanager
def _in_own_words() -> Generator[None]:
    """The options here have no prefix."""
    try:
        yield
    except UsageError as problem:
        raise UsageError(_own_words(str(problem))) from problem


def _own_words(text: str) -> str:
    text = text.replace("; --endpoint-dialect says which API", "")
    return own_words(text)
