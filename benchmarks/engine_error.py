"""How far the load engine's times are from the truth, next to a client in C in the same run.

    python benchmarks/engine_error.py [--sources FOLDER | --truth-server FILE --limit-client FILE] [--streams 32,256]

A server stamps each chunk as it is sent; client and server share the machine's monotonic clock. `ttft` is what the
client says of a stream's first token minus what the server says of it, `lag` what it says of any chunk. Two servers
tell the truth: the one in C (where it is given), and the project's own stamping server, which also takes the request's
arrival from the kernel, so that its own delay in reading a request is not charged to the client.

Figures are medians over the repetitions, and good for comparison within one run only: what else the machine does is in
them.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Engine, Measured, Settings, Shot, prepared
from vapi_conformance.latency.stamping_server import Pace, StampingServer, stamps_in

BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}'
LINE = re.compile(
    r"ttft_err_us p50\s+(\S+) p99\s+(\S+) \| lag_us p50\s+(\S+) p99\s+(\S+) \| cpu_us/chunk\s+(\S+)\s+streams (\d+)"
)
COLUMNS = ("ttft p50", "ttft p99", "lag p50", "lag p99", "cpu/chunk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One client over one run; microseconds."""

    values: tuple[float, ...]
    """As `COLUMNS` names them."""
    answered: int


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank from above, as the client in C counts."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def figures_of(results: Iterable[Measured], engine: Engine) -> Figures:
    """Takes all results."""
    ttft_errors: list[float] = []
    lags: list[float] = []
    answered = 0
    for measured in results:
        answered += measured.exchange.end is End.CLEAN
        is_first = True
        for read in measured.exchange.reads:
            for stamp in stamps_in(read.data):
                if read.at_ns is None or measured.sent_ns is None:
                    continue
                lags.append((engine.begin_ns + measured.sent_ns + read.at_ns - stamp.sent_ns) / 1000)
                if is_first:
                    ttft_errors.append((read.at_ns - (stamp.sent_ns - stamp.request_ns)) / 1000)
                    is_first = False
    ttft_errors.sort()
    lags.sort()
    cpu_us = sum(health.cpu_ns for health in engine.health) / 1000
    values = (
        percentile(ttft_errors, 0.5),
        percentile(ttft_errors, 0.99),
        percentile(lags, 0.5),
        percentile(lags, 0.99),
        cpu_us / len(lags) if lags else float("nan"),
    )
    return Figures(values=values, answered=answered)


def by_the_engine(url: str, streams: int, rounds: int, processes: int) -> Figures:
    """A closed loop, as the client in C drives it."""
    request = prepared(url=url, headers=(("content-type", "application/json"),), body=BODY)
    with Engine(Settings(processes=processes)) as engine:
        # Counted afterwards: on two cores it would take the time of the server that tells the truth.
        results = list(engine.run([Shot(at_ns=0, request=request)] * (streams * rounds), lanes=streams))
        return figures_of(results, engine)


def by_the_limit(program: Path, port: int, streams: int, rounds: int) -> Figures:
    """What a client in C with epoll sees."""
    command = [str(program), str(port), str(streams), str(rounds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = LINE.search(said)
    if found is None:
        sys.exit(f"the client in C said something else: {said!r}")
    return Figures(values=tuple(float(each) for each in found.groups()[:5]), answered=int(found[6]))


@contextmanager
def truth_server(program: Path) -> Generator[int]:
    """The server in C: 50 tokens, the first after 100 ms, the others 20 ms apart. Gives its port."""
    for port in range(18_700, 18_720):
        command = [str(program), str(port), "50", "100000", "20000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                if process.stdout is not None and process.stdout.readline().startswith(b"READY"):
                    yield port
                    return
            finally:
                process.terminate()
    sys.exit("the server in C found no port")


def built(sources: Path, folder: Path) -> tuple[Path, Path]:
    """Server and client, compiled from C."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("there is no C compiler")
    programs = (folder / "truth_server", folder / "limit_client")
    for program in programs:
        subprocess.run([compiler, "-O2", "-o", program, sources / f"{program.name}.c"], check=True)
    return programs


def table(name: str, rows: dict[str, list[Figures]], wanted: int) -> str:
    """One line for each client: medians, and the ratio to the client in C."""
    lines: list[str] = []
    limit = medians(rows["C limit"]) if rows.get("C limit") else None
    for client, runs in rows.items():
        if not runs:
            continue
        values = medians(runs)
        cells = "  ".join(f"{each:10.0f}" if number < 4 else f"{each:9.1f}" for number, each in enumerate(values))
        ratio = "" if limit is None else f"   ttft p50 {values[0] / limit[0]:5.2f}x  p99 {values[1] / limit[1]:5.2f}x"
        answered = "all" if all(run.answered == wanted for run in runs) else f"{min(run.answered for run in runs)}"
        lines.append(f"{name:24s} {client:10s} {cells}   answered {answered:>4s} of {wanted}{ratio}")
    return "\n".join(lines)


def medians(runs: Sequence[Figures]) -> tuple[float, ...]:
    """Column by column."""
    return tuple(median(run.values[column] for run in runs) for column in range(len(COLUMNS)))


def measured(options: argparse.Namespace, programs: tuple[Path, Path] | None) -> None:
    """Clients take turns, so that what else the machine does hits all alike."""
    sys.stdout.write(f"microseconds, medians of {options.repeat} runs\n")
    sys.stdout.write(f"{'server, streams':24s} {'client':10s} " + "  ".join(f"{each:>10s}" for each in COLUMNS) + "\n")
    for streams in (int(each) for each in options.streams.split(",")):
        wanted = streams * options.rounds
        if programs is not None:
            rows: dict[str, list[Figures]] = {"C limit": [], "engine": []}
            with truth_server(programs[0]) as port:
                for _ in range(options.repeat):
                    rows["C limit"].append(by_the_limit(programs[1], port, streams, options.rounds))
                    url = f"http://127.0.0.1:{port}/v1/chat/completions"
                    rows["engine"].append(by_the_engine(url, streams, options.rounds, options.processes))
            sys.stdout.write(table(f"C truth, {streams}", rows, wanted) + "\n")
        rows = {"C limit": [], "engine": []}
        with StampingServer() as server:
            for _ in range(options.repeat):
                if programs is not None:
                    rows["C limit"].append(by_the_limit(programs[1], server.port, streams, options.rounds))
                rows["engine"].append(by_the_engine(server.url(Pace()), streams, options.rounds, options.processes))
        sys.stdout.write(table(f"stamping server, {streams}", rows, wanted) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Reads the options, measures, prints."""
    parser = argparse.ArgumentParser(description="The load engine's own error, next to a client in C.")
    parser.add_argument("--sources", type=Path, help="folder with truth_server.c and limit_client.c, to be compiled")
    parser.add_argument("--truth-server", type=Path, help="the compiled server")
    parser.add_argument("--limit-client", type=Path, help="the compiled client")
    parser.add_argument("--streams", default="32,256,1000", help="how many at once, with commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="answers for each stream (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each client (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="of the engine (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs = None
        if options.sources is not None:
            programs = built(options.sources, Path(folder))
        elif options.truth_server is not None and options.limit_client is not None:
            programs = (options.truth_server, options.limit_client)
        measured(options, programs)


if __name__ == "__main__":
    main()
