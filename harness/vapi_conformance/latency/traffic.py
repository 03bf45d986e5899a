"""What is sent as load: single turns, or the turns of whole calls, whose history grows.

Endpoints keep state by call, and a newer request of a call supersedes the one under way; so no two requests that may be
under way together belong to one call.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance.call.playing import SYSTEM_PROMPT
from vapi_conformance.call.speaking import speech_ns
from vapi_conformance.call.tools import END_CALL, HAND_OFF, TRANSFER, offered
from vapi_conformance.call.words import own_words, placeholders
from vapi_conformance.call_record import CallRequest, Why
from vapi_conformance.call_scenario import CallScenario, Turn
from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import End, Label
from vapi_conformance.latency.engine import Prepared, prepared
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.platforms.calling import Calling, native_body
from vapi_conformance.platforms.vapi import NO_RESULT, SUCCESS, Conversation, Platform, ToolCall
from vapi_conformance.platforms.vapi.history import Heard
from vapi_conformance.problems import UsageError

__all__ = ["FIRST_WORDS", "LABEL", "Asked", "CallUnderWay", "SingleTurns", "WholeCalls", "most_requests_of"]

FIRST_WORDS: Final = "Hello, who is this?"
"""What a caller says where nobody chose other words: the plain scenario's."""
LABEL: Final = "bench"
"""Scenario in the labels of load."""

_CALLERS: Final = 64
"""Of a platform that tells nothing of its callers' calls; then they need not differ."""
_MOST_ROUNDS: Final = 6
"""Tool rounds of one turn."""
_MOST_CALLS: Final = 16
"""Tools called in one answer that are taken up."""
_MOST_CHARACTERS: Final = 20_000
"""Of an answer that go into the history, and of the arguments of a call: twenty minutes of speech."""
_ID_DIGITS: Final = 12
_PLACES: Final = 8
"""Cities and companies that are made up; callers beyond say the same."""
_MOST_WORDS: Final = 168
"""Of `own_words`. Of callers whose numbers differ by a multiple of it, two have the same."""


class SingleTurns:
    """The same first turn, in a call of its own each time. For one thread at a time."""

    def __init__(self, platform: Calling, words: str = FIRST_WORDS) -> None:
        """Nothing is built before it is wanted."""
        self.platform = platform
        self.words = words
        self._made: dict[int, Prepared] = {}
        self._headers: tuple[tuple[str, str], ...] = ()

    def request(self, number: int) -> Prepared:
        """The number-th request of the load, from 0."""
        headers = self.platform.headers()
        if headers != self._headers:  # another access token
            self._made.clear()
            self._headers = headers
        if not isinstance(self.platform, Platform):
            return self._of(number % _CALLERS)
        # To make up a caller takes a millisecond, and nothing but the id of the call has to differ.
        made, known = self._of(0), self.platform.caller.call_id
        own = f"{known[:-_ID_DIGITS]}{(int(known[-_ID_DIGITS:], 16) + number) % 16**_ID_DIGITS:0{_ID_DIGITS}x}"
        old, new = known.encode(), own.encode()
        return replace(made, body=made.body.replace(old, new), wire=made.wire.replace(old, new))

    def _of(self, caller: int) -> Prepared:
        if caller not in self._made:
            platform = self.platform.in_call(caller) if caller else self.platform
            conversation = Conversation().system(_system(platform)).user(self.words)
            self._made[caller] = _prepared(platform, conversation, (), self._headers, step="turn-1")
        return self._made[caller]


@dataclass(slots=True, kw_only=True)
class CallUnderWay:
    """One call: what was said so far, and what is left to say."""

    platform: Calling
    conversation: Conversation
    left: list[Turn]
    turn: int = 0
    """Turns of the caller so far."""
    rounds: int = 0
    """Tool rounds of this turn."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """What stands for the scenario's placeholders."""
    played: PlayedCall | None = None
    """For the judges; None where it is not kept."""
    at_ns: int = 0
    """Call time of the newest request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of a call, and how long after the answer before it is made."""

    request: Prepared
    pause_ns: int = 0


