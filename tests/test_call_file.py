"""The stored form of a call: what is saved loads back equal, and what is damaged is refused with the place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.call_file import FORMAT, from_document, is_call, save, to_document
from vapi_conformance.call_record import CallEvent, CallRecord, CallRequest, Ended, ToolRun
from vapi_conformance.exchange import Exchange, Request
from vapi_conformance.json_file import read_json
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

EXCHANGE = Exchange(request=Request(method="POST", url="http://endpoint.example/v1"), response=None, source="here")
TIMES = st.integers(0, 10**13)
PLACES = st.none() | st.integers(0, 1)
"""Every call here has two exchanges."""


def texts(least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.text(), min_size=least, max_size=3).map(tuple)


REQUESTS = st.builds(
    CallRequest,
    at_ns=TIMES,
    turn=st.integers(0, 9),
    number=st.integers(0, 9),
    why=st.sampled_from(["greeting", "heard", "heard-again", "tool-results", "hand-off"]),
    closed=st.sampled_from([None, "superseded", "barge-in"]),
)
EVENTS = st.builds(
    CallEvent,
    at_ns=TIMES,
    kind=st.sampled_from(["transcript", "speech", "cut", "idle", "ended"]),
    text=st.text(),
    until_ns=st.none() | TIMES,
    exchange=PLACES,
)
TOOLS = st.builds(
    ToolRun,
    id=st.text(),
    name=st.text(),
    arguments=st.text(),
    result=st.none() | st.text(),
    started_ns=TIMES,
    ended_ns=st.none() | TIMES,
    exchange=st.integers(0, 1),
    superseded=st.booleans(),
)
CALLS = st.builds(
    CallRecord,
    name=st.text(min_size=1),
    call_id=st.text(),
    clock=st.sampled_from(["virtual", "real"]),
    scenario=st.dictionaries(st.text(), st.text(), max_size=2),
    word=st.none() | st.text(),
    words=texts(),
    requests=st.tuples(REQUESTS, REQUESTS),
    exchanges=st.just((EXCHANGE, EXCHANGE)),
    webhooks=st.sampled_from([(), (EXCHANGE,)]),
    tools=st.lists(TOOLS, max_size=2).map(tuple),
    events=st.lists(EVENTS, max_size=3).map(tuple),
    ended=st.builds(
        Ended,
        at_ns=TIMES,
        by=st.sampled_from(["caller", "assistant", "endpoint", "platform"]),
        reasons=texts(1),
        sureness=st.sampled_from(["documented", "observed", "inferred"]),
        text=st.text(),
    ),
    expects_ended=texts(),
    expects_tools=texts(),
    caller_data=texts(),
)
NOTHING: dict[str, object] = {}
CALL = CallRecord(
    name="test",
    call_id="c",
    clock="virtual",
    scenario={"call": "test"},
    requests=(CallRequest(at_ns=1, turn=1, number=0, why="heard"),),
    exchanges=(EXCHANGE,),
    tools=(ToolRun(id="t", name="find", arguments="{}", result="7", started_ns=1, ended_ns=2, exchange=0),),
    events=(CallEvent(at_ns=1, kind="request", text="heard", exchange=0),),
    ended=Ended(at_ns=5, by="caller", reasons=("customer-ended-call",), sureness="documented", text="Bye."),
    expects_ended=("customer-ended-call",),
)
TOOL = to_document(CALL)["tools"]
EVENT = to_document(CALL)["events"]


def with_first(records: object, **change: object) -> list[object]:
    assert isinstance(records, list)
    return [{**records[0], **change}, *records[1:]]


class TestRoundTrip:
    @given(call=CALLS)
    def test_loads_back_equal(self, call: CallRecord) -> None:
        assert call == from_document(json.loads(json.dumps(to_document(call))))

    @given(call=CALLS)
    def test_follows_the_published_schema(self, call: CallRecord) -> None:
        assert () == errors("harness/call", json.loads(json.dumps(to_document(call))))

    def test_save_leaves_one_whole_file(self, tmp_path: Path) -> None:
        save(CALL, tmp_path / "a.json")
        assert ["a.json"] == [path.name for path in tmp_path.iterdir()]
        assert CALL == from_document(read_json(tmp_path / "a.json"))

    def test_whole_numbers_with_a_fraction_of_zero_are_integers(self) -> None:
        """JSON has one kind of number; a program that writes 1.0 means 1."""
        document = {**to_document(CALL), "events": with_first(EVENT, at_ns=1.0, until_ns=2.0, exchange=0.0)}
        (event,) = from_document(document).events
        assert "1 2 0" == f"{event.at_ns} {event.until_ns} {event.exchange}"


class TestRecognition:
    @pytest.mark.parametrize("document", [None, [], "call", 7, {}, {"format": "vapi-conformance/exchange"}])
    def test_other_documents_are_no_calls(self, document: object) -> None:
        assert not is_call(document)
        with pytest.raises(UsageError, match="is no stored call"):
            from_document(document)

    def test_a_call_says_so(self) -> None:
        assert is_call({"format": FORMAT})


class TestDamage:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"version": 99}, "call version 99; this release reads up to 1"),
            ({"version": True}, "call version True"),
            ({"version": 0}, "/version"),
            ({"clock": "sundial"}, "/clock"),
            ({"surprise": 1}, "surprise"),
            ({"requests": []}, "as many requests as exchanges are wanted"),
            ({"exchanges": []}, "as many requests as exchanges are wanted"),
            ({"exchanges": [NOTHING]}, "is no stored exchange"),
            ({"exchanges": [None]}, "/exchanges/0"),
            ({"webhooks": [{"format": "other"}]}, "is no stored exchange"),
            ({"ended": None}, "/ended"),
            ({"events": with_first(EVENT, at_ns=-1)}, "/events/0/at_ns"),
            ({"events": with_first(EVENT, kind="applause")}, "/events/0/kind"),
            ({"events": with_first(EVENT, exchange=1)}, "/events/0/exchange: there are 1 exchanges"),
            ({"tools": with_first(TOOL, exchange=10**30)}, "/tools/0/exchange: there are 1 exchanges"),
            ({"tools": with_first(TOOL, started_ns=1.5)}, "/tools/0/started_ns"),
            ({"tools": with_first(TOOL, superseded="no")}, "/tools/0/superseded"),
        ],
    )
    def test_is_refused_with_the_place(self, change: dict[str, object], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            from_document({**to_document(CALL), **change}, source="a.json")

    @pytest.mark.parametrize("key", sorted(to_document(CALL).keys() - {"format", "version"}))
    def test_of_a_missing_part_is_named(self, key: str) -> None:
        document = {name: value for name, value in to_document(CALL).items() if name != key}
        with pytest.raises(UsageError, match=key):
            from_document(document, source="a.json")
