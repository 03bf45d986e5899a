"""Calls of a Responses answer: items that name a tool, and the arguments that are streamed for them.

As with texts, arguments are told several times, and each telling is held against those before it.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.responses.answer import CALL_TYPES
from vapi_conformance.dialects.responses.order import Signal, State
from vapi_conformance.dialects.responses.story import Event, Item, Unit
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    at,
    faults_of,
    has_item,
    is_readable,
    items_of,
    sent_items,
    story_of,
)
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "added_call_has_no_arguments",
    "arguments_are_a_string",
    "arguments_are_done",
    "arguments_done_equals_deltas",
    "arguments_done_has_name",
    "call_has_call_id",
    "call_has_name",
    "call_has_status",
    "call_id_is_constant",
    "call_id_is_not_the_item_id",
    "custom_call_has_input",
    "input_done_equals_deltas",
    "item_repeats_its_arguments",
    "name_is_constant",
    "nothing_follows_done_arguments",
    "output_repeats_the_call",
]

_CALL: Final = "openai-openapi 2.3.0, FunctionToolCall"
_CUSTOM: Final = "openai-openapi 2.3.0, CustomToolCall"
_DELTA: Final = "openai-openapi 2.3.0, ResponseFunctionCallArgumentsDeltaEvent"
_DONE: Final = "openai-openapi 2.3.0, ResponseFunctionCallArgumentsDoneEvent"
_ARGUMENTS: Final = "function_call_arguments"
_CALLS: Final = tuple(CALL_TYPES)


# --- as sent, streamed or whole ----------------------------------------------------------------------------------


@rule(
    "responses-tools.call-has-call-id",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CALL}.call_id",
    catalogue=["RESP-09"],
    remedy="Send call_id with each call: function_call_output refers to it, not to the id of the item.",
    applies=has_item(*_CALLS),
)
def call_has_call_id(evidence: Evidence) -> Iterator[Violation]:
    """A call has a `call_id`, a string that is not empty."""
    return shape_violations(evidence, "responses-tools.call-has-call-id", expected="call_id, a string")


@rule(
    "responses-tools.call-has-name",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CALL}.name",
    catalogue=["RESP-09"],
    remedy="Send the tool's name beside the call_id (not in an object function, as in Chat Completions).",
    applies=has_item(*_CALLS),
)
def call_has_name(evidence: Evidence) -> Iterator[Violation]:
    """A call has the `name` of its tool."""
    return shape_violations(evidence, "responses-tools.call-has-name", expected="name, a string")


@rule(
    "responses-tools.arguments-are-a-string",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CALL}.arguments: a JSON string",
    catalogue=["RESP-09"],
    remedy="Send arguments as JSON text in a string, empty until they come; not as an object.",
    applies=has_item("function_call"),
)
def arguments_are_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `arguments` of a call are a string."""
    return shape_violations(evidence, "responses-tools.arguments-are-a-string", expected="arguments are a string")


@rule(
    "responses-tools.call-has-status",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_CALL}.status: populated when items are returned via API",
    catalogue=["RESP-09", "RESP-STREAM-23"],
    remedy="Say of each call whether it is in_progress, completed or incomplete.",
    applies=has_item("function_call"),
)
def call_has_status(evidence: Evidence) -> Iterator[Violation]:
    """A call has a `status`."""
    return shape_violations(evidence, "responses-tools.call-has-status", expected="a status")


@rule(
    "responses-tools.custom-call-has-input",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CUSTOM}.input",
    catalogue=["RESP-09"],
    remedy="Send what a custom tool is called with under input, as a string.",
    applies=has_item("custom_tool_call"),
)
def custom_call_has_input(evidence: Evidence) -> Iterator[Violation]:
    """A call of a custom tool has its `input`, a string."""
    return shape_violations(evidence, "responses-tools.custom-call-has-input", expected="input, a string")


@rule(
    "responses-tools.call-id-is-not-the-item-id",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: the two differ at every vendor; a result refers to call_id, an event to the item",
    catalogue=["RESP-10"],
    remedy="Give the item an id and the call a call_id of their own.",
    applies=has_item(*_CALLS),
)
def call_id_is_not_the_item_id(evidence: Evidence) -> Iterator[Violation]:
    """`call_id` of a call is another than the `id` of its item."""
    for sent in sent_items(evidence):
        name = string_or_none(sent.fields.get("call_id"))
        if sent.fields.get("type") in _CALLS and name and name == sent.fields.get("id"):
            yield Violation.at(sent.chunk, expected="a call_id and an id that differ", actual=f"both {quote(name)}")
            return


