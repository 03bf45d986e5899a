"""Access tokens by OAuth2 client credentials (RFC 6749, 4.4): fetched, kept, renewed, and never shown."""

from vapi_conformance.auth.token_answer import TokenError
from vapi_conformance.auth.tokens import MOST_WAITED_S, TokenSource

__all__ = ["MOST_WAITED_S", "TokenError", "TokenSource"]
