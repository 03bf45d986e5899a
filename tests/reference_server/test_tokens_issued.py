from __future__ import annotations

from vapi_reference_server import tokens_issued
from vapi_reference_server.tokens_issued import IssuedTokens, Standing


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class TestIssuedTokens:
    def test_are_in_force_until_their_time_is_over(self) -> None:
        clock = Clock()
        tokens = IssuedTokens(clock)
        token = tokens.issue(2)
        found = [tokens.standing(token)]
        for clock.now_s in (1.9, 2.0, 1e9):
            found.append(tokens.standing(token))
        assert [Standing.IN_FORCE, Standing.IN_FORCE, Standing.EXPIRED, Standing.EXPIRED] == found

    def test_what_was_not_issued_is_unknown(self) -> None:
        tokens = IssuedTokens()
        token = tokens.issue(60)
        assert {Standing.UNKNOWN} == {tokens.standing(each) for each in (None, "", token[:-1], token + "x", "\ud800")}

    def test_differ(self) -> None:
        tokens = IssuedTokens()
        assert 100 == len({tokens.issue(60) for _ in range(100)})

    def test_are_not_kept_as_they_are(self) -> None:
        tokens = IssuedTokens()
        assert tokens.issue(60) not in repr(vars(tokens))

    def test_the_oldest_of_too_many_is_forgotten(self) -> None:
        tokens = IssuedTokens()
        first, second = tokens.issue(60), tokens.issue(60)
        for _ in range(tokens_issued.MOST_TOKENS - 1):
            tokens.issue(60)
        assert (Standing.UNKNOWN, Standing.IN_FORCE) == (tokens.standing(first), tokens.standing(second))
