"""A program that is killed while it stores a run, again and again: `python killed.py HOW FROM TO STEP`.

The place is in VAPI_CONFORMANCE_HISTORY, and in STORED how many runs there are. For each point of FROM, TO, STEP a
child of this process stores a run and is killed there. HOW says what a point is:

    steps   SIGKILL at so many times 20 steps of SQLite's virtual machine, counted over all statements
    bytes   the system ends the child as it writes beyond so many KiB of a file (SIGXFSZ, which nobody handles here)
    time    SIGKILL by this process, so many milliseconds after the child begins

After each, all earlier runs must be there, whole, and at most the one that was being written besides; surely where the
child said that it is stored. Prints how many children were killed, how many came through, and how many runs there are.
"""

import json
import os
import resource
import signal
import sqlite3
import sys
import time
from pathlib import Path

from sqlalchemy import event

from vapi_conformance.history.place import Place, read_place
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.history.store import Store, Wanted


def main(how: str, points: range) -> None:
    place = read_place("$VAPI_CONFORMANCE_HISTORY", option="--db")
    document = json.loads(Path(os.environ["DOCUMENT"]).read_text(encoding="utf-8"))
    told = stored = int(os.environ["STORED"])
    killed = 0
    for point in points:
        was_killed, was_stored = _child(place, document, how, point)
        killed += was_killed
        told += was_stored
        # Stored is what was there, and the one that was being written: surely where the child said so.
        stored = _check(place, document, at_least=stored + was_stored, at_most=stored + 1)
    json.dump({"killed": killed, "stored": stored, "told": told, "points": len(points)}, sys.stdout)


def _child(place: Place, document: dict[str, object], how: str, point: int) -> tuple[bool, bool]:
    """Whether it was killed, and whether it said that the run is stored."""
    ours, theirs = os.pipe()
    begun, begins = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        store = Store(place=place)
        _be_killed(store, how, point)
        os.write(begins, b"1")
        store.add(document, key=f"run {point}")
        os.write(theirs, b"1")
        os._exit(0)
    os.close(theirs)
    os.read(begun, 1)
    if how == "time":
        time.sleep(point / 1000)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    was_stored = os.read(ours, 1) == b"1"
    for each in (ours, begun, begins):
        os.close(each)
    if status and os.waitstatus_to_exitcode(status) > 0:
        raise SystemExit(f"a child failed by itself at {point}: {status}")
    return status != 0, was_stored


def _be_killed(store: Store, how: str, point: int) -> None:
    if how == "bytes":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (point * 1024, point * 1024))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if how == "steps":
        left = [point]

        def step() -> int:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return 0

        def connected(connection: sqlite3.Connection, _: object) -> None:
            connection.set_progress_handler(step, 20)

        event.listen(store.engine(is_writing=True), "connect", connected)


def _check(place: Place, document: dict[str, object], *, at_least: int, at_most: int) -> int:
    store = Store(place=place)
    try:
        runs = store.runs(Wanted())
        documents = [store.document(each.id) for each in runs]
    except HistoryError as problem:
        if at_least or not str(problem).endswith(("nothing was stored in it yet", "makes it")):
            raise
        return 0
    if not at_least <= len(runs) <= at_most:
        raise SystemExit(f"{len(runs)} runs, {at_least} to {at_most} were expected")
    if any(each != document for each in documents):
        raise SystemExit("a document changed")
    return len(runs)


if __name__ == "__main__":
    main(sys.argv[1], range(*map(int, sys.argv[2:5])))
