"""What we use of Ray, with types: Ray is an extra, and much of what it declares is untyped.

Nothing of it is imported before `ray_here` is asked.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, Self, cast

from vapi_conformance.problems import UsageError

__all__ = ["Actor", "ActorClass", "Method", "Ray", "Ref", "on_node", "ray_here"]

Ref = object
"""Of a result that is to come."""


class Method(Protocol):
    """Of an actor."""

    def remote(self, *arguments: object) -> Ref:
        """Asks for it, and does not wait."""
        ...


class Actor(Protocol):
    """An object in another process, of the class `cluster_node.Node`."""

    @property
    def clock_ns(self) -> Method:
        """See `Node`, as for all of these."""
        ...

    @property
    def engage(self) -> Method: ...

    @property
    def calibrate(self) -> Method: ...

    @property
    def prepare(self) -> Method: ...

    @property
    def play(self) -> Method: ...

    @property
    def progress(self) -> Method: ...

    @property
    def stop(self) -> Method: ...

    @property
    def so_far(self) -> Method: ...

    @property
    def dismiss(self) -> Method: ...


class ActorClass(Protocol):
    """A class whose objects live elsewhere."""

    def options(self, *, scheduling_strategy: object, num_cpus: int, max_concurrency: int, max_restarts: int) -> Self:
        """Where, and how."""
        ...

    def remote(self) -> Actor:
        """A new one; does not wait until it is there."""
        ...


class Ray(Protocol):
    """The module."""

    def init(self, address: str, *, log_to_driver: bool, logging_level: int) -> object:
        """Joins a cluster that runs. Raises ConnectionError."""
        ...

    def shutdown(self) -> None:
        """Leaves it, and ends what was started there."""
        ...

    def nodes(self) -> object:
        """JSON-like: each with NodeID, Alive, NodeManagerAddress, NodeManagerHostname and Resources."""
        ...

    def remote(self, kind: type) -> ActorClass:
        """Of a class."""
        ...

    def get(self, ref: Ref, *, timeout: float) -> object:
        """A result. Raises RayError: `TimeoutError`, too, where it is not there in time."""
        ...

    def wait(self, refs: list[Ref], *, num_returns: int, timeout: float) -> tuple[Sequence[Ref], Sequence[Ref]]:
        """Those that are there, and the others."""
        ...

    def kill(self, actor: Actor) -> None:
        """Ends its process."""
        ...


class _Strategies(Protocol):
    def NodeAffinitySchedulingStrategy(self, *, node_id: str, soft: bool) -> object:  # noqa: N802 - Ray's name
        ...


class _Exceptions(Protocol):
    @property
    def RayError(self) -> type[Exception]:  # noqa: N802 - Ray's name
        ...


def ray_here() -> tuple[Ray, type[Exception]]:
    """Ray, and the root of its exceptions. Raises UsageError where it is not installed."""
    try:
        ray = import_module("ray")
        exceptions = import_module("ray.exceptions")
    except ImportError:
        raise UsageError("--cluster needs Ray, which is an extra: pip install 'vapi-conformance[cluster]'") from None
    return cast("Ray", ray), cast("_Exceptions", exceptions).RayError


def on_node(node_id: str) -> object:
    """For `ActorClass.options`: there, and nowhere else."""
    strategies = cast("_Strategies", import_module("ray.util.scheduling_strategies"))
    return strategies.NodeAffinitySchedulingStrategy(node_id=node_id, soft=False)
