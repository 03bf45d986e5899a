"""The endpoint that is measured: a user's, or the bundled server in a process of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from vapi_conformance.endpoint import REFERENCE, Endpoint, Opened, opened
from vapi_conformance.reference import MODEL, reference_server

__all__ = ["reached"]


@contextmanager
def reached(endpoint: Endpoint) -> Generator[Opened]:
    """The endpoint; the bundled server with its key, not with its tokens, which live for two seconds on purpose."""
    if endpoint.name != REFERENCE:
        with opened(endpoint) as live:
            yield live
        return
    with reference_server() as server:
        ours = replace(
            endpoint,
            name=server.url,
            api_key=server.key,
            model=endpoint.model or MODEL,
            secrets=(*endpoint.secrets, server.key),
        )
        with opened(ours) as live:
            yield replace(live, target=replace(live.target, name=REFERENCE))
