"""Python libraries in this process, on answers that are played over a real connection, and what their user writes down.

A model speaks for one release; with another one installed its tests are skipped and say so.
"""

import contextlib
import importlib.metadata
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx2
import pytest

from consumers.node_library import Case
from consumers.wire_server import serving
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.exchange import End, Exchange

__all__ = ["HANG_S", "Ear", "compact", "heard_by", "needs_release", "reads_heard_by"]

HANG_S = 1.5
"""Where nothing more comes, the library is given up after this."""


def needs_release(package: str, release: str) -> pytest.MarkDecorator:
    """Marks tests that hold a model to the release that it models."""
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        installed = "none"
    return pytest.mark.skipif(
        not f"{installed}.".startswith(f"{release}."),
        reason=f"the model is of {package} {release}, and {installed} is installed: run tox -e consumers",
    )


@dataclass(kw_only=True)
class Ear:
    """What the library's user writes down; the shape is that of the drivers for Node."""

    texts: list[str] = field(default_factory=list[str])
    calls: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    finish_reason: str | None = None
    error: str | None = None
    hangs: bool = False

    def result(self) -> Mapping[str, object]:
        # Outcomes are ours and no library's; the rule itself is tested elsewhere.
        listening = Listening()
        for text in self.texts:
            listening.text(text)
        for call in self.calls:
            name = call["name"]
            listening.call(object()).name = name if isinstance(name, str) else None
        outcome = listening.heard(self.error, ended=True, at_ns=None).outcome.value
        return {
            "outcome": outcome,
            "texts": self.texts,
            "toolCalls": self.calls,
            "finishReason": self.finish_reason,
            "error": self.error,
            "hangs": self.hangs,
        }


class Gate(httpx2.SyncByteStream):
    """Gives read after read when the library asks for it, and knows which one it gave last."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.given = -1

    def __iter__(self) -> Iterator[bytes]:
        for read in self._exchange.reads:
            self.given += 1
            yield read.data
        self.given += 1


class CountingEar(Ear):
    """Writes down which read brought each text."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.reads: list[int] = []
        self.texts = _Noticed(lambda: self.reads.append(gate.given))


class _Noticed(list[str]):
    def __init__(self, notice: Callable[[], None]) -> None:
        super().__init__()
        self._notice = notice

    def append(self, value: str, /) -> None:
        self._notice()
        super().append(value)


def reads_heard_by(
    asking: Callable[[httpx2.Client], Callable[[Ear], None]], cases: Iterable[Case]
) -> dict[str, list[int]]:
    """For each case the number of the read that brought each text; how it ends is of no interest here.

    `asking` makes of a connection what asks once and listens.
    """
    found: dict[str, list[int]] = {}
    gates: list[Gate] = []

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=gates[-1])

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask = asking(http)
        for case in cases:
            gates.append(Gate(case.exchange))
            ear = CountingEar(gates[-1])
            with contextlib.suppress(Exception):
                ask(ear)
            found[case.name] = ear.reads
    return found


Listen = Callable[[str, Case, float | None, Ear], None]
"""Base URL, case, seconds after which to give up (None: the library's own default), and where to write it down."""


def heard_by(
    listen: Listen, cases: Sequence[Case], *, words: Callable[[Exception], str], gives_up: str | None = None
) -> list[Mapping[str, object]]:
    """What the library hears of each case. `words` says of an exception what a model would say.

    `gives_up`: the package whose own patience ends some day; None for one that waits for ever.
    """
    plays = {str(number): case.play for number, case in enumerate(cases)}

    def run(number: int, base: str) -> Mapping[str, object]:
        ear = Ear()
        waits = cases[number].exchange.end is End.TIMED_OUT
        try:
            listen(f"{base}/{number}", cases[number], HANG_S if waits else None, ear)
        except Exception as error:  # noqa: BLE001  # whatever the library raises is what is looked for
            ear.error = words(error).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if waits and gives_up is None and ear.error.startswith("ReadTimeout"):
                ear.error, ear.hangs = None, True
        return ear.result()

    with serving(plays) as base, ThreadPoolExecutor(8) as pool, warnings.catch_warnings():
        # pydantic and the libraries warn of values that they do not know.
        warnings.simplefilter("ignore")
        return list(pool.map(run, range(len(cases)), [base] * len(cases)))


def compact(value: object) -> str:
    """JSON text as the models write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
