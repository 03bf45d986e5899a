"""The text of a streamed answer: said once, in pieces, and kept apart from reasoning and refusal."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.repeated_text import growing, replayed
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.streamed import is_chat_stream, reason_of

__all__ = [
    "long_answers_come_in_pieces",
    "reasoning_precedes_content",
    "refusal_finishes_stop",
    "text_is_not_cumulative",
    "text_is_not_replayed",
]

_CONTENT: Final = "openai-openapi 2.3.0, ChatCompletionStreamResponseDelta.content"

_LONG_CHARACTERS: Final = 400
"""About half a minute of speech: whoever has so much to say can begin before knowing the end."""


@rule(
    "chat-stream.text-is-not-replayed",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_CONTENT,
    catalogue=["CHAT-STREAM-13"],
    remedy="Do not put the assembled text into the last delta; consumers join deltas and would say it twice.",
    applies=is_chat_stream,
)
def text_is_not_replayed(evidence: Evidence) -> Iterator[Violation]:
    """The last delta does not repeat the whole text that came before it."""
    for choice in evidence.transcript.choices:
        deltas = replayed(choice.content)
        if deltas:
            last = deltas[-1]
            yield Violation.at(
                evidence.transcript.chunks[last.chunk],
                expected="the rest of the text",
                actual=f"all {len(deltas) - 1} deltas before it once more: {quote(last.text)}",
            )


@rule(
    "chat-stream.text-is-not-cumulative",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_CONTENT,
    catalogue=["CHAT-STREAM-32"],
    remedy="Send what is new in each delta, not everything so far.",
    applies=is_chat_stream,
)
def text_is_not_cumulative(evidence: Evidence) -> Iterator[Violation]:
    """A delta holds new text only, not the text so far."""
    for choice in evidence.transcript.choices:
        deltas = growing(choice.content)
        if deltas:
            yield Violation.at(
                evidence.transcript.chunks[deltas[1].chunk],
                expected="new text in each delta",
                actual=f"the first {len(deltas)} deltas each begin with the one before: {quote(deltas[1].text)}",
            )


@rule(
    "chat-stream.long-answers-come-in-pieces",
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_CONTENT}; facts on Vapi, 5: speech begins with the first pieces",
    catalogue=["CHAT-STREAM-25"],
    remedy="Pass the pieces on as the model makes them; the caller waits for the first one.",
    applies=lambda evidence: (
        is_chat_stream(evidence)
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
                expected=f"more than one delta for {_LONG_CHARACTERS} characters or more",
                actual=f"{len(only.text)} characters in one delta",
            )


@rule(
    "chat-stream.reasoning-precedes-content",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source="observed: DeepSeek, vLLM, Groq, Ollama and OpenRouter send all reasoning first",
    catalogue=["CHAT-STREAM-29"],
    remedy="Send reasoning before the first piece of the answer.",
    applies=lambda evidence: is_chat_stream(evidence) and any(each.reasoning for each in evidence.transcript.choices),
)
def reasoning_precedes_content(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning is not mixed into the answer: it comes before the first content."""
    for choice in evidence.transcript.choices:
        begun = next((delta.chunk for delta in choice.content if delta.text.strip()), None)
        late = [delta.chunk for delta in choice.reasoning if begun is not None and delta.chunk > begun]
        if late:
            yield Violation.at(
                evidence.transcript.chunks[late[0]],
                expected="no reasoning after content has begun",
                actual=f"{len(late)} deltas of reasoning after content began in chunk {begun}",
            )


@rule(
    "chat-stream.refusal-finishes-stop",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source="observed: OpenAI ends refusals with stop",
    catalogue=["CHAT-STREAM-33"],
    remedy="Finish a refusal with stop, or with content_filter where a filter wrote it.",
    applies=lambda evidence: (
        is_chat_stream(evidence) and any(each.refusal and reason_of(each) for each in evidence.transcript.choices)
    ),
)
def refusal_finishes_stop(evidence: Evidence) -> Iterator[Violation]:
    """A refusal finishes with stop or content_filter, or with length where it was cut."""
    for choice in evidence.transcript.choices:
        reason = reason_of(choice)
        if choice.refusal and reason not in (None, "stop", "content_filter", "length"):
            yield Violation.at(
                evidence.transcript.chunks[choice.finishes[0].chunk],
                expected="finish_reason stop or content_filter after a refusal",
                actual=str(reason),
            )
