"""One load from several machines at once: Ray starts a worker on each node, and their figures add up exactly.

Clocks. No two machines' clocks agree, and none is compared here: each node measures with its own monotonic clock, and
latencies are differences on one clock. Only the common start needs an agreement. Before it, each node is asked several
times what its clock says; its distance from ours is taken from the quickest of these round trips, and is wrong by half
of that trip at most. Then each node is told the moment on its own clock. That is all that is assumed: that a clock runs
evenly for the second in between.

Credentials. They go to the workers in a method's arguments, in pieces so small that Ray hands them from process to
process, inside its own connections, which are encrypted where the cluster has TLS (`RAY_USE_TLS`). They stand in no
environment, no command line, no log and no table of Ray's, and not in its store, which may go to disk. What a worker
returns is masked. Ray does keep the command line of whoever joins it: one that holds a credential is refused.
"""

import logging
import re
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.latency.calibration import Level, LevelError
from vapi_conformance.latency.cluster_node import Node, Played, Progress, Task, packed, parts_of
from vapi_conformance.latency.engine import Settings
from vapi_conformance.latency.politeness import is_loopback
from vapi_conformance.latency.ray_api import Actor, Ray, Ref, on_node, ray_here
from vapi_conformance.latency.result import Worker
from vapi_conformance.latency.running import INTERRUPTED, Course, Load
from vapi_conformance.latency.schedules import Part
from vapi_conformance.latency.tally import Tally
from vapi_conformance.masking import Secrets
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.problems import Problem, TransportError, UsageError

__all__ = ["Cluster", "NodeProgress", "Share", "add_up", "joined", "refuse_typed"]