# --- as streamed -------------------------------------------------------------------------------------------------


def _bodies(evidence: Evidence, *, arguments: bool) -> Iterator[tuple[Item, Unit]]:
    """Arguments of functions, or what else tools are called with."""
    for item in items_of(evidence):
        for unit in item.units:
            if unit.scope == "body" and unit.subject != "reasoning_text" and (unit.subject == _ARGUMENTS) == arguments:
                yield item, unit


def _has_arguments(evidence: Evidence) -> bool:
    return is_readable(evidence) and any(True for _ in _bodies(evidence, arguments=True))


def _has_bodies(evidence: Evidence) -> bool:
    return is_readable(evidence) and any(unit.scope == "body" for item in items_of(evidence) for unit in item.units)


def _differs(unit: Unit) -> Iterator[Violation]:
    whole = unit.done[0].text if unit.done else None
    if whole is not None and unit.deltas and whole != unit.joined:
        yield at(unit.done[0], expected=f"{quote(unit.joined)}, the deltas joined", actual=quote(whole))


@rule(
    "responses-tools.arguments-done-equals-deltas",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_DONE}.arguments; observed: the sum of the deltas in every stream",
    catalogue=["RESP-STREAM-13"],
    remedy="Send in response.function_call_arguments.done exactly what the deltas add up to.",
    applies=_has_arguments,
)
def arguments_done_equals_deltas(evidence: Evidence) -> Iterator[Violation]:
    """Arguments that are done are the sum of their deltas."""
    return at_most(each for _, unit in _bodies(evidence, arguments=True) for each in _differs(unit))


@rule(
    "responses-tools.input-done-equals-deltas",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseCustomToolCallInputDoneEvent.input and its like",
    catalogue=["RESP-STREAM-13"],
    remedy="Send with the end of an input, or of code, exactly what its deltas add up to.",
    applies=lambda evidence: is_readable(evidence) and any(True for _ in _bodies(evidence, arguments=False)),
)
def input_done_equals_deltas(evidence: Evidence) -> Iterator[Violation]:
    """Input that is done, or code, is the sum of its deltas."""
    return at_most(each for _, unit in _bodies(evidence, arguments=False) for each in _differs(unit))


@rule(
    "responses-tools.arguments-done-has-name",
    dialects=RESPONSES,
    standard=MAY,
    source=f"{_DONE}.name is required; observed: OpenAI, Azure, xAI and others never send it",
    catalogue=["RESP-STREAM-14"],
    remedy="Send the tool's name with response.function_call_arguments.done, too.",
    applies=lambda evidence: any(unit.done for _, unit in _bodies(evidence, arguments=True)),
)
def arguments_done_has_name(evidence: Evidence) -> Iterator[Violation]:
    """The event that ends arguments names the tool."""
    return shape_violations(evidence, "responses-tools.arguments-done-has-name", expected="name, a string")


