"""Politeness: who is asked before load is sent, in which words, and what is sent at most."""

import pytest

from vapi_conformance.latency.politeness import DEFAULT_CAP, consent_for, is_loopback, within_cap
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, Trace, constant, ramp
from vapi_conformance.problems import UsageError

NS_PER_S = 1_000_000_000
STRANGER = "https://user:secret@api.example/v1?key=secret"
MANY = ClosedLoop(streams=32, requests=500, warm_up=10)


class TestLoopback:
    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:8000/v1",
            "http://LOCALHOST./v1",
            "http://api.localhost/v1",
            "http://127.0.0.1",
            "http://127.8.9.10:1",
            "http://[::1]:8000",
            "http://[::ffff:127.0.0.1]/",
        ],
    )
    def test_stays_on_this_machine(self, url: str) -> None:
        assert is_loopback(url)

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.example/v1",
            "http://localhost.example/",
            "http://notlocalhost/",
            "http://127.0.0.1.example/",
            "http://127.0.0.1@api.example/",
            "http://192.168.0.7/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::ffff:10.0.0.1]/",
            "http://[broken/",
            "nonsense",
            "",
        ],
    )
    def test_goes_to_somebody_else_or_may(self, url: str) -> None:
        assert not is_loopback(url)


class TestConsent:
    def test_nobody_is_asked_about_their_own_machine(self) -> None:
        found = consent_for("http://localhost:8000", MANY, yes=False)
        assert ("", False) == (found.sentence, found.is_needed)

    def test_a_stranger_is_told_what_comes_and_asked_for(self) -> None:
        found = consent_for(STRANGER, MANY, yes=False)
        assert found.is_needed
        assert found.sentence.startswith("This sends up to 510 requests to api.example, 32 at once. Each is answered")

    def test_yes_tells_and_does_not_ask(self) -> None:
        found = consent_for(STRANGER, MANY, yes=True)
        assert not found.is_needed
        assert "api.example" in found.sentence

    @pytest.mark.parametrize(("requests", "expected"), [(20, False), (21, True)])
    def test_a_handful_is_told_and_not_asked_about(self, requests: int, expected: bool) -> None:
        found = consent_for(STRANGER, ClosedLoop(streams=1, requests=requests), yes=False)
        assert expected is found.is_needed
        assert found.sentence

    def test_no_credential_is_in_the_sentence(self) -> None:
        assert "secret" not in consent_for(STRANGER, MANY, yes=False).sentence

    @pytest.mark.parametrize(
        ("schedule", "words"),
        [
            (ClosedLoop(streams=1, requests=1), "This sends 1 request to api.example, one after the other."),
            (
                ClosedLoop(streams=2, duration_ns=30 * NS_PER_S),
                "This sends requests until the time is over to api.example, 2 at once for 30 s.",
            ),
            (
                OpenLoop(phases=ramp(1, 20, duration_s=10)),
                "This sends up to 105 requests to api.example, up to 20 a second for 10 s.",
            ),
            (
                Trace(at_ns=(0, NS_PER_S)),
                "This sends up to 2 requests to api.example, at the times of the trace for 1 s.",
            ),
        ],
    )
    def test_says_how_fast(self, schedule: Schedule, words: str) -> None:
        assert consent_for(STRANGER, schedule, yes=False).sentence.startswith(words)


class TestCap:
    def test_time_alone_is_capped_by_default(self) -> None:
        schedule, words = within_cap(ClosedLoop(streams=2, duration_ns=NS_PER_S), None)
        assert DEFAULT_CAP == schedule.total
        assert words is not None
        assert words.startswith("at most 10,000 requests are sent, by default")

    def test_a_schedule_below_it_is_left_alone_without_a_word(self) -> None:
        schedule, words = within_cap(OpenLoop(phases=ramp(1, 20, duration_s=10)), None)
        assert (105, None) == (schedule.total, words)

    def test_a_number_that_was_asked_for_is_no_surprise(self) -> None:
        schedule = ClosedLoop(streams=2, requests=50_000)
        assert (schedule, None) == within_cap(schedule, None)

    def test_a_cap_that_was_asked_for_holds_for_everything(self) -> None:
        schedule, words = within_cap(ClosedLoop(streams=2, requests=50_000, warm_up=10), 100)
        assert 100 == schedule.total
        assert words is not None
        assert words.startswith("at most 100 requests are sent, as asked for")

    def test_chance_is_capped_too(self) -> None:
        schedule, words = within_cap(OpenLoop(phases=constant(5000, duration_s=9), arrivals="poisson"), None)
        assert DEFAULT_CAP == schedule.total
        assert words is not None

    def test_a_warm_up_that_takes_it_all_is_told(self) -> None:
        with pytest.raises(UsageError, match=r"10 requests to warm up \(--warmup\) leave none"):
            within_cap(ClosedLoop(streams=2, requests=50, warm_up=10), 10)
