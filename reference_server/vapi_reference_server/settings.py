"""What one reference server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vapi_reference_server.oauth import OAuthClient

ANY_MODEL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All switches of a server. Keys are kept out of `repr`, so that no log can show them."""

    models: tuple[str, ...] = ("reference",)
    """Model names that are served; `*` among them serves every name."""
    api_key: str | None = field(default=None, repr=False)
    """The bearer token callers must send; None asks for none."""
    oauth_client: OAuthClient | None = None
    """Who may fetch access tokens at `/oauth/token`; callers may send one in place of the key. None: nobody."""
    token_seconds: int = 3600
    """How long an access token is in force."""
    fault: str | None = None
    """Name of the fault that every answer shows, unless a request asks for another."""
    pace_ms: float = 5.0
    """Pause before each delta of a stream, in milliseconds."""
    context_tokens: int = 32_000
    """The longest prompt that is accepted, in the server's own tokens (words and punctuation)."""
    max_body_bytes: int = 4 * 1024 * 1024
    """The largest request body that is accepted."""
    upstream_base_url: str | None = None
    """Base URL of an OpenAI-compatible API that answers instead of the scripted brain."""
    upstream_api_key: str | None = field(default=None, repr=False)
    """The bearer token for that API."""

    def serves(self, model: str) -> bool:
        """Whether a request may name this model."""
        return ANY_MODEL in self.models or model in self.models
