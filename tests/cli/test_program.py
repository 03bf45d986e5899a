"""The program as shells see it: help, pipes that close, Ctrl-C, terminals, encodings, memory, the server's process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

import hars
from vapi_conformance.cli import main

PROGRAM = (sys.executable, "-m", "vapi_conformance")
posix = pytest.mark.skipif(os.name == "nt", reason="signals, pipes and terminals of POSIX")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    whole = {**os.environ, **environment}
    return subprocess.run([*PROGRAM, *arguments], check=False, capture_output=True, timeout=60, env=whole)


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    """With the signals of a shell's foreground job; a background job of a script ignores Ctrl-C."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread, and no exec before
    )


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return str(hars.save(tmp_path / "a.har", hars.har(*[hars.sound()] * 200)))


class TestHelp:
    def test_names_the_commands_and_the_plugin(self) -> None:
        text = CliRunner().invoke(main, ["--help"]).stdout
        for command in ("call", "check", "hear", "rules", "explain", "serve"):
            assert f"\n  {command} " in text
        assert "    pytest --endpoint https://my.host/v1\n" in text
        assert "Exit status: 0 all is well, 1 violated or a file could not be read, 2 wrong usage, 130" in text

    @pytest.mark.parametrize("command", ["call", "check", "hear", "rules", "explain"])
    def test_every_command_shows_an_example(self, command: str) -> None:
        result = CliRunner().invoke(main, [command, "-h"])
        assert 0 == result.exit_code
        assert "  Examples:\n    vapi-conformance " in result.stdout

    def test_an_unknown_command_is_a_usage_error(self) -> None:
        assert 2 == CliRunner().invoke(main, ["chek"]).exit_code


INTERRUPTS_THE_IMPORTS = """
import sys
from runpy import run_module

class Interrupt:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize(
    "begins",
    ["run_module('vapi_conformance', run_name='__main__')", "from vapi_conformance.__main__ import run; run()"],
)
def test_an_interrupt_while_the_program_is_imported_is_as_quiet_as_later(begins: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTS_THE_IMPORTS + begins], check=False, capture_output=True, timeout=60
    )
    assert (130, b"", b"") == (result.returncode, result.stdout, result.stderr)


@posix
class TestShell:
    @pytest.mark.parametrize("arguments", [["check"], ["check", "--json"], ["hear"], ["hear", "--json"]])
    def test_a_reader_that_has_seen_enough_is_no_error(self, recording: str, arguments: Sequence[str]) -> None:
        process = started(*arguments, recording)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"" == process.stderr.read()
        process.stderr.close()
        process.wait(60)

    def test_ctrl_c_is_quiet_and_no_verdict(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        process = started("check", str(pipe))
        with pipe.open("wb"):  # opens when the program has opened it, too: it is reading
            process.send_signal(signal.SIGINT)
            assert (b"", b"") == process.communicate(timeout=60)
        assert 130 == process.returncode

    def test_characters_that_a_pipe_cannot_take_are_written_as_escapes(self, tmp_path: Path) -> None:
        path = hars.save(tmp_path / "ü.har", hars.har(hars.sound()))
        text = run("check", str(path), "--rule", "sse.*", PYTHONIOENCODING="ascii")
        document = run("check", str(path), "--rule", "sse.*", "--json", PYTHONIOENCODING="ascii")
        assert (0, 0, b"", b"") == (text.returncode, document.returncode, text.stderr, document.stderr)
        assert b"\\xfc.har#0: no violation" in text.stdout
        assert b"\\u00fc.har#0" in document.stdout

    def test_a_bar_is_shown_on_a_terminal_and_the_pipe_stays_plain(self, tmp_path: Path) -> None:
        for number in range(12):
            hars.save(tmp_path / f"{number}.har", hars.har(hars.sound()))
        ours, theirs = os.openpty()
        arguments = [*PROGRAM, "check", str(tmp_path), "--rule", "sse.*"]
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
        os.close(theirs)
        output, _ = process.communicate(timeout=60)
        assert b"files read" in os.read(ours, 100_000)
        os.close(ours)
        assert 13 == output.count(b"\n")
        assert b"\x1b" not in output

    def test_whoever_ends_the_program_ends_the_server(self) -> None:
        process = started("serve", "--port", "0")
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[2].rpartition(b":")[2])
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)

    def test_the_server_takes_its_own_options(self) -> None:
        assert b"--context-tokens" in run("serve", "--help").stdout


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts KiB on Linux only")
def test_many_large_exchanges_take_the_memory_of_one(tmp_path: Path) -> None:
    """60 answers of 2 MB each: kept, they would take more than 240 MB with what is worked out of them."""
    body = hars.STREAM + ": " + "x" * 2_000_000 + "\n\n"
    for number in range(60):
        hars.save(tmp_path / f"{number}.har", hars.har(hars.entry(hars.request(), hars.response(body))))
    command = [*PROGRAM, "check", str(tmp_path), "--rule", "chat-stream.*", "--json"]
    output = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert int(output) < 160
