"""Tool calls as they are sent: the fragments of a stream, and what a whole message can get wrong beside them."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import CHAT, OPENAI
from vapi_conformance.dialects.transcript import ToolCall, ToolFragment
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.called import calls_of, has_calls, is_custom, joins_several
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations
from vapi_conformance.rules.streamed import is_chat_answer, is_chat_stream, sent_deltas

__all__ = [
    "arguments_are_a_string",
    "first_fragment_has_id",
    "first_fragment_has_name",
    "first_fragment_has_type",
    "ids_are_unique",
    "index_is_an_integer",
    "indexes_are_contiguous",
    "json_calls_have_no_index",
    "later_fragments_repeat_nothing",
    "no_content_beside_calls",
    "no_empty_call_list",
]

_FRAGMENT: Final = "openai-openapi 2.3.0, ChatCompletionMessageToolCallChunk"
_CALL: Final = "openai-openapi 2.3.0, ChatCompletionMessageToolCall"


def _streams_calls(evidence: Evidence) -> bool:
    return is_chat_stream(evidence) and has_calls(evidence)


@rule(
    "tools.index-is-an-integer",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_FRAGMENT}.index",
    catalogue=["CHAT-TOOL-01"],
    remedy='Number the calls of an answer from 0 and send that "index" with every fragment.',
    applies=_streams_calls,
)
def index_is_an_integer(evidence: Evidence) -> Iterator[Violation]:
    """Every fragment of a tool call has an `index`, an integer from 0."""
    return shape_violations(evidence, "tools.index-is-an-integer", expected="index is an integer from 0")


@rule(
    "tools.indexes-are-contiguous",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_FRAGMENT}.index",
    catalogue=["CHAT-TOOL-02", "CHAT-TOOL-16"],
    remedy="Count tool calls from 0 without a gap; text blocks of the backend do not count.",
    applies=_streams_calls,
)
def indexes_are_contiguous(evidence: Evidence) -> Iterator[Violation]:
    """The indexes of tool calls begin at 0 and leave none out."""
    for choice in evidence.transcript.choices:
        numbered = [call for call in choice.tool_calls if call.index is not None and call.index >= 0]
        beyond = next((call for call in numbered if call.index is not None and call.index >= len(numbered)), None)
        if beyond is not None:
            yield _at(
                evidence,
                beyond.fragments[0],
                expected=f"indexes from 0 for {len(numbered)} tool calls, none left out",
                actual=f"index {describe(beyond.index)}",
            )


def _at(evidence: Evidence, fragment: ToolFragment, *, expected: str, actual: str) -> Violation:
    return Violation.at(evidence.transcript.chunks[fragment.chunk], expected=expected, actual=actual)


@rule(
    "tools.first-fragment-has-id",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    source=f"{_FRAGMENT}.id",
    catalogue=["CHAT-TOOL-03", "VAPI-10"],
    remedy="Send the call's id with its first fragment; the tool's answer will carry it.",
    applies=_streams_calls,
)
def first_fragment_has_id(evidence: Evidence) -> Iterator[Violation]:
    """The first fragment of a tool call has an `id`, a string that is not empty."""
    return at_most(
        _at(evidence, first, expected="an id in the first fragment", actual=f"id is {_sent(first, 'id')}")
        for first in _first_fragments(evidence)
        if not string_or_none(first.fields.get("id"))
    )


def _first_fragments(evidence: Evidence) -> Iterator[ToolFragment]:
    return (call.fragments[0] for call in calls_of(evidence))


def _sent(fragment: ToolFragment, key: str) -> str:
    return describe(fragment.fields[key]) if key in fragment.fields else "absent"


@rule(
    "tools.first-fragment-has-name",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_FRAGMENT}.function.name",
    catalogue=["CHAT-TOOL-03", "VAPI-10"],
    remedy="Send the function's whole name with the first fragment of its call.",
    applies=_streams_calls,
)
def first_fragment_has_name(evidence: Evidence) -> Iterator[Violation]:
    """The first fragment of a tool call has a `function` with its `name`."""
    return at_most(
        _at(
            evidence,
            first,
            expected="function.name in the first fragment",
            actual=f"function.name is {describe(first.function['name']) if 'name' in first.function else 'absent'}",
        )
        for first in _first_fragments(evidence)
        if not string_or_none((object_or_nothing(first.fields.get("custom")) or first.function).get("name"))
    )


@rule(
    "tools.first-fragment-has-type",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_FRAGMENT}.type",
    catalogue=["CHAT-TOOL-03"],
    remedy='Send "type": "function" with the first fragment of a call.',
    applies=_streams_calls,
)
def first_fragment_has_type(evidence: Evidence) -> Iterator[Violation]:
    """The first fragment of a tool call has the `type`: function (or custom)."""
    return at_most(
        _at(evidence, first, expected="type function in the first fragment", actual=f"type is {_sent(first, 'type')}")
        for first in _first_fragments(evidence)
        if first.fields.get("type") not in ("function", "custom")
    )


@rule(
    "tools.ids-are-unique",
    dialects=OPENAI,  # Anthropic, where what the service runs counts too, and Gemini have rules of their own
    standard=MUST,
    vapi=MUST,
    source=f"{_CALL}.id; FunctionToolCall.call_id",
    catalogue=["CHAT-TOOL-04", "RESP-10"],
    remedy="Make an id for each call; a constant one sends every result to the same call.",
    applies=lambda evidence: is_chat_answer(evidence) and has_calls(evidence),
)
def ids_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """No two tool calls of an answer have the same id."""
    for choice in evidence.transcript.choices:
        seen: dict[str, ToolCall] = {}
        for call in choice.tool_calls:
            if call.id is not None and seen.setdefault(call.id, call) is not call:
                yield _at(
                    evidence,
                    call.fragments[0],
                    expected="an id of its own for each call",
                    actual=f"{quote(call.id)} again, for {quote(call.name or '')}",
                )
                break


@rule(
    "tools.later-fragments-repeat-nothing",
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_FRAGMENT}; openai-python, src/openai/lib/streaming: strings of fragments are joined",
    catalogue=["CHAT-TOOL-05"],
    remedy="After the first fragment of a call send its index and pieces of its arguments only.",
    applies=_streams_calls,
)
def later_fragments_repeat_nothing(evidence: Evidence) -> Iterator[Violation]:
    """After the first fragment, a tool call's id, type and name are not sent again."""
    return at_most(
        _at(evidence, fragment, expected="index and arguments only", actual=f"{', '.join(repeated)} again")
        for call in calls_of(evidence)
        if not joins_several(call)
        for fragment in call.fragments[1:]
        if (repeated := _named_again(fragment))
    )


