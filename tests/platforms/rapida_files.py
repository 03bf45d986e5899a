"""Rapida's files as tests write them, and what is said where one is refused."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vapi_conformance.platforms.rapida import ConfigError
from vapi_conformance.problems import UsageError

SECRET = "sk-very-secret-0123456789"
URL = "https://llm.acme.com/v1"
CREDENTIAL: Mapping[str, object] = {"apiCompatibility": "openai_chat_completions", "baseUrl": URL}
MODEL: Mapping[str, object] = {"model.id": "selector", "model.name": "llama"}


def file(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def refusal(load: Callable[[Path], object], path: Path) -> str:
    """The error's text without the file's name, which it begins with."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    text = str(caught.value)
    assert isinstance(caught.value, UsageError)
    assert text.startswith(str(path))
    assert SECRET not in text + repr(caught.value)
    return text.removeprefix(str(path)).lstrip(": ")
