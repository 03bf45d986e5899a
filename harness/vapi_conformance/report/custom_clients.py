"""Consumers that other distributions add: the entry points `vapi_conformance.consumers`.

The entry point's name is the consumer's. What one of them hears stands beside what ours hear; it changes no outcome.
So a run goes on without one that is broken, and says so.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, get_args

from vapi_conformance.additions import Addition, AdditionError, Origin, additions, one_sentence
from vapi_conformance.consumers import Heard, HeardText, HeardToolCall, Outcome
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.platforms.vapi.consequence import Sureness
from vapi_conformance.report.client import Client, Hear

__all__ = ["Consumer", "broken_consumers", "custom_clients", "own_client"]

_OURS: Final = frozenset(
    {
        "vapi",
        "rapida",
        "openai-node",
        "openai-node-helper",
        "openai-python",
        "openai-python-helper",
        "anthropic-python",
        "anthropic-python-helper",
        "anthropic-node",
        "anthropic-node-helper",
        "google-genai-python",
        "google-genai-node",
    }
)
"""Names that are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """What an entry point names: a model of a client library, and where it is used."""

    library: str
    """What is modelled, for people: name and version."""
    hear: Hear
    """What the library's user gets of a streamed answer. Pure: the same bytes, the same result."""
    whole: Hear | None = None
    """Of an answer that was asked for as one document; None where the library has another way for those."""
    dialects: Collection[Dialect]
    """Whose answers it reads."""
    platforms: Collection[str] | None = None
    """Who calls through it: there its hearing is told, and first where the platform is none of ours. None: anybody."""
    known: str
    """How what it does is known, in words."""
    sureness: Sureness = "inferred"
    """The same, for scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    client: Client
    dialects: frozenset[Dialect]
    platforms: frozenset[str] | None


def custom_clients(dialect: Dialect, platform: PlatformName | None = None) -> tuple[Client, ...]:
    """Of the API, by name; with a platform only those through which it calls."""
    return tuple(
        each.client
        for each in _read()[0]
        if dialect in each.dialects and (platform is None or each.platforms is None or platform in each.platforms)
    )


def own_client(dialect: Dialect, platform: PlatformName) -> Client | None:
    """The first that names this platform."""
    found = (each for each in _read()[0] if dialect in each.dialects and platform in (each.platforms or ()))
    return next((each.client for each in found), None)


def broken_consumers() -> tuple[AdditionError, ...]:
    """Why some are not among them."""
    return _read()[1]


@cache
def _read() -> tuple[tuple[_Found, ...], tuple[AdditionError, ...]]:
    found: dict[str, _Found] = {}
    broken: list[AdditionError] = []
    for addition in additions("consumers"):
        try:
            if addition.name in _OURS or addition.name in found:
                taken = found[addition.name].client.origin if addition.name in found else "vapi-conformance"
                raise addition.broken(f"{taken} has one of that name already")
            found[addition.name] = _consumer(addition)
        except AdditionError as problem:
            broken.append(problem)
    return tuple(found.values()), tuple(broken)


def _consumer(addition: Addition) -> _Found:
    loaded = addition.load()
    if not isinstance(loaded, Consumer):
        raise addition.broken(f"it names a {type(loaded).__name__}, and not a Consumer")
    dialects: set[object] = set(loaded.dialects)
    if not dialects or not dialects <= EVERY:
        raise addition.broken("it reads no dialect in which a model is asked")
    if not _are_texts(loaded.library, loaded.known, *(loaded.platforms or ())):
        raise addition.broken("its library, known and platforms are not all texts")
    if loaded.sureness not in get_args(Sureness):
        raise addition.broken(f"its sureness is none of {', '.join(get_args(Sureness))}")
    origin = addition.origin()
    client = Client(
        name=addition.name,
        library=loaded.library,
        hear=_Guarded(hear=loaded.hear, origin=origin),
        whole=None if loaded.whole is None else _Guarded(hear=loaded.whole, origin=origin),
        known=f"{loaded.known}; added by {origin}",
        sureness=loaded.sureness,
        origin=origin,
    )
    return _Found(
        client=client,
        dialects=frozenset(loaded.dialects),
        platforms=None if loaded.platforms is None else frozenset(loaded.platforms),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guarded:
    """A model that never raises: where it fails, nothing is known of the library, and whose bug that is."""

    hear: Hear
    origin: Origin

    def __call__(self, exchange: Exchange) -> Heard:
        """What is heard, or `Outcome.UNKNOWN`."""
        try:
            return _checked(self.hear(exchange))
        except Exception as problem:  # noqa: BLE001 - whatever it raises is a bug of theirs
            return Heard(outcome=Outcome.UNKNOWN, error=f"a bug of {self.origin}: {one_sentence(problem)}")


def _checked(heard: object) -> Heard:
    """Texts that are texts, times that are times, and nothing of a kind that whoever prints it cannot."""
    if not isinstance(heard, Heard):
        raise TypeError(f"it gives a {type(heard).__name__} in place of a Heard")
    if not (_are(HeardText, heard.texts) and _are(HeardToolCall, heard.tool_calls)):
        raise TypeError("it gives a Heard whose texts or tool calls are of another type")
    calls, texts = heard.tool_calls, heard.texts
    words = [*(each.text for each in texts), *(each.arguments for each in calls)]
    maybe = [heard.error, heard.finish_reason, *(text for each in calls for text in (each.id, each.name))]
    times = [heard.ended_at_ns, heard.error_at_ns, *(each.at_ns for each in texts), *(each.at_ns for each in calls)]
    if not (
        _are(Outcome, [heard.outcome])
        and _are(str, words)
        and _are(str, [each for each in maybe if each is not None])
        and _are(int, [each for each in times if each is not None])
    ):
        raise TypeError("it gives a Heard with a field of another type")
    return replace(heard, texts=tuple(texts), tool_calls=tuple(calls))


def _are(kind: type, values: Iterable[object]) -> bool:
    """Looked at as what they are, and not as what types say that they are."""
    return all(isinstance(each, kind) for each in values)


def _are_texts(*values: object) -> bool:
    return all(isinstance(each, str) and each.strip() for each in values)
