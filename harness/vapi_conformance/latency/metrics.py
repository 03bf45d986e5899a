"""What is measured of one request: one function per metric, and None (or nothing) rather than a wrong number.

Every function takes a `Sample` and gives integers: nanoseconds for times, thousandths for rates, counts as they are.
Its docstring begins with the definition that stands beside each figure in a result, and goes on with what it refuses.

Times count from the last byte of the request, as in the record. In an open loop a caller waits from the moment at which
the request was meant to start; a client that sends late because the endpoint holds its connections would hide that wait
(coordinated omission). So `metrics_for("open")` has the latencies twice: under their own name from the intended start,
and with `_from_sent` from the sending.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal

from vapi_conformance.dialects.transcript import TextDelta
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.latency.broken_http import BROKEN_HTTP
from vapi_conformance.speech import SpeechMetrics, speech_metrics

__all__ = [
    "BUDGET_NS",
    "Metric",
    "Sample",
    "Stage",
    "TurnModel",
    "Unit",
    "answer_time",
    "characters_rate",
    "connect",
    "dead_air",
    "end_lag",
    "error_kind",
    "headers",
    "icl",
    "longest_gap",
    "metrics_for",
    "own_delay",
    "pieces",
    "start_delay",
    "tls",
    "tokens_rate",
    "ttfs",
    "ttft",
    "turn",
]

BUDGET_NS: Final = 1_200_000_000
"""For a turn, from the caller's last word to the first sound of the answer. What is longer is felt as slow."""

Unit = Literal["ms", "1/s", "count"]

