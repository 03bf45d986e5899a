"""Which paths are served, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHAT = "/chat/completions"


class Kind(Enum):
    """What a path leads to."""

    CHAT = auto()
    HEALTH = auto()
    FAULTS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path. `stream` overrides what the request asks for; None leaves it."""

    kind: Kind
    method: str = "POST"
    stream: bool | None = None
    rewrites_prompt: bool = False


# The three below the plain one carry the names of the routes in Vapi's own sample server.
_CHATS: Mapping[str, Route] = {
    "": Route(kind=Kind.CHAT),
    "/v1": Route(kind=Kind.CHAT),
    "/basic": Route(kind=Kind.CHAT, stream=False),
    "/openai-sse": Route(kind=Kind.CHAT, stream=True),
    "/openai-advanced": Route(kind=Kind.CHAT, rewrites_prompt=True),
}


def find_route(path: str) -> Route | None:
    """The route of a path, or None where nothing is served.

    The chat path is served doubled too: Vapi appends it to the configured URL, and whoever configures
    the full URL (as a page of its documentation does) is called at the doubled one.
    """
    if path == "/healthz":
        return Route(kind=Kind.HEALTH, method="GET")
    if path == "/faults":
        return Route(kind=Kind.FAULTS, method="GET")
    start = path.removesuffix(_CHAT).removesuffix(_CHAT)
    bare = start == path
    if bare and start in ("", "/v1"):
        return None
    return _CHATS.get(start)
