"""`vapi-conformance hear`: the words, the times, the silences."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from vapi_conformance.additions import shown_origin
from vapi_conformance.call_scenario import CALLS
from vapi_conformance.cli.broken_additions import tell_broken_consumers
from vapi_conformance.cli.printing import JsonResults, json_option, print_lines
from vapi_conformance.cli.reading import Reading, files_argument
from vapi_conformance.consumers import Heard, Outcome
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.dialects.recognition import recognise
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import default_platform
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings import load_call
from vapi_conformance.report.call_result import CallResult, call_document, call_result
from vapi_conformance.report.call_text import result_lines, timeline_lines
from vapi_conformance.report.clients import VAPI, Client, listener
from vapi_conformance.report.effect import Effect, effects
from vapi_conformance.report.text import Line, Style
from vapi_conformance.speech import ChunkPlan, SpeechMetrics, SpokenPiece, TimedText, speech_metrics, spoken_pieces
from vapi_conformance.units import milliseconds

__all__ = ["command"]

_NS_PER_MS: Final = 1_000_000
_STYLES: Final[dict[Outcome, Style]] = {Outcome.FAILED: "bad", Outcome.SILENCE: "warning"}
_EPILOG = """\b
Examples:
  vapi-conformance hear exchanges/001-plain.stream.1.exchange.json
  vapi-conformance hear --min-characters 10 call.har --json

\b
Exit status:
  0  every file was read, whatever was heard
  1  some file could not be read
  2  wrong usage, or no file could be read
