"""Where a passphrase comes from: the environment, a file, or whoever sits at the terminal. Never an option's value."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from vapi_conformance.certificate.keys import KeyFileError, read_secret_file
from vapi_conformance.problems import UsageError

__all__ = ["given_passphrase", "passphrase_options"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def passphrase_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """The options `--passphrase-env` and `--passphrase-file`, as `passphrase_env` and `passphrase_file`."""
    from_env = click.option(
        "--passphrase-env", metavar="VARIABLE", help="Environment variable that holds the passphrase of the key."
    )
    from_file = click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File whose first line is the passphrase of the key; nobody but you may read it.",
    )
    return from_env(from_file(command))


def given_passphrase(*, env: str | None, file: Path | None, prompt: str, is_new: bool = False) -> str:
    """From the one place that was named, else asked at the terminal; twice where it is new. Raises UsageError."""
    if env is not None and file is not None:
        raise UsageError("give --passphrase-env or --passphrase-file, not both")
    if env is not None:
        value = os.environ.get(env)
        if not value:
            raise UsageError(f"--passphrase-env {env}: there is no such environment variable, or it is empty")
        return value
    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        others = ", or --no-passphrase" if is_new else ""
        raise UsageError(
            f"no terminal to ask for a passphrase; give --passphrase-env VARIABLE or --passphrase-file FILE{others}"
        )
    try:
        asked: object = click.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None  # so that the exit status is that of an interrupt, as elsewhere
    return str(asked)


def _first_line(file: Path) -> str:
    try:
        text = read_secret_file(file).decode()
    except UnicodeDecodeError:
        raise KeyFileError(f"{file} is not UTF-8 text") from None
    line, _, rest = text.replace("\r\n", "\n").partition("\n")
    if rest.strip():
        raise KeyFileError(f"{file} has more than one line; a passphrase is one")
    if not line:
        raise KeyFileError(f"{file} is empty")
    return line
