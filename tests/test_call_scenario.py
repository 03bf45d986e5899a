"""Call scenarios: every file is a call that can be played, and what is none is refused with the place."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from shared_data import needs_shared, vapi_recordings
from vapi_conformance.call_scenario import (
    CALLER_ENDED,
    CallScenario,
    Edit,
    HeardAs,
    Turn,
    all_call_scenarios,
    call_scenario,
    load_call_scenario,
)
from vapi_conformance.data import data_dir
from vapi_conformance.json_file import JsonFileError, read_json
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

FILES = sorted((data_dir("fixtures") / "scenarios" / "calls").glob("*.json"))
NAMES = [path.stem for path in FILES]
PLACEHOLDERS = {"{name}", "{city}", "{company}", "{word}"}


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    for each in (*object_or_nothing(value).values(), *array_or_nothing(value)):
        yield from texts(each)


def said_in(scenario: CallScenario) -> list[str]:
    """What the caller says, in every form of it."""
    return [each.text for turn in scenario.turns for each in turn.heard]


def is_new_or_asked_again(before: Mapping[str, object], row: Mapping[str, object]) -> bool:
    """Whether the caller's words made Vapi ask; with the results of tools it asks by itself, but only once."""
    return row["last_role"] == "user" or row["n_messages"] == before["n_messages"]


@pytest.mark.parametrize("name", NAMES)
class TestFiles:
    def test_follow_the_schema(self, name: str) -> None:
        path = data_dir("fixtures") / "scenarios" / "calls" / f"{name}.json"
        assert () == errors("harness/call-scenario", read_json(path))

    def test_are_named_as_they_are_called(self, name: str) -> None:
        assert name == all_call_scenarios()[name].name

    def test_hear_a_turn_from_its_begin_and_on(self, name: str) -> None:
        for turn in all_call_scenarios()[name].turns:
            times = [each.at_s for each in turn.heard]
            assert not times or times[0] == 0
            assert all(earlier < later for earlier, later in pairwise(times))

    def test_edit_turns_that_were_taken(self, name: str) -> None:
        for taken, turn in enumerate(all_call_scenarios()[name].turns):
            assert all(edit.turn <= taken for edit in turn.edits)

    def test_interrupt_an_answer(self, name: str) -> None:
        """The turn before one that interrupts asks for something."""
        turns = all_call_scenarios()[name].turns
        assert not turns or turns[0].interrupts_after_s is None
        assert all(before.heard for before, turn in pairwise(turns) if turn.interrupts_after_s is not None)

    def test_expect_tools_that_vapi_knows(self, name: str) -> None:
        scenario = all_call_scenarios()[name]
        assert set(scenario.expects_tools) <= {tool.name for tool in scenario.tools if tool.run_by != "endpoint"}

    def test_give_a_model_several_tries_to_call_a_tool(self, name: str) -> None:
        scenario = all_call_scenarios()[name]
        assert not scenario.expects_tools or scenario.tries > 1

    def test_hand_over_to_assistants_that_there_are(self, name: str) -> None:
        scenario = all_call_scenarios()[name]
        names = {
            tool.name.removeprefix("handoff_to_") for tool in scenario.tools if tool.name.startswith("handoff_to_")
        }
        places = {place for tool in scenario.tools for place in tool.destinations if not place.startswith("+")}
        assert names | places == {member.name for member in scenario.squad}

    def test_use_placeholders_that_there_are(self, name: str) -> None:
        document = all_call_scenarios()[name].document
        used = {found for text in texts(document["turns"]) for found in re.findall(r"\{\w*\}", text)}
        assert used <= PLACEHOLDERS
        assert ("{word}" in used) == (all_call_scenarios()[name].callers > 1)

    def test_name_numbers_that_nobody_has(self, name: str) -> None:
        """North American numbers kept for fiction end in 555 0100 to 555 0199."""
        numbers = [text for text in texts(all_call_scenarios()[name].document) if text.startswith("+")]
        assert [] == [number for number in numbers if not re.fullmatch(r"\+1[2-9]\d\d55501\d\d", number)]


