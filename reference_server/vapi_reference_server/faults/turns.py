"""Faults that show over several requests of a call: memory where none is wanted, and none where it is."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from vapi_reference_server.faults.editing import Shelf, asking, chunks, each, put
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import objects_of
from vapi_reference_server.problems import Problem
from vapi_reference_server.reply import Reply

if TYPE_CHECKING:
    from vapi_reference_server.call_memory import TurnMemory
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work

_misread = Shelf(SeenOn.SPECIAL, Stage.BODY).fault
_unread = Shelf(SeenOn.SPECIAL, Stage.REQUEST, everywhere=True).fault
_replay = Shelf(SeenOn.SPECIAL, Stage.REPLIES).fault
_MIX_WINDOW_S = 1.0


def turn_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_forgetting(), *_replaying(), *_refusing(), *_mixing())


def _forgetting() -> tuple[Fault, ...]:
    return (
        _unread(
            "ignores-system",
            "turns.system-prompt-is-read",
            "System messages are not read.",
            _without_roles("system", "developer"),
        ),
        _unread(
            "ignores-history",
            "turns.history-is-read",
            "Only the last message and the system's are read.",
            asking(_last_only),
        ),
        _misread(
            "remembers-first-history",
            "turns.edited-history-is-read",
            "Messages of a call are kept as they came first; later edits of them are not read.",
            first_history,
        ),
    )


def _replaying() -> tuple[Fault, ...]:
    return (
        _replay(
            "stale-replay",
            "turns.grown-turn-is-answered-afresh",
            "A turn of a call is answered once; asked again, the same answer comes from a cache.",
            _stale,
        ),
        _replay(
            "replaced-turn-replayed",
            "turns.replaced-turn-is-answered-afresh",
            "When the words of a turn are replaced by others, the old answer comes again.",
            _stale_when_replaced,
        ),
        _replay(
            "repeated-turn-shortened",
            "turns.repeated-turn-is-answered-in-full",
            "A turn that is asked again word for word gets one word only.",
            _short_when_repeated,
        ),
    )


def _refusing() -> tuple[Fault, ...]:
    return (
        _misread(
            "rejects-absent-content",
            "turns.message-without-content-is-accepted",
            "An assistant message without a content key gets status 400.",
            _absent_content,
        ),
        _misread(
            "rejects-filler-beside-calls",
            "turns.filler-beside-calls-is-accepted",
            "An assistant message with both words and calls gets status 400.",
            _filler,
        ),
        _misread(
            "rejects-user-after-tool",
            "turns.user-after-tool-is-accepted",
            "A user message right after a tool's gets status 400.",
            _follows("tool", "user"),
        ),
        _misread(
            "rejects-merged-answer",
            "turns.merged-answer-is-accepted",
            "An answer that stands partly before its tool results gets status 400.",
            _merged_answer,
        ),
        _misread(
            "needs-user-message",
            "turns.greeting-needs-no-user-message",
            "A conversation in which the user has not spoken gets status 400.",
            _needs_user,
        ),
    )


def _mixing() -> tuple[Fault, ...]:
    return (
        _replay(
            "mixes-calls",
            "turns.concurrent-calls-do-not-mix",
            "Words for one caller end up in the answer to another who asks at the same time.",
            _mix,
            everywhere=True,
        ),
        Shelf(SeenOn.STREAM, Stage.CHUNKS).fault(
            "shared-stream-id",
            "turns.concurrent-streams-have-own-ids",
            "All streams have the same id.",
            each(chunks, put("id", "chatcmpl-1")),
        ),
        _replay(
            "stream-says-other",
            "turns.stream-and-json-agree",
            "A stream refuses what a JSON answer says.",
            _refuse_in_stream,
            seen_on=SeenOn.STREAM,
        ),
    )


def _refused(message: str) -> Problem:
    return Problem(status=400, message=message, param="messages", code="invalid_history")


def _messages(work: Work) -> list[JsonObject]:
    return objects_of(work.body, "messages")


def _without_roles(*roles: str) -> Edit:
    def change(request: Request) -> Request:
        kept = tuple(message for message in request.messages if message.role not in roles)
        return replace(request, messages=kept or request.messages)

    return asking(change)


def _last_only(request: Request) -> Request:
    last = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=0)
    kept = tuple(
        message for at, message in enumerate(request.messages) if at >= last or message.role in ("system", "developer")
    )
    return replace(request, messages=kept)


def first_history(work: Work) -> None:
    """The edit that keeps the messages of a call as they came first."""
    if work.call is None:
        return
    now = list[object](_messages(work))
    first = now if work.call.history is None else work.call.history
    # The last message is the turn itself; what stands before it is history.
    kept = [*first[: len(now) - 1], *now[len(first[: len(now) - 1]) :]]
    work.call.history = kept
    work.body["messages"] = kept


def this_turn(work: Work) -> tuple[TurnMemory, str] | None:
    """What is remembered of this turn of a call, and what the user says in it now."""
    if work.call is None or work.request is None:
        return None
    said = [message.text for message in work.request.messages if message.role == "user"]
    # A result that came back from a tool is another request of the same turn, not a repetition.
    results = sum(message.role == "tool" for message in work.request.messages)
    return work.call.turns.of((results, len(said))), said[-1] if said else ""


def _stale(work: Work) -> None:
    turn = this_turn(work)
    if turn is not None:
        turn[0].replies = work.replies = turn[0].replies or work.replies


def _stale_when_replaced(work: Work) -> None:
    turn = this_turn(work)
    if turn is None:
        return
    before, said = turn
    if before.said is not None and not said.startswith(before.said):
        work.replies = before.replies
    before.said, before.replies = said, work.replies


def _short_when_repeated(work: Work) -> None:
    turn = this_turn(work)
    if turn is None:
        return
    before, said = turn
    if before.said == said:
        work.replies = [replace(reply, text="Yes.") if reply.text else reply for reply in before.replies]
    else:
        before.said, before.replies = said, work.replies


def _absent_content(work: Work) -> None:
    if any(message.get("role") == "assistant" and "content" not in message for message in _messages(work)):
        raise _refused("An assistant message has no content.")


def _filler(work: Work) -> None:
    if any(message.get("content") and message.get("tool_calls") for message in _messages(work)):
        raise _refused("An assistant message has both content and tool_calls.")


def _follows(first: str, second: str) -> Edit:
    def edit(work: Work) -> None:
        roles = [message.get("role") for message in _messages(work)]
        if (first, second) in pairwise(roles):
            raise _refused(f"A {second} message must not follow a {first} message.")

    return edit


def _merged_answer(work: Work) -> None:
    if any(message.get("content") and message.get("tool_calls") for message in _messages(work)):
        _follows("tool", "assistant")(work)


def _needs_user(work: Work) -> None:
    if not any(message.get("role") == "user" for message in _messages(work)):
        raise _refused("There is no user message.")


def _mix(work: Work) -> None:
    mine = work.replies[0].text
    before, now = work.memory.latest, time.monotonic()
    work.memory.latest = (now, mine)
    if before is not None and before[1] != mine and now - before[0] < _MIX_WINDOW_S:
        work.replies = [replace(reply, text=f"{reply.text} {before[1]}") for reply in work.replies]


def _refuse_in_stream(work: Work) -> None:
    if work.request is not None and work.request.stream:
        work.replies = [Reply(text="I am not able to say that.", finish_reason="content_filter") for _ in work.replies]
