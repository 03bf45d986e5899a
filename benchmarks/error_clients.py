"""The clients whose errors are compared, and the server in C. A client takes (port, streams, rounds)."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from error_figures import Figures, taken
from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Engine, Measured, Settings, Shot, prepared
from vapi_conformance.latency.stamping_server import stamps_in
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing

__all__ = ["Client", "built", "by_httpx", "by_the_engine", "by_the_limit", "truth_server"]

Client = Callable[[int, int, int], Figures]

BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}'
LINE = re.compile(
    r"ttft_err_us p50\s+(\S+) p99\s+(\S+) \| lag_us p50\s+(\S+) p99\s+(\S+) \| cpu_us/chunk\s+(\S+)\s+streams (\d+)"
)
PEER_SECONDS = 180
"""No client takes that long; one that hangs ends the run."""


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
    cpu_us = sum(health.cpu_ns for health in engine.health) / 1000
    return taken(ttft_errors_us=ttft_errors, lags_us=lags, cpu_us=cpu_us, answered=answered)


def by_the_engine(processes: int, *, secured: tuple[int, Path] | None = None) -> Client:
    """A closed loop, as the client in C drives it. secured: port of a server behind TLS, and who vouches for it."""

    def measure(port: int, streams: int, rounds: int) -> Figures:
        url, ca_file = f"http://127.0.0.1:{port}/v1/chat/completions", None
        if secured is not None:
            url, ca_file = f"https://127.0.0.1:{secured[0]}/v1/chat/completions", str(secured[1])
        request = prepared(url=url, headers=(("content-type", "application/json"),), body=BODY)
        with Engine(Settings(processes=processes, ca_file=ca_file)) as engine:
            if secured is not None:  # so many handshakes at once keep both sides busy, and are no part of a stream
                list(engine.run([Shot(at_ns=0, request=request)] * streams, lanes=streams))
            # Counted afterwards: on two cores it would take the time of the server that tells the truth.
            results = list(engine.run([Shot(at_ns=0, request=request)] * (streams * rounds), lanes=streams))
            return figures_of(results, engine)

    return measure


def by_the_limit(program: Path) -> Client:
    """What a client in C with epoll sees."""

    def measure(port: int, streams: int, rounds: int) -> Figures:
        said = _output([str(program), str(port), str(streams), str(rounds)])
        found = LINE.search(said)
        if found is None:
            sys.exit(f"the client in C said something else: {said!r}")
        ttft_p50, ttft_p99, lag_p50, lag_p99, cpu = (float(each) for each in found.groups()[:5])
        return Figures(
            ttft_p50=ttft_p50,
            ttft_p99=ttft_p99,
            lag_p50=lag_p50,
            lag_p99=lag_p99,
            cpu_per_chunk=cpu,
            answered=int(found[6]),
        )

    return measure


def by_httpx(port: int, streams: int, rounds: int) -> Figures:
    """What a script with httpx sees."""
    script = Path(__file__).with_name("httpx_peer.py")
    said = object_or_nothing(json.loads(_output([sys.executable, str(script), str(port), str(streams), str(rounds)])))
    ttft, lags = (
        [float(each) for each in array_or_nothing(said.get(name)) if isinstance(each, int | float)]
        for name in ("ttft_errors_us", "lags_us")
    )
    cpu_us = said.get("cpu_us")
    return taken(
        ttft_errors_us=ttft,
        lags_us=lags,
        cpu_us=cpu_us if isinstance(cpu_us, float) else None,
        answered=integer_or_none(said.get("answered")) or 0,
    )


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


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PEER_SECONDS).stdout
