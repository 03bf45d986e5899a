"""A conversation, and the message list that Vapi makes of it.

The shapes are those measured over recorded requests of December 2024 (the newest complete bodies in public):

* an assistant message with tool calls has NO `content` key, unless the platform spoke a filler beside them;
* tool messages follow, one per call, in order, with exactly `role`, `tool_call_id` and `content`;
* the first sentence spoken after a tool round is written into the earlier message that holds the calls;
* `tool` may be followed by `user` at once; two `user` messages never follow each other;
* assistant text is what was spoken, re-transcribed, and user text is rewritten when the transcript changes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = [
    "NO_RESULT",
    "NO_RESULT_2024",
    "STILL_PENDING",
    "SUCCESS",
    "Conversation",
    "Entry",
    "Heard",
    "Spoken",
    "SystemPrompt",
    "ToolCall",
    "ToolRound",
]

SUCCESS = "Success."
"""The result of an asynchronous tool (observed)."""
NO_RESULT_2024 = "No result returned."
"""A tool that failed or answered in a shape Vapi does not take, in 2024 (observed)."""
NO_RESULT = (
    "No result returned. If this is unexpected, see troubleshooting tips at "
    "https://docs.vapi.ai/tools/custom-tools-troubleshooting#no-result-returned-error"
)
"""The same since 2026 (observed)."""
STILL_PENDING = "Tool Result Still Pending But Proceed Further If Possible."
"""A tool that has not answered yet (observed)."""

_FIRST_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The assistant's instructions."""

    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the assistant said aloud."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What the transcriber made of the caller's words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call the model asked for, and what came of it."""

    id: str
    name: str
    arguments: str = "{}"
    """JSON text exactly as the model produced it, white space included."""
    result: str = SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRound:
    """Calls made together."""

    calls: tuple[ToolCall, ...]
    spoken_beside: str | None = None
    """Written as `content` beside the calls: the platform's filler, the first sentence of the later answer, or both."""


Entry = SystemPrompt | Spoken | Heard | ToolRound


@dataclass(frozen=True, slots=True)
class Conversation:
    """What has happened in a call so far. Every method gives a new one."""

    entries: tuple[Entry, ...] = ()

    def system(self, text: str) -> "Conversation":
        """Instructions follow."""
        return self._with(SystemPrompt(text))

    def assistant(self, text: str) -> "Conversation":
        """The assistant speaks."""
        return self._with(Spoken(text))

    def user(self, text: str) -> "Conversation":
        """The caller speaks. Raises ValueError after a user text: Vapi joins those into one message."""
        if self.entries and isinstance(self.entries[-1], Heard):
            raise ValueError("two user texts in a row are one text at Vapi; use with_user_text")
        return self._with(Heard(text))

    def tools(self, *calls: ToolCall, filler: str | None = None) -> "Conversation":
        """The model calls tools and has their results; `filler` is what the platform said meanwhile."""
        if not calls:
            raise ValueError("a tool round has at least one call")
        return self._with(ToolRound(calls=calls, spoken_beside=filler))

    def with_user_text(self, text: str, turn: int = -1) -> "Conversation":
        """A user text replaced, as when the transcript grows or changes; `turn` counts user texts like an index."""
        at = [index for index, entry in enumerate(self.entries) if isinstance(entry, Heard)][turn]
        return Conversation((*self.entries[:at], Heard(text), *self.entries[at + 1 :]))

    def with_results(self, results: Mapping[str, str]) -> "Conversation":
        """What the tools returned, by the id of the call; others stay as they are."""
        return Conversation(tuple(_with_results(entry, results) for entry in self.entries))

    def handed_over(self, system: str) -> "Conversation":
        """Another assistant takes over: its prompt in place of the earlier ones, before what was said (inferred)."""
        said = (entry for entry in self.entries if not isinstance(entry, SystemPrompt))
        return Conversation((SystemPrompt(system), *said))

    def with_first_sentence_merged(self) -> "Conversation":
        """The first sentence spoken after the last tool round moved into that round, before the tools' results.

        Raises ValueError when nothing was spoken right after it.
        """
        rounds = [index for index, entry in enumerate(self.entries) if isinstance(entry, ToolRound)]
        at = rounds[-1] if rounds else len(self.entries)
        match self.entries[at : at + 2]:
            case (ToolRound() as held, Spoken(text)):
                merged = _merged(held, text)
                return Conversation((*self.entries[:at], *merged, *self.entries[at + 2 :]))
            case _:
                raise ValueError("nothing was spoken right after a tool round")

    def messages(self) -> list[dict[str, object]]:
        """The list for `messages`, key order as recorded."""
        return [message for entry in self.entries for message in _messages_of(entry)]

    @classmethod
    def from_messages(cls, messages: Iterable[Mapping[str, object]]) -> "Conversation":
        """The conversation behind a message list of this shape; `messages()` gives the list back.

        Raises ValueError for a list that is no such shape: an unknown role, a content that is no text, a tool
        result without its call.
        """
        entries: list[Entry] = []
        for message in messages:
            _take(entries, message)
        return cls(tuple(entries))

    def _with(self, entry: Entry) -> "Conversation":
        return Conversation((*self.entries, entry))


