"""A loopback server that plays stored answers byte for byte, for client libraries that are no Python."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from vapi_conformance.exchange import End, Exchange, Header, header_values

__all__ = ["Play", "head_fields", "serving"]

_BEFORE_BREAKING_S = 0.4
"""A client must have read what came before it is told of a broken connection, or it may drop it."""
_FRAMING_HEADERS = (b"content-length", b"transfer-encoding", b"connection", b"keep-alive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How an exchange's answer is put on the wire."""

    exchange: Exchange
    pause_s: float = 0.0
    """Between reads; 0 still writes them one by one."""
    framing: str = "chunked"
    """`chunked`, `length`, or `close`: how the body's end is told."""
    announces_close: bool = True
    """Whether the head says that the connection will be closed, which some clients take for leave to lose its end."""


def head_fields(play: Play) -> tuple[Header, ...]:
    """The header lines as they are sent: the exchange's own, with the framing that is played."""
    exchange = play.exchange
    headers = exchange.response.headers if exchange.response is not None else ()
    fields = [header for header in headers if header[0].lower() not in _FRAMING_HEADERS]
    if play.framing == "chunked":
        fields.append((b"Transfer-Encoding", b"chunked"))
    elif play.framing == "length":
        missing = 0 if exchange.end is End.CLEAN else 100
        fields.append((b"Content-Length", str(len(exchange.body) + missing).encode()))
    if play.announces_close:
        fields.append((b"Connection", b"close"))
    return tuple(fields)


def head(play: Play, status: int) -> bytes:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in head_fields(play))
    # Some libraries show the reason phrase to their user; servers send the usual one.
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode() + lines + b"\r\n"


def framed(play: Play, data: bytes) -> bytes:
    if play.framing != "chunked" or not data:
        return data
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _play(play: Play, writer: asyncio.StreamWriter, stopping: asyncio.Event) -> None:
    exchange = play.exchange
    if exchange.response is not None:
        writer.write(head(play, exchange.response.status))
        for read in exchange.reads:
            writer.write(framed(play, read.data))
            await writer.drain()
            await asyncio.sleep(play.pause_s)
    if exchange.end is End.CLEAN:
        if play.framing == "chunked" and exchange.response is not None:
            writer.write(b"0\r\n\r\n")
        return
    await asyncio.sleep(_BEFORE_BREAKING_S)
    if exchange.end is End.RESET:
        connection = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):  # the client may have hung up over what came before
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif exchange.end in (End.TIMED_OUT, End.CLOSED_BY_US):
        await stopping.wait()


async def _answer(
    plays: Mapping[str, Play], stopping: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        request_line, *lines = request.split(b"\r\n")
        fields = tuple((name, value) for name, _, value in (line.partition(b":") for line in lines))
        await reader.readexactly(int(next(iter(header_values(fields, "content-length")), "0")))
        await _play(plays[request_line.split(b" ")[1].split(b"/")[1].decode()], writer, stopping)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client has hung up, as some cases have it
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.contextmanager
def serving(plays: Mapping[str, Play]) -> Generator[str]:
    """Serves each play under its key, `{base}/{key}/...`; gives the base URL."""
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(lambda r, w: _answer(plays, stopping, r, w), "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        stopping.set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
