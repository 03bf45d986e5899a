"""A number and its word agree, with digits grouped only where nobody copies them."""

from vapi_conformance.report.counting import counted, grouped


def test_one_stands_alone() -> None:
    assert ("0 rules", "1 rule", "1200 rules") == (counted(0, "rule"), counted(1, "rule"), counted(1200, "rule"))


def test_digits_are_grouped_where_they_are_read() -> None:
    assert ("0 rules", "1 rule", "1,200 rules") == (grouped(0, "rule"), grouped(1, "rule"), grouped(1200, "rule"))


def test_a_plural_without_s_is_given() -> None:
    assert ("1 query", "2 queries") == (grouped(1, "query", "queries"), grouped(2, "query", "queries"))
