"""Where connections go: the addresses of a host and its trust, found out before anything is measured."""

import os
import socket
import ssl
import time
from functools import lru_cache
from typing import Final

from vapi_conformance.latency.engine.shots import OriginKey

__all__ = ["Address", "Origin"]

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
_ALPN: Final = ["http/1.1"]


class Origin:
    """Resolved once for a run: a name server's pauses would be in every cold connection, and are the same for all."""

    def __init__(self, key: OriginKey, *, ca_file: str | None = None) -> None:
        """Looks the name up, which may take long: not to be called between measurements."""
        scheme, self.host, port = key
        self.problem: str | None = None
        """Why no connection is possible."""
        self.context: ssl.SSLContext | None = None
        if scheme == "https":
            try:
                self.context = _trusting(ca_file)
            except OSError as problem:
                self.problem = f"the certificates to be trusted (SSL_CERT_FILE, SSL_CERT_DIR) cannot be read: {problem}"
        started_ns = time.monotonic_ns()
        try:
            found = socket.getaddrinfo(self.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            self.problem = f"the name {self.host!r} cannot be resolved: {problem}"
            found = []
        self._dns_ns: int | None = time.monotonic_ns() - started_ns
        self.addresses: tuple[Address, ...] = tuple(dict.fromkeys((each[0], each[4]) for each in found))
        if not self.addresses and self.problem is None:
            self.problem = f"the name {self.host!r} has no address"

    def take_dns_ns(self) -> int | None:
        """How long the name took: belongs to the connection that asks first, the others did not pay for it."""
        taken, self._dns_ns = self._dns_ns, None
        return taken


@lru_cache(maxsize=4)
def _trusting(ca_file: str | None) -> ssl.SSLContext:
    """The same certificates that the client trusts."""
    import certifi

    if ca_file is not None:
        context = ssl.create_default_context(cafile=ca_file)
    elif os.environ.get("SSL_CERT_FILE"):
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    elif os.environ.get("SSL_CERT_DIR"):
        context = ssl.create_default_context(capath=os.environ["SSL_CERT_DIR"])
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(_ALPN)
    return context
