"""What somebody at the keyboard did in a call, as a call scenario that plays again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vapi_conformance.call_record import Ended, ToolRun
from vapi_conformance.call_scenario import CallScenario, CallTool
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi import NO_RESULT

__all__ = ["Keeper", "scenario_name"]

_NS_PER_S: Final = 1_000_000_000
_LONGEST_S: Final = 120.0
"""Of one wait, by the schema. Somebody who went for a coffee is no part of the call."""
_LONGEST_NAME: Final = 60
_LONGEST_DESCRIPTION: Final = 999


def scenario_name(path: Path) -> str:
    """What a scenario in this file is called."""
    words = re.findall(r"[a-z0-9]+", path.name.partition(".")[0].lower())
    return "-".join(words)[:_LONGEST_NAME].strip("-") or "by-keyboard"


@dataclass(kw_only=True)
class Keeper:
    """Turns, as `harness/call-scenario` writes them."""

    turns: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    _asked_ns: int = 0
    """Call time of the first words of the newest turn."""
    _interrupts_after_s: float | None = None

    def said(self, text: str, *, at_ns: int, free_ns: int) -> None:
        """free_ns: when the line was the caller's."""
        self._add({"says": text, "after_s": _seconds(at_ns - free_ns)})
        self._asked_ns = at_ns

    def pressed(self, keys: str, *, at_ns: int, free_ns: int) -> None:
        """Digits on the keypad."""
        self._add({"keypad": keys, "after_s": _seconds(at_ns - free_ns)})

    def was_silent(self, seconds: float) -> None:
        """On purpose; while somebody types, nobody is silent."""
        self._add({"silence_s": min(seconds, _LONGEST_S)})

    def revised(self, text: str, *, at_ns: int) -> None:
        """The newest words were changed."""
        turn = self.turns[-1]
        first = {"at_s": 0, "text": turn.pop("says", "")}
        heard = list(array_or_nothing(turn.get("heard"))) or [first]
        turn["heard"] = [*heard, {"at_s": _seconds(at_ns - self._asked_ns), "text": text}]
        self._interrupts_after_s = None

    def interrupted(self, *, at_ns: int, since_ns: int) -> None:
        """The caller spoke into the answer. since_ns: when its speech began, or its tool."""
        self._interrupts_after_s = _seconds(at_ns - since_ns)

    def _add(self, turn: dict[str, object]) -> None:
        after_s, self._interrupts_after_s = self._interrupts_after_s, None
        self.turns.append(turn if after_s is None else {**turn, "interrupts_after_s": after_s})

    def document(
        self, scenario: CallScenario, *, system: str | None, ended: Ended | None, runs: Sequence[ToolRun]
    ) -> dict[str, object]:
        """The whole scenario. system: the assistant's own prompt. ended: None where the call broke off."""
        if self._interrupts_after_s is not None:
            self._add({"silence_s": 0.1})  # who interrupts has a turn, and this one hung up
        document: dict[str, object] = {"call": scenario.name, "about": scenario.about, **_begins(scenario, system)}
        tools = [_tool(tool, [each for each in runs if each.name == tool.name]) for tool in scenario.tools]
        if tools:
            document["tools"] = tools
        document["turns"] = self.turns
        expects: dict[str, object] = {}
        if ended is not None and ended.by in ("assistant", "platform"):
            expects["ended"] = list(ended.reasons)
        called = list(dict.fromkeys(each.name for each in runs if not each.superseded))
        if called:
            expects["tools"] = called
        return document | ({"expects": expects} if expects else {})


def _begins(scenario: CallScenario, system: str | None) -> Mapping[str, object]:
    """How the assistant is set up."""
    begins: dict[str, object] = {}
    if system:
        begins["system"] = system
    if scenario.first_message:
        begins["first_message"] = scenario.first_message
    begins["first_message_mode"] = scenario.first_message_mode
    if scenario.end_call_phrases:
        begins["end_call_phrases"] = list(scenario.end_call_phrases)
    begins["silence_timeout_s"] = scenario.silence_timeout_s
    return begins


def _tool(tool: CallTool, runs: Sequence[ToolRun]) -> dict[str, object]:
    """A tool with what it returned, so that it needs no server the next time; of several results the last."""
    document: dict[str, object] = {"name": tool.name, "description": tool.description[:_LONGEST_DESCRIPTION]}
    document["parameters"] = dict(object_or_nothing(tool.parameters))
    if tool.is_async:
        document["async"] = True
    if tool.filler:
        document["filler"] = tool.filler
    if tool.destinations:
        document["destinations"] = list(tool.destinations)
    done = [each for each in runs if each.result is not None]
    if done:
        last = done[-1]
        document |= {"fails": True} if last.result == NO_RESULT else {"returns": last.result}
        document["after_s"] = _seconds((last.ended_ns or last.started_ns) - last.started_ns)
    return document


def _seconds(duration_ns: int) -> float:
    return min(round(max(0, duration_ns) / _NS_PER_S, 3), _LONGEST_S)
