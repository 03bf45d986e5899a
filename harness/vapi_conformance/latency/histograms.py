"""Histograms of long runs: bounded memory, exact sums of parts, percentiles that say how sure they are.

Counts are those of HdrHistogram (the library), with one configuration for everything, so that any two can be added:
integers from 0 to `MOST` with three significant digits, so a value read back is at most 0.1 % too high. What HDR loses
(the extremes, the mean, the standard deviation) is kept beside it in integers of any size. So a histogram of all
samples and the sum of histograms of their parts are the same, bit by bit, in whatever order they were added.

A percentile is the nearest rank: the smallest value that at least that share of all values does not exceed, as the top
of its HDR cell (or the greatest value seen, if that is lower). Its confidence interval is the one of order statistics:
the number of values below the true percentile is binomial, whatever the distribution, so two ranks hold the truth
between them with at least the asked probability. It needs independent values, and knows nothing of the difference
between one run and the next.
"""

import base64
import binascii
import math
import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple, Protocol, Self, cast

from hdrh.histogram import HdrHistogram

from vapi_conformance.problems import UsageError

__all__ = [
    "CONFIDENCE",
    "DIGITS",
    "MOST",
    "Cells",
    "Histogram",
    "HistogramError",
    "Percentile",
    "Sums",
    "bounded_n",
    "least_n",
    "ranks",
]

MOST: Final = 24 * 3600 * 1_000_000_000
"""The greatest value that has a cell of its own: a day in nanoseconds. What is greater counts in the last cell."""
DIGITS: Final = 3
"""Significant decimal digits of a cell."""
CONFIDENCE: Final = 0.95
"""Of the intervals, two-sided with equal tails."""

_LEAST: Final = 1
_HEADER: Final = struct.Struct(">II")
_PAYLOAD_HEADER: Final = struct.Struct(">IIIIQQd")
_COOKIE_BASE_MASK: Final = 0xFFFFFF0F
_COMPRESSED_COOKIE: Final = 0x1C849304
_MOST_ENCODED: Final = 2 * 1024 * 1024
"""Characters of a stored histogram. One with every cell filled has about 200,000."""
_MOST_DECODED: Final = 1024 * 1024
"""Bytes behind them; 46,000 cells of up to nine bytes are fewer. More is no histogram of ours but an attack."""
_MOST_VALUES: Final = 1 << 53
"""Values that a stored histogram may claim to hold: what a float can count."""


class HistogramError(UsageError):
    """A stored histogram cannot be used; the text says why, without a subject."""


class _Hdr(Protocol):
    """What is used of the library, which has no types."""

    counts: Sequence[int]
    total_count: int

    def record_value(self, value: int, count: int) -> bool: ...
    def add(self, other_hist: Self) -> None: ...
    def encode(self) -> bytes: ...
    def get_value_from_index(self, index: int) -> int: ...
    def get_highest_equivalent_value(self, value: int) -> int: ...
    def get_lowest_equivalent_value(self, value: int) -> int: ...
    def get_counts_array_index(self, value: int) -> int: ...


class Sums(NamedTuple):
    """What the cells lose, exactly."""

    least: int | None
    greatest: int | None
    total: int
    squares: int


