"""What a server message says and asks, read in whichever of the known forms it is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vapi_conformance.dialects.asked import Asked, sent_object
from vapi_conformance.dialects.server_messages.kinds import KINDS, UNKNOWN, MessageKind
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none

__all__ = ["AskedCall", "calls_of", "has_message", "kind_of", "message_of", "read_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A tool call that the message hands over."""

    id: str
    name: str
    """Empty where the message does not say."""


def read_request(body: bytes | None, _url: str = "") -> Asked | None:
    """None where the body is unknown or is no JSON object."""
    record = sent_object(body)
    return None if record is None else Asked(body=record)


def has_message(body: Mapping[str, object]) -> bool:
    """Whether a JSON object looks like a server message: an object `message` with a type."""
    return isinstance(message_of(body).get("type"), str)


def message_of(body: Mapping[str, object]) -> Mapping[str, object]:
    """The object under `message`; empty where there is none."""
    return object_or_nothing(body.get("message"))


def kind_of(body: Mapping[str, object]) -> MessageKind:
    """What kind of message it is; `UNKNOWN` for every other type."""
    return KINDS.get(string_or_none(message_of(body).get("type")) or "", UNKNOWN)


def calls_of(body: Mapping[str, object]) -> tuple[AskedCall, ...]:
    """The calls of a `tool-calls` message in its order, from the first list that is there."""
    message = message_of(body)
    for key in ("toolCallList", "toolCalls"):
        if array_or_nothing(message.get(key)):
            return tuple(_calls(map(object_or_nothing, array_or_nothing(message[key]))))
    with_tools = map(object_or_nothing, array_or_nothing(message.get("toolWithToolCallList")))
    return tuple(_calls(object_or_nothing(each.get("toolCall")) for each in with_tools))


def _calls(records: Iterator[Mapping[str, object]]) -> Iterator[AskedCall]:
    for record in records:
        call_id = string_or_none(record.get("id"))
        if call_id is not None:
            function = object_or_none(record.get("function")) or record
            yield AskedCall(id=call_id, name=string_or_none(function.get("name")) or "")