"""


@click.command(epilog=_EPILOG)
@files_argument
@click.option(
    "--min-characters", type=click.IntRange(1, 80), default=30, show_default=True, help="voice.chunkPlan.minCharacters."
)
@click.option(
    "--no-chunk-plan", is_flag=True, help="voice.chunkPlan.enabled is false: every delta is spoken as it comes."
)
@click.option(
    "--speaking-rate",
    type=click.FloatRange(min=1, max=100),
    default=15.0,
    show_default=True,
    metavar="CHARACTERS/S",
    help="How fast the voice speaks; it decides when speech runs out and the line is silent.",
)
@click.option(
    "--dialect",
    type=click.Choice([each.value for each in Dialect if each in EVERY]),
    help="API shape of the answers. Without it each exchange is recognised by its URL, its headers and its shape.",
)
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    files: tuple[Path, ...],
    min_characters: int,
    no_chunk_plan: bool,
    speaking_rate: float,
    dialect: str | None,
    as_json: bool,
) -> None:
    """What a caller hears of the recorded answers in FILES: the spoken pieces with their times, and the silences.

    FILES are what `check` takes. The bytes go through a model of the client that Vapi uses (the openai package for
    Node, 4.91), or for the other APIs of their official client, and then through Vapi's chunk plan, which decides when
    text is handed to text-to-speech. Times are milliseconds after the request was written; recordings without times
    have none. Synthesis and transport come on top. A file with a whole call (*.call.json) is told as one story.
    """
    tell_broken_consumers()
    plan = ChunkPlan(enabled=not no_chunk_plan, min_characters=min_characters)
    reading, results, calls = Reading(files=files), JsonResults(), _Calls()
    for path, exchange in reading:
        if calls.take(path, exchange) and not as_json:
            for line in calls.told(path):
                with reading.paused():
                    print_lines([line])
            continue
        spoken = recognise(exchange).dialect if dialect is None else Dialect(dialect)
        if spoken is Dialect.VAPI_SERVER_MESSAGES:
            reading.left_out.append(f"{exchange.source}: answers a server message, and nobody hears that")
            continue
        hearing = _listen(exchange, spoken, plan, speaking_rate)
        if as_json:
            results.add(_document(hearing))
        else:
            with reading.paused():
                print_lines(_lines(hearing))
    if as_json:
        results.end({"unread": reading.unread, "left_out": reading.left_out, "calls": calls.documents})
    reading.complain()
    sys.exit(reading.exit_status())


@dataclass(kw_only=True)
class _Calls:
    """Files that hold whole calls: each is told once, as one story."""

    documents: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    _path: Path | None = None
    _result: CallResult | None = None
    """What the file of that path holds."""
    _untold: CallResult | None = None

    def take(self, path: Path, exchange: Exchange) -> bool:
        """Whether the exchange belongs to a whole call."""
        label = exchange.label
        if label is None or not label.scenario.startswith(CALLS):
            return False
        if path != self._path:
            self._path, self._result = path, _call_in(path)
            if self._result is not None:
                self.documents.append({"source": str(path), **call_document(self._result)})
                self._untold = self._result
        return self._result is not None

    def told(self, path: Path) -> Iterator[Line]:
        """The call, the first time that it is asked for."""
        result, self._untold = self._untold, None
        if result is None:
            return
        yield Line(f"{path}: the call {result.record.name}", "strong")
        yield from timeline_lines(result.record.events)
        yield from result_lines(result, with_transcript=False)
        yield Line("")


def _call_in(path: Path) -> CallResult | None:
    try:
        record = load_call(path)
    except UsageError:
        return None  # a file with one exchange of a call
    return call_result(record, [Evidence(exchange=each, call=record) for each in record.exchanges])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hearing:
    exchange: Exchange
    client: Client
    heard: Heard
    pieces: tuple[SpokenPiece, ...]
    metrics: SpeechMetrics
    effects: tuple[Effect, ...]
    asked_for_stream: bool


def _listen(exchange: Exchange, dialect: Dialect, plan: ChunkPlan, speaking_rate: float) -> _Hearing:
    client = listener(dialect)
    heard = client.hear(exchange)
    conditions = Conditions(platform=default_platform(dialect))
    evidence = Evidence(exchange=exchange, dialect=dialect, conditions=conditions)
    texts = [TimedText(text=each.text, at_ns=each.at_ns) for each in heard.texts]
    return _Hearing(
        exchange=exchange,
        client=client,
        heard=heard,
        pieces=spoken_pieces(texts, plan, heard.ended_at_ns),
        metrics=speech_metrics(texts, plan, heard.ended_at_ns, characters_per_second=speaking_rate),
        effects=effects(evidence),
        asked_for_stream=evidence.request is None or evidence.request.stream,
    )


def _document(hearing: _Hearing) -> dict[str, object]:
    heard, metrics = hearing.heard, hearing.metrics
    return {
        "source": hearing.exchange.source,
        "client": hearing.client.name,
        "outcome": heard.outcome.value,
        "spoken": [{"text": piece.text, "at_ms": milliseconds(piece.at_ns)} for piece in hearing.pieces],
        "tool_calls": [{"id": each.id, "name": each.name, "arguments": each.arguments} for each in heard.tool_calls],
        "finish_reason": heard.finish_reason,
        "error": heard.error,
        "asked_for_stream": hearing.asked_for_stream,
        "ttft_ms": milliseconds(metrics.ttft_ns),
        "ttfs_ms": milliseconds(metrics.ttfs_ns),
        "longest_gap_ms": milliseconds(metrics.longest_gap_ns),
        "dead_air_ms": milliseconds(metrics.dead_air_ns),
        "effects": [_effect(effect) for effect in hearing.effects],
    }


def _effect(effect: Effect) -> dict[str, object]:
    return {
        "consumer": effect.consumer,
        "what": effect.what,
        "sentence": effect.sentence,
        "ended_reasons": list(effect.ended_reasons),
        "sureness": effect.sureness,
        "origin": shown_origin(effect.origin),
    }


def _lines(hearing: _Hearing) -> Iterator[Line]:
    heard = hearing.heard
    yield Line(hearing.exchange.source or "an exchange", "strong")
    yield from _spoken(hearing.pieces, hearing.metrics)
    for call in heard.tool_calls:
        yield Line(f"  calls {call.name or '(no name)'}({call.arguments})")
    yield Line(f"  {', '.join(_told(heard, hearing.metrics))}", _STYLES.get(heard.outcome, "good"))
    if not hearing.asked_for_stream and hearing.client is VAPI:
        yield Line("  the request asked for no stream, and Vapi always does: this answer is none that it would get")
    elif heard.outcome in _STYLES or hearing.metrics.dead_air_ns:
        for effect in hearing.effects:
            yield Line(f"  {effect.sentence}")
            if effect.ended_reasons:
                yield Line(f"  endedReason {' or '.join(effect.ended_reasons)}")
    yield Line("")


def _spoken(pieces: tuple[SpokenPiece, ...], metrics: SpeechMetrics) -> Iterator[Line]:
    silences = list(metrics.dead_airs)
    for piece in pieces:
        while silences and piece.at_ns is not None and silences[0][0] < piece.at_ns:
            start_ns, duration_ns = silences.pop(0)
            yield Line(
                f"  {start_ns / _NS_PER_MS:>10.1f} ms  ... {duration_ns / _NS_PER_MS:.0f} ms of silence ...", "warning"
            )
        at = f"{piece.at_ns / _NS_PER_MS:>10.1f} ms" if piece.at_ns is not None else " " * 13
        yield Line(f"  {at}  {piece.text!r}")


def _told(heard: Heard, metrics: SpeechMetrics) -> Iterator[str]:
    match heard.outcome:
        case Outcome.SILENCE:
            yield "silence: nothing to say and no tool to run"
        case Outcome.FAILED:
            yield f"failed: {heard.error or 'no reason is known'}"
        case _:
            yield heard.outcome.value
    if metrics.ttfs_ns is not None:
        yield f"first speech after {metrics.ttfs_ns / _NS_PER_MS:.1f} ms"
    if metrics.dead_air_ns:
        yield f"{metrics.dead_air_ns / _NS_PER_MS:.0f} ms of dead air"
