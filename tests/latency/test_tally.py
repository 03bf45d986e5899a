"""Tallies: what many requests come to, and that parts are exactly the whole."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency.samples import answered, sample
from vapi_conformance.exchange import Exchange, Response
from vapi_conformance.latency.metrics import Sample, metrics_for
from vapi_conformance.latency.tally import Group, Tally

CLOSED, OPEN = metrics_for("closed"), metrics_for("open")
FAILED = replace(answered((100, "no")), response=Response(status=500))


def spoken(ttft_ms: int) -> Exchange:
    return answered((ttft_ms, "A sentence that is long enough."), (ttft_ms + 20, " And more."))


def tallied(samples: list[Sample], loop: str = "open") -> Tally:
    tally = Tally(OPEN if loop == "open" else CLOSED)
    for number, each in enumerate(samples):
        tally.add(each, groups=[Group("connection", "new" if number == 0 else "reused")], broken=["sse.x", "sse.x"])
    return tally


def story(tally: Tally) -> object:
    return tally.requests, tally.warm_up, tally.errors, tally.violations, tally.histograms, tally.groups


class TestAdding:
    def test_counts_requests_errors_and_broken_rules(self) -> None:
        tally = tallied([sample(spoken(100)), sample(FAILED), sample(FAILED)])
        tally.add_warm_up()
        assert (3, 1, 2, {"status 500": 2}) == (tally.requests, tally.warm_up, tally.error_count, tally.errors)
        assert {"sse.x": 3} == tally.violations  # a rule broken twice by one request counts once
        assert 2 / 3 == tally.error_share

    def test_nothing_has_no_share_of_errors(self) -> None:
        assert Tally(OPEN).error_share is None

    def test_keeps_a_histogram_of_what_has_values_only(self) -> None:
        tally = tallied([sample(spoken(100)), sample(FAILED)])
        assert 1 == tally.histograms["ttft_ms"].n
        assert "tls_ms" not in tally.histograms

    def test_groups_hold_what_one_asks_a_curve_of(self) -> None:
        tally = tallied([sample(spoken(100)), sample(spoken(200)), sample(spoken(300))])
        new, reused = tally.groups[Group("connection", "new")], tally.groups[Group("connection", "reused")]
        assert {"ttft_ms", "ttfs_ms"} == set(new)
        assert (1, 2) == (new["ttft_ms"].n, reused["ttft_ms"].n)

    def test_no_endpoint_makes_groups_without_end(self) -> None:
        tally = Tally(CLOSED)
        for number in range(105):
            tally.add(sample(FAILED), groups=[Group("messages", str(number))])
        assert (100, 5, 105) == (len(tally.groups), tally.ungrouped, tally.requests)


class TestMerging:
    @settings(max_examples=20)
    @given(times=st.lists(st.integers(20, 2000), max_size=12), cut=st.integers(0, 12))
    def test_parts_are_the_whole_bit_by_bit(self, times: list[int], cut: int) -> None:
        samples = [sample(spoken(each), sent_ms=each % 7) for each in times]
        merged = Tally(OPEN)
        for part in (samples[cut:], samples[:cut]):
            tally = Tally(OPEN)
            for each in part:
                tally.add(each, groups=[Group("parity", str(each.sent_ns))])
            merged.merge(pickle.loads(pickle.dumps(tally)))
        single = Tally(OPEN)
        for each in samples:
            single.add(each, groups=[Group("parity", str(each.sent_ns))])
        assert story(single) == story(merged)

    def test_different_metrics_do_not_add_up(self) -> None:
        with pytest.raises(ValueError, match="do not measure the same"):
            Tally(OPEN).merge(Tally(CLOSED))
