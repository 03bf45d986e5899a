"""The record of a specimen's call, out of a short form: what is not said is as in an ordinary call.

The form is described by the schema `harness/specimen-base`, under `call`.
"""

import re
from collections.abc import Mapping
from typing import Final

from vapi_conformance import call_file
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CALLER_ENDED, CALLS
from vapi_conformance.exchange import Exchange
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

__all__ = ["made_call"]

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_CALL_ID: Final = "0199a5b0-0000-7000-8000-000000000001"
_STEP: Final = re.compile(r"turn-(\d{1,4})\.(\d{1,4})")


def made_call(
    form: Mapping[str, object], exchanges: tuple[Exchange, ...], webhooks: tuple[Exchange, ...] = ()
) -> CallRecord:
    """Raises ValueError where a step of the form is none of the exchanges', or their labels do not say their turns."""
    steps = [each.label.step if each.label is not None else "" for each in exchanges]
    name = exchanges[0].label.scenario.removeprefix(CALLS) if exchanges and exchanges[0].label else ""
    said = object_or_nothing(form.get("requests"))
    if strange := set(said) - set(steps):
        raise ValueError(f"no step {min(strange)!r}")
    no_turns: list[object] = []
    scenario = {"call": name, "about": "A specimen.", "turns": no_turns, **object_or_nothing(form.get("scenario"))}
    return call_file.story(
        {
            "name": name,
            "call_id": _CALL_ID,
            "clock": "virtual",
            "word": None,
            "words": [],
            "caller_data": [],
            "expects_ended": [CALLER_ENDED],
            "expects_tools": [],
            **{key: value for key, value in form.items() if key in _AS_WRITTEN},
            "scenario": scenario,
            "requests": [_request(step, at, object_or_nothing(said.get(step))) for at, step in enumerate(steps)],
            "tools": [_tool(object_or_nothing(each), steps) for each in array_or_nothing(form.get("tools"))],
            "events": [_event(object_or_nothing(each), steps) for each in array_or_nothing(form.get("events"))],
            "ended": {
                "at_ns": len(steps) * _NS_PER_S,
                "by": "caller",
                "reasons": [CALLER_ENDED],
                "sureness": "documented",
                "text": "The caller hangs up.",
                **object_or_nothing(form.get("ended")),
            },
        },
        exchanges=exchanges,
        webhooks=webhooks,
    )


_AS_WRITTEN: Final = frozenset({"call_id", "clock", "word", "words", "caller_data", "expects_ended", "expects_tools"})


def _request(step: str, position: int, said: Mapping[str, object]) -> dict[str, object]:
    """The label says the turn and how many requests it had before; one comes each second."""
    match = _STEP.fullmatch(step)
    if match is None:
        raise ValueError(f"step {step!r} of a call is no turn-N.K")
    turn, number = int(match[1]), int(match[2]) - 1
    why = "greeting" if turn == 0 else "heard" if number == 0 else "heard-again"
    return {
        "turn": turn,
        "number": number,
        "why": why,
        "closed": None,
        **{key: value for key, value in said.items() if key != "at_ms"},
        "at_ns": _ns(said.get("at_ms", position * 1000)),
    }


def _tool(said: Mapping[str, object], steps: list[str]) -> dict[str, object]:
    """A tool that ran for a second after the answer that called it."""
    position = _place(said, steps) or 0
    begun = position * _NS_PER_S + _NS_PER_S // 2
    return {
        "arguments": "{}",
        "result": None,
        "started_ns": begun,
        "ended_ns": begun + _NS_PER_S,
        "superseded": False,
        **{key: value for key, value in said.items() if key != "step"},
        "exchange": position,
    }


def _event(said: Mapping[str, object], steps: list[str]) -> dict[str, object]:
    return {
        "kind": said["kind"],
        "text": said.get("text", ""),
        "at_ns": _ns(said.get("at_ms", 0)),
        "until_ns": None if "until_ms" not in said else _ns(said["until_ms"]),
        "exchange": _place(said, steps),
    }


def _place(said: Mapping[str, object], steps: list[str]) -> int | None:
    """Position of the exchange that the step names."""
    step = said.get("step")
    if step is None:
        return None
    if step not in steps:
        raise ValueError(f"no step {step!r}")
    return steps.index(str(step))


def _ns(value: object) -> int:
    return round(value * _NS_PER_MS) if isinstance(value, int | float) else 0
