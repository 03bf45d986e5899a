"""Messages: what an answer says of its end, its calls and its counts, against what it holds and what was asked."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.transcript import Chunk, UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, object_or_none
from vapi_conformance.rules.anthropic.view import (
    CALLS,
    DOCS,
    MESSAGES,
    TYPES,
    blocks_in,
    ending,
    is_answer,
    is_whole_answer,
    stop_of,
)
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule

__all__ = [
    "cache_creation_adds_up",
    "call_ids_are_unique",
    "calls_stop_for_tools",
    "limit_stops_with_max_tokens",
    "output_is_counted",
    "output_within_max_tokens",
    "prompt_is_counted",
    "stop_for_tools_has_a_call",
    "stop_sequence_is_named",
    "stop_sequence_needs_its_reason",
    "stop_sequence_was_asked_for",
    "thinking_comes_first",
    "thinking_within_output",
]

_STOP_SEQUENCE: Final = f"{TYPES}/message.py, stop_sequence"
_STOP_REASON: Final = f"{TYPES}/message.py, stop_reason"
_USAGE: Final = f"{TYPES}/usage.py"
_BEYOND_ANY_COUNT: Final = 1 << 53
_CUT: Final = ("length", "content_filter", "paused")
"""What may end an answer although a call stands in it."""


def _stops_at_a_sequence(evidence: Evidence) -> bool:
    return any(reason == "stop_sequence" for _, reason, _ in ending(evidence))


@rule(
    "anthropic.stop-sequence-is-named",
    dialects=MESSAGES,
    standard=MUST,
    source=_STOP_SEQUENCE,
    catalogue=["ANTH-03"],
    remedy="Send in stop_sequence which of the sequences ended the answer.",
    applies=lambda evidence: is_answer(evidence) and _stops_at_a_sequence(evidence),
)
def stop_sequence_is_named(evidence: Evidence) -> Iterator[Violation]:
    """An answer that ended at a stop sequence names it."""
    for chunk, reason, sequence in ending(evidence):
        if reason == "stop_sequence" and sequence is None:
            yield Violation.at(chunk, expected="the sequence that ended the answer", actual="stop_sequence null")


@rule(
    "anthropic.stop-sequence-needs-its-reason",
    dialects=MESSAGES,
    standard=MUST,
    source=_STOP_SEQUENCE,
    catalogue=["ANTH-03"],
    remedy='Send "stop_sequence": null unless the stop_reason is stop_sequence.',
    applies=lambda evidence: is_answer(evidence) and any(True for _ in ending(evidence)),
)
def stop_sequence_needs_its_reason(evidence: Evidence) -> Iterator[Violation]:
    """A `stop_sequence` comes only with the stop reason `stop_sequence`."""
    for chunk, reason, sequence in ending(evidence):
        if isinstance(sequence, str) and reason != "stop_sequence":
            yield Violation.at(
                chunk,
                expected="stop_sequence null, or stop_reason stop_sequence",
                actual=f"{quote(sequence)} with stop_reason {describe(reason)}",
            )


@rule(
    "anthropic.stop-sequence-was-asked-for",
    dialects=MESSAGES,
    standard=MUST,
    source=_STOP_SEQUENCE,
    catalogue=["ANTH-03"],
    remedy="Name a sequence of the request, letter by letter; what ends turns inside the model is end_turn.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_answer(evidence) and _stops_at_a_sequence(evidence),
)
def stop_sequence_was_asked_for(evidence: Evidence) -> Iterator[Violation]:
    """The stop sequence that ended an answer is one of those that the request gave."""
    stops = evidence.request.stops if evidence.request else ()
    for chunk, reason, sequence in ending(evidence):
        if reason == "stop_sequence" and isinstance(sequence, str) and sequence not in stops:
            listed = ", ".join(map(quote, stops[:10])) or "none was asked for"
            yield Violation.at(chunk, expected=f"one of the stop_sequences: {listed}", actual=quote(sequence))


@rule(
    "anthropic.calls-stop-for-tools",
    dialects=MESSAGES,
    standard=MUST,
    source=_STOP_REASON,
    catalogue=["ANTH-07"],
    remedy="Finish an answer that calls tools with stop_reason tool_use; a platform runs the tool because of it.",
    applies=lambda evidence: is_whole_answer(evidence) and _calls(evidence) > 0 and stop_of(evidence) is not None,
)
def calls_stop_for_tools(evidence: Evidence) -> Iterator[Violation]:
    """An answer with a `tool_use` block stops with tool_use, unless it was cut or paused."""
    stop = stop_of(evidence)
    if stop is not None and stop.meaning not in ("tool_calls", *_CUT):
        yield Violation.at(
            evidence.transcript.chunks[stop.chunk],
            expected="stop_reason tool_use",
            actual=f"{describe(stop.value)} after {_calls(evidence)} calls",
        )


def _calls(evidence: Evidence) -> int:
    return sum(len(choice.tool_calls) for choice in evidence.transcript.choices)


@rule(
    "anthropic.stop-for-tools-has-a-call",
    dialects=MESSAGES,
    standard=MUST,
    source=_STOP_REASON,
    catalogue=["ANTH-07"],
    remedy="Finish with end_turn where no tool is called; a platform waits for the call otherwise.",
    applies=lambda evidence: (
        is_whole_answer(evidence) and (stop := stop_of(evidence)) is not None and stop.meaning == "tool_calls"
    ),
)
def stop_for_tools_has_a_call(evidence: Evidence) -> Iterator[Violation]:
    """An answer that stops with tool_use calls a tool."""
    stop = stop_of(evidence)
    if stop is not None and not _calls(evidence):
        chunk = evidence.transcript.chunks[stop.chunk]
        yield Violation.at(chunk, expected="a tool_use block before stop_reason tool_use", actual="none")


@rule(
    "anthropic.call-ids-are-unique",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/tool_use_block.py, id; {TYPES}/tool_result_block_param.py, tool_use_id",
    catalogue=["ANTH-06"],
    remedy="Make a new id for every call; a result finds its call by nothing else.",
    applies=lambda evidence: is_answer(evidence) and any(block.kind in CALLS for block in blocks_in(evidence)),
)
def call_ids_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """No two calls of an answer have the same id."""
    seen: set[str] = set()
    for block in blocks_in(evidence):
        call = block.fields.get("id")
        if block.kind in CALLS and isinstance(call, str) and call:
            if call in seen:
                chunk = evidence.transcript.chunks[block.start]
                yield Violation.at(chunk, expected="an id of its own", actual=f"{quote(call)} once more")
                return
            seen.add(call)


@rule(
    "anthropic.thinking-comes-first",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{DOCS}, extended thinking: before text and tool_use; after the result of a tool it may come again",
    catalogue=["ANTH-STREAM-17"],
    remedy="Send what the model thinks before what it says.",
    applies=lambda evidence: is_answer(evidence) and any(_thinks(block.kind) for block in blocks_in(evidence)),
)
def thinking_comes_first(evidence: Evidence) -> Iterator[Violation]:
    """Thinking comes before the text and the calls that follow from it."""
    said: str | None = None
    for block in blocks_in(evidence):
        if block.kind in ("text", "tool_use"):
            said = block.kind
        elif block.kind.endswith("_tool_result"):
            said = None
        elif _thinks(block.kind) and said is not None:
            chunk = evidence.transcript.chunks[block.start]
            yield Violation.at(chunk, expected="thinking before text and calls", actual=f"{block.kind} after {said}")
            return


def _thinks(kind: str) -> bool:
    return kind in ("thinking", "redacted_thinking")


def _final(evidence: Evidence) -> tuple[Chunk, UsageReport] | None:
    """The last count: on a stream each replaces the one before."""
    usages = evidence.transcript.usages
    return (evidence.transcript.chunks[usages[-1].chunk], usages[-1]) if usages and is_answer(evidence) else None


def _output(evidence: Evidence) -> int | None:
    final = _final(evidence)
    return None if final is None else final[1].output_tokens


@rule(
    "anthropic.output-is-counted",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/message.py, usage: output_tokens is not zero even for an empty answer",
    catalogue=["ANTH-04"],
    remedy="Count what was generated, and send the sum with the end of the answer.",
    applies=lambda evidence: is_whole_answer(evidence) and _output(evidence) is not None,
)
def output_is_counted(evidence: Evidence) -> Iterator[Violation]:
    """An answer took at least one token."""
    final = _final(evidence)
    if final is not None and final[1].output_tokens == 0:
        yield Violation.at(final[0], expected="output_tokens from 1", actual="0")


@rule(
    "anthropic.prompt-is-counted",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/message.py, usage: the prompt is input_tokens and the two counts of the cache together",
    catalogue=["ANTH-04"],
    remedy="Count the prompt; on a stream the count may still come with message_delta.",
    applies=lambda evidence: (
        is_whole_answer(evidence) and (final := _final(evidence)) is not None and final[1].input_tokens is not None
    ),
)
def prompt_is_counted(evidence: Evidence) -> Iterator[Violation]:
    """A prompt took at least one token, read or out of the cache."""
    final = _final(evidence)
    if final is not None and final[1].input_tokens == 0:
        yield Violation.at(final[0], expected="a prompt of 1 token or more", actual="0")


def _limit(evidence: Evidence) -> int | None:
    return evidence.request.max_tokens if evidence.request else None


def _is_limited(evidence: Evidence) -> bool:
    return is_whole_answer(evidence) and _limit(evidence) is not None and _output(evidence) is not None


@rule(
    "anthropic.output-within-max-tokens",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/message_create_params.py, max_tokens",
    catalogue=["ANTH-09"],
    remedy="Pass max_tokens on to the model.",
    needs=[Need.REQUEST],
    applies=_is_limited,
)
def output_within_max_tokens(evidence: Evidence) -> Iterator[Violation]:
    """An answer takes no more tokens than `max_tokens` allows."""
    final, limit = _final(evidence), _limit(evidence)
    output = _output(evidence)
    if final is not None and limit is not None and output is not None and output > limit:
        yield Violation.at(final[0], expected=f"output_tokens up to {describe(limit)}", actual=describe(output))


@rule(
    "anthropic.limit-stops-with-max-tokens",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_STOP_REASON}: max_tokens where the requested bound was reached",
    catalogue=["ANTH-09"],
    remedy="Say max_tokens where the bound cut the answer, so that it is not taken for finished.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        _is_limited(evidence) and stop_of(evidence) is not None and _output(evidence) == _limit(evidence)
    ),
)
def limit_stops_with_max_tokens(evidence: Evidence) -> Iterator[Violation]:
    """An answer that took all of `max_tokens` stops with max_tokens."""
    stop = stop_of(evidence)
    if stop is not None and stop.meaning in ("stop", "tool_calls"):
        actual = f"{describe(stop.value)} after all {describe(_limit(evidence))} tokens"
        chunk = evidence.transcript.chunks[stop.chunk]
        yield Violation.at(chunk, expected="stop_reason max_tokens", actual=actual)


def _parts(counts: Mapping[str, object], key: str) -> list[int]:
    """Counts under the key that can be counts; Python refuses to print the sum of very long numbers."""
    values = map(integer_or_none, (object_or_none(counts.get(key)) or {}).values())
    return [value for value in values if value is not None and 0 <= value < _BEYOND_ANY_COUNT]


@rule(
    "anthropic.cache-creation-adds-up",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/cache_creation.py: the same tokens by how long they are kept",
    catalogue=["ANTH-04"],
    remedy="Let cache_creation_input_tokens be the sum of the counts in cache_creation.",
    applies=lambda evidence: is_answer(evidence) and any(True for _ in _cache_creations(evidence)),
)
def cache_creation_adds_up(evidence: Evidence) -> Iterator[Violation]:
    """`cache_creation_input_tokens` is the sum of the counts in `cache_creation`."""
    yield from at_most(
        Violation.at(chunk, expected=f"{total}, the sum of cache_creation", actual=str(told))
        for chunk, told, total in _cache_creations(evidence)
        if told != total
    )


def _cache_creations(evidence: Evidence) -> Iterator[tuple[Chunk, int, int]]:
    for report in evidence.transcript.usages:
        told = integer_or_none(report.counts.get("cache_creation_input_tokens"))
        parts = _parts(report.counts, "cache_creation")
        if told is not None and parts:
            yield evidence.transcript.chunks[report.chunk], told, sum(parts)


@rule(
    "anthropic.thinking-within-output",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_USAGE}, output_tokens_details: a part of output_tokens",
    catalogue=["ANTH-04"],
    remedy="Count tokens of thinking in output_tokens too.",
    applies=lambda evidence: (
        is_answer(evidence)
        and any(_parts(report.counts, "output_tokens_details") for report in evidence.transcript.usages)
    ),
)
def thinking_within_output(evidence: Evidence) -> Iterator[Violation]:
    """What `output_tokens_details` counts is a part of `output_tokens`."""
    for report in evidence.transcript.usages:
        largest = max(_parts(report.counts, "output_tokens_details"), default=0)
        if report.output_tokens is not None and largest > report.output_tokens:
            chunk = evidence.transcript.chunks[report.chunk]
            yield Violation.at(
                chunk,
                expected=f"parts of {describe(report.output_tokens)} output_tokens",
                actual=f"{describe(largest)} of them",
            )
