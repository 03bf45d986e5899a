"""Messages as a stream: start, blocks, the reason of the end, stop; and nothing out of place.

What is out of order comes from the dialect's table (`dialects.anthropic.order.TRANSITIONS`).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from vapi_conformance.dialects.anthropic.order import Signal, State, signal_of, type_of
from vapi_conformance.dialects.transcript import OutOfOrder
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.anthropic.view import DOCS, MESSAGES, TYPES, is_legible_stream, last_chunk, signals
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.streamed import is_chat_stream, is_whole_stream

__all__ = [
    "begins_with_message_start",
    "ends_with_message_stop",
    "message_delta_follows_the_blocks",
    "message_delta_is_sent",
    "message_start_is_sent_once",
    "no_done_marker",
    "nothing_after_error",
    "nothing_after_message_stop",
    "output_count_never_falls",
    "ping_follows_message_start",
    "stop_reason_does_not_change",
    "stop_reason_is_sent",
]

_STREAMING: Final = f"{DOCS}, streaming messages"
_ABOUT_BLOCKS: Final = (Signal.BLOCK_START, Signal.BLOCK_DELTA)


def _faults(evidence: Evidence, *states: State) -> Iterator[OutOfOrder]:
    return (fault for fault in evidence.transcript.out_of_order if fault.state in states)


@rule(
    "anthropic-stream.begins-with-message-start",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}; observed: helpers of the official clients fail on any other first event",
    catalogue=["ANTH-STREAM-02"],
    remedy="Send message_start before everything else.",
    applies=is_legible_stream,
)
def begins_with_message_start(evidence: Evidence) -> Iterator[Violation]:
    """A stream begins with `message_start`."""
    chunks = evidence.transcript.chunks
    # Before it a ping has a softer rule of its own, an error is a failure, and a new event is skipped.
    first = next((chunk for chunk in chunks if signal_of(chunk) not in (None, Signal.PING)), chunks[0])
    if signal_of(first) is not Signal.MESSAGE_START and first.index not in evidence.transcript.errors:
        kind = type_of(first)
        actual = "an event without a type" if kind is None else quote(kind)
        yield Violation.at(first, expected="message_start", actual=actual)


@rule(
    "anthropic-stream.message-start-is-sent-once",
    dialects=MESSAGES,
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-02"],
    remedy="Send one message_start; clients begin the message anew with each.",
    applies=is_chat_stream,
)
def message_start_is_sent_once(evidence: Evidence) -> Iterator[Violation]:
    """`message_start` is sent once."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(chunks[fault.chunk], expected="one message_start", actual="one more")
        for fault in _faults(evidence, State.BETWEEN_BLOCKS, State.IN_BLOCK, State.ENDING)
        if fault.signal == Signal.MESSAGE_START
    )


@rule(
    "anthropic-stream.message-delta-is-sent",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}: one or more message_delta events; observed: without it the stop reason stays null",
    catalogue=["ANTH-STREAM-10"],
    remedy="Send message_delta with stop_reason and usage after the last block.",
    applies=is_whole_stream,
)
def message_delta_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """A stream tells by `message_delta` how the message ends."""
    if not signals(evidence, Signal.MESSAGE_DELTA) and signals(evidence, Signal.MESSAGE_START):
        yield Violation.at(last_chunk(evidence), expected="message_delta after the last block", actual="none")


