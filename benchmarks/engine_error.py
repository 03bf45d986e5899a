"""How far the load engine's times are from the truth, next to other clients in the same run.

    python benchmarks/engine_error.py [--sources FOLDER | --truth-server FILE --limit-client FILE]
                                      [--streams 32,256,1000] [--tls] [--document docs/instrument.md]

Two servers tell the truth: one in C (where it is given), and the project's own stamping server, which also takes the
request's arrival from the kernel, so that its own delay in reading a request is not charged to the client.

Figures are medians over the repetitions, and good for comparison within one run only: what else the machine does is in
them.
"""

import argparse
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from error_clients import Client, built, by_httpx, by_the_engine, by_the_limit, truth_server
from error_figures import LIMIT, Figures, Run, Setting, document, table
from error_tools import TOOLS, version_of
from vapi_conformance.latency.machine import this_machine
from vapi_conformance.latency.stamping_server import StampingServer

TLS = "engine, TLS"
CLIENTS = {
    LIMIT: "one thread with epoll, written in C, which does nothing but read the clock. Nearly all of its error is the "
    "machine's.",
    "engine": "that of `vapi-conformance bench`. On Linux it takes the kernel's time of arrival, so that it can be "
    "nearer to the truth than a client that reads the clock after it woke.",
    TLS: "the same over TLS, against a second stamping server, which stamps a chunk before it is encrypted: what both "
    "sides take for that is in the figures.",
    "httpx": "how many people measure. `httpx.AsyncClient` with a connection for each stream, `aiter_lines`, "
    "`json.loads`, and a look at the clock when there is content; in a process of its own.",
    "guidellm": "as it installs, once. Its time to the first token of each request, minus what the stamps in the same "
    "request's text say. It does not tell the times of other chunks.",
    "aiperf": "as it installs, once, with its raw export: its clock reads of single responses, from which it "
    "computes its own figures.",
}
"""What the document says of each."""
MOST_FOR_OTHERS = 256
"""Streams: beyond, other clients than ours and the one in C answer in minutes, and tell nothing new."""


def compared(
    setting: Setting, port: int, repeat: int, clients: Mapping[str, Client], once: Mapping[str, Client]
) -> str:
    """A table. Clients take turns, so that what else the machine does hits all alike."""
    runs: dict[str, list[Figures]] = {name: [] for name in (*clients, *once)}
    for number in range(repeat):
        for name, client in {**clients, **(once if number == 0 else {})}.items():
            sys.stderr.write(f"{setting.server}, {setting.streams} streams: {name}\n")
            runs[name].append(client(port, setting.streams, setting.rounds))
    return table(setting, runs)


def measured(options: argparse.Namespace, programs: tuple[Path, Path] | None, tools: Mapping[str, Client]) -> list[str]:
    """A table for each number of streams and server. The tools run at the first server only: they take their time."""
    clients: dict[str, Client] = {} if programs is None else {LIMIT: by_the_limit(programs[1])}
    clients["engine"] = by_the_engine(options.processes)
    tables: list[str] = []
    for streams in (int(each) for each in options.streams.split(",")):
        is_much = streams > MOST_FOR_OTHERS
        mine = clients if is_much else {**clients, "httpx": by_httpx}
        once: Mapping[str, Client] = {} if is_much else tools
        with ExitStack() as stack:
            servers: list[tuple[str, int]] = []
            if programs is not None:
                servers.append(("server in C", stack.enter_context(truth_server(programs[0]))))
            servers.append(("stamping server", stack.enter_context(StampingServer()).port))
            over_tls: Mapping[str, Client] = stack.enter_context(behind_tls(options.processes)) if options.tls else {}
            for number, (name, port) in enumerate(servers):
                setting = Setting(server=name, streams=streams, rounds=options.rounds)
                these = {**mine, **over_tls} if number == len(servers) - 1 else mine
                tables.append(compared(setting, port, options.repeat, these, {} if number else once))
                sys.stdout.write(f"{tables[-1]}\n\n")
                sys.stdout.flush()
    return tables


@contextmanager
def behind_tls(processes: int) -> Generator[Mapping[str, Client]]:
    """The engine before a stamping server of its own, with a certificate made for this."""
    from trustme import CA

    with tempfile.TemporaryDirectory() as folder:
        own, authority, vouching = Path(folder, "server.pem"), CA(), Path(folder, "ca.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(own)
        authority.cert_pem.write_to_path(vouching)
        with StampingServer(certificate=own) as server:
            yield {TLS: by_the_engine(processes, secured=(server.port, vouching))}


def main() -> None:
    """Reads the options, measures, prints, writes the document."""
    parser = argparse.ArgumentParser(description="The load engine's own error, next to other clients.")
    parser.add_argument("--sources", type=Path, help="folder with truth_server.c and limit_client.c, to be compiled")
    parser.add_argument("--truth-server", type=Path, help="the compiled server")
    parser.add_argument("--limit-client", type=Path, help="the compiled client")
    parser.add_argument("--streams", default="32,256,1000", help="how many at once, with commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="answers for each stream (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each client (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="of the engine (default: %(default)s)")
    parser.add_argument("--tls", action="store_true", help="the engine over TLS, too; needs trustme")
    parser.add_argument("--document", type=Path, help="file to be written")
    options = parser.parse_args()
    machine = this_machine()
    versions = {name: version_of(name) for name in TOOLS}
    present = {name: client for name, client in TOOLS.items() if versions[name] is not None}
    with tempfile.TemporaryDirectory() as folder:
        programs = None
        if options.sources is not None:
            programs = built(options.sources, Path(folder))
        elif options.truth_server is not None and options.limit_client is not None:
            programs = (options.truth_server, options.limit_client)
        tables = measured(options, programs, present)
    if options.document is not None:
        text = document(
            Run(
                tables=tuple(tables),
                clients={
                    name: text
                    for name, text in CLIENTS.items()
                    if (name not in TOOLS or name in present) and (name != TLS or options.tls)
                },
                machine=machine,
                day=datetime.now(UTC).date().isoformat(),
                repeat=options.repeat,
                versions={"httpx": version("httpx"), **{name: told for name, told in versions.items() if told}},
                absent=tuple(name for name in TOOLS if name not in present),
            )
        )
        options.document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
