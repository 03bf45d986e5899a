"""The client libraries through which the answers of each API are heard, and what one hears in a sentence."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from vapi_conformance.consumers import (
    Heard,
    Outcome,
    anthropic_node,
    anthropic_python,
    google_genai_node,
    google_genai_python,
    openai_go,
    openai_node,
    openai_node_responses,
    openai_python_responses,
)
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import PLATFORMS, PlatformName
from vapi_conformance.report.client import Client, Hear
from vapi_conformance.report.counting import counted
from vapi_conformance.report.custom_clients import custom_clients, own_client

__all__ = [
    "RAPIDA",
    "VAPI",
    "Client",
    "ClientWhat",
    "Told",
    "as_told",
    "clients_of",
    "every_client",
    "heard_by",
    "listener",
    "told",
]

ClientWhat = Literal["heard", "tool-call", "silence", "raises", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one library makes of an answer."""

    what: ClientWhat
    text: str


class _Ways(Protocol):
    """How the Stainless libraries are heard: by the raw events, by a helper of their own, or whole."""

    def __call__(self, exchange: Exchange, *, way: Literal["raw", "helper", "whole"]) -> Heard: ...


def _with_helper(name: str, library: str, helper: str, hear: _Ways) -> tuple[Client, Client]:
    """A library, and its own helper over a stream."""
    return (
        Client(name=name, library=library, hear=partial(hear, way="raw"), whole=partial(hear, way="whole")),
        Client(name=f"{name}-helper", library=f"{library} ({helper})", hear=partial(hear, way="helper")),
    )


def _by_url(name: str, library: str, hear: Hear) -> Client:
    """A library that looks at the request's URL: it says whether a stream was asked for."""
    return Client(name=name, library=library, hear=hear, whole=hear)


_CLIENTS: Final[dict[Dialect, tuple[Client, ...]]] = {
    Dialect.OPENAI_RESPONSES: (
        *_with_helper("openai-python", "openai for Python", "responses.stream", openai_python_responses.hear),
        *_with_helper("openai-node", "openai for Node", "responses.stream", openai_node_responses.hear),
    ),
    Dialect.ANTHROPIC_MESSAGES: (
        *_with_helper("anthropic-python", "anthropic for Python", "messages.stream", anthropic_python.hear),
        *_with_helper("anthropic-node", "@anthropic-ai/sdk for Node", "messages.stream", anthropic_node.hear),
    ),
    Dialect.GEMINI_GENERATE_CONTENT: (
        _by_url("google-genai-python", "google-genai for Python", google_genai_python.hear),
        _by_url("google-genai-node", "@google/genai for Node", google_genai_node.hear),
    ),
}
"""A library and then its own helper, where it has one."""

VAPI: Final = Client(name="vapi", library="Vapi's client, openai 4.91 for Node", hear=openai_node.hear)
RAPIDA: Final = Client(
    name="rapida",
    library="Rapida's caller over openai-go 1.12",
    hear=openai_go.hear,
    known=openai_go.SURENESS,
    sureness="inferred",
)
_CHAT: Final = Client(name="openai-node", library="openai 4.91 for Node", hear=openai_node.hear)


def listener(dialect: Dialect) -> Client:
    """Through whose ears an answer is told: Vapi's for Chat Completions, else the plainest official client."""
    return VAPI if dialect in CHAT else _CLIENTS[dialect][0]


def clients_of(dialect: Dialect, platform: PlatformName = "direct") -> tuple[Client, ...]:
    """Those through which the platform, or people, use this API, the plainest first; behind ours those of others.

    What Rapida takes for other APIs than Chat Completions is not known: there the official clients stand in, as they do
    for the platforms of others. Where such a platform has a client of its own, that is the first.
    """
    ours = (RAPIDA if platform == "rapida" else _CHAT,) if dialect in CHAT else _CLIENTS[dialect]
    first = None if platform in PLATFORMS else own_client(dialect, platform)
    every = (*([first] if first is not None else []), *ours, *custom_clients(dialect, platform))
    return tuple(dict.fromkeys(every))


def every_client(dialect: Dialect) -> tuple[Client, ...]:
    """All that are modelled for the API, whoever calls; none for an API that no library speaks."""
    ours = (_CHAT, RAPIDA) if dialect in CHAT else _CLIENTS.get(dialect, ())
    return (*ours, *custom_clients(dialect))


def told(client: Client, exchange: Exchange, *, stream: bool) -> Told | None:
    """What the library hands to its user; None where it is not the one for such answers.

    stream: whether a stream was asked for.
    """
    heard = heard_by(client, exchange, stream=stream)
    return None if heard is None else as_told(heard)


def heard_by(client: Client, exchange: Exchange, *, stream: bool) -> Heard | None:
    """All of what `told` tells in a few words."""
    hear = client.hear if stream else client.whole
    return None if hear is None else hear(exchange)


def as_told(heard: Heard) -> Told:
    """In a few words."""
    return Told(what=_WHAT[heard.outcome], text=_words(heard))


_WHAT: Final[dict[Outcome, ClientWhat]] = {
    Outcome.SPOKEN: "heard",
    Outcome.TOOL_CALL: "tool-call",
    Outcome.SILENCE: "silence",
    Outcome.FAILED: "raises",
    Outcome.UNKNOWN: "unknown",
}


def _words(heard: Heard) -> str:
    got = [counted(len(heard.text), "character")] if heard.text else []
    if heard.tool_calls:
        got.append(counted(len(heard.tool_calls), "tool call"))
    match heard.outcome:
        case Outcome.FAILED:
            after = f" after {' and '.join(got)}" if got else ""
            return f"raises {_short(heard.error or 'an error').rstrip(': ')}{after}"
        case Outcome.UNKNOWN:
            return f"nothing is known, because the model failed ({_short(heard.error or 'an error')})"
        case Outcome.SILENCE:
            return "neither text nor a tool call, and no error"
        case _:
            return f"{' and '.join(got)}, then the end"


def _short(text: str, limit: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
