"""Calls of a load before the judges: whole, in order, ended where Vapi would end them, and bounded in memory."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from latency.samples import answered
from timed_answers import DONE, chunk, streamed
from vapi_conformance.call_scenario import CallScenario, all_call_scenarios, call_scenario
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Response
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.latency.traffic import WholeCalls
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.vapi import Platform

URL = "http://127.0.0.1:1/v1"
VAPI = Platform.from_files(base_url=URL, seed=7)
DOCUMENT: Mapping[str, object] = {
    "call": "two",
    "about": "Two turns.",
    "first_message": "The bakery, hello?",
    "turns": [{"says": "Is there rye bread?"}, {"says": "I take two."}],
    "tools": [{"name": "checkStock", "description": "Bread left.", "returns": "4 loaves"}],
}
SOUND = Evidence(exchange=answered((20.0, "One is left. ")))
BROKEN = Evidence(exchange=replace(answered((20.0, "One is ")), response=Response(status=500)))
CALLING = Evidence(
    exchange=streamed(
        (
            10.0,
            chunk(
                {
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "checkStock", "arguments": "{}"},
                        }
                    ]
                }
            ),
        ),
        (20.0, chunk({}, "tool_calls") + DONE),
    )
)


def played(*answers: Evidence, scenario: CallScenario | None = None, number: int = 0) -> PlayedCall | None:
    """A call that was answered so; None where it is not kept."""
    traffic = WholeCalls(platform=VAPI, scenario=scenario or call_scenario(DOCUMENT))
    call, _ = traffic.begin(number, is_kept=True)
    for each in answers:
        traffic.follow(call, each)
    return call.played


def whole(*answers: Evidence, scenario: CallScenario | None = None, number: int = 0) -> PlayedCall:
    call = played(*answers, scenario=scenario, number=number)
    assert call is not None
    return call


def test_every_request_stands_in_its_place() -> None:
    group = whole(CALLING, SOUND, SOUND).group(3)
    (record,) = {id(each.call): each.call for each in group}.values()
    assert record is not None
    assert [(1, 0, "heard"), (1, 1, "tool-results"), (2, 0, "heard")] == [
        (each.turn, each.number, each.why) for each in record.requests
    ]
    assert ["calls/two/turn-1.1/3", "calls/two/turn-1.2/3", "calls/two/turn-2.1/3"] == [
        f"{label.scenario}/{label.step}/{label.attempt}" for each in group if (label := each.exchange.label) is not None
    ]
    assert [("call_1", "checkStock", "4 loaves", 0)] == [
        (run.id, run.name, run.result, run.exchange) for run in record.tools
    ]
    assert record.exchanges == tuple(each.exchange for each in group)


def test_a_call_ends_by_the_caller_or_by_the_answer_that_vapi_cannot_use() -> None:
    sound, broken = whole(SOUND, SOUND), whole(SOUND, BROKEN)
    assert (False, True) == (sound.has_failed, broken.has_failed)
    ends = [each.group(1)[-1].call for each in (sound, broken)]
    assert ["caller", "endpoint"] == [each.ended.by for each in ends if each is not None]


def test_what_came_after_the_end_at_vapi_is_no_part_of_the_call() -> None:
    """A load goes on where an answer is refused by Vapi, but not by its own bytes."""
    call = whole(SOUND, SOUND)
    call.answers[0] = BROKEN
    assert 1 == len(call.group(1))


def test_what_belongs_to_the_caller_alone_is_known() -> None:
    call = whole(SOUND, SOUND)
    assert call.call_id == call.caller_data[1]
    assert (None, ()) == (call.word, call.words)
    company = all_call_scenarios()["sixteen-callers"]
    one, other = (whole(SOUND, scenario=company, number=number) for number in (0, 1))
    assert one.word != other.word
    assert {one.word, other.word} <= set(one.words)


def test_a_call_that_grows_too_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vapi_conformance.latency.played_calls._MOST_BYTES", 1000)
    assert played(SOUND, SOUND) is None


def test_a_call_is_kept_where_there_are_rules_over_calls_and_somebody_wants_it() -> None:
    scenario = call_scenario(DOCUMENT)
    for platform, is_kept in ((VAPI, False), (Direct.made(base_url=URL, dialect=SOUND.dialect), True)):
        call, _ = WholeCalls(platform=platform, scenario=scenario).begin(0, is_kept=is_kept)
        assert call.played is None
