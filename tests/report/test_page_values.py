"""Values of a document for a page: told as people say them, and nothing in a document makes them fail."""

import pytest

from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.values import duration, number, objects, shortened, size, strings


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (0.077, "0.1 ms"),
        (9.94, "9.9 ms"),
        (44.9, "45 ms"),
        (100, "0.10 s"),
        (3200, "3.20 s"),
        (12_340, "12.3 s"),
        (3_600_000, "3,600.0 s"),
    ],
)
def test_durations_have_the_figures_that_matter(ms: float, told: str) -> None:
    assert told == duration(ms)


@pytest.mark.parametrize(("length", "told"), [(1, "1 byte"), (999, "999 bytes"), (1880, "1.9 kB"), (10**7, "10.0 MB")])
def test_sizes(length: int, told: str) -> None:
    assert told == size(length)


@pytest.mark.parametrize(
    "strange",
    [None, True, "3", float("nan"), float("inf"), 10**400],
    ids=["null", "true", "text", "nan", "inf", "huge"],
)
def test_what_cannot_be_drawn_is_no_number(strange: object) -> None:
    assert number(strange) is None


def test_numbers() -> None:
    assert (3.0, 0.5, -1.0) == (number(3), number(0.5), number(-1))


def test_lists_hold_what_is_expected_of_them_and_not_without_end() -> None:
    assert [{"a": 1}] == objects([{"a": 1}, None, 3])
    assert ["a"] == strings(["a", 3])
    assert 5000 == len(objects([{"a": 1}] * 9000))


def test_words_for_numbers_and_long_texts() -> None:
    assert ("1 rule", "2,000 rules", "2 silences") == (grouped(1, "rule"), grouped(2000, "rule"), grouped(2, "silence"))
    assert ("abc", "ab…") == (shortened("abc", 3), shortened("abcd", 3))
