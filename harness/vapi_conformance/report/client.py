"""What a modelled client library is: a name, and a function from an exchange to what is heard of it."""

from collections.abc import Callable
from dataclasses import dataclass

from vapi_conformance.additions import Origin
from vapi_conformance.consumers import Heard
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.vapi.consequence import Sureness

__all__ = ["Client", "Hear"]

Hear = Callable[[Exchange], Heard]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A model of a client library."""

    name: str
    """For scripts."""
    library: str
    """For people."""
    hear: Hear
    """Of a stream."""
    whole: Hear | None = None
    """Of an answer that was asked for as one document; None where the library has another way for those."""
    known: str = "measured against the package"
    """How what it does is known."""
    sureness: Sureness = "observed"
    """The same, for scripts."""
    origin: Origin | None = None
    """The distribution that adds it; None: it is ours."""
