"""No platform between: the endpoint is called as the official client of its API would call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.masking import is_secret_name
from vapi_conformance.platforms.base_url import checked_base_url
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.platforms.header_fields import checked_headers, checked_key
from vapi_conformance.platforms.lint import Lint

__all__ = ["DEFAULT_MODELS", "Direct"]

DEFAULT_MODELS: Final[Mapping[Dialect, str]] = {
    Dialect.OPENAI_CHAT_COMPLETIONS: "gpt-4o",
    Dialect.OPENAI_COMPATIBLE: "gpt-4o",
    Dialect.OPENAI_RESPONSES: "gpt-4o",
    Dialect.ANTHROPIC_MESSAGES: "claude-sonnet-4-5",
    Dialect.GEMINI_GENERATE_CONTENT: "gemini-2.5-flash",
}
_MAX_TOKENS: Final = 1024
"""Anthropic wants a bound, and a spoken answer is shorter; so every API gets this one."""


@dataclass(frozen=True, kw_only=True)
class Direct:
    """A request with nothing in it but what the API asks for."""

    dialect: Dialect
    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = 60.0
    """Patience where no platform sets one: official clients wait for ten minutes, people on a telephone do not."""

    @classmethod
    def made(
        cls,
        *,
        dialect: Dialect,
        base_url: str,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
    ) -> Self:
        """Raises UsageError for what cannot be sent."""
        return cls(
            dialect=dialect,
            base_url=checked_base_url(base_url),
            model=model or DEFAULT_MODELS[dialect],
            api_key=None if api_key is None else checked_key(api_key),
            extra_headers=checked_headers(headers or {}),
        )

    @property
    def name(self) -> PlatformName:
        """See `Calling`."""
        return "direct"

    @property
    def has_key(self) -> bool:
        """Whether a key is sent, in its own place or in a header of the user's."""
        return self.api_key is not None or any(is_secret_name(name) for name in self.extra_headers)

    @property
    def tokens(self) -> None:
        """None are fetched: whoever calls directly has its key or token already."""
        return

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and headers whose name says that they are one."""
        headers = (value for name, value in self.extra_headers.items() if is_secret_name(name))
        return tuple({each: None for each in (self.api_key, *headers) if each})

    @property
    def system_prompts(self) -> tuple[str, ...]:
        """None of its own."""
        return ()

    @property
    def extra(self) -> Mapping[str, object]:
        """Nothing."""
        return {}

    def url(self, *, model: str | None = None, stream: bool = True) -> str:
        """See `Calling`."""
        return api_of(self.dialect).url(self.base_url, model or self.model, stream)

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """What the official client sends to be let in, and what the user added; of one name the user's."""
        fields = {
            name.lower(): (name, value)
            for name, value in (
                ("Accept", "application/json"),  # so do the official clients, for streams too
                ("Accept-Encoding", "identity"),
                ("Content-Type", "application/json"),
                ("User-Agent", "vapi-conformance"),
                *api_of(self.dialect).headers(bearer or self.api_key),
                *self.extra_headers.items(),
            )
        }
        return tuple(fields.values())

    def chat_body(
        self,
        messages: Sequence[Mapping[str, object]],
        *,
        tools: Sequence[Mapping[str, object]],
        mode: str | None,  # noqa: ARG002 - see Calling
    ) -> dict[str, object]:
        """See `Calling`."""
        body: dict[str, object] = {"model": self.model, "messages": [dict(each) for each in messages], "stream": True}
        if tools:
            body["tools"] = [dict(each) for each in tools]
        if self.dialect is Dialect.OPENAI_RESPONSES:
            body["store"] = False  # the service keeps answers unless told not to, and ours are of no use to anybody
        return body | {"max_tokens": _MAX_TOKENS}

    def in_call(self, number: int) -> Self:  # noqa: ARG002 - see Calling
        """Nothing of a call is sent."""
        return self

    def lints(self) -> tuple[Lint, ...]:
        """None: there is no configuration but the command line."""
        return ()
