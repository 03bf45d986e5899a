"""Scenarios: situations as data. The files in `fixtures/scenarios` follow the schema `harness/scenario`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import cast

from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.exchange import Expectation
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.vapi import Envelope
from vapi_conformance.schema import errors

__all__ = ["Scenario", "Step", "all_scenarios"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a scenario; the schema describes each field."""

    name: str
    expects: Expectation = "answer"
    messages: Sequence[Mapping[str, object]] = ()
    tools: Sequence[Mapping[str, object]] = ()
    body: Mapping[str, object] = field(default_factory=dict[str, object])
    native_body: Mapping[str, object] = field(default_factory=dict[str, object])
    query: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    raw_body: str | None = None
    method: str = "POST"
    path: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    upper_case_headers: bool = False
    wrong_key: bool = False
    without_key: bool = False
    expired_token: bool = False
    key_in_query: str | None = None
    envelope: Envelope | None = None
    repeat_content: int = 1
    hang_up_after_events: int | None = None
    wait_s: float = 0.0
    may_retry: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation: its steps in order, or all at once."""

    name: str
    about: str
    steps: tuple[Step, ...]
    system: str | None = None
    tries: int = 1
    until_tool_calls: bool = False
    together: bool = False
    requires_key: bool = False
    requires_token: bool = False
    dialects: frozenset[Dialect] = EVERY
    platforms: frozenset[str] | None = None
    """None: whoever calls."""

    def fits(self, platform: str, dialect: Dialect) -> bool:
        """Whether this platform would send such requests to an endpoint of this dialect."""
        return dialect in self.dialects and (self.platforms is None or platform in self.platforms)


@cache
def all_scenarios() -> Mapping[str, Scenario]:
    """Every scenario by name. Raises ValueError when a file does not follow the schema: the installation is damaged."""
    return {path.stem: _load(path) for path in sorted((data_dir("fixtures") / "scenarios").glob("*.json"))}


def _load(path: Path) -> Scenario:
    document = read_json(path)
    for problem in errors("harness/scenario", document):
        raise ValueError(f"{path.name}: {problem.pointer}: {problem.message}")
    record = object_or_nothing(document)
    if record["scenario"] != path.stem:
        raise ValueError(f"{path.name}: is called {record['scenario']!r} inside")
    return Scenario(
        name=path.stem,
        about=str(record["about"]),
        steps=tuple(_step(object_or_nothing(each)) for each in array_or_nothing(record["steps"])),
        system=string_or_none(record.get("system")),
        tries=integer_or_none(record.get("tries")) or 1,
        until_tool_calls=record.get("until") == "tool_calls",
        together=record.get("together") is True,
        requires_key="key" in array_or_nothing(record.get("requires")),
        requires_token="token" in array_or_nothing(record.get("requires")),
        dialects=frozenset(Dialect(str(each)) for each in array_or_nothing(record.get("dialects"))) or EVERY,
        platforms=frozenset(str(each) for each in array_or_nothing(record.get("platforms"))) or None,
    )


def _step(record: Mapping[str, object]) -> Step:
    """The schema has checked every type; casts say what it guarantees."""
    return Step(
        name=str(record["step"]),
        expects=cast("Expectation", record.get("expects", "answer")),
        messages=[object_or_nothing(each) for each in array_or_nothing(record.get("messages"))],
        tools=[object_or_nothing(each) for each in array_or_nothing(record.get("tools"))],
        body=object_or_none(record.get("body")) or {},
        native_body=object_or_none(record.get("native_body")) or {},
        query=cast("Mapping[str, str | None]", record.get("query", {})),
        raw_body=string_or_none(record.get("raw_body")),
        method=str(record.get("method", "POST")),
        path=string_or_none(record.get("path")),
        headers=cast("Mapping[str, str | None]", record.get("headers", {})),
        upper_case_headers=record.get("header_case") == "upper",
        wrong_key=record.get("wrong_key") is True,
        without_key=record.get("without_key") is True,
        expired_token=record.get("expired_token") is True,
        key_in_query=string_or_none(record.get("key_in_query")),
        envelope=cast("Envelope | None", record.get("envelope")),
        repeat_content=integer_or_none(record.get("repeat_content")) or 1,
        hang_up_after_events=integer_or_none(record.get("hang_up_after_events")),
        wait_s=cast("float", record.get("wait_s", 0.0)),
        may_retry=record.get("may_retry") is not False,
    )
