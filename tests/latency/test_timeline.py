"""The sample of single requests: bounded, fair, and with the times that the requests had."""

import json

from latency.samples import answered, sample
from latency.test_result import result
from vapi_conformance.exchange import End
from vapi_conformance.latency.result import to_document
from vapi_conformance.latency.timeline import Timeline
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

TEXT = "A sentence that is long enough."


def kept(timeline: Timeline) -> list[dict[str, object]]:
    rows = array_or_nothing(timeline.to_document()["kept"])
    return [dict(object_or_nothing(row)) for row in rows]


def test_a_request_has_its_times() -> None:
    timeline = Timeline()
    timeline.add(sample(answered((120, TEXT), end_ms=300), intended_ms=1000, sent_ms=1002.5), at_ns=5_000_000_000)
    [row] = kept(timeline)
    assert {
        "start_ms": 6000.0,
        "delay_ms": 2.5,
        "ttft_ms": 120.0,
        "ttfs_ms": 120.0,
        "answer_ms": 300.0,
        "error": None,
    } == row


def test_an_answer_that_broke_off_says_so_and_has_no_end() -> None:
    timeline = Timeline()
    timeline.add(sample(answered((120, TEXT), end=End.RESET)))
    [row] = kept(timeline)
    assert (120.0, None, "connection broken") == (row["ttft_ms"], row["answer_ms"], row["error"])


def test_rows_stand_in_the_order_of_time() -> None:
    timeline = Timeline()
    for start_ms in (30, 10, 20):
        timeline.add(sample(answered((100, TEXT)), intended_ms=start_ms, sent_ms=start_ms))
    assert [10.0, 20.0, 30.0] == [row["start_ms"] for row in kept(timeline)]


def test_it_is_bounded_and_draws_from_the_whole_run() -> None:
    timeline = Timeline(10)
    answer = answered((100, TEXT))
    for number in range(500):
        timeline.add(sample(answer, intended_ms=number, sent_ms=number))
    starts = [row["start_ms"] for row in kept(timeline)]
    assert (500, 10) == (timeline.to_document()["seen"], len(starts))
    assert len(set(starts)) == 10
    # The seed is fixed: later requests took the place of earlier ones.
    assert starts != list(range(10))


def test_two_are_one_in_the_order_of_time_and_within_the_bound() -> None:
    one, other = Timeline(10), Timeline(10, seed=1)
    answer = answered((100, TEXT))
    for number in range(100):
        one.add(sample(answer, intended_ms=2 * number, sent_ms=2 * number))
        other.add(sample(answer, intended_ms=2 * number + 1, sent_ms=2 * number + 1))
    one.merge(other)
    starts = [row["start_ms"] for row in kept(one)]
    assert (200, 10, 10) == (one.to_document()["seen"], len(starts), len(set(starts)))
    assert sorted(starts, key=lambda each: float(str(each))) == starts


def test_the_document_stays_within_its_schema_with_and_without() -> None:
    timeline = Timeline()
    timeline.add(sample(answered((120, TEXT))))
    timeline.add(sample(answered(), sent_ms=None))
    without = to_document(result())
    document = json.loads(json.dumps({**without, "streams": timeline.to_document()}))
    assert ((), ()) == (errors("harness/bench", json.loads(json.dumps(without))), errors("harness/bench", document))
    document["streams"]["kept"][0]["ttft_ms"] = -1
    assert errors("harness/bench", document)
