"""From options to hooks."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from vapi_conformance.endpoint import Endpoint, read_endpoint
from vapi_conformance.expected_failures import load_expected_failures
from vapi_conformance.masking import is_secret_name
from vapi_conformance.options import OPTIONS
from vapi_conformance.problems import UsageError
from vapi_conformance.pytest_plugin.benchmarks import NODE_ID, LatencyBenchmarks, are_asked_for, are_only
from vapi_conformance.pytest_plugin.distributed import Distributed
from vapi_conformance.pytest_plugin.session import ConformanceSession
from vapi_conformance.report.writing import check_report_place
from vapi_conformance.rules import Rule, all_rules
from vapi_conformance.rules.selection import refuse_broken, select

if TYPE_CHECKING:
    from vapi_conformance.history.keeping import Keeper

__all__ = ["register"]

_ABOUT_THE_RUN: Final = frozenset({"rule", "history", "report", "save-exchanges", "expected-failures"})
"""Options that say nothing of the endpoint."""


def register(config: pytest.Config, settings: Mapping[str, Sequence[str]]) -> None:
    """Raises pytest.UsageError: exit status 4, one sentence."""
    try:
        endpoint = read_endpoint(settings)
        patterns = settings.get("rule", ())
        refuse_broken(patterns)
        rules = _in_force(select(patterns), endpoint)
        listed = settings.get("expected-failures")
        known = all_rules()
        expected = load_expected_failures(Path(listed[-1]), known) if listed else dict[str, str]()
        reports = sorted(map(Path, settings.get("report", ())), key=lambda path: path.suffix != ".json")
        for path in reports:
            check_report_place(path)
        keeper = _keeper(config, settings.get("history", ()))
    except UsageError as problem:
        raise pytest.UsageError(str(problem)) from problem

    if are_asked_for(config):
        config.pluginmanager.register(LatencyBenchmarks(config=config, endpoint=endpoint), NODE_ID)
        if are_only(config):
            return

    def folder(name: str) -> Path | None:
        return Path(settings[name][-1]) if settings.get(name) else None

    session = ConformanceSession(
        config=config,
        endpoint=endpoint,
        rules=rules,
        expected=expected,
        reports=reports,
        exchanges_dir=folder("save-exchanges"),
        keeper=keeper,
        given=_as_typed(settings),
    )
    config.pluginmanager.register(session, "vapi-conformance-session")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Distributed(session), "vapi-conformance-distributed")


def _keeper(config: pytest.Config, places: Sequence[str]) -> "Keeper | None":
    """Of the process that tells the verdict; the workers of pytest-xdist store nothing.

    What keeps it is imported where a history is asked for, and nowhere else: that takes longer than many a test run.
    """
    if not places or hasattr(config, "workerinput"):
        return None
    from vapi_conformance.history.keeping import Keeper

    return Keeper.at(places[-1], option="--endpoint-history", file_option="--endpoint-report")


def _in_force(rules: Sequence[Rule], endpoint: Endpoint) -> list[Rule]:
    found = [rule for rule in rules if rule.level(endpoint.profile, endpoint.dialect) is not None]
    if not found:
        raise UsageError(
            f"none of the chosen rules is part of the profile {endpoint.profile} for {endpoint.dialect}; "
            "`vapi-conformance rules` shows where each one holds"
        )
    return found


def _as_typed(settings: Mapping[str, Sequence[str]]) -> str:
    """The command's options again, wherever they were set. A header keeps its name; its value may be a secret."""
    typed: list[str] = []
    for option in OPTIONS:
        if option.name in _ABOUT_THE_RUN:
            continue
        for value in settings.get(option.name, ()):
            shown = _without_secret(option.name, value)
            typed += [option.flag, shlex.quote(shown)]
    return " ".join(typed)


def _without_secret(option: str, value: str) -> str:
    """A header keeps its name only; an option of a platform keeps a value that no name or variable calls a secret."""
    if option == "header":
        return f"{value.partition(':')[0]}: ..."
    name, sign, given = value.partition("=")
    if option == "platform-option" and is_secret_name(name) and not given.strip().startswith("$"):
        return f"{name}{sign}..."
    return value
