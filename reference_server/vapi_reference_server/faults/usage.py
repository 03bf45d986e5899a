"""Faults of the token counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.chat.rendering import usage
from vapi_reference_server.faults.editing import (
    Shelf,
    before_finish,
    chunks,
    completions,
    drop,
    each,
    put,
    usages,
)
from vapi_reference_server.faults.fault import SeenOn, Stage

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Change
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_counts = Shelf(SeenOn.JSON, Stage.COMPLETION, Stage.CHUNKS).fault
_stream = Shelf(SeenOn.USAGE_STREAM, Stage.CHUNKS).fault


def usage_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_numbers(), *_chunks())


def _numbers() -> tuple[Fault, ...]:
    return (
        _counts(
            "usage-missing",
            "usage.is-reported",
            "The JSON answer has no usage.",
            each(completions, drop("usage")),
        ),
        _counts("usage-text", "usage.counts-are-integers", "Token counts are strings.", each(usages, _as_text)),
        _counts(
            "usage-total-wrong",
            "usage.total-is-the-sum",
            "The total is one more than the sum.",
            each(usages, _add("total_tokens", 1)),
        ),
        _counts(
            "usage-reasoning-too-many",
            "usage.reasoning-within-completion",
            "More reasoning tokens are counted than completion tokens.",
            each(usages, put("completion_tokens_details", {"reasoning_tokens": 100_000})),
        ),
        _counts(
            "usage-cached-too-many",
            "usage.cached-within-prompt",
            "More cached tokens are counted than prompt tokens.",
            each(usages, put("prompt_tokens_details", {"cached_tokens": 100_000})),
        ),
        _counts(
            "usage-completion-zero",
            "usage.completion-is-counted",
            "The words of the answer are counted as zero tokens.",
            each(usages, _no_completion),
        ),
        _counts(
            "usage-above-max",
            "usage.within-max-tokens",
            "More completion tokens are counted than max_tokens allows.",
            _above_max,
            seen_on=SeenOn.SPECIAL,
        ),
    )


def _chunks() -> tuple[Fault, ...]:
    once = "usage.stream-reports-once"
    return (
        _stream("usage-never", once, "The stream reports no usage.", _never),
        _stream("usage-twice", once, "The stream reports its usage twice.", _twice),
        _stream(
            "usage-chunk-with-choices",
            "usage.chunk-has-empty-choices",
            "The chunk with the usage has a choice.",
            _with_choice,
        ),
        _stream(
            "usage-too-early",
            "usage.is-last-chunk",
            "The usage comes before the finish reason.",
            _too_early,
        ),
        _stream(
            "usage-key-missing",
            "usage.earlier-chunks-are-null",
            "Chunks before the last have no usage key.",
            each(chunks, _drop_null),
        ),
        _stream(
            "usage-unasked",
            "usage.is-not-sent-unasked",
            "The usage is sent although nobody asked for it.",
            _unasked,
            seen_on=SeenOn.STREAM,
        ),
        _stream(
            "usage-stream-differs",
            "usage.stream-equals-json",
            "A stream counts five prompt tokens more than a JSON answer.",
            _prompt_differs,
        ),
        _stream(
            "usage-on-every-chunk",
            "usage.only-one-chunk-counts",
            "Every chunk reports the whole usage.",
            _on_every_chunk,
        ),
    )


def _add(key: str, more: int) -> Change:
    def change(counts: JsonObject) -> None:
        counts[key] = int(str(counts[key])) + more

    return change


def _as_text(counts: JsonObject) -> None:
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        counts[key] = str(counts[key])


def _no_completion(counts: JsonObject) -> None:
    counts["total_tokens"], counts["completion_tokens"] = counts["prompt_tokens"], 0


def _above_max(work: Work) -> None:
    if work.request is None or work.request.max_tokens is None:
        return
    for counts in usages(work):
        completion = work.request.max_tokens + 1
        counts["completion_tokens"] = completion
        counts["total_tokens"] = int(str(counts["prompt_tokens"])) + completion


def _asked(work: Work) -> bool:
    return work.request is not None and work.request.include_usage


def _never(work: Work) -> None:
    if _asked(work):
        work.chunks.pop()


def _twice(work: Work) -> None:
    if _asked(work):
        work.chunks.append(work.chunks[-1])


def _with_choice(work: Work) -> None:
    if _asked(work):
        work.chunks[-1]["choices"] = [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}]


def _too_early(work: Work) -> None:
    if _asked(work):
        work.chunks.insert(before_finish(work), work.chunks.pop())


def _drop_null(chunk: JsonObject) -> None:
    if chunk.get("usage") is None:
        chunk.pop("usage", None)


def _unasked(work: Work) -> None:
    if work.request is not None and not work.request.include_usage:
        counts = usage(work.request, work.replies)
        work.chunks.append({**work.chunks[-1], "choices": [], "usage": counts})


def _prompt_differs(work: Work) -> None:
    for key in ("prompt_tokens", "total_tokens"):
        each(usages, _add(key, 5))(work)


def _on_every_chunk(work: Work) -> None:
    if _asked(work):
        each(chunks, put("usage", work.chunks[-1]["usage"]))(work)