class Percentile(NamedTuple):
    """A percentile with its interval. None: so few values cannot tell; then at least so much is known."""

    value: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The cells that hold something, in order: what percentiles and resampling read."""

    values: tuple[int, ...]
    """The top of each cell, of the last one the greatest value seen."""
    up_to: tuple[int, ...]
    """How many values there are up to and including each cell."""

    def at_rank(self, rank: int) -> int:
        """The value of that rank, from 1."""
        return self.values[bisect_left(self.up_to, rank)]


class Histogram:  # noqa: PLW1641 - it grows, so it has no hash
    """Counts of integers that are not negative (nanoseconds, mostly). Grows by `record` and `merge` only."""

    __slots__ = ("_cells", "_hdr", "_sums")

    def __init__(self, values: Iterable[int] = ()) -> None:
        """Some 270 KiB, however many values come."""
        self._hdr = _empty()
        self._sums = Sums(None, None, 0, 0)
        self._cells: Cells | None = None
        for value in values:
            self.record(value)

    @property
    def n(self) -> int:
        """How many values."""
        return self._hdr.total_count

    @property
    def sums(self) -> Sums:
        """The exact figures beside the cells."""
        return self._sums

    @property
    def min(self) -> int | None:
        """The least value, exact; None of none."""
        return self._sums.least

    @property
    def max(self) -> int | None:
        """The greatest value, exact; None of none."""
        return self._sums.greatest

    @property
    def mean(self) -> float | None:
        """The arithmetic mean, from the exact sum; None of none."""
        return self._sums.total / self.n if self.n else None

    @property
    def stdev(self) -> float | None:
        """The standard deviation of a sample (n - 1), from exact sums; None of fewer than two values."""
        if self.n < 2:  # noqa: PLR2004 - one value has no spread
            return None
        return math.sqrt(Fraction(self.n * self._sums.squares - self._sums.total**2, self.n * (self.n - 1)))

    def record(self, value: int) -> None:
        """One more value. ValueError for a negative one: a duration below zero is a bug of the one who measured it."""
        if value < 0:
            raise ValueError(f"a histogram holds no negative values, got {value}")
        self._hdr.record_value(min(value, MOST), 1)
        self._add(Sums(value, value, value, value * value))

    def merge(self, other: "Histogram") -> None:
        """Adds every value of the other one, exactly as if it had been recorded here."""
        if other.n == 0:
            return
        self._hdr.add(other._hdr)  # noqa: SLF001 - one of this class
        self._add(other.sums)

    def _add(self, other: Sums) -> None:
        least, greatest, total, squares = self._sums
        self._sums = Sums(
            other.least if least is None or (other.least is not None and other.least < least) else least,
            other.greatest if greatest is None or (other.greatest or 0) > greatest else greatest,
            total + other.total,
            squares + other.squares,
        )
        self._cells = None

    def cells(self) -> Cells:
        """The cells that hold something. Worked out once for as long as nothing is added."""
        if self._cells is None:
            last = self._hdr.get_counts_array_index(min(self.max or 0, MOST))
            held = [(index, count) for index, count in enumerate(self._hdr.counts[: last + 1]) if count]
            tops = [self._hdr.get_highest_equivalent_value(self._hdr.get_value_from_index(index)) for index, _ in held]
            if held and self.max is not None:
                tops[-1] = self.max
            self._cells = Cells(values=tuple(tops), up_to=tuple(accumulate(count for _, count in held)))
        return self._cells

    def percentile(self, quantile: Fraction, *, confidence: float = CONFIDENCE) -> Percentile | None:
        """The value at the quantile (between 0 and 1, both excluded) with its interval; None below `least_n`."""
        if self.n < least_n(quantile):
            return None
        cells = self.cells()
        low, high = ranks(self.n, quantile, confidence)
        return Percentile(
            cells.at_rank(math.ceil(quantile * self.n)),
            None if low is None else cells.at_rank(low),
            None if high is None else cells.at_rank(high),
        )

    def share_above(self, limit: int) -> Fraction | None:
        """Which share of the values is greater than the limit, to the precision of a cell; None of none."""
        if not self.n:
            return None
        cells = self.cells()
        below = bisect_left(cells.values, limit + 1)
        return Fraction(self.n - (cells.up_to[below - 1] if below else 0), self.n)

    def encoded(self) -> str:
        """The counts in HdrHistogram's own exchange format (V2, compressed, base64), which its tools read."""
        return self._hdr.encode().decode("ascii")

    @classmethod
    def decoded(cls, text: str) -> "Histogram":
        """The histogram behind `encoded`. Extremes, mean and deviation are then as exact as the cells.

        Raises HistogramError for what is no such text, or has another range or precision than ours.
        """
        _refuse_what_is_not_ours(text)
        try:
            hdr = _decode(text.encode("ascii"))
        except Exception as problem:  # noqa: BLE001 - the library lets errors of several modules through
            raise HistogramError(f"is damaged: {problem}") from None
        histogram = cls()
        for index, count in enumerate(hdr.counts):
            if count:
                histogram._put(hdr.get_value_from_index(index), count)
        return histogram

    def _put(self, lowest: int, count: int) -> None:
        """A whole cell, each of its values taken for the middle of it."""
        if self.n + count > _MOST_VALUES:
            raise HistogramError("claims to hold more values than any run has")
        highest = min(self._hdr.get_highest_equivalent_value(lowest), MOST)
        middle = (lowest + highest) // 2
        self._hdr.record_value(lowest, count)
        self._add(Sums(lowest, highest, middle * count, middle * middle * count))

    def __eq__(self, other: object) -> bool:
        """The same values, as far as a histogram can tell: every count and every exact figure."""
        return isinstance(other, Histogram) and (self.encoded(), self.sums) == (other.encoded(), other.sums)

    def __reduce__(self) -> tuple[object, tuple[str], Sums]:
        """For workers in other processes: small, and exact."""
        return Histogram.decoded, (self.encoded(),), self.sums

    def __setstate__(self, sums: Sums) -> None:
        """The exact figures in place of those from the cells."""
        self._sums = sums
        self._cells = None


