"""How the model behaves on a telephone: it hangs up, passes calls on, hears keys and leaves messages on machines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import as_list, as_object
from vapi_reference_server.reply import Call, Reply, new_call
from vapi_reference_server.schema_samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Tool

FAREWELL = "Goodbye, and thank you for calling."
MESSAGE_ON_MACHINE = (
    "Hello, this is the reference assistant. I am sorry I missed you, please call back when it suits you. Goodbye."
)
# A caller may want to leave a message, too: a machine names its tone, or says first that nobody is there.
_VOICEMAIL = re.compile(
    r"\b(?:(?:after|at) the (?:tone|beep)|(?:reached|forwarded to) (?:the |an? )?(?:automated )?voice ?mail"
    r"|(?:not available|unavailable|take your call)[^?]{0,200}\bleave (?:a|your|me a) message)\b",
    re.IGNORECASE,
)
# As Vapi writes pressed keys into the words of the caller.
_KEYPAD = re.compile(r"\bkeypad entry:\s{0,4}([0-9*#]{1,64})", re.IGNORECASE)
_KEY_NAMES = {"#": "pound", "*": "star"}
_GOODBYE = re.compile(
    r"\b(?<!not )(?<!n't )(?<!n’t )(?:good-?bye|bye(?:-bye)?|hang up|end (?:the|this) call)\b", re.IGNORECASE
)
_TRANSFER = re.compile(
    r"\b(?:transfer|connect (?:me|us)|put (?:me|us) through|hand (?:me|us) over"
    r"|(?:speak|talk) (?:to|with) (?:someone|somebody|(?:an?|the|your) (?:\w{1,32} )?"
    r"(?:person|human|agent|assistant|operator|manager|boss|representative|colleague|team|department)))\b",
    re.IGNORECASE,
)
_HANDOFF = "handoff_to_"
DESTINATION = "destination"
_FEWEST_DIGITS = 5
"""A destination with at least so many digits is a telephone number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Somewhere a call can go, and the tool that takes it there."""

    tool: Tool
    name: str
    destination: str | None
    """What the tool's argument has to say; None where the tool knows only one place."""


def is_telephone_tool(name: str) -> bool:
    """Whether this tool ends a call or passes it on: its name has words that callers use for other things."""
    return is_end_call(name) or is_transfer(name) or _is_handoff(name)


def is_end_call(name: str) -> bool:
    """Whether this tool hangs up."""
    return _plain(name) == "endcall"


def is_transfer(name: str) -> bool:
    """Whether this tool passes the call on to a number, or to an assistant by name."""
    return _plain(name).endswith("transfercall")


def telephone_reply(said: str, tools: Sequence[Tool]) -> Reply | None:
    """The reply to what is said on telephones only, with the tools that may be called; None for any other words."""
    if _VOICEMAIL.search(said):
        ends = _end_call(tools)
        return Reply(text=MESSAGE_ON_MACHINE, calls=ends, finish_reason="tool_calls" if ends else "stop")
    pressed = _KEYPAD.search(said)
    if pressed:
        keys = " ".join(_KEY_NAMES.get(key, key) for key in pressed[1])
        return Reply(text=f"You pressed {keys}, thank you.")
    if _GOODBYE.search(said):
        ends = _end_call(tools)
        return Reply(calls=ends, finish_reason="tool_calls") if ends else Reply(text=FAREWELL)
    if _TRANSFER.search(said):
        call = _transfer(said, tools)
        return None if call is None else Reply(calls=(call,), finish_reason="tool_calls")
    return None


def words_of(text: str) -> list[str]:
    """The words of a text in small letters; `BillingTeam` and `billing_team` are two words each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word.casefold() for word in re.findall(r"[^\W_]+", spaced)]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _is_handoff(name: str) -> bool:
    return name.casefold().startswith(_HANDOFF)


def _end_call(tools: Sequence[Tool]) -> tuple[Call, ...]:
    return tuple(new_call(tool.name, _arguments(tool)) for tool in tools if is_end_call(tool.name))[:1]


def _transfer(said: str, tools: Sequence[Tool]) -> Call | None:
    """The call that takes the caller to the place they named best; with no name to go by, to the first one."""
    transfers = [place for tool in tools if is_transfer(tool.name) for place in _places(tool)]
    handoffs = [place for tool in tools if _is_handoff(tool.name) for place in _places(tool)]
    places = [*transfers, *handoffs]
    if not places:
        return None
    words, digits = set(words_of(said)), re.sub(r"\D", "", said)
    place = max(places, key=lambda place: _named(place.name, words, digits))
    destination: JsonObject = {} if place.destination is None else {DESTINATION: place.destination}
    return new_call(place.tool.name, {**_arguments(place.tool), **destination})


def _places(tool: Tool) -> Iterator[_Place]:
    properties = as_object(tool.parameters.get("properties")) or {}
    offered = as_list((as_object(properties.get(DESTINATION)) or {}).get("enum")) or []
    destinations = [destination for destination in offered if isinstance(destination, str)]
    for destination in destinations:
        yield _Place(tool=tool, name=destination, destination=destination)
    if not destinations:
        name = tool.name[len(_HANDOFF) :] if _is_handoff(tool.name) else ""
        yield _Place(tool=tool, name=name, destination=None)


def _named(name: str, words: set[str], digits: str) -> float:
    """How much of the name of a place was said, from 0 to 1."""
    number = re.sub(r"\D", "", name)
    if len(number) >= _FEWEST_DIGITS:
        return float(number in digits)
    wanted = words_of(name)
    return sum(word in words for word in wanted) / len(wanted) if wanted else 0.0


def _arguments(tool: Tool) -> JsonObject:
    return as_object(sample({"type": "object", **tool.parameters})) or {}