def _with_results(entry: Entry, results: Mapping[str, str]) -> Entry:
    if not isinstance(entry, ToolRound):
        return entry
    return replace(entry, calls=tuple(replace(call, result=results.get(call.id, call.result)) for call in entry.calls))


def _merged(held: ToolRound, text: str) -> tuple[Entry, ...]:
    found = _FIRST_SENTENCE.match(text)
    sentence = found.group() if found else text
    rest = text[len(sentence) :].strip()
    beside = " ".join(part for part in (held.spoken_beside, sentence) if part)
    asking = replace(held, spoken_beside=beside)
    return (asking, Spoken(rest)) if rest else (asking,)


def _messages_of(entry: Entry) -> Iterable[dict[str, object]]:
    match entry:
        case SystemPrompt(text):
            return ({"role": "system", "content": text},)
        case Spoken(text):
            return ({"role": "assistant", "content": text},)
        case Heard(text):
            return ({"role": "user", "content": text},)
        case ToolRound():
            return _round_messages(entry)


def _round_messages(entry: ToolRound) -> list[dict[str, object]]:
    asking: dict[str, object] = {"role": "assistant"}
    if entry.spoken_beside is not None:
        asking["content"] = entry.spoken_beside
    asking["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in entry.calls
    ]
    results: list[dict[str, object]] = [
        {"role": "tool", "tool_call_id": call.id, "content": call.result} for call in entry.calls
    ]
    return [asking, *results]


def _take(entries: list[Entry], message: Mapping[str, object]) -> None:
    role, text = message.get("role"), string_or_none(message.get("content"))
    if role == "tool" and text is not None:
        _take_result(entries, string_or_none(message.get("tool_call_id")), text)
    elif role == "assistant" and "tool_calls" in message:
        calls = _calls(array_or_nothing(message["tool_calls"]))
        entries.append(ToolRound(calls=calls, spoken_beside=text))
    elif text is not None and role == "assistant":
        entries.append(Spoken(text))
    elif text is not None and role == "user":
        entries.append(Heard(text))
    elif text is not None and role == "system":
        entries.append(SystemPrompt(text))
    else:
        raise ValueError(f"no message of a kind Vapi sends: role {role!r}, keys {sorted(message)}")


def _calls(values: Sequence[object]) -> tuple[ToolCall, ...]:
    found: list[ToolCall] = []
    for value in values:
        call = object_or_nothing(value)
        function = object_or_nothing(call.get("function"))
        found.append(
            ToolCall(id=str(call.get("id")), name=str(function.get("name")), arguments=str(function.get("arguments")))
        )
    return tuple(found)


def _take_result(entries: list[Entry], call_id: str | None, text: str) -> None:
    held = entries[-1] if entries else None
    if not isinstance(held, ToolRound) or call_id not in {call.id for call in held.calls}:
        raise ValueError(f"a tool result without its call: {call_id!r}")
    calls = tuple(replace(call, result=text) if call.id == call_id else call for call in held.calls)
    entries[-1] = replace(held, calls=calls)
