"""A load on a real Ray cluster: a head that only directs, and nodes that play, all on this machine."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import pytest

from vapi_conformance.endpoint import Opened, opened, read_endpoint
from vapi_conformance.evidence import Evidence
from vapi_conformance.latency.cluster import NodeProgress, joined
from vapi_conformance.latency.engine import Bounds, Settings
from vapi_conformance.latency.metrics import Sample
from vapi_conformance.latency.ray_api import ray_here
from vapi_conformance.latency.running import Course, Load, metrics_of
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, constant
from vapi_conformance.latency.tally import Tally
from vapi_conformance.latency.traffic import SingleTurns
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.reference import MODEL, reference_server

pytest.importorskip("ray.cluster_utils", reason="the extra `cluster` is not installed")

pytestmark = [
    pytest.mark.cluster,
    # Ray leaves sockets and files of its own to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]

SETTINGS: Final = Settings(bounds=Bounds(first_byte_s=20, idle_s=20, total_s=60))


class RayCluster:
    """The program beside this file."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self._program = program
        told = self._heard()
        self.address, self.session = told["address"], Path(told["session"])

    def add_node(self) -> str:
        """Its id."""
        return self._asked("add")["id"]

    def kill_node(self, node_id: str) -> None:
        self._asked(node_id)

    def _asked(self, line: str) -> dict[str, str]:
        assert self._program.stdin is not None
        self._program.stdin.write(f"{line}\n")
        self._program.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, str]:
        assert self._program.stdout is not None
        for line in self._program.stdout:
            if line.startswith("said "):
                return cast("dict[str, str]", json.loads(line.removeprefix("said ")))
        raise AssertionError("the Ray cluster has ended")


