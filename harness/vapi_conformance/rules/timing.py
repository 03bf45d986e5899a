"""Time: what a caller waits for. Times count from the last request byte; limits are the platform's (`Conditions`)."""

from collections.abc import Iterator

from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.dialects.transcript import Chunk, Marker
from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.bursts import MIN_LONG_ANSWER_EVENTS, bursts
from vapi_conformance.rules.pauses import (
    MAX_FLUSH_PAUSE_S,
    MAX_SILENCE_S,
    Pause,
    flush_pauses,
    has_flush,
    in_seconds,
    silences,
    token_pauses,
)
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule

__all__ = [
    "connection_is_released",
    "end_follows_finish",
    "events_are_flushed_one_by_one",
    "first_speech_is_prompt",
    "first_token_before_hang",
    "first_token_within_timeout",
    "flush_is_followed",
    "no_gap_beyond_15s",
    "no_token_gap_beyond_timeout",
]

_MAX_LISTED = 20
_MAX_END_AFTER_FINISH_S = 1.0
_MAX_HELD_OPEN_S = 5.0


def _is_turn(evidence: Evidence) -> bool:
    """An answer that was to be streamed: somebody waits for its first words, not for its last."""
    asked = evidence.request is not None and evidence.request.stream
    return evidence.is_success and (asked or evidence.transcript.kind == "stream")


def _first_token_wait_ns(evidence: Evidence) -> int | None:
    """Until the first token; where none came, how long it was waited for. The older `function_call` keeps no time."""
    if any(choice.has_function_call for choice in evidence.transcript.choices):
        return None
    if evidence.token_chunks:
        return evidence.token_chunks[0].at_ns
    return evidence.exchange.timing.end_ns


def _awaits_token(evidence: Evidence, *, limit_s: float) -> bool:
    """A token came, or stayed away for too long; an answer that is quickly over without one is silent, not slow."""
    waited_ns = _first_token_wait_ns(evidence)
    return (
        _is_turn(evidence) and waited_ns is not None and (bool(evidence.token_chunks) or waited_ns > limit_s * NS_PER_S)
    )


def _late_token(evidence: Evidence, limit_s: float) -> Iterator[Violation]:
    waited_ns = _first_token_wait_ns(evidence)
    if waited_ns is None or waited_ns <= limit_s * NS_PER_S:
        return
    expected = f"the first token within {limit_s:g} s"
    if evidence.token_chunks:
        yield Violation.at(evidence.token_chunks[0], expected=expected, actual=f"it came after {in_seconds(waited_ns)}")
    else:
        yield Violation(expected=expected, actual=f"none in {in_seconds(waited_ns)}", at_ns=waited_ns)


@rule(
    "timing.first-token-within-timeout",
    standard=SHOULD,
    vapi=MUST,
    source="Vapi OpenAPI, CustomLLMModel.timeoutSeconds",
    catalogue=["TIME-01"],
    remedy="Start the answer before the platform gives up; a slow backend can be bridged by a short sentence.",
    needs=[Need.TIMES],
    applies=lambda evidence: _awaits_token(evidence, limit_s=evidence.conditions.timeout_s),
)
def first_token_within_timeout(evidence: Evidence) -> Iterator[Violation]:
    """The first token comes within the platform's timeout.

    A role alone is no token. That the timeout waits for a token, not for a byte, is Vapi's own description of it.
    """
    yield from _late_token(evidence, evidence.conditions.timeout_s)


def _is_within_timeout(evidence: Evidence) -> bool:
    waited_ns = _first_token_wait_ns(evidence)
    return waited_ns is not None and waited_ns <= evidence.conditions.timeout_s * NS_PER_S


@rule(
    "timing.first-token-before-hang",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: Vapi reports `hang` when nothing is heard for 5 s",
    catalogue=["VAPI-3"],
    remedy="Start the answer sooner: a faster model, a shorter prompt, a first sentence before the slow work.",
    needs=[Need.TIMES],
    applies=lambda evidence: (
        _awaits_token(evidence, limit_s=evidence.conditions.hang_s) and _is_within_timeout(evidence)
    ),
)
def first_token_before_hang(evidence: Evidence) -> Iterator[Violation]:
    """The first token comes before the platform reports that the line hangs.

    A token that comes after the platform's timeout is that rule's finding, not also this one's.
    """
    yield from _late_token(evidence, evidence.conditions.hang_s)


