"""ASGI apps of tests on a free port of this machine."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import uvicorn
from starlette.applications import Starlette

__all__ = ["serving"]


@contextmanager
def serving(app: Starlette) -> Generator[str]:
    """The app on a free port, in a thread: rules on time are not asked, so pauses of ours do not matter."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the app does not start"
        time.sleep(0.01)
    try:
        port = cast("int", server.servers[0].sockets[0].getsockname()[1])
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
