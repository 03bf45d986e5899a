"""An exchange as a judge sees it: framing, meaning, what was asked; each worked out once, when needed."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from vapi_conformance.call_record import CallRecord
from vapi_conformance.content_coding import Decoded, decode_content
from vapi_conformance.dialects.apis import Api, api_of
from vapi_conformance.dialects.asked import Asked
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.dialects.reading import Answer
from vapi_conformance.dialects.shape import ShapeError, shape_errors
from vapi_conformance.exchange import Exchange, header_values
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.speech import ChunkPlan, SpeechMetrics, speech_metrics

if TYPE_CHECKING:
    from vapi_conformance.dialects.transcript import Chunk, Transcript
    from vapi_conformance.sse import EventStream

__all__ = ["NS_PER_S", "Conditions", "Evidence"]

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the platform allows, where a rule's answer depends on it (facts on Vapi, 1.8 and 5)."""

    timeout_s: float = 20.0
    """`model.timeoutSeconds`: no token for so long, and the call fails."""
    hang_s: float = 5.0
    """Silence after which Vapi reports `hang`."""
    prompt_speech_s: float = 1.0
    """The first spoken piece by then is acceptable."""
    dead_air_s: float = 2.0
    """Silence inside an answer that a caller takes for the end."""
    characters_per_second: float = 15.0
    """Speaking rate, for how long a piece keeps the line busy."""
    platform: PlatformName = "vapi"
    """Who called, or would call."""
    token_lifetime_s: float | None = None
    """Seconds that access tokens live, where some are sent and their endpoint says so."""
    chunk_plan: ChunkPlan = field(default_factory=ChunkPlan)
    """The assistant's `voice.chunkPlan`: what is handed to text-to-speech, and when."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One exchange, judged under these conditions. Every property is pure: same exchange, same value."""

    exchange: Exchange
    conditions: Conditions = field(default_factory=Conditions)
    dialect: Dialect = Dialect.OPENAI_COMPATIBLE
    """How the exchange is read."""
    call: CallRecord | None = field(default=None, hash=False)
    """The whole call that it belongs to, where it was made in one."""

    @cached_property
    def api(self) -> Api:
        """The API that the dialect speaks."""
        return api_of(self.dialect)

    @property
    def status(self) -> int | None:
        """HTTP status, None where no response came."""
        return self.exchange.response.status if self.exchange.response else None

    @property
    def is_success(self) -> bool:
        """2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15

    @property
    def is_refusal(self) -> bool:
        """4xx or 5xx."""
        return self.status is not None and self.status >= 400  # noqa: PLR2004 - RFC 9110, 15

    def header(self, name: str) -> tuple[str, ...]:
        """Response header values by that name, in wire order."""
        return header_values(self.exchange.response.headers, name) if self.exchange.response else ()

    @cached_property
    def media_type(self) -> str:
        """Essence of Content-Type, lower case; empty where there is none."""
        values = self.header("content-type")
        return values[0].split(";")[0].strip().lower() if values else ""

    @cached_property
    def decoded(self) -> Decoded:
        """Body reads with content coding undone."""
        return decode_content(self.exchange)

    @cached_property
    def body(self) -> bytes:
        """The whole body with content coding undone."""
        return b"".join(read.data for read in self.decoded.reads)

    @cached_property
    def answer(self) -> Answer:
        """The answer on both floors."""
        return self.api.read_answer(self.decoded.reads, media_type=self.media_type)

    @property
    def stream(self) -> "EventStream | None":
        """The event stream, None when the body is none."""
        return self.answer.stream

    @property
    def transcript(self) -> "Transcript":
        """The typed reply."""
        return self.answer.transcript

    @cached_property
    def answer_chunks(self) -> "tuple[Chunk, ...]":
        """The chunks before the end marker that carry the answer, or the document of a JSON answer.

        Not among them: what could not be parsed or is no object, an error, and events of another name that hold no
        choices in an API whose events have no name. Rules of their own speak about those, and one fault is to be
        reported once.
        """
        transcript = self.transcript
        if transcript.kind == "json":
            document = transcript.chunks[0]
            is_error = bool(transcript.errors)
            return (document,) if document.payload.complete_values == 1 and not is_error else ()
        if transcript.kind not in ("stream", "array"):
            return ()
        before_end = transcript.chunks[: transcript.markers[0].position] if transcript.markers else transcript.chunks
        errors = set(transcript.errors)
        return tuple(
            chunk
            for chunk in before_end
            if (record := chunk.record) is not None
            and chunk.index not in errors
            and (self.dialect not in CHAT or chunk.event_type == "message" or "choices" in record)
        )

    @cached_property
    def shape_errors(self) -> tuple[ShapeError, ...]:
        """Where `answer_chunks` break their schema."""
        kind, api = self.transcript.kind, self.api
        return shape_errors(self.answer_chunks, lambda chunk: api.schema_of(chunk, kind), api.words)

    @cached_property
    def request(self) -> Asked | None:
        """What was asked, None where that is unknown or was no JSON object."""
        return self.api.read_request(self.exchange.request.body, self.exchange.request.url)

    @cached_property
    def token_chunks(self) -> "tuple[Chunk, ...]":
        """The chunks that bring something of the answer: text, reasoning, or a piece of a tool call."""
        choices = self.transcript.choices
        texts = (texts for choice in choices for texts in (choice.content, choice.refusal, choice.reasoning))
        bearers = {delta.chunk for deltas in texts for delta in deltas}
        bearers |= {piece.chunk for choice in choices for call in choice.tool_calls for piece in call.fragments}
        return tuple(chunk for chunk in self.transcript.chunks if chunk.index in bearers)

    @cached_property
    def answered_at_ns(self) -> int | None:
        """When nothing of the answer could follow any more: the last finish, else the end marker, else the end."""
        finishes = [each.at_ns for choice in self.transcript.choices for each in choice.finishes]
        markers = [marker.at_ns for marker in self.transcript.markers[:1]]
        known = [at_ns for at_ns in (finishes or markers) if at_ns is not None]
        return max(known, default=self.exchange.timing.end_ns)

    @cached_property
    def speech(self) -> SpeechMetrics:
        """When the first choice is heard; a rest is spoken once the answer is whole."""
        content = self.transcript.choices[0].content if self.transcript.choices else ()
        return speech_metrics(
            content,
            self.conditions.chunk_plan,
            self.answered_at_ns,
            characters_per_second=self.conditions.characters_per_second,
        )

    @cached_property
    def is_timed(self) -> bool:
        """Whether the recorder kept times."""
        exchange = self.exchange
        if not exchange.reads:
            return exchange.timing.end_ns is not None
        return any(read.at_ns is not None for read in exchange.reads)
