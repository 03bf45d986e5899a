"""Chunks of a streamed answer, one by one and compared: their shape, and what stays the same on all of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, integer_or_none, object_or_none, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed
from vapi_conformance.rules.streamed import is_chat_stream

__all__ = [
    "choice_has_delta",
    "choice_has_index",
    "choices_is_an_array",
    "chunk_matches_the_schema",
    "content_is_a_string",
    "created_is_constant",
    "created_is_integer_seconds",
    "empty_choices_have_a_reason",
    "error_is_an_object",
    "fingerprint_is_constant",
    "finish_reason_is_known",
    "finish_reason_key_is_present",
    "id_is_constant",
    "id_is_non_empty",
    "logprobs_are_null_or_object",
    "model_is_constant",
    "model_is_named",
    "no_null_error_key",
    "object_is_chunk",
]

_SCHEMA: Final = "openai-openapi 2.3.0, CreateChatCompletionStreamResponse"

_REASONS_FOR_NO_CHOICES: Final = ("usage", "moderation", "prompt_filter_results", "x_groq")
"""Keys that a chunk without choices is sent for: OpenAI (usage, moderation), Azure, Groq."""


@rule(
    "chat-stream.object-is-chunk",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.object",
    catalogue=["CHAT-STREAM-01"],
    remedy='Send "object": "chat.completion.chunk" on every chunk.',
    applies=is_chat_stream,
)
def object_is_chunk(evidence: Evidence) -> Iterator[Violation]:
    """The `object` of every chunk is `chat.completion.chunk`."""
    return shape_violations(evidence, "chat-stream.object-is-chunk", expected="object is chat.completion.chunk")


@rule(
    "chat-stream.id-is-non-empty",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.id",
    catalogue=["CHAT-STREAM-02"],
    remedy="Give the answer an id and send it on every chunk.",
    applies=is_chat_stream,
)
def id_is_non_empty(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk has an `id`, a string that is not empty."""
    return shape_violations(evidence, "chat-stream.id-is-non-empty", expected="id is a string that is not empty")


@rule(
    "chat-stream.id-is-constant",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    rapida=MUST,
    source=f"{_SCHEMA}.id",
    catalogue=["CHAT-STREAM-02"],
    remedy="Make the id once per answer; accumulating clients drop chunks with another one.",
    applies=is_chat_stream,
)
def id_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """All chunks of an answer have the same `id`."""
    return _changes(evidence, "id", string_or_none)


@rule(
    "chat-stream.created-is-integer-seconds",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.created",
    catalogue=["CHAT-STREAM-03"],
    remedy="Send the Unix time in whole seconds.",
    applies=is_chat_stream,
)
def created_is_integer_seconds(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk has a `created`, an integer of Unix seconds."""
    expected = "created is a time in whole seconds since 1970"
    return shape_violations(evidence, "chat-stream.created-is-integer-seconds", expected=expected)


@rule(
    "chat-stream.created-is-constant",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.created",
    catalogue=["CHAT-STREAM-03"],
    remedy="Read the clock once per answer, not once per chunk.",
    applies=is_chat_stream,
)
def created_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """All chunks of an answer have the same `created`."""
    return _changes(evidence, "created", integer_or_none)


@rule(
    "chat-stream.model-is-named",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.model",
    catalogue=["CHAT-STREAM-04"],
    remedy="Send the model's name on every chunk.",
    applies=is_chat_stream,
)
def model_is_named(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk has a `model`, a string that is not empty."""
    return shape_violations(evidence, "chat-stream.model-is-named", expected="model is a string that is not empty")


@rule(
    "chat-stream.model-is-constant",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_SCHEMA}.model",
    catalogue=["CHAT-STREAM-04"],
    remedy="Send one and the same model name on every chunk of an answer.",
    applies=is_chat_stream,
)
def model_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """All chunks of an answer have the same `model`."""
    return _changes(evidence, "model", string_or_none)


