"""Where Vapi would POST to, and what is odd about the configured URL.

Vapi uses `model.url` as the base URL of an OpenAI client, which appends its path literally (openai-node 4.91.1,
`buildURL`): one slash is saved where both sides have one, and a query string swallows the path.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from vapi_conformance.platforms.base_url import broken_url_lints, is_local
from vapi_conformance.platforms.lint import Lint, LintLevel

__all__ = ["request_url", "url_lints"]

_PATH = "/chat/completions"


def request_url(base_url: str) -> str:
    """`https://host/v1` and `https://host/v1/` become `https://host/v1/chat/completions`."""
    return base_url + (_PATH[1:] if base_url.endswith("/") else _PATH)


def url_lints(base_url: str, *, field: str, given_by_hand: bool) -> Iterator[Lint]:
    """What to know about a base URL that can be called. Texts never quote the URL: people keep secrets in paths.

    `given_by_hand`: for this run, not in the assistant; then a local address is how one develops, and only a note.
    """
    parts = urlsplit(base_url)
    if parts.path.rstrip("/").endswith(_PATH):
        yield Lint(
            field,
            f"already ends in {_PATH}; Vapi's reference says it appends that itself, so requests go to "
            f"…{_PATH}{_PATH}. Sources disagree whether it does; give the base URL, or serve both paths",
            "warning",
        )
    yield from broken_url_lints(parts, field=field, path=_PATH)
    local = is_local(parts)
    level: LintLevel = "info" if given_by_hand and local else "warning"
    if local:
        yield Lint(field, "is a local or private address; Vapi can only reach public hosts", level)
    if parts.scheme == "http":
        yield Lint(field, "is not https; Vapi expects a public https URL", level)
