"""Faults of the order of a stream: what comes twice, too late, after the end, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.answer import DONE, Write, event
from vapi_reference_server.dialects.chat import rendering
from vapi_reference_server.faults.editing import (
    Shelf,
    before_finish,
    chunk_choices,
    deltas,
    drop,
    each,
    finishes,
    put,
    swap,
    text_chunk,
    text_deltas,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import objects_of

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_chunk = Shelf(SeenOn.STREAM, Stage.CHUNKS).fault
_wire = Shelf(SeenOn.STREAM, Stage.WRITES).fault
_MODEL_ERROR: JsonObject = {"message": "The model failed.", "type": "server_error", "param": None, "code": None}


def stream_order_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_repetitions(), *_finishing(), *_end_marker(), *_failures(), *_other_text())


def _repetitions() -> tuple[Fault, ...]:
    return (
        _chunk(
            "whole-text-replayed",
            "stream.text-is-not-replayed",
            "Before the finish the whole text is sent once more.",
            _replay,
        ),
        _chunk(
            "cumulative-text",
            "stream.text-is-not-cumulative",
            "Each delta holds all the text so far.",
            _accumulate,
        ),
        _chunk(
            "one-delta",
            "stream.long-answers-come-in-pieces",
            "The whole text is one delta.",
            _one_delta,
        ),
    )


def _finishing() -> tuple[Fault, ...]:
    return (
        _chunk(
            "finish-missing",
            "chat-stream.finish-reason-is-sent",
            "No finish reason is sent.",
            each(finishes, put("finish_reason", None)),
        ),
        _chunk(
            "finish-twice",
            "chat-stream.finish-reason-is-sent-once",
            "The finish reason is sent in two chunks.",
            _finish_twice,
        ),
        _chunk(
            "finish-with-text",
            "chat-stream.finish-delta-is-empty",
            "The chunk with the finish reason still holds a word.",
            each(finishes, put("delta", {"content": " Bye."})),
        ),
        _chunk(
            "text-after-finish",
            "chat-stream.nothing-after-finish",
            "Words follow the finish reason.",
            _text_after_finish,
        ),
        _chunk(
            "one-choice-unfinished",
            "chat-stream.every-choice-finishes",
            "Of several choices (n above 1) only the first one finishes.",
            each(chunk_choices, _finish_only_first),
            seen_on=SeenOn.SPECIAL,
        ),
    )


def _end_marker() -> tuple[Fault, ...]:
    return (
        _wire("no-done", "chat-stream.ends-with-done", "The stream ends without [DONE].", _no_done),
        _wire("done-twice", "chat-stream.done-is-sent-once", "[DONE] is sent twice.", _done_twice),
        _wire("chunk-after-done", "chat-stream.done-is-last", "A chunk follows [DONE].", _chunk_after_done),
        _wire(
            "done-quoted",
            "chat-stream.done-is-exact",
            "The end marker is a JSON string.",
            swap(DONE, b'data: "[DONE]"\n\n'),
        ),
        _wire(
            "vapi-vercel",
            "chat-stream.object-is-chunk",
            "One event holds a whole chat.completion with `delta`, and no [DONE] follows, as in Vapi's sample.",
            _vercel,
        ),
    )


def _failures() -> tuple[Fault, ...]:
    return (
        _chunk(
            "error-midstream",
            "stream.answer-does-not-fail",
            "In the middle of the answer an error object ends the stream.",
            _fails_with(_MODEL_ERROR),
        ),
        _chunk(
            "error-text-midstream",
            "chat-stream.error-is-an-object",
            "In the middle of the answer an error that is a string ends the stream.",
            _fails_with("the model failed"),
        ),
        _chunk(
            "text-after-error",
            "chat-stream.nothing-after-error",
            "An error object comes in the middle, and the text goes on.",
            _error_inserted,
        ),
        _wire(
            "error-first-event",
            "errors.status-precedes-the-stream",
            "The status is 200 and the only event is an error.",
            _only_error,
        ),
    )


def _other_text() -> tuple[Fault, ...]:
    return (
        _chunk(
            "reasoning-after-content",
            "chat-stream.reasoning-precedes-content",
            "Reasoning follows the words it led to.",
            _late_reasoning,
        ),
        _chunk(
            "refusal-finishes-tool-calls",
            "chat-stream.refusal-finishes-stop",
            "The text is a refusal, and the finish reason is tool_calls.",
            _refusal,
        ),
    )


def _whole_text(work: Work) -> str:
    return "".join(str(delta["content"]) for delta in text_deltas(work))


def _replay(work: Work) -> None:
    work.chunks.insert(before_finish(work), text_chunk(work, content=_whole_text(work)))


def _accumulate(work: Work) -> None:
    said = ""
    for delta in text_deltas(work):
        said += str(delta["content"])
        delta["content"] = said


def _one_delta(work: Work) -> None:
    whole = _whole_text(work)
    if not whole or len(work.replies) > 1:
        return
    end = before_finish(work)
    work.chunks[1:end] = [text_chunk(work, content=whole)]


def _finish_twice(work: Work) -> None:
    at = before_finish(work)
    work.chunks.insert(at, work.chunks[at])


def _text_after_finish(work: Work) -> None:
    work.chunks.insert(before_finish(work) + 1, text_chunk(work, content=" One more thing."))


def _finish_only_first(choice: JsonObject) -> None:
    if choice["index"] != 0:
        choice["finish_reason"] = None


def _no_done(work: Work) -> None:
    work.writes.pop()


def _done_twice(work: Work) -> None:
    work.writes.append(Write(data=DONE))


def _chunk_after_done(work: Work) -> None:
    work.writes.append(Write(data=event(text_chunk(work, content=" One more thing."))))


def _vercel(work: Work) -> None:
    if work.request is None:
        return
    first = work.chunks[0]
    stamp = rendering.Stamp(id=str(first["id"]), created_s=int(str(first["created"])), model=str(first["model"]))
    whole = rendering.completion(work.request, work.replies, stamp)
    choices = objects_of(whole, "choices")
    for choice in choices:
        choice["delta"] = choice.pop("message")
    work.writes = [Write(data=event(whole))]


def _fails_with(error: object) -> Edit:
    def edit(work: Work) -> None:
        work.chunks[len(work.chunks) // 2 :] = [{"error": error}]

    return edit


def _error_inserted(work: Work) -> None:
    work.chunks.insert(len(work.chunks) // 2, {"error": _MODEL_ERROR})


def _only_error(work: Work) -> None:
    work.writes = [Write(data=event({"error": _MODEL_ERROR})), Write(data=DONE)]


def _late_reasoning(work: Work) -> None:
    thought = text_chunk(work, reasoning_content="The caller seems to be in a hurry.")
    work.chunks.insert(before_finish(work), thought)


def _refusal(work: Work) -> None:
    for delta in text_deltas(work):
        delta["refusal"] = delta.pop("content")
    each(deltas, drop("content"))(work)
    each(finishes, put("finish_reason", "tool_calls"))(work)
