"""Recorded calls: what really happened, and what the player makes of the same answers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from call.scripted import Answer, call, events, said, sent
from shared_data import needs_shared, vapi_recordings
from timed_answers import DONE, chunk, words
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

Row = Mapping[str, object]


def recorded(number: str) -> object:
    """The body of the recording with this number."""
    (only,) = vapi_recordings(number)
    return only.load()["body"]


def message(number: str) -> Row:
    return object_or_nothing(object_or_nothing(recorded(number)).get("message"))


def rows(value: object) -> list[Row]:
    return [object_or_nothing(each) for each in array_or_nothing(value)]


def milliseconds(row: Row) -> int:
    return round(cast("float", row["at_s"]) * 1000)


@needs_shared
class TestEndings:
    def test_a_first_answer_that_never_came_killed_the_recorded_call(self) -> None:
        """Recording 28: the user spoke, no token came, and the call was over three seconds later."""
        failed = Answer(end=End.NO_RESPONSE, error="socket hang up", end_ms=3000)
        record = call({"first_message": "Welcome...", "turns": [{"says": "Hello?"}]}, [failed])
        assert message("28")["endedReason"] in record.ended.reasons
        assert "observed" == record.ended.sureness

    def test_a_silent_caller_timed_out(self) -> None:
        record = call({"first_message": "Hello.", "turns": [{"silence_s": 40}]}, [said("")])
        assert (message("21")["endedReason"],) == record.ended.reasons


@needs_shared
class TestFlushBeforeAStall:
    """Recording 31: two lines with a flush tag, twelve seconds apart, in a stream that stayed open."""

    @staticmethod
    def happened(kind: str) -> list[tuple[int, Row]]:
        told = rows(object_or_nothing(recorded("31"))["events"])
        found = [(milliseconds(row), object_or_nothing(row["event"])) for row in told]
        return [(at_ms, event) for at_ms, event in found if event["type"] == kind]

    def test_is_heard_when_the_stream_moves_on_and_a_hang_is_told_before(self) -> None:
        speech = self.happened("speech-update")
        silent_ms = max(at for at, event in speech if (event["status"], event["role"]) == ("stopped", "user"))
        lines = [(at - silent_ms, str(event["output"])) for at, event in self.happened("model-output")]
        end = (30_000, chunk({}, "stop") + DONE)
        answer = Answer(events=[*((at, words(line)) for at, line in lines), end])
        record = call({"turns": [{"says": "What did the vet say?", "after_s": 0}]}, [answer])
        (_, first), (second_ms, second) = lines
        assert [(second_ms, first.partition(" <")[0]), (30_001, second.partition(" <")[0])] == [
            (at, text) for at, _, text in events(record, "speech")
        ]
        ((hang_ms, _),) = self.happened("hang")
        ((told_ms, _, _),) = events(record, "hang")
        assert abs(told_ms - (hang_ms - silent_ms)) < 50


@needs_shared
class TestTheRhythmOfACall:
    def test_is_played_as_it_was_recorded(self) -> None:
        """Recording 16: the times of 22 requests; those of one turn supersede each other."""
        heard = [row for row in rows(recorded("16")) if row["last_role"] == "user"]
        record = call({"turns": turns(heard)}, [said("I see.", at_ms=300)])
        assert [row["last_content"] for row in heard] == [messages[-1][1] for messages in sent(record)]
        again = [later for earlier, later in pairwise(heard) if same_turn(earlier, later)]
        assert len(again) == sum(request.why == "heard-again" for request in record.requests) > 0
        gaps_ms = [milliseconds(later) - milliseconds(earlier) for earlier, later in pairwise(heard) if later in again]
        played = [later.at_ns - earlier.at_ns for earlier, later in pairwise(record.requests) if later.number]
        assert gaps_ms == [gap_ns // 1_000_000 for gap_ns in played]


def same_turn(earlier: Row, later: Row) -> bool:
    """The history did not grow in between."""
    return earlier["n_messages"] == later["n_messages"]


def turns(heard: Sequence[Row]) -> list[dict[str, object]]:
    """The caller's turns as a scenario has them."""
    grouped: list[list[Row]] = []
    for row in heard:
        if grouped and same_turn(grouped[-1][0], row):
            grouped[-1].append(row)
        else:
            grouped.append([row])
    return [turn(each) for each in grouped]


def turn(versions: Sequence[Row]) -> dict[str, object]:
    first = versions[0]
    if len(versions) == 1:
        return {"says": first["last_content"]}
    began_ms = milliseconds(first)
    return {"heard": [{"at_s": (milliseconds(row) - began_ms) / 1000, "text": row["last_content"]} for row in versions]}
