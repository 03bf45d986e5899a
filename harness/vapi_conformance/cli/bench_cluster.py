"""`bench --cluster`: the machines that play the load in place of this one."""

from collections.abc import Generator
from contextlib import contextmanager

from vapi_conformance.cli.printing import complain
from vapi_conformance.endpoint import Opened
from vapi_conformance.latency.cluster import Cluster, joined

__all__ = ["crew"]


@contextmanager
def crew(address: str | None, live: Opened) -> Generator[Cluster | None]:
    """None where nobody asked for a cluster. Raises UsageError where there is none, or it cannot reach the endpoint."""
    if address is None:
        yield None
        return
    with joined(address, secrets=live.client.secrets, tell=complain) as cluster:
        cluster.reach(live.platform.url())
        yield cluster
