"""One request to a token endpoint, and all that came back, within bounds.

authlib puts the request (grant, client authentication); its own HTTP client is not used. That one stands on another
library than ours, bounds neither size nor total time, and takes an answer at its word.
"""

import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

import httpcore
import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from vapi_conformance.network import ClockedTransport, deadline
from vapi_conformance.platforms.vapi.credential import OAuth2Plan

__all__ = ["MOST_ANSWER_BYTES", "TOTAL_S", "ClientAuthentication", "NoAnswerError", "Reply", "ask", "place"]

ClientAuthentication = Literal["client_secret_post", "client_secret_basic"]
"""How the client shows its secret, by the names of OAuth2's registry: in the form body, or by HTTP Basic."""

MOST_ANSWER_BYTES: Final = 64 * 1024
TOTAL_S: Final = 15.0
"""For the whole of it, however slowly it drips."""
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a token endpoint answered."""

    status: int
    media_type: str
    location: str | None
    body: bytes


class _Prepare(Protocol):
    """What authlib's types leave open: a request with the client's credentials in it."""

    def __call__(
        self, method: str, uri: str, headers: dict[str, str], body: str
    ) -> tuple[str, dict[str, str], str]: ...


class NoAnswerError(Exception):
    """There was no whole answer. The text is the rest of a sentence about the token endpoint."""


def place(url: str) -> str | None:
    """A web address as it may be shown, None where it is none: secrets stand in the query, or in front of the host."""
    try:
        address = httpx.URL(url)
        if address.scheme not in ("http", "https") or not address.host:
            return None
        return str(address.copy_with(query=None, fragment=None, userinfo=b""))
    except (httpx.InvalidURL, ValueError):  # the latter: what is no domain name to IDNA
        return None


def ask(plan: OAuth2Plan, authentication: ClientAuthentication) -> Reply:
    """Sends one request. Raises NoAnswerError."""
    request = _request(plan, authentication)
    deadline.at_ns = time.monotonic_ns() + round(TOTAL_S * _NS_PER_S)
    try:
        with ClockedTransport(connections=1) as transport:
            return _received(transport, request)
    except (httpcore.TimeoutException, TimeoutError):
        raise NoAnswerError(f"gives no whole answer within {TOTAL_S:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, httpcore.UnsupportedProtocol) as why:
        raise NoAnswerError(f"cannot be reached: {str(why) or type(why).__name__}") from None
    finally:
        deadline.at_ns = None


def _request(plan: OAuth2Plan, authentication: ClientAuthentication) -> httpx.Request:
    body = prepare_token_request("client_credentials", scope=plan.scope or "")
    head = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    client = ClientAuth(plan.client_id, plan.client_secret, authentication)
    prepare = cast("_Prepare", client.prepare)  # pyright: ignore[reportUnknownMemberType] - see _Prepare
    try:
        url, headers, content = prepare("POST", plan.token_url, head, body)
    except UnicodeError:
        raise NoAnswerError(
            "was not asked: clientId and clientSecret hold characters that HTTP Basic cannot carry"
        ) from None
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), TOTAL_S)
    try:
        return httpx.Request("POST", url, headers=headers, content=content, extensions={"timeout": timeout})
    except (httpx.InvalidURL, ValueError):
        raise NoAnswerError("was not asked: its address is no URL") from None


def _received(transport: ClockedTransport, request: httpx.Request) -> Reply:
    response = transport.handle_request(request)
    try:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise NoAnswerError(f"answers in the content coding {coding[:20]!r}, which it was not asked for")
        body = bytearray()
        for data in response.iter_raw():
            body += data
            if len(body) > MOST_ANSWER_BYTES:
                raise NoAnswerError(f"answers with more than {MOST_ANSWER_BYTES // 1024} KiB")
    except (httpcore.NetworkError, httpcore.ProtocolError) as problem:
        raise NoAnswerError(f"breaks off in the middle of its answer: {problem}") from None
    finally:
        response.close()
    return Reply(
        status=response.status_code,
        media_type=response.headers.get("content-type", "").split(";")[0].strip().lower(),
        location=response.headers.get("location"),
        body=bytes(body),
    )
