"""Client libraries of OAuth2 get their tokens from the server, in a process of its own, and hold conversations."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    import openai

authlib = pytest.importorskip("authlib.integrations.requests_client", reason="authlib's client needs requests")
requests_oauthlib = pytest.importorskip("requests_oauthlib", reason="requests-oauthlib is not installed")
oauth2 = pytest.importorskip("oauthlib.oauth2", reason="oauthlib is not installed")
openai_sdk = pytest.importorskip("openai", reason="the official client library is not installed")

ID, SECRET = "bakery", "se/cret+1"
QUESTION = {"model": "reference", "messages": [{"role": "user", "content": "Say exactly: We open at seven."}]}


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    command = [sys.executable, "-u", "-m", "vapi_reference_server", "--port", "0", "--token-seconds", "600"]
    environment = {**os.environ, "OAUTH_CLIENT": f"{ID}:{SECRET}"}
    environment.pop("REFERENCE_SERVER_API_KEY", None)
    with subprocess.Popen(
        [*command, "--oauth-client-env", "OAUTH_CLIENT"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None, said
        yield found[0]
        process.terminate()
        assert SECRET not in process.stdout.read()


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries want TLS, but where they are told that it is a test."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def words(document: object) -> object:
    return cast("dict[str, list[dict[str, dict[str, object]]]]", document)["choices"][0]["message"]["content"]


def by_authlib(url: str, method: str) -> dict[str, object]:
    with authlib.OAuth2Session(ID, SECRET, scope="chat", token_endpoint_auth_method=method) as session:
        return cast("dict[str, object]", session.fetch_token(f"{url}/oauth/token", grant_type="client_credentials"))


class TestAuthlib:
    @pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
    def test_fetches_a_token_in_both_ways(self, url: str, method: str) -> None:
        token = by_authlib(url, method)
        assert ("Bearer", 600, "chat") == (token["token_type"], token["expires_in"], token["scope"])

    def test_its_session_is_answered(self, url: str) -> None:
        with authlib.OAuth2Session(ID, SECRET) as session:
            session.fetch_token(f"{url}/oauth/token", grant_type="client_credentials")
            answer = session.post(f"{url}/chat/completions", json=QUESTION)
        assert (200, "We open at seven.") == (answer.status_code, words(answer.json()))

    def test_understands_the_errors(self, url: str) -> None:
        with authlib.OAuth2Session(ID, "wrong") as session, pytest.raises(authlib.OAuthError) as caught:
            session.fetch_token(f"{url}/oauth/token", grant_type="client_credentials")
        assert "invalid_client" == caught.value.error
        with authlib.OAuth2Session(ID, SECRET, scope="admin") as session, pytest.raises(authlib.OAuthError) as caught:
            session.fetch_token(f"{url}/oauth/token", grant_type="client_credentials")
        assert "invalid_scope" == caught.value.error


class TestRequestsOauthlib:
    @pytest.mark.parametrize("in_form", [False, True])
    def test_its_session_is_answered(self, url: str, in_form: bool) -> None:
        client = oauth2.BackendApplicationClient(client_id=ID, scope=["chat"])
        with requests_oauthlib.OAuth2Session(client=client) as session:
            session.fetch_token(f"{url}/oauth/token", client_id=ID, client_secret=SECRET, include_client_id=in_form)
            answer = session.post(f"{url}/chat/completions", json=QUESTION)
        assert (200, "We open at seven.") == (answer.status_code, words(answer.json()))

    def test_understands_the_errors(self, url: str) -> None:
        client = oauth2.BackendApplicationClient(client_id=ID)
        with requests_oauthlib.OAuth2Session(client=client) as session, pytest.raises(oauth2.InvalidClientError):
            session.fetch_token(f"{url}/oauth/token", client_id=ID, client_secret="wrong")


class TestOpenai:
    def test_talks_with_a_fetched_token(self, url: str) -> None:
        token = str(by_authlib(url, "client_secret_basic")["access_token"])
        with cast("type[openai.OpenAI]", openai_sdk.OpenAI)(
            base_url=f"{url}/v1", api_key=token, max_retries=0
        ) as client:
            answer = client.chat.completions.create(
                model="reference", messages=[{"role": "user", "content": "Say exactly: Good evening."}]
            )
            stream = client.chat.completions.create(
                model="reference", messages=[{"role": "user", "content": "Say exactly: Good evening."}], stream=True
            )
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert ["Good evening."] * 2 == [answer.choices[0].message.content, streamed]

    def test_is_refused_with_another(self, url: str) -> None:
        with (
            cast("type[openai.OpenAI]", openai_sdk.OpenAI)(
                base_url=f"{url}/v1", api_key="another", max_retries=0
            ) as client,
            pytest.raises(cast("type[openai.AuthenticationError]", openai_sdk.AuthenticationError)),
        ):
            client.chat.completions.create(model="reference", messages=[{"role": "user", "content": "Hi"}])


def test_the_secret_opens_nothing_but_the_token_endpoint(url: str) -> None:
    answer = httpx.post(f"{url}/chat/completions", json=QUESTION, headers={"Authorization": f"Bearer {SECRET}"})
    assert 401 == answer.status_code
