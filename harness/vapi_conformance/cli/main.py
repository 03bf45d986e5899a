"""The commands, gathered. Each lives in a module of its own and is imported only when it is called."""

from importlib import import_module
from typing import Final

import click

from vapi_conformance import __version__
from vapi_conformance.cli.printing import one_line
from vapi_conformance.problems import Problem

__all__ = ["main"]

_COMMANDS: Final = {
    "check": "judge recordings: exchange files, HAR 1.2",
    "report": "make a page or a summary of stored reports",
    "check-webhook": "judge a live backend that answers Vapi's server messages",
    "hear": "the words that the caller hears of a recording, and when",
    "call": "hold a phone call with an endpoint, by keyboard or after a scenario",
    "bench": "latency under load: first token, first speech, silences, errors; and two results compared",
    "history": "runs that were kept: listed, compared, and over time",
    "calibrate": "the instrument's own error on this machine",
    "rules": "the catalogue of rules",
    "explain": "one rule: what holds, why, an example that breaks it, what to do",
    "certify": "play, keep, judge and sign: a certificate that anyone can verify",
    "verify": "whether a certificate may be believed: signature, digests, and its bytes judged again",
    "badge": "a certificate as a badge: shields.io's endpoint JSON, or an SVG",
    "keygen": "a pair of keys: one to sign certificates with, one to give away",
    "serve": "run the bundled reference server",
}
_INTERRUPTED: Final = 130
"""What shells give a program that ended by Ctrl-C (128 + SIGINT); 1 would read as a violation."""

_EPILOG: Final = """\b
To judge a live endpoint, use the pytest plugin:
  pytest --endpoint https://my.host/v1
  pytest --endpoint reference            the bundled server, as an example

\b
Exit status: 0 all is well, 1 violated or a file could not be read, 2 wrong usage, 130 interrupted.
"""


class _Wrong(click.ClickException):
    """A mistake that the usage line would not explain: without it, and with the same status."""

    exit_code = click.UsageError.exit_code


class _Commands(click.Group):
    """Loads a command when it is needed, and shows our own problems as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        if cmd_name not in _COMMANDS:
            return None
        command: object = vars(import_module(f"vapi_conformance.cli.{cmd_name.replace('-', '_')}"))["command"]
        if not isinstance(command, click.Command):
            raise TypeError(cmd_name)
        command.short_help = _COMMANDS[cmd_name]
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise _Wrong(one_line(str(problem))) from problem
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)


@click.command(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND [ARGUMENTS]...",
)
@click.version_option(__version__, prog_name="vapi-conformance")
def main() -> None:
    """Judge an LLM endpoint as a voice platform will: what it sent, whether that is right, what the caller hears."""