def _named_again(fragment: ToolFragment) -> list[str]:
    # Empty or null is no repetition: joined to the first it adds nothing.
    names = [key for key in ("id", "type") if fragment.fields.get(key)]
    return [*names, "function.name"] if fragment.function.get("name") else names


@rule(
    "tools.arguments-are-a-string",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_FRAGMENT}.function.arguments",
    catalogue=["CHAT-TOOL-06", "VAPI-10"],
    remedy="Send arguments as JSON text in a string, not as an object and not as null.",
    applies=_streams_calls,
)
def arguments_are_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `arguments` of a fragment are a string."""
    return shape_violations(evidence, "tools.arguments-are-a-string", expected="function.arguments is a string")


@rule(
    "tools.no-content-beside-calls",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    rapida=MUST,
    source="observed: OpenAI sends none or null; openai-go 1.12.0, streamaccumulator.go: text ends a tool call",
    catalogue=["CHAT-TOOL-14"],
    remedy="Leave content out of deltas that carry tool calls; words before a call go into deltas of their own.",
    applies=_streams_calls,
)
def no_content_beside_calls(evidence: Evidence) -> Iterator[Violation]:
    """A delta with tool calls has no content, not even an empty string."""
    return at_most(
        Violation.at(
            sent.chunk, expected="content absent or null beside tool calls", actual=f"content {quote(content)}"
        )
        for sent in sent_deltas(evidence)
        if sent.delta is not None
        and array_or_none(sent.delta.get("tool_calls"))
        and (content := string_or_none(sent.delta.get("content"))) is not None
    )


@rule(
    "tools.no-empty-call-list",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    rapida=MUST,
    source=f"{_CALL}; openai-go 1.12.0, streamaccumulator.go: an empty list is taken for a call",
    catalogue=["CHAT-TOOL-15"],
    remedy="Leave tool_calls out where there are none.",
    applies=is_chat_answer,
)
def no_empty_call_list(evidence: Evidence) -> Iterator[Violation]:
    """`tool_calls` is left out where there are none: neither an empty list nor null."""
    holders = ((sent.chunk, sent.delta or object_or_none(sent.fields.get("message"))) for sent in sent_deltas(evidence))
    return at_most(
        Violation.at(chunk, expected="no key tool_calls", actual=f"tool_calls is {_emptiness(holder['tool_calls'])}")
        for chunk, holder in holders
        if holder is not None and "tool_calls" in holder and holder["tool_calls"] in (None, [])
    )


def _emptiness(calls: object) -> str:
    return "null" if calls is None else "an empty list"


@rule(
    "tools.json-calls-have-no-index",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_CALL}: index belongs to fragments of a stream",
    catalogue=["CHAT-TOOL-18"],
    remedy="Leave index out of the tool calls of a whole message; their order says it.",
    applies=lambda evidence: evidence.transcript.kind == "json" and is_chat_answer(evidence) and has_calls(evidence),
)
def json_calls_have_no_index(evidence: Evidence) -> Iterator[Violation]:
    """The tool calls of a whole message have no `index`."""
    return at_most(
        _at(
            evidence,
            fragment,
            expected="no index in a whole call",
            actual=f"index {describe(fragment.fields['index'])}",
        )
        for call in calls_of(evidence)
        if not is_custom(call)
        for fragment in call.fragments
        if "index" in fragment.fields
    )
