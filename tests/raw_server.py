"""A server on loopback that sends exactly the bytes it is told, when it is told: the hostile end of a wire."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterable

__all__ = ["Part", "Script", "chunked", "head", "playing", "read_request", "reset", "saying"]

Part = bytes | float
"""Bytes to send, or seconds to wait."""

Script = Callable[[socket.socket], None]
"""What one connection does; it may read requests and send whatever it likes."""


def read_request(connection: socket.socket) -> bytes:
    """Head and body of one request; empty when the client closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    start, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in start.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return start + b"\r\n\r\n" + body


def head(status: str = "200 OK", **headers: str) -> bytes:
    """A response head; underscores in names are hyphens."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(*parts: bytes, end: bool = True) -> bytes:
    """Parts in the chunked coding."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if end else b"")


def reset(connection: socket.socket) -> None:
    """RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def playing(*scripts: Script) -> Generator[str]:
    """Connection n plays script n, the last one for all further; yields the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve(connection: socket.socket, script: Script) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(10)
        with contextlib.suppress(OSError), connection:
            script(connection)

    def accept() -> None:
        number = 0
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                script = scripts[min(number, len(scripts) - 1)]
                number += 1
                threading.Thread(target=serve, args=(connection, script), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join()
        listener.close()


def saying(parts: Iterable[Part]) -> Script:
    """Reads a request, then sends the parts; a number is a pause in seconds."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        for part in parts:
            if isinstance(part, bytes):
                connection.sendall(part)
            else:
                time.sleep(part)

    return script
