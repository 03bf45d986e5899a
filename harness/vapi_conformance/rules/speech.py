"""Speech: whether there is something to hear, all of it, and without holes. What must not be heard: `spoken_markup`."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Choice
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.rules.pauses import dead_airs, in_seconds
from vapi_conformance.rules.prompt_words import folded, says, told_to_say
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule, scenario_rule

__all__ = [
    "answer_is_not_blank",
    "answer_is_not_empty",
    "answer_is_not_only_reasoning",
    "framing_words_survive",
    "no_dead_air",
    "unicode_survives",
]

_MAX_LISTED = 20
_LEAST_MAX_TOKENS: Final = 50
"""The smallest `maxTokens` that Vapi accepts."""
_VARIATION_SELECTOR: Final = re.compile("[\ufe00-\ufe0f]")
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"


def _should_speak(evidence: Evidence) -> bool:
    """A whole, readable answer that calls no tool, declines nothing, and was not cut off as asked."""
    transcript, request, label = evidence.transcript, evidence.request, evidence.exchange.label
    if not evidence.is_success or evidence.exchange.end is not End.CLEAN or transcript.errors:
        return False
    if label is not None and label.expects == "refusal":
        return False
    if not transcript.choices:
        return transcript.kind == "stream" and not transcript.chunks and bool(transcript.markers)
    first = transcript.choices[0]
    # Outside chat a filter is the API's own way to decline: Gemini's owner wants such an answer empty.
    declined = first.refusal or (evidence.dialect not in CHAT and first.finish_meaning == "content_filter")
    if first.tool_calls or first.has_function_call or declined:
        return False
    if request is not None and (request.stops or _is_cut_short(request.max_tokens, first)):
        return False
    return _is_readable(evidence)


def _is_cut_short(max_tokens: int | None, choice: Choice) -> bool:
    return max_tokens is not None and max_tokens < _LEAST_MAX_TOKENS and choice.finish_meaning == "length"


def _is_readable(evidence: Evidence) -> bool:
    """Nothing is there that was meant to be text and that rules on framing and shape already call broken."""
    if evidence.stream is not None and evidence.stream.tail is not None:
        return False
    for chunk in evidence.transcript.chunks:
        if chunk.record is None:
            return False
        if evidence.dialect not in CHAT:
            continue
        for choice in map(object_or_nothing, array_or_nothing(chunk.record.get("choices"))):
            keys = ("message", "delta") if evidence.transcript.kind == "json" else ("delta", "message")
            delta = next((each for key in keys if (each := object_or_none(choice.get(key))) is not None), None)
            if delta is None or not isinstance(delta.get("content"), str | None):
                return False
    return True


def _text(evidence: Evidence) -> str:
    return evidence.transcript.text


def _is_blank(text: str) -> bool:
    return not text.strip().strip(_INVISIBLE).strip()


def _reasoning(evidence: Evidence) -> str:
    choices = evidence.transcript.choices
    return "".join(delta.text for delta in choices[0].reasoning) if choices else ""


@rule(
    "speech.answer-is-not-empty",
    standard=SHOULD,
    vapi=MUST,
    source="observed: Vapi takes an empty answer for a failure of the model, or the caller hears nothing",
    catalogue=["SEM-08", "VAPI-12", "CHAT-STREAM-24"],
    remedy="Always answer with a sentence or a tool call; if the model gives nothing, say that you did not understand.",
    applies=_should_speak,
)
def answer_is_not_empty(evidence: Evidence) -> Iterator[Violation]:
    """An answer without a tool call has text."""
    if not _text(evidence) and not _reasoning(evidence):
        choices = evidence.transcript.choices
        finish = f", finish reason {quote(str(choices[0].finish_reason))}" if choices else ""
        yield Violation(expected="text to speak, or a tool call", actual=f"neither is in the answer{finish}")


@rule(
    "speech.answer-is-not-blank",
    standard=SHOULD,
    vapi=MUST,
    source="observed: Vapi takes white space for a failure of the model, or the caller hears nothing",
    catalogue=["VAPI-12"],
    remedy="Always answer with a sentence or a tool call; white space is silence.",
    applies=_should_speak,
)
def answer_is_not_blank(evidence: Evidence) -> Iterator[Violation]:
    """The text of an answer is more than white space."""
    text = _text(evidence)
    if text and _is_blank(text) and not _reasoning(evidence):
        yield Violation(expected="words", actual=f"the whole text is {quote(text)}")


@rule(
    "speech.answer-is-not-only-reasoning",
    standard=SHOULD,
    vapi=MUST,
    source="observed: Vapi speaks `content` only; an answer of reasoning is silence",
    catalogue=["VAPI-12"],
    remedy="Bound or switch off reasoning (`reasoning_effort`, `max_tokens`), so that an answer follows it.",
    applies=_should_speak,
)
def answer_is_not_only_reasoning(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning is followed by an answer."""
    reasoning = _reasoning(evidence)
    if reasoning and _is_blank(_text(evidence)):
        finish = evidence.transcript.choices[0].finish_reason
        yield Violation(
            expected="text after the reasoning",
            actual=f"{len(reasoning)} characters of reasoning, no text, finish reason {quote(str(finish))}",
        )


