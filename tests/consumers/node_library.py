"""The real client libraries for Node, where they are installed, and what they hear of played answers.

tox installs them into a folder outside of the repository and names its `node_modules` in
`VAPI_CONFORMANCE_NODE_MODULES`; `npm install` in `tests/consumers/node` works as well.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from consumers.wire_server import Play, head_fields, serving
from vapi_conformance.consumers import Heard
from vapi_conformance.exchange import End, Exchange, header_values
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

__all__ = ["Case", "case_of", "needs_node_libraries", "real", "run_node", "shown"]

VARIABLE: Final = "VAPI_CONFORMANCE_NODE_MODULES"
HERE: Final = Path(__file__).parent / "node"
GIVE_UP_MS: Final = 1500
# The library copies and scans all it holds on every read: 16 MB without an empty line keep it busy for 20 s.
BUSY_MS: Final = 100_000
BODILESS: Final = frozenset({204, 304})
# Newer versions of V8 say where a syntax error is in lines and columns, too.
LINE_AND_COLUMN: Final = re.compile(r" \(line \d+ column \d+\)\Z")


def node_modules() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named)
        if not (folder / "openai").is_dir():
            raise NotADirectoryError(f"{VARIABLE} names {folder}, which has no package openai")
        return folder
    beside = HERE / "node_modules"
    return beside if (beside / "openai").is_dir() and shutil.which("node") else None


needs_node_libraries = pytest.mark.skipif(
    node_modules() is None,
    reason=f"the real client libraries are not here: run tox -e consumers, or set {VARIABLE} to their node_modules",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer to be played, and the exchange that a recorder on the wire would have made of it."""

    name: str
    play: Play
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class _Driven:
    id: str
    abortAfterMs: int | None  # noqa: N815  # JavaScript's spelling
    giveUpAfterMs: int  # noqa: N815
    timeoutMs: int | None  # noqa: N815


def case_of(name: str, exchange: Exchange, *, pause_s: float = 0.0) -> Case:
    """Framing is kept where the exchange names one that fits its body, else it becomes the chunked coding."""
    response = exchange.response
    if response is None:
        return Case(name=name, play=Play(exchange=exchange, pause_s=pause_s), exchange=exchange)
    framing = "chunked"
    lengths = header_values(response.headers, "content-length")
    broken_off = exchange.end in (End.TRUNCATED, End.RESET)
    if lengths and (broken_off or lengths[0] == str(len(exchange.body))):
        framing = "length"
    if response.status in BODILESS:
        framing, exchange = "close", replace(exchange, reads=(), end=End.CLEAN)
    play = Play(exchange=exchange, pause_s=pause_s, framing=framing)
    sent = replace(exchange, response=replace(response, headers=head_fields(play)))
    return Case(name=name, play=play, exchange=sent)


def _driven(number: int, case: Case) -> _Driven:
    end = case.exchange.end
    waits = end in (End.TIMED_OUT, End.TRUNCATED)
    return _Driven(
        id=str(number),
        abortAfterMs=500 if end is End.CLOSED_BY_US else None,
        giveUpAfterMs=GIVE_UP_MS if waits else BUSY_MS,
        timeoutMs=500 if case.exchange.response is None else None,
    )


def run_node(
    package: str, cases: Sequence[Case], *, parallel: int = 16, json_texts: Iterable[str] = ()
) -> tuple[list[Mapping[str, object]], list[Mapping[str, object]], str]:
    """What the package hears of each case, what V8 makes of each JSON text, and the base URL of the server."""
    plays = {str(number): case.play for number, case in enumerate(cases)}
    with serving(plays) as base:
        request = {
            "modules": str(node_modules()),
            "package": package,
            "base": base,
            "parallel": parallel,
            "cases": [asdict(_driven(number, case)) for number, case in enumerate(cases)],
            "jsonTexts": list(json_texts),
        }
        done = subprocess.run(
            ["node", str(HERE / "driver.mjs")],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            timeout=240,
        )
    lines = [object_or_nothing(json.loads(line)) for line in done.stdout.split("\n") if line]
    last = lines.pop()
    by_id = {str(line.get("id")): line for line in lines}
    heard = [by_id[str(number)] for number in range(len(cases))]
    return heard, [object_or_nothing(each) for each in array_or_nothing(last["jsonTexts"])], base


def real(result: Mapping[str, object]) -> dict[str, object]:
    """What the library heard, for comparison with `shown`."""
    error = result["error"]
    calls = [object_or_nothing(call) for call in array_or_nothing(result["toolCalls"])]
    return {
        "outcome": "failed" if result["hangs"] else result["outcome"],
        "texts": list(array_or_nothing(result["texts"])),
        "tool_calls": [(call["index"], call["id"], call["name"], call["arguments"]) for call in calls],
        "finish_reason": result["finishReason"],
        "error": LINE_AND_COLUMN.sub("", error) if isinstance(error, str) else None,
        "hangs": result["hangs"],
    }


def shown(heard: Heard) -> dict[str, object]:
    """What the model heard, in the same form."""
    hangs = heard.error is not None and heard.error.endswith("waits for ever)")
    return {
        "outcome": heard.outcome.value,
        "texts": [part.text for part in heard.texts],
        "tool_calls": [(call.index, call.id, call.name, call.arguments) for call in heard.tool_calls],
        "finish_reason": heard.finish_reason,
        "error": None if hangs else heard.error,
        "hangs": hangs,
    }
