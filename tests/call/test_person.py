"""Somebody at the keyboard in place of a scenario: hears answers come, speaks into them, answers for tools."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from call.scripted import Answer, ScriptedClient, events, said, sent, told, tool_call
from vapi_conformance.call import Line, VirtualClock
from vapi_conformance.call.player import CallPlayer
from vapi_conformance.call.playing import recorded
from vapi_conformance.call.speaking import Utterance
from vapi_conformance.call.voice import MOST_PIECES
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CallScenario, CallTool, HeardAs, Turn, call_scenario
from vapi_conformance.platforms.vapi import STILL_PENDING, Platform, ToolCall

NS_PER_MS = 1_000_000
LONG = "It is a very long story about a clock that had stopped. "


class CutClock(VirtualClock):
    """Waiting ends early at these call times, in milliseconds."""

    def __init__(self, *cuts_ms: int) -> None:
        super().__init__()
        self.cuts = [each * NS_PER_MS for each in cuts_ms]

    def wait_until(self, at_ns: int) -> None:
        now_ns = self.now_ns()
        super().wait_until(min([at_ns, *(cut for cut in self.cuts if cut > now_ns)]))


@dataclass
class Somebody:
    """Remembers what they were told."""

    results: dict[str, str] = field(default_factory=dict[str, str])
    pieces: list[str] = field(default_factory=list[str])
    spoken: list[str] = field(default_factory=list[str])

    def hears(self, piece: str) -> None:
        self.pieces.append(piece)

    def listens(self, spoken: Sequence[Utterance]) -> None:
        self.spoken += [each.text for each in spoken]

    def may_interrupt(self) -> AbstractContextManager[object]:
        return nullcontext()

    def result_of(self, tool: CallTool, call: ToolCall) -> str | None:
        return self.results.get(call.name)


@dataclass
class By:
    """A call by keyboard, in virtual time."""

    answers: Sequence[Answer]
    clock: CutClock = field(default_factory=CutClock)
    somebody: Somebody = field(default_factory=Somebody)
    tools: tuple[CallTool, ...] = ()
    first_message: str | None = None

    def __call__(self, *steps: Callable[[CallPlayer], object]) -> CallRecord:
        platform = Platform.from_files(base_url="http://endpoint.example/v1", seed=7)
        client = ScriptedClient(answers=self.answers)
        line = Line(platform=platform, client=client, person=self.somebody, clock=lambda: self.clock)
        player = line.player(_scenario(self.first_message))
        player.scenario = CallScenario(
            name="x",
            about="x",
            document={},
            turns=(),
            tools=self.tools,
            first_message=self.first_message,
            first_message_mode="assistant-speaks-first",
        )
        player.begin()
        for step in steps:
            step(player)
        player.hang_up()
        return recorded(player, player.scenario, word=None, words=())


def _scenario(first_message: str | None) -> CallScenario:
    document: dict[str, object] = {"call": "x", "about": "A call by keyboard.", "turns": ()}
    return call_scenario(document if first_message is None else {**document, "first_message": first_message})


def says(text: str) -> Callable[[CallPlayer], object]:
    return lambda player: player.take(Turn(heard=(HeardAs(at_s=0.0, text=text),)))


class TestHearing:
    def test_is_told_each_piece_as_it_comes_and_all_of_it_with_times(self) -> None:
        by = By([said(LONG * 2 + "The end")])
        by(says("Tell me."))
        assert [LONG.strip(), LONG.strip()] == [each.strip() for each in by.somebody.pieces]
        assert [LONG.strip(), LONG.strip(), "The end"] == by.somebody.spoken

    def test_the_first_message_is_spoken_to_them(self) -> None:
        by = By([said("Yes?")], first_message="Hello.")
        by()
        assert ["Hello."] == by.somebody.spoken


class TestSpeakingIntoIt:
    def test_an_answer_is_cut_to_what_was_spoken(self) -> None:
        """56 characters take 3.7 s: 1.1 s into the first sentence, a bit more than a quarter of it was said."""
        record = By([said(LONG * 2), said("As you wish.")], clock=CutClock(2200))(says("Tell me."), says("Stop."))
        assert [("user", "Tell me."), ("assistant", "It is a very"), ("user", "Stop.")] == sent(record)[1]
        assert [(2200, "cut", "It is a very")] == events(record, "cut")
        assert 2_200_000_000 == next(each.until_ns for each in record.events if each.kind == "speech")

    def test_the_first_message_is_cut_too(self) -> None:
        record = By([said("Yes?")], clock=CutClock(700), first_message="Good morning, this is the hotline.")(says("Hi"))
        assert [("assistant", "Good"), ("user", "Hi")] == sent(record)[0]

    def test_a_tool_under_way_stays_pending(self) -> None:
        slow = CallTool(name="get_weather", returns="Rain.", after_s=5.0)
        answers = [tool_call(("1", "get_weather", "{}")), said("I am still looking.")]
        record = By(answers, clock=CutClock(3000), tools=(slow,))(says("Weather?"), says("Well?"))
        assert [("user", "Weather?"), ("assistant", "get_weather"), ("tool", STILL_PENDING), ("user", "Well?")] == sent(
            record
        )[1]


class TestTools:
    def test_they_say_what_a_tool_returns(self) -> None:
        by = By([tool_call(("1", "get_weather", "{}")), said("It rains.")], tools=(CallTool(name="get_weather"),))
        by.somebody.results["get_weather"] = "Rain."
        record = by(says("Weather?"))
        assert ("tool", "Rain.") == sent(record)[1][-1]
        assert ["Rain."] == [each.result for each in record.tools]

    def test_without_a_word_of_theirs_the_tool_knows(self) -> None:
        tool = CallTool(name="get_weather", returns="Sun.")
        record = By([tool_call(("1", "get_weather", "{}")), said("It shines.")], tools=(tool,))(says("Weather?"))
        assert ("tool", "Sun.") == sent(record)[1][-1]


class TestWordsThatChange:
    def test_after_the_answer_drop_it_and_ask_again(self) -> None:
        record = By([said("Which one?"), said("Coming.")])(says("Two tea"), lambda it: it.hear_again("Two teas"))
        assert [[("user", "Two tea")], [("user", "Two teas")]] == sent(record)
        assert ["heard", "heard-again"] == [each.why for each in record.requests]
        assert [(1, 0), (1, 1)] == [(each.turn, each.number) for each in record.requests]

    def test_leave_what_tools_did(self) -> None:
        answers = [tool_call(("1", "order", "{}")), said("Ordered."), said("Two then.")]
        by = By(answers, tools=(CallTool(name="order", returns="ok"),))
        record = by(says("Tea"), lambda it: it.hear_again("Two teas"))
        assert [("user", "Two teas"), ("assistant", "order"), ("tool", "ok")] == sent(record)[2]
        assert [True] == [each.superseded for each in record.tools]

    def test_the_last_words_are_unanswered_until_something_is_said(self) -> None:
        found: list[str | None] = []
        By([said(""), said("Yes?")])(
            says("Hi."), lambda it: found.append(it.unanswered), says("Hello?"), lambda it: found.append(it.unanswered)
        )
        assert ["Hi.", None] == found


def test_what_is_said_by_the_caller_is_told_once() -> None:
    assert ["Hi."] == told(By([said("Yes?")])(says("Hi.")), "transcript")


def test_an_answer_without_end_is_not_taken_whole() -> None:
    record = By([said(LONG * 1500)])(says("Tell me."))
    assert MOST_PIECES == len(told(record, "speech"))
