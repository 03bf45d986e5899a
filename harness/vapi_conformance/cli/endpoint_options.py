"""The endpoint under test on the command line: the plugin's options, without their prefix."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import click

from vapi_conformance.options import OPTIONS
from vapi_conformance.problems import UsageError

__all__ = ["endpoint_options", "endpoint_settings", "in_own_words", "own_words"]

_TAKEN: Final = (
    "assistant",
    "credential",
    "api-key-env",
    "model",
    "header",
    "dialect",
    "platform",
    "platform-option",
    "profile",
    "model-options",
    "timeout",
)
_PREFIXED: Final = re.compile(r"--endpoint(-[a-z])?")
_Command = TypeVar("_Command", bound=Callable[..., object])


def endpoint_options(command: _Command) -> _Command:
    """Adds them; the command gets them as keywords: `api_key_env`, `header`, ..."""
    known = {option.name: option for option in OPTIONS}
    for name in reversed(_TAKEN):
        option = known[name]
        decorate = click.option(f"--{name}", metavar=option.metavar, help=option.help, multiple=option.kind == "many")
        command = decorate(command)
    return command


def endpoint_settings(url: str, options: Mapping[str, object]) -> dict[str, Sequence[str]]:
    """For `read_endpoint`; takes its own out of everything that the command was given."""
    settings: dict[str, Sequence[str]] = {"": [url]}
    for name in _TAKEN:
        value = options.get(name.replace("-", "_"))
        if isinstance(value, tuple):
            settings[name] = [str(each) for each in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - click's values are untyped
        elif value is not None:
            settings[name] = [str(value)]
    return settings


@contextmanager
def in_own_words() -> Generator[None]:
    """What is said of options is said of the options here."""
    try:
        yield
    except UsageError as problem:
        raise UsageError(own_words(str(problem))) from problem


def own_words(text: str) -> str:
    """Options have no prefix here, and the endpoint itself is the argument URL."""
    return _PREFIXED.sub(lambda found: f"-{found[1]}" if found[1] else "URL", text)
