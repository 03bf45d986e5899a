"""An exchange against the clock: everything on one axis, which begins when connecting did."""

from collections.abc import Mapping

from made_reports import dead_air, played
from vapi_conformance.report.page.waterfall import Waterfall, waterfall


def drawn(document: Mapping[str, object]) -> Waterfall:
    found = waterfall(document)
    assert found is not None
    return found


def says(document: Mapping[str, object]) -> dict[str, str]:
    return {row.name: row.says for row in drawn(document).rows}


def test_every_row_is_told_in_words() -> None:
    assert {
        "Connect": "name 1.0 ms, TCP 3.0 ms",
        "Headers": "after 12 ms",
        "Events": "2 events, the first after 40 ms, the last after 60 ms",
        "Spoken": "1 piece, 1.93 s of speech",
    } == says(played())


def test_dead_air_has_a_row_of_its_own() -> None:
    assert "1 silence, 3.20 s in all" == says(dead_air())["Dead air"]
    assert "on a connection that was open" == says(dead_air())["Connect"]


def test_bars_stand_one_after_the_other_within_the_axis() -> None:
    rows = {row.name: row.marks for row in drawn(dead_air()).rows}
    (silence,) = rows["Dead air"]
    before, after = rows["Spoken"]
    ends = [float(mark.x[:-1]) + float((mark.width or "0%")[:-1]) for mark in (before, silence, after)]
    starts = [float(mark.x[:-1]) for mark in (before, silence, after)]
    assert [round(each, 1) for each in starts[1:]] == [round(each, 1) for each in ends[:-1]]
    assert ends[-1] <= 100


def test_headers_that_never_came_are_waited_for_until_the_end() -> None:
    timing = {"dns_ms": None, "connect_ms": None, "tls_ms": None, "headers_ms": None, "end_ms": 20_000.0}
    made = played(timing=timing, events=[], pieces=[], end="timed out", connection_reused=None)
    assert {"Connect": "not recorded", "Headers": "none came (timed out)"} == says(made)


def test_the_axis_has_few_marks_whatever_its_length() -> None:
    for end_ms in (0.5, 3.0, 47.0, 999.0, 21_000.0, 5e8):
        ticks = drawn(played(timing={"headers_ms": 0.1, "end_ms": end_ms}, pieces=[], events=[])).ticks
        assert "0" == ticks[0][1]
        assert 1 <= len(ticks) <= 11


def test_thousands_of_events_are_thinned() -> None:
    events = [{"at_ms": float(at), "name": "message", "bytes": 1, "text": ""} for at in range(4000)]
    rows = {row.name: row for row in drawn(played(events=events)).rows}
    assert rows["Events"].says.startswith("4,000 events")
    assert len(rows["Events"].marks) <= 161


def test_without_times_there_is_nothing_to_draw() -> None:
    assert waterfall(played(timing={}, events=[], pieces=[])) is None
