"""A Ray cluster of several nodes on this machine; told by lines what to do, and over when no more can come.

A program in a session of its own, and not a fixture. Ray ends processes by their id, and their groups, too: each worker
leads a group, to which its node sends SIGTERM and SIGKILL when the worker is gone. None of them can be the group of
whoever tests while nothing of the cluster is in it.
"""

import json
import sys
from importlib import import_module
from typing import Protocol, cast


class RayNode(Protocol):
    @property
    def node_id(self) -> str: ...

    def get_session_dir_path(self) -> str: ...


class RayCluster(Protocol):
    @property
    def address(self) -> str: ...

    @property
    def head_node(self) -> RayNode: ...

    def add_node(self, *, num_cpus: int) -> RayNode: ...

    def remove_node(self, node: RayNode, *, allow_graceful: bool) -> None: ...

    def shutdown(self) -> None: ...


class MakesClusters(Protocol):
    def __call__(self, *, initialize_head: bool, head_node_args: dict[str, object]) -> RayCluster: ...


def main() -> None:
    """`add` starts a node and says its id; any other line is the id of one to kill. The head gives no processor."""
    make = cast("MakesClusters", import_module("ray.cluster_utils").Cluster)
    cluster = make(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes: dict[str, RayNode] = {}
    try:
        say({"address": cluster.address, "session": cluster.head_node.get_session_dir_path()})
        for line in sys.stdin:
            if line.strip() == "add":
                node = cluster.add_node(num_cpus=1)
                nodes[node.node_id] = node
                say({"id": node.node_id})
            else:
                cluster.remove_node(nodes.pop(line.strip()), allow_graceful=False)
                say({"gone": line.strip()})
    finally:
        cluster.shutdown()


def say(what: dict[str, str]) -> None:
    """A line that no log of Ray's is taken for."""
    print("said " + json.dumps(what), flush=True)  # noqa: T201 - how it talks to the test


if __name__ == "__main__":
    main()