def _speaks_in_time(evidence: Evidence) -> bool:
    """Speech, seen to its end, that was not already held up by what other rules report: a late token, a stall."""
    waited_ns, ttfs_ns = _first_token_wait_ns(evidence), evidence.speech.ttfs_ns
    return (
        _is_turn(evidence)
        and evidence.exchange.end is End.CLEAN
        and ttfs_ns is not None
        and not any(pause.start_ns < ttfs_ns for pause in (*silences(evidence), *token_pauses(evidence)))
        and waited_ns is not None
        and waited_ns <= min(evidence.conditions.hang_s, evidence.conditions.timeout_s) * NS_PER_S
    )


@rule(
    "timing.first-speech-is-prompt",
    standard=MAY,
    vapi=SHOULD,
    source="Vapi documentation, speech latency: under 1 s between turns; the share of the model is inferred",
    catalogue=["VAPI-3"],
    remedy="Open with a short sentence: speech starts at the first punctuation mark past 30 characters.",
    needs=[Need.TIMES],
    applies=_speaks_in_time,
)
def first_speech_is_prompt(evidence: Evidence) -> Iterator[Violation]:
    """The first piece that can be spoken is ready within a second.

    A piece is what Vapi's default chunk plan hands to text-to-speech.
    """
    limit_s, ttfs_ns = evidence.conditions.prompt_speech_s, evidence.speech.ttfs_ns
    if ttfs_ns is not None and ttfs_ns > limit_s * NS_PER_S:
        yield Violation(
            expected=f"the first spoken piece within {limit_s:g} s",
            actual=f"it was ready after {in_seconds(ttfs_ns)}",
            at_ns=ttfs_ns,
        )


def _has_tokens(evidence: Evidence) -> bool:
    return _is_turn(evidence) and bool(evidence.token_chunks)


def _pause_violations(pauses: Iterator[Pause], expected: str, what: str) -> Iterator[Violation]:
    for number, pause in enumerate(pauses):
        if number == _MAX_LISTED:
            return
        yield Violation(
            expected=expected,
            actual=f"{what} for {in_seconds(pause.length_ns)}, from {in_seconds(pause.start_ns)} on",
            at_ns=pause.start_ns,
        )


@rule(
    "timing.no-gap-beyond-15s",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: proxies cut idle connections; vendors send comments or pings every 10 to 15 s",
    catalogue=["TIME-03"],
    remedy="While the answer has to wait, send a comment line (`: wait`) at least every 10 s.",
    needs=[Need.TIMES],
    applies=_has_tokens,
)
def no_gap_beyond_15s(evidence: Evidence) -> Iterator[Violation]:
    """An answer that has begun never falls silent on the line for more than 15 seconds.

    Any byte is a sign of life, a comment too.
    """
    yield from _pause_violations(
        silences(evidence), expected=f"a byte at least every {MAX_SILENCE_S:g} s", what="nothing was sent"
    )


@rule(
    "timing.no-token-gap-beyond-timeout",
    standard=MAY,
    vapi=SHOULD,
    source="Vapi OpenAPI, CustomLLMModel.timeoutSeconds; whether it starts again with each token is not documented",
    catalogue=["VAPI-3"],
    remedy="Comments keep a connection open, not a call: send words, or end the answer.",
    needs=[Need.TIMES],
    applies=_has_tokens,
)
def no_token_gap_beyond_timeout(evidence: Evidence) -> Iterator[Violation]:
    """Between two tokens no more time passes than the platform's timeout."""
    limit_s = evidence.conditions.timeout_s
    yield from _pause_violations(
        token_pauses(evidence), expected=f"a token at least every {limit_s:g} s", what="no token came"
    )


def _is_long_stream(evidence: Evidence) -> bool:
    """Content coding holds events back in its own way, which `http.coding-is-flushed-per-event` judges."""
    return (
        evidence.is_success
        and evidence.transcript.kind == "stream"
        and evidence.decoded.coding is None
        and len(evidence.token_chunks) >= MIN_LONG_ANSWER_EVENTS
    )


@rule(
    "timing.events-are-flushed-one-by-one",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: buffering proxies, tunnels and serverless hosts break streams behind Vapi",
    catalogue=["TIME-04"],
    remedy="Flush after each event, and switch off buffering on the way (`X-Accel-Buffering: no` for nginx).",
    needs=[Need.TIMES],
    applies=_is_long_stream,
)
def events_are_flushed_one_by_one(evidence: Evidence) -> Iterator[Violation]:
    """The events of a long answer arrive one after the other, not most of them in bursts after a wait.

    See `rules.bursts` for what is taken for a burst, and what is not.
    """
    found, total = bursts(evidence), len(evidence.token_chunks)
    held_back = sum(burst.events for burst in found)
    if held_back * 2 < total:
        return
    worst = max(found, key=lambda burst: burst.events)
    how = "in one burst" if len(found) == 1 else f"in {len(found)} bursts, the largest of {worst.events}"
    yield Violation.at(
        evidence.transcript.chunks[worst.first_chunk],
        expected="each event sent as soon as it is made",
        actual=f"{held_back} of {total} events with content came {how}, after {in_seconds(worst.waited_ns)} of nothing",
    )


