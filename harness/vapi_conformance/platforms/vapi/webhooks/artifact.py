"""`artifact`: what has been said so far, as every server message carries it, twice.

`messages` has Vapi's own roles and times (system, bot, user, tool_calls, tool_call_result), `messagesOpenAIFormatted`
is the list that the model gets. Arguments are JSON text in both, while the lists of a `tool-calls` message hold them
as an object (recorded in 2024 and 2026).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vapi_conformance.platforms.vapi.callers import Caller, Era
from vapi_conformance.platforms.vapi.history import (
    STILL_PENDING,
    Conversation,
    Entry,
    Heard,
    Spoken,
    SystemPrompt,
    ToolCall,
    ToolRound,
)

__all__ = ["Said", "artifact", "elapsed_ms", "variables"]

_MS_PER_CHARACTER: Final = 67
"""Fifteen characters a second."""
_PAUSE_MS: Final = 1_200
_TOOL_MS: Final = 950
_GREETED_AFTER_MS: Final = 1_280


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A conversation, and the tool calls that are under way: they have no result yet."""

    conversation: Conversation
    pending: tuple[ToolCall, ...] = ()
    filler: str | None = None
    """What the platform says while they run."""

    @property
    def shown_to_the_model(self) -> list[dict[str, object]]:
        """The message list; a pending call has the sentence in place of its result that was recorded in 2026."""
        if not self.pending:
            return self.conversation.messages()
        waiting = (replace(call, result=STILL_PENDING) for call in self.pending)
        return self.conversation.tools(*waiting, filler=self.filler).messages()


def artifact(
    caller: Caller, said: Said, *, era: Era, overrides: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The object as of this era. overrides: the call's own variableValues."""
    record: dict[str, object] = {
        "messages": list(_messages(caller, said)),
        "messagesOpenAIFormatted": said.shown_to_the_model,
    }
    if era is not Era.WEB_2024_12:
        record["variables"] = variables(caller, era) | dict(overrides or {})
        record["variableValues"] = record["variables"]
    return record


def elapsed_ms(said: Said) -> int:
    """Milliseconds of the call until now. It only depends on the words, so that messages stay reproducible."""
    return _walk(said)[-1][1] if said.conversation.entries or said.pending else 0


def variables(caller: Caller, era: Era) -> dict[str, object]:
    """What Vapi can put into prompts: the time as people write it, who calls, and by what."""
    at = caller.started_at
    hour = f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'} UTC"  # noqa: PLR2004 - noon
    day = f"{at.strftime('%b')} {at.day}, {at.year}"
    call = caller.call(era)
    known: dict[str, object] = {
        "now": f"{day}, {hour}",
        "currentDateTime": f"{at.strftime('%A, %B')} {at.day}, {at.year} at {hour}",
        "date": f"{day} UTC",
        "time": hour,
        "year": str(at.year),
        "month": at.strftime("%B"),
        "day": str(at.day),
    }
    if era is Era.PHONE_2026:
        known |= {"customer": caller.customer(), "phoneNumber": caller.phone_number()}
    keys = ("id", "type", "status", "createdAt", "phoneCallProvider", "transport")
    return known | {"transport": call["transport"], "call": {key: call[key] for key in keys if key in call}}


def _messages(caller: Caller, said: Said) -> Iterator[dict[str, object]]:
    started_ms = int(caller.started_at.timestamp() * 1000)
    has_results = len(said.conversation.entries)
    for number, (entry, at_ms) in enumerate(_walk(said)):
        for message in _messages_of(entry, started_ms, at_ms - _lasts_ms(entry)):
            if number < has_results or message["role"] != "tool_call_result":
                yield message


def _pending(said: Said) -> ToolRound:
    return ToolRound(calls=said.pending, spoken_beside=said.filler)


def _walk(said: Said) -> Sequence[tuple[Entry, int]]:
    """Each entry with the time at which it was over."""
    walked: list[tuple[Entry, int]] = []
    at_ms = 0
    entries = (*said.conversation.entries, *((_pending(said),) if said.pending else ()))
    for entry in entries:
        if not isinstance(entry, SystemPrompt):
            at_ms += _PAUSE_MS if at_ms else _GREETED_AFTER_MS
        at_ms += _lasts_ms(entry)
        walked.append((entry, at_ms))
    return walked


def _lasts_ms(entry: Entry) -> int:
    match entry:
        case SystemPrompt():
            return 0
        case Spoken(text) | Heard(text):
            return 500 + _MS_PER_CHARACTER * len(text)
        case ToolRound():
            return _TOOL_MS


def _messages_of(entry: Entry, started_ms: int, at_ms: int) -> Iterator[dict[str, object]]:
    match entry:
        case SystemPrompt(text):
            yield {"role": "system", "message": text, "time": started_ms, "secondsFromStart": 0}
        case Spoken(text):
            yield _spoken("bot", text, started_ms, at_ms, _lasts_ms(entry)) | {"source": ""}
        case Heard(text):
            yield _spoken("user", text, started_ms, at_ms, _lasts_ms(entry))
        case ToolRound():
            yield from _round(entry, started_ms, at_ms)


def _spoken(role: str, text: str, started_ms: int, at_ms: int, lasts_ms: int) -> dict[str, object]:
    return {
        "role": role,
        "message": text,
        "time": started_ms + at_ms,
        "endTime": started_ms + at_ms + lasts_ms,
        "secondsFromStart": at_ms / 1000,
        "duration": lasts_ms,
    }


def _round(entry: ToolRound, started_ms: int, at_ms: int) -> Iterator[dict[str, object]]:
    yield {
        "toolCalls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in entry.calls
        ],
        "role": "tool_calls",
        "message": "",
        "time": started_ms + at_ms,
        "secondsFromStart": at_ms / 1000,
    }
    if entry.spoken_beside is not None:
        yield _spoken("bot", entry.spoken_beside, started_ms, at_ms, _TOOL_MS) | {"source": ""}
    for call in entry.calls:
        yield {
            "role": "tool_call_result",
            "time": started_ms + at_ms + _TOOL_MS,
            "secondsFromStart": (at_ms + _TOOL_MS) / 1000,
            "name": call.name,
            "result": call.result,
            "toolCallId": call.id,
        }
