"""Rapida as the caller of an endpoint: one frozen object from the user's files to requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.masking import is_secret_name
from vapi_conformance.platforms.base_url import checked_base_url
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.platforms.header_fields import checked_headers, checked_key
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.rapida.credential import DEFAULT_DIALECT, Credential, load_credential
from vapi_conformance.platforms.rapida.headers import KEY_HEADERS, authorization, merged, request_headers
from vapi_conformance.platforms.rapida.lints import (
    credential_lints,
    dialect_lints,
    header_lints,
    option_lints,
    parameter_lints,
    url_lints,
)
from vapi_conformance.platforms.rapida.mapping import direct_keys
from vapi_conformance.platforms.rapida.model_options import ModelOptions, load_model_options
from vapi_conformance.problems import UsageError

__all__ = ["TIMEOUT_S", "Platform"]

TIMEOUT_S: Final = 60.0
"""Rapida's built-in Gemini caller and its credential checks give up after a minute (source of January 2026). That its
custom LLM does so too is inferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What Rapida would send to one endpoint. The same object always builds the same requests."""

    dialect: Dialect
    base_url: str
    base_url_is_given: bool = False
    """Given for this run; otherwise it is the credential's."""
    model: str
    """`model.name`, or the name given for this run."""
    api_key: str | None = field(default=None, repr=False)
    """A key given for this run; None where none is, or where the headers hold an Authorization, which wins."""
    header_fields: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The credential's headers, with the run's own in their place."""
    options: ModelOptions | None = None
    credential: Credential | None = None
    """As it is in the file, for remarks; what is sent stands in the fields above."""
    key_is_unused: bool = False
    """A key was given for this run, but the headers hold an Authorization."""
    seed: int = 0
    """Who calls. Rapida sends nothing about the caller, so requests do not depend on it."""

    @classmethod
    def from_files(  # noqa: PLR0913 - the options of a run that concern the platform
        cls,
        credential: Path | None = None,
        model_options: Path | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        dialect: Dialect | None = None,
        seed: int = 0,
    ) -> "Platform":
        """From the JSON files of a credential and of model options; what is given beside them wins, but for the key.

        Raises ConfigError for a file that Rapida would refuse, UsageError for what cannot be sent or is missing.
        """
        stored = None if credential is None else load_credential(credential)
        options = None if model_options is None else load_model_options(model_options)
        fields = merged({} if stored is None else stored.headers, checked_headers(headers or {}))
        key = None if api_key is None else checked_key(api_key)
        return cls(
            dialect=dialect or (stored.dialect if stored else DEFAULT_DIALECT),
            base_url=_base_url(stored, base_url),
            base_url_is_given=base_url is not None,
            model=_model(options, model),
            api_key=key if authorization(fields) is None else None,
            header_fields=fields,
            options=options,
            credential=stored,
            key_is_unused=key is not None and authorization(fields) is not None,
            seed=seed,
        )

    @property
    def timeout_s(self) -> float:
        """Seconds after which a turn is given up: inferred, see `TIMEOUT_S`."""
        return TIMEOUT_S

    @property
    def has_key(self) -> bool:
        """Whether a key is sent in one of the places where APIs take one, so that a wrong one can be tried there."""
        return self.api_key is not None or any(name.lower() in KEY_HEADERS for name in self.header_fields)

    @property
    def tokens(self) -> None:
        """None are fetched: Rapida sends the headers of its credential as they are."""
        return

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in any record: the key, and headers whose name says so."""
        headers = (value for name, value in self.header_fields.items() if is_secret_name(name))
        return tuple({value: None for value in (self.api_key, *headers) if value})

    @property
    def extra(self) -> Mapping[str, object]:
        """`model.parameters`: merged last into the body in the API's own words, so that its keys win."""
        return {} if self.options is None else self.options.parameters

    @property
    def name(self) -> PlatformName:
        """See `Calling`."""
        return "rapida"

    @property
    def system_prompts(self) -> tuple[str, ...]:
        """None: neither file holds a prompt."""
        return ()

    def in_call(self, number: int) -> Self:  # noqa: ARG002 - see Calling
        """Nothing of a call is sent."""
        return self

    def url(self, *, model: str | None = None, stream: bool = True) -> str:
        """Where requests go: the base URL without slashes at its end, and the API's path."""
        return api_of(self.dialect).url(self.base_url, model or self.model, stream)

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """Header fields in wire order, without Host and Content-Length.

        bearer: a wrong key on purpose, sent in place of every key that is configured. The key of the run otherwise, or
        the Authorization of the credential's headers; where there is neither, none is sent.
        """
        fields = api_of(self.dialect).headers(bearer or self.api_key)
        if bearer is None:
            return request_headers(fields, self.header_fields)
        kept = {name: value for name, value in self.header_fields.items() if name.lower() not in KEY_HEADERS}
        return request_headers(fields, kept)

    def chat_body(
        self,
        messages: Sequence[Mapping[str, object]],
        *,
        tools: Sequence[Mapping[str, object]] = (),
        mode: str | None = None,  # noqa: ARG002 - see Calling
    ) -> dict[str, object]:
        """The JSON body of one request in the words of Chat Completions, without `extra`.

        tools: in Chat Completions' shape; no `tools` key and no `tool_choice` where there is none.
        """
        body: dict[str, object] = {"model": self.model, "messages": [dict(each) for each in messages], "stream": True}
        direct = direct_keys({} if self.options is None else self.options.direct, self.dialect)
        if tools:
            body["tools"] = [dict(tool) for tool in tools]
        else:
            direct.pop("tool_choice", None)
        return body | direct

    def body(
        self, messages: Sequence[Mapping[str, object]], *, tools: Sequence[Mapping[str, object]] = ()
    ) -> dict[str, object]:
        """The JSON body of one request as it is sent: `chat_body` in the API's own words, `extra` merged over it."""
        return api_of(self.dialect).put(self.chat_body(messages, tools=tools)) | dict(self.extra)

    def lints(self) -> tuple[Lint, ...]:
        """What the user should know about the configuration before any call."""
        where = "endpoint" if self.base_url_is_given else "baseUrl"
        return (
            *dialect_lints(self.dialect, self.credential),
            *url_lints(self.base_url, self.dialect, field=where),
            *credential_lints(self.credential),
            *header_lints(self.header_fields, has_key=bool(self.secrets), key_is_unused=self.key_is_unused),
            *option_lints({} if self.options is None else self.options.direct, self.dialect),
            *parameter_lints(self.extra, {} if self.options is None else self.options.direct, self.dialect),
        )


def _base_url(stored: Credential | None, given: str | None) -> str:
    if given is not None:
        return checked_base_url(given)
    if stored is None:
        raise UsageError("no endpoint: give its base URL, or a credential with a baseUrl")
    return stored.base_url


def _model(options: ModelOptions | None, given: str | None) -> str:
    if given:
        return given
    if options is None:
        raise UsageError("no model: give its name, or model options with model.id and model.name")
    return options.name
