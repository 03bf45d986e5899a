"""Messages as a stream: the shape of its events, one by one."""

from collections.abc import Callable, Iterator
from typing import Final

from vapi_conformance.dialects.anthropic.order import Signal, type_of
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import string_or_none
from vapi_conformance.rules.anthropic.view import (
    CALLS,
    DOCS,
    MESSAGES,
    TYPES,
    has_block,
    has_delta,
    shape_rule,
    signals,
)
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import unclaimed
from vapi_conformance.rules.streamed import is_chat_stream
from vapi_conformance.schema import errors as schema_errors

__all__ = [
    "error_is_complete",
    "event_matches_the_schema",
    "event_name_equals_type",
    "event_types_are_known",
    "events_have_a_type",
    "events_hold_their_part",
    "index_is_an_integer",
    "message_delta_counts_the_answer",
    "partial_json_is_a_string",
    "start_counts_the_prompt",
    "start_message_is_empty",
    "text_delta_is_a_string",
    "texts_start_empty",
    "thinking_delta_is_a_string",
    "tool_input_starts_empty",
]

_STREAMING: Final = f"{DOCS}, streaming messages"


def _has(*wanted: Signal) -> Callable[[Evidence], bool]:
    """A stream with such an event."""
    return lambda evidence: is_chat_stream(evidence) and any(signals(evidence, each) for each in wanted)


@rule(
    "anthropic-stream.event-name-equals-type",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}; observed: official clients skip every event without an event line they know",
    catalogue=["ANTH-STREAM-01"],
    remedy="Send `event: ` with the type of the payload before each data line.",
    applies=is_chat_stream,
)
def event_name_equals_type(evidence: Evidence) -> Iterator[Violation]:
    """Every event has an `event` line that equals the `type` of its payload."""
    return at_most(
        Violation.at(
            chunk,
            expected=f"event: {quote(kind)[1:-1]}",
            # The event stream standard calls an event without a name so.
            actual="no event line" if chunk.event_type == "message" else f"event: {quote(chunk.event_type)[1:-1]}",
        )
        for chunk in evidence.transcript.chunks
        if (kind := string_or_none((chunk.record or {}).get("type"))) is not None and chunk.event_type != kind
        # What only its name calls an error is an incomplete one.
        if kind == Signal.ERROR or chunk.event_type != Signal.ERROR
    )


events_have_a_type = shape_rule(
    "anthropic-stream.events-have-a-type",
    about="The payload of every event names its `type`.",
    expected="a type, as a string that is not empty",
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-01"],
    remedy="Repeat the name of the event in the payload's type; typed clients go by it.",
    applies=is_chat_stream,
)


@rule(
    "anthropic-stream.event-types-are-known",
    dialects=MESSAGES,
    standard=MAY,
    source=f"{_STREAMING}: new event types may be added, and code should handle unknown ones gracefully",
    catalogue=["ANTH-STREAM-18"],
    remedy="Keep to the events of the API; what they have no place for, clients skip.",
    applies=is_chat_stream,
)
def event_types_are_known(evidence: Evidence) -> Iterator[Violation]:
    """Events are of the types that the API describes."""
    return at_most(
        Violation.at(chunk, expected="an event of this API", actual=f"type {quote(kind)}")
        for chunk in evidence.answer_chunks
        if (kind := type_of(chunk)) and kind not in frozenset(Signal)
    )