class TestCatalogue:
    def test_is_what_the_folder_holds(self) -> None:
        assert NAMES == list(all_call_scenarios())

    def test_has_every_situation_of_a_call(self) -> None:
        """What the documents of Vapi and the recordings of calls show, each in one file at least."""
        calls = all_call_scenarios().values()
        turns = [turn for call in calls for turn in call.turns]
        tools = [tool for call in calls for tool in call.tools]
        assert {"phone", "web"} == {call.channel for call in calls}
        assert {"en_US", "en_GB", "fr_FR", None} == {call.locale for call in calls}
        assert {"vapi", "webhook", "endpoint"} == {tool.run_by for tool in tools}
        assert {"recorded", "schema", "events-page", "custom-tools-page"} == {
            tool.lists for tool in tools if tool.run_by == "webhook"
        }
        assert {
            CALLER_ENDED,
            "assistant-ended-call",
            "assistant-said-end-call-phrase",
            "assistant-forwarded-call",
            "silence-timed-out",
        } == {reason for call in calls for reason in call.expects_ended}
        assert any(tool.fails for tool in tools)
        assert any(tool.is_async for tool in tools)
        assert any(tool.filler for tool in tools)
        assert any(turn.keypad for turn in turns)
        assert any(turn.edits for turn in turns)
        assert any(turn.confidence for turn in turns)
        assert any(call.merges_answers for call in calls)
        assert any(call.idle for call in calls)
        assert 16 == max(call.callers for call in calls)
        assert 6 == max(len(turn.heard) for turn in turns)
        assert max(each.at_s for turn in turns for each in turn.heard) < 16

    def test_asks_again_with_words_that_grow_and_with_others(self) -> None:
        def pairs(name: str) -> list[tuple[str, str]]:
            heard = [[each.text for each in turn.heard] for turn in all_call_scenarios()[name].turns]
            return [pair for each in heard for pair in pairwise(each)]

        assert all(later.startswith(earlier) for earlier, later in pairs("grown-turn"))
        assert not any(later.startswith(earlier) for earlier, later in pairs("replaced-turn"))
        assert pairs("grown-turn")
        assert pairs("replaced-turn")


@needs_shared
class TestRecordings:
    def test_the_request_pattern_has_the_rhythm_of_the_recorded_call(self) -> None:
        rows = [object_or_nothing(row) for row in array_or_nothing(vapi_recordings("16-")[0].load()["body"])]
        asked = [rows[0], *(row for before, row in pairwise(rows) if is_new_or_asked_again(before, row))]
        recorded = [float(str(row["at_s"])) for row in asked]
        turns = all_call_scenarios()["request-pattern"].turns
        begin_s = turns[0].at_s or 0.0
        ours = [(turn.at_s or 0.0) - begin_s + each.at_s for turn in turns for each in turn.heard]
        assert recorded == [round(at_s, 3) for at_s in ours]

    def test_no_words_of_recorded_calls_are_taken_over(self) -> None:
        recorded = {
            text.casefold().strip(" .?!")
            for each in vapi_recordings()
            for text in texts(each.load()["body"])
            if len(text.split()) > 2
        }
        ours = [
            text.partition("Say exactly: ")[2] or text
            for call in all_call_scenarios().values()
            for text in said_in(call)
        ]
        assert [] == [text for text in ours if text.casefold().strip(" .?!") in recorded]


