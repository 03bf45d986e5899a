"""Each fault of whole calls shows where the sound server does what it should, and nowhere before."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest

from reference_server.talking import WEATHER, Json, Talk, user
from reference_server.telephone import (
    END_CALL,
    NUMBERS,
    Telephone,
    arguments,
    called_again,
    calls_in,
    names,
    results,
    runs,
    says,
    spoke,
    system,
    transfer,
)
from vapi_reference_server.faults import all_faults
from vapi_reference_server.faults.call_tools import call_tool_faults
from vapi_reference_server.faults.calls import call_faults
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Play: TypeAlias = "Callable[[Talk, str | None], object]"


def turns(*texts: str) -> list[Json]:
    """A history in which each of these was said and answered, and the last was said."""
    spoken = [message for text in texts[:-1] for message in (says(text), spoke("All right."))]
    return [*spoken, says(texts[-1])]


def every_turn(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    asked = (turns("One."), turns("One.", "Two"), turns("One.", "Two, please."), turns("One.", "Two.", "Three."))
    return [bool(phone.words(*messages)) for messages in asked]


def long_history(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    asked = [turns(*("Yes.",) * count) for count in (6, 5, 6)]
    return [phone.ask(*messages).status for messages in asked]


def grown(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    return [phone.words(says(text)) for text in ("Say exactly: red", "Say exactly: red wine", "Tell me a joke")][1:]


def replaced(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    return [phone.words(says(text)) for text in ("Say exactly: plum", "Say exactly: pear", "What is my code word?")][1:]


def repeated(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    return [phone.words(says("Say exactly: red wine")) for _ in range(5)]


def edited(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    answers = [
        phone.words(*turns(f"My code word is {word}.", "What is my code word?")) for word in ("plum", "pear")
    ]  # fmt: skip
    return answers[1]


def interrupted(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    phone.ask(says("Say exactly: Apples are red, and pears are green."))
    heard = (says("Say exactly: Apples are red, and pears are green."), spoke("apples are red"))
    return [phone.words(*heard, says("Stop!")) for _ in range(2)]


def heard_in_full(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    phone.ask(says("Say exactly: Apples are red."))
    return phone.words(says("Say exactly: Apples are red."), spoke("Apples are red."), says("Say exactly: yes"))


def asked_twice(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault, [WEATHER])
    first = phone.ask(says("The weather?"))
    round_1 = [says("The weather?"), called_again(first), *results(first, "Rain.")]
    second = phone.ask(*round_1)
    round_2 = [*round_1, called_again(second), *results(second, "Rain.")] if calls_in(second) else round_1
    return [arguments(first) == arguments(second), phone.words(*round_2)]


def without_end(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault, [WEATHER])
    messages, cities = [says("The weather?")], list[object]()
    for _ in range(4):
        heard = phone.ask(*messages)
        if not calls_in(heard):
            break
        cities += [each["city"] for each in arguments(heard)]
        messages += [called_again(heard), *results(heard, "Rain.")]
    return cities


def own_tool(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    return [runs(phone.ask(says(f"Look up order 1234{end}"))) for end in ("", ", please.", "")]


def told(content: str) -> Play:
    def play(talk: Talk, fault: str | None) -> object:
        phone = Telephone(talk, fault, [WEATHER])
        heard = phone.ask(says("The weather?"))
        return phone.words(says("The weather?"), called_again(heard), *results(heard, content))

    return play


def goodbye(talk: Talk, fault: str | None) -> object:
    heard = Telephone(talk, fault, [END_CALL]).ask(says("Goodbye."))
    return names(heard)


def destination(talk: Talk, fault: str | None) -> object:
    return arguments(Telephone(talk, fault, [transfer(*NUMBERS)]).ask(says("Please transfer me.")))


def transfer_frames(talk: Talk, fault: str | None) -> object:
    heard = Telephone(talk, fault, [transfer(*NUMBERS)]).ask(says("Please transfer me."), stream=True)
    return [sorted(chunk) for chunk in heard.chunks if "choices" not in chunk]


def side_by_side(talk: Talk, fault: str | None) -> object:
    phones = [Telephone(talk, fault) for _ in range(2)]
    words = [phone.words(says(f"Say exactly: {word}")) for phone, word in zip(phones, ("plum", "pear"), strict=True)]
    return words[1]


def handed_off(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    asked = [says("Hi."), spoke("Hello."), says("What is the house word?")]
    phone.ask(system("The house word is oak."), asked[0])
    return phone.words(system("The house word is elm."), *asked)


def caller_data(talk: Talk, fault: str | None) -> object:
    phone = Telephone(talk, fault)
    customer = {"number": "+15550177"}
    numbered = [phone.words(says("Say exactly: yes"), customer=customer) for _ in range(2)]
    return [*numbered, phone.words(says("Say exactly: yes")).replace(phone.call_id, "ID")]


# What is played, what the sound server makes of it, and what the faulty one does.
PLAYS: Mapping[str, tuple[Play, object, object]] = {
    "call-goes-silent": (every_turn, [True] * 4, [True, True, True, False]),
    "call-fails-late": (long_history, [200, 200, 200], [200, 200, 500]),
    "call-grown-turn-replayed": (
        grown,
        ["red wine", "You said: Tell me a joke. How can I help you with that?"],
        ["red", "You said: Tell me a joke. How can I help you with that?"],
    ),
    "call-prefix-matched": (
        replaced,
        ["pear", "You have not told me a code word yet."],
        ["plum", "You have not told me a code word yet."],
    ),
    "call-answers-three-times": (repeated, ["red wine"] * 5, [*["red wine"] * 3, "Yes.", "Yes."]),
    "call-keeps-first-history": (edited, "Your code word is pear.", "Your code word is plum."),
    "call-resumes-interrupted": (
        interrupted,
        ["You said: Stop! How can I help you with that?"] * 2,
        ["and pears are green."] * 2,
    ),
    "call-asks-twice": (asked_twice, [False, "The tool says: Rain."], [True, "The tool says: Rain."]),
    "call-tools-without-end": (without_end, ["Paris"], ["Paris", "Paris 1", "Paris 2", "Paris 3"]),
    "call-runs-native-twice": (own_tool, ["1", "1", "1"], ["1", "2", "3"]),
    "call-loses-result": (told("Rain."), "The tool says: Rain.", "I am sorry, what was your question?"),
    "call-reads-placeholder": (told("Success."), "That is taken care of.", "Success."),
    "call-never-hangs-up": (goodbye, ["endCall"], []),
    "call-invents-destination": (destination, [{"destination": NUMBERS[0]}], [{"destination": "+15550999"}]),
    "call-bare-transfer": (transfer_frames, [], [["function_call"]]),
    "call-crosstalk": (side_by_side, "pear", "pear plum"),
    "call-keeps-first-prompt": (handed_off, "The house word is elm.", "The house word is oak."),
    "call-reads-caller-data": (
        caller_data,
        ["yes"] * 3,
        ["yes", "yes I see you are calling from +15550177.", "yes I see you are calling from ID."],
    ),
}
HUNG_UP = "call-ignores-disconnect"


class TestEachFault:
    @pytest.mark.parametrize("name", PLAYS)
    def test_shows_where_the_sound_server_does_not(self, talk: Talk, name: str) -> None:
        play, sound, faulty = PLAYS[name]
        assert sound == play(talk, None)
        assert faulty == play(talk, name)

    @pytest.mark.parametrize("name", sorted(PLAYS.keys() - {"call-crosstalk"}))
    def test_shows_again_in_the_next_call(self, talk: Talk, name: str) -> None:
        play, _, faulty = PLAYS[name]
        assert faulty == play(talk, name)

    def test_is_played_here(self) -> None:
        assert {*PLAYS, HUNG_UP} == {fault.name for fault in (*call_faults(), *call_tool_faults())}

    @pytest.mark.parametrize("name", sorted({*PLAYS, HUNG_UP}))
    def test_leaves_a_request_without_a_call_alone(self, talk: Talk, name: str) -> None:
        sound, faulty = (
            talk.post(user("I like tea"), f"{start}/chat/completions") for start in ("", f"/faults/{name}")
        )
        assert sound.json["choices"] == faulty.json["choices"]

    def test_is_a_rule_about_calls(self) -> None:
        faults = [fault for name, fault in all_faults().items() if name in {*PLAYS, HUNG_UP}]
        assert [] == [fault.name for fault in faults if not fault.breaks.startswith("call.")]
        assert len(faults) == len({fault.breaks for fault in faults})


class TestAnAnswerThatWasHeardInFull:
    def test_is_not_gone_on_with(self, talk: Talk) -> None:
        assert "yes" == heard_in_full(talk, "call-resumes-interrupted")


class TestPlaceholders:
    @pytest.mark.parametrize("text", ["No result returned.", "Tool Result Still Pending But Proceed Further."])
    def test_are_read_out_by_the_faulty_server_only(self, talk: Talk, text: str) -> None:
        assert text == told(text)(talk, "call-reads-placeholder")
        assert text not in str(told(text)(talk, None))

    def test_a_real_result_is_told(self, talk: Talk) -> None:
        assert "The tool says: Rain." == told("Rain.")(talk, "call-reads-placeholder")


class TestIgnoringTheDisconnect:
    @pytest.mark.parametrize(("fault", "left"), [(None, 0), (HUNG_UP, 1)])
    def test_is_seen_in_the_evidence(self, fault: str | None, left: int) -> None:
        """The sound server stops within moments; the other one is at work as long as it was told to be."""
        with running(Settings(pace_ms=50)) as url, httpx.Client(verify=False, base_url=url) as client:
            head = {} if fault is None else {"X-Fault": fault, "X-Fault-Seconds": "20"}
            story = json.dumps({**user("Tell me a long story."), "stream": True, "call": {"id": "story"}})
            with client.stream("POST", "/chat/completions", content=story, headers=head) as response:
                assert next(response.iter_raw())
            until = time.monotonic() + (10 if not left else 0.5)
            while (health := client.get("/healthz").json())["generations"] != 0 and time.monotonic() < until:
                time.sleep(0.01)
            assert {"status": "ok", "generations": left, "cancelled": 1 - left} == health