events_hold_their_part = shape_rule(
    "anthropic-stream.events-hold-their-part",
    about="Each event holds the object that it is about: `message`, `content_block` or `delta`, a delta with its type.",
    expected="the object that the event is about",
    standard=MUST,
    source=f"{TYPES}/raw_message_stream_event.py",
    catalogue=["ANTH-STREAM-02"],
    remedy="Send message with message_start, content_block with its start, delta with both kinds of deltas.",
    applies=is_chat_stream,
)
start_message_is_empty = shape_rule(
    "anthropic-stream.start-message-is-empty",
    about="The message of `message_start` is empty: `content` [], `stop_reason` and `stop_sequence` null.",
    expected="content [], stop_reason null, stop_sequence null",
    standard=MUST,
    source=f"{_STREAMING}: message_start contains a Message object with empty content",
    catalogue=["ANTH-STREAM-03"],
    remedy="Send text by deltas and the end by message_delta; clients add to what the start holds.",
    applies=_has(Signal.MESSAGE_START),
)
start_counts_the_prompt = shape_rule(
    "anthropic-stream.start-counts-the-prompt",
    about="The message of `message_start` has `usage` with `input_tokens` and a first `output_tokens`.",
    expected="usage with input_tokens and output_tokens",
    standard=MUST,
    source=f"{TYPES}/message.py, usage; observed: in each of 322 recorded streams",
    catalogue=["ANTH-STREAM-03"],
    remedy="Send the count of the prompt with message_start; where it is not known yet, 0 and the truth later.",
    applies=_has(Signal.MESSAGE_START),
)
index_is_an_integer = shape_rule(
    "anthropic-stream.index-is-an-integer",
    about="Every event about a block has an `index`, an integer from 0.",
    expected="index, as an integer from 0",
    standard=MUST,
    source=f"{TYPES}/raw_content_block_start_event.py, index",
    catalogue=["ANTH-STREAM-04"],
    remedy="Number the blocks from 0, and say with each event which one it is about.",
    applies=_has(Signal.BLOCK_START, Signal.BLOCK_DELTA, Signal.BLOCK_STOP),
)
text_delta_is_a_string = shape_rule(
    "anthropic-stream.text-delta-is-a-string",
    about="A `text_delta` has `text`, a string.",
    expected="text as a string",
    standard=MUST,
    source=f"{TYPES}/text_delta.py",
    catalogue=["ANTH-STREAM-06"],
    remedy='Send {"type": "text_delta", "text": "..."}; where there is no text, send no event.',
    applies=is_chat_stream,
)
partial_json_is_a_string = shape_rule(
    "anthropic-stream.partial-json-is-a-string",
    about="An `input_json_delta` has `partial_json`, a string.",
    expected="partial_json as a string",
    standard=MUST,
    source=f"{TYPES}/input_json_delta.py",
    catalogue=["ANTH-STREAM-07"],
    remedy="Send pieces of JSON as text; clients join and parse them.",
    applies=has_delta("input_json_delta"),
)
thinking_delta_is_a_string = shape_rule(
    "anthropic-stream.thinking-delta-is-a-string",
    about="A `thinking_delta` has `thinking`, and a `signature_delta` a `signature`, each a string.",
    expected="thinking, or signature, as a string",
    standard=MUST,
    source=f"{TYPES}/thinking_delta.py; {TYPES}/signature_delta.py",
    catalogue=["ANTH-STREAM-06"],
    remedy="Send thoughts and their signature as text.",
    applies=has_delta("thinking_delta", "signature_delta"),
)
tool_input_starts_empty = shape_rule(
    "anthropic-stream.tool-input-starts-empty",
    about="A call starts with `input` {}; its arguments come by deltas.",
    expected="input {}",
    standard=MUST,
    source=f"{_STREAMING}: input_json_delta; observed: in each recorded start of a call",
    catalogue=["ANTH-STREAM-07"],
    remedy="Start the block with input {}, and send the arguments as partial_json.",
    applies=lambda evidence: is_chat_stream(evidence) and has_block(*CALLS)(evidence),
)
texts_start_empty = shape_rule(
    "anthropic-stream.texts-start-empty",
    about="A text or thinking block starts empty; its words come by deltas.",
    expected="an empty text at the start of the block",
    standard=SHOULD,
    source=f"{_STREAMING}; observed: in each recorded start of a text",
    catalogue=["ANTH-STREAM-08"],
    remedy="Send the first words by a delta too; clients that listen to deltas only do not hear the start.",
    applies=lambda evidence: is_chat_stream(evidence) and has_block("text", "thinking")(evidence),
)
message_delta_counts_the_answer = shape_rule(
    "anthropic-stream.message-delta-counts-the-answer",
    about="Every `message_delta` has `usage` with `output_tokens`.",
    expected="usage with output_tokens",
    standard=MUST,
    source=f"{TYPES}/message_delta_usage.py, output_tokens; observed: helpers of the official clients fail without",
    catalogue=["ANTH-STREAM-11"],
    remedy="Send the count of the whole answer so far beside the delta.",
    applies=_has(Signal.MESSAGE_DELTA),
)


@rule(
    "anthropic-stream.error-is-complete",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/shared/error_response.py; {_STREAMING}, error events",
    catalogue=["ANTH-STREAM-15"],
    remedy='Send {"type": "error", "error": {"type": "overloaded_error", "message": "..."}}.',
    applies=is_chat_stream,
)
def error_is_complete(evidence: Evidence) -> Iterator[Violation]:
    """An error event has `type` error and an `error` with its type and message."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(
            chunks[index],
            expected='type error, and an error with "type" and "message"',
            actual=f"{each.pointer or 'the payload'}: {each.message}",
        )
        for index in evidence.transcript.errors
        for each in schema_errors("anthropic/error", chunks[index].payload.value)
    )


@rule(
    "anthropic-stream.event-matches-the-schema",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/raw_message_stream_event.py",
    remedy="Send the keys and types that the API describes.",
    applies=is_chat_stream,
)
def event_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """Every event has the described shape also where no other rule looks."""
    return unclaimed(evidence)
