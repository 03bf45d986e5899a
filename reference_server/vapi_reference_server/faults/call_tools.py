"""Faults of tools in whole calls: asked for again, run again, lost, or called for where nobody offered to go."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from vapi_reference_server.brain import spoken_result
from vapi_reference_server.call_manners import DESTINATION, is_end_call, is_transfer
from vapi_reference_server.faults.calls import users_in
from vapi_reference_server.faults.editing import Shelf
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import as_object, decode, encode
from vapi_reference_server.reply import Call, Reply, new_call

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Message
    from vapi_reference_server.work import Work

_asked = Shelf(SeenOn.SPECIAL, Stage.REQUEST).fault
_said = Shelf(SeenOn.SPECIAL, Stage.REPLIES).fault
_streamed = Shelf(SeenOn.SPECIAL, Stage.CHUNKS).fault
_NOWHERE = "+15550999"


def call_tool_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_of_rounds(), *_of_results(), *_of_endings())


def _of_rounds() -> tuple[Fault, ...]:
    return (
        _said(
            "call-asks-twice",
            "call.tool-is-asked-for-once",
            "In each turn the same tool is called once more, although its result is there.",
            _ask_again,
        ),
        _said(
            "call-tools-without-end",
            "call.tool-rounds-come-to-an-end",
            "Each result of a tool is answered by another call of it, with other arguments.",
            _ask_for_ever,
        ),
        _asked(
            "call-runs-native-twice",
            "call.native-tool-runs-once",
            "A tool of the server's own is run again for each request that asks for it.",
            _forget_own_results,
        ),
    )


def _of_results() -> tuple[Fault, ...]:
    return (
        _said(
            "call-loses-result",
            "call.tool-result-is-told",
            "The answer after a tool that was called knows nothing of its result.",
            _lose_result,
        ),
        _said(
            "call-reads-placeholder",
            "call.placeholder-is-not-read-out",
            "What Vapi sends in place of a result of a tool that was called is read aloud.",
            _read_placeholder,
        ),
    )


def _of_endings() -> tuple[Fault, ...]:
    return (
        _said(
            "call-never-hangs-up",
            "call.end-call-is-asked-for",
            "The tool that ends the call is never called.",
            _stay,
        ),
        _said(
            "call-invents-destination",
            "call.transfer-names-a-destination",
            "Calls are transferred to a place that was not offered.",
            _lead_astray,
        ),
        _streamed(
            "call-bare-transfer",
            "call.transfer-is-a-tool-call",
            "A transfer is one frame with a function_call and no choices, as an example of Vapi's guide has it.",
            _bare_transfer,
        ),
    )


def _results(work: Work) -> list[Message]:
    """The results of tools that came last."""
    return list(takewhile(lambda message: message.role == "tool", reversed(work.asked.messages)))[::-1]


def _answered(work: Work) -> list[Call]:
    """The calls made in this telephone call whose results came last; remembers those that are made now."""
    if work.call is None:
        return []
    ids = {result.tool_call_id for result in _results(work)}
    answered = [call for call in work.call.made if call.id in ids]
    work.call.made.extend(work.replies[0].calls)
    return answered


def _call_instead(work: Work, calls: tuple[Call, ...]) -> None:
    work.replies = [Reply(calls=calls, finish_reason="tool_calls") for _ in work.replies]
    if work.call is not None:
        work.call.made.extend(calls)


def _ask_again(work: Work) -> None:
    answered, users = _answered(work), users_in(work.asked.messages)
    if work.call is not None and answered and work.call.asked_again_in != users:
        work.call.asked_again_in = users
        _call_instead(work, tuple(new_call(call.name, _arguments(call)) for call in answered))


def _ask_for_ever(work: Work) -> None:
    answered = _answered(work)
    if work.call is not None and answered:
        work.call.tool_rounds += 1
        others = (new_call(call.name, _others(_arguments(call), work.call.tool_rounds)) for call in answered)
        _call_instead(work, tuple(others))


def _arguments(call: Call) -> JsonObject:
    try:
        return as_object(decode(call.arguments.encode())) or {}
    except ValueError:
        # The limit of tokens has cut them.
        return {}


def _others(arguments: JsonObject, attempt: int) -> JsonObject:
    texts = [key for key, value in arguments.items() if isinstance(value, str)]
    if not texts:
        return {**arguments, "attempt": attempt}
    text = str(arguments[texts[0]]).rstrip("0123456789 ")
    return {**arguments, texts[0]: f"{text} {attempt}"}


def _forget_own_results(work: Work) -> None:
    if work.call is not None:
        work.call.own_tools.forget()


def _lose_result(work: Work) -> None:
    if _answered(work):
        work.replies = [Reply(text="I am sorry, what was your question?") for _ in work.replies]


def _read_placeholder(work: Work) -> None:
    results = [result.text for result in _results(work)]
    stand_ins = [text for text in results if not spoken_result(text).startswith("The tool says:")]
    if _answered(work) and stand_ins:
        work.replies = [Reply(text=" ".join(results)) for _ in work.replies]


def _stay(work: Work) -> None:
    work.replies = [_staying(reply) for reply in work.replies]


def _staying(reply: Reply) -> Reply:
    others = tuple(call for call in reply.calls if not is_end_call(call.name))
    if others == reply.calls:
        return reply
    finish_reason = reply.finish_reason if others else "stop"
    text = reply.text if reply.text or others else "I am still here for you."
    return replace(reply, text=text, calls=others, finish_reason=finish_reason)


def _lead_astray(work: Work) -> None:
    work.replies = [replace(reply, calls=tuple(_astray(call) for call in reply.calls)) for reply in work.replies]


def _astray(call: Call) -> Call:
    arguments = _arguments(call)
    if DESTINATION not in arguments:
        return call
    return replace(call, arguments=encode({**arguments, DESTINATION: _NOWHERE}).decode())


def _bare_transfer(work: Work) -> None:
    transfers = [call for reply in work.replies for call in reply.calls if is_transfer(call.name)]
    if transfers:
        call = {"name": transfers[0].name, "arguments": _arguments(transfers[0])}
        work.chunks = [{"function_call": call}]