@rule(
    "chat-stream.fingerprint-is-constant",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_SCHEMA}.system_fingerprint and service_tier",
    catalogue=["CHAT-STREAM-26"],
    remedy="Send the same system_fingerprint and service_tier on every chunk, or none.",
    applies=is_chat_stream,
)
def fingerprint_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """Where chunks name a `system_fingerprint` or a `service_tier`, it is the same one."""
    yield from _changes(evidence, "system_fingerprint", string_or_none)
    yield from _changes(evidence, "service_tier", string_or_none)


def _changes(evidence: Evidence, key: str, narrowed: Callable[[object], str | int | None]) -> Iterator[Violation]:
    """One violation at the first change. What is missing, empty or of another type breaks the rule on its shape."""
    values = [(chunk, value) for chunk in evidence.answer_chunks if (value := narrowed((chunk.record or {}).get(key)))]
    if not values:
        return
    first = values[0][1]
    others = [(chunk, value) for chunk, value in values if value != first]
    if others:
        chunk, value = others[0]
        yield Violation.at(
            chunk,
            expected=f"{key} {describe(first)} on every chunk, as on the first",
            actual=f"{describe(value)}; {len(others)} of {len(values)} chunks have another one than the first",
        )


@rule(
    "chat-stream.choices-is-an-array",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_SCHEMA}.choices; Vapi: a chunk without it fails the request",
    catalogue=["CHAT-STREAM-05", "VAPI-4"],
    remedy='Send "choices" on every chunk; an empty array where there is nothing to add.',
    applies=is_chat_stream,
)
def choices_is_an_array(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk has `choices`, an array of objects."""
    return shape_violations(evidence, "chat-stream.choices-is-an-array", expected="choices is an array of objects")


@rule(
    "chat-stream.empty-choices-have-a-reason",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_SCHEMA}.choices",
    catalogue=["CHAT-STREAM-06"],
    remedy="Leave out chunks that say nothing; send empty choices with the usage only.",
    applies=is_chat_stream,
)
def empty_choices_have_a_reason(evidence: Evidence) -> Iterator[Violation]:
    """A chunk with empty `choices` is there for something else: usage, moderation or filter results."""
    return at_most(
        Violation.at(
            chunk,
            expected="usage, moderation or filter results on a chunk without choices",
            actual=f"a chunk with the keys {', '.join(map(quote, list(record)[:10]))}",
        )
        for chunk in evidence.answer_chunks
        if array_or_none((record := chunk.record or {}).get("choices")) == [] and not _is_excused(record)
    )


def _is_excused(record: Mapping[str, object]) -> bool:
    # A falsy error on such a chunk is told by chat-stream.no-null-error-key.
    return any(record.get(key) is not None for key in _REASONS_FOR_NO_CHOICES) or "error" in record


@rule(
    "chat-stream.choice-has-index",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    both=True,
    source=f"{_SCHEMA}.choices[].index",
    catalogue=["CHAT-STREAM-07"],
    remedy='Send "index": 0 in the choice, also where there is only one.',
    applies=is_chat_stream,
)
def choice_has_index(evidence: Evidence) -> Iterator[Violation]:
    """Every choice of a chunk has an `index`, an integer from 0."""
    return shape_violations(evidence, "chat-stream.choice-has-index", expected="index is an integer from 0")


@rule(
    "chat-stream.choice-has-delta",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_SCHEMA}.choices[].delta",
    catalogue=["CHAT-STREAM-08"],
    remedy='Send the increment in "delta" (not "message", not "text"), and {} where there is none.',
    applies=is_chat_stream,
)
def choice_has_delta(evidence: Evidence) -> Iterator[Violation]:
    """Every choice of a chunk has a `delta`, an object."""
    return shape_violations(evidence, "chat-stream.choice-has-delta", expected="delta is an object")


@rule(
    "chat-stream.finish-reason-key-is-present",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_SCHEMA}.choices[].finish_reason",
    catalogue=["CHAT-STREAM-09"],
    remedy='Send "finish_reason": null until the choice is finished.',
    applies=is_chat_stream,
)
def finish_reason_key_is_present(evidence: Evidence) -> Iterator[Violation]:
    """Every choice of a chunk has the key `finish_reason`, null until the end."""
    expected = "a finish_reason, null until the end"
    return shape_violations(evidence, "chat-stream.finish-reason-key-is-present", expected=expected)


@rule(
    "chat-stream.finish-reason-is-known",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_SCHEMA}.choices[].finish_reason",
    catalogue=["CHAT-STREAM-09", "CHAT-STREAM-30"],
    remedy="Map the backend's own reason to stop, length, tool_calls or content_filter; never send an empty one.",
    applies=is_chat_stream,
)
def finish_reason_is_known(evidence: Evidence) -> Iterator[Violation]:
    """A `finish_reason` is null, stop, length, tool_calls, content_filter or function_call."""
    expected = "null, stop, length, tool_calls, content_filter or function_call"
    return shape_violations(evidence, "chat-stream.finish-reason-is-known", expected=expected)


@rule(
    "chat-stream.content-is-a-string",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, ChatCompletionStreamResponseDelta.content",
    catalogue=["CHAT-STREAM-12"],
    remedy="Send text as a string; parts and thoughts do not belong in delta.content.",
    applies=is_chat_stream,
)
def content_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `content` of a delta is a string, null, or absent."""
    expected = "content is a string, null, or absent"
    return shape_violations(evidence, "chat-stream.content-is-a-string", expected=expected)


@rule(
    "chat-stream.logprobs-are-null-or-object",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_SCHEMA}.choices[].logprobs",
    catalogue=["CHAT-STREAM-27"],
    remedy='Send "logprobs": null unless they were asked for.',
    applies=is_chat_stream,
)
def logprobs_are_null_or_object(evidence: Evidence) -> Iterator[Violation]:
    """The `logprobs` of a choice are null, absent, or an object of token lists."""
    expected = "logprobs are null, absent, or an object of token lists"
    return shape_violations(evidence, "chat-stream.logprobs-are-null-or-object", expected=expected)