@rule(
    "responses-tools.arguments-are-done",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_DONE}: when the arguments are finalized",
    catalogue=["RESP-STREAM-13"],
    remedy="Send response.function_call_arguments.done before the item is done; for inputs and code likewise.",
    applies=_has_bodies,
)
def arguments_are_done(evidence: Evidence) -> Iterator[Violation]:
    """Arguments that were begun end with their done event before the item is done."""
    return at_most(
        at(fault.event, expected=f"response.{fault.unit}.done first", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.BODY_FLOWS and fault.signal is Signal.ITEM_DONE
    )


@rule(
    "responses-tools.nothing-follows-done-arguments",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_DELTA}, {_DONE}",
    catalogue=["RESP-STREAM-13"],
    remedy="Send the done event after the last delta, once.",
    applies=_has_bodies,
)
def nothing_follows_done_arguments(evidence: Evidence) -> Iterator[Violation]:
    """No delta follows the end of arguments, which end once."""
    return at_most(
        at(fault.event, expected="nothing more of arguments that are done", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.BODY_DONE
    )


@rule(
    "responses-tools.added-call-has-no-arguments",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: a call is added with empty arguments; some clients begin with these and add the deltas",
    catalogue=["RESP-STREAM-13"],
    remedy="Add a call with empty arguments and stream them.",
    applies=lambda evidence: is_readable(evidence) and any(True for _ in _added_calls(evidence)),
)
def added_call_has_no_arguments(evidence: Evidence) -> Iterator[Violation]:
    """A call whose arguments are streamed is added without any."""
    return at_most(
        at(event, expected="empty arguments", actual=quote(sent))
        for item, event in _added_calls(evidence)
        if (sent := string_or_none(event.item.get(CALL_TYPES[item.type or ""]))) and any(u.deltas for u in item.units)
    )


def _added_calls(evidence: Evidence) -> Iterator[tuple[Item, Event]]:
    return ((item, event) for item in items_of(evidence, *_CALLS) for event in item.added[:1])


def _tellings(item: Item) -> list[str]:
    """What was said of the arguments before the item was done."""
    told: list[str] = []
    for unit in item.units:
        if unit.scope == "body":
            told += [unit.joined] if unit.deltas else []
            told += [text for event in unit.done[:1] if (text := event.text) is not None]
    return told


def _done_calls(evidence: Evidence) -> Iterator[tuple[Item, Event, str]]:
    """Calls with what their item is called with when it is done."""
    for item in items_of(evidence, *_CALLS):
        for event in item.done[:1]:
            held = string_or_none(event.item.get(CALL_TYPES[item.type or ""]))
            if held is not None:
                yield item, event, held


@rule(
    "responses-tools.item-repeats-its-arguments",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseOutputItemDoneEvent.item; observed: the same in every stream",
    catalogue=["RESP-STREAM-13"],
    remedy="Send with the call that is done the arguments that were streamed.",
    applies=lambda evidence: is_readable(evidence) and any(_tellings(item) for item, _, _ in _done_calls(evidence)),
)
def item_repeats_its_arguments(evidence: Evidence) -> Iterator[Violation]:
    """A call that is done has the arguments that were streamed for it."""
    return at_most(
        at(event, expected=quote(told[-1]), actual=f"{quote(held)} in item {item.index}")
        for item, event, held in _done_calls(evidence)
        if (told := _tellings(item)) and held not in told
    )


def _changes(evidence: Evidence, key: str) -> Iterator[Violation]:
    for item in items_of(evidence, *_CALLS):
        named = [(event, name) for event in (*item.added, *item.done) if (name := string_or_none(event.item.get(key)))]
        other = next(((event, name) for event, name in named if name != named[0][1]), None)
        if other is not None:
            actual = f"{quote(other[1])} in {other[0].type}"
            yield at(other[0], expected=f"{key} {quote(named[0][1])} throughout", actual=actual)


def _is_framed(evidence: Evidence) -> bool:
    return any(item.added and item.done for item in items_of(evidence, *_CALLS))


@rule(
    "responses-tools.name-is-constant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CALL}.name; clients may begin the work when the call is added",
    catalogue=["RESP-STREAM-10", "RESP-09"],
    remedy="Add a call when the name of its tool is known, and send the whole name.",
    applies=_is_framed,
)
def name_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """A call has the same name when it is added and when it is done."""
    return _changes(evidence, "name")


@rule(
    "responses-tools.call-id-is-constant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_CALL}.call_id; the result refers to it",
    catalogue=["RESP-STREAM-10"],
    remedy="Make the call_id when the call is added, and keep it.",
    applies=_is_framed,
)
def call_id_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """A call has the same `call_id` when it is added and when it is done."""
    return _changes(evidence, "call_id")


def _final_calls(evidence: Evidence) -> Iterator[tuple[Item, Event, object]]:
    story = story_of(evidence)
    output = story.output
    for end in story.ends[:1]:
        for item, event, _ in _done_calls(evidence) if end.place.signal is Signal.ENDED else ():
            if 0 <= item.index < len(output):
                yield item, event, output[item.index]


@rule(
    "responses-tools.output-repeats-the-call",
    dialects=RESPONSES,
    standard=MUST,
    source="observed: the terminal event repeats every call; official helpers take the final answer from it",
    catalogue=["RESP-STREAM-13", "RESP-STREAM-18"],
    remedy="Build the output of the terminal event from the items that were streamed.",
    applies=lambda evidence: is_readable(evidence) and any(True for _ in _final_calls(evidence)),
)
def output_repeats_the_call(evidence: Evidence) -> Iterator[Violation]:
    """The output of the terminal event has the calls as they were done: name, `call_id` and arguments."""
    for item, event, final in _final_calls(evidence):
        record = object_or_nothing(final)
        for key in ("name", "call_id", CALL_TYPES[item.type or ""]):
            sent, kept = string_or_none(event.item.get(key)), string_or_none(record.get(key))
            earlier = [each.item.get(key) for each in item.added] if key in ("name", "call_id") else _tellings(item)
            if record.get("type") == item.type and kept is not None and kept not in (sent, *earlier):
                actual = f"{describe(kept)} in item {item.index}"
                yield at(story_of(evidence).ends[0], expected=f"{key} {describe(sent)}", actual=actual)
                return
