"""Server messages as data: the files in `fixtures/scenarios/webhooks` follow the schema `harness/webhook-scenario`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from vapi_conformance.data import data_dir
from vapi_conformance.exchange import Expectation
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.vapi.webhooks import Lists
from vapi_conformance.schema import errors

__all__ = ["Key", "WebhookScenario", "WebhookStep", "all_webhook_scenarios"]

Key = Literal["right", "wrong", "none"]
"""What shows that a message is Vapi's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStep:
    """One message; the schema describes each field."""

    name: str
    message: str
    calls: int = 1
    unknown_tool: bool = False
    lists: Lists = "recorded"
    key: Key = "right"
    again: bool = False
    expects: Expectation = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookScenario:
    """Messages of one call, in order."""

    name: str
    """Behind `webhooks/`."""
    about: str
    steps: tuple[WebhookStep, ...]
    requires_key: bool = False

    @property
    def types(self) -> frozenset[str]:
        """The types of its messages, without their variants."""
        return frozenset(_type(step.message) for step in self.steps)


def _type(message: str) -> str:
    head, dot, variant = message.rpartition(".")
    return head if dot and variant in ("partial", "stopped", "forwarding", "ended") else message


@cache
def all_webhook_scenarios() -> Mapping[str, WebhookScenario]:
    """Every scenario by name. Raises ValueError when a file does not follow the schema: the installation is damaged."""
    folder = data_dir("fixtures") / "scenarios" / "webhooks"
    found = (_load(path) for path in sorted(folder.glob("*.json")))
    return {each.name: each for each in found}


def _load(path: Path) -> WebhookScenario:
    document = read_json(path)
    for problem in errors("harness/webhook-scenario", document):
        raise ValueError(f"{path.name}: {problem.pointer}: {problem.message}")
    record = object_or_nothing(document)
    if record["scenario"] != f"webhooks/{path.stem}":
        raise ValueError(f"{path.name}: is called {record['scenario']!r} inside")
    return WebhookScenario(
        name=f"webhooks/{path.stem}",
        about=str(record["about"]),
        steps=tuple(_step(object_or_nothing(each)) for each in array_or_nothing(record["steps"])),
        requires_key="key" in array_or_nothing(record.get("requires")),
    )


def _step(record: Mapping[str, object]) -> WebhookStep:
    """The schema has checked every type; casts say what it guarantees."""
    return WebhookStep(
        name=str(record["step"]),
        message=str(record["message"]),
        calls=integer_or_none(record.get("calls")) or 1,
        unknown_tool=record.get("tool") == "unknown",
        lists=cast("Lists", string_or_none(record.get("lists")) or "recorded"),
        key=cast("Key", string_or_none(record.get("key")) or "right"),
        again=record.get("again") is True,
        expects=cast("Expectation", record.get("expects", "answer")),
    )