def _empty() -> _Hdr:
    return cast("_Hdr", HdrHistogram(_LEAST, MOST, DIGITS))


def _decode(encoded: bytes) -> _Hdr:
    decode = cast("Callable[[bytes], _Hdr]", HdrHistogram.decode)  # pyright: ignore[reportUnknownMemberType] - untyped
    return decode(encoded)


def _refuse_what_is_not_ours(text: str) -> None:
    """Before the library sees it: it believes whatever range is claimed, and unpacks whatever was packed."""
    if len(text) > _MOST_ENCODED:
        raise HistogramError(f"is longer than {_MOST_ENCODED:,} characters")
    try:
        content = base64.b64decode(text, validate=True)
        cookie, length = _HEADER.unpack_from(content)
        unpacker = zlib.decompressobj()
        payload = unpacker.decompress(content[_HEADER.size :], _MOST_DECODED)
        fields: tuple[int | float, ...] = _PAYLOAD_HEADER.unpack_from(payload)
    except (binascii.Error, struct.error, zlib.error, ValueError) as problem:
        raise HistogramError(f"is not an encoded HdrHistogram: {problem}") from None
    if cookie & _COOKIE_BASE_MASK != _COMPRESSED_COOKIE & _COOKIE_BASE_MASK or length != len(content) - _HEADER.size:
        raise HistogramError("is not an encoded HdrHistogram of version 2")
    if not unpacker.eof:
        raise HistogramError(f"is cut off, or unpacks to more than {_MOST_DECODED:,} bytes")
    if fields[2:6] != (0, DIGITS, _LEAST, MOST):
        raise HistogramError(f"has another range or precision than {_LEAST} to {MOST:,} with {DIGITS} digits")


def least_n(quantile: Fraction) -> int:
    """From how many values on a percentile is told: one of them at least is expected on each side of it.

    2 for p50, 10 for p90, 20 for p95, 100 for p99. Below that, a percentile is the greatest value under another name.
    """
    return math.ceil(1 / min(quantile, 1 - quantile))


def bounded_n(quantile: Fraction, confidence: float = CONFIDENCE) -> int:
    """From how many values on the interval of a percentile has both bounds: 6 for p50, 72 for p95, 368 for p99."""
    rarer = math.log(max(quantile, 1 - quantile))
    return math.ceil(math.log((1 - confidence) / 2) / rarer)


def ranks(n: int, quantile: Fraction, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """Ranks, from 1, whose values hold the true percentile between them with at least that confidence.

    None where no value of n can be that bound. Hahn and Meeker, Statistical Intervals, 5.2: the lower one is the
    greatest rank l with P(B < l) <= (1 - confidence) / 2, where B is binomial of n and the quantile.
    """
    tail = (1 - confidence) / 2
    low = _greatest_low_rank(n, float(quantile), tail)
    high = n + 1 - _greatest_low_rank(n, float(1 - quantile), tail)
    return (low or None), (high if high <= n else None)


@lru_cache(maxsize=4096)
def _greatest_low_rank(n: int, share: float, tail: float) -> int:
    """The greatest l with P(B <= l - 1) <= tail; 0 where there is none. Takes time like the root of n."""
    if n == 0:
        return 0
    mean, spread = n * share, math.sqrt(n * share * (1 - share))
    at = max(0, math.floor(mean - 12 * spread - 12))  # all that lies below has less than 1e-30
    probability = math.exp(
        math.lgamma(n + 1)
        - math.lgamma(at + 1)
        - math.lgamma(n - at + 1)
        + at * math.log(share)
        + (n - at) * math.log1p(-share)
    )
    below = probability
    while below <= tail and at < n:
        at += 1
        probability *= (n - at + 1) / at * share / (1 - share)
        below += probability
    return at