@rule(
    "speech.no-dead-air",
    standard=MAY,
    vapi=SHOULD,
    source="Vapi documentation, speech configuration; speaking rate and the two seconds are inferred",
    remedy="Keep a steady stream: do slow work before the first words, or say that it takes a moment.",
    needs=[Need.TIMES],
    applies=lambda evidence: (
        evidence.is_success
        and evidence.transcript.kind == "stream"
        and evidence.exchange.end is End.CLEAN
        and evidence.speech.dead_air_ns is not None
    ),
)
def no_dead_air(evidence: Evidence) -> Iterator[Violation]:
    """Speech does not run out for more than two seconds before the next piece of the answer is ready.

    A pause that another rule reports (silence on the line, tokens that stay away, a flush tag) is not counted again.
    """
    for listed, pause in enumerate(dead_airs(evidence)):
        if listed == _MAX_LISTED:
            return
        yield Violation(
            expected=f"the next piece within {evidence.conditions.dead_air_s:g} s of the end of the last",
            actual=f"the caller hears nothing for {in_seconds(pause.length_ns)}, "
            f"from {in_seconds(pause.start_ns)} after the request on",
            at_ns=pause.start_ns,
        )


def _repeats_something(group: Sequence[Evidence]) -> bool:
    """The model did some of what it was told, or all of it is gone; other words show nothing about the text."""
    evidence = group[0]
    told = told_to_say(evidence.request)
    if told is None or not evidence.is_success or evidence.exchange.end is not End.CLEAN:
        return False
    text = _text(evidence)
    return not text.strip() or bool(set(folded(told).split()) & set(folded(text).split()))


def _characters(text: str) -> str:
    """Composed, so that either form of é is the same; without the choice between two looks of one sign."""
    return _VARIATION_SELECTOR.sub("", unicodedata.normalize("NFC", text))


@scenario_rule(
    "speech.unicode-survives",
    scenarios=["unicode"],
    standard=MUST,
    vapi=MUST,
    source="RFC 8259, 8.1: JSON text is UTF-8",
    catalogue=["SEM-04"],
    remedy="Handle text as Unicode from end to end; write JSON as UTF-8, or with escapes in proper pairs.",
    needs=[Need.REQUEST],
    applies=_repeats_something,
)
def unicode_survives(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Characters outside of ASCII come back as they were sent."""
    told = told_to_say(group[0].request) or ""
    answer = set(_characters(_text(group[0])))
    lost = [each for each in dict.fromkeys(_characters(told)) if not each.isascii() and each not in answer]
    if lost:
        yield Violation(
            expected=f"every character of {quote(told)}",
            actual=f"{', '.join(f'U+{ord(each):04X}' for each in lost[:_MAX_LISTED])} not in {quote(_text(group[0]))}"
            + (f", and {len(lost) - _MAX_LISTED} more" if len(lost) > _MAX_LISTED else ""),
        )


@scenario_rule(
    "speech.framing-words-survive",
    scenarios=["framing-words"],
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6: only lines are framing, not what stands in a value",
    catalogue=["SEM-05"],
    remedy="Write each chunk as one line of JSON, and look for the end in the upstream's framing, not in its text.",
    needs=[Need.REQUEST],
    applies=_repeats_something,
)
def framing_words_survive(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Text that looks like framing (`data:`, `[DONE]`) is spoken like any other."""
    told = told_to_say(group[0].request) or ""
    if not says(_text(group[0]), told):
        yield Violation(expected=f"all of {quote(told)}", actual=f"the text is {quote(_text(group[0]))}")
