"""Plays a whole call: turns, re-sent turns, tools, interruptions, silences, and what Vapi does after each answer.

Vapi's habits are those of facts that were documented or observed; where a step is inferred, the code says so. One
call has one request under way at a time: Vapi closes the one before it makes the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance.call.asking import Asker, Given, Reply
from vapi_conformance.call.log import CallLog
from vapi_conformance.call.speaking import Interruption
from vapi_conformance.call.tool_desk import ToolDesk
from vapi_conformance.call.tools import END_CALL, HAND_OFF, TRANSFER, destination, offered
from vapi_conformance.call.voice import Voice
from vapi_conformance.call_record import Ended, EndedBy, HowSure, Why
from vapi_conformance.call_scenario import CALLER_ENDED, CallScenario, Member, Turn
from vapi_conformance.consumers import HeardToolCall
from vapi_conformance.platforms.vapi import Conversation, ToolCall, ended_reason
from vapi_conformance.platforms.vapi.history import Heard, Spoken, ToolRound

__all__ = ["MOST_ROUNDS", "CallPlayer"]

_NS_PER_S: Final = 1_000_000_000
MOST_ROUNDS: Final = 6
"""Tool rounds that are played for one turn. Nobody waits for a seventh, and an endpoint may go on for ever."""
_BEFORE_HANGING_UP_NS: Final = _NS_PER_S


@dataclass(kw_only=True)
class CallPlayer:
    """One call, from the first word to the end; `begin`, then `take` each turn, then `hang_up`."""

    scenario: CallScenario
    asker: Asker
    log: CallLog
    system: str
    """The assistant's prompt."""
    ended: Ended | None = None
    _conversation: Conversation = field(default_factory=Conversation)
    _voice: Voice = field(init=False)
    _desk: ToolDesk = field(init=False)
    _turn: int = 0
    _number: int = 0
    """Requests made for this turn."""
    _was_interrupted: bool = False
    _hand_offs: int = 0
    """So many in one call: members who send it round and round are stopped."""

    def __post_init__(self) -> None:
        """The voice and the tools of this call."""
        self._voice = Voice(asker=self.asker)
        self._desk = ToolDesk(asker=self.asker, tools=self.scenario.tools)

    def is_over(self) -> bool:
        """Whether the line is closed, by whomever."""
        return self.ended is not None

    def begin(self) -> None:
        """The line is open: the assistant speaks first, or the model is asked to, or nobody does."""
        scenario = self.scenario
        self._desk.tools = scenario.tools
        self._conversation = Conversation().system(self.system)
        if scenario.first_message_mode == "assistant-speaks-first-with-model-generated-message":
            self._answer("greeting")
        elif scenario.first_message_mode == "assistant-speaks-first" and scenario.first_message:
            self._say(scenario.first_message)

    def take(self, turn: Turn, following: Turn | None = None) -> None:
        """The caller's next turn. following: the one after it, which may cut the answer short."""
        if self.is_over():
            return
        if turn.silence_s:
            self._be_silent(turn.silence_s)
            return
        self._edit(turn)
        began_ns = self._starts_at(turn)
        self._turn += 1
        self._number, self._was_interrupted = 0, False
        interruption = _interruption(following)
        texts = [(each.at_s, each.text) for each in turn.heard] or [(0.0, f"User's Keypad Entry: {turn.keypad}")]
        for position, (at_s, text) in enumerate(texts):
            is_last = position == len(texts) - 1
            next_ns = None if is_last else began_ns + round(texts[position + 1][0] * _NS_PER_S)
            self._wait_until(began_ns + round(at_s * _NS_PER_S))
            self._hear(text, is_new=position == 0, is_keypad=turn.keypad is not None)
            self._answer(
                "heard" if position == 0 else "heard-again",
                superseded_ns=next_ns,
                interruption=interruption if is_last else None,
                with_confidence=turn.confidence,
            )
            if self.is_over():
                return

    def hear_again(self, text: str) -> None:
        """The caller's last words change, after all: what was said since is dropped, what ran stays done."""
        entries = self._conversation.entries
        last = max((at for at, each in enumerate(entries) if isinstance(each, Heard)), default=len(entries))
        kept = (each for each in entries[last:] if not isinstance(each, Spoken))
        self._conversation = replace(self._conversation, entries=(*entries[:last], *kept))
        self._voice.interrupted_ns = None
        self._hear(text, is_new=False, is_keypad=False)
        self._answer("heard-again")

    @property
    def interrupted_ns(self) -> int | None:
        """Call time at which the caller spoke into what was last said or done, until their next turn."""
        return self._voice.interrupted_ns

    @property
    def free_ns(self) -> int:
        """See `Voice.free_ns`."""
        return self._voice.free_ns

    @property
    def unanswered(self) -> str | None:
        """The caller's last words, as long as nothing was said or done since."""
        entries = self._conversation.entries
        last = entries[-1] if entries else None
        return last.text if isinstance(last, Heard) else None

    def hang_up(self) -> None:
        """The caller has nothing more to say."""
        if self.is_over():
            return
        self._wait_until(self._voice.quiet_ns + _BEFORE_HANGING_UP_NS)
        self._end("caller", (CALLER_ENDED,), "documented", "The caller hangs up.")

    # The caller.

    def _starts_at(self, turn: Turn) -> int:
        free_ns, self._voice.interrupted_ns = self._voice.free_ns, None
        if turn.at_s is not None:
            return max(self._voice.quiet_ns, round(turn.at_s * _NS_PER_S))
        return free_ns + round(turn.after_s * _NS_PER_S)

    def _hear(self, text: str, *, is_new: bool, is_keypad: bool) -> None:
        self.log.tell("keypad" if is_keypad else "transcript", self._now_ns, text)
        entries = self._conversation.entries
        if not is_new:
            self._was_interrupted = True  # reported of every further request for a turn, whatever was answered before
            self.log.superseded(self._turn)
            self._conversation = self._conversation.with_user_text(text)
        elif entries and isinstance(entries[-1], Heard):
            # Nothing was said in between: at Vapi two user texts in a row are one (never seen otherwise).
            self._conversation = self._conversation.with_user_text(f"{entries[-1].text} {text}")
        else:
            self._merge_answer()
            self._conversation = self._conversation.user(text)

    def _edit(self, turn: Turn) -> None:
        said = sum(isinstance(entry, Heard) for entry in self._conversation.entries)
        for edit in turn.edits:
            if edit.turn <= said:
                self._conversation = self._conversation.with_user_text(edit.text, edit.turn - 1)
                self.log.tell("edit", self._now_ns, edit.text)

    def _merge_answer(self) -> None:
        """From the next turn on the history has the first sentence of an answer where its tools were asked for."""
        match self._conversation.entries[-2:]:
            case (ToolRound(), Spoken()) if self.scenario.merges_answers:
                self._conversation = self._conversation.with_first_sentence_merged()
            case _:
                pass

    def _be_silent(self, seconds: float) -> None:
        began_ns = self._voice.quiet_ns
        over_ns = began_ns + round(seconds * _NS_PER_S)
        timeout_ns = began_ns + round(self.scenario.silence_timeout_s * _NS_PER_S)
        idle = self.scenario.idle
        for number in range(1, (idle.most if idle else 0) + 1):
            at_ns = began_ns + round(number * (idle.after_s if idle else 0) * _NS_PER_S)
            if idle is None or at_ns > min(over_ns, timeout_ns):
                break
            self._wait_until(at_ns)
            self.log.tell("idle", self._now_ns, idle.message)
            self._say(idle.message)
        if over_ns >= timeout_ns:
            # That idle messages do not put the end off is inferred: the timeout counts the caller's silence.
            self._wait_until(timeout_ns)
            if self._now_ns < timeout_ns:  # somebody at the keyboard would not wait
                return
            text = f"The caller was silent for {self.scenario.silence_timeout_s:g} s."
            self._end("platform", ("silence-timed-out",), "observed", text)
        else:
            self._voice.quiet_ns = max(self._voice.quiet_ns, over_ns)

    # The assistant.

    def _answer(
        self,
        why: Why,
        *,
        superseded_ns: int | None = None,
        interruption: Interruption | None = None,
        with_confidence: bool = False,
    ) -> None:
        """Asks until there is an answer in words, none at all, or something newer."""
        for _ in range(MOST_ROUNDS + 1):
            reply = self._ask(why, superseded_ns, interruption, with_confidence=with_confidence)
            if reply.closed == "superseded" or (superseded_ns is not None and not reply.hearing.calls):
                # Nothing of it is spoken, not even of a whole answer or an error: a newer request replaces it.
                return
            if reply.closed == "timeout":
                self._time_out(reply)
                return
            if reply.closed is None and self._take_reply(reply):
                return
            if reply.closed == "barge-in" or not reply.hearing.calls:
                # A result that comes later is in the next turn's history. No request was ever seen that ends with the
                # assistant's words, so that Vapi asks once more for it is not assumed (inferred).
                said = self._voice.speak(reply, interruption)
                self._said(said)
                self._heed_phrases(said)
                return
            if not self._wait_for_tools(superseded_ns, interruption):
                return
            why = "tool-results"
        self.log.tell("silence", self._now_ns, f"tools were called {MOST_ROUNDS + 1} times in a row")

    def _ask(
        self, why: Why, superseded_ns: int | None, interruption: Interruption | None, *, with_confidence: bool
    ) -> Reply:
        self._conversation = self._conversation.with_results(self._desk.read())
        given = Given(
            messages=self._conversation.messages(),
            tools=offered(self.scenario.tools),
            turn=self._turn,
            number=self._number,
            why=why,
            was_interrupted=self._was_interrupted,
            with_confidence=with_confidence,
        )
        self._number += 1
        return self.asker.ask(given, superseded_ns=superseded_ns, interruption=interruption)

    def _time_out(self, reply: Reply) -> None:
        """Nothing of a token for as long as Vapi waits: what was said by then was said."""
        said = self._voice.speak(reply, None)
        self._said(said)
        if not said:
            self._voice.tell_hang(reply)
        timeout_s = self.asker.conditions.timeout_s
        reason = ended_reason(None, failed=True)
        if reason is not None:
            text = f"No token came for {timeout_s:g} s, and Vapi gives up (timeoutSeconds)."
            self._end("endpoint", reason.texts, reason.sureness, text)

    def _take_reply(self, reply: Reply) -> bool:
        """Whether the turn is over with it, as far as the endpoint goes."""
        outcome = reply.hearing.consequence
        if outcome.what == "call-ends":
            self._end("endpoint", outcome.ended_reasons, outcome.sureness, outcome.text)
            return True
        if reply.hearing.calls:
            self._call_tools(reply)
            return self.is_over() or not self._desk.is_waited_for
        if outcome.what in ("silence", "tool-lost"):
            self._voice.stay_silent(reply, outcome.text)
            return True
        return False

    def _say(self, text: str) -> None:
        """The platform speaks by itself."""
        self._said(self._voice.say(text))

    def _said(self, text: str) -> None:
        if text:
            self._conversation = self._conversation.assistant(text)

    def _heed_phrases(self, said: str) -> None:
        if any(phrase.casefold() in said.casefold() for phrase in self.scenario.end_call_phrases):
            self._wait_until(self._voice.quiet_ns)
            text = "The assistant said one of the phrases that end the call."
            self._end("assistant", ("assistant-said-end-call-phrase",), "documented", text)

    # Tools.

    def _call_tools(self, reply: Reply) -> None:
        calls = [_tool_call(call, number) for number, call in enumerate(reply.hearing.calls)]
        for call in calls:
            self.log.tell("tool", self._now_ns, f"{call.name} {call.arguments}", exchange=reply.position)
        history = self._conversation
        beside = self._voice.speak_beside(reply, self._desk.filler(calls))
        self._conversation = history.tools(*calls, filler=beside)
        self._desk.start(calls, history, reply.position)
        for call in calls:
            if not self.is_over():
                self._heed_special(call)

    def _heed_special(self, call: ToolCall) -> None:
        """Tools that do something to the call itself."""
        if call.name == END_CALL:
            self._wait_until(self._voice.quiet_ns)
            self._end("assistant", ("assistant-ended-call",), "documented", "The assistant called endCall.")
            return
        if call.name != TRANSFER and not call.name.startswith(HAND_OFF):
            return
        place = destination(call)
        member = next(
            (each for each in self.scenario.squad if place and each.name.casefold() == place.casefold()), None
        )
        if member is not None:
            self._hand_off(member)
        elif call.name == TRANSFER and place in self._places:
            self._wait_until(self._voice.quiet_ns)
            self._end("assistant", ("assistant-forwarded-call",), "documented", f"The call was transferred to {place}.")
        else:
            # Vapi cannot transfer to a place it does not know; that the model is told so is inferred.
            self._desk.fail(call)

    @property
    def _places(self) -> frozenset[str]:
        return frozenset(place for tool in self.scenario.tools for place in tool.destinations)

    def _hand_off(self, member: Member) -> None:
        self._hand_offs += 1
        if self._hand_offs > MOST_ROUNDS:
            self.log.tell("silence", self._now_ns, f"the call was handed over {self._hand_offs} times")
            self._desk.clear()
            return
        self._conversation = self._conversation.with_results(self._desk.read())
        self._desk.clear()
        self.log.tell("hand-off", self._now_ns, member.name)
        self._conversation = self._conversation.handed_over(member.system)
        if member.first_message is not None:
            self._say(member.first_message)
        else:
            self._answer("hand-off")

    def _wait_for_tools(self, superseded_ns: int | None, interruption: Interruption | None) -> bool:
        """False where something newer comes before the results do; they stay pending then."""
        limit_ns = superseded_ns
        if limit_ns is None and interruption is not None:
            limit_ns = self._now_ns + interruption.after_ns
        due_ns = self._desk.due_ns
        if limit_ns is not None and due_ns > limit_ns:
            if superseded_ns is None:
                self._voice.interrupted_ns = limit_ns
            return False
        self._wait_until(due_ns)
        if self._now_ns < due_ns:  # somebody at the keyboard would not wait
            self._voice.interrupted_ns = self._now_ns
            return False
        return True

    # Time and the end.

    @property
    def _now_ns(self) -> int:
        return self.asker.clock.now_ns()

    def _wait_until(self, at_ns: int) -> None:
        self.asker.clock.wait_until(at_ns)

    def _end(self, by: EndedBy, reasons: Sequence[str], sureness: HowSure, text: str) -> None:
        at_ns = self._now_ns
        self.ended = Ended(at_ns=at_ns, by=by, reasons=tuple(reasons), sureness=sureness, text=text)
        self.log.tell("ended", at_ns, self.ended.reasons[0])


def _interruption(following: Turn | None) -> Interruption | None:
    if following is None or following.interrupts_after_s is None:
        return None
    return Interruption(after_ns=round(following.interrupts_after_s * _NS_PER_S))


def _tool_call(call: HeardToolCall, number: int) -> ToolCall:
    """A call without an id gets one: results have to name it (inferred)."""
    return ToolCall(id=call.id or f"call_{number}", name=call.name or "", arguments=call.arguments or "{}")
