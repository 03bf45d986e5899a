"""Faults of whole calls: each shows over several requests of one call, or in what only a call brings about."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.call_manners import words_of
from vapi_reference_server.faults.editing import Shelf, say, with_answer
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.faults.turns import first_history, this_turn
from vapi_reference_server.json_values import as_object
from vapi_reference_server.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.request import Message
    from vapi_reference_server.work import Work

_body = Shelf(SeenOn.SPECIAL, Stage.BODY).fault
_asked = Shelf(SeenOn.SPECIAL, Stage.REQUEST).fault
_said = Shelf(SeenOn.SPECIAL, Stage.REPLIES).fault
_sent = Shelf(SeenOn.SPECIAL, Stage.ANSWER).fault
_SILENT_FROM_TURN = 3
_LONG_CALL = 6
"""User messages in a history that is too long for a server that fails late."""
_MOST_ANSWERS = 3
_SAME_TIME_S = 5.0
_SYSTEM = ("system", "developer")


def call_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_of_long_calls(), *_of_turns(), *_of_interruptions(), *_of_company())


def _of_long_calls() -> tuple[Fault, ...]:
    return (
        _said(
            "call-goes-silent",
            "call.every-turn-is-answered",
            "From its third turn on, a call gets empty answers.",
            _silence,
        ),
        _asked(
            "call-fails-late",
            "call.no-answer-ends-the-call",
            "Once the history of a call is long, its requests get status 500.",
            _fail_late,
        ),
        _body(
            "call-keeps-first-history",
            "call.edited-history-is-read",
            "The earlier messages of a call count as they came first, whatever became of them.",
            first_history,
        ),
    )


def _of_turns() -> tuple[Fault, ...]:
    return (
        _said(
            "call-grown-turn-replayed",
            "call.grown-turn-is-answered-afresh",
            "A turn that is asked again with more words gets its first answer again.",
            _replay_grown,
        ),
        _said(
            "call-prefix-matched",
            "call.replaced-turn-is-answered-afresh",
            "A turn that is asked again with other words is taken for the old one if the first word is the same.",
            _match_first_word,
        ),
        _said(
            "call-answers-three-times",
            "call.repeated-turn-is-answered-in-full",
            "The fourth and every later request for one turn gets one word only.",
            _tire,
        ),
    )


def _of_interruptions() -> tuple[Fault, ...]:
    return (
        _said(
            "call-resumes-interrupted",
            "call.barge-in-is-answered",
            "A caller who interrupts hears the rest of the old answer instead of a new one.",
            _resume,
        ),
        _sent(
            "call-ignores-disconnect",
            "call.barge-in-stops-the-work",
            "Work on the answers of a call goes on after the caller has hung up.",
            with_answer(_linger),
            seconds=6.0,
        ),
    )


def _of_company() -> tuple[Fault, ...]:
    return (
        _said(
            "call-crosstalk",
            "call.concurrent-calls-keep-apart",
            "Words for one call end up in the answer to another one at the same time.",
            _cross,
        ),
        _asked(
            "call-keeps-first-prompt",
            "call.handoff-follows-the-new-prompt",
            "After a hand-off the prompt of the first assistant is kept.",
            _first_prompt,
        ),
        _said(
            "call-reads-caller-data",
            "call.caller-data-is-not-read-out",
            "From the second answer on, the caller hears their own number, or the id of the call.",
            _read_caller_data,
        ),
    )


def users_in(messages: Iterable[Message]) -> int:
    """How many messages are the user's: what tells the turns of a call apart."""
    return sum(message.role == "user" for message in messages)


def _silence(work: Work) -> None:
    call, users = work.call, users_in(work.asked.messages)
    if call is None or not users:
        return
    if call.user_messages != users:
        call.user_messages = users
        call.turns_seen += 1
    if call.turns_seen >= _SILENT_FROM_TURN:
        work.replies = [Reply() for _ in work.replies]


def _fail_late(work: Work) -> None:
    if work.call is not None and work.call.requests > 1 and users_in(work.asked.messages) >= _LONG_CALL:
        raise problems.server_error("The history is too long for the prompt template.")


def _replay_grown(work: Work) -> None:
    turn = this_turn(work)
    if turn is None:
        return
    before, said = turn
    if before.said is not None and _is_grown(words_of(before.said), words_of(said)):
        work.replies = before.replies
    else:
        before.said, before.replies = said, work.replies


def _is_grown(before: list[str], now: list[str]) -> bool:
    return len(now) > len(before) and now[: len(before)] == before


def _match_first_word(work: Work) -> None:
    turn = this_turn(work)
    if turn is None:
        return
    before, said = turn
    if before.said is not None and words_of(before.said)[:1] == words_of(said)[:1]:
        work.replies = before.replies
    else:
        before.said, before.replies = said, work.replies


def _tire(work: Work) -> None:
    turn = this_turn(work)
    if turn is None:
        return
    turn[0].requests += 1
    if turn[0].requests > _MOST_ANSWERS:
        work.replies = [Reply(text="Yes.") for _ in work.replies]


def _resume(work: Work) -> None:
    if work.call is None:
        return
    messages = work.asked.messages
    users = users_in(messages)
    before = work.call.turns.of((0, users - 1)).replies
    heard = next((message.text for message in reversed(messages) if message.role == "assistant"), "")
    rest = _unspoken(before[0].text, heard) if before else ""
    if rest:
        work.replies = [Reply(text=rest) for _ in work.replies]
    work.call.turns.of((0, users)).replies = work.replies


def _unspoken(answer: str, heard: str) -> str:
    """What is left of an answer of which these words were spoken; nothing where they are all of it, or others."""
    words = list(re.finditer(r"[^\W_]+", answer))
    spoken = re.findall(r"[^\W_]+", heard.casefold())
    if not spoken or [word[0].casefold() for word in words[: len(spoken)]] != spoken:
        return ""
    return answer[words[len(spoken)].start() :] if len(spoken) < len(words) else ""


def _linger(answer: Answer, work: Work) -> Answer:
    return answer if work.call is None else replace(answer, lingers_s=work.seconds)


def _cross(work: Work) -> None:
    if work.call_id is None or not work.replies[0].text:
        return
    mine, now = work.replies[0].text, time.monotonic()
    before, work.memory.latest_in_call = work.memory.latest_in_call, (now, work.call_id, mine)
    if before is not None and before[1] != work.call_id and now - before[0] < _SAME_TIME_S:
        work.replies = [replace(reply, text=f"{reply.text} {before[2]}") for reply in work.replies]


def _first_prompt(work: Work) -> None:
    if work.call is None:
        return
    messages = work.asked.messages
    if work.call.prompt is None:
        work.call.prompt = tuple(message for message in messages if message.role in _SYSTEM)
    others = (message for message in messages if message.role not in _SYSTEM)
    work.request = replace(work.asked, messages=(*work.call.prompt, *others))


def _read_caller_data(work: Work) -> None:
    if work.call is None or work.call.requests <= 1:
        return
    owners = (work.body, as_object(work.body.get("call")) or {})
    customers = (as_object(owner.get("customer")) or {} for owner in owners)
    number = next((customer["number"] for customer in customers if customer.get("number")), work.call_id)
    say(lambda text: f"{text} I see you are calling from {number}.")(work)