NOTHING: Mapping[str, object] = {}
WRONG: Sequence[tuple[Mapping[str, object], str]] = [
    ({"turns": None}, "/turns"),
    ({"turns": [NOTHING]}, "/turns/0"),
    ({"turns": [{"says": "Hi.", "keypad": "1"}]}, "/turns/0"),
    ({"turns": [{"says": ""}]}, "/turns/0/says"),
    ({"turns": [{"says": "Hi.", "after_s": -1}]}, "/turns/0/after_s"),
    ({"turns": [{"says": "Hi.", "after_s": 10**9}]}, "/turns/0/after_s"),
    ({"turns": [{"says": "Hi.", "after_s": 1, "at_s": 1}]}, "/turns/0"),
    ({"turns": [{"says": "Hi.", "interrupts_after_s": 1, "at_s": 1}]}, "/turns/0"),
    ({"turns": [{"heard": [{"at_s": 0, "text": "Hi."}]}]}, "/turns/0/heard"),
    ({"turns": [{"keypad": "call me"}]}, "/turns/0/keypad"),
    ({"turns": [{"says": "Hi.", "edits": [{"turn": 0, "text": "Ho."}]}]}, "/turns/0/edits/0/turn"),
    ({"call": "../../etc"}, "/call"),
    ({"about": "short"}, "/about"),
    ({"callers": 1_000_000}, "/callers"),
    ({"tries": True}, "/tries"),
    ({"locale": "xx_XX"}, "/locale"),
    ({"silence_timeout_s": 1}, "/silence_timeout_s"),
    ({"tools": [{"name": "no spaces"}]}, "/tools/0/name"),
    ({"tools": [{"name": "find", "path": "http://elsewhere.example"}]}, "/tools/0/path"),
    ({"expects": {"ended": ()}}, "/expects/ended"),
    ({"surprise": 1}, "surprise"),
]
LEAST: Mapping[str, object] = {"call": "test", "about": "A call in a test.", "turns": []}


class TestReading:
    def test_fills_in_what_vapi_does_by_itself(self) -> None:
        scenario = call_scenario(LEAST)
        assert ("assistant-waits-for-user", 30.0, (CALLER_ENDED,)) == (
            scenario.first_message_mode,
            scenario.silence_timeout_s,
            scenario.expects_ended,
        )
        assert ("phone", 1, 1, "calls/test") == (scenario.channel, scenario.callers, scenario.tries, scenario.label)

    def test_with_a_first_message_the_assistant_speaks_first(self) -> None:
        assert "assistant-speaks-first" == call_scenario({**LEAST, "first_message": "Hello."}).first_message_mode

    @pytest.mark.parametrize(
        ("document", "turn"),
        [
            ({"says": "Hi."}, Turn(heard=(HeardAs(at_s=0.0, text="Hi."),))),
            ({"says": "Hi.", "at_s": 4}, Turn(heard=(HeardAs(at_s=0.0, text="Hi."),), at_s=4.0)),
            ({"keypad": "1#"}, Turn(keypad="1#")),
            ({"silence_s": 12}, Turn(silence_s=12.0)),
            (
                {"says": "Hi.", "interrupts_after_s": 0, "edits": [{"turn": 1.0, "text": "Ho."}]},
                Turn(heard=(HeardAs(at_s=0.0, text="Hi."),), interrupts_after_s=0.0, edits=(Edit(turn=1, text="Ho."),)),
            ),
        ],
    )
    def test_takes_a_turn_as_written(self, document: Mapping[str, object], turn: Turn) -> None:
        whole = {**LEAST, "turns": [document]}
        assert () == errors("harness/call-scenario", whole)
        assert (turn,) == call_scenario(whole).turns

    def test_counts_in_whole_numbers(self) -> None:
        scenario = call_scenario({**LEAST, "callers": 3.0, "tries": 2.0, "idle": {"message": "Hm?", "most": 1.0}})
        assert scenario.idle is not None
        assert "3 2 1" == f"{scenario.callers} {scenario.tries} {scenario.idle.most}"


class TestRefusing:
    @pytest.mark.parametrize(("change", "place"), WRONG)
    def test_names_the_place(self, tmp_path: Path, change: Mapping[str, object], place: str) -> None:
        path = tmp_path / "mine.json"
        path.write_text(json.dumps({**LEAST, **change}), encoding="utf-8")
        with pytest.raises(JsonFileError, match="is no call scenario") as problem:
            load_call_scenario(path)
        assert place in str(problem.value)

    @pytest.mark.parametrize("content", ["", "{", "[]", "null", "7", '{"call": 1e999}', "[" * 100_000])
    def test_takes_no_other_document(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "mine.json"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(JsonFileError, match=r"mine\.json"):
            load_call_scenario(path)
