"""Rules on keys."""

from dataclasses import replace

import pytest

from judging import outcome, steps, told, with_header, with_status
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Capture, Exchange, Read, Response
from vapi_conformance.rules import Level, all_rules
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, RuleResult, judge_rule
from whole_answers import refused

ECHO = "auth.key-is-not-echoed"
LENGTH = 24


def keyed(
    body: str, *, key: bytes = b"*" * LENGTH, name: bytes = b"Authorization", scheme: bytes = b"Bearer "
) -> Exchange:
    """A refused request with that (masked) key, and this body."""
    exchange = steps("auth")["wrong"]
    headers = ((b"Content-Type", b"application/json"), (name, scheme + key))
    read = Read(at_ns=0, data=body.encode())
    return replace(exchange, request=replace(exchange.request, headers=headers), reads=(read,))


class TestKeyIsNotEchoed:
    @pytest.mark.parametrize("stars", [LENGTH, LENGTH + 1, LENGTH * 2])
    def test_the_whole_mask_is_the_whole_key(self, stars: int) -> None:
        assert ["the whole key in the body, at byte 5"] == told(ECHO, keyed("key: " + "*" * stars + "."))

    @pytest.mark.parametrize("shown", ["sk-1" + "*" * (LENGTH - 8) + "9f2c", "*" * (LENGTH - 1), "***", ""])
    def test_a_key_shown_in_part_is_fine(self, shown: str) -> None:
        assert [] == told(ECHO, keyed(f"key: {shown}"))

    def test_headers_are_read_too(self) -> None:
        exchange = with_header(keyed("no"), "X-Debug", "Bearer " + "*" * LENGTH)
        assert ["the whole key in the header X-Debug"] == told(ECHO, exchange)

    @pytest.mark.parametrize("name", [b"authorization", b"X-Api-Key"])
    def test_whatever_header_it_was_sent_in(self, name: bytes) -> None:
        assert 1 == len(told(ECHO, keyed("*" * LENGTH, name=name, scheme=b"")))

    def test_reads_are_joined_before_they_are_searched(self) -> None:
        exchange = keyed("")
        halves = tuple(Read(at_ns=at, data=b"*" * (LENGTH // 2)) for at in (0, 1))
        assert 1 == len(told(ECHO, replace(exchange, reads=halves)))

    @pytest.mark.parametrize(("stars", "expected"), [(LENGTH, 1), (LENGTH - 2, 0)])
    def test_words_are_joined_before_they_are_searched(self, stars: int, expected: int) -> None:
        """A model that tells its key tells it token by token."""
        chunk = 'data: {"choices": [{"index": 0, "delta": {"content": "%s"}}]}\n\n'
        streamed = keyed((chunk % ("*" * (stars // 2))) * 2)
        head = Response(status=200, headers=((b"Content-Type", b"text/event-stream"),))
        said = ["the whole key in the words of the answer, in pieces"] * expected
        assert said == told(ECHO, replace(streamed, response=head))

    @pytest.mark.parametrize("key", [b"", b"*" * 7, b"REDACTED"])
    def test_a_short_or_foreign_mask_says_nothing(self, key: bytes) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(ECHO, keyed("*" * 100, key=key))

    def test_other_recorders_do_not_mask_answers(self) -> None:
        exchange = replace(keyed("*" * 100), capture=Capture(recorder="HAR"))
        assert Outcome.NOT_APPLICABLE is outcome(ECHO, exchange)


class TestAuthScenario:
    @pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
    def test_only_401_refuses_a_key(self, status: int) -> None:
        for step, rule in (("missing", "auth.missing-key-is-401"), ("wrong", "auth.wrong-key-is-401")):
            assert [f"status {status}"] == told(rule, with_status(steps("auth")[step], status))

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_the_right_key_is_answered(self, status: int) -> None:
        assert [f"status {status}"] == told("auth.bearer-is-accepted", with_status(steps("auth")["right"], status))

    def test_a_step_that_was_not_played_is_not_judged(self) -> None:
        assert Outcome.UNTESTABLE is outcome("auth.wrong-key-is-401", steps("auth")["missing"])


EXPIRED, REFRESHED = "auth.expired-token-is-401", "auth.refreshed-token-is-accepted"


def judged(rule: str, *steps_shown: str, lifetime_s: float | None = 2.0, fresh_status: int = 200) -> RuleResult:
    """Of these steps of the scenario."""
    shown = steps("expired-token")
    shown["fresh"] = with_status(shown["fresh"], fresh_status)
    conditions = Conditions(token_lifetime_s=lifetime_s)
    evidence = [Evidence(exchange=shown[step], conditions=conditions) for step in steps_shown]
    return judge_rule(all_rules()[rule], Level.SHOULD, evidence)


class TestExpiredToken:
    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    def test_only_401_refuses_it(self, status: int) -> None:
        shown = steps("expired-token")
        assert [f"status {status}"] == told(EXPIRED, shown["fresh"], with_status(shown["expired"], status))

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_the_next_one_is_answered(self, status: int) -> None:
        shown = steps("expired-token")
        refused = with_status(shown["refreshed"], status)
        assert [f"status {status}"] == told(REFRESHED, shown["fresh"], shown["expired"], refused)

    @pytest.mark.parametrize("rule", [EXPIRED, REFRESHED])
    @pytest.mark.parametrize(
        ("lifetime_s", "words"),
        [
            (3600.0, "access tokens live 3600 s here; one is waited out where that is 5 s at most"),
            (None, "the token endpoint does not say how long its tokens live, so none was waited out"),
        ],
    )
    def test_is_not_applicable_where_none_was_seen_and_says_why(
        self, rule: str, lifetime_s: float | None, words: str
    ) -> None:
        found = judged(rule, "fresh", lifetime_s=lifetime_s)
        assert (Outcome.NOT_APPLICABLE, words) == (found.outcome, found.reason)

    @pytest.mark.parametrize("rule", [EXPIRED, REFRESHED])
    def test_says_nothing_where_tokens_are_not_accepted_at_all(self, rule: str) -> None:
        found = judged(rule, "fresh", "expired", "refreshed", fresh_status=401)
        assert (Outcome.NOT_APPLICABLE, "a token in force was not accepted (status 401)") == (
            found.outcome,
            found.reason,
        )

    @pytest.mark.parametrize("rule", [EXPIRED, REFRESHED])
    def test_is_not_applicable_where_keys_are_sent(self, rule: str) -> None:
        found = judge_rule(all_rules()[rule], Level.SHOULD, [Evidence(exchange=steps("auth")["right"])])
        assert (Outcome.NOT_APPLICABLE, "needs the scenario expired-token, which was not played") == (
            found.outcome,
            found.reason,
        )


class TestRefusal:
    @pytest.mark.parametrize("challenge", ["Bearer", 'bearer realm="bakery"', 'Basic realm="b", Bearer'])
    def test_names_its_scheme_among_others(self, challenge: str) -> None:
        exchange = with_header(base("error-401")[0], "WWW-Authenticate", challenge)
        assert [] == told("auth.refusal-names-its-scheme", exchange)

    def test_another_scheme_is_told(self) -> None:
        exchange = with_header(base("error-401")[0], "WWW-Authenticate", "Basic")
        assert ["WWW-Authenticate: Basic"] == told("auth.refusal-names-its-scheme", exchange)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "no body"),
            (b"Unauthorized", "Expecting value at character 0"),
            ([], "JSON, but no object"),
            ({"detail": "no"}, "an object without an error object"),
            ({"error": "no"}, "an object without an error object"),
            ({"error": {"code": "invalid_api_key"}}, "an error object without a message"),
        ],
    )
    def test_tells_what_its_body_lacks(self, body: object, words: str) -> None:
        assert [words] == told("auth.refusal-has-an-error-body", refused(body, status=401))
