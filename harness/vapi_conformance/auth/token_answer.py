"""What a token endpoint's answer says: a token and how long it lives (RFC 6749, 5.1), or why there is none."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

from vapi_conformance.auth.token_request import Reply, place
from vapi_conformance.masking import Secrets
from vapi_conformance.narrow import object_or_none, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi.credential import OAuth2Plan
from vapi_conformance.problems import UsageError

__all__ = ["AccessToken", "TokenError", "read_reply"]

_LONGEST_TOKEN: Final = 16 * 1024
"""Servers cut a request's head off at 8 to 16 KiB."""
_TOKEN: Final = re.compile(r"[!-~]+")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_MOST_SECONDS: Final = 10**12
_MOST_WORDS: Final = 160
_HIDDEN: Final = ("access_token", "refresh_token", "id_token")

_MEANINGS: Final[Mapping[str, str]] = {
    "invalid_client": "it does not know clientId, or clientSecret is another",
    "invalid_grant": "it does not take these credentials",
    "invalid_request": "it takes the request for malformed",
    "invalid_scope": "it does not give authenticationPlan.scope",
    "invalid_target": "it wants to be told for which service the token is, which Vapi's plan cannot say",
    "unauthorized_client": "this client may not use client credentials",
    "unsupported_grant_type": "it does not offer client credentials",
    "temporarily_unavailable": "it is overloaded or being repaired",
    "server_error": "it failed",
}


class TokenError(UsageError):
    """There is no access token. The text is one sentence, without a secret, and names the token endpoint."""

    def __init__(self, url: str, what: str, *, code: str | None = None) -> None:
        self.what = what
        """The sentence without its subject, the token endpoint."""
        self.code = code
        """`invalid_client` and the like, where the endpoint said so."""
        super().__init__(f"the token endpoint {place(url) or 'of the plan'} {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token as it was given."""

    value: str = field(repr=False)
    lifetime_s: float | None
    """None: the endpoint does not say."""
    remarks: tuple[str, ...] = ()
    """What of the answer is against RFC 6749 and yet can be used; each ends a sentence about the token endpoint."""


def read_reply(reply: Reply, plan: OAuth2Plan, secrets: Secrets) -> AccessToken:
    """The token, which is a secret from here on. Raises TokenError."""
    record = object_or_none(parse(reply.body.decode(errors="replace")).value)
    if record is not None:
        secrets.add(*(value for key in _HIDDEN if (value := string_or_none(record.get(key)))))
    refusal = _refusal(reply, record, plan, secrets)
    if refusal is not None:
        raise refusal
    if record is None:
        raise TokenError(plan.token_url, _no_object(reply))
    return _token(record, plan, secrets)


def _refusal(
    reply: Reply, record: Mapping[str, object] | None, plan: OAuth2Plan, secrets: Secrets
) -> TokenError | None:
    shown = f"status {reply.status}"
    if 300 <= reply.status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
        return TokenError(plan.token_url, _redirection(reply, shown, plan, secrets))
    if record is not None and (code := string_or_none(record.get("error"))):
        meaning = _MEANINGS.get(code)
        named = code if meaning else _quoted(code, secrets) or "an error of its own"
        because = f": {meaning}" if meaning else ""
        said = _quoted(string_or_none(record.get("error_description")), secrets)
        words = f" (it says {said})" if said else ""
        return TokenError(plan.token_url, f"refuses with {named} ({shown}){because}{words}", code=code)
    if reply.status >= 400:  # noqa: PLR2004 - RFC 9110, 15
        code = "invalid_client" if reply.status == HTTPStatus.UNAUTHORIZED else None
        what = "fails" if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refuses"
        return TokenError(plan.token_url, f"{what} with {shown} and does not say why as OAuth2 wants it", code=code)
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - same
        return TokenError(plan.token_url, f"answers with {shown}, which is no answer to a request for a token")
    return None


def _redirection(reply: Reply, shown: str, plan: OAuth2Plan, secrets: Secrets) -> str:
    """A secret is not sent on to wherever an answer says."""
    try:
        target = place(urljoin(plan.token_url, reply.location)) if reply.location else None
    except ValueError:
        target = None
    where = _quoted(target, secrets)
    hint = f" to {where}: is that the right authenticationPlan.url?" if where else ""
    return f"redirects ({shown}){hint}"


def _no_object(reply: Reply) -> str:
    text = reply.body.decode(errors="replace").lstrip("\ufeff \t\r\n")
    if not text:
        return f"answers with an empty body (status {reply.status})"
    if reply.media_type == "text/html" or text[:1] == "<":
        return f"answers with an HTML page (status {reply.status}) in place of JSON: is it the right URL?"
    if parse(text).error is None:
        return f"answers with JSON that is no object (status {reply.status})"
    return f"answers with something else than JSON (status {reply.status})"


def _token(record: Mapping[str, object], plan: OAuth2Plan, secrets: Secrets) -> AccessToken:
    url, value = plan.token_url, record.get("access_token")
    if "access_token" not in record:
        named = ", ".join(_quoted(key, secrets) or "?" for key in list(record)[:5]) or "nothing"
        raise TokenError(url, f"answers without access_token (the object holds {named})")
    if not isinstance(value, str):
        raise TokenError(url, "gives an access_token that is no string")
    if not value:
        raise TokenError(url, "gives an empty access_token")
    if len(value) > _LONGEST_TOKEN:
        raise TokenError(url, f"gives an access_token of {len(value)} characters, which no server takes in a header")
    if not _TOKEN.fullmatch(value):
        what = "a line break" if "\n" in value or "\r" in value else "a space or another character"
        raise TokenError(url, f"gives an access_token with {what} that no Authorization header can carry")
    remarks: list[str] = []
    kind = record.get("token_type")
    if kind is None:
        remarks.append("does not say token_type (RFC 6749, 5.1); Bearer is meant, probably")
    elif not isinstance(kind, str) or kind.lower() != "bearer":
        shown = _quoted(kind if isinstance(kind, str) else json.dumps(kind), secrets) or "of another type"
        raise TokenError(url, f"gives a token with token_type {shown}; Vapi sends Bearer tokens only")
    lifetime_s = _lifetime_s(record, url, remarks, secrets)
    return AccessToken(value=value, lifetime_s=lifetime_s, remarks=tuple(remarks))


def _lifetime_s(record: Mapping[str, object], url: str, remarks: list[str], secrets: Secrets) -> float | None:
    seconds = record.get("expires_in")
    if seconds is None:
        remarks.append("does not say expires_in: a token is used until the endpoint answers 401")
        return None
    number = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
    if isinstance(seconds, str) and _SECONDS.fullmatch(seconds):
        remarks.append("gives expires_in as a string; RFC 6749, 5.1 wants a number")
        number = int(seconds)
    if number is not None and 0 < number < _MOST_SECONDS:
        return float(number)
    shown = _quoted(json.dumps(seconds), secrets) or "a value of its own"
    raise TokenError(url, f"gives expires_in {shown}, which is no number of seconds above 0")


def _quoted(words: str | None, secrets: Secrets) -> str | None:
    """A stranger's words in quotes, on one line, cut, and without a secret. Masked first: a cut one is not found."""
    masked = secrets.masked(words) if words else None
    return repr(masked[:_MOST_WORDS]) if masked else None