@pytest.fixture(scope="module")
def cluster() -> Generator[RayCluster]:
    """Two nodes that play; the head has no processor to give. What Ray wrote is gone afterwards."""
    command = [sys.executable, str(Path(__file__).with_name("ray_nodes.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as program:
        made = RayCluster(program)
        made.add_node()
        made.add_node()
        yield made
    shutil.rmtree(made.session, ignore_errors=True)


@pytest.fixture(scope="module")
def live() -> Generator[Opened]:
    with reference_server() as server:
        given = read_endpoint({"": [server.url]}, {})
        ours = replace(given, api_key=server.key, model=MODEL, secrets=(server.key,))
        with opened(ours) as live:
            yield live


def load_of(schedule: Schedule, live: Opened) -> Load:
    return Load(schedule=schedule, traffic=SingleTurns(live.platform), conditions=live.conditions)


def course_of(schedule: Schedule) -> Course:
    return Course(tally=Tally(metrics_of(schedule)), keeper=Keeper(1000))


def of_kept(course: Course, schedule: Schedule) -> Tally:
    """The tally of what was kept, made here in one go."""
    tally = Tally(metrics_of(schedule))
    for evidence in course.keeper.kept:
        tally.add(Sample(evidence=replace(evidence), intended_ns=0, sent_ns=0))
    return tally


def until_ray_knows(gone: str) -> None:
    """Ray goes by missed heartbeats; until then it would give the dead node a worker."""
    ray, _ = ray_here()
    until = time.monotonic() + 60
    while gone in {node["NodeID"] for node in map(object_or_nothing, array_or_nothing(ray.nodes())) if node["Alive"]}:
        assert time.monotonic() < until, "Ray takes a dead node for alive"
        time.sleep(0.2)


@pytest.mark.parametrize(
    "schedule",
    [ClosedLoop(streams=3, requests=30, warm_up=3), OpenLoop(phases=constant(30.0, duration_s=1.0), warm_up=2)],
    ids=["closed", "open"],
)
def test_two_nodes_play_each_request_once_and_add_up(cluster: RayCluster, live: Opened, schedule: Schedule) -> None:
    course = course_of(schedule)
    told: list[Sequence[NodeProgress]] = []
    with joined(cluster.address, secrets=live.client.secrets, tell=pytest.fail, arguments=()) as nodes:
        nodes.engage(SETTINGS)
        nodes.play(load_of(schedule, live), course, most_kept=1000, watch=told.append)
        names = nodes.names
    assert 2 == len(names) == len(set(names))
    assert (30, schedule.warm_up, 0) == (course.tally.requests, course.tally.warm_up, course.tally.error_count)
    assert [f"{name}, process 1" for name in names] == [worker.name for worker in course.workers]
    assert [] == [worker for worker in course.workers if worker.is_lost]
    assert list(names) == [each.name for each in told[-1]]
    assert all(each.progress.sent and each.is_done for each in told[-1])
    # Every answer is there, and what the nodes counted apart is what one counts who has them all.
    assert 30 == len(course.keeper.kept)
    single = of_kept(course, schedule)
    for key in ("icl_ms", "longest_gap_ms", "end_lag_ms", "characters_per_s", "pieces"):
        assert single.histograms[key].encoded() == course.tally.histograms[key].encoded()


def test_callers_of_different_nodes_differ(cluster: RayCluster, live: Opened) -> None:
    schedule = ClosedLoop(streams=4, requests=20)
    course = course_of(schedule)
    with joined(cluster.address, secrets=live.client.secrets, tell=pytest.fail, arguments=()) as nodes:
        nodes.engage(SETTINGS)
        nodes.play(load_of(schedule, live), course, most_kept=1000)
    assert 20 == len({_call(evidence) for evidence in course.keeper.kept})


def _call(evidence: Evidence) -> object:
    body = object_or_nothing(cast("object", json.loads(evidence.exchange.request.body or b"")))
    return object_or_nothing(body["call"])["id"]


def test_a_node_that_dies_in_the_middle_is_named_and_the_others_go_on(cluster: RayCluster, live: Opened) -> None:
    doomed = cluster.add_node()
    name = f"node {doomed[:8]}"
    schedule = OpenLoop(phases=constant(30.0, duration_s=4.0))
    course = course_of(schedule)
    said: list[str] = []
    killing: list[threading.Thread] = []

    def watch(nodes: Sequence[NodeProgress]) -> None:
        if not killing and all(each.progress.sent for each in nodes):
            killing.append(threading.Thread(target=cluster.kill_node, args=(doomed,)))
            killing[0].start()

    with joined(cluster.address, secrets=live.client.secrets, tell=said.append, arguments=()) as nodes:
        nodes.engage(SETTINGS)
        assert name in nodes.names
        nodes.play(load_of(schedule, live), course, most_kept=10, watch=watch)
        killing[0].join()
        until_ray_knows(doomed)
    # Each of three nodes has 40 of 120 starts.
    assert (80, 0) == (course.tally.requests, course.tally.error_count)
    assert [name] == [worker.name for worker in course.workers if worker.is_lost]
    assert 0 < course.lost_requests <= 40
    assert [True] == [each.startswith(f"{name} (") and " was lost: " in each for each in said]
    assert course.stopped is None


def test_the_key_is_in_no_log_of_ray_s_and_in_nothing_that_comes_back(cluster: RayCluster, live: Opened) -> None:
    key = live.client.secrets.values[0]
    schedule = ClosedLoop(streams=2, requests=4)
    course = course_of(schedule)
    with joined(cluster.address, secrets=live.client.secrets, tell=pytest.fail, arguments=()) as nodes:
        nodes.engage(SETTINGS)
        nodes.play(load_of(schedule, live), course, most_kept=10)
        logs = [path for path in cluster.session.rglob("*") if path.is_file()]
        assert logs
        assert [] == [path.name for path in logs if key in path.read_bytes()]
        assert [] == [line for line in _command_lines() if key in line]
    assert 4 == course.tally.requests
    assert 0 == course.tally.error_count
    assert key not in pickle.dumps(course)


def _command_lines() -> list[bytes]:
    lines: list[bytes] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes())
        except OSError:  # it has ended
            continue
    return lines


def test_the_command_shows_every_node_and_keeps_the_result(cluster: RayCluster, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    command = [sys.executable, "-m", "vapi_conformance", "bench", "reference", "--cluster", cluster.address]
    command += ["--rate", "10", "--duration", "6", "--out", str(out), "--cap", "200"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ})
    assert (0, "") == (result.returncode, "" if result.returncode == 0 else result.stderr)
    document = object_or_nothing(cast("object", json.loads(out.read_text(encoding="utf-8"))))
    workers = [str(object_or_nothing(each)["name"]) for each in array_or_nothing(document["workers"])]
    assert (60, False, 2) == (document["requests"], document["is_partial"], len(workers))
    assert 2 == object_or_nothing(document["settings"])["nodes"]
    progress = next(line for line in result.stderr.splitlines() if " answers" in line)
    assert [] == [worker for worker in workers if worker.partition(",")[0] not in progress]
    assert document["calibration"] is not None
