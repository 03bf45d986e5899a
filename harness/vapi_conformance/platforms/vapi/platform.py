"""Vapi as the caller of an endpoint: one frozen object from the user's files to the requests of a call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self, cast

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.masking import is_secret_name
from vapi_conformance.narrow import string_or_none
from vapi_conformance.platforms.base_url import checked_base_url
from vapi_conformance.platforms.calling import PlatformName, Tokens
from vapi_conformance.platforms.config_file import ConfigError
from vapi_conformance.platforms.header_fields import checked_headers, checked_key
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.vapi.assistant import PUBLIC_BASE_URLS, Assistant, load_assistant
from vapi_conformance.platforms.vapi.body import Envelope, TurnCounters, envelope, openai_part
from vapi_conformance.platforms.vapi.callers import Caller, Era
from vapi_conformance.platforms.vapi.credential import OAuth2Plan, inline_credential, load_credential
from vapi_conformance.platforms.vapi.headers import (
    KEY_WITHOUT_CREDENTIAL,
    header_lints,
    request_headers,
)
from vapi_conformance.platforms.vapi.history import Conversation
from vapi_conformance.platforms.vapi.lints import assistant_lints, credential_lints
from vapi_conformance.platforms.vapi.tools import model_tools
from vapi_conformance.platforms.vapi.url import request_url, url_lints
from vapi_conformance.problems import UsageError

__all__ = ["Platform"]


@dataclass(frozen=True, kw_only=True)  # no slots: the caller is made once, on first use, because faker is slow to load
class Platform:
    """What Vapi would send to one endpoint. The same object always builds the same requests."""

    assistant: Assistant
    base_url: str
    base_url_is_given: bool = False
    """Given for this run; otherwise it is the assistant's, or the provider's public API."""
    api_key: str | None = field(default=None, repr=False)
    """Static key; None where none is known."""
    oauth2: OAuth2Plan | None = None
    """Where there is one, its access token is sent instead of the key."""
    tokens: Tokens | None = field(default=None, repr=False, compare=False)
    """Where `oauth2` has been put to work. Made above: here nothing talks to the world."""
    model_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """`model.headers`, the run's own merged over the assistant's."""
    seed: int = 0
    """Who calls: same seed, same caller, same ids."""
    locale: str | None = None
    """Where the caller is from, see `Caller`; drawn where None."""
    dialect: Dialect = Dialect.OPENAI_COMPATIBLE
    """One of Chat Completions' two: Vapi speaks nothing else to a custom endpoint."""

    @classmethod
    def from_files(  # noqa: PLR0913 - the options of a run that concern the platform
        cls,
        assistant: Path | None = None,
        credential: Path | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        seed: int = 0,
        dialect: Dialect = Dialect.OPENAI_COMPATIBLE,
    ) -> "Platform":
        """From an assistant's and a credential's JSON file; what is given beside them wins over what they say.

        Raises ConfigError for a file that cannot be used, UsageError for what cannot be sent or is missing.
        """
        configured = Assistant() if assistant is None else load_assistant(assistant)
        if model is not None:
            configured = replace(configured, model=replace(configured.model, model=model))
        stored = inline_credential(configured) if credential is None else load_credential(credential)
        if stored and assistant is None and stored.provider != "custom-llm":
            called = replace(configured.model, provider=stored.provider, metadata_send_mode="off")
            configured = replace(configured, model=called)
        if stored and credential and stored.provider != configured.model.provider:
            what = f"is {stored.provider!r}, but the assistant's model has {configured.model.provider!r}"
            raise ConfigError(credential, what, field="provider", expected="both to be the same", platform="Vapi")
        return cls(
            assistant=configured,
            base_url=_base_url(configured, base_url),
            base_url_is_given=base_url is not None,
            api_key=checked_key(api_key) if api_key is not None else (stored.api_key if stored else None),
            oauth2=stored.oauth2 if stored and api_key is None else None,
            model_headers={**configured.model.headers, **checked_headers(headers or {})},
            seed=seed,
            dialect=dialect,
        )

    @property
    def name(self) -> PlatformName:
        """See `Calling`."""
        return "vapi"

    @property
    def model(self) -> str:
        """The model's name, as sent."""
        return self.assistant.model.model

    @property
    def timeout_s(self) -> float:
        """Seconds a connection may stay without a token before Vapi gives up: `timeoutSeconds`, default 20."""
        return self.assistant.model.timeout_s

    @property
    def has_key(self) -> bool:
        """Whether a key or a token is sent: what is sent without one, no endpoint can check."""
        return self.api_key is not None or self.tokens is not None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in any record: the key, the OAuth2 secret, headers whose name says so.

        Not every header: a record in which each `production` is masked is of no use.
        """
        headers = (value for name, value in self.model_headers.items() if is_secret_name(name))
        keys = (self.api_key, self.oauth2.client_secret if self.oauth2 else None, *headers)
        return tuple({key: None for key in keys if key})

    @cached_property
    def caller(self) -> Caller:
        """The made-up caller that `seed` stands for."""
        return Caller.from_seed(self.seed, locale=self.locale)

    @property
    def system_prompts(self) -> tuple[str, ...]:
        """The assistant's own."""
        return tuple(
            content
            for message in self.assistant.model.messages
            if message.get("role") == "system" and (content := string_or_none(message.get("content")))
        )

    @property
    def extra(self) -> Mapping[str, object]:
        """Nothing: all that Vapi adds is in `body`."""
        return {}

    def url(self, *, model: str | None = None, stream: bool = True) -> str:  # noqa: ARG002 - see Calling
        """Where requests go: the base URL, one slash, `chat/completions`."""
        return request_url(self.base_url)

    def chat_body(
        self, messages: Sequence[Mapping[str, object]], *, tools: Sequence[Mapping[str, object]], mode: str | None
    ) -> dict[str, object]:
        """See `Calling`. mode: an `Envelope`."""
        return self.body(messages, tools=tools, mode=cast("Envelope | None", mode))

    def in_call(self, number: int) -> Self:
        """The same assistant, called by somebody else."""
        return replace(self, seed=self.seed ^ number)

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """Header fields in wire order, without Host and Content-Length.

        bearer: something wrong on purpose; where None a token in force, else the key, and where there is neither
        `KEY_WITHOUT_CREDENTIAL`.
        """
        if bearer is None and self.tokens is not None:
            bearer = self.tokens.current()
        return request_headers(bearer or self.api_key or KEY_WITHOUT_CREDENTIAL, self.model_headers)

    def conversation(self) -> Conversation:
        """How every call begins: the assistant's system prompt, and its first message where it speaks first."""
        begun = Conversation.from_messages(
            message
            for message in self.assistant.model.messages
            if message.get("role") in {"system", "user", "assistant"} and isinstance(message.get("content"), str)
        )
        speaks = self.assistant.first_message_mode == "assistant-speaks-first"
        first = self.assistant.first_message
        return begun.assistant(first) if first and speaks else begun

    def body(  # noqa: PLR0913 - what may differ between two requests of one call
        self,
        conversation: Conversation | Sequence[Mapping[str, object]],
        *,
        tools: Sequence[Mapping[str, object]] | None = None,
        counters: TurnCounters | None = None,
        mode: Envelope | None = None,
        era: Era = Era.PHONE_2026,
        overrides: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """The JSON body of one request.

        conversation: may also be a message list, which is sent as it is.
        tools: in OpenAI's shape; the assistant's where None, no `tools` key where empty.
        counters: derived from the conversation where None.
        mode: the assistant's metadataSendMode where None.
        overrides: top-level keys set last, in place or at the end.
        """
        messages = conversation.messages() if isinstance(conversation, Conversation) else conversation
        offered = model_tools(self.assistant.model.tools) if tools is None else tools
        added = envelope(
            self.assistant,
            self.caller,
            era=era,
            mode=mode or self.assistant.model.metadata_send_mode,
            counters=counters or TurnCounters.of(messages),
        )
        return openai_part(self.assistant.model, messages, offered) | added | dict(overrides or {})

    def lints(self) -> tuple[Lint, ...]:
        """What the user should know about the configuration before any call."""
        where = "endpoint" if self.base_url_is_given else "model.url"
        return (
            *url_lints(self.base_url, field=where, given_by_hand=self.base_url_is_given),
            *assistant_lints(self.assistant, self.base_url),
            *header_lints(self.model_headers),
            *credential_lints(self.assistant, has_key=self.has_key),
            *(() if self.tokens is None else self.tokens.lints()),
        )


def _base_url(assistant: Assistant, given: str | None) -> str:
    if given is not None:
        return checked_base_url(given)
    if assistant.model.url is not None:
        return checked_base_url(assistant.model.url)
    public = PUBLIC_BASE_URLS.get(assistant.model.provider)
    if public is None:
        raise UsageError("no endpoint: give its base URL, or an assistant whose model has a url")
    return public
