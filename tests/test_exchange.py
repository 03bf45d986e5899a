"""The record: what everything reads and nothing changes."""

from dataclasses import FrozenInstanceError, fields

import pytest

from vapi_conformance.exchange import MASK, End, Exchange, Label, Read, Request, Response, header_values

HEADERS = ((b"Set-Cookie", b"a"), (b"content-type", b" text/event-stream "), (b"SET-COOKIE", b"b"), (b"x-\xff", b"c"))
EXCHANGE = Exchange(
    request=Request(method="POST", url="http://endpoint.example/v1/chat/completions"),
    response=Response(status=200, headers=HEADERS),
    reads=(Read(at_ns=1, data=b"data: "), Read(at_ns=None, data=b""), Read(at_ns=3, data=b"x\n\n")),
)


class TestHeaderValues:
    def test_in_wire_order_whatever_the_case(self) -> None:
        assert ("a", "b") == header_values(HEADERS, "set-COOKIE")

    def test_without_the_space_around_them(self) -> None:
        assert ("text/event-stream",) == header_values(HEADERS, "Content-Type")

    def test_none_is_empty(self) -> None:
        assert () == header_values(HEADERS, "x-none") == header_values((), "x-none")

    def test_bytes_beyond_ascii_are_kept(self) -> None:
        assert ("caf\xe9",) == header_values(((b"X", b"caf\xe9"),), "x")


class TestExchange:
    def test_the_body_is_all_that_was_read(self) -> None:
        assert b"data: x\n\n" == EXCHANGE.body

    def test_is_clean_wire_and_unlabelled_unless_said_otherwise(self) -> None:
        assert (End.CLEAN, "wire", "wire", None, "") == (
            EXCHANGE.end,
            EXCHANGE.capture.body,
            EXCHANGE.capture.headers,
            EXCHANGE.label,
            EXCHANGE.source,
        )

    def test_a_label_is_a_first_attempt_at_an_answer(self) -> None:
        label = Label(scenario="plain", step="stream")
        assert (1, "answer") == (label.attempt, label.expects)

    def test_can_be_a_key(self) -> None:
        """What is worked out of an exchange is kept by it."""
        assert {EXCHANGE: 1}[EXCHANGE] == 1

    @pytest.mark.parametrize(
        "value", [EXCHANGE, EXCHANGE.request, EXCHANGE.response, EXCHANGE.reads[0], EXCHANGE.timing]
    )
    def test_nothing_of_it_changes(self, value: object) -> None:
        name = fields(value)[0].name  # type: ignore[arg-type]  # each is a dataclass
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)

    def test_the_mask_is_one_byte(self) -> None:
        """So that positions stay true."""
        assert 1 == len(MASK)
