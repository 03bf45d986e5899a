"""Access tokens that nobody fetched."""

from vapi_conformance.platforms.lint import Lint

__all__ = ["FakeTokens"]


class FakeTokens:
    """Numbered from 1; the next one comes when one has expired."""

    def __init__(self, lifetime_s: float | None) -> None:
        self.lifetime_s = lifetime_s
        self.number = 1

    def current(self) -> str:
        return f"token-{self.number}"

    def expired(self) -> str:
        self.number += 1
        return f"token-{self.number - 1}"

    def lints(self) -> tuple[Lint, ...]:
        return ()
