"""Errors of clients as figures, a table and a document. Pure: nothing here measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from textwrap import fill

from vapi_conformance.latency.machine import Machine

__all__ = ["LIMIT", "Figures", "Run", "Setting", "document", "medians", "percentile", "table", "taken"]

HEAD = (
    "client",
    "TTFT error p50, × {limit}",
    "p99, × {limit}",
    "p50, ms",
    "p99, ms",
    "late by p50, ms",
    "p99, ms",
    "CPU/chunk, µs",
    "answered",
)
UNKNOWN = "–"
LIMIT = "C limit"
"""The client that the others are compared with, where it has run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One client over one run, or the medians of some; microseconds. None: this client does not tell."""

    ttft_p50: float | None = None
    ttft_p99: float | None = None
    lag_p50: float | None = None
    lag_p99: float | None = None
    cpu_per_chunk: float | None = None
    answered: int
    """Streams that came to their proper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the clients of one table had before them."""

    server: str
    streams: int
    rounds: int
    """Answers for each stream."""

    @property
    def wanted(self) -> int:
        """Answers of one run."""
        return self.streams * self.rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that the page tells."""

    tables: tuple[str, ...]
    clients: Mapping[str, str]
    """A sentence on each that ran."""
    machine: Machine
    """Before the run."""
    day: str
    repeat: int
    versions: Mapping[str, str]
    """Of the peers that ran."""
    absent: tuple[str, ...]
    """Peers that would have run, and are not installed."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank from above in sorted values, as the client in C counts; None of none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def taken(*, ttft_errors_us: Sequence[float], lags_us: Sequence[float], cpu_us: float | None, answered: int) -> Figures:
    """From single errors, in any order."""
    ttft, lags = sorted(ttft_errors_us), sorted(lags_us)
    return Figures(
        ttft_p50=percentile(ttft, 0.5),
        ttft_p99=percentile(ttft, 0.99),
        lag_p50=percentile(lags, 0.5),
        lag_p99=percentile(lags, 0.99),
        cpu_per_chunk=cpu_us / len(lags) if lags and cpu_us is not None else None,
        answered=answered,
    )


def medians(runs: Sequence[Figures]) -> Figures:
    """Figure by figure, over the runs that tell it. Of answered streams the fewest: a loss is not to be voted away."""
    return Figures(
        ttft_p50=_middle([run.ttft_p50 for run in runs]),
        ttft_p99=_middle([run.ttft_p99 for run in runs]),
        lag_p50=_middle([run.lag_p50 for run in runs]),
        lag_p99=_middle([run.lag_p99 for run in runs]),
        cpu_per_chunk=_middle([run.cpu_per_chunk for run in runs]),
        answered=min(run.answered for run in runs),
    )


def table(setting: Setting, runs: Mapping[str, Sequence[Figures]]) -> str:
    """A heading and one line for each client that ran."""
    rows = {client: medians(figures) for client, figures in runs.items() if figures}
    limit = LIMIT if LIMIT in rows else next(iter(rows), "")
    lines = [f"### {setting.streams} streams, {setting.server}", ""]
    lines.append(f"| {' | '.join(HEAD).format(limit=limit)} |")
    lines.append(f"| --- |{' ---: |' * (len(HEAD) - 1)}")
    for client, row in rows.items():
        cells = (
            client,
            _ratio(row.ttft_p50, rows[limit].ttft_p50),
            _ratio(row.ttft_p99, rows[limit].ttft_p99),
            *(_ms(each) for each in (row.ttft_p50, row.ttft_p99, row.lag_p50, row.lag_p99)),
            UNKNOWN if row.cpu_per_chunk is None else f"{row.cpu_per_chunk:.1f}",
            "all" if row.answered >= setting.wanted else f"{row.answered} of {setting.wanted}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def document(run: Run) -> str:
    """The whole page."""
    load = (
        "unknown"
        if run.machine.load_average is None
        else " / ".join(f"{each:.2f}" for each in run.machine.load_average) + " (1, 5 and 15 minutes)"
    )
    libraries = {**{name: version or "absent" for name, version in run.machine.libraries}, **run.versions}
    return PAGE.format(
        tables="\n\n".join(run.tables),
        clients="\n".join(_item(name, text) for name, text in run.clients.items()),
        repeat=f"medians of {run.repeat} runs" if run.repeat > 1 else "one run",
        cpu=run.machine.cpu or "unknown processor",
        cores=run.machine.cores,
        system=run.machine.system,
        python=run.machine.python,
        libraries=", ".join(f"{name} {version}" for name, version in libraries.items()),
        load=load,
        busy="; others had work for the processors, and the figures are of that company, too" * run.machine.is_busy,
        day=run.day,
        absent=f"\nNot installed where this ran, and so in no table: {', '.join(run.absent)}.\n" * bool(run.absent),
    )


def _item(name: str, text: str) -> str:
    """Of a list."""
    return fill(f"* **{name}**: {text}", width=120, subsequent_indent="  ", break_on_hyphens=False)


def _middle(values: Sequence[float | None]) -> float | None:
    told = [each for each in values if each is not None]
    return median(told) if told else None


def _ms(value_us: float | None) -> str:
    return UNKNOWN if value_us is None else f"{value_us / 1000:.2f}"


def _ratio(value: float | None, limit: float | None) -> str:
    """None where the limit is nothing, or less: a multiple of that says nothing."""
    return UNKNOWN if value is None or limit is None or limit <= 0 else f"{value / limit:.2f}"


PAGE = """# How wrong the instrument is, next to others

Written by `benchmarks/engine_error.py` in one run. A server stamps each chunk as it hands it to the kernel; client and
server share the machine's monotonic clock, so what a client says minus what the server says is the client's error.
Each answer has 50 chunks: the first 100 ms after the request, the others 20 ms apart. *TTFT error* is that of the
first chunk, counted from the request; *late* is the time that a client gives a chunk, any chunk, after it was sent. The
ratios compare clients within this run; nothing here is worth comparing with another day's.

{clients}

Opening connections is charged to nobody. Clients take turns, so that what else the machine does hits all alike. The
server in C notes a request when it has read it: its own delay in that is charged to every client. The project's
stamping server takes the request's arrival from the kernel.

{tables}
{absent}
## Where and when

* {day}, {repeat}
* {cpu}, {cores} cores; {system}; {python}
* {libraries}
* load before the run: {load}{busy}

Server and client share the cores: with more streams than these can carry, everybody's figures grow.

## How to repeat it

```sh
python benchmarks/engine_error.py --sources FOLDER --document docs/instrument.md
```

`FOLDER` holds `truth_server.c` and `limit_client.c`, which are not part of this repository. Without `--sources` the
stamping server alone tells the truth, and ratios are to the engine. `--tls` adds the engine over TLS. `--streams`,
`--rounds` and `--repeat` make it shorter. Other tools run where their command is found.
"""