@rule(
    "anthropic-stream.message-delta-follows-the-blocks",
    dialects=MESSAGES,
    standard=MUST,
    source=_STREAMING,
    catalogue=["ANTH-STREAM-10"],
    remedy="Send message_delta after the last content_block_stop.",
    applies=lambda evidence: is_chat_stream(evidence) and bool(signals(evidence, Signal.MESSAGE_DELTA)),
)
def message_delta_follows_the_blocks(evidence: Evidence) -> Iterator[Violation]:
    """No block begins or goes on after `message_delta`."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(chunks[fault.chunk], expected="no block after message_delta", actual=fault.signal)
        for fault in _faults(evidence, State.ENDING)
        if fault.signal in _ABOUT_BLOCKS
    )


@rule(
    "anthropic-stream.stop-reason-is-sent",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/message.py, stop_reason: null in message_start only",
    catalogue=["ANTH-STREAM-10", "ANTH-02"],
    remedy="Send the stop_reason in the delta of message_delta.",
    applies=lambda evidence: is_whole_stream(evidence) and bool(signals(evidence, Signal.MESSAGE_DELTA)),
)
def stop_reason_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """A `message_delta` says why the message ends."""
    if not any(choice.finishes for choice in evidence.transcript.choices):
        last = signals(evidence, Signal.MESSAGE_DELTA)[-1]
        yield Violation.at(last, expected="a stop_reason", actual="none in any message_delta")


@rule(
    "anthropic-stream.stop-reason-does-not-change",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_STREAMING}: message_delta tells changes to the top level of the message; observed: one in each stream",
    catalogue=["ANTH-STREAM-10"],
    remedy="Say once why the message ends.",
    applies=lambda evidence: is_chat_stream(evidence) and any(each.finishes for each in evidence.transcript.choices),
)
def stop_reason_does_not_change(evidence: Evidence) -> Iterator[Violation]:
    """A message ends for one reason."""
    for choice in evidence.transcript.choices:
        for earlier, later in pairwise(choice.finishes):
            if earlier.value != later.value:
                yield Violation.at(
                    evidence.transcript.chunks[later.chunk],
                    expected=f"stop_reason {describe(earlier.value)}, as before",
                    actual=describe(later.value),
                )
                return


@rule(
    "anthropic-stream.output-count-never-falls",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}: the counts in the usage of message_delta are cumulative",
    catalogue=["ANTH-STREAM-11"],
    remedy="Count the whole answer so far, not the last piece.",
    applies=lambda evidence: is_chat_stream(evidence) and len(evidence.transcript.usages) > 1,
)
def output_count_never_falls(evidence: Evidence) -> Iterator[Violation]:
    """`output_tokens` never falls from one report to the next."""
    counted = [each for each in evidence.transcript.usages if each.output_tokens is not None]
    for earlier, later in pairwise(counted):
        if (later.output_tokens or 0) < (earlier.output_tokens or 0):
            yield Violation.at(
                evidence.transcript.chunks[later.chunk],
                expected=f"output_tokens from {earlier.output_tokens}",
                actual=str(later.output_tokens),
            )
            return


@rule(
    "anthropic-stream.ends-with-message-stop",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}; observed: the helper of the official Node client fails without it, Rapida never completes",
    catalogue=["ANTH-STREAM-12"],
    remedy="Send message_stop last.",
    applies=is_whole_stream,
)
def ends_with_message_stop(evidence: Evidence) -> Iterator[Violation]:
    """A stream ends with `message_stop`."""
    if not signals(evidence, Signal.MESSAGE_STOP) and signals(evidence, Signal.MESSAGE_START):
        yield Violation.at(last_chunk(evidence), expected="message_stop at the end", actual="an end without it")


@rule(
    "anthropic-stream.nothing-after-message-stop",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}: a final message_stop event",
    catalogue=["ANTH-STREAM-12"],
    remedy="Send message_stop once and last, after usage and pings.",
    applies=lambda evidence: is_chat_stream(evidence) and bool(signals(evidence, Signal.MESSAGE_STOP)),
)
def nothing_after_message_stop(evidence: Evidence) -> Iterator[Violation]:
    """No event follows `message_stop`."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(chunks[fault.chunk], expected="nothing after message_stop", actual=fault.signal)
        for fault in _faults(evidence, State.STOPPED)
    )


@rule(
    "anthropic-stream.ping-follows-message-start",
    dialects=MESSAGES,
    standard=MAY,
    source=f"{_STREAMING}: ping events may be anywhere in the stream; observed: none before message_start",
    catalogue=["ANTH-STREAM-13"],
    remedy="Begin with message_start, and ping after it.",
    applies=lambda evidence: is_chat_stream(evidence) and bool(signals(evidence, Signal.PING)),
)
def ping_follows_message_start(evidence: Evidence) -> Iterator[Violation]:
    """A `ping` comes after `message_start`."""
    for fault in _faults(evidence, State.IDLE):
        if fault.signal == Signal.PING:
            chunk = evidence.transcript.chunks[fault.chunk]
            yield Violation.at(chunk, expected="message_start before the first ping", actual="a ping")
            return


@rule(
    "anthropic-stream.no-done-marker",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_STREAMING}; observed: no stream of the first party has one, official clients skip it",
    catalogue=["ANTH-STREAM-14"],
    remedy="End with message_stop only; `[DONE]` belongs to Chat Completions.",
    needs=[Need.FRAMING],
    applies=is_chat_stream,
)
def no_done_marker(evidence: Evidence) -> Iterator[Violation]:
    """A stream of messages has no `[DONE]`."""
    for marker in evidence.transcript.markers[:1]:
        yield Violation(
            expected="no end marker but message_stop",
            actual=quote(marker.text),
            start=marker.start,
            end=marker.end,
            at_ns=marker.at_ns,
        )


@rule(
    "anthropic-stream.nothing-after-error",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_STREAMING}, error events; observed: official clients raise at the error and read no further",
    catalogue=["ANTH-STREAM-15"],
    remedy="Close the stream after the error.",
    applies=is_chat_stream,
)
def nothing_after_error(evidence: Evidence) -> Iterator[Violation]:
    """An error ends the stream."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(chunks[fault.chunk], expected="nothing after the error", actual=fault.signal)
        for fault in _faults(evidence, State.FAILED)
    )
