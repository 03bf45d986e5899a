"""Ray as `latency.cluster` uses it, without Ray: nodes in threads of this process, whose loss is a matter of a word."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Self, cast

from vapi_conformance.latency.cluster_node import Node

__all__ = ["FakeRay", "RayError"]


class RayError(Exception):
    """As Ray's: what a method raised is its cause."""

    def __init__(self, text: str, cause: BaseException | None = None) -> None:
        super().__init__(text)
        self.cause = cause


class FakeRay:
    """A cluster of so many nodes with these processors; `lose` ends one."""

    def __init__(self, *processors: int, hosts: Sequence[str] = ()) -> None:
        self.actors: dict[str, _Actor] = {}
        self.lost: set[str] = set()
        self.is_joined = False
        self._nodes = [
            {
                "NodeID": f"{number:08d}aaaa",
                "Alive": True,
                "NodeManagerAddress": hosts[number] if hosts else "10.0.0.1",
                "Resources": {"CPU": float(count)} if count else {},
            }
            for number, count in enumerate(processors)
        ]

    def lose(self, name: str) -> None:
        self.lost.add(name)

    def init(self, address: str, *, log_to_driver: bool, logging_level: int) -> object:
        self.is_joined = True
        return None

    def shutdown(self) -> None:
        self.is_joined = False

    def nodes(self) -> object:
        return self._nodes

    def remote(self, kind: type) -> "_ActorClass":
        return _ActorClass(self, "")

    def get(self, ref: object, *, timeout: float) -> object:
        asked = cast("_Asked", ref)
        if asked.actor.name in self.lost:
            raise RayError("The actor died.\nAnd much more.")
        return asked.future.result(timeout)

    def wait(
        self, refs: list[object], *, num_returns: int, timeout: float
    ) -> tuple[Sequence[object], Sequence[object]]:
        asked = cast("list[_Asked]", refs)
        wait([each.future for each in asked], timeout=min(timeout, 0.05))
        done = [each for each in asked if each.future.done() or each.actor.name in self.lost]
        return done, [each for each in asked if each not in done]

    def kill(self, actor: object) -> None:
        cast("_Actor", actor).node.dismiss()


@dataclass(frozen=True)
class _Asked:
    actor: "_Actor"
    future: "Future[object]"


class _Actor:
    def __init__(self, name: str) -> None:
        self.name = name
        self.node = Node()
        self.threads = ThreadPoolExecutor(4)

    def __getattr__(self, name: str) -> "_Method":
        return _Method(self, cast("Callable[..., object]", getattr(self.node, name)))


@dataclass(frozen=True)
class _Method:
    actor: _Actor
    call: Callable[..., object]

    def remote(self, *arguments: object) -> object:
        return _Asked(self.actor, self.actor.threads.submit(self._called, arguments))

    def _called(self, arguments: tuple[object, ...]) -> object:
        try:
            return self.call(*arguments)
        except Exception as problem:
            raise RayError("a task failed", problem) from problem


@dataclass
class _ActorClass:
    ray: FakeRay
    node_id: str

    def options(self, *, scheduling_strategy: object, num_cpus: int, max_concurrency: int, max_restarts: int) -> Self:
        return type(self)(self.ray, str(scheduling_strategy))

    def remote(self) -> _Actor:
        name = f"node {self.node_id[:8]}"
        self.ray.actors[name] = _Actor(name)
        return self.ray.actors[name]