def _finish_ns(evidence: Evidence) -> int | None:
    times = [finish.at_ns for choice in evidence.transcript.choices for finish in choice.finishes]
    return max((at_ns for at_ns in times if at_ns is not None), default=None)


def _end_of_answer(evidence: Evidence) -> Marker | Chunk | None:
    """The end marker; in an API without one the last event."""
    transcript = evidence.transcript
    if evidence.api.has_end_marker or transcript.markers:
        return next(iter(transcript.markers), None)
    return transcript.chunks[-1] if transcript.kind == "stream" and transcript.chunks else None


def _end_marker_ns(evidence: Evidence) -> int | None:
    end = _end_of_answer(evidence)
    return None if end is None else end.at_ns


@rule(
    "timing.end-follows-finish",
    dialects=CHAT | {Dialect.ANTHROPIC_MESSAGES},  # in the others the finish reason is on the last event
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: the last words of an answer wait for its end",
    catalogue=["TIME-05"],
    remedy="Send `data: [DONE]` (Messages: message_stop) right after the finish; do accounting and logging later.",
    needs=[Need.TIMES, Need.FRAMING],
    applies=lambda evidence: (
        evidence.is_success and _finish_ns(evidence) is not None and _end_marker_ns(evidence) is not None
    ),
)
def end_follows_finish(evidence: Evidence) -> Iterator[Violation]:
    """The end of the stream (`[DONE]`, message_stop) follows the finish reason within a second."""
    finish_ns, marker_ns = _finish_ns(evidence), _end_marker_ns(evidence)
    if finish_ns is None or marker_ns is None or marker_ns - finish_ns <= _MAX_END_AFTER_FINISH_S * NS_PER_S:
        return
    end = _end_of_answer(evidence)
    yield Violation(
        expected=f"the end of the stream within {_MAX_END_AFTER_FINISH_S:g} s of the finish reason",
        actual=f"it came {in_seconds(marker_ns - finish_ns)} later",
        start=end.start if end else None,
        end=end.end if end else None,
        at_ns=marker_ns,
    )


def _held_open_ns(evidence: Evidence) -> int | None:
    marker_ns, end_ns = _end_marker_ns(evidence), evidence.exchange.timing.end_ns
    return None if marker_ns is None or end_ns is None else end_ns - marker_ns


def _shows_release(evidence: Evidence) -> bool:
    """Its end was seen, or waited for in vain; when we hung up before, nobody knows."""
    held_ns = _held_open_ns(evidence)
    return (
        evidence.is_success
        and held_ns is not None
        and (evidence.exchange.end is End.CLEAN or held_ns > _MAX_HELD_OPEN_S * NS_PER_S)
    )


@rule(
    "timing.connection-is-released",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: openai-node up to 4.91 ends an answer when its body ends, not at `[DONE]`",
    catalogue=["TIME-06"],
    remedy="End the response (the last, empty chunk of the chunked coding) right after its last event.",
    needs=[Need.TIMES, Need.FRAMING],
    applies=_shows_release,
)
def connection_is_released(evidence: Evidence) -> Iterator[Violation]:
    """The body ends within five seconds of its last event, so that the connection closes or can be used again."""
    held_ns = _held_open_ns(evidence)
    if held_ns is not None and held_ns > _MAX_HELD_OPEN_S * NS_PER_S:
        yield Violation(
            expected=f"the end of the body within {_MAX_HELD_OPEN_S:g} s of its last event",
            actual=f"the body was still open after {in_seconds(held_ns)}"
            if evidence.exchange.end is not End.CLEAN
            else f"it ended {in_seconds(held_ns)} later",
            at_ns=evidence.exchange.timing.end_ns,
        )


@rule(
    "timing.flush-is-followed",
    standard=MAY,
    vapi=SHOULD,
    source="observed: text flushed before a stall was not spoken until the stream moved on",
    catalogue=["VAPI-14"],
    remedy="Go on within two seconds of a flush tag, or end the answer there.",
    needs=[Need.TIMES],
    applies=lambda evidence: _has_tokens(evidence) and has_flush(evidence),
)
def flush_is_followed(evidence: Evidence) -> Iterator[Violation]:
    """A flush tag is followed by more words, or by the end, within two seconds."""
    yield from _pause_violations(
        flush_pauses(evidence),
        expected=f"words or the end within {MAX_FLUSH_PAUSE_S:g} s of a flush tag",
        what="neither came",
    )
