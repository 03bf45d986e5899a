"""What the command and its worker processes tell each other."""

from dataclasses import dataclass

from vapi_conformance.latency.engine.health import Health
from vapi_conformance.latency.engine.raw import Raw, Ticket
from vapi_conformance.latency.engine.shots import OriginKey, Settings

__all__ = ["Begin", "Cancel", "Know", "Known", "Results", "Setup", "Shots", "Stop", "Taken", "Warm"]


@dataclass(frozen=True, slots=True)
class Setup:
    """First of all."""

    worker: int
    settings: Settings
    most_streams: int


@dataclass(frozen=True, slots=True)
class Know:
    """Origins to resolve, behind those it knows. Answered by `Known`."""

    origins: tuple[OriginKey, ...]


@dataclass(frozen=True, slots=True)
class Warm:
    """Connections to open."""

    origin: int
    count: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A run starts at this monotonic time."""

    begin_ns: int
    lanes: int | None


@dataclass(frozen=True, slots=True)
class Shots:
    """More shots of the run."""

    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The run is over, whatever is under way. Answered by `Taken`."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The process ends."""


@dataclass(frozen=True, slots=True)
class Known:
    """The origins are resolved."""


@dataclass(frozen=True, slots=True)
class Results:
    """Shots that are over."""

    raws: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """How the process fared in the run that is over."""

    health: Health
