"""The sample for the judges: bounded, fair, and with the failures in it."""

from dataclasses import replace

import pytest

from latency.samples import answered, sample
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Read, Response
from vapi_conformance.latency.metrics import Sample
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.latency.sampling import Keeper

SOUND = answered((100, "Hello."))


def numbered(number: int) -> Sample:
    return sample(replace(SOUND, source=str(number)))


def sources(keeper: Keeper) -> list[str]:
    return [each.exchange.source for each in keeper.kept]


class TestKeeper:
    def test_keeps_all_of_a_few(self) -> None:
        keeper = Keeper(5)
        for number in range(5):
            keeper.offer(numbered(number))
        assert (["0", "1", "2", "3", "4"], 5) == (sources(keeper), keeper.seen)

    def test_keeps_so_many_of_a_lot_and_not_the_first(self) -> None:
        keeper = Keeper(50)
        for number in range(1000):
            keeper.offer(numbered(number))
        kept = sources(keeper)
        assert (50, 50, 1000) == (len(kept), len(set(kept)), keeper.seen)
        assert 5 < sum(int(each) < 500 for each in kept) < 45

    def test_a_few_failures_are_not_lost_among_many_answers(self) -> None:
        keeper = Keeper(2)
        refused = replace(SOUND, response=Response(status=500), source="refused")
        for number in range(500):
            keeper.offer(sample(refused) if number == 100 else numbered(number))
        assert 3 == len(sources(keeper))
        assert "refused" in sources(keeper)

    def test_what_got_no_response_shows_no_rule_anything(self) -> None:
        keeper = Keeper()
        keeper.offer(sample(replace(SOUND, response=None, reads=(), end=End.NO_RESPONSE)))
        assert ((), 0) == (keeper.kept, keeper.seen)

    def test_none_are_kept_where_nobody_judges(self) -> None:
        keeper = Keeper(0)
        keeper.offer(numbered(1))
        assert () == keeper.kept

    def test_large_answers_do_not_fill_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.latency.sampling._MOST_BYTES", 10_000)
        keeper = Keeper()
        large = replace(SOUND, reads=(Read(at_ns=1, data=b"x" * 4_000),))
        for _ in range(10):
            keeper.offer(sample(large))
        assert (2, True) == (len(keeper.kept), keeper.is_full)

    def test_what_was_worked_out_of_an_answer_is_not_kept(self) -> None:
        measured = numbered(1)
        assert "Hello." == measured.evidence.transcript.text
        keeper = Keeper()
        keeper.offer(measured)
        fields = {"exchange", "conditions", "dialect", "call"}
        assert fields == set(vars(keeper.kept[0]))
        assert isinstance(keeper.kept[0], Evidence)


class TestMerge:
    def test_all_of_a_few_are_there(self) -> None:
        one, other = Keeper(10), Keeper(10)
        one.offer(numbered(1))
        other.offer(numbered(2))
        one.merge(other)
        assert ({"1", "2"}, 2) == (set(sources(one)), one.seen)

    def test_each_of_many_had_the_same_chance_whoever_saw_it(self) -> None:
        """One saw nine times as many as the other, and has nine times as many in the end."""
        one, other = Keeper(100), Keeper(100, seed=1)
        for number in range(9000):
            one.offer(numbered(number))
        for number in range(9000, 10_000):
            other.offer(numbered(number))
        one.merge(other)
        of_the_other = sum(int(each) >= 9000 for each in sources(one))
        assert (100, 10_000, 100) == (len(one.kept), one.seen, len(set(sources(one))))
        assert 0 < of_the_other < 30

    def test_failures_stay_apart(self) -> None:
        one, other = Keeper(2), Keeper(2)
        for number in range(50):
            one.offer(numbered(number))
        other.offer(sample(replace(SOUND, response=Response(status=500), source="refused")))
        one.merge(other)
        assert (3, True) == (len(one.kept), "refused" in sources(one))

    def test_the_bound_of_memory_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.latency.sampling._MOST_BYTES", 10_000)
        large = replace(SOUND, reads=(Read(at_ns=1, data=b"x" * 4_000),))
        one, other = Keeper(), Keeper()
        for keeper in (one, other):
            keeper.offer(sample(large))
            keeper.offer(sample(large))
        one.merge(other)
        assert (2, True, 4) == (len(one.kept), one.is_full, one.seen)


class TestCalls:
    @staticmethod
    def call(number: int, *, has_failed: bool = False) -> PlayedCall:
        scenario = all_call_scenarios()["ten-turns"]
        return PlayedCall(
            scenario=scenario, call_id=str(number), caller_data=(), size_bytes=1000, has_failed=has_failed
        )

    def test_a_tenth_as_many_are_kept_and_failures_apart(self) -> None:
        keeper = Keeper(50)
        for number in range(300):
            keeper.offer_call(self.call(number, has_failed=number == 7))
        kept = [each.call_id for each in keeper.calls]
        assert (6, 6, True) == (len(kept), len(set(kept)), "7" in kept)
        assert (0, ()) == (keeper.seen, keeper.kept)

    def test_none_where_nobody_judges(self) -> None:
        keeper = Keeper(0)
        keeper.offer_call(self.call(1))
        assert ((), False, True) == (keeper.calls, keeper.keeps_calls, Keeper(1).keeps_calls)

    def test_the_bound_of_memory_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vapi_conformance.latency.sampling._MOST_BYTES", 2_500)
        one, other = Keeper(), Keeper()
        for number, keeper in enumerate((one, one, one, other, other)):
            keeper.offer_call(self.call(number))
        assert (2, True, 2) == (len(one.calls), one.is_full, len(other.calls))
        one.merge(other)
        assert 2 == len(one.calls)
