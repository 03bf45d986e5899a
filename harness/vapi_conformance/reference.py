"""The bundled reference server, started in a process of its own for as long as it is needed.

A process and not a thread: a server that shared our interpreter would share its pauses, and our clocks would
measure both. And not an import: what judges and what is judged by way of example have no code in common.
"""

import os
import queue
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

from vapi_conformance.platforms.vapi import OAuth2Plan
from vapi_conformance.problems import TransportError

__all__ = ["MODEL", "ReferenceServer", "reference_server"]

MODEL: Final = "reference"
"""The model that the reference server serves by default."""

_KEY_VARIABLE: Final = "VAPI_CONFORMANCE_REFERENCE_KEY"
_CLIENT_VARIABLE: Final = "VAPI_CONFORMANCE_REFERENCE_CLIENT"
_CLIENT: Final = "vapi-conformance"
_TOKEN_S: Final = 2
_START_S: Final = 20.0
_ANNOUNCEMENT: Final = re.compile(r"on (http://\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceServer:
    """A running server."""

    url: str
    key: str = field(repr=False)
    """Made for this run; without it the server answers 401."""
    oauth2: OAuth2Plan | None = None
    """Made for this run, too: whoever has it fetches tokens, which live for seconds, so that one can be seen to
    expire."""


@contextmanager
def reference_server(arguments: Sequence[str] = ()) -> Generator[ReferenceServer]:
    """arguments: more options of `vapi-reference-server`. Raises TransportError when it does not come up."""
    key, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    command = [sys.executable, "-m", "vapi_reference_server", "--port", "0", "--api-key-env", _KEY_VARIABLE]
    command += [
        "--oauth-client-env",
        _CLIENT_VARIABLE,
        "--token-seconds",
        str(_TOKEN_S),
        "--ends-with-stdin",
        *arguments,
    ]
    # Nothing of the user's environment reaches into it: an UPSTREAM_BASE_URL would put another server in its place.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("UPSTREAM_", "REFERENCE_"))
    }
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        stdin=subprocess.PIPE,  # closed when we are gone, however we went: then it ends, too
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**environment, _KEY_VARIABLE: key, _CLIENT_VARIABLE: f"{_CLIENT}:{secret}", "PYTHONUNBUFFERED": "1"},
        process_group=0,  # Ctrl-C is meant for us: in a call by keyboard it interrupts the assistant
    ) as process:
        try:
            url = _announced(process)
            plan = OAuth2Plan(token_url=f"{url}/oauth/token", client_id=_CLIENT, client_secret=secret)
            yield ReferenceServer(url=url, key=key, oauth2=plan)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _announced(process: subprocess.Popen[str]) -> str:
    """The URL from the server's first line; its output is read on in the background, so that it never blocks."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def pump(output: IO[str]) -> None:
        for line in output:
            lines.put(line)
        lines.put("")

    if process.stdout is not None:
        threading.Thread(target=pump, args=(process.stdout,), daemon=True).start()
    said: list[str] = []
    try:
        while line := lines.get(timeout=_START_S):
            said.append(line.strip())
            if (match := _ANNOUNCEMENT.search(line)) is not None:
                return match[1]
    except queue.Empty:
        pass
    raise TransportError(f"the reference server did not start: {' '.join(said)[-300:] or 'it said nothing'}")
