"""The text of a streamed answer: said once, in pieces, and kept apart from reasoning and refusal."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import MAY, SHOULD, Violation, rule
from vapi_conformance.rules.streamed import is_chat_stream, reason_of

__all__ = [
    "reasoning_precedes_content",
    "refusal_finishes_stop",
]

_CONTENT: Final = "openai-openapi 2.3.0, ChatCompletionStreamResponseDelta.content"

_LONG_CHARACTERS: Final = 400
"""About half a minute of speech: whoever has so much to say can begin before knowing the end."""


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
