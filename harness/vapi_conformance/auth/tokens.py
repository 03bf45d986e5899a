"""Tokens for as long as a run lasts: fetched when first needed, kept, renewed in time and when one is refused."""

import ipaddress
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from vapi_conformance.auth.token_answer import AccessToken, TokenError, read_reply
from vapi_conformance.auth.token_request import ClientAuthentication, NoAnswerError, ask, place
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.vapi.credential import OAuth2Plan
from vapi_conformance.problems import UsageError

__all__ = ["MOST_WAITED_S", "TokenSource"]

MOST_WAITED_S: Final = 5.0
"""A token that lives longer is not waited out."""

_PAST_THE_END_S: Final = 1.0
"""How long a token's time has to be over to be called so: servers count in whole seconds, and round up."""
_MOST_MARGIN_S: Final = 10.0
_UNAUTHORIZED: Final = 401
_NS_PER_S: Final = 1_000_000_000
_WHERE: Final[dict[ClientAuthentication, str]] = {
    "client_secret_post": "in the form body",
    "client_secret_basic": "by HTTP Basic",
}


@dataclass(slots=True, kw_only=True)
class _Held:
    """The token in use."""

    value: str = field(repr=False)
    lifetime_s: float | None
    asked_ns: int
    """From here its life is counted where it must not be too long; from `came_ns` where not too short."""
    came_ns: int
    after_401: bool
    was_accepted: bool = False

    def is_over(self, now_ns: int) -> bool:
        """Whether it should be renewed before it is sent once more: a bit early, because sending takes time."""
        if self.lifetime_s is None:
            return False
        margin_s = min(self.lifetime_s / 10, _MOST_MARGIN_S)
        return now_ns - self.asked_ns >= (self.lifetime_s - margin_s) * _NS_PER_S


