"""`vapi-conformance check-webhook`: judge a live backend by the messages that Vapi would post to it."""

import random
import shlex
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from vapi_conformance.cli.backend import BackendSettings, WebhookOptions, read_backend
from vapi_conformance.cli.catalogue import chosen
from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.client import Client, Limits
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.endpoint import REFERENCE
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.exchange_file import store
from vapi_conformance.platforms.vapi.webhooks import Secret
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.reference import reference_server
from vapi_conformance.report.document import to_document
from vapi_conformance.report.printable import printable
from vapi_conformance.report.run import Run, Target
from vapi_conformance.report.text import summary
from vapi_conformance.report.writing import check_report_place, write_report
from vapi_conformance.rules import Profile, Rule
from vapi_conformance.rules.selection import refuse_broken
from vapi_conformance.verdict import Verdict, judge
from vapi_conformance.webhook_scenario import WebhookScenario, all_webhook_scenarios
from vapi_conformance.webhook_suite import WRONG_KEY, Backend, be_sure_of, declined, play

__all__ = ["command"]

_DIALECT: Final = Dialect.VAPI_SERVER_MESSAGES
_GRACE_S: Final = 5.0
"""How much longer than Vapi we wait, so that a breach of its limit is seen and not shared."""
_TIRESOME: Final = (End.TIMED_OUT, End.NO_RESPONSE, End.CLOSED_BY_US)
_MOST_TIRESOME: Final = 5
"""Messages that are waited for in vain; after so many the verdict is clear, and each may take half a minute."""
_FIRST: Final = ("webhooks/tool-calls", "webhooks/auth", "webhooks/unknown-message")
_REFERENCE_PATH: Final = "/webhook"

_EPILOG: Final = """\b
Examples:
  vapi-conformance check-webhook https://my.host/vapi --secret-env VAPI_SECRET --assistant assistant.json
  vapi-conformance check-webhook http://localhost:3000/webhook --tool 'bookTable={"guests": 2}'
  vapi-conformance check-webhook https://my.host/vapi --message assistant-request --message tool-calls
  vapi-conformance check-webhook reference           the bundled server, as an example

\b
Exit status:
  0  no MUST is broken
  1  a MUST is broken or was not shown, or no response came
  2  wrong usage

Tools are run: give the address of a test system, or arguments that do no harm.
"""


