"""What each API needs of the rest of the house, in one record: how it is asked, read, and held against its schemas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from vapi_conformance.dialects.names import Dialect

if TYPE_CHECKING:
    from vapi_conformance.dialects.asked import Asked
    from vapi_conformance.dialects.reading import Answer
    from vapi_conformance.dialects.transcript import BodyKind, Chunk
    from vapi_conformance.exchange import Read

__all__ = ["Api", "ReadAnswer", "api_of"]


class ReadAnswer(Protocol):
    """Body reads with content coding undone to an answer. Never raises on what a server sends."""

    def __call__(self, reads: "Sequence[Read]", *, media_type: str) -> "Answer": ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API shape; each package beside this module has one, in its module `api`."""

    name: str
    """For people: `Chat Completions`."""
    read_answer: ReadAnswer
    read_request: "Callable[[bytes | None, str], Asked | None]"
    """Body and URL of a request; None where there is no JSON object to read."""
    schema_of: "Callable[[Chunk, BodyKind], str | None]"
    """The schema that a chunk of an answer of this kind has to follow; None where there is none for it."""
    error_schema: str
    """The schema of the body of a refusal."""
    words: frozenset[str]
    """Keys whose text is the model's; see `shape.shape_errors`."""
    has_end_marker: bool
    """Whether its streams end with `[DONE]`."""
    url: "Callable[[str, str, bool], str]"
    """Base URL as users give it, model, whether to stream; to where the request goes."""
    headers: "Callable[[str | None], tuple[tuple[str, str], ...]]"
    """From the key (None: none is sent) to the headers with which the official client asks."""
    put: "Callable[[Mapping[str, object]], dict[str, object]]"
    """From a Chat Completions body to this API's. Keys that only this API knows, and wrong values, pass unchanged."""


_PACKAGES: Final[Mapping[Dialect, str]] = {
    Dialect.OPENAI_CHAT_COMPLETIONS: "chat",
    Dialect.OPENAI_COMPATIBLE: "chat",
    Dialect.OPENAI_RESPONSES: "responses",
    Dialect.ANTHROPIC_MESSAGES: "anthropic",
    Dialect.GEMINI_GENERATE_CONTENT: "gemini",
    Dialect.VAPI_SERVER_MESSAGES: "server_messages",
}


def api_of(dialect: Dialect) -> Api:
    """The API that a dialect speaks."""
    return cast("Api", import_module(f"vapi_conformance.dialects.{_PACKAGES[dialect]}.api").API)