class TokenSource:
    """The access tokens of one client. Thread-safe; while one thread fetches, the others wait for its token."""

    def __init__(
        self,
        plan: OAuth2Plan,
        *,
        secrets: Secrets,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        """Fetches nothing yet. Raises UsageError for a token endpoint that no secret may be sent to.

        secrets: gets the client's secret and each token, before anybody else sees them.
        """
        _check_url(plan.token_url)
        self._plan, self._secrets = plan, secrets
        self._clock_ns, self._sleep_s = clock_ns, sleep_s
        pair = f"{plan.client_id}:{plan.client_secret}"
        basic = (b64encode(pair.encode(coding, "replace")).decode() for coding in ("latin-1", "utf-8"))
        secrets.add(plan.client_secret, *basic)
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._issued: set[str] = set()
        self._given_up: set[str] = set()
        self._authentication: ClientAuthentication | None = None
        self._remarks: dict[str, None] = {}
        self._renewed_after_401 = 0

    def current(self) -> str:
        """A token in force. Raises TokenError."""
        return self._in_force().value

    @property
    def lifetime_s(self) -> float | None:
        """How long the tokens live; None where the token endpoint does not say. Raises TokenError."""
        return self._in_force().lifetime_s

    def expired(self) -> str:
        """The token that was given out last, once its time is over; never renewed when it is refused.

        Raises TokenError, and ValueError where tokens live longer than MOST_WAITED_S.
        """
        with self._lock:
            held = self._held or self._fetch(after_401=False)
            if held.lifetime_s is None or held.lifetime_s > MOST_WAITED_S:
                raise ValueError("tokens that live so long are not waited out")
            self._given_up.add(held.value)
            self._held = None
        over_ns = held.came_ns + (held.lifetime_s + _PAST_THE_END_S) * _NS_PER_S
        while (left_ns := over_ns - self._clock_ns()) > 0:
            self._sleep_s(left_ns / _NS_PER_S)
        return held.value

    def renewed(self, headers: tuple[tuple[str, str], ...], status: int) -> tuple[tuple[str, str], ...] | None:
        """See `client.Renew`: after 401 the request with a new token, where one can help. Raises TokenError."""
        sent = next((value for name, value in headers if name.lower() == "authorization"), "").removeprefix("Bearer ")
        with self._lock:
            if sent not in self._issued or sent in self._given_up:
                return None
            held = self._held
            if held is not None and sent == held.value:
                if status != _UNAUTHORIZED:
                    held.was_accepted = True
                    return None
                if held.after_401 and not held.was_accepted:
                    return None  # a fresh one did not help either
                self._renewed_after_401 += 1
                held = self._fetch(after_401=True)
            elif status != _UNAUTHORIZED:
                return None
            new = (held or self._fetch(after_401=True)).value
        return tuple((name, f"Bearer {new}" if name.lower() == "authorization" else value) for name, value in headers)

    def lints(self) -> tuple[Lint, ...]:
        """What the user should know about the tokens, as far as they are known by now."""
        with self._lock:
            held, remarks, refused = self._held, tuple(self._remarks), self._renewed_after_401
            found = [Lint("authenticationPlan", f"names a token endpoint that {each}", "warning") for each in remarks]
            if self._authentication is not None:
                where = _WHERE[self._authentication]
                lives = f"; tokens live {held.lifetime_s:g} s" if held is not None and held.lifetime_s else ""
                what = f"was used with the secret {where} (which way Vapi takes is not documented){lives}"
                found.append(Lint("authenticationPlan", what, "info"))
        if refused:
            times = "once" if refused == 1 else f"{refused} times"
            what = f"gave a token that the endpoint refused before its time, {times}; a new one was fetched"
            found.append(Lint("authenticationPlan", what, "warning"))
        return tuple(found)

    def _in_force(self) -> _Held:
        with self._lock:
            held = self._held
            return self._fetch(after_401=False) if held is None or held.is_over(self._clock_ns()) else held

    def _fetch(self, *, after_401: bool) -> _Held:
        """Asks the token endpoint; the lock is held."""
        asked_ns = self._clock_ns()
        token = self._token()
        self._remarks |= dict.fromkeys(token.remarks)
        self._issued.add(token.value)
        self._given_up.discard(token.value)
        self._held = _Held(
            value=token.value,
            lifetime_s=token.lifetime_s,
            asked_ns=asked_ns,
            came_ns=self._clock_ns(),
            after_401=after_401,
        )
        return self._held

    def _token(self) -> AccessToken:
        """The form body first (inferred: nothing documents how Vapi does it), then HTTP Basic, once."""
        if self._authentication is not None:
            return self._asked(self._authentication)
        try:
            token = self._asked("client_secret_post")
        except TokenError as problem:
            if problem.code != "invalid_client":
                raise
            token = self._by_basic(problem)
            self._authentication = "client_secret_basic"
            self._remarks["does not take the client's secret in the form body, but by HTTP Basic"] = None
            return token
        self._authentication = "client_secret_post"
        return token

    def _by_basic(self, first: TokenError) -> AccessToken:
        try:
            return self._asked("client_secret_basic")
        except TokenError as second:
            if second.code == "invalid_client":
                what = f"{first.what}; so with the secret in the form body and by HTTP Basic"
            else:
                what = f"{first.what}, and with HTTP Basic {second.what}"
            raise TokenError(self._plan.token_url, what, code=first.code) from None

    def _asked(self, authentication: ClientAuthentication) -> AccessToken:
        try:
            reply = ask(self._plan, authentication)
        except NoAnswerError as problem:
            raise TokenError(self._plan.token_url, str(problem)) from None
        return read_reply(reply, self._plan, self._secrets)


def _check_url(url: str) -> None:
    """RFC 6749, 3.2: credentials go by TLS; on this machine nobody listens in."""
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise UsageError("authenticationPlan.url is no URL") from None
    if address.userinfo:
        raise UsageError("authenticationPlan.url must not hold a password: the secret goes into clientSecret")
    if address.scheme != "https" and not (address.scheme == "http" and _is_loopback(address.host)):
        raise UsageError(
            f"authenticationPlan.url is {place(url) or 'no web address'}: a token endpoint needs https:// "
            "(RFC 6749, 3.2), but on this machine (localhost), because the client's secret is sent to it"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
