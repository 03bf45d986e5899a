"""A call by keyboard: what is typed is what the caller says, and Ctrl-C is the caller who interrupts."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from vapi_conformance.call import CallPlayer, VirtualClock
from vapi_conformance.call import Line as PhoneLine
from vapi_conformance.call.playing import SYSTEM_PROMPT, recorded
from vapi_conformance.call.speaking import Utterance
from vapi_conformance.call.tools import END_CALL, TRANSFER
from vapi_conformance.call_record import CallEvent, CallRecord, Ended, EventKind
from vapi_conformance.call_scenario import CALLER_ENDED, CallScenario, CallTool, HeardAs, Turn
from vapi_conformance.cli.call_assistant import setup
from vapi_conformance.cli.call_interrupts import Interrupts, PatientClock
from vapi_conformance.cli.call_keeping import Keeper
from vapi_conformance.cli.call_playing import vapi_platform
from vapi_conformance.cli.call_stage import PieceMask, Stage
from vapi_conformance.cli.call_typing import Typing
from vapi_conformance.cli.printing import complain
from vapi_conformance.endpoint import Opened
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.masking import mask_query
from vapi_conformance.platforms.vapi import NO_RESULT, ToolCall
from vapi_conformance.problems import UsageError
from vapi_conformance.report.text import Line
from vapi_conformance.schema import errors

__all__ = ["Keyboard", "held"]

_PROMPT: Final = "caller> "
_KEYS: Final = re.compile(r"[0-9*#]{1,40}")
_LONGEST_WAIT_S: Final = 120.0
_HELP: Final = (
    "type what the caller says, and Enter",
    "Ctrl-C        while the assistant speaks or is asked: interrupt it; at the empty prompt: hang up (as Ctrl-D)",
    "/again TEXT   the transcriber changes your last words, and the model is asked again",
    "/keys 1234#   type digits on the telephone's keypad",
    "/wait SECONDS say nothing for so long (typing takes no time of the caller's silence)",
    "/tools        the assistant's tools, and who runs them",
    "/hang up      end the call",
)


@dataclass(frozen=True, kw_only=True)
class Keyboard:
    """How a call is held."""

    name: str
    """What its scenario is called."""
    stage: Stage
    tool_results: Mapping[str, str] = field(default_factory=dict[str, str])
    is_real_time: bool | None = None
    """None: where somebody is at the keyboard."""
    save: Path | None = None


@dataclass(kw_only=True)
class _Somebody:
    """See `call.person.Person`."""

    stage: Stage
    typing: Typing
    mask: PieceMask
    interrupts: Interrupts
    tool_results: Mapping[str, str]

    def hears(self, piece: str) -> None:
        self.stage.hears(self.mask.shown(piece))

    def listens(self, spoken: Sequence[Utterance]) -> None:
        self.stage.listens(spoken)

    def may_interrupt(self) -> AbstractContextManager[object]:
        return self.interrupts.may_interrupt()

    def result_of(self, tool: CallTool, call: ToolCall) -> str | None:
        if tool.is_async:
            return None
        if call.name in self.tool_results:
            return self.tool_results[call.name]
        if not self.typing.is_interactive:
            complain(f"{call.name} has no result: give --tool-result {call.name}=TEXT", is_fault=False)
            return NO_RESULT
        with self.stage.paused():
            return self.typing.line(f"{call.name} returns (Enter: nothing)> ") or NO_RESULT


def held(keyboard: Keyboard, live: Opened) -> CallRecord:
    """From the first ring to the end. Raises UsageError for tools that cannot be run, and where nothing can be kept."""
    platform = vapi_platform(live)
    found = setup(platform.assistant, name=keyboard.name)
    unknown = set(keyboard.tool_results) - {tool.name for tool in found.scenario.tools}
    if unknown:
        raise UsageError(f"--tool-result: the assistant has no tool {' and '.join(sorted(unknown))}")
    live.client.secrets.add(*found.secrets)
    is_interactive = sys.stdin.isatty()
    is_real_time = is_interactive if keyboard.is_real_time is None else keyboard.is_real_time
    stage = keyboard.stage
    stage.characters_per_second = live.conditions.characters_per_second
    with Interrupts(ends=not is_interactive) as interrupts:
        clock = PatientClock(interrupts) if is_real_time else VirtualClock()
        if is_real_time:
            stage.now_ns = clock.now_ns
        if is_interactive:
            stage.hides = frozenset({"transcript", "keypad"})
        typing = Typing(console=stage.console, interrupts=interrupts, is_interactive=is_interactive)
        somebody = _Somebody(
            stage=stage,
            typing=typing,
            mask=PieceMask(live.client.secrets),
            interrupts=interrupts,
            tool_results=keyboard.tool_results,
        )
        line = PhoneLine(
            platform=platform,
            client=live.client,
            conditions=live.conditions,
            watch=stage.watch,
            person=somebody,
            clock=lambda: clock,
            server_headers=found.server_headers,
        )
        player = line.player(found.scenario)
        player.scenario = _with_results(found.scenario, keyboard.tool_results)
        own = "\n\n".join(platform.system_prompts)
        player.system = own or SYSTEM_PROMPT
        talk = _Talk(player=player, stage=stage, typing=typing, interrupts=interrupts)
        try:
            talk.hold()
        finally:
            # Also where the call breaks off, because no access token is to be had: what was typed is not lost.
            document = talk.keeper.document(player.scenario, system=own, ended=player.ended, runs=player.log.tools)
            if keyboard.save is not None:
                _save(document, keyboard.save)
    # However the caller and the assistant came to an end was meant so; that the endpoint failed was not.
    meant = (CALLER_ENDED,) if talk.ended.by == "endpoint" else talk.ended.reasons
    return recorded(player, replace(player.scenario, document=document, expects_ended=meant), word=None, words=())


def _with_results(scenario: CallScenario, results: Mapping[str, str]) -> CallScenario:
    """A result that was given beforehand goes before a tool's own server."""
    tools = (replace(each, run_by="vapi") if each.name in results else each for each in scenario.tools)
    return replace(scenario, tools=tuple(tools))


