"""Drivers for Node, one per package: they run the real library and write down what its user hears."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from consumers.node_library import BUSY_MS, GIVE_UP_MS, HERE, Case, case_of, node_modules, real, shown
from consumers.python_drivers import Ear
from consumers.wire_server import head_fields, serving
from vapi_conformance.consumers import Heard
from vapi_conformance.exchange import End, Exchange, header_values
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["differing", "played", "reads_heard", "reads_modelled", "reads_of", "run_driver", "timed"]

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


def played(named: Iterable[tuple[str, Exchange]]) -> list[Case]:
    """Every second broken connection is one of which the server had not said that it would close it."""
    cases: list[Case] = []
    for number, (name, exchange) in enumerate(named):
        case = case_of(name, exchange)
        if number % 2 and exchange.end in (End.TRUNCATED, End.RESET) and case.exchange.response is not None:
            play = replace(case.play, announces_close=False)
            response = replace(case.exchange.response, headers=head_fields(play))
            case = replace(case, play=play, exchange=replace(case.exchange, response=response))
        cases.append(case)
    assert cases
    return cases


def differing(
    cases: list[Case], results: Iterable[Mapping[str, object]], hear: Callable[[Exchange], Heard]
) -> Iterator[tuple[Case, dict[str, object]]]:
    """The cases that model and library hear differently, each with what both hear."""
    for case, result in zip(cases, results, strict=True):
        model = shown(hear(case.exchange))
        if model != real(result):
            yield case, {"model": model, "real": real(result)}


def timed(named: Iterable[tuple[str, Exchange]]) -> list[Case]:
    """Streams that come whole and without a coding, as a proof of when each text is heard needs them."""
    return [
        case_of(name, exchange)
        for name, exchange in named
        if exchange.end is End.CLEAN
        and exchange.response is not None
        and exchange.response.status == 200
        and not header_values(exchange.response.headers, "content-encoding")
    ]


def reads_of(case: Case) -> dict[str, object]:
    """What a driver has to know to give the reads itself."""
    return {"reads": [base64.b64encode(read.data).decode() for read in case.exchange.reads]}


def reads_heard(cases: Sequence[Case], results: Iterable[Mapping[str, object]]) -> dict[str, list[int]]:
    """For each case the number of the read that brought each text."""
    numbers = (array_or_nothing(result["textReads"]) for result in results)
    return {
        case.name: [number for number in each if isinstance(number, int)]
        for case, each in zip(cases, numbers, strict=True)
    }


def reads_modelled(cases: Iterable[Case], hear: Callable[[Exchange], Heard]) -> dict[str, list[int]]:
    """The same by the model: reads are renumbered by their times."""
    found: dict[str, list[int]] = {}
    for case in cases:
        reads = tuple(replace(read, at_ns=number) for number, read in enumerate(case.exchange.reads))
        timing = replace(case.exchange.timing, end_ns=len(reads))
        heard = hear(replace(case.exchange, reads=reads, timing=timing))
        found[case.name] = [text.at_ns for text in heard.texts if text.at_ns is not None]
    return found


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
