"""Which paths are served, in which dialect, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from vapi_reference_server.dialects.names import DialectName

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHAT = "/chat/completions"
_STORED = re.compile(r"(?:/v1)?/responses/([^/]+)")
# Vertex puts the project, the location and the publisher before the model.
_BEFORE_MODELS = re.compile(r"(?:/v1[a-z0-9]*)?(?:/projects/[^/]+/locations/[^/]+/publishers/[^/]+)?")
_GEMINI_METHODS: Mapping[str, bool] = {"generateContent": False, "streamGenerateContent": True}


class Kind(Enum):
    """What a path leads to."""

    ANSWER = auto()
    """An answer of the model."""
    STORED = auto()
    """An answer that was given earlier."""
    TOKEN = auto()
    """An access token."""
    HEALTH = auto()
    FAULTS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path. `stream` overrides what the request asks for; None leaves it."""

    kind: Kind
    dialect: DialectName = DialectName.CHAT
    method: str = "POST"
    stream: bool | None = None
    rewrites_prompt: bool = False
    model: str = ""
    """The model, where the path names it."""
    stored_id: str = ""
    """Which answer is asked for again."""


_FIXED: Mapping[str, Route] = {
    "/oauth/token": Route(kind=Kind.TOKEN),
    "/healthz": Route(kind=Kind.HEALTH, method="GET"),
    "/faults": Route(kind=Kind.FAULTS, method="GET"),
    **dict.fromkeys(("/responses", "/v1/responses"), Route(kind=Kind.ANSWER, dialect=DialectName.RESPONSES)),
    **dict.fromkeys(
        ("/webhook", f"{_CHAT}/custom-tool", f"/v1{_CHAT}/custom-tool"),
        Route(kind=Kind.ANSWER, dialect=DialectName.SERVER_MESSAGES),
    ),
    **dict.fromkeys(("/messages", "/v1/messages"), Route(kind=Kind.ANSWER, dialect=DialectName.ANTHROPIC)),
}
# The three below the plain one carry the names of the routes in Vapi's own sample server.
_CHATS: Mapping[str, Route] = {
    "": Route(kind=Kind.ANSWER),
    "/v1": Route(kind=Kind.ANSWER),
    "/basic": Route(kind=Kind.ANSWER, stream=False),
    "/openai-sse": Route(kind=Kind.ANSWER, stream=True),
    "/openai-advanced": Route(kind=Kind.ANSWER, rewrites_prompt=True),
}


def find_route(path: str) -> Route | None:
    """The route of a path, or None where nothing is served."""
    return _FIXED.get(path) or _stored(path) or _gemini(path) or _chat(path)


def _stored(path: str) -> Route | None:
    found = _STORED.fullmatch(path)
    if found is None:
        return None
    return Route(kind=Kind.STORED, dialect=DialectName.RESPONSES, method="GET", stored_id=found[1])


def _gemini(path: str) -> Route | None:
    """A model and a method: `/v1beta/models/NAME:generateContent`. The name may hold slashes and colons."""
    resource, _, method = path.rpartition(":")
    before, _, model = resource.partition("/models/")
    if method not in _GEMINI_METHODS or not model or not _BEFORE_MODELS.fullmatch(before):
        return None
    return Route(kind=Kind.ANSWER, dialect=DialectName.GEMINI, stream=_GEMINI_METHODS[method], model=model)


def _chat(path: str) -> Route | None:
    """The chat path is served doubled too: Vapi appends it to the configured URL, and whoever configures
    the full URL (as a page of its documentation does) is called at the doubled one.
    """
    start = path.removesuffix(_CHAT).removesuffix(_CHAT)
    bare = start == path
    if bare and start in ("", "/v1"):
        return None
    return _CHATS.get(start)


def nearest_dialect(path: str, headers: Mapping[str, str]) -> DialectName:
    """Whose form of a refusal fits where nothing is served: the path tells, or headers that only one API has."""
    if path.endswith(("/webhook", "/custom-tool")) or "x-vapi-secret" in headers:
        return DialectName.SERVER_MESSAGES
    if "/messages" in path or "anthropic-version" in headers:
        return DialectName.ANTHROPIC
    if "/models/" in path or path.startswith("/v1beta") or "x-goog-api-key" in headers:
        return DialectName.GEMINI
    return DialectName.RESPONSES if "/responses" in path else DialectName.CHAT
