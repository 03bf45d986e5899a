"""Access tokens: fetched once, renewed in time, sent nowhere but to a token endpoint by TLS."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth.token_endpoint import (
    JSON,
    SECRET,
    TOKEN,
    Clock,
    bearer,
    endpoint,
    granted,
    plan,
    refused,
    remarks,
    source,
    why,
)
from raw_server import head
from vapi_conformance.problems import UsageError


class TestRequest:
    def test_has_grant_scope_and_secret_in_the_form_body(self) -> None:
        with endpoint(granted()) as made:
            source(plan(made.url, scope="chat voice")).current()
        expected = {
            "grant_type": ["client_credentials"],
            "scope": ["chat voice"],
            "client_id": ["bakery"],
            "client_secret": [SECRET],
        }
        assert expected == made.form(0)
        assert made.head(0).startswith("POST /token HTTP/1.1")
        assert "content-type: application/x-www-form-urlencoded" in made.head(0).lower()
        assert "authorization:" not in made.head(0).lower()

    def test_has_no_scope_where_none_is_configured(self) -> None:
        with endpoint(granted()) as made:
            source(plan(made.url)).current()
        assert "scope" not in made.form(0)

    def test_tries_http_basic_where_the_form_is_not_taken_and_stays_with_it(self) -> None:
        clock = Clock()
        with endpoint(refused("invalid_client", "401 Unauthorized"), granted(expires_in=60), granted("second")) as made:
            tokens = source(plan(made.url), clock)
            assert TOKEN == tokens.current()
            clock.pass_s(60)
            assert "second" == tokens.current()
        assert 3 == len(made.asked)
        basic = base64.b64encode(f"bakery:{SECRET}".encode("latin-1")).decode()
        for number in (1, 2):
            assert f"authorization: basic {basic}".lower() in made.head(number).lower()
            assert ["grant_type"] == list(made.form(number))
        assert [
            (
                "warning: authenticationPlan names a token endpoint that does not take the client's secret in the form "
                "body, but by HTTP Basic"
            )
        ] == remarks(tokens)

    @pytest.mark.parametrize(
        ("answers", "how"),
        [
            ((granted(),), "in the form body"),
            ((refused("invalid_client"), granted()), "by HTTP Basic"),
        ],
    )
    def test_which_way_worked_is_told(self, answers: tuple[bytes, ...], how: str) -> None:
        with endpoint(*answers) as made:
            tokens = source(plan(made.url))
            assert () == tokens.lints()
            tokens.current()
        assert (
            f"info: authenticationPlan was used with the secret {how} (which way Vapi takes is not documented); "
            "tokens live 3600 s"
        ) == str(tokens.lints()[-1])

    def test_follows_no_redirect(self) -> None:
        with endpoint(granted()) as other, endpoint(head("307 Temporary Redirect", Location=other.url)) as made:
            why(source(plan(made.url)), made.url)
        assert [] == other.asked


class TestKeeping:
    def test_one_token_serves_until_shortly_before_its_end(self) -> None:
        clock = Clock()
        with endpoint(granted(expires_in=60), granted("second")) as made:
            tokens = source(plan(made.url), clock)
            assert [TOKEN] * 3 == [tokens.current() for _ in range(3)]
            clock.pass_s(53)
            assert (TOKEN, 1) == (tokens.current(), len(made.asked))
            clock.pass_s(2)
            assert ("second", 2) == (tokens.current(), len(made.asked))

    def test_nothing_is_fetched_before_it_is_needed(self) -> None:
        with endpoint(granted()) as made:
            source(plan(made.url))
        assert [] == made.asked

    def test_many_threads_share_one_fetch(self) -> None:
        with endpoint(granted(), granted("second")) as made:
            tokens = source(plan(made.url))
            with ThreadPoolExecutor(max_workers=8) as executor:
                found = [each.result() for each in [executor.submit(tokens.current) for _ in range(16)]]
        assert ([TOKEN] * 16, 1) == (found, len(made.asked))

    def test_a_token_without_a_known_end_is_kept(self) -> None:
        clock = Clock()
        with endpoint(granted(expires_in=None), granted("second")) as made:
            tokens = source(plan(made.url), clock)
            tokens.current()
            clock.pass_s(1e6)
            assert (TOKEN, None) == (tokens.current(), tokens.lifetime_s)
        assert [
            (
                "warning: authenticationPlan names a token endpoint that does not say expires_in: a token is used "
                "until the endpoint answers 401"
            )
        ] == remarks(tokens)

    @pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
    def test_the_type_is_bearer_in_any_case(self, kind: str) -> None:
        with endpoint(granted(token_type=kind)) as made:
            tokens = source(plan(made.url))
            assert (TOKEN, []) == (tokens.current(), remarks(tokens))

    @pytest.mark.parametrize(("seconds", "lifetime_s"), [("90", 90.0), (90.5, 90.5), (10**11, 1e11)])
    def test_times_in_other_forms_are_taken(self, seconds: object, lifetime_s: float) -> None:
        with endpoint(granted(expires_in=seconds)) as made:
            tokens = source(plan(made.url))
            assert (lifetime_s, isinstance(seconds, str)) == (tokens.lifetime_s, bool(remarks(tokens)))

    def test_a_missing_type_is_told_and_taken_for_bearer(self) -> None:
        with endpoint(granted(token_type=None)) as made:
            tokens = source(plan(made.url))
            assert TOKEN == tokens.current()
        assert "does not say token_type" in remarks(tokens)[0]


class TestRenewalAfter401:
    def test_gives_the_same_request_a_new_token(self) -> None:
        with endpoint(granted(), granted("second")) as made:
            tokens = source(plan(made.url))
            assert bearer("second") == tokens.renewed(bearer(tokens.current()), 401)
            assert "second" == tokens.current()
        assert [
            (
                "warning: authenticationPlan gave a token that the endpoint refused before its time, once; a new one "
                "was fetched"
            )
        ] == remarks(tokens)

    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    def test_happens_for_no_other_status(self, status: int) -> None:
        with endpoint(granted()) as made:
            tokens = source(plan(made.url))
            assert None is tokens.renewed(bearer(tokens.current()), status)
        assert 1 == len(made.asked)

    @pytest.mark.parametrize("headers", [bearer("not-the-right-key"), (("accept", JSON),)])
    def test_leaves_other_keys_alone(self, headers: tuple[tuple[str, str], ...]) -> None:
        with endpoint(granted()) as made:
            tokens = source(plan(made.url))
            tokens.current()
            assert None is tokens.renewed(headers, 401)

    def test_is_not_tried_again_where_a_new_token_did_not_help(self) -> None:
        with endpoint(granted(), granted("second"), granted("third")) as made:
            tokens = source(plan(made.url))
            tokens.renewed(bearer(tokens.current()), 401)
            assert None is tokens.renewed(bearer("second"), 401)
            assert None is tokens.renewed(bearer("second"), 401)
        assert 2 == len(made.asked)

    def test_is_tried_again_once_the_new_token_was_of_use(self) -> None:
        with endpoint(granted(), granted("second"), granted("third")) as made:
            tokens = source(plan(made.url))
            tokens.renewed(bearer(tokens.current()), 401)
            tokens.renewed(bearer("second"), 200)
            assert bearer("third") == tokens.renewed(bearer("second"), 401)
        assert "2 times" in remarks(tokens)[0]

    def test_whoever_comes_late_gets_the_token_that_another_fetched(self) -> None:
        with endpoint(granted(), granted("second")) as made:
            tokens = source(plan(made.url))
            first = tokens.current()
            assert [bearer("second")] * 3 == [tokens.renewed(bearer(first), 401) for _ in range(3)]
        assert 2 == len(made.asked)


class TestExpiredToken:
    def test_is_the_one_that_was_used_once_its_time_is_over(self) -> None:
        clock = Clock()
        with endpoint(granted(expires_in=3), granted("second", expires_in=3)) as made:
            tokens = source(plan(made.url), clock)
            used = tokens.current()
            clock.pass_s(1)
            assert used == tokens.expired()
            assert [3.0] == clock.slept_s
            assert "second" == tokens.current()

    def test_is_not_renewed_when_it_is_refused(self) -> None:
        with endpoint(granted(expires_in=3), granted("second")) as made:
            tokens = source(plan(made.url))
            assert None is tokens.renewed(bearer(tokens.expired()), 401)
        assert 1 == len(made.asked)

    @pytest.mark.parametrize("seconds", [6, None])
    def test_is_not_waited_for_where_it_takes_long(self, seconds: int | None) -> None:
        with endpoint(granted(expires_in=seconds)) as made, pytest.raises(ValueError, match="not waited out"):
            source(plan(made.url)).expired()


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "https://id.example/token",
            "http://localhost:1/token",
            "http://id.localhost/token",
            "http://127.0.0.1:8080/token",
            "http://127.9.9.9/token",
            "http://[::1]/token",
        ],
    )
    def test_is_tls_or_this_machine(self, url: str) -> None:
        assert () == source(plan("", token_url=url)).lints()

    @pytest.mark.parametrize(
        "url", ["http://id.example/token?a=1", "http://10.0.0.1/token", "http://localhost.evil.example/token"]
    )
    def test_is_refused_otherwise(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            source(plan("", token_url=url))
        assert (
            f"authenticationPlan.url is {url.removesuffix('?a=1')}: a token endpoint needs https:// (RFC 6749, 3.2), "
            "but on this machine (localhost), because the client's secret is sent to it"
        ) == str(caught.value)

    @pytest.mark.parametrize("url", ["https://me:hush-hush@id.example/token", "http://hush-hush@localhost/token"])
    def test_with_a_password_is_refused_and_not_shown(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            source(plan("", token_url=url))
        assert "authenticationPlan.url must not hold a password: the secret goes into clientSecret" == str(caught.value)

    @pytest.mark.parametrize("url", ["http://[::1", "ftp://id.example/token", "https://a\tb/"])
    def test_of_any_form_raises_nothing_else(self, url: str) -> None:
        with pytest.raises(UsageError):
            source(plan("", token_url=url))