@rule(
    "chat-stream.no-null-error-key",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    rapida=MUST,
    source="openai-go 1.12.0, packages/ssestream: a chunk with the key fails the stream, whatever its value",
    catalogue=["CHAT-STREAM-19"],
    remedy='Leave "error" out of chunks that report none.',
    applies=is_chat_stream,
)
def no_null_error_key(evidence: Evidence) -> Iterator[Violation]:
    """No chunk has a top-level key `error` unless it reports one."""
    return at_most(
        Violation.at(chunk, expected="no key error", actual=f"error is {describe(record['error'])}")
        for chunk in evidence.answer_chunks
        if "error" in (record := chunk.record or {})
    )


@rule(
    "chat-stream.error-is-an-object",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, ErrorResponse",
    catalogue=["CHAT-STREAM-20"],
    remedy='Report a failure as {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}.',
    applies=lambda evidence: evidence.is_success and evidence.transcript.kind == "stream",
)
def error_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """An error that a stream reports is an object with a `message`."""
    transcript = evidence.transcript
    return at_most(
        Violation.at(chunk, expected="error is an object with a message", actual=actual)
        for chunk in (transcript.chunks[index] for index in transcript.errors)
        if (actual := _fault_of_error(chunk)) is not None
    )


def _fault_of_error(chunk: Chunk) -> str | None:
    error = (chunk.record or {}).get("error")
    fields = object_or_none(error)
    if fields is None:
        return f"error is {describe(error)}"
    if not string_or_none(fields.get("message")):
        return f"an error without a message; its keys are {', '.join(map(quote, list(fields)[:10]))}"
    return None


@rule(
    "chat-stream.chunk-matches-the-schema",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=_SCHEMA,
    remedy="Compare the chunk with the schema at the place named.",
    applies=is_chat_stream,
)
def chunk_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk matches the schema also where no other rule looks."""
    return unclaimed(evidence)