@click.command(epilog=_EPILOG)
@click.argument("url")
@click.option("--secret-env", metavar="VARIABLE", help="Environment variable of server.secret; sent as X-Vapi-Secret.")
@click.option(
    "--bearer-env", metavar="VARIABLE", help="Environment variable of a token; sent as Authorization: Bearer."
)
@click.option(
    "--hmac-env",
    metavar="VARIABLE",
    help="Environment variable of an HMAC key: SHA-256 over `time.body`, in x-signature and x-timestamp. For other "
    "headers and algorithms take --credential.",
)
@click.option(
    "--credential",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your webhook credential as JSON, with its authenticationPlan (bearer or hmac); a key in it may be $VARIABLE.",
)
@click.option(
    "--assistant",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your assistant as JSON: its tools are called with arguments made up from their schemas; server.secret, "
    "server.headers and server.timeoutSeconds are taken from it.",
)
@click.option(
    "--tool",
    "tools",
    multiple=True,
    metavar="NAME[=JSON]",
    help="Call this tool, with these arguments; repeatable. Without it: all functions of the assistant.",
)
@click.option(
    "--message",
    "messages",
    multiple=True,
    type=click.Choice(list(KINDS)),
    metavar="TYPE",
    help="Send messages of this type only; repeatable. Without it all are sent, and questions that the backend answers "
    "as it answers a message of no known type are not judged.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Header to send with every message; repeatable. A value like $VARIABLE is taken from the environment.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=float,
    metavar="SECONDS",
    help="server.timeoutSeconds: after so long Vapi gives up (default: the assistant's, else 20).",
)
@click.option(
    "--rule", "patterns", multiple=True, metavar="RULE", help="Judge this rule only; repeatable; 'webhook.*' takes all."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report to this file, by its suffix as .json, .html or .md; repeatable.",
)
@click.option(
    "--save-exchanges",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep every exchange in this folder, one JSON each, for `vapi-conformance check`.",
)
@click.option("--verbose", "-v", is_flag=True, help="What only informs (MAY) in full, too.")
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    url: str,
    secret_env: str | None,
    bearer_env: str | None,
    hmac_env: str | None,
    credential: Path | None,
    assistant: Path | None,
    tools: tuple[str, ...],
    messages: tuple[str, ...],
    headers: tuple[str, ...],
    timeout_s: float | None,
    patterns: tuple[str, ...],
    reports: tuple[Path, ...],
    save_exchanges: Path | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Judge the backend at URL by the messages that Vapi would post to it.

    URL is what stands in server.url of the assistant, the phone number or the tool. Vapi's questions (tool-calls,
    assistant-request, transfer-destination-request, ...) and its notices are sent in the shapes in which they were
    recorded, and the answers are judged rule by rule: status, time, ids, results that Vapi can read.
    """
    options = WebhookOptions(
        url=url,
        secret_env=secret_env,
        bearer_env=bearer_env,
        hmac_env=hmac_env,
        credential=credential,
        assistant=assistant,
        tools=tools,
        headers=headers,
        timeout_s=timeout_s,
    )
    rules = _rules(patterns)
    for path in reports:
        check_report_place(path)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    with _reachable(options) as settings:
        run, exchanges = _judged(settings, rules, frozenset(messages), name=url)
    if save_exchanges is not None:
        store(exchanges, save_exchanges)
    repeat = _repeat(options, messages, save_exchanges)
    document = to_document(run, started_at=started_at, repeat=repeat)
    for path in reports:
        write_report(document, path)
    if as_json:
        print_json(document)
    else:
        print_lines(summary(run, repeat=repeat, verbose=verbose))
    sys.exit(0 if run.verdict is Verdict.CONFORMANT else 1)


def _rules(patterns: Sequence[str]) -> list[Rule]:
    refuse_broken(patterns)
    rules = [rule for rule in chosen(patterns) if rule.level(Profile.VAPI, _DIALECT) is not None]
    if not rules:
        raise UsageError("none of these rules is about server messages; their ids begin with webhook.")
    return rules


@contextmanager
def _reachable(options: WebhookOptions) -> Generator[BackendSettings]:
    """The settings; where the reference server is meant, while it runs and with its key."""
    if options.url != REFERENCE:
        yield read_backend(options)
        return
    with reference_server() as server:
        settings = read_backend(replace(options, url=server.url + _REFERENCE_PATH))
        auth = settings.auth or Secret(server.key)
        yield replace(settings, auth=auth, secrets=(*settings.secrets, server.key), lints=())


def _judged(
    settings: BackendSettings, rules: Sequence[Rule], messages: frozenset[str], *, name: str
) -> tuple[Run, list[Exchange]]:
    """The run, and the exchanges that were judged."""
    started = time.monotonic()
    exchanges: list[Exchange] = []
    unreachable = None
    try:
        _play(settings, messages, exchanges)
    except TransportError as problem:
        unreachable = str(problem)
    conditions = Conditions(timeout_s=settings.timeout_s, platform="vapi")
    left_out = declined(exchanges, kept=messages)
    # What is not judged is not kept either: a later `check` of the folder is to say the same.
    judged = [each for each in exchanges if each.label is None or each.label.scenario not in left_out]
    evidence = [Evidence(exchange=each, dialect=_DIALECT, conditions=conditions) for each in judged]
    run = Run(
        target=Target(name=name, url=settings.url, platform="vapi"),
        profile=Profile.VAPI,
        dialect=_DIALECT,
        results=judge(rules, evidence, profile=Profile.VAPI, dialect=_DIALECT),
        exchanges=len(judged),
        evidence=evidence,
        duration_s=round(time.monotonic() - started, 3),
        lints=[*settings.lints, *_declined_lint(left_out.values()), *_broken_off_lint(exchanges)],
        unreachable=unreachable,
    )
    return run, judged


def _play(settings: BackendSettings, messages: frozenset[str], exchanges: list[Exchange]) -> None:
    """Fills `exchanges`. Raises TransportError and UsageError; see `be_sure_of`."""
    backend = Backend(
        url=settings.url,
        tools=settings.tools,
        auth=settings.auth,
        headers=settings.headers,
        assistant=settings.server.assistant,
        seed=random.SystemRandom().getrandbits(31),  # backends keep state by the call's id: each run makes its own
    )
    limits = Limits(idle_s=settings.timeout_s + _GRACE_S, total_s=max(30.0, 2 * settings.timeout_s))
    with Client(limits=limits, secrets=(*settings.secrets, WRONG_KEY)) as client, _progress() as tell:
        for exchange in play(_scenarios(messages), backend=backend, client=client, progress=tell):
            if not exchanges:
                be_sure_of(exchange, has_key=settings.auth is not None)
            exchanges.append(exchange)
            if sum(each.end in _TIRESOME for each in exchanges) >= _MOST_TIRESOME:
                return


def _scenarios(messages: frozenset[str]) -> list[WebhookScenario]:
    every = all_webhook_scenarios()
    ordered = [*(every[name] for name in _FIRST), *(each for name, each in every.items() if name not in _FIRST)]
    return [each for each in ordered if not messages or each.types & messages]


class _Progress:
    """One line that is written over on a terminal; nothing where nobody watches."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, number: int, total: int, name: str) -> None:
        if self._console.is_terminal:
            text = f"sending {name.removeprefix('webhooks/')} ({number} of {total})" if total else ""
            self._console.file.write(f"\r\x1b[K{text}")
            self._console.file.flush()


