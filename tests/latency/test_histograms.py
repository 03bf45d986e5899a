"""Histograms: what they keep, that parts add up exactly, and how sure a percentile is."""

import base64
import math
import pickle
import struct
import zlib
from fractions import Fraction
from itertools import pairwise
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.latency.histograms import MOST, Histogram, HistogramError, bounded_n, least_n, ranks

P50, P95, P99 = Fraction(50, 100), Fraction(95, 100), Fraction(99, 100)
DURATIONS = st.lists(st.integers(0, 10**12), max_size=60)


def in_parts(values: list[int], cuts: list[int]) -> list[list[int]]:
    edges = [0, *sorted(cut % (len(values) + 1) for cut in cuts), len(values)]
    return [values[start:end] for start, end in pairwise(edges)]


class TestPartsAddUp:
    @given(values=DURATIONS, cuts=st.lists(st.integers(0, 1000), max_size=6), seed=st.integers(0, 1000))
    def test_merged_parts_are_the_whole_bit_by_bit_in_any_order(
        self, values: list[int], cuts: list[int], seed: int
    ) -> None:
        parts = in_parts(values, cuts)
        Random(seed).shuffle(parts)
        merged = Histogram()
        for part in parts:
            merged.merge(Histogram(part))
        single = Histogram(values)
        assert single == merged
        assert single.encoded() == merged.encoded()
        assert (single.sums, single.mean, single.stdev, single.cells()) == (
            merged.sums,
            merged.mean,
            merged.stdev,
            merged.cells(),
        )

    def test_a_part_that_went_through_another_process_adds_up_too(self) -> None:
        random = Random(5)
        values = [round(random.lognormvariate(18, 1)) for _ in range(2000)]
        merged = Histogram(values[:700])
        merged.merge(pickle.loads(pickle.dumps(Histogram(values[700:]))))
        assert Histogram(values) == merged

    def test_another_value_makes_another_histogram(self) -> None:
        assert Histogram([5_000_000, 7]) != Histogram([5_000_000, 8])
        assert Histogram([5_000_000_000]) != Histogram([5_000_000_001])  # one cell, and yet not the same
        assert Histogram() != 0


class TestWhatIsKept:
    @given(values=st.lists(st.integers(0, 10**12), min_size=2, max_size=60))
    def test_extremes_mean_and_deviation_are_exact(self, values: list[int]) -> None:
        histogram = Histogram(values)
        assert (len(values), min(values), max(values)) == (histogram.n, histogram.min, histogram.max)
        assert fmean(values) == pytest.approx(histogram.mean)
        assert stdev(values) == pytest.approx(histogram.stdev)

    @given(values=st.lists(st.integers(0, 10**12), min_size=20, max_size=200))
    def test_a_percentile_is_the_nearest_rank_to_a_tenth_of_a_percent(self, values: list[int]) -> None:
        found = Histogram(values).percentile(P95)
        exact = sorted(values)[math.ceil(len(values) * 95 / 100) - 1]
        assert found is not None
        assert exact <= found.value <= exact * 1.001

    def test_nothing_was_recorded(self) -> None:
        empty = Histogram()
        assert (0, None, None, None, None) == (empty.n, empty.min, empty.max, empty.mean, empty.stdev)
        assert empty.percentile(P50) is None
        assert empty.share_above(0) is None

    def test_one_value_has_no_deviation_and_no_percentile(self) -> None:
        single = Histogram([7])
        assert (7, 7.0, None, None) == (single.max, single.mean, single.stdev, single.percentile(P50))

    def test_zero_is_a_value(self) -> None:
        found = Histogram([0, 0, 0]).percentile(P50)
        assert found is not None
        assert 0 == found.value

    def test_what_is_longer_than_a_day_counts_in_the_last_cell_and_keeps_its_size(self) -> None:
        histogram = Histogram([1, 2 * MOST])
        assert (2, 2 * MOST) == (histogram.n, histogram.max)
        assert (1, 2 * MOST) == histogram.cells().values

    def test_a_negative_duration_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no negative values, got -1"):
            Histogram([-1])

    def test_memory_does_not_grow_with_the_values(self) -> None:
        many = Histogram(range(10**9, 2 * 10**9, 10**5))
        assert 10_000 == many.n
        assert len(many.cells().values) < 2_100

    def test_the_share_above_a_limit(self) -> None:
        histogram = Histogram([10, 20, 30, 40])
        shares = [histogram.share_above(limit) for limit in (0, 10, 25, 40, 41)]
        assert [1, Fraction(3, 4), Fraction(1, 2), 0, 0] == shares


