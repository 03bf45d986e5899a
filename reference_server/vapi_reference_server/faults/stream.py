"""Faults of the chunks: the framing is right, what the events say is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.faults.editing import (
    Shelf,
    chunk_choices,
    chunks,
    deltas,
    drop,
    each,
    finishes,
    put,
    text_deltas,
)
from vapi_reference_server.faults.fault import SeenOn, Stage

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_chunk = Shelf(SeenOn.STREAM, Stage.CHUNKS).fault


def stream_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_labels(), *_varying(), *_choices(), *_deltas())


def _labels() -> tuple[Fault, ...]:
    return (
        _chunk(
            "chunk-object-wrong",
            "chat-stream.object-is-chunk",
            "Chunks are called chat.completion.",
            each(chunks, put("object", "chat.completion")),
        ),
        _chunk("chunk-id-empty", "chat-stream.id-is-non-empty", "Ids are empty.", each(chunks, put("id", ""))),
        _chunk(
            "chunk-created-text",
            "chat-stream.created-is-integer-seconds",
            "The time of creation is a string.",
            each(chunks, _created_as_text),
        ),
        _chunk(
            "chunk-model-missing",
            "chat-stream.model-is-named",
            "No chunk names its model.",
            each(chunks, drop("model")),
        ),
        _chunk(
            "error-null-key",
            "chat-stream.no-null-error-key",
            "Every chunk has an error key that is null.",
            each(chunks, put("error", None)),
        ),
    )


def _varying() -> tuple[Fault, ...]:
    return (
        _chunk("id-varies", "chat-stream.id-is-constant", "Each chunk has an id of its own.", _vary_id),
        _chunk("created-varies", "chat-stream.created-is-constant", "Time passes from chunk to chunk.", _vary_time),
        _chunk(
            "model-varies",
            "chat-stream.model-is-constant",
            "Later chunks name another model.",
            _vary_model,
        ),
        _chunk(
            "fingerprint-varies",
            "chat-stream.fingerprint-is-constant",
            "The system fingerprint changes on the way.",
            _vary_fingerprint,
        ),
    )


def _choices() -> tuple[Fault, ...]:
    return (
        _chunk(
            "choices-null",
            "chat-stream.choices-is-an-array",
            "The choices of a chunk in the middle are null.",
            _null_choices,
        ),
        _chunk(
            "choices-empty-midstream",
            "chat-stream.empty-choices-have-a-reason",
            "A chunk without choices comes in the middle.",
            _empty_choices,
        ),
        _chunk(
            "choice-index-missing",
            "chat-stream.choice-has-index",
            "Choices have no index.",
            each(chunk_choices, drop("index")),
        ),
        _chunk(
            "delta-null",
            "chat-stream.choice-has-delta",
            "The last delta is null.",
            each(finishes, put("delta", None)),
        ),
        _chunk(
            "finish-key-missing",
            "chat-stream.finish-reason-key-is-present",
            "Chunks before the last have no finish_reason key.",
            each(chunk_choices, _drop_null_finish),
        ),
        _chunk(
            "chunk-finish-eos",
            "chat-stream.finish-reason-is-known",
            "The finish reason is eos.",
            each(finishes, put("finish_reason", "eos")),
        ),
        _chunk(
            "finish-empty-text",
            "chat-stream.finish-reason-is-known",
            "The finish reason of chunks before the last is an empty string.",
            each(chunk_choices, _empty_finish),
        ),
        _chunk(
            "chunk-logprobs-text",
            "chat-stream.logprobs-are-null-or-object",
            "Log probabilities are a string.",
            each(chunk_choices, put("logprobs", "none")),
        ),
    )


def _deltas() -> tuple[Fault, ...]:
    return (
        _chunk(
            "role-missing",
            "chat-stream.first-delta-has-role",
            "No delta has a role.",
            each(deltas, drop("role")),
        ),
        _chunk(
            "role-repeated",
            "chat-stream.role-is-not-repeated",
            "Every delta with text repeats the role.",
            each(text_deltas, put("role", "assistant")),
        ),
        _chunk(
            "chunk-content-parts",
            "chat-stream.content-is-a-string",
            "Contents are arrays of parts.",
            each(text_deltas, _content_as_parts),
        ),
        _chunk(
            "chunk-refusal-number",
            "chat-stream.chunk-matches-the-schema",
            "Deltas with text have a number for a refusal.",
            each(text_deltas, put("refusal", 0)),
        ),
    )


def _created_as_text(chunk: JsonObject) -> None:
    chunk["created"] = str(chunk["created"])


def _vary_id(work: Work) -> None:
    for at, chunk in enumerate(work.chunks):
        chunk["id"] = f"{chunk['id']}-{at}"


def _vary_time(work: Work) -> None:
    for at, chunk in enumerate(work.chunks):
        chunk["created"] = int(str(chunk["created"])) + at


def _vary_model(work: Work) -> None:
    for chunk in work.chunks[1:]:
        chunk["model"] = f"{chunk['model']}-2025-01-31"


def _vary_fingerprint(work: Work) -> None:
    for at, chunk in enumerate(work.chunks):
        chunk["system_fingerprint"] = f"fp_{at}"


def _null_choices(work: Work) -> None:
    work.chunks.insert(2, {**work.chunks[0], "choices": None})


def _empty_choices(work: Work) -> None:
    work.chunks.insert(2, {**work.chunks[0], "choices": []})


def _drop_null_finish(choice: JsonObject) -> None:
    if choice["finish_reason"] is None:
        del choice["finish_reason"]


def _empty_finish(choice: JsonObject) -> None:
    if choice["finish_reason"] is None:
        choice["finish_reason"] = ""


def _content_as_parts(delta: JsonObject) -> None:
    delta["content"] = [{"type": "text", "text": delta["content"]}]
