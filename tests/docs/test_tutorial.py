"""The tutorial is what a newcomer types: each file is made, each command is run, and what it prints is compared.

Blocks of `docs/tutorial.md` by their title: `install` is what the environment of the tests has done, `serve` is served
here on a free port, a name is a file (as a `diff`, a change of it). A `sh` block without a title is run, and each line
of a `text` block after it has to be in what it printed, in that order; the times in it are nobody's promise.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
PORT = "8000"
SHOWN_IN = {"conformant": 0, "violated": 1, "incomplete": 1}
"""Exit status by the first word of a line that tells a verdict."""


def test_every_step_does_what_the_tutorial_says(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    blocks = list(BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8")))
    assert {"install", "serve", "agent.py", None} <= {block["title"] for block in blocks}
    with served(newcomer):
        for block in blocks:
            newcomer.follow(block["language"], block["title"], block["text"])
    assert 5 == newcomer.commands


@dataclass
class Newcomer:
    """Does in a folder of their own what each block says."""

    folder: Path
    port: int = 0
    printed: str = ""
    status: int | None = None
    commands: int = 0
    server: "list[subprocess.Popen[bytes]]" = field(default_factory=list["subprocess.Popen[bytes]"])

    def follow(self, language: str, title: str | None, text: str) -> None:
        if title in ("install", "serve"):
            if title == "serve":
                self.serve(text)
        elif language == "diff":
            assert title is not None
            self.change(self.folder / title, text)
        elif title is not None:
            (self.folder / title).write_text(text, encoding="utf-8")
        elif language == "sh":
            self.run(text)
        elif language == "text":
            self.compare(text)

    def serve(self, text: str) -> None:
        for each in self.server:
            each.terminate()
            each.wait(10)
        self.server.clear()
        command = shlex.split(text.replace("--reload", "--log-level critical").replace(PORT, str(self.port)))
        made = subprocess.Popen([sys.executable, "-m", *command], cwd=self.folder, env=environment())
        self.server.append(made)
        until = time.monotonic() + 30
        while True:
            assert made.poll() is None, "the endpoint of the tutorial does not start"
            assert time.monotonic() < until, "the endpoint of the tutorial does not listen"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return

    def change(self, path: Path, text: str) -> None:
        """A diff without positions: what is taken away stands there once."""
        lines = text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line.startswith("-"))
        after = "".join(line[1:] for line in lines if line.startswith("+"))
        whole = path.read_text(encoding="utf-8")
        assert 1 == whole.count(before), before
        path.write_text(whole.replace(before, after), encoding="utf-8")
        self.serve("uvicorn agent:app --port 8000 --reload")

    def run(self, text: str) -> None:
        self.commands += 1
        program, *arguments = shlex.split(text.replace(PORT, str(self.port)))
        module = {"pytest": "pytest", "vapi-conformance": "vapi_conformance"}[program]
        extra = ["-p", "no:cacheprovider"] if program == "pytest" else []
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments, *extra],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        self.printed, self.status = done.stdout + done.stderr, done.returncode
        promised = [after for option, after in pairwise(arguments) if option == "--endpoint-report"]
        assert [] == [name for name in promised if not (self.folder / name).stat().st_size]

    def compare(self, text: str) -> None:
        at = 0
        for line in text.splitlines():
            found = self.printed.find(line.strip(), at)
            assert found >= 0, f"not printed: {line}\n{self.printed}"
            at = found
            verdict = re.match(r"(conformant|violated|incomplete)", line)
            if verdict:
                assert SHOWN_IN[verdict[1]] == self.status


def environment() -> dict[str, str]:
    """Without what the tests themselves are run with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV", "VAPI_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}


@contextmanager
def served(newcomer: Newcomer) -> Generator[None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        newcomer.port = probe.getsockname()[1]
    try:
        yield
    finally:
        for each in newcomer.server:
            each.terminate()
            each.wait(10)
