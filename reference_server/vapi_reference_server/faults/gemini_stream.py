"""Faults of a Gemini stream: its framing, its chunks, what grows from one to the next."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import DONE, STREAM_HEADERS, Write, event
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, drop, head, put, send, swap, with_answer
from vapi_reference_server.faults.events import inside
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, encode, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_stream = Shelf(SeenOn.STREAM, Stage.CHUNKS, dialect=DialectName.GEMINI).fault
_calls = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS, dialect=DialectName.GEMINI).fault
_wire = Shelf(SeenOn.STREAM, Stage.WRITES, dialect=DialectName.GEMINI).fault
_array_head = Shelf(SeenOn.SPECIAL, Stage.ANSWER, dialect=DialectName.GEMINI).fault
_array_only = Shelf(SeenOn.SPECIAL, Stage.WRITES, dialect=DialectName.GEMINI).fault
_two = Shelf(SeenOn.SPECIAL, Stage.CHUNKS, dialect=DialectName.GEMINI).fault
_INTERNAL: JsonObject = {"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}


def gemini_stream_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_framing(), *_kinds(), *_chunks(), *_finishes(), *_counts(), *_call_parts(), *_failures())


def _framing() -> tuple[Fault, ...]:
    return (
        _wire(
            "gemini-event-lines",
            "gemini-stream.no-event-lines",
            "Each event is named message.",
            send(lambda data: b"event: message\r\n" + data),
        ),
        _wire(
            "gemini-id-lines",
            "gemini-stream.no-id-or-retry-lines",
            "Each event has an id.",
            send(lambda data: b"id: 7\r\n" + data),
        ),
        _wire(
            "gemini-comments",
            "gemini-stream.no-comments",
            "A comment precedes each event.",
            send(lambda data: b": thinking\r\n" + data),
        ),
        _wire(
            "gemini-no-space-after-colon",
            "gemini-stream.one-space-after-colon",
            "No blank follows `data:`.",
            swap(b"data: ", b"data:", 1),
        ),
        _wire(
            "gemini-two-data-lines",
            "gemini-stream.one-data-line-per-event",
            "Each payload is spread over two data lines.",
            swap(b',"usageMetadata":', b',\r\ndata: "usageMetadata":', 1),
        ),
        _wire("gemini-done-marker", "gemini-stream.no-end-marker", "[DONE] ends the stream.", _done),
        _wire(
            "gemini-lone-cr",
            "gemini-stream.lines-end-with-lf",
            "Lines end with a lone carriage return.",
            swap(b"\r\n", b"\r"),
        ),
        _wire(
            "gemini-last-unterminated",
            "sse.last-event-is-terminated",
            "No empty line follows the last event.",
            _unterminated,
        ),
        _wire(
            "gemini-unknown-lines",
            "gemini-stream.no-other-lines",
            "Each event has a field `trace`.",
            send(lambda data: b"trace: 7f3a\r\n" + data),
        ),
    )


def _kinds() -> tuple[Fault, ...]:
    return (
        Shelf(SeenOn.STREAM, Stage.ANSWER, dialect=DialectName.GEMINI).fault(
            "gemini-array-for-sse",
            "gemini-stream.alt-sse-gets-events",
            "A JSON array answers although alt=sse asks for events.",
            with_answer(_array),
        ),
        _array_head(
            "gemini-array-as-events",
            "gemini-stream.array-is-labelled-json",
            "The array says it is an event stream.",
            head(content_type="text/event-stream"),
        ),
        _array_head(
            "gemini-sse-for-array",
            "gemini-stream.no-alt-gets-an-array",
            "Events answer although alt=sse is not there.",
            with_answer(_events),
        ),
        _array_only(
            "gemini-array-open",
            "gemini-stream.array-is-json",
            "The array is never closed.",
            _unclosed,
        ),
        _array_only(
            "gemini-array-of-arrays",
            "gemini-stream.array-holds-objects",
            "Each item of the array is an array.",
            _nested,
        ),
    )


def _chunks() -> tuple[Fault, ...]:
    return (
        _stream(
            "gemini-chunk-without-candidates",
            "gemini-stream.chunk-has-candidates",
            "The first chunk has no candidates.",
            _first(drop("candidates")),
        ),
        _stream(
            "gemini-response-id-varies",
            "gemini-stream.response-id-is-constant",
            "Each chunk has a responseId of its own.",
            _counted("responseId"),
        ),
        _stream(
            "gemini-model-varies",
            "gemini-stream.model-version-is-constant",
            "Each chunk names another model.",
            _counted("modelVersion"),
        ),
        _stream(
            "gemini-text-repeated",
            "stream.text-is-not-cumulative",
            "Each chunk repeats the whole text so far.",
            _accumulated,
        ),
        _stream(
            "gemini-text-replayed",
            "stream.text-is-not-replayed",
            "The last chunk says all of the text once more.",
            _replayed,
        ),
        _stream(
            "gemini-blocked-late",
            "gemini-stream.block-reason-comes-first",
            "The last chunk says that the prompt was blocked.",
            _last(put("promptFeedback", {"blockReason": "SAFETY"})),
        ),
    )


def _finishes() -> tuple[Fault, ...]:
    return (
        _stream(
            "gemini-no-finish",
            "gemini-stream.finish-reason-is-sent",
            "No chunk has a finish reason.",
            _finish_on(lambda _at, _last: False),
        ),
        _stream(
            "gemini-finish-always",
            "gemini-stream.finish-reason-is-sent-once",
            "Every chunk has the finish reason.",
            _finish_on(lambda _at, _last: True),
        ),
        _stream(
            "gemini-finish-early",
            "gemini-stream.nothing-after-finish",
            "The first chunk has the finish reason.",
            _finish_on(lambda at, _: at == 0),
        ),
        _stream(
            "gemini-chunk-after-finish",
            "gemini-stream.nothing-after-finish",
            "Words follow the finish reason.",
            _words_after_finish,
        ),
        _two(
            "gemini-one-unfinished",
            "gemini-stream.every-candidate-finishes",
            "Of two candidates only one finishes.",
            _one_unfinished,
        ),
    )


def _counts() -> tuple[Fault, ...]:
    return (
        _stream(
            "gemini-usage-only-last",
            "gemini-stream.usage-on-every-chunk",
            "Only the last chunk has usageMetadata.",
            _usage_only_last,
        ),
        _stream(
            "gemini-prompt-count-varies",
            "gemini-stream.prompt-count-is-constant",
            "The prompt is counted differently in the last chunk.",
            _prompt_differs,
        ),
        _stream(
            "gemini-last-usage-not-final",
            "gemini-stream.last-usage-is-final",
            "The last chunk counts one token.",
            _last(inside(_one_token, "usageMetadata")),
        ),
    )


def _call_parts() -> tuple[Fault, ...]:
    return (
        _calls(
            "gemini-call-in-pieces",
            "gemini-stream.call-is-whole",
            "A call comes in two chunks, the name first and the arguments later.",
            _call_in_pieces,
        ),
        _calls(
            "gemini-calls-in-one-part",
            "gemini.each-call-is-a-part",
            "A part holds a list of calls.",
            _calls_in_one_part,
        ),
    )


def _failures() -> tuple[Fault, ...]:
    return (
        _stream(
            "gemini-error-as-text",
            "gemini-stream.error-has-the-shape",
            "The stream breaks off with an error that is a string.",
            _fails_with("Internal error encountered."),
        ),
        _stream(
            "gemini-goes-on-after-error",
            "gemini-stream.nothing-after-error",
            "Words follow an error.",
            _goes_on_after_error,
        ),
        _stream(
            "gemini-breaks-off",
            "stream.answer-does-not-fail",
            "In the middle the answer fails, as it should be said.",
            _fails_with(_INTERNAL),
        ),
    )


def _first(change: Callable[[JsonObject], None]) -> Edit:
    def edit(work: Work) -> None:
        change(work.chunks[0])

    return edit


def _last(change: Callable[[JsonObject], None]) -> Edit:
    def edit(work: Work) -> None:
        change(work.chunks[-1])

    return edit


def _done(work: Work) -> None:
    work.writes.append(Write(data=DONE.replace(b"\n", b"\r\n")))


def _unterminated(work: Work) -> None:
    work.writes[-1] = replace(work.writes[-1], data=work.writes[-1].data.removesuffix(b"\r\n"))


def _array(answer: Answer, work: Work) -> Answer:
    items = [Write(data=(b",\r\n" if at else b"[") + encode(chunk)) for at, chunk in enumerate(work.chunks)]
    return replace(answer, headers={"content-type": "application/json"}, writes=[*items, Write(data=b"]")])


def _events(answer: Answer, work: Work) -> Answer:
    writes = [Write(data=event(chunk).replace(b"\n", b"\r\n")) for chunk in work.chunks]
    return replace(answer, headers=dict(STREAM_HEADERS), writes=writes)


def _counted(key: str) -> Edit:
    def edit(work: Work) -> None:
        for at, chunk in enumerate(work.chunks):
            chunk[key] = f"{chunk[key]}-{at}"

    return edit


def _candidates(work: Work) -> list[JsonObject]:
    return [candidate for chunk in work.chunks for candidate in objects_of(chunk, "candidates")]


def _parts(owner: JsonObject) -> list[JsonObject]:
    return objects_of(as_object(owner.get("content")) or {}, "parts")


def _accumulated(work: Work) -> None:
    parts = [part for candidate in _candidates(work) for part in _parts(candidate) if "text" in part]
    so_far = itertools.accumulate(str(part["text"]) for part in parts)
    for part, text in zip(parts, so_far, strict=True):
        part["text"] = text


def _finish_on(wanted: Callable[[int, int], bool]) -> Edit:
    def edit(work: Work) -> None:
        candidates = _candidates(work)
        reason = candidates[-1].get("finishReason", "STOP")
        for at, candidate in enumerate(candidates):
            candidate.pop("finishReason", None)
            if wanted(at, len(candidates) - 1):
                candidate["finishReason"] = reason

    return edit


def _words_after_finish(work: Work) -> None:
    content = {"parts": [{"text": " One more thing."}], "role": "model"}
    work.chunks.append({**work.chunks[-1], "candidates": [{"content": content, "index": 0}]})


def _usage_only_last(work: Work) -> None:
    for chunk in work.chunks[:-1]:
        chunk.pop("usageMetadata", None)


def _prompt_differs(work: Work) -> None:
    usage = as_object(work.chunks[-1]["usageMetadata"]) or {}
    for key in ("promptTokenCount", "totalTokenCount"):
        usage[key] = int(str(usage[key])) + 5


def _one_token(usage: JsonObject) -> None:
    usage.update({"candidatesTokenCount": 1, "totalTokenCount": int(str(usage["promptTokenCount"])) + 1})


def _call_in_pieces(work: Work) -> None:
    pieces: list[JsonObject] = []
    for chunk in work.chunks:
        halves = [copy.deepcopy(chunk)]
        calls = [call for part in _all_parts(halves[0]) if (call := as_object(part.get("functionCall"))) is not None]
        if calls:
            halves.append(copy.deepcopy(chunk))
            for call in calls:
                call.pop("args", None)
                call["willContinue"] = True
            for part in _all_parts(halves[1]):
                (as_object(part.get("functionCall")) or {}).pop("name", None)
        pieces += halves
    work.chunks = pieces


def _all_parts(chunk: JsonObject) -> list[JsonObject]:
    return [part for candidate in objects_of(chunk, "candidates") for part in _parts(candidate)]


def _calls_in_one_part(work: Work) -> None:
    for chunk in work.chunks:
        for part in _all_parts(chunk):
            if "functionCall" in part:
                part["functionCall"] = [part["functionCall"]]


def _fails_with(error: object) -> Edit:
    def edit(work: Work) -> None:
        work.chunks = [work.chunks[0], {"error": error}]

    return edit


def _goes_on_after_error(work: Work) -> None:
    work.chunks.insert(1, {"error": _INTERNAL})


def _unclosed(work: Work) -> None:
    if work.query.get("alt") != "sse":
        work.writes.pop()


def _nested(work: Work) -> None:
    if work.query.get("alt") != "sse":
        *items, end = work.writes
        nested = [replace(write, data=write.data.replace(b"{", b"[{", 1) + b"]") for write in items]
        work.writes = [*nested, end]


def _replayed(work: Work) -> None:
    parts = [part for chunk in work.chunks for part in _all_parts(chunk) if "text" in part]
    said = "".join(str(part["text"]) for part in parts)
    extra = copy.deepcopy(work.chunks[-1])
    for candidate in objects_of(work.chunks[-1], "candidates"):
        candidate.pop("finishReason", None)
    for part in _all_parts(extra):
        part["text"] = said
    work.chunks.append(extra)


def _one_unfinished(work: Work) -> None:
    for candidate in _candidates(work):
        if candidate.get("index") == 1:
            candidate.pop("finishReason", None)
