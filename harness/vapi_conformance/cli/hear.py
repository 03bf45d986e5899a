"""`vapi-conformance hear`: the words, the times, the silences."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.consumers import Heard, Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.exchange import Exchange
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings import load_exchanges
from vapi_conformance.report.text import Line, Style
from vapi_conformance.speech import ChunkPlan, SpeechMetrics, SpokenPiece, TimedText, speech_metrics, spoken_pieces

__all__ = ["command"]

_NS_PER_MS: Final = 1_000_000


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@json_option
def command(
    *, files: tuple[Path, ...], min_characters: int, no_chunk_plan: bool, speaking_rate: float, as_json: bool
) -> None:
    """What a caller hears of the recorded answers in FILES: the spoken pieces with their times, and the silences.

    The bytes go through a model of the client that Vapi uses (the openai package for Node, 4.91) and then through
    Vapi's chunk plan, which decides when text is handed to text-to-speech. Times are milliseconds after the request
    was written; recordings without times have none. Synthesis and transport come on top.
    """
    plan = ChunkPlan(enabled=not no_chunk_plan, min_characters=min_characters)
    results: list[dict[str, object]] = []
    unread: list[str] = []
    for path in files:
        try:
            for exchange in load_exchanges(path):
                heard = hear(exchange)
                texts = [TimedText(text=each.text, at_ns=each.at_ns) for each in heard.texts]
                pieces = spoken_pieces(texts, plan, heard.ended_at_ns)
                metrics = speech_metrics(texts, plan, heard.ended_at_ns, characters_per_second=speaking_rate)
                if as_json:
                    results.append(_document(exchange, heard, pieces, metrics))
                else:
                    print_lines(_lines(exchange, heard, pieces, metrics))
        except UsageError as problem:
            unread.append(str(problem))
    if as_json:
        print_json({"results": results, "unread": unread})
    for sentence in unread:
        click.secho(f"not read: {sentence}", fg="red", err=True)
    sys.exit(2 if unread else 0)


def _ms(at_ns: int | None) -> float | None:
    return None if at_ns is None else round(at_ns / _NS_PER_MS, 3)


def _document(
    exchange: Exchange, heard: Heard, pieces: tuple[SpokenPiece, ...], metrics: SpeechMetrics
) -> dict[str, object]:
    return {
        "source": exchange.source,
        "outcome": heard.outcome.value,
        "spoken": [{"text": piece.text, "at_ms": _ms(piece.at_ns)} for piece in pieces],
        "tool_calls": [{"id": each.id, "name": each.name, "arguments": each.arguments} for each in heard.tool_calls],
        "finish_reason": heard.finish_reason,
        "error": heard.error,
        "ttft_ms": _ms(metrics.ttft_ns),
        "ttfs_ms": _ms(metrics.ttfs_ns),
        "longest_gap_ms": _ms(metrics.longest_gap_ns),
        "dead_air_ms": _ms(metrics.dead_air_ns),
    }


def _lines(exchange: Exchange, heard: Heard, pieces: tuple[SpokenPiece, ...], metrics: SpeechMetrics) -> Iterator[Line]:
    yield Line(exchange.source or "an exchange", "strong")
    silences = dict(metrics.dead_airs)
    for piece in pieces:
        for start_ns in [each for each in silences if piece.at_ns is not None and each < piece.at_ns]:
            yield Line(
                f"  {_ms(start_ns) or 0:>10.1f} ms  ... {silences.pop(start_ns) / _NS_PER_MS:.0f} ms of silence ...",
                "warning",
            )
        at = f"{piece.at_ns / _NS_PER_MS:>10.1f} ms" if piece.at_ns is not None else " " * 13
        yield Line(f"  {at}  {piece.text!r}")
    for call in heard.tool_calls:
        yield Line(f"  calls {call.name or '(no name)'}({call.arguments})")
    style: Style = (
        "bad" if heard.outcome is Outcome.FAILED else "warning" if heard.outcome is Outcome.SILENCE else "good"
    )
    told = [heard.outcome.value]
    if heard.error:
        told.append(heard.error)
    if metrics.ttfs_ns is not None:
        told.append(f"first speech after {metrics.ttfs_ns / _NS_PER_MS:.1f} ms")
    if metrics.dead_air_ns:
        told.append(f"{metrics.dead_air_ns / _NS_PER_MS:.0f} ms of dead air")
    yield Line(f"  {', '.join(told)}", style)
    yield Line("")
