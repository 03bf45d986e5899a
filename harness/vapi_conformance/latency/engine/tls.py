"""A connection with TLS: the same reads with the same stamps, decrypted in memory."""

import ssl
import time
from typing import Final

from vapi_conformance.latency.engine.connection import READ_BYTES, Connection, Owner, Stream
from vapi_conformance.latency.engine.origin import Origin

__all__ = ["TlsConnection"]

_CLOSED: Final = "closed"
"""The other side said so, as TLS has it."""


class TlsConnection(Connection):
    """A read's time is that of the read which completed a record."""

    __slots__ = ("_greeted_ns", "_incoming", "_outgoing", "_tls")

    def __init__(self, owner: Owner, origin: Origin, number: int, stream: Stream | None) -> None:
        """origin: has a context."""
        super().__init__(owner, origin, number, stream)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._greeted_ns = 0
        self._tls: ssl.SSLObject | None = None

    def _greet(self) -> None:
        if self.origin.context is None:
            self._end("failed", "no trust is set up")
            return
        self._greeted_ns = time.monotonic_ns()
        self._tls = self.origin.context.wrap_bio(self._incoming, self._outgoing, server_hostname=self.origin.host)
        self._shake_hands(self._tls)

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except (ssl.SSLError, ValueError) as problem:
            self._flush()
            self._end("failed", str(problem))
        else:
            self._flush()
            self.tls_ns = time.monotonic_ns() - self._greeted_ns
            self._ready()

    def _flush(self) -> None:
        """What TLS itself has to say; it is behind what is still to be sent."""
        if self._outgoing.pending:
            super()._put(bytes(self._out) + self._outgoing.read())

    def _put(self, wire: bytes) -> None:
        if self._tls is None:
            return
        try:
            self._tls.write(wire)
        except ssl.SSLError as problem:
            self._broken(str(problem))
            return
        self._flush()

    def on_readable(self) -> None:
        """One socket read, decrypted as far as it goes."""
        tls, read = self._tls, self._read()
        if tls is None or read is None:
            return
        if not read[3]:
            self._closed_by_peer()
            return
        self._incoming.write(read[3])
        if not self.is_open:
            self._shake_hands(tls)
            if not self.is_open:
                return
        data, problem = _decrypted(tls, self._incoming)
        if data:
            self._take((read[0], read[1], read[2], data))
        if problem is _CLOSED:
            self._closed_by_peer()
        elif problem is not None:
            self._broken(problem)
        elif self.is_open:
            self._flush()


def _decrypted(tls: ssl.SSLObject, incoming: ssl.MemoryBIO) -> tuple[bytes, str | None]:
    """All that is complete, and why no more will come."""
    pieces: list[bytes] = []
    try:
        while piece := tls.read(READ_BYTES):
            pieces.append(piece)
            # Mostly that was all; to be told so by an exception would take longer than to decrypt it.
            if not incoming.pending and not tls.pending():
                return b"".join(pieces), None
    except ssl.SSLWantReadError:
        return b"".join(pieces), None
    except ssl.SSLZeroReturnError:
        pass
    except ssl.SSLError as failure:
        return b"".join(pieces), str(failure)
    return b"".join(pieces), _CLOSED
