from __future__ import annotations

from vapi_reference_server.call_memory import Recent, remembered_calls
from vapi_reference_server.own_tools import OwnCall, OwnTools, own_call, run

ORDER = OwnCall(name="look_up_order", argument="1234")


class TestTheWords:
    def test_that_ask_for_an_order(self) -> None:
        asked = ("Look up order 1234.", "look up my order number #1234 please", "Please LOOK UP ORDER 1234")
        assert [ORDER] * 3 == [own_call(said) for said in asked]

    def test_that_do_not(self) -> None:
        assert [None] * 3 == [own_call(said) for said in ("Look up order", "I ordered 1234", "Order 1234")]


class TestTheTool:
    def test_always_says_the_same(self) -> None:
        assert "Order 1234 was shipped on Monday and arrives in 2 days." == run(ORDER)

    def test_runs_once_for_an_argument(self) -> None:
        tools = OwnTools()
        told = {tools.run(ORDER) for _ in range(3)}
        assert ({run(ORDER)}, 1) == (told, tools.runs)

    def test_runs_for_each_argument(self) -> None:
        tools = OwnTools()
        for number in ("1", "2", "1"):
            tools.run(OwnCall(name="look_up_order", argument=number))
        assert 2 == tools.runs

    def test_forgets_the_oldest_results(self) -> None:
        tools = OwnTools()
        for number in (*range(40), 39, 0):
            tools.run(OwnCall(name="look_up_order", argument=str(number)))
        assert 41 == tools.runs


class TestTheMemoryOfCalls:
    def test_is_bounded(self) -> None:
        calls = remembered_calls()
        for number in range(1000):
            calls.of(("", str(number)))
        assert 256 == len(calls)

    def test_keeps_what_is_in_use(self) -> None:
        values: Recent[str, list[int]] = Recent(2, list)
        values.of("first").append(1)
        for key in ("second", "first", "third"):
            values.of(key)
        assert ([1], []) == (values.of("first"), values.of("second"))
