"""A token endpoint that answers as it is told, and what is made of its answers."""

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from raw_server import head, playing, read_request
from vapi_conformance.auth import TokenError, TokenSource
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.vapi import OAuth2Plan

SECRET = "client/secret+1 é"
TOKEN = "access-token-0123456789"
JSON = "application/json"


def plan(url: str, **changes: str) -> OAuth2Plan:
    settings = {"token_url": f"{url}/token", "client_id": "bakery", "client_secret": SECRET, **changes}
    return OAuth2Plan(**settings)


def answer(document: object, status: str = "200 OK", **headers: str) -> bytes:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return head(status, **{"Content_Type": JSON, "Content_Length": str(len(body)), **headers}) + body


def granted(token: str = TOKEN, **changes: object) -> bytes:
    merged = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **changes}
    return answer({key: value for key, value in merged.items() if value is not None})


def refused(code: str, status: str = "400 Bad Request", **more: object) -> bytes:
    return answer({"error": code, **more}, status)


@dataclass
class Endpoint:
    """A token endpoint that gives these answers, the last one again and again, and keeps what it was asked."""

    answers: list[bytes]
    url: str = ""
    asked: list[bytes] = field(default_factory=list[bytes])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, connection: socket.socket) -> None:
        if not (request := read_request(connection)):
            return
        with self.lock:
            self.asked.append(request)
            given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        connection.sendall(given)

    def form(self, number: int) -> dict[str, list[str]]:
        return parse_qs(self.asked[number].partition(b"\r\n\r\n")[2].decode(), keep_blank_values=True)

    def head(self, number: int) -> str:
        return self.asked[number].partition(b"\r\n\r\n")[0].decode("latin-1")


@contextmanager
def endpoint(*answers: bytes) -> Generator[Endpoint]:
    made = Endpoint(list(answers))
    with playing(made.play) as url:
        made.url = url
        yield made


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000
        self.slept_s: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)

    def sleep_s(self, seconds: float) -> None:
        self.slept_s.append(round(seconds, 6))
        self.pass_s(seconds)


def source(found: OAuth2Plan, clock: Clock | None = None, secrets: Secrets | None = None) -> TokenSource:
    clock = clock or Clock()
    return TokenSource(found, secrets=secrets or Secrets(), clock_ns=clock, sleep_s=clock.sleep_s)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("accept", JSON), ("authorization", f"Bearer {token}"))


def told(*answers: bytes, **changes: str) -> str:
    """What a token endpoint that answers so is told to be, after its address."""
    with endpoint(*answers) as made:
        return why(source(plan(made.url, **changes)), made.url)


def why(tokens: TokenSource, url: str) -> str:
    with pytest.raises(TokenError) as caught:
        tokens.current()
    text = str(caught.value)
    assert SECRET not in text
    assert text.startswith(f"the token endpoint {url}/token ")
    assert "\n" not in text
    return text.removeprefix(f"the token endpoint {url}/token ")


def remarks(tokens: TokenSource) -> list[str]:
    return [str(each) for each in tokens.lints() if each.level == "warning"]