_PER_UNIT: Final[dict[Unit, int]] = {"ms": 1_000_000, "1/s": 1000, "count": 1}
_UNANSWERED: Final[dict[End, str]] = {End.NO_RESPONSE: "no response", End.TIMED_OUT: "timed out"}
_BROKEN: Final[dict[End, str]] = {
    End.TRUNCATED: "answer cut off",
    End.RESET: "connection broken",
    End.CLOSED_BY_US: "answer too large",
}
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_MOST_TOKENS: Final = 10_000_000
"""Of one answer. What claims more is a mistake, or wants to be one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a turn's time that we do not measure, and where its length is from."""

    name: str
    length_ns: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnModel:
    """What comes on top of the endpoint's own time until the caller hears something.

    `startSpeakingPlan.waitSeconds` (0.4 s by default) is not among them: an assistant waits it out on purpose, and it
    is for the assistant's owner to set. Give it as a further stage to count it.
    """

    stages: tuple[Stage, ...] = (
        Stage(
            name="endpointing",
            length_ns=100 * _NS_PER_MS,
            source="assumed: Vapi's default after punctuation (transcriptionEndpointingPlan)",
        ),
        Stage(name="transcriber", length_ns=150 * _NS_PER_MS, source="assumed: Vapi's own guide to latency"),
        Stage(name="voice", length_ns=325 * _NS_PER_MS, source="assumed: 300 to 350 ms in the log of a recorded call"),
    )
    budget_ns: int = BUDGET_NS

    @property
    def assumed_ns(self) -> int:
        """All stages that are not measured."""
        return sum(stage.length_ns for stage in self.stages)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One request under load, and what came back."""

    evidence: Evidence
    intended_ns: int
    """When it was meant to start, since the start of the run."""
    sent_ns: int | None
    """When its last byte was written, on the same clock; None where that never happened."""
    turn_model: TurnModel = field(default_factory=TurnModel)

    @property
    def delay_ns(self) -> int | None:
        """From the intended start to the sending."""
        return None if self.sent_ns is None else max(0, self.sent_ns - self.intended_ns)

    @property
    def is_clean(self) -> bool:
        """Answered with success, and to the end."""
        return self.evidence.is_success and self.evidence.exchange.end is End.CLEAN

    @cached_property
    def content(self) -> Sequence[TextDelta]:
        """Content deltas of the first choice of a streamed answer: what is spoken. Empty where there is no stream."""
        transcript = self.evidence.transcript
        if not self.evidence.is_success or transcript.kind not in ("stream", "array") or not transcript.choices:
            return ()
        return transcript.choices[0].content

    @cached_property
    def content_ns(self) -> tuple[int, ...]:
        """When each of them came; empty where one of the times is not known."""
        times = tuple(delta.at_ns for delta in self.content if delta.at_ns is not None)
        return times if len(times) == len(self.content) else ()

    @cached_property
    def speech(self) -> SpeechMetrics:
        """As it is heard; of an answer that broke off only what the chunk plan had released by then."""
        conditions = self.evidence.conditions
        return speech_metrics(
            self.content,
            conditions.chunk_plan,
            self.evidence.answered_at_ns if self.is_clean else None,
            characters_per_second=conditions.characters_per_second,
        )


def connect(sample: Sample) -> int | None:
    """Time to set up the TCP connection, without name lookup and TLS.

    None on a reused connection, and where no connection came about. Source: RFC 9293, 3.5.
    """
    return sample.evidence.exchange.timing.connect_ns


def tls(sample: Sample) -> int | None:
    """Time of the TLS handshake on a new connection.

    None on a reused connection and without TLS. Source: RFC 8446, 2.
    """
    return sample.evidence.exchange.timing.tls_ns


def headers(sample: Sample) -> int | None:
    """Time to the first byte of the response head.

    None where no response came. Of an error response, too: a quick refusal is told by its own count of errors, so only
    successes are measured here. Source: RFC 9112, 2.1.
    """
    return sample.evidence.exchange.timing.first_header_byte_ns if sample.evidence.is_success else None


def ttft(sample: Sample) -> int | None:
    """Time to first token: to the first delta with content; a role, reasoning or a tool call is no content.

    None for an answer without content, and for one that was not streamed: its time is that of the whole answer. An
    answer that broke off later counts, because its first token did come. Source: the API's own stream; the role delta
    opens a stream before the model has begun.
    """
    return sample.content_ns[0] if sample.content_ns else None


def ttfs(sample: Sample) -> int | None:
    """Time to first speech: until the platform's chunk plan has a first piece to speak.

    None where TTFT is, and where the answer broke off before a piece was whole. Synthesis comes on top (`turn`).
    Source: Vapi, voice.chunkPlan.
    """
    return sample.speech.ttfs_ns


def icl(sample: Sample) -> tuple[int, ...]:
    """Inter-chunk latency: each gap between two content deltas, which may hold several tokens (so this is not ITL).

    n deltas give n - 1 gaps, and 0 where two came in one read. Of an answer that broke off the gaps that were seen.
    """
    return tuple(later - earlier for earlier, later in pairwise(sample.content_ns))


def longest_gap(sample: Sample) -> int | None:
    """Longest time between two content deltas of an answer.

    None with fewer than two, and for an answer that broke off: its longest gap may have been the last.
    """
    return max(icl(sample), default=None) if sample.is_clean else None


def characters_rate(sample: Sample) -> int | None:
    """Output rate: characters after the first content delta, by the time from the first to the last.

    In thousandths per second. None with fewer than two deltas, for an answer that broke off, and where all came at
    once: that was a buffer, no rate.
    """
    times = sample.content_ns
    if not sample.is_clean or len(times) < 2 or times[-1] == times[0]:  # noqa: PLR2004 - a rate needs two points
        return None
    characters = sum(len(delta.text) for delta in sample.content[1:])
    return round(characters * 1000 * _NS_PER_S / (times[-1] - times[0]))


def tokens_rate(sample: Sample) -> int | None:
    """Output tokens as the endpoint counts them, by the time from the request to the last content delta.

    In thousandths per second. The wait for the first token is in it, because nobody says how many tokens the first
    delta holds. None without usage, or with a count that no answer has; for an answer that broke off; and where tokens
    were spent on reasoning or tool calls, which usage counts, too. Source: usage.completion_tokens and its like.
    """
    times, transcript = sample.content_ns, sample.evidence.transcript
    if not sample.is_clean or not times or times[-1] <= 0:
        return None
    if any(choice.reasoning or choice.tool_calls or choice.has_function_call for choice in transcript.choices):
        return None
    counts = [usage.output_tokens for usage in transcript.usages if usage.output_tokens is not None]
    if not counts or not 0 < counts[-1] <= _MOST_TOKENS:
        return None
    return counts[-1] * 1000 * _NS_PER_S // times[-1]


def end_lag(sample: Sample) -> int | None:
    """End-of-stream lag: from the last content delta until the answer was over.

    The rest of a text without a last punctuation mark waits so long to be spoken. None without content, and for an
    answer that broke off.
    """
    end_ns = sample.evidence.exchange.timing.end_ns
    if not sample.is_clean or not sample.content_ns or end_ns is None:
        return None
    return max(0, end_ns - sample.content_ns[-1])


def answer_time(sample: Sample) -> int | None:
    """Time to the end of the answer.

    None where it was refused or broke off.
    """
    return sample.evidence.exchange.timing.end_ns if sample.is_clean else None


def dead_air(sample: Sample) -> int | None:
    """Dead air: all silence inside an answer, where speech runs out before the next piece has come.

    At the speaking rate of the conditions, without the time of synthesis. None for an answer without speech, and for
    one that broke off: how that silence would have ended nobody knows.
    """
    return sample.speech.dead_air_ns if sample.is_clean else None


def pieces(sample: Sample) -> int | None:
    """Spoken pieces of an answer, by the platform's chunk plan.

    None for an answer without speech, and for one that broke off.
    """
    return sample.speech.pieces or None if sample.is_clean else None


def turn(sample: Sample) -> int | None:
    """Turn time, from the caller's last word to the first sound: TTFS is measured, the other stages are assumed.

    None where TTFS is. The stages and their sources stand in the result.
    """
    first_ns = ttfs(sample)
    return None if first_ns is None else first_ns + sample.turn_model.assumed_ns


def start_delay(sample: Sample) -> int | None:
    """How long after its intended start a request was sent: connecting, and any delay of this client.

    None where it was never sent.
    """
    return sample.delay_ns


def own_delay(sample: Sample) -> int | None:
    """The client's own part of the start delay, without connecting: it is in every time from the intended start.

    None where it was never sent.
    """
    timing = sample.evidence.exchange.timing
    delay_ns = sample.delay_ns
    return None if delay_ns is None else max(0, delay_ns - (timing.connect_ns or 0) - (timing.tls_ns or 0))


def error_kind(sample: Sample) -> str | None:
    """What went wrong, None where nothing did: the first that applies, from the connection up to the meaning."""
    exchange = sample.evidence.exchange
    if exchange.end is End.NO_RESPONSE and sample.sent_ns is None:
        return "no connection"
    is_http = not (exchange.error or "").startswith(BROKEN_HTTP)
    if is_http and exchange.end in _UNANSWERED:
        return _UNANSWERED[exchange.end]
    if exchange.response is not None and not sample.evidence.is_success:
        return f"status {sample.evidence.status}"
    if not is_http:
        return "broken HTTP"
    return _BROKEN.get(exchange.end) or _wrong_answer(sample.evidence)


def _wrong_answer(evidence: Evidence) -> str | None:
    transcript = evidence.transcript
    if transcript.errors:
        return "error in the answer"
    calls = any(choice.has_function_call for choice in transcript.choices)
    return None if evidence.token_chunks or calls else "empty answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric as a result has it."""

    name: str
    """In gates."""
    unit: Unit
    measure: Callable[[Sample], int | tuple[int, ...] | None]
    is_better: Literal["lower", "higher", "neither"] = "lower"
    counts_from: Literal["", "sent", "intended"] = ""
    """Of a latency: where its time begins."""

    @property
    def key(self) -> str:
        """In the document."""
        return self.name if self.unit == "count" else f"{self.name}_{'ms' if self.unit == 'ms' else 'per_s'}"

    @property
    def per_unit(self) -> int:
        """How many of the integers inside make one of the unit."""
        return _PER_UNIT[self.unit]

    @property
    def definition(self) -> str:
        """The first sentence of the function's contract, and where time begins."""
        words = " ".join((self.measure.__doc__ or "").split("\n\n")[0].split())
        since = {
            "": "",
            "sent": " From the last byte of the request.",
            "intended": " From the moment at which the request was meant to start.",
        }
        return words + since[self.counts_from]

    def values(self, sample: Sample) -> tuple[int, ...]:
        """What this sample adds; nothing where the function refuses."""
        found = self.measure(sample)
        values = () if found is None else found if isinstance(found, tuple) else (found,)
        if self.counts_from != "intended":
            return values
        delay_ns = sample.delay_ns
        return () if delay_ns is None else tuple(value + delay_ns for value in values)


