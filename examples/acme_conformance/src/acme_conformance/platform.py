"""ACME's platform: how its requests differ from those of the API's own client, and with which settings it calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from vapi_conformance.extending import (
    Calling,
    CustomPlatform,
    Dialect,
    Direct,
    Lint,
    PlatformSettings,
    Profile,
)


@dataclass(frozen=True, kw_only=True)
class Acme(Direct):
    """What is not said here is as the API's own client does it: the URL, the key, the model, the timeout."""

    timeout_s: float = 8.0
    """ACME's switchboard takes the call back after so many seconds of silence."""
    account: str = "demo"
    run: int = 0
    """Another one in each run: endpoints keep state by the conversation."""
    conversation: str = "acme-0"

    def headers(self, *, bearer: str | None = None) -> tuple[tuple[str, str], ...]:
        """ACME says in the head who calls. What the user gave with `--endpoint-header` wins."""
        ours = {"User-Agent": "acme-voice/2", "X-Acme-Conversation": self.conversation}
        given = {name.lower() for name in self.extra_headers}
        plain = [pair for pair in super().headers(bearer=bearer) if pair[0] not in ours or pair[0].lower() in given]
        return (*plain, *(pair for pair in ours.items() if pair[0].lower() not in given))

    def chat_body(
        self, messages: Sequence[Mapping[str, object]], *, tools: Sequence[Mapping[str, object]], mode: str | None
    ) -> dict[str, object]:
        """ACME's envelope around the conversation: an account and a number, where Vapi has `call` and `metadata`."""
        body = super().chat_body(messages, tools=tools, mode=mode)
        turn = sum(each.get("role") == "user" for each in messages)
        return body | {"acme": {"account": self.account, "conversation": self.conversation, "turn": turn}}

    def in_call(self, number: int) -> Self:
        """The same number is the same conversation."""
        return replace(self, conversation=f"acme-{self.run ^ number:08x}")

    def lints(self) -> tuple[Lint, ...]:
        """Told in every run."""
        return (Lint("account", "is ACME's demonstration; give yours", "info"),) if self.account == "demo" else ()


def make(settings: PlatformSettings) -> Calling:
    """The platform, set up for a run."""
    acme = Acme.made(
        dialect=settings.dialect,
        base_url=settings.base_url,
        model=settings.model,
        headers=settings.headers,
        api_key=settings.api_key,
    )
    return replace(acme, account=settings.options.get("account", "demo"), run=settings.seed)


PLATFORM = CustomPlatform(
    make=make,
    dialects=(Dialect.OPENAI_COMPATIBLE, Dialect.OPENAI_CHAT_COMPLETIONS),
    profile=Profile.STANDARD,
    options={"account": "the account at ACME that pays for the call"},
)
