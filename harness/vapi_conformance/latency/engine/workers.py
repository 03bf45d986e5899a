"""The engine as a command sees it: starts worker processes, gives them shots ahead of time, and takes the results."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Final, Self

from vapi_conformance.latency.engine.health import Health
from vapi_conformance.latency.engine.orders import (
    Begin,
    Cancel,
    Know,
    Known,
    Results,
    Shots,
    Taken,
    Warm,
)
from vapi_conformance.latency.engine.process import WorkerProcess, lost_health
from vapi_conformance.latency.engine.raw import TOO_LATE, Raw, Ticket
from vapi_conformance.latency.engine.record import recorded
from vapi_conformance.latency.engine.shots import Measured, OriginKey, Prepared, Settings, Shot
from vapi_conformance.latency.engine.under_way import Run
from vapi_conformance.masking import Secrets
from vapi_conformance.problems import UsageError

__all__ = ["Engine", "Then"]

Then = Callable[[Measured], Iterable[Shot]]
"""Shots that follow from a result: the next turn of a call."""

_NS_PER_S: Final = 1_000_000_000
_LEAD_NS: Final = 5_000_000
"""Between the word and the start, so that it has reached every worker."""
_AHEAD_NS: Final = 3 * _NS_PER_S
"""How far ahead of its time a shot is handed over: a schedule may be long, and memory is bounded."""
_BATCH: Final = 500
_MOST_AHEAD_OF_LANES: Final = 2
_PARTS: Final = 2
_NICENESS: Final = 10


class Engine:
    """Worker processes that wait for shots. Use it in a `with`; several runs may follow each other in it."""

    def __init__(self, settings: Settings | None = None, *, secrets: Secrets | Sequence[str] = ()) -> None:
        """secrets: credentials that must not appear in any record. Starts nothing before `with`."""
        self._settings = settings or Settings()
        self._secrets = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
        self._workers: list[WorkerProcess] = []
        self._readers: list[threading.Thread] = []
        self._origins: dict[OriginKey, int] = {}
        self._learning = threading.Lock()
        self._numbers = 0
        self._run: Run | None = None
        self.health: tuple[Health, ...] = ()
        """Of each worker over the newest run; complete when its last result is out."""
        self.begin_ns = 0
        """Monotonic time at which the newest run started; known when its first result is out."""
        self.lost_shots = 0
        """Of the newest run: shots whose result was lost with a worker."""

    def __enter__(self) -> Self:
        """Starts the processes, and does not wait for them."""
        settings = self._settings
        for number in range(settings.processes):
            worker = WorkerProcess(number, settings, _part(settings.most_streams, settings.processes, number))
            reader = threading.Thread(target=self._read, args=(worker,), daemon=True)
            self._workers.append(worker)
            self._readers.append(reader)
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes, whatever they are at."""
        if self._run is not None:
            self._run.is_over = True
        for worker in self._workers:
            worker.close()
        for reader in self._readers:
            reader.join()
        for worker in self._workers:
            worker.release()
        self._workers.clear()
        self._readers.clear()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the workers, in their order: for whoever watches or ends one from outside."""
        return tuple(worker.process_id for worker in self._workers)

    @property
    def waiting_bytes(self) -> int:
        """About what the results take in memory that nobody has taken yet."""
        return 0 if self._run is None else self._run.waiting_bytes

    def warm(self, request: Prepared, connections: int) -> None:
        """Opens connections to where the request goes, in all processes together; does not wait until they stand."""
        origin = self._known_origins([request])[0]
        for worker in self._workers:
            worker.tell(Warm(origin, _part(connections, len(self._workers), worker.number)))

    def run(self, shots: Iterable[Shot], *, lanes: int | None = None, then: Then | None = None) -> Generator[Measured]:
        """Sends the shots and gives their results as they come, in no order. Each result has to be taken.

        lanes: a closed loop of so many streams, each of which takes the next shot when it is free; None: an open loop,
        in which each shot starts at its time whatever became of the others. shots: in the order of their times; read
        ahead in another thread. then: called with each result before it is given; what it returns is sent, too, and
        may lie in the past. Leaving the iterator early drops what is under way.
        """
        if not self._workers:
            raise RuntimeError("the engine is not started")
        if self._run is not None:
            raise RuntimeError("a run is under way")
        if lanes is not None and lanes < 1:
            raise UsageError(f"a closed loop needs at least one stream, not {lanes}")
        return self._results(iter(shots), lanes, then)

    # The run, in the caller's thread

    def _results(self, shots: Iterator[Shot], lanes: int | None, then: Then | None) -> Generator[Measured]:
        if self._run is not None:
            raise RuntimeError("a run is under way")
        run = self._run = Run(lanes, self._settings.bounds.max_held_bytes)
        self.lost_shots = 0
        self.health = ()
        feeder: threading.Thread | None = None
        try:
            first = _batch(run, shots)
            self._known_origins([shot.request for shot in first])
            run.begin_ns = self.begin_ns = time.monotonic_ns() + _LEAD_NS
            for worker in self._workers:
                worker.tell(Begin(run.begin_ns, _lanes_of(run, len(self._workers), worker.number)))
            feeder = threading.Thread(target=self._feed, args=(run, first, shots), daemon=True)
            feeder.start()
            yield from self._taken(run, then)
        finally:
            run.is_over = True
            with run.changed:
                run.changed.notify_all()
            if feeder is not None:
                feeder.join()
            self.health = tuple(self._health(worker) for worker in self._workers)
            self._run = None

    def _taken(self, run: Run, then: Then | None) -> Iterator[Measured]:
        while True:
            with run.changed:
                if run.problem is not None:
                    raise run.problem
                if run.is_fed and not run.shots:
                    return
            result = run.take()
            if result is None:
                continue
            number, measured = result
            if then is not None:
                self._give(run, list(then(measured)))
            with run.changed:
                run.shots.pop(number, None)
            yield measured

    def _measured(self, run: Run, worker: int, raw: Raw) -> Measured | None:
        with run.changed:
            known = run.shots.get(raw.number)
        if known is None:
            return None
        number, shot = known
        record = recorded(
            raw,
            shot.request,
            secrets=self._secrets.values,
            max_body_bytes=self._settings.bounds.max_body_bytes,
        )
        return Measured(
            shot=shot,
            number=number,
            exchange=record.exchange,
            intended_ns=raw.intended_ns - run.begin_ns,
            sent_ns=None if raw.sent_ns is None else raw.sent_ns - run.begin_ns,
            ended_ns=record.ended_ns - run.begin_ns,
            worker=worker,
            clock="kernel" if record.is_stamped else "process",
            longest_take_ns=record.longest_take_ns,
            was_too_late=raw.sent_ns is None and raw.error == TOO_LATE,
            was_sent_again=raw.was_sent_again,
        )

    def _health(self, worker: WorkerProcess) -> Health:
        worker.tell(Cancel())
        answer: Known | Taken | None = None
        while not worker.is_lost and not isinstance(answer, Taken):
            answer = worker.answer()
        worker.owed.clear()
        return answer.health if isinstance(answer, Taken) else lost_health(worker.number)

    # Giving shots

    def _feed(self, run: Run, first: list[Shot], shots: Iterator[Shot]) -> None:
        """A thread of its own: a caller who is slow with a result must not delay the next shot."""
        batch = first
        try:
            while batch and not run.is_over:
                self._give(run, batch)
                self._wait_for_room(run, batch[-1])
                batch = _batch(run, shots)
        except Exception as problem:  # noqa: BLE001 - the caller's iterator failed; raised again in the caller's thread
            run.problem = problem
        with run.changed:
            run.is_fed = True
        run.wake()

    def _wait_for_room(self, run: Run, last: Shot) -> None:
        """A closed loop has a few shots for each stream in store, an open one those of the next seconds."""
        with run.changed:
            while not run.is_over:
                if run.lanes is not None:
                    owed = sum(len(worker.owed) for worker in self._workers if not worker.is_lost)
                    if owed < run.lanes * (1 + _MOST_AHEAD_OF_LANES) or all(each.is_lost for each in self._workers):
                        return
                    run.changed.wait(1.0)
                    continue
                ahead_ns = run.begin_ns + last.at_ns - time.monotonic_ns() - _AHEAD_NS
                if ahead_ns <= 0:
                    return
                run.changed.wait(min(ahead_ns / _NS_PER_S, 1.0))

    def _give(self, run: Run, shots: list[Shot]) -> None:
        """Each worker its share. A worker that is lost gets none."""
        if not shots:
            return
        origins = self._known_origins([shot.request for shot in shots])
        alive = [
            each for each in self._workers if not each.is_lost and _lanes_of(run, len(self._workers), each.number) != 0
        ]
        tickets: dict[int, list[Ticket]] = {}
        with run.changed:
            for shot, origin in zip(shots, origins, strict=True):
                number, in_run = self._numbers, run.given
                self._numbers += 1
                run.given += 1
                if not alive:
                    self.lost_shots += 1
                    continue
                worker = min(alive, key=_owes) if run.lanes is not None else alive[in_run % len(alive)]
                run.shots[number] = (in_run, shot)
                worker.owed.add(number)
                ticket = Ticket(shot.at_ns, number, origin, shot.request.wire, shot.until_ns)
                tickets.setdefault(worker.number, []).append(ticket)
        for worker in alive:
            if worker.number in tickets:
                worker.tell(Shots(tuple(tickets[worker.number])))
                if worker.is_lost:
                    # Its reader may have written off what it owed before these were added.
                    self._write_off(run, worker)

    def _known_origins(self, requests: list[Prepared]) -> list[int]:
        """Their numbers; those that are new are resolved in every worker first."""
        with self._learning:
            new = tuple(dict.fromkeys(each.origin for each in requests if each.origin not in self._origins))
            if new:
                for origin in new:
                    self._origins[origin] = len(self._origins)
                for worker in self._workers:
                    worker.tell(Know(new))
                for worker in self._workers:
                    while not worker.is_lost and not isinstance(worker.answer(), Known):
                        pass
            return [self._origins[each.origin] for each in requests]

    # Threads that read what workers say

    def _read(self, worker: WorkerProcess) -> None:
        _step_back()
        for message in worker.heard():
            if isinstance(message, Results):
                self._take(worker, message.raws)
            elif isinstance(message, (Known, Taken)):
                worker.answers.put(message)
        worker.is_lost = True
        worker.answers.put(None)
        if self._run is not None:
            self._write_off(self._run, worker)

    def _take(self, worker: WorkerProcess, raws: Sequence[Raw]) -> None:
        run = self._run
        if run is None:
            return
        with run.changed:
            worker.owed.difference_update(raw.number for raw in raws)
            run.changed.notify_all()
        for raw in raws:
            try:
                measured = self._measured(run, worker.number, raw)
            except Exception as problem:  # noqa: BLE001 - our bug; raised again in the caller's thread
                run.problem = problem
                run.wake()
                return
            if measured is not None:
                run.hand(raw.number, measured)

    def _write_off(self, run: Run, worker: WorkerProcess) -> None:
        """What a lost worker owes will not come."""
        with run.changed:
            for number in worker.owed:
                if run.shots.pop(number, None) is not None:
                    self.lost_shots += 1
            worker.owed.clear()
            run.changed.notify_all()
        run.wake()


def _batch(run: Run, shots: Iterator[Shot]) -> list[Shot]:
    """The next ones, no more than are due soon: what is made too early is old when it is sent, an access token for one.

    A closed loop has a shot for each stream at first, and goes on in half of that.
    """
    if run.lanes is not None:
        return list(islice(shots, max(1, min(_BATCH, run.lanes if not run.given else run.lanes // _PARTS))))
    until_ns = _AHEAD_NS + (time.monotonic_ns() - run.begin_ns if run.begin_ns else 0)
    batch: list[Shot] = []
    for shot in islice(shots, _BATCH):
        batch.append(shot)
        if shot.at_ns > until_ns:
            break
    return batch


def _step_back() -> None:
    """Lets those who measure go first: on a busy machine records may wait, and readings may not."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # On Linux this is of one thread, and not of the caller's whole process (setpriority(2), bugs).
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _owes(worker: WorkerProcess) -> int:
    return len(worker.owed)


def _lanes_of(run: Run, workers: int, number: int) -> int | None:
    return None if run.lanes is None else _part(run.lanes, workers, number)


def _part(whole: int, parts: int, number: int) -> int:
    """Shares that add up to the whole and differ by one at most."""
    return whole // parts + (number < whole % parts)