_LATENCIES: Final = (
    Metric(name="headers", unit="ms", measure=headers, counts_from="sent"),
    Metric(name="ttft", unit="ms", measure=ttft, counts_from="sent"),
    Metric(name="ttfs", unit="ms", measure=ttfs, counts_from="sent"),
    Metric(name="answer", unit="ms", measure=answer_time, counts_from="sent"),
    Metric(name="turn", unit="ms", measure=turn, counts_from="sent"),
)
_OTHERS: Final = (
    Metric(name="icl", unit="ms", measure=icl),
    Metric(name="longest_gap", unit="ms", measure=longest_gap),
    Metric(name="dead_air", unit="ms", measure=dead_air),
    Metric(name="end_lag", unit="ms", measure=end_lag),
    Metric(name="characters", unit="1/s", measure=characters_rate, is_better="higher"),
    Metric(name="tokens", unit="1/s", measure=tokens_rate, is_better="higher"),
    Metric(name="pieces", unit="count", measure=pieces, is_better="neither"),
    Metric(name="connect", unit="ms", measure=connect),
    Metric(name="tls", unit="ms", measure=tls),
)
_DELAYS: Final = (
    Metric(name="start_delay", unit="ms", measure=start_delay, is_better="neither"),
    Metric(name="own_delay", unit="ms", measure=own_delay, is_better="neither"),
)
"""Of the client, for the most part: a change in them is no change of the endpoint."""


def metrics_for(loop: Literal["closed", "open"]) -> tuple[Metric, ...]:
    """Every metric, in the order in which they are told. A recorded trace is an open loop, too."""
    if loop == "closed":
        return (*_LATENCIES, *_OTHERS)
    felt = tuple(replace(metric, counts_from="intended") for metric in _LATENCIES)
    sent = tuple(replace(metric, name=f"{metric.name}_from_sent") for metric in _LATENCIES)
    return (*felt, *sent, *_OTHERS, *_DELAYS)
