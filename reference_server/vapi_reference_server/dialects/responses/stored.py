"""Answers that are kept: so that they can be read again, and that a later request can go on from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import JsonObject, as_list, as_object, encode

if TYPE_CHECKING:
    from vapi_reference_server.request import Message

_MOST_ANSWERS = 256
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """One answer, and the conversation up to its end, without the instructions: those are not carried on."""

    response: JsonObject
    messages: tuple[Message, ...]

    @property
    def size_bytes(self) -> int:
        """What it takes to keep it."""
        return len(encode(self.response)) + sum(len(message.text) for message in self.messages)


class StoredAnswers:
    """A bounded memory: when it is full, the oldest answers are forgotten."""

    def __init__(self) -> None:
        self._answers: dict[str, StoredAnswer] = {}
        self._bytes = 0

    def keep(self, answer: StoredAnswer) -> None:
        """Remember an answer under its id."""
        self._answers[str(answer.response["id"])] = answer
        self._bytes += answer.size_bytes
        while len(self._answers) > _MOST_ANSWERS or self._bytes > _MOST_BYTES:
            oldest = next(iter(self._answers))
            self._bytes -= self._answers.pop(oldest).size_bytes

    def find(self, response_id: str) -> StoredAnswer | None:
        """The answer with this id, if it is still known."""
        return self._answers.get(response_id)

    def find_item(self, item_id: str) -> JsonObject | None:
        """The output item with this id, of any answer that is still known."""
        outputs = (as_list(answer.response.get("output")) or [] for answer in self._answers.values())
        items = (as_object(item) or {} for output in outputs for item in output)
        return next((item for item in items if item.get("id") == item_id), None)
