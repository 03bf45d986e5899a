"""The token endpoint as RFC 6749 wants it, and what its tokens open on every API."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

import pytest

from reference_server.conftest import KEY
from reference_server.talking import Talk, inner, user
from vapi_reference_server.oauth import OAuthClient
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from reference_server.talking import Heard, Json

CLIENT = OAuthClient(id="bakery", secret="se/cret+1:é")
GOOD = {"grant_type": "client_credentials", "client_id": CLIENT.id, "client_secret": CLIENT.secret}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def guarded() -> Generator[Talk]:
    """A server that takes a key and tokens; its tokens live for a second."""
    with running(Settings(pace_ms=0, api_key=KEY, oauth_client=CLIENT, token_seconds=1)) as url:
        conversation = Talk(url)
        with conversation.client:
            yield conversation


@pytest.fixture(scope="module")
def lasting() -> Generator[Talk]:
    """A server that takes tokens only; they live for an hour."""
    with running(Settings(pace_ms=0, oauth_client=CLIENT)) as url:
        conversation = Talk(url)
        with conversation.client:
            yield conversation


def ask(talk: Talk, form: dict[str, str] | bytes, kind: str = FORM, **headers: str) -> Heard:
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return talk.post(body, "/oauth/token", {"content-type": kind, **headers})


def basic(client_id: str, secret: str, coding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode(coding)).decode()


def token(talk: Talk) -> str:
    return str(ask(talk, GOOD).json["access_token"])


class TestGranted:
    def test_by_form_body(self, lasting: Talk) -> None:
        heard = ask(lasting, GOOD)
        assert (200, "Bearer", 3600, "chat") == (
            heard.status,
            heard.json["token_type"],
            heard.json["expires_in"],
            heard.json["scope"],
        )
        assert ("application/json", "no-store", "no-cache") == tuple(
            heard.headers[name] for name in ("content-type", "cache-control", "pragma")
        )

    @pytest.mark.parametrize(
        "authorization",
        [
            basic(CLIENT.id, CLIENT.secret),
            basic(CLIENT.id, CLIENT.secret, "latin-1"),
            basic(CLIENT.id, quote_plus(CLIENT.secret)),
            basic(CLIENT.id, CLIENT.secret).replace("Basic", "basic"),
        ],
    )
    def test_by_http_basic_encoded_or_not(self, lasting: Talk, authorization: str) -> None:
        form = {"grant_type": "client_credentials"}
        assert 200 == ask(lasting, form, Authorization=authorization).status
        assert 200 == ask(lasting, {**form, "client_id": CLIENT.id}, Authorization=authorization).status

    @pytest.mark.parametrize("scope", ["", "chat", "chat chat"])
    def test_with_a_scope_that_is_there(self, lasting: Talk, scope: str) -> None:
        assert 200 == ask(lasting, {**GOOD, "scope": scope}).status

    def test_whatever_the_charset_of_the_form(self, lasting: Talk) -> None:
        assert 200 == ask(lasting, GOOD, f"{FORM};charset=UTF-8").status

    def test_while_a_fault_is_shown(self, lasting: Talk) -> None:
        assert 200 == ask(lasting, GOOD, **{"X-Fault": "bearer-refused"}).status


class TestRefused:
    @pytest.mark.parametrize(
        ("form", "status", "error"),
        [
            ({**GOOD, "client_secret": "other"}, 401, "invalid_client"),
            ({**GOOD, "client_id": "other"}, 401, "invalid_client"),
            ({"grant_type": "client_credentials"}, 401, "invalid_client"),
            ({**GOOD, "grant_type": "password"}, 400, "unsupported_grant_type"),
            ({**GOOD, "grant_type": ""}, 400, "invalid_request"),
            ({**GOOD, "scope": "chat admin"}, 400, "invalid_scope"),
            (urlencode([*GOOD.items(), ("scope", "chat"), ("scope", "chat")]).encode(), 400, "invalid_request"),
            (b"grant_type=%ff\xff", 400, "invalid_request"),
            ("&".join(f"a{number}=1" for number in range(100)).encode(), 400, "invalid_request"),
        ],
        ids=range(9),
    )
    def test_with_the_error_that_fits(
        self, lasting: Talk, form: dict[str, str] | bytes, status: int, error: str
    ) -> None:
        heard = ask(lasting, form)
        assert (status, error) == (heard.status, heard.json["error"])
        assert "no-store" == heard.headers["cache-control"]
        assert (status == 401) == ("www-authenticate" in heard.headers)
        assert CLIENT.secret not in heard.body.decode()

    @pytest.mark.parametrize(
        "authorization",
        [
            basic(CLIENT.id, "wrong"),
            basic("other", CLIENT.secret),
            "Basic",
            "Basic %%%",
            "Basic " + "A" * 7,
            "Basic /w==",
        ],
    )
    def test_a_wrong_basic_with_the_scheme(self, lasting: Talk, authorization: str) -> None:
        heard = ask(lasting, {"grant_type": "client_credentials"}, Authorization=authorization)
        assert (401, "invalid_client") == (heard.status, heard.json["error"])
        assert heard.headers["www-authenticate"].startswith("Basic ")

    def test_both_ways_at_once(self, lasting: Talk) -> None:
        heard = ask(lasting, GOOD, Authorization=basic(CLIENT.id, CLIENT.secret))
        assert (400, "invalid_request") == (heard.status, heard.json["error"])

    def test_json_in_place_of_a_form(self, lasting: Talk) -> None:
        heard = ask(lasting, b"{}", "application/json")
        assert (400, "invalid_request") == (heard.status, heard.json["error"])

    def test_another_method(self, lasting: Talk) -> None:
        assert 405 == lasting.post(b"", "/oauth/token", method="GET").status

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_where_nobody_may_fetch_any_there_is_no_such_path(self, locked: Talk, method: str) -> None:
        assert 404 == locked.post(b"", "/oauth/token", method=method).status


REQUESTS: tuple[tuple[str, str, Json], ...] = (
    ("chat", "/chat/completions", user("Hi")),
    ("responses", "/v1/responses", {"model": "reference", "input": "Hi"}),
    (
        "anthropic",
        "/v1/messages",
        {"model": "reference", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]},
    ),
    (
        "gemini",
        "/v1beta/models/reference:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    ),
)
KEY_HEADERS = {
    "chat": ("authorization", f"Bearer {KEY}"),
    "responses": ("authorization", f"Bearer {KEY}"),
    "anthropic": ("x-api-key", KEY),
    "gemini": ("x-goog-api-key", KEY),
}


@pytest.mark.parametrize(("name", "path", "body"), REQUESTS, ids=[name for name, _, _ in REQUESTS])
class TestOnEveryApi:
    @staticmethod
    def post(talk: Talk, path: str, body: Json, *headers: tuple[str, str]) -> Heard:
        return talk.post(body, path, {"anthropic-version": "2023-06-01", **dict(headers)})

    def test_a_token_and_the_key_are_accepted(self, guarded: Talk, name: str, path: str, body: Json) -> None:
        bearer = ("authorization", f"Bearer {token(guarded)}")
        assert [200, 200] == [self.post(guarded, path, body, each).status for each in (bearer, KEY_HEADERS[name])]

    def test_an_expired_token_is_refused_in_its_shape(self, guarded: Talk, name: str, path: str, body: Json) -> None:
        bearer = ("authorization", f"Bearer {token(guarded)}")
        time.sleep(1.1)
        heard = self.post(guarded, path, body, bearer)
        assert (401, "The access token expired.") == (heard.status, inner(heard.json, "error")["message"])
        assert heard.headers["www-authenticate"].startswith('Bearer error="invalid_token"')

    def test_where_only_tokens_count_nothing_else_does(self, lasting: Talk, name: str, path: str, body: Json) -> None:
        bearer = ("authorization", f"Bearer {token(lasting)}")
        assert 200 == self.post(lasting, path, body, bearer).status
        refused = [
            self.post(lasting, path, body, *headers).status
            for headers in ((), (KEY_HEADERS[name],), (("authorization", "Bearer other"),))
        ]
        assert {400, 401, 403} >= set(refused)


class TestFaults:
    @staticmethod
    def post(talk: Talk, bearer: str, fault: str, call: str = "") -> int:
        body = {**user("Hi"), **({"call": {"id": call}} if call else {})}
        return talk.post(body, headers={"authorization": f"Bearer {bearer}", "x-fault": fault}).status

    def test_a_token_that_never_expires(self, guarded: Talk) -> None:
        issued = token(guarded)
        time.sleep(1.1)
        assert [401, 200, 401] == [
            post(guarded, user("Hi"), issued).status,
            self.post(guarded, issued, "token-never-expires"),
            self.post(guarded, "never-issued", "token-never-expires"),
        ]

    def test_a_call_that_keeps_to_its_first_token(self, lasting: Talk) -> None:
        first, second, name = token(lasting), token(lasting), "token-kept-for-the-call"
        assert [200, 200, 401] == [self.post(lasting, each, name, "one") for each in (first, first, second)]
        assert [200, 401] == [self.post(lasting, each, name, "two") for each in (second, first)]
        assert [200, 200] == [self.post(lasting, each, name) for each in (second, first)]


def post(talk: Talk, body: Json, bearer: str) -> Heard:
    return talk.post(body, headers={"authorization": f"Bearer {bearer}"})


def test_fetching_a_token_is_no_generation(lasting: Talk) -> None:
    assert "0" == ask(lasting, GOOD).headers["x-generations-active"]
    assert "0" == lasting.post(b"", "/healthz", method="GET").headers["x-generations-active"]


def test_settings_do_not_print_the_secret() -> None:
    assert CLIENT.secret not in repr(Settings(oauth_client=CLIENT))
