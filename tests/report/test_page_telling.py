"""Answers that show what callers hear: each way of going wrong once, and a sound answer beside them."""

from collections.abc import Mapping

from made_reports import dead_air, played, report
from vapi_conformance.report.page.rendering import render_page
from vapi_conformance.report.page.run_view import view_of


def told(*exchanges: Mapping[str, object]) -> list[tuple[str, bool, int]]:
    view = view_of(report(exchanges=exchanges))
    return [(each.exchange.name, each.is_sound, each.alike) for each in view.told]


def failing(identity: str, what: str, **changed: object) -> dict[str, object]:
    consumer = {"name": "vapi", "library": "Vapi", "what": what, "sentence": "", "known": "observed", "text": ""}
    return played(identity, consumers=[consumer], pieces=[], **changed)


def test_the_longest_silence_of_all_comes_first_and_the_others_are_counted() -> None:
    slow = [dead_air("calls/a/1", 2000), dead_air("calls/b/1", 9000), dead_air("calls/c/1", 4000)]
    assert [("calls/b/1", False, 2), ("plain/stream", True, 0)] == told(played(), *slow)


def test_each_way_of_going_wrong_is_shown_once() -> None:
    exchanges = [failing(f"plain/{at}", what) for at, what in enumerate(["silence", "call-ends", "silence", "raises"])]
    assert {"plain/0", "plain/1", "plain/3"} == {name for name, _, _ in told(*exchanges)}


def test_answers_that_nobody_would_hear_are_not_shown() -> None:
    probe = failing("errors/post", "call-ends", expects="anything", status=413)
    refused = failing("auth/no-key", "call-ends", expects="refusal", status=401)
    closed = failing("barge-in/1", "silence", end="closed by us")
    assert [] == told(probe, refused, closed)


def call(name: str, *turns: Mapping[str, object]) -> list[dict[str, object]]:
    return [
        {**each, "id": f"calls/{name}/{at}", "scenario": f"calls/{name}", "call": {"id": name, "closed": None}}
        for at, each in enumerate(turns)
    ]


def shown_call(*exchanges: Mapping[str, object]) -> str | None:
    found = view_of(report(exchanges=exchanges)).call
    return None if found is None else found.name


def test_the_call_in_which_most_goes_wrong_is_shown_whole() -> None:
    sound = call("sound", played(), played(), played())
    slow = call("slow", dead_air(), dead_air())
    worse = call("worse", dead_air(), failing("x", "call-ends"))
    assert ["calls/sound", "calls/slow", "calls/worse"] == [
        shown_call(*sound),
        shown_call(*sound, *slow),
        shown_call(*sound, *slow, *worse),
    ]


def test_what_is_no_single_call_of_some_turns_is_not_shown_as_one() -> None:
    at_once = [{**each, "call": {"id": f"{at}"}} for at, each in enumerate(call("many", played(), played()))]
    assert [None, None, None] == [
        shown_call(*call("short", played())),
        shown_call(*call("long", *[played()] * 13)),
        shown_call(*at_once),
    ]


def test_an_answer_that_was_replaced_is_no_part_of_the_dialogue() -> None:
    first, second, third = call("edited", played(), played(), played())
    replaced = {**second, "call": {"id": "edited", "closed": "superseded"}, "end": "closed by us"}
    view = view_of(report(exchanges=[first, replaced, third]))
    assert view.call is not None
    assert ["calls/edited/0", "calls/edited/2"] == [each.name for each in view.call.dialogue]


def test_where_nothing_went_wrong_a_few_sound_ones_are_shown() -> None:
    assert [True, True, True] == [is_sound for _, is_sound, _ in told(*(played(f"plain/{at}") for at in range(9)))]


def test_an_answer_that_breaks_nothing_is_shown_before_one_that_breaks_a_rule() -> None:
    broken = played("plain/longer", breaks=["sse.rule"])
    assert [("plain/stream", True, 0), ("plain/longer", True, 0)] == told(broken, played())


def test_an_answer_that_breaks_a_rule_is_not_called_sound_though_no_listed_violation_names_it() -> None:
    html = render_page([report(exchanges=[played(breaks=["sse.rule"])])])
    assert ["An answer that is heard, though it breaks rules", "1 exchange, 1 with broken rules"] == [
        words
        for words in (
            "A sound answer",
            "An answer that is heard, though it breaks rules",
            "1 exchange, 1 with broken rules",
        )
        if words in html
    ]


def test_there_is_room_first_for_an_answer_that_lets_the_caller_down() -> None:
    lost = failing(
        "calls/lost/1", "call-ends", breaks=["sse.rule"], body={"text": "x" * 6000, "bytes": 6000, "left_out": 0}
    )
    trifles = [
        played(f"plain/{at}", breaks=["http.rule"], body={"text": "x" * 6000, "bytes": 6000, "left_out": 0})
        for at in range(700)
    ]
    html = render_page([report(exchanges=[*trifles, lost])])
    assert "Events, request and response are left out to keep this page small" in html
    assert "Request and response" in html[html.index('id="exchange-701"') :]
