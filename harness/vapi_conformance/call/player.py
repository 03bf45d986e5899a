"""Plays a whole call: turns, re-sent turns, tools, interruptions, silences, and what Vapi does after each answer.

Vapi's habits are those of facts that were documented or observed; where a step is inferred, the code says so. One
call has one request under way at a time: Vapi closes the one before it makes the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance.call.asking import Asker, Given, Reply
from vapi_conformance.call.log import CallLog
from vapi_conformance.call.speaking import Interruption, Utterance, held_back, speech_ns, spoken_until, utterances
from vapi_conformance.call.tools import (
    END_CALL,
    HAND_OFF,
    TRANSFER,
    Pending,
    destination,
    due,
    offered,
    results_at,
    vapi_tools,
)
from vapi_conformance.call.webhook_tools import posted
from vapi_conformance.call_record import Ended, EndedBy, HowSure, ToolRun, Why
from vapi_conformance.call_scenario import CALLER_ENDED, CallScenario, CallTool, Member, Turn
from vapi_conformance.consumers import HeardToolCall
from vapi_conformance.platforms.vapi import NO_RESULT, SUCCESS, Conversation, ToolCall
from vapi_conformance.platforms.vapi.consequence import HANG_S
from vapi_conformance.platforms.vapi.history import Heard, Spoken, ToolRound
from vapi_conformance.speech import spoken_pieces

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
    _pending: list[Pending] = field(default_factory=list[Pending])
    _quiet_ns: int = 0
    """Call time when the assistant has said all it had to say."""
    _interrupted_ns: int | None = None
    _turn: int = 0
    _number: int = 0
    """Requests made for this turn."""
    _was_interrupted: bool = False
    _hand_offs: int = 0
    """So many in one call: members who send it round and round are stopped."""

    def is_over(self) -> bool:
        """Whether the line is closed, by whomever."""
        return self.ended is not None

    def begin(self) -> None:
        """The line is open: the assistant speaks first, or the model is asked to, or nobody does."""
        scenario = self.scenario
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
        self._interrupted_ns = None
        self._hear(text, is_new=False, is_keypad=False)
        self._answer("heard-again")

    @property
    def interrupted_ns(self) -> int | None:
        """Call time at which the caller spoke into what was last said or done, until their next turn."""
        return self._interrupted_ns

    @property
    def free_ns(self) -> int:
        """Call time from which the line is the caller's: the assistant is done, or was interrupted."""
        return self._quiet_ns if self._interrupted_ns is None else self._interrupted_ns

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
        self._wait_until(self._quiet_ns + _BEFORE_HANGING_UP_NS)
        self._end("caller", (CALLER_ENDED,), "documented", "The caller hangs up.")

    # The caller.

    def _starts_at(self, turn: Turn) -> int:
        after_ns = round(turn.after_s * _NS_PER_S)
        interrupted_ns, self._interrupted_ns = self._interrupted_ns, None
        if turn.at_s is not None:
            return max(self._quiet_ns, round(turn.at_s * _NS_PER_S))
        return (self._quiet_ns if interrupted_ns is None else interrupted_ns) + after_ns

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
        began_ns = self._quiet_ns
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
            self._quiet_ns = max(self._quiet_ns, over_ns)

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
            if reply.closed is None and self._take_reply(reply):
                return
            if reply.closed == "barge-in" or not reply.hearing.calls:
                # A result that comes later is in the next turn's history. No request was ever seen that ends with the
                # assistant's words, so that Vapi asks once more for it is not assumed (inferred).
                self._speak(reply, interruption)
                return
            if not self._wait_for_tools(superseded_ns, interruption):
                return
            why = "tool-results"
        self.log.tell("silence", self._now_ns, f"tools were called {MOST_ROUNDS + 1} times in a row")

    def _ask(
        self, why: Why, superseded_ns: int | None, interruption: Interruption | None, *, with_confidence: bool
    ) -> Reply:
        now_ns = self._now_ns
        results = results_at(self._pending, now_ns)
        self._conversation = self._conversation.with_results(results)
        self._pending = [each for each in self._pending if each.due_ns > now_ns]
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

    def _take_reply(self, reply: Reply) -> bool:
        """Whether the turn is over with it, as far as the endpoint goes."""
        outcome = reply.hearing.consequence
        if outcome.what == "call-ends":
            self._end("endpoint", outcome.ended_reasons, outcome.sureness, outcome.text)
            return True
        if reply.hearing.calls:
            self._call_tools(reply)
            return self.is_over() or not self._pending
        if outcome.what in ("silence", "tool-lost"):
            self.log.tell("silence", self._now_ns, outcome.text, exchange=reply.position)
            self.log.tell("hang", self._now_ns + round(HANG_S * _NS_PER_S), exchange=reply.position)
            self._quiet_ns = max(self._quiet_ns, self._now_ns)
            return True
        return False

    def _speak(self, reply: Reply, interruption: Interruption | None) -> None:
        spoken = self._pieces(reply)
        if spoken and spoken[0].at_ns - reply.requested_ns > HANG_S * _NS_PER_S:
            self.log.tell("hang", reply.requested_ns + round(HANG_S * _NS_PER_S), exchange=reply.position)
        cut_ns = reply.barge_in_ns
        if cut_ns is None and interruption is not None and spoken:
            cut_ns = spoken[0].at_ns + interruption.after_ns
        if cut_ns is None and spoken:
            cut_ns = self._cut_short_at(spoken)
        for each in spoken:
            if cut_ns is None or each.at_ns < cut_ns:
                until_ns = each.until_ns if cut_ns is None else min(each.until_ns, cut_ns)
                self.log.tell("speech", each.at_ns, each.text, until_ns=until_ns, exchange=reply.position)
        self._quiet_ns = max([self._quiet_ns, *(each.until_ns for each in spoken)])
        if cut_ns is None or cut_ns >= self._quiet_ns:
            said = " ".join(each.text for each in spoken)
        else:
            said = spoken_until(spoken, cut_ns)
            self._interrupted_ns = self._quiet_ns = cut_ns
            self.log.tell("cut", cut_ns, said, exchange=reply.position)
        if said:
            self._conversation = self._conversation.assistant(said)
        self._heed_phrases(said)

    def _pieces(self, reply: Reply) -> list[Utterance]:
        conditions = self.asker.conditions
        heard = reply.hearing.heard
        pieces = spoken_pieces(heard.texts, conditions.chunk_plan, heard.ended_at_ns)
        return utterances(
            held_back(pieces, heard.texts, heard.ended_at_ns),
            requested_ns=reply.requested_ns,
            free_ns=self._quiet_ns,
            characters_per_second=conditions.characters_per_second,
        )

    def _cut_short_at(self, spoken: Sequence[Utterance]) -> int | None:
        """When somebody at the keyboard speaks into this; None where nobody does."""
        if self.asker.person is None:
            return None
        self.asker.person.listens(spoken)
        over_ns = spoken[-1].until_ns
        self._wait_until(over_ns)
        return now_ns if (now_ns := self._now_ns) < over_ns else None

    def _say(self, text: str) -> None:
        """The platform speaks by itself."""
        at_ns = max(self._now_ns, self._quiet_ns)
        self._quiet_ns = at_ns + speech_ns(text, self.asker.conditions.characters_per_second)
        spoken = [Utterance(text=text, at_ns=at_ns, until_ns=self._quiet_ns)]
        cut_ns = self._cut_short_at(spoken)
        self.log.tell("speech", at_ns, text, until_ns=self._quiet_ns if cut_ns is None else cut_ns)
        if cut_ns is not None:
            text = spoken_until(spoken, cut_ns)
            self._interrupted_ns = self._quiet_ns = cut_ns
            self.log.tell("cut", cut_ns, text)
        if text:
            self._conversation = self._conversation.assistant(text)

    def _heed_phrases(self, said: str) -> None:
        if any(phrase.casefold() in said.casefold() for phrase in self.scenario.end_call_phrases):
            self._wait_until(self._quiet_ns)
            text = "The assistant said one of the phrases that end the call."
            self._end("assistant", ("assistant-said-end-call-phrase",), "documented", text)

    # Tools.

    def _call_tools(self, reply: Reply) -> None:
        calls = [_tool_call(call, number) for number, call in enumerate(reply.hearing.calls)]
        for call in calls:
            self.log.tell("tool", self._now_ns, f"{call.name} {call.arguments}", exchange=reply.position)
        beside = self._beside(reply, calls)
        history = self._conversation
        self._conversation = history.tools(*calls, filler=beside)
        started = self._started(calls, history)
        for pending in started:
            self._tell_result(pending, reply.position)
        self._pending.extend(started)
        for call in calls:
            if not self.is_over():
                self._heed_special(call)

    def _beside(self, reply: Reply, calls: Sequence[ToolCall]) -> str | None:
        """What is spoken beside the calls: the answer's own words, or the platform's filler."""
        spoken = self._pieces(reply)
        for each in spoken:
            self.log.tell("speech", each.at_ns, each.text, until_ns=each.until_ns, exchange=reply.position)
        self._quiet_ns = max([self._quiet_ns, *(each.until_ns for each in spoken)])
        words = " ".join(each.text for each in spoken)
        tools = {tool.name: tool for tool in self.scenario.tools}
        filler = next((tools[call.name].filler for call in calls if call.name in tools), None)
        if filler and not words:
            at_ns = max(self._now_ns, self._quiet_ns)
            self._quiet_ns = at_ns + speech_ns(filler, self.asker.conditions.characters_per_second)
            self.log.tell("speech", at_ns, filler, until_ns=self._quiet_ns)
        return words or filler

    def _started(self, calls: Sequence[ToolCall], history: Conversation) -> list[Pending]:
        tools = {tool.name: tool for tool in self.scenario.tools}
        known = [(tools[call.name], call) for call in calls if call.name in tools]
        by_webhook: dict[str, list[tuple[CallTool, ToolCall]]] = {}
        started = list[Pending]()
        for tool, call in known:
            if tool.run_by == "webhook":
                by_webhook.setdefault(tool.path, []).append((tool, call))
            elif tool.name in (END_CALL, TRANSFER) or tool.name.startswith(HAND_OFF):
                started.append(due(replace(tool, after_s=0.0, returns=SUCCESS), call, self._now_ns))
            else:
                started.append(self._due(tool, call))
        at_vapi = vapi_tools(self.scenario.tools, self.asker.platform.base_url)
        for together in by_webhook.values():
            started += posted(self.asker, together, history, at_vapi)
        return started

    def _due(self, tool: CallTool, call: ToolCall) -> Pending:
        """A call that the scenario answers, or somebody at the keyboard."""
        person = self.asker.person
        result = None if person is None else person.result_of(tool, call)
        return due(tool if result is None else replace(tool, returns=result, after_s=0.0), call, self._now_ns)

    def _tell_result(self, pending: Pending, position: int) -> None:
        call = pending.call
        self.log.tell("tool-result", pending.due_ns, f"{call.name}: {call.result}", exchange=position)
        run = ToolRun(
            id=call.id,
            name=call.name,
            arguments=call.arguments,
            result=call.result,
            started_ns=self._now_ns,
            ended_ns=pending.due_ns,
            exchange=position,
        )
        self.log.tools.append(run)

    def _heed_special(self, call: ToolCall) -> None:
        """Tools that do something to the call itself."""
        if call.name == END_CALL:
            self._wait_until(self._quiet_ns)
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
            self._wait_until(self._quiet_ns)
            self._end("assistant", ("assistant-forwarded-call",), "documented", f"The call was transferred to {place}.")
        else:
            # Vapi cannot transfer to a place it does not know; that the model is told so is inferred.
            self._pending = [
                replace(each, call=replace(each.call, result=NO_RESULT)) if each.call.id == call.id else each
                for each in self._pending
            ]

    @property
    def _places(self) -> frozenset[str]:
        return frozenset(place for tool in self.scenario.tools for place in tool.destinations)

    def _hand_off(self, member: Member) -> None:
        self._hand_offs += 1
        if self._hand_offs > MOST_ROUNDS:
            self.log.tell("silence", self._now_ns, f"the call was handed over {self._hand_offs} times")
            self._pending.clear()
            return
        self._conversation = self._conversation.with_results(results_at(self._pending, self._now_ns))
        self._pending.clear()
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
        due_ns = max(each.due_ns for each in self._pending)
        if limit_ns is not None and due_ns > limit_ns:
            if superseded_ns is None:
                self._interrupted_ns = limit_ns
            return False
        self._wait_until(due_ns)
        if self._now_ns < due_ns:  # somebody at the keyboard would not wait
            self._interrupted_ns = self._now_ns
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