@dataclass(slots=True, kw_only=True)
class WholeCalls:
    """Calls after a scenario: what its callers say, turn by turn, with the answers and the tools' results between.

    What of a scenario is no load is left out: interruptions, silences, words that change, fillers, hand-offs.
    """

    platform: Calling
    scenario: CallScenario
    characters_per_second: float = 15.0
    is_real_time: bool = False
    """Whether speaking and thinking take their time between the turns. Otherwise they follow each other at once."""
    _tools: list[dict[str, object]] = field(init=False)
    _caller_words: tuple[str, ...] = field(init=False)
    _has_made_up_words: bool = field(init=False)
    """To make them up takes time."""

    def __post_init__(self) -> None:
        """Raises UsageError for a scenario in which nothing is asked."""
        self._tools = offered(self.scenario.tools)
        self._caller_words = own_words(_MOST_WORDS, 0)
        spoken = json.dumps(self.scenario.document)
        self._has_made_up_words = any(name in spoken for name in ("{name}", "{city}", "{company}"))
        if not any(map(_words, self.scenario.turns)) and not _speaks_first(self.scenario):
            raise UsageError(f"--scenario: in the call {self.scenario.name!r} the model is never asked")

    def begin(self, number: int, *, is_kept: bool = False) -> tuple[CallUnderWay, Asked]:
        """The number-th call of the load, and its first request. is_kept: whole, where there are rules over it."""
        scenario = self.scenario
        word = self._caller_words[number % _MOST_WORDS]
        platform = self.platform.in_call(number + 1)
        values = {"{word}": word}
        played = None
        if isinstance(platform, Platform):
            platform = replace(platform, locale=scenario.locale)
            if self._has_made_up_words:
                values |= {
                    **placeholders(number % _PLACES, platform.caller.locale, word),
                    "{name}": platform.caller.name,
                }
            if is_kept:
                played = PlayedCall.of(platform.caller, scenario, word, self._caller_words)
        conversation = Conversation().system(_system(platform, _filled(scenario.system or SYSTEM_PROMPT, values)))
        if scenario.first_message and not _speaks_first(scenario):
            conversation = conversation.assistant(_filled(scenario.first_message, values))
        left = [turn for turn in scenario.turns if _words(turn)]
        call = CallUnderWay(platform=platform, conversation=conversation, left=left, values=values, played=played)
        if not _speaks_first(scenario):
            self._hear(call)
        return call, self._asked(call, "heard" if call.turn else "greeting", 0)

    def follow(self, call: CallUnderWay, evidence: Evidence) -> Asked | None:
        """The request after this answer; None where the call is over: all is said, or the answer failed."""
        has_failed = not evidence.is_success or evidence.exchange.end is not End.CLEAN or evidence.transcript.errors
        call.at_ns += evidence.exchange.timing.end_ns or 0
        if call.played is not None and not call.played.takes(evidence, has_failed=bool(has_failed)):
            call.played = None
        if has_failed:
            return None
        text = evidence.transcript.text[:_MOST_CHARACTERS].strip()
        calls = self._calls(evidence)
        if any(each.name in (END_CALL, TRANSFER) or each.name.startswith(HAND_OFF) for each in calls):
            return None
        if calls and call.rounds < _MOST_ROUNDS:
            pause_ns = self._running_ns(calls)
            if call.played is not None:
                call.played.ran(calls, at_ns=call.at_ns, for_ns=pause_ns)
            call.rounds += 1
            call.conversation = call.conversation.tools(*calls, filler=text or None)
            return self._asked(call, "tool-results", pause_ns)
        if text:
            call.conversation = call.conversation.assistant(text)
        if not call.left:
            return None
        pause_ns = 0
        if self.is_real_time:
            pause_ns = speech_ns(text, self.characters_per_second) + round(call.left[0].after_s * NS_PER_S)
        self._hear(call)
        return self._asked(call, "heard", pause_ns)

    def _asked(self, call: CallUnderWay, why: Why, pause_ns: int) -> Asked:
        call.at_ns += pause_ns
        if call.played is not None:
            request = CallRequest(at_ns=call.at_ns, turn=call.turn, number=call.rounds, why=why)
            call.played.requests.append(request)
        return Asked(request=self._request(call), pause_ns=pause_ns)

    def _hear(self, call: CallUnderWay) -> None:
        words = _filled(_words(call.left.pop(0)), call.values)
        entries = call.conversation.entries
        call.turn += 1
        call.rounds = 0
        if isinstance(entries[-1], Heard):  # nothing was said in between: at Vapi two user texts in a row are one
            call.conversation = call.conversation.with_user_text(f"{entries[-1].text} {words}")
        else:
            call.conversation = call.conversation.user(words)

    def _calls(self, evidence: Evidence) -> list[ToolCall]:
        """With the results that the scenario has for them; what was not offered cannot be run."""
        choices = evidence.transcript.choices
        tools = {tool.name: tool for tool in self.scenario.tools}
        calls: list[ToolCall] = []
        for number, call in enumerate(choices[0].tool_calls[:_MOST_CALLS] if choices else ()):
            tool = tools.get(call.name or "")
            if tool is None or len(call.arguments) > _MOST_CHARACTERS:
                continue
            result = NO_RESULT if tool.fails else SUCCESS if tool.is_async else tool.returns or SUCCESS
            identity = call.id or f"call_{number}"
            calls.append(ToolCall(id=identity, name=tool.name, arguments=call.arguments or "{}", result=result))
        return calls

    def _running_ns(self, calls: Sequence[ToolCall]) -> int:
        if not self.is_real_time:
            return 0
        names = {call.name for call in calls}
        return round(max(tool.after_s for tool in self.scenario.tools if tool.name in names) * NS_PER_S)

    def _request(self, call: CallUnderWay) -> Prepared:
        step = f"turn-{call.turn}.{call.rounds + 1}"
        return _prepared(call.platform, call.conversation, self._tools, call.platform.headers(), step=step)


def most_requests_of(scenario: CallScenario) -> int:
    """That one call of it makes: its turns, and as many tool rounds as are played where it has tools."""
    turns = sum(1 for turn in scenario.turns if _words(turn)) + _speaks_first(scenario)
    return turns * (1 + _MOST_ROUNDS if scenario.tools else 1)


def _speaks_first(scenario: CallScenario) -> bool:
    """Whether the model makes the first message."""
    return scenario.first_message_mode == "assistant-speaks-first-with-model-generated-message"


def _words(turn: Turn) -> str:
    """What is heard of it in the end; empty for a silence."""
    if turn.heard:
        return turn.heard[-1].text
    return f"User's Keypad Entry: {turn.keypad}" if turn.keypad is not None else ""


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _system(platform: Calling, prompt: str = SYSTEM_PROMPT) -> str:
    return "\n\n".join([*platform.system_prompts, prompt])


def _prepared(
    platform: Calling,
    conversation: Conversation,
    tools: Sequence[Mapping[str, object]],
    headers: tuple[tuple[str, str], ...],
    *,
    step: str,
) -> Prepared:
    body = native_body(platform, platform.chat_body(conversation.messages(), tools=tools, mode=None), {})
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return prepared(
        url=platform.url(),
        headers=headers,
        # An endpoint's own words come back in a history, and may hold what UTF-8 cannot.
        body=text.encode(errors="replace"),
        label=Label(scenario=LABEL, step=step),
    )