@contextmanager
def _progress() -> Generator[_Progress]:
    progress = _Progress(Console(stderr=True))
    try:
        yield progress
    finally:
        progress(0, 0, "")


def _declined_lint(types: Iterable[str]) -> Iterator[str]:
    names = sorted(types)
    if names:
        yield (
            "not judged, because the backend answers them as it answers a message of no known type: "
            f"{', '.join(names)}; name one with --message to have it judged"
        )


def _broken_off_lint(exchanges: Sequence[Exchange]) -> Iterator[str]:
    if sum(each.end in _TIRESOME for each in exchanges) >= _MOST_TIRESOME:
        yield f"not everything was sent: {_MOST_TIRESOME} messages were waited for in vain"


def _repeat(options: WebhookOptions, messages: Sequence[str], folder: Path | None) -> str:
    """How to see one rule again: a format string that takes `rule`. Secrets stay in their variables."""
    if folder is not None:
        words = ["vapi-conformance", "check", str(folder), "--dialect", _DIALECT.value]
    else:
        words = ["vapi-conformance", "check-webhook", options.url]
        named = (
            ("--secret-env", options.secret_env),
            ("--bearer-env", options.bearer_env),
            ("--hmac-env", options.hmac_env),
            ("--credential", options.credential),
            ("--assistant", options.assistant),
        )
        words += [word for name, value in named if value is not None for word in (name, str(value))]
        words += [word for tool in options.tools for word in ("--tool", tool)]
        words += [word for each in options.headers for word in ("--header", f"{each.partition(':')[0]}: ...")]
        words += [word for message in messages for word in ("--message", message)]
    command_line = " ".join(map(shlex.quote, words)).replace("{", "{{").replace("}", "}}")
    return f"{printable(command_line)} --rule {{rule}}"