class TestHowSureAPercentileIs:
    def test_least_n(self) -> None:
        assert [2, 10, 20, 100, 1000] == [least_n(Fraction(each)) for each in ("0.5", "0.9", "0.95", "0.99", "0.999")]
        assert 10 == least_n(Fraction("0.1"))

    @pytest.mark.parametrize(("quantile", "least"), [(P50, 2), (P95, 20), (P99, 100)])
    def test_none_is_told_from_fewer_values(self, quantile: Fraction, least: int) -> None:
        assert Histogram(range(least - 1)).percentile(quantile) is None
        assert Histogram(range(least)).percentile(quantile) is not None

    @pytest.mark.parametrize(
        ("n", "quantile", "expected"),
        [
            (5, P50, (None, None)),
            (6, P50, (1, 6)),  # 2 * 0.5^6 = 3.1 %
            (100, P50, (40, 61)),  # the textbook's example: Hahn and Meeker, table for the median
            (71, P95, (63, None)),
            (72, P95, (64, 72)),  # 0.95^72 = 2.5 %
            (367, P99, (359, None)),
            (368, P99, (360, 368)),
        ],
    )
    def test_ranks_of_known_cases(self, n: int, quantile: Fraction, expected: tuple[int | None, int | None]) -> None:
        assert expected == ranks(n, quantile)

    @given(percent=st.integers(1, 99))
    def test_bounded_n_is_where_both_bounds_begin(self, percent: int) -> None:
        quantile = Fraction(percent, 100)
        n = bounded_n(quantile)
        assert None in ranks(n - 1, quantile)
        assert None not in ranks(n, quantile)

    @given(n=st.integers(1, 300), percent=st.integers(1, 99))
    def test_ranks_are_the_tightest_that_keep_each_tail_small(self, n: int, percent: int) -> None:
        quantile = Fraction(percent, 100)
        exact = [math.comb(n, k) * quantile**k * (1 - quantile) ** (n - k) for k in range(n + 1)]
        tail = Fraction(25, 1000)
        low, high = ranks(n, quantile)
        lowest, highest = low or 0, high or n + 1
        assert sum(exact[:lowest]) <= tail < sum(exact[: lowest + 1])
        assert sum(exact[highest:]) <= tail < sum(exact[highest - 1 :])

    def test_the_interval_holds_the_true_value_as_often_as_it_says(self) -> None:
        random = Random(11)
        held = 0
        for _ in range(400):
            found = Histogram(random.randrange(10**6) for _ in range(120)).percentile(P95)
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            held += found.low <= 950_000 <= found.high
        assert 380 <= held  # seeded: 95 % of 400

    def test_long_runs_are_told_quickly_and_plausibly(self) -> None:
        n = 10**8
        low, high = ranks(n, P99)
        assert low is not None
        assert high is not None
        half = 1.96 * math.sqrt(n * 0.99 * 0.01)
        assert n * 0.99 - half == pytest.approx(low, abs=2)
        assert n * 0.99 + half + 1 == pytest.approx(high, abs=2)


class TestStoredForm:
    @given(values=DURATIONS)
    def test_counts_survive(self, values: list[int]) -> None:
        histogram = Histogram(values)
        again = Histogram.decoded(histogram.encoded())
        assert histogram.encoded() == again.encoded()
        assert histogram.cells().up_to == again.cells().up_to
        assert histogram.n == again.n

    def test_extremes_and_mean_are_then_as_exact_as_the_cells(self) -> None:
        histogram = Histogram([100_000_123, 200_000_456, 300_000_789])
        again = Histogram.decoded(histogram.encoded())
        for exact, read in (
            (histogram.min, again.min),
            (histogram.max, again.max),
            (histogram.mean, again.mean),
            (histogram.stdev, again.stdev),
        ):
            assert exact == pytest.approx(read, rel=0.001)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "is not an encoded HdrHistogram"),
            ("%%%", "is not an encoded HdrHistogram"),
            ("ä", "is not an encoded HdrHistogram"),
            (base64.b64encode(b"12345678").decode(), "is not an encoded HdrHistogram"),
            (base64.b64encode(b"12345678" + zlib.compress(bytes(60))).decode(), "of version 2"),
            ("A" * (2 * 1024 * 1024 + 1), "is longer than"),
        ],
    )
    def test_what_is_none_is_refused_in_words(self, text: str, why: str) -> None:
        with pytest.raises(HistogramError, match=why):
            Histogram.decoded(text)

    def packed(self, payload: bytes) -> str:
        content = zlib.compress(payload)
        return base64.b64encode(struct.pack(">II", 0x1C849314, len(content)) + content).decode()

    def test_a_bomb_is_not_unpacked(self) -> None:
        with pytest.raises(HistogramError, match="unpacks to more than"):
            Histogram.decoded(self.packed(bytes(50_000_000)))

    def test_another_range_is_refused_before_memory_is_taken_for_it(self) -> None:
        header = struct.pack(">IIIIQQd", 0x1C849313, 0, 0, 5, 1, 2**62, 1.0)
        with pytest.raises(HistogramError, match="another range or precision"):
            Histogram.decoded(self.packed(header))

    def test_more_values_than_can_be_are_refused(self) -> None:
        header = struct.pack(">IIIIQQd", 0x1C849313, 9, 0, 3, 1, MOST, 1.0)
        with pytest.raises(HistogramError, match=r"claims to hold more|is damaged"):
            Histogram.decoded(self.packed(header + b"\xfe" + b"\xff" * 7 + b"\x7f"))

    @given(tail=st.binary(max_size=200))
    def test_any_counts_are_a_histogram_or_refused(self, tail: bytes) -> None:
        header = struct.pack(">IIIIQQd", 0x1C849313, len(tail), 0, 3, 1, MOST, 1.0)
        try:
            histogram = Histogram.decoded(self.packed(header + tail))
        except HistogramError:
            return
        assert histogram.n >= 0
        assert histogram.encoded() == Histogram.decoded(histogram.encoded()).encoded()
