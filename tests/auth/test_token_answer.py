"""Each way in which a token endpoint fails is told in one sentence, and no secret stands in any."""

import base64
import re
import socket
import threading
from collections.abc import Callable

import pytest

from auth.token_endpoint import JSON, SECRET, TOKEN, answer, endpoint, granted, plan, refused, source, told, why
from raw_server import Script, chunked, head, playing, read_request
from vapi_conformance.auth import token_request
from vapi_conformance.masking import Secrets

HTML = b"<!doctype html><title>Sign in</title>"


class TestFailures:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (
                refused("invalid_client", "401 Unauthorized"),
                (
                    "refuses with invalid_client (status 401): it does not know clientId, or clientSecret is another; "
                    "so with the secret in the form body and by HTTP Basic"
                ),
            ),
            (
                answer(b"go away", "401 Unauthorized", Content_Type="text/plain"),
                (
                    "refuses with status 401 and does not say why as OAuth2 wants it; so with the secret in the form "
                    "body and by HTTP Basic"
                ),
            ),
            (
                refused("invalid_scope"),
                "refuses with invalid_scope (status 400): it does not give authenticationPlan.scope",
            ),
            (
                refused("unauthorized_client", error_description="no machines"),
                (
                    "refuses with unauthorized_client (status 400): this client may not use client credentials (it "
                    "says 'no machines')"
                ),
            ),
            (refused("no_way\x1b[2J"), "refuses with 'no_way\\x1b[2J' (status 400)"),
            (
                refused("unsupported_grant_type", "200 OK"),
                "refuses with unsupported_grant_type (status 200): it does not offer client credentials",
            ),
            (
                answer(HTML, Content_Type="text/html; charset=utf-8"),
                "answers with an HTML page (status 200) in place of JSON: is it the right URL?",
            ),
            (
                answer(HTML, Content_Type="text/plain"),
                "answers with an HTML page (status 200) in place of JSON: is it the right URL?",
            ),
            (answer(b"access_token=abc"), "answers with something else than JSON (status 200)"),
            (answer(b""), "answers with an empty body (status 200)"),
            (answer([]), "answers with JSON that is no object (status 200)"),
            (answer(b"[" * 60_000), "answers with something else than JSON (status 200)"),
            (answer({}), "answers without access_token (the object holds nothing)"),
            (answer({"token": "x", "ok": 1}), "answers without access_token (the object holds 'token', 'ok')"),
            (granted(""), "gives an empty access_token"),
            (answer({"access_token": 5, "token_type": "Bearer"}), "gives an access_token that is no string"),
            (
                granted("a" * 20_000),
                "gives an access_token of 20000 characters, which no server takes in a header",
            ),
            (
                granted("abc\r\nX-Evil: 1"),
                "gives an access_token with a line break that no Authorization header can carry",
            ),
            (
                granted("abc def"),
                "gives an access_token with a space or another character that no Authorization header can carry",
            ),
            (granted(token_type="mac"), "gives a token with token_type 'mac'; Vapi sends Bearer tokens only"),
            (
                granted(token_type=["Bearer"]),
                "gives a token with token_type '[\"Bearer\"]'; Vapi sends Bearer tokens only",
            ),
            (granted(expires_in=-1), "gives expires_in '-1', which is no number of seconds above 0"),
            (granted(expires_in=0), "gives expires_in '0', which is no number of seconds above 0"),
            (granted(expires_in=True), "gives expires_in 'true', which is no number of seconds above 0"),
            (granted(expires_in="soon"), "gives expires_in '\"soon\"', which is no number of seconds above 0"),
            (
                granted(expires_in="9" * 30_000),
                f"gives expires_in '\"{'9' * 159}', which is no number of seconds above 0",
            ),
            (
                answer(b'{"access_token":"abcdefgh","token_type":"Bearer","expires_in":' + b"9" * 5000 + b"}"),
                "gives expires_in 'Infinity', which is no number of seconds above 0",
            ),
            (
                head("302 Found", Location="https://login.example/sign-in?secret=1#x", Content_Length="0"),
                "redirects (status 302) to 'https://login.example/sign-in': is that the right authenticationPlan.url?",
            ),
            (head("302 Found", Location="javascript:alert(1)", Content_Length="0"), "redirects (status 302)"),
            (head("302 Found", Location="http://[", Content_Length="0"), "redirects (status 302)"),
            (head("302 Found", Content_Length="0"), "redirects (status 302)"),
            (
                answer(b"oops", "503 Service Unavailable"),
                "fails with status 503 and does not say why as OAuth2 wants it",
            ),
            (
                answer({"message": "Not Found"}, "404 Not Found"),
                "refuses with status 404 and does not say why as OAuth2 wants it",
            ),
            (head("204 No Content"), "answers with an empty body (status 204)"),
            (
                answer({}, Content_Encoding="gzip"),
                "answers in the content coding 'gzip', which it was not asked for",
            ),
            (
                head(Content_Type=JSON, Transfer_Encoding="chunked") + chunked(b"x" * 70_000),
                "answers with more than 64 KiB",
            ),
        ],
    )
    def test_are_told_in_one_sentence(self, given: bytes, words: str) -> None:
        assert words == told(given)

    def test_a_redirect_within_the_host_is_told_whole(self) -> None:
        with endpoint(head("301 Moved Permanently", Location="/v2/token?a=b", Content_Length="0")) as made:
            found = why(source(plan(made.url)), made.url)
        assert f"redirects (status 301) to '{made.url}/v2/token': is that the right authenticationPlan.url?" == found

    def test_what_basic_changed_is_told_too(self) -> None:
        assert (
            "refuses with invalid_client (status 400): it does not know clientId, or clientSecret is another, and "
            "with HTTP Basic fails with status 500 and does not say why as OAuth2 wants it"
        ) == told(refused("invalid_client"), answer(b"", "500 Internal Server Error"))

    def test_a_secret_that_basic_cannot_carry(self) -> None:
        found = told(refused("invalid_client"), client_secret="геheim")
        assert found.endswith("clientId and clientSecret hold characters that HTTP Basic cannot carry")

    def test_nobody_is_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert why(source(plan(url)), url).startswith("cannot be reached: ")

    @pytest.mark.parametrize(
        "bytes_sent", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"\x16\x03\x01", head(Content_Length="10") + b"{"]
    )
    def test_a_connection_that_breaks_off(self, bytes_sent: bytes) -> None:
        assert re.match("cannot be reached: |breaks off in the middle of its answer: ", told(bytes_sent))

    @pytest.mark.parametrize("start", [b"", head(Content_Length="1000") + b"{"])
    def test_an_endless_one_is_given_up(self, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(token_request, "TOTAL_S", 0.3)
        with playing(dripping(start)) as url:
            assert "gives no whole answer within 0.3 s" == why(source(plan(url)), url)


def dripping(start: bytes) -> Script:
    """Reads the request, begins, and then sends a byte now and then until the other side is gone."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start or b"HTTP/1.1 200 OK\r\nX-Slow: ")
        over = threading.Event()
        while True:
            connection.sendall(b" ")
            over.wait(0.05)

    return script


class TestSecrets:
    ECHOES: tuple[Callable[[str], bytes], ...] = (
        lambda secret: refused("invalid_scope", error_description=f"no scope for {secret} here"),
        lambda secret: refused(f"odd {secret}"),
        lambda secret: refused("invalid_request", error_description="x" * 150 + secret),
        lambda secret: granted(token_type=f"kind {secret}"),
        lambda secret: granted(expires_in=f"in {secret}"),
        lambda secret: answer({f"key {secret}": 1}),
        lambda secret: head("302 Found", Location=f"https://a.example/{secret}/", Content_Length="0"),
    )

    @pytest.mark.parametrize("echo", ECHOES)
    @pytest.mark.parametrize("secret", ["client-secret-0123", "a/b+c d&e=f%<>", 'quote"back\\slash'])
    def test_never_stand_in_an_error(self, echo: Callable[[str], bytes], secret: str) -> None:
        found = told(echo(secret), client_secret=secret)
        assert secret not in found
        assert secret[:9] not in found

    def test_a_token_beside_an_error_is_not_shown_either(self) -> None:
        assert TOKEN not in told(granted(error="invalid_request", error_description=f"spent {TOKEN}"))

    @pytest.mark.parametrize("secret", ["e", "abc"])
    def test_nothing_is_quoted_where_the_secret_is_tiny(self, secret: str) -> None:
        assert "refuses with an error of its own (status 400)" == told(
            refused("everything", error_description="e abc"), client_secret=secret
        )

    def test_all_that_was_fetched_or_sent_is_one(self) -> None:
        secrets = Secrets()
        with endpoint(granted(refresh_token="refresh-1", id_token="id-1")) as made:
            tokens = source(plan(made.url), secrets=secrets)
            assert SECRET.encode() in secrets.values
            tokens.current()
        basic = base64.b64encode(f"bakery:{SECRET}".encode("latin-1"))
        assert {SECRET.encode(), basic, TOKEN.encode(), b"refresh-1", b"id-1"} <= set(secrets.values)

    def test_no_object_prints_one(self) -> None:
        with endpoint(granted()) as made:
            found = plan(made.url)
            tokens = source(found)
            tokens.current()
            shown = repr((found, tokens, tokens.lints(), vars(tokens)["_held"]))
        assert SECRET not in shown
        assert TOKEN not in shown
