"""Runs the server on a free port of this machine for as long as a `with` block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vapi_reference_server.app import create_app

if TYPE_CHECKING:
    from collections.abc import Generator

    from vapi_reference_server.settings import Settings

_START_TIMEOUT_S = 10.0
_LONGEST_HEAD = 65_536


@contextlib.contextmanager
def running(settings: Settings) -> Generator[str]:
    """Start a server in a thread of its own, yield its base URL, stop it at the end.

    The port is free: the system chooses it. Answers still on their way at the end are cut off.
    RuntimeError when the server does not come up.
    """
    server = _Server(server_config(settings))
    listener = listen_on("127.0.0.1", 0)
    thread = threading.Thread(target=server.run_on, args=(listener,), name="vapi-reference-server", daemon=True)
    thread.start()
    try:
        if not server.is_up.wait(_START_TIMEOUT_S) or not server.started:
            raise RuntimeError("the reference server did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send every event at once. OSError where it cannot listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets whose protocol is named, and `socket.create_server` does not
    # name it. Without, each answer waits 40 ms for the client's delayed acknowledgement of its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def server_config(settings: Settings, grace_s: int = 0) -> uvicorn.Config:
    """uvicorn, told to be quiet. When it is stopped, answers on their way get `grace_s` seconds to end."""
    # A cut connection is what some faults are for; uvicorn would log each as an error of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        create_app(settings),
        timeout_graceful_shutdown=grace_s,
        log_config=None,
        access_log=False,
        http=_KeepsHead,
        ws="none",
        loop="asyncio",
        server_header=False,
    )


class _KeepsHead(H11Protocol):
    """uvicorn's protocol, which hands on header names in lower case; here it keeps them as they came."""

    raw_head = b""
    _later = b""

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" not in self.raw_head:
            self.raw_head += data
        else:
            # The rest of the body, or the next head: a client may send it before we are done with this request.
            self._later = (self._later + data)[-_LONGEST_HEAD:]
        super().data_received(data)

    def on_response_complete(self) -> None:
        self.raw_head, self._later = self._later, b""
        super().on_response_complete()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    def run_on(self, listener: socket.socket) -> None:
        """Serve until told to stop. Whatever happens, whoever waits for the start is told."""
        try:
            asyncio.run(self.serve([listener]))
        finally:
            self.is_up.set()
