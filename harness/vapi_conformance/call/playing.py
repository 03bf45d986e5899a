"""From a scenario to the record of a call: who calls, with which words, how often."""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Final

from vapi_conformance.call.asking import Asker
from vapi_conformance.call.clock import Clock, RealClock, VirtualClock
from vapi_conformance.call.log import CallLog, Watch
from vapi_conformance.call.person import Person
from vapi_conformance.call.player import CallPlayer
from vapi_conformance.call.words import filled, own_words, placeholders
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CallScenario, call_scenario
from vapi_conformance.client import Client
from vapi_conformance.evidence import Conditions
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import Era, Platform

__all__ = ["SYSTEM_PROMPT", "Line", "play_call", "play_calls", "shows_what_is_expected"]

_WORD: Final = re.compile(r"\w+")

SYSTEM_PROMPT = (
    "You are on the telephone with a caller; answer in short spoken sentences. When the caller asks you to say "
    "something exactly, say it word for word and nothing else."
)
"""Said first where a scenario has no system prompt of its own."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where calls go, and under which conditions."""

    platform: Platform
    client: Client
    conditions: Conditions = field(default_factory=Conditions)
    is_real_time: bool = False
    watch: Watch | None = None
    """Told of each event; see `log.Watch`."""
    person: Person | None = None
    """Who calls by keyboard."""
    clock: Callable[[], Clock] | None = None
    """In place of the two of ours."""
    server_headers: Mapping[str, Sequence[tuple[str, str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, str]]], repr=False
    )
    """See `Asker`."""

    def player(self, scenario: CallScenario, *, attempt: int = 1, word: str = "") -> CallPlayer:
        """One call, not begun yet. attempt: calls of different numbers have callers of their own."""
        number = zlib.crc32(f"{scenario.label}/{attempt}".encode())
        platform = replace(self.platform.in_call(number), locale=scenario.locale)
        caller = platform.caller
        values = {**placeholders(caller.seed, caller.locale, word), "{name}": caller.name}
        meant = call_scenario(object_or_nothing(filled(scenario.document, values)))
        log = CallLog() if self.watch is None else CallLog(watch=self.watch)
        make = self.clock or (RealClock if self.is_real_time else VirtualClock)
        asker = Asker(
            platform=platform,
            client=self.client,
            conditions=self.conditions,
            clock=make(),
            log=log,
            era=Era.PHONE_2026 if scenario.channel == "phone" else Era.WEB_2026,
            scenario=scenario.label,
            attempt=attempt,
            person=self.person,
            server_headers=self.server_headers,
        )
        own = "\n\n".join(platform.system_prompts)
        # A call that was held by keyboard and kept as a scenario has the assistant's prompt in it.
        system = own if own and meant.system == own else "\n\n".join(filter(None, [own, meant.system or SYSTEM_PROMPT]))
        return CallPlayer(scenario=meant, asker=asker, log=log, system=system)


def play_calls(scenario: CallScenario, line: Line) -> Iterator[CallRecord]:
    """Every call of a scenario: all callers at once, or one after the other until one shows what is expected."""
    if scenario.callers > 1:
        words = own_words(scenario.callers, line.platform.seed)
        with ThreadPoolExecutor(max_workers=scenario.callers) as executor:
            numbered = enumerate(words, 1)
            begun = [executor.submit(play_call, scenario, line, attempt=at, words=words) for at, _ in numbered]
            yield from (each.result() for each in begun)
        return
    for attempt in range(1, scenario.tries + 1):
        record = play_call(scenario, line, attempt=attempt)
        yield record
        if shows_what_is_expected(record, scenario):
            return


def shows_what_is_expected(record: CallRecord, scenario: CallScenario) -> bool:
    """Whether no further attempt is made after this one."""
    if not {tool.name for tool in record.tools} >= set(scenario.expects_tools):
        return False
    heard = _plain(" ".join(event.text for event in record.events if event.kind == "speech"))
    return all(_plain(words) in heard for words in scenario.expects_words)


def _plain(text: str) -> str:
    """Words apart by single blanks, with one before and after."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def play_call(scenario: CallScenario, line: Line, *, attempt: int = 1, words: tuple[str, ...] = ()) -> CallRecord:
    """One call from begin to end; an endpoint's failure is part of the record, never an exception.

    words: those of all who call at once; this caller's is the one at its attempt.
    """
    word = words[attempt - 1] if words else None
    player = line.player(scenario, attempt=attempt, word=word or "")
    player.begin()
    turns = player.scenario.turns
    for turn, following in zip_longest(turns, turns[1:]):
        player.take(turn, following)
    player.hang_up()
    return recorded(player, scenario, word=word, words=words)


def recorded(player: CallPlayer, scenario: CallScenario, *, word: str | None, words: tuple[str, ...]) -> CallRecord:
    """What became of a call that is over."""
    if player.ended is None:
        raise ValueError("the call is not over")
    caller, log = player.asker.platform.caller, player.log
    return CallRecord(
        name=scenario.name,
        call_id=caller.call_id,
        clock=player.asker.clock.kind,
        scenario=scenario.document,
        word=word,
        words=words,
        requests=tuple(log.requests),
        exchanges=tuple(log.exchanges),
        webhooks=tuple(log.webhooks),
        tools=tuple(log.tools),
        events=log.in_order(),
        ended=player.ended,
        expects_ended=scenario.expects_ended,
        expects_tools=scenario.expects_tools,
        caller_data=(caller.number, caller.call_id),
    )
