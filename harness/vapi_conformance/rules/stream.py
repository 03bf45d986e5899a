"""A streamed answer in any API: its text said once and in pieces, and no error at its end."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.repeated_text import growing, replayed
from vapi_conformance.rules.reported_error import error_of, reported_error
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule
from vapi_conformance.rules.streamed import is_streamed

__all__ = [
    "answer_does_not_fail",
    "long_answers_come_in_pieces",
    "text_is_not_cumulative",
    "text_is_not_replayed",
]

_TEXT: Final = (
    "openai-openapi 2.3.0, ChatCompletionStreamResponseDelta.content, ResponseTextDeltaEvent.delta; "
    "Anthropic, text_delta; observed of Gemini: parts of successive chunks are appended"
)
_LONG_CHARACTERS: Final = 400
"""About half a minute of speech: whoever has so much to say can begin before knowing the end."""


@rule(
    "stream.text-is-not-replayed",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_TEXT,
    catalogue=["CHAT-STREAM-13", "ANTH-STREAM-19", "GEM-STREAM-12"],
    remedy="Do not put the assembled text into the last piece; consumers join the pieces and would say it twice.",
    applies=is_streamed,
)
def text_is_not_replayed(evidence: Evidence) -> Iterator[Violation]:
    """The last piece of text does not repeat the whole text that came before it."""
    for choice in evidence.transcript.choices:
        deltas = replayed(choice.content)
        if deltas:
            last = deltas[-1]
            yield Violation.at(
                evidence.transcript.chunks[last.chunk],
                expected="the rest of the text",
                actual=f"all {len(deltas) - 1} pieces before it once more: {quote(last.text)}",
            )


@rule(
    "stream.text-is-not-cumulative",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_TEXT,
    catalogue=["CHAT-STREAM-32", "ANTH-STREAM-19", "GEM-STREAM-12"],
    remedy="Send what is new in each piece, not everything so far.",
    applies=is_streamed,
)
def text_is_not_cumulative(evidence: Evidence) -> Iterator[Violation]:
    """A piece holds new text only, not the text so far."""
    for choice in evidence.transcript.choices:
        deltas = growing(choice.content)
        if deltas:
            yield Violation.at(
                evidence.transcript.chunks[deltas[1].chunk],
                expected="new text in each piece",
                actual=f"the first {len(deltas)} pieces each begin with the one before: {quote(deltas[1].text)}",
            )


@rule(
    "stream.long-answers-come-in-pieces",
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_TEXT}; Vapi: speech begins with the first pieces",
    catalogue=["CHAT-STREAM-25"],
    remedy="Pass the pieces on as the model makes them; the caller waits for the first one.",
    applies=lambda evidence: (
        is_streamed(evidence)
        and any(
            sum(len(delta.text) for delta in each.content) >= _LONG_CHARACTERS for each in evidence.transcript.choices
        )
    ),
)
def long_answers_come_in_pieces(evidence: Evidence) -> Iterator[Violation]:
    """A long answer comes in more than one piece."""
    for choice in evidence.transcript.choices:
        if len(choice.content) == 1 and len(choice.content[0].text) >= _LONG_CHARACTERS:
            only = choice.content[0]
            yield Violation.at(
                evidence.transcript.chunks[only.chunk],
                expected=f"more than one piece for {_LONG_CHARACTERS} characters or more",
                actual=f"{len(only.text)} characters in one piece",
            )


@rule(
    "stream.answer-does-not-fail",
    standard=SHOULD,
    vapi=MUST,
    source="Vapi: an error payload fails the request, also after text was delivered; observed: the "
    "official clients of every API raise",
    catalogue=["CHAT-STREAM-22", "RESP-STREAM-20", "ANTH-STREAM-15", "GEM-STREAM-13"],
    remedy="Find out why the backend broke off; where it must, say a sentence to the caller and finish the answer.",
    applies=is_streamed,
)
def answer_does_not_fail(evidence: Evidence) -> Iterator[Violation]:
    """An answer that was begun does not end in an error."""
    transcript = evidence.transcript
    # Responses announces an answer before there is one: an error behind that is no break in it.
    begun = evidence.token_chunks if evidence.dialect is Dialect.OPENAI_RESPONSES else evidence.answer_chunks
    if transcript.errors and begun and begun[0].index < transcript.errors[0]:
        chunk = transcript.chunks[transcript.errors[0]]
        yield Violation.at(
            chunk,
            expected="the rest of the answer",
            actual=f"an error after {transcript.errors[0]} chunks: {reported_error(error_of(chunk))}",
        )