_ADDRESS: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_REACH_S: Final = 5.0
_ENGAGE_S: Final = 60.0
"""Until a worker is there: Ray starts a process, which imports us."""
_ANSWER_S: Final = 60.0
"""For a short question; whoever does not answer in it is lost."""
_CALIBRATE_S: Final = 120.0
_PREPARE_S: Final = 600.0
"""It may have to wait for a load that was stopped."""
_DISMISS_S: Final = 5.0
_ASK_EVERY_S: Final = 0.5
_LAST_ANSWERS_S: Final = 3.0
"""For a worker that was told to stop, which it does with its next answer."""
_ROUND_TRIPS: Final = 7
_LEAD_NS: Final = 300_000_000
"""Between the word and the start, so that it has reached every node."""
_NS_PER_S: Final = 1_000_000_000
_ID_CHARACTERS: Final = 8
_MOST_WORKER_THREADS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProgress:
    """How one node gets on."""

    name: str
    progress: Progress
    is_lost: bool
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one node has to say about a load."""

    name: str
    course: Course | None
    """None where the node was lost, and its measurements with it."""
    sent: int = 0
    """Of a lost one: requests that it had told of."""


@dataclass(kw_only=True)
class _Member:
    """A node of the cluster, and our worker there."""

    name: str
    host: str
    actor: Actor
    progress: Progress = field(default_factory=Progress)
    is_lost: bool = False


def add_up(shares: Sequence[Share], into: Course) -> None:
    """What the nodes measured, as if it had been measured here: they ran side by side, so times do not add up."""
    whole = Course(tally=Tally(into.tally.metrics), keeper=into.keeper, timeline=into.timeline)
    for share in shares:
        part = share.course
        if part is None:
            whole.workers.append(Worker(name=share.name, is_lost=True))
            whole.lost_requests += share.sent
            continue
        longest_ns = max(whole.duration_ns, part.duration_ns)
        part.workers = [replace(each, name=f"{share.name}, {each.name}") for each in part.workers]
        part.bottleneck = {f"{share.name}: {reason}": None for reason in part.bottleneck}
        into.keeper.merge(part.keeper)
        into.timeline.merge(part.timeline)
        whole.absorb(part)
        whole.duration_ns = longest_ns
        if part.stopped is not None and whole.stopped is None:
            whole.stopped = part.stopped if part.is_interrupted else f"{share.name}: {part.stopped}"
    if not any(share.course for share in shares):
        whole.stopped = "every node of the cluster was lost"
    into.absorb(whole)
    into.stopped = into.stopped or whole.stopped


class Cluster:
    """Its nodes, each with an engine. Loads are played one after the other; whoever was lost stays lost."""

    def __init__(
        self,
        ray: Ray,
        errors: type[Exception],
        members: Sequence[_Member],
        secrets: Secrets,
        tell: Callable[[str], None],
    ) -> None:
        """See `joined`."""
        self._ray = ray
        self._errors = errors
        self._members = list(members)
        self._secrets = secrets
        self._tell = tell

    @property
    def names(self) -> tuple[str, ...]:
        """Of all nodes, the lost ones included."""
        return tuple(member.name for member in self._members)

    def reach(self, url: str) -> None:
        """Raises UsageError for an address that means another machine on each node."""
        if is_loopback(url) and len({member.host for member in self._members}) > 1:
            raise UsageError(f"--cluster: {url} is an address of this machine only; its nodes are several machines")

    def engage(self, settings: Settings) -> None:
        """Starts the engines. Raises UsageError for a node that cannot take part."""
        asked = [(member, member.actor.engage.remote(settings)) for member in self._members]
        until = time.monotonic() + _ENGAGE_S
        for member, ref in asked:
            where = f"--cluster: {member.name} ({member.host})"
            try:
                version = self._ray.get(ref, timeout=max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise UsageError(
                    f"{where} started no worker within {_ENGAGE_S:.0f} s; is a processor free there?"
                ) from None
            except self._errors as problem:
                raise UsageError(f"{where} cannot run a worker: {self._said(problem)}") from None
            if version != __version__:
                raise UsageError(f"{where} has version {version} of vapi-conformance, and this is {__version__}")

    def calibrated(self, level: Callable[[int], Level]) -> LevelError:
        """On every node at once; the one that errs most. level: of a node, given how many nodes there are.

        Raises TransportError where it cannot be done.
        """
        alive = self._alive()
        wanted = level(len(alive))
        refs = {member.name: member.actor.calibrate.remote(wanted) for member in alive}
        found = [each for each in self._answers(alive, refs, _CALIBRATE_S).values() if isinstance(each, LevelError)]
        if not found:
            raise TransportError("no node of the cluster answers")
        return max(found, key=lambda each: max(each.by_metric().values(), default=0))

    def play(
        self,
        load: Load,
        course: Course,
        *,
        most_kept: int,
        watch: Callable[[Sequence[NodeProgress]], None] | None = None,
    ) -> None:
        """See `running.play`: shared among the nodes, begun together, added up.

        A node that is lost takes what it had measured with it; the course names it, and is partial.
        """
        alive = self._alive()
        taking = alive[: parts_of(load.schedule, len(alive))]
        began_ns = course.began_ns + course.duration_ns
        secrets = self._secrets.values
        refs: dict[str, Ref] = {}
        for number, member in enumerate(taking):
            part = Part(worker=number, of=len(taking))
            task = Task(load=load, part=part, most_kept=most_kept, began_ns=began_ns)
            member.progress = Progress()
            refs[member.name] = member.actor.prepare.remote(*packed(task, secrets))
        ready = self._answers(taking, refs, _PREPARE_S)
        moments = self._moments([member for member in taking if member.name in ready])
        playing = {
            member.name: member.actor.play.remote(moments[member.name]) for member in taking if member.name in moments
        }
        add_up(list(self._shares(taking, playing, watch)), course)

    def close(self) -> None:
        """Ends all workers."""
        refs = [member.actor.dismiss.remote() for member in self._alive()]
        if refs:
            self._ray.wait(refs, num_returns=len(refs), timeout=_DISMISS_S)
        for member in self._members:
            with suppress(self._errors):
                self._ray.kill(member.actor)

    # One load

    def _moments(self, members: Sequence[_Member]) -> Mapping[str, int]:
        """The same moment on each node's own clock."""
        ahead = {member.name: self._ahead_ns(member) for member in members}
        begin_ns = time.monotonic_ns() + _LEAD_NS
        return {name: begin_ns + each for name, each in ahead.items() if each is not None}

    def _ahead_ns(self, member: _Member) -> int | None:
        """How far the node's clock is ahead of ours; None where the node is lost."""
        trips: list[tuple[int, int]] = []
        for _ in range(_ROUND_TRIPS):
            asked_ns = time.monotonic_ns()
            told = self._answers([member], {member.name: member.actor.clock_ns.remote()}, _ANSWER_S).get(member.name)
            answered_ns = time.monotonic_ns()
            if not isinstance(told, int):
                return None
            trips.append((answered_ns - asked_ns, told - (asked_ns + answered_ns) // 2))
        return min(trips)[1]

    def _shares(
        self,
        members: Sequence[_Member],
        playing: dict[str, Ref],
        watch: Callable[[Sequence[NodeProgress]], None] | None,
    ) -> Iterator[Share]:
        courses: dict[str, Course] = {}
        why: str | None = None
        until = float("inf")
        while playing and time.monotonic() < until:
            try:
                self._look(members, playing, courses)
                if watch is not None:
                    watch([self._told(member, playing) for member in members])
                stopped = next((course.stopped for course in courses.values() if course.stopped is not None), None)
            except KeyboardInterrupt:
                stopped = INTERRUPTED
                if why == INTERRUPTED:
                    break
            if stopped is not None and why is None:
                why = stopped
                until = time.monotonic() + _LAST_ANSWERS_S
                # One endpoint, one verdict: where one node gives up, the others need not go on.
                for member in self._playing(members, playing):
                    member.actor.stop.remote(why)
        for member in self._playing(members, playing):
            course = self._answers([member], {member.name: member.actor.so_far.remote()}, _ANSWER_S).get(member.name)
            if isinstance(course, Course):
                course.stopped = course.stopped or why
                courses[member.name] = course
        for member in members:
            yield Share(name=member.name, course=courses.get(member.name), sent=member.progress.sent)

    def _look(self, members: Sequence[_Member], playing: dict[str, Ref], courses: dict[str, Course]) -> None:
        """Waits a moment for results, and asks those that go on how they get on."""
        done, _ = self._ray.wait(list(playing.values()), num_returns=len(playing), timeout=_ASK_EVERY_S)
        over = [member for member in self._playing(members, playing) if playing[member.name] in done]
        for member in over:
            played = self._answers([member], {member.name: playing[member.name]}, _ANSWER_S).get(member.name)
            if isinstance(played, Played):
                courses[member.name] = played.course
                member.progress = Progress(sent=played.course.sent, errors=played.course.tally.error_count)
            playing.pop(member.name)
        going = self._playing(members, playing)
        asked = {member.name: member.actor.progress.remote() for member in going}
        for name, told in self._answers(going, asked, _ANSWER_S).items():
            if isinstance(told, Progress):
                next(member for member in members if member.name == name).progress = told
        for member in going:
            if member.is_lost:
                playing.pop(member.name)

    def _told(self, member: _Member, playing: Mapping[str, Ref]) -> NodeProgress:
        return NodeProgress(
            name=member.name,
            progress=member.progress,
            is_lost=member.is_lost,
            is_done=member.name not in playing and not member.is_lost,
        )

    def _playing(self, members: Sequence[_Member], playing: Mapping[str, Ref]) -> list[_Member]:
        return [member for member in members if member.name in playing]

    # Questions

    def _alive(self) -> list[_Member]:
        return [member for member in self._members if not member.is_lost]

    def _answers(self, members: Sequence[_Member], refs: Mapping[str, Ref], within_s: float) -> dict[str, object]:
        """By name. Who does not answer is lost from now on. Raises what a worker says about the user's request."""
        until = time.monotonic() + within_s
        found: dict[str, object] = {}
        for member in members:
            try:
                found[member.name] = self._ray.get(refs[member.name], timeout=max(0.0, until - time.monotonic()))
            except (TimeoutError, self._errors) as problem:
                cause = getattr(problem, "cause", None)
                if isinstance(cause, Problem):
                    raise type(cause)(f"{member.name}: {cause}") from None
                member.is_lost = True
                self._tell(f"{member.name} ({member.host}) was lost: {self._said(problem)}")
        return found

    def _said(self, problem: Exception) -> str:
        """In one line, which may be of a stranger's."""
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        text = lines[0] if lines else ""
        return (self._secrets.masked(text) or "") or type(problem).__name__


@contextmanager
def joined(
    address: str, *, secrets: Secrets, tell: Callable[[str], None], arguments: Sequence[str] | None = None
) -> Generator[Cluster]:
    """A worker on each node of a Ray cluster that runs; this machine has to be one of its nodes.

    address: `auto` for the cluster of this machine, or HOST:PORT of its head. tell: a sentence for people, when a node
    is lost. arguments: of the command line, which Ray keeps. Raises UsageError for what is not there.
    """
    ray, errors = ray_here()
    refuse_typed(secrets, sys.argv if arguments is None else arguments)
    _reach(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, errors) as problem:
        said = str(problem).partition("\n")[0]
        raise UsageError(f"--cluster: no Ray cluster can be joined at {address}: {said}") from None
    try:
        members = list(_members(ray))
        if not members:
            raise UsageError("--cluster: no node of the cluster has a processor to give")
        cluster = Cluster(ray, errors, members, secrets, tell)
        try:
            yield cluster
        finally:
            cluster.close()
    finally:
        ray.shutdown()


def refuse_typed(secrets: Secrets, arguments: Sequence[str]) -> None:
    """Raises UsageError where a credential was typed: Ray keeps the command line, and shows it to the whole cluster."""
    typed = [argument.encode(errors="surrogateescape") for argument in arguments]
    if any(secret in argument for secret in secrets.values for argument in typed):
        raise UsageError("--cluster: Ray shows the command line to the whole cluster; give the credential as $VARIABLE")


def _reach(address: str) -> None:
    """Ray itself would try for minutes, and then end the process."""
    if address == "auto":
        return
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65535:  # noqa: PLR2004 - the highest port
        raise UsageError(f"--cluster wants auto, or HOST:PORT of the cluster's head, got {address!r}")
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), _REACH_S).close()
    except (OSError, UnicodeError) as problem:
        raise UsageError(f"--cluster: nobody answers at {address}: {problem}") from None


def _members(ray: Ray) -> Iterator[_Member]:
    """A worker on each node that lives and has a processor to give; a head that has none is there to direct."""
    node_class = ray.remote(Node)
    for entry in array_or_nothing(ray.nodes()):
        node = object_or_nothing(entry)
        node_id = string_or_none(node.get("NodeID"))
        processors = object_or_nothing(node.get("Resources")).get("CPU")
        if (
            node.get("Alive") is not True
            or node_id is None
            or not isinstance(processors, int | float)
            or processors < 1
        ):
            continue
        host = string_or_none(node.get("NodeManagerAddress")) or "address unknown"
        actor = node_class.options(
            scheduling_strategy=on_node(node_id),
            num_cpus=1,
            max_concurrency=_MOST_WORKER_THREADS,
            max_restarts=0,
        ).remote()
        # Ray's own name for it, and not the host's: results are shown around.
        yield _Member(name=f"node {node_id[:_ID_CHARACTERS]}", host=host, actor=actor)
