"""What every platform can do for a run: say how it would put a request, to where, and as whom."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NewType, Protocol, Self

from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.platforms.lint import Lint

__all__ = [
    "PLATFORMS",
    "Calling",
    "CustomName",
    "OwnName",
    "PlatformName",
    "Tokens",
    "default_platform",
    "native_body",
    "patched",
    "platform_name",
]

OwnName = Literal["vapi", "rapida", "direct"]
"""The platforms that are ours. `direct`: nobody stands between; the official client of the API calls."""
CustomName = NewType("CustomName", str)
"""A platform that another distribution adds; made by `platform_name` only."""
PlatformName = OwnName | CustomName

PLATFORMS: Final[tuple[OwnName, ...]] = ("vapi", "rapida", "direct")
"""Ours."""


class Tokens(Protocol):
    """Access tokens that a platform fetches, keeps and renews. What cannot be fetched raises UsageError."""

    def current(self) -> str:
        """One in force."""
        ...

    def expired(self) -> str:
        """The one given out last, once its time is over; only where they live for seconds, see `Calling.tokens`."""
        ...

    @property
    def lifetime_s(self) -> float | None:
        """Seconds that they live; None where nobody says."""
        ...

    def lints(self) -> tuple[Lint, ...]:
        """What the user should know about them."""
        ...


class Calling(Protocol):
    """A platform with its configuration. The same object always builds the same requests, but for access tokens."""

    @property
    def name(self) -> PlatformName:
        """Which platform it is."""
        ...

    @property
    def dialect(self) -> Dialect:
        """What the endpoint is taken to speak."""
        ...

    @property
    def base_url(self) -> str:
        """As the user gave it."""
        ...

    @property
    def model(self) -> str:
        """The model's name, as sent."""
        ...

    @property
    def has_key(self) -> bool:
        """Whether anything is sent that lets an endpoint know who calls."""
        ...

    @property
    def tokens(self) -> Tokens | None:
        """Sent in place of a key where there are some."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds after which the platform gives up."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in any record."""
        ...

    @property
    def system_prompts(self) -> tuple[str, ...]:
        """What the configuration tells the model before each conversation."""
        ...

    @property
    def extra(self) -> Mapping[str, object]:
        """Keys of the configuration that are merged last into the body, in the API's own words."""
        ...

    def url(self, *, model: str | None = None, stream: bool = True) -> str:
        """Where a request goes. model: another than the configured one."""
        ...

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """Header fields in wire order, without Host and Content-Length. bearer: in place of the configured key."""
        ...

    def chat_body(
        self, messages: Sequence[Mapping[str, object]], *, tools: Sequence[Mapping[str, object]], mode: str | None
    ) -> dict[str, object]:
        """The body in the words of Chat Completions. mode: how Vapi sends its metadata; others have none."""
        ...

    def in_call(self, number: int) -> Self:
        """The same in a call of its own: endpoints keep state by the caller. number: same number, same caller."""
        ...

    def lints(self) -> tuple[Lint, ...]:
        """What the user should know about the configuration before any call."""
        ...


def platform_name(text: str) -> PlatformName:
    """A name out of an option or a file: one of ours, or one of others, whether or not that is installed."""
    return next((name for name in PLATFORMS if name == text), CustomName(text))


def default_platform(dialect: Dialect) -> OwnName:
    """Who calls where nobody says: Vapi, as long as it speaks the dialect."""
    return "vapi" if dialect in CHAT or dialect is Dialect.VAPI_SERVER_MESSAGES else "direct"


def patched(body: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The body with keys set, in place or at the end; None takes a key away."""
    merged = {**body, **changes}
    return {key: value for key, value in merged.items() if not (key in changes and value is None)}


def native_body(platform: Calling, chat: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The body as sent: translated, then the configuration's own keys, then what a probe changes.

    chat and changes: in the words of Chat Completions. What a probe is about wins against the configuration, or it
    would probe something else.
    """
    put = api_of(platform.dialect).put
    plain = put(chat)
    sent = {**plain, **platform.extra}
    if changes:
        changed = put(patched(chat, changes))
        for key in plain.keys() - changed.keys():
            sent.pop(key, None)
        sent |= {key: value for key, value in changed.items() if key not in plain or plain[key] != value}
    return sent