def _save(document: Mapping[str, object], path: Path) -> None:
    """What goes wrong is told and ends nothing: the call itself is still to be recorded and judged."""
    for problem in errors("harness/call-scenario", document)[:1]:
        complain(f"the call cannot be kept as a scenario: {problem.pointer}: {problem.message}")
        return
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(utf8_json(document, indent=1) + b"\n")
        part.replace(path)
    except OSError as problem:
        complain(f"{path} cannot be written: {problem.strerror or problem}")
        return
    complain(f"what was typed is in {path}; --scenario {path} plays it again", is_fault=False)


@dataclass(kw_only=True)
class _Talk:
    """The conversation itself."""

    player: CallPlayer
    stage: Stage
    typing: Typing
    interrupts: Interrupts
    keeper: Keeper = field(default_factory=Keeper)

    @property
    def ended(self) -> Ended:
        """Why it is over."""
        if self.player.ended is None:
            raise ValueError("the call is not over")
        return self.player.ended

    def hold(self) -> None:
        """Until somebody hangs up."""
        if self.typing.is_interactive:
            self.stage.say(Line("you are the caller: type what you say; Ctrl-C interrupts, /help helps", "faint"))
        self._while_live(self.player.begin)
        while not self.player.is_over():
            self.interrupts.forget()
            text = self.typing.line(_PROMPT)
            if text is None:
                self._while_live(self.player.hang_up)
            elif text.startswith("/"):
                self._heed(*text[1:].partition(" "))
            elif text:
                self._say(text)

    def _while_live(self, act: Callable[[], object]) -> Sequence[CallEvent]:
        """What happened by it."""
        before = len(self.player.log.events)
        with self.stage.live():
            act()
        self.stage.settle()
        return self.player.log.events[before:]

    def _heed(self, command: str, _: str, rest: str) -> None:
        """A line that is no speech."""
        rest = rest.strip()
        match command.lower():
            case "again":
                self._say_again(rest)
            case "keys":
                self._press(rest)
            case "wait":
                self._wait(rest)
            case "tools":
                self.stage.say(*[_runs(tool) for tool in self.player.scenario.tools] or [Line("  no tools")])
            case "hang" | "hangup":
                self._while_live(self.player.hang_up)
            case "help":
                self.stage.say(*(Line(f"  {each}", "faint") for each in _HELP))
            case _:
                complain(f"there is no command /{command}; /help names them", is_fault=False)

    def _say(self, text: str) -> None:
        player, requests = self.player, self.player.log.requests
        last_words = player.unanswered
        if last_words is not None and requests and requests[-1].closed == "barge-in":
            # Nothing had been said yet: to the transcriber both are one turn, and the model is asked again.
            self._revise(f"{last_words} {text}")
            return
        free_ns = player.free_ns
        after_s = 0.0 if player.asker.clock.kind == "real" else 1.0
        turn = Turn(heard=(HeardAs(at_s=0.0, text=text),), after_s=after_s)
        events = self._while_live(lambda: player.take(turn))
        self.keeper.said(text, at_ns=_first(events, "transcript"), free_ns=free_ns)
        self._note_interruption(events)

    def _say_again(self, text: str) -> None:
        turns = self.keeper.turns
        if not text:
            complain("/again wants the words as they are heard now", is_fault=False)
        elif not turns or not turns[-1].keys() & {"says", "heard"}:
            complain("/again changes the words that were said last, and there are none", is_fault=False)
        else:
            self._revise(text)

    def _revise(self, text: str) -> None:
        events = self._while_live(lambda: self.player.hear_again(text))
        self.keeper.revised(text, at_ns=_first(events, "transcript"))
        self._note_interruption(events)

    def _press(self, keys: str) -> None:
        if _KEYS.fullmatch(keys) is None:
            complain("/keys wants up to 40 of 0-9, * and #", is_fault=False)
            return
        free_ns = self.player.free_ns
        events = self._while_live(lambda: self.player.take(Turn(keypad=keys)))
        self.keeper.pressed(keys, at_ns=_first(events, "keypad"), free_ns=free_ns)
        self._note_interruption(events)

    def _wait(self, given: str) -> None:
        try:
            seconds = float(given)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= _LONGEST_WAIT_S:
            complain(f"/wait wants seconds, up to {_LONGEST_WAIT_S:g}", is_fault=False)
            return

        def wait() -> None:
            self.player.take(Turn(silence_s=seconds))
            if not self.player.is_over():
                self.player.asker.clock.wait_until(self.player.free_ns)

        self._while_live(wait)
        self.keeper.was_silent(seconds)

    def _note_interruption(self, events: Sequence[CallEvent]) -> None:
        at_ns = self.player.interrupted_ns
        if at_ns is None:
            return
        cut = next((each for each in reversed(events) if each.kind == "cut"), None)
        if cut is not None:
            begun = (each.at_ns for each in events if each.kind == "speech" and each.exchange == cut.exchange)
            self.keeper.interrupted(at_ns=at_ns, since_ns=min(begun, default=at_ns))
        elif any(each.kind == "tool" for each in events):
            self.keeper.interrupted(at_ns=at_ns, since_ns=max(each.at_ns for each in events if each.kind == "tool"))


def _first(events: Sequence[CallEvent], kind: EventKind) -> int:
    return next(each.at_ns for each in events if each.kind == kind)


def _runs(tool: CallTool) -> Line:
    if tool.run_by == "webhook":
        return Line(f"  {tool.name}: posted to {mask_query(tool.path)}")
    if tool.name in (END_CALL, TRANSFER):
        return Line(f"  {tool.name}: ends the call")
    return Line(f"  {tool.name}: you are asked, unless --tool-result says what it returns")
