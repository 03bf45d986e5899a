"""Puts an answer onto the wire, in time, and stops as soon as nobody listens any more."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from vapi_reference_server.answer import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.work import Memory

_TRANSPORT = "vapi_reference_server.transport"
EVIDENCE_HEADER = "x-generations-active"


def with_transport(app: ASGIApp) -> ASGIApp:
    """Lets the app see the connection it writes to, which ASGI hides.

    A reset cannot be asked for through ASGI, and it is what a dying process leaves behind. uvicorn's
    `send` is a method of an object that holds the transport; elsewhere nothing is found, and a
    reset becomes a close. Must wrap the outermost app: Starlette's own layers replace `send`.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return wrapped


def raw_head(scope: Scope) -> bytes:
    """The request head as it came, if the server's protocol keeps it; else nothing."""
    transport = cast("asyncio.Transport | None", scope.get(_TRANSPORT))
    kept: object = getattr(transport.get_protocol(), "raw_head", b"") if transport is not None else b""
    return kept.partition(b"\r\n\r\n")[0] if isinstance(kept, bytes) else b""


async def deliver(answer: Answer, memory: Memory, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send an answer. False when the client hung up before it was complete."""
    if answer.ending is Ending.UNANSWERED:
        _hang_up(scope)
        return True
    head = {**answer.headers, EVIDENCE_HEADER: str(memory.generations)}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.items()]
    # What has a known length was finished before it is sent. Counted, it would still be at work for a moment when the
    # client has all of it and asks the next question.
    works = answer.live is not None or "content-length" not in answer.headers
    memory.generations += works
    gone = asyncio.create_task(_hung_up(receive))
    body = answer.live if answer.live is not None else _paced(answer)
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        while (data := await _next_unless(gone, body)) is not None:
            await send({"type": "http.response.body", "body": data, "more_body": True})
    except _HungUpError:
        if answer.lingers_s:
            await asyncio.sleep(answer.lingers_s)
        else:
            memory.cancelled += 1
        return False
    finally:
        memory.generations -= works
        await body.aclose()
        gone.cancel()
        await asyncio.wait((gone,))
    await _end(answer.ending, scope, send)
    return True


async def _paced(answer: Answer) -> AsyncGenerator[bytes]:
    for write in answer.writes:
        await asyncio.sleep(write.after_s)
        yield write.data
    await asyncio.sleep(answer.end_after_s)


class _HungUpError(Exception):
    """The client has closed the connection before its answer was complete."""


async def _next_unless(gone: asyncio.Task[None], body: AsyncGenerator[bytes]) -> bytes | None:
    """The next bytes, None at the end of the body. Raises _HungUpError as soon as the client has gone."""
    step = asyncio.ensure_future(anext(body, None))
    await asyncio.wait((gone, step), return_when=asyncio.FIRST_COMPLETED)
    if not step.done():
        step.cancel()
        await asyncio.wait((step,))
        raise _HungUpError
    data = step.result()
    # Whoever has the whole of a body with a known length may close before we end it: that is no hanging up.
    if data is not None and gone.done():
        raise _HungUpError
    return data


async def _end(ending: Ending, scope: Scope, send: Send) -> None:
    if ending is Ending.COMPLETE:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    # An app that returns without ending its body makes uvicorn close the connection: that is CUT.
    transport = cast("asyncio.Transport | None", scope.get(_TRANSPORT))
    if ending is Ending.RESET and transport is not None:
        connection = cast("socket.socket | None", transport.get_extra_info("socket"))
        # What was written must leave before the reset throws the rest away.
        transport.set_write_buffer_limits(high=0)
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        if connection is not None:
            # Linger on, for zero seconds: the close sends RST instead of FIN (POSIX SO_LINGER).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _hang_up(scope: Scope) -> None:
    transport = cast("asyncio.Transport | None", scope.get(_TRANSPORT))
    if transport is not None:
        transport.abort()


async def _hung_up(receive: Receive) -> None:
    # What is left of a body that nobody wants is drained here, so that the refusal is read.
    while (await receive())["type"] != "http.disconnect":
        pass
