"""Small changes to answers, to build faults from: which objects, and what happens to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from vapi_reference_server.answer import Write
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.fault import Fault, SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work

Edit: TypeAlias = "Callable[[Work], None]"
Pick: TypeAlias = "Callable[[Work], Iterable[JsonObject]]"
Change: TypeAlias = "Callable[[JsonObject], None]"


class Shelf:
    """Makes faults that share a stage and the kind of request that shows them."""

    def __init__(
        self,
        seen_on: SeenOn,
        *at: Stage,
        dialect: DialectName = DialectName.CHAT,
        everywhere: bool = False,
    ) -> None:
        self._seen_on, self._at, self._dialect, self._everywhere = seen_on, at, dialect, everywhere

    def fault(  # noqa: PLR0913 - the columns of a table
        self,
        name: str,
        breaks: str,
        sentence: str,
        do: Edit,
        *,
        seen_on: SeenOn | None = None,
        seconds: float = 0.0,
        everywhere: bool | None = None,
    ) -> Fault:
        """One fault of this shelf."""
        return Fault(
            name=name,
            sentence=sentence,
            breaks=breaks,
            at=self._at,
            do=do,
            seen_on=seen_on or self._seen_on,
            seconds=seconds,
            dialect=self._dialect,
            everywhere=self._everywhere if everywhere is None else everywhere,
        )


# What is changed ------------------------------------------------------------------------------


def chunks(work: Work) -> Sequence[JsonObject]:
    """All chunks of a stream."""
    return work.chunks


def chunk_choices(work: Work) -> list[JsonObject]:
    """The choices of all chunks."""
    return [choice for chunk in work.chunks for choice in objects_of(chunk, "choices")]


def finishes(work: Work) -> list[JsonObject]:
    """The choices, of chunks or of the JSON answer, that carry a finish reason."""
    both = [*chunk_choices(work), *objects_of(work.completion, "choices")]
    return [choice for choice in both if choice.get("finish_reason") is not None]


def deltas(work: Work) -> list[JsonObject]:
    """The deltas of all chunks."""
    found = (as_object(choice.get("delta")) for choice in chunk_choices(work))
    return [delta for delta in found if delta is not None]


def text_deltas(work: Work) -> list[JsonObject]:
    """The deltas that carry text."""
    return [delta for delta in deltas(work) if delta.get("content")]


def call_fragments(work: Work) -> list[JsonObject]:
    """The pieces of tool calls in a stream."""
    return [fragment for delta in deltas(work) for fragment in objects_of(delta, "tool_calls")]


def first_call_fragments(work: Work) -> list[JsonObject]:
    """Of each tool call in a stream, the piece it starts with."""
    return [fragment for fragment in call_fragments(work) if "id" in fragment]


def completions(work: Work) -> list[JsonObject]:
    """The JSON answer."""
    return [work.completion]


def json_choices(work: Work) -> list[JsonObject]:
    """The choices of the JSON answer."""
    return objects_of(work.completion, "choices")


def messages(work: Work) -> list[JsonObject]:
    """The messages of the JSON answer."""
    found = (as_object(choice.get("message")) for choice in json_choices(work))
    return [message for message in found if message is not None]


def usages(work: Work) -> list[JsonObject]:
    """The usage objects, of chunks or of the JSON answer."""
    found = (as_object(owner.get("usage")) for owner in (*work.chunks, work.completion))
    return [usage for usage in found if usage is not None]


# How it is changed ----------------------------------------------------------------------------


def each(pick: Pick, change: Change) -> Edit:
    """The edit that changes each of the picked objects."""

    def edit(work: Work) -> None:
        for item in pick(work):
            change(item)

    return edit


def put(key: str, value: object) -> Change:
    """The change that sets a key."""

    def change(item: JsonObject) -> None:
        item[key] = value

    return change


def drop(key: str) -> Change:
    """The change that removes a key."""

    def change(item: JsonObject) -> None:
        item.pop(key, None)

    return change


def text_chunk(work: Work, **delta: object) -> JsonObject:
    """One more chunk of this stream, for the first choice."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {**work.chunks[0], "choices": [choice]}


def before_finish(work: Work) -> int:
    """Where the first chunk with a finish reason stands."""
    return next(
        at
        for at, chunk in enumerate(work.chunks)
        if any(choice.get("finish_reason") is not None for choice in objects_of(chunk, "choices"))
    )


def say(change: Callable[[str], str]) -> Edit:
    """The edit of the words; replies that call tools, or must be JSON, keep theirs."""

    def edit(work: Work) -> None:
        if work.request is None or work.request.response_format is None:
            work.replies = [reply if reply.calls else replace(reply, text=change(reply.text)) for reply in work.replies]

    return edit


def asking(change: Callable[[Request], Request]) -> Edit:
    """The edit of what the model will answer to."""

    def edit(work: Work) -> None:
        work.request = change(work.asked)

    return edit


def send(change: Callable[[bytes], bytes]) -> Edit:
    """The edit of the bytes of every event."""

    def edit(work: Work) -> None:
        work.writes = [replace(write, data=change(write.data)) for write in work.writes]

    return edit


def swap(old: bytes, new: bytes, count: int = -1) -> Edit:
    """The edit that replaces bytes in every event."""

    def change(data: bytes) -> bytes:
        return data.replace(old, new, count)

    return send(change)


def with_answer(change: Callable[[Answer, Work], Answer]) -> Edit:
    """The edit of the complete answer."""

    def edit(work: Work) -> None:
        if work.answer is not None:
            work.answer = change(work.answer, work)

    return edit


def head(**headers: str | None) -> Edit:
    """The edit of the answer's headers; None removes one. Underscores stand for hyphens."""

    def change(answer: Answer, _work: Work) -> Answer:
        merged = {**answer.headers, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return replace(answer, headers={key: value for key, value in merged.items() if value is not None})

    return with_answer(change)


def with_body(answer: Answer, data: bytes) -> Answer:
    """The answer with another body, and the length that goes with it."""
    length = {"content-length": str(len(data))}
    return replace(answer, headers={**answer.headers, **length}, writes=[Write(data=data)])


def body_of(answer: Answer) -> bytes:
    """All bytes of the body."""
    return b"".join(write.data for write in answer.writes)
