"""Drivers for Node, one per package: they run the real library and write down what its user hears."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence

from consumers.node_library import BUSY_MS, GIVE_UP_MS, HERE, Case, node_modules
from consumers.python_drivers import Ear
from consumers.wire_server import serving
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["run_driver"]

Extra = Callable[[Case], Mapping[str, object]]


def run_driver(driver: str, cases: Sequence[Case], extra: Extra, *, parallel: int = 16) -> list[Mapping[str, object]]:
    """What the package hears of each case. `extra` says what the driver has to know besides."""
    plays = {str(number): case.play for number, case in enumerate(cases)}
    with serving(plays) as base:
        request = {
            "modules": str(node_modules()),
            "base": base,
            "parallel": parallel,
            "cases": [
                {"id": str(number), "giveUpAfterMs": _patience_ms(case), **extra(case)}
                for number, case in enumerate(cases)
            ],
        }
        done = subprocess.run(
            ["node", str(HERE / driver)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            timeout=240,
        )
    by_id = {
        string_or_none(line.get("id")): line
        for line in (object_or_nothing(json.loads(text)) for text in done.stdout.split("\n") if text)
    }
    return [_with_outcome(by_id[str(number)]) for number in range(len(cases))]


def _patience_ms(case: Case) -> int:
    return GIVE_UP_MS if case.exchange.end is End.TIMED_OUT else BUSY_MS


def _with_outcome(line: Mapping[str, object]) -> Mapping[str, object]:
    ear = Ear(
        texts=[text for text in array_or_nothing(line["texts"]) if isinstance(text, str)],
        calls=[dict(object_or_nothing(call)) for call in array_or_nothing(line["toolCalls"])],
        finish_reason=string_or_none(line["finishReason"]),
        error=string_or_none(line["error"]),
        hangs=line["hangs"] is True,
    )
    return {**line, **ear.result()}
