"""The exchanges of a run for the report: what was sent, what came and when, what is heard of it; all of it bounded."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from vapi_conformance.consumers import Heard
from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.masking import mask_query
from vapi_conformance.report.bytes_shown import excerpt, visible
from vapi_conformance.report.clients import Client, as_told, clients_of, every_client, heard_by
from vapi_conformance.report.curl import curl, shown_headers
from vapi_conformance.report.effect import effects
from vapi_conformance.report.printable import printable
from vapi_conformance.speech import SpokenPiece, TimedText, speech_metrics, spoken_pieces
from vapi_conformance.sse import Block
from vapi_conformance.units import milliseconds

__all__ = ["Ids", "played_documents"]

_MOST_IN_FULL: Final = 60
"""Exchanges that are told at length, if so many show violations."""
_LONGEST_HEARD_BYTES: Final = 256 * 1024
"""Of an answer that is longer nobody's hearing is worked out for the page: it would take longer than judging it."""
_MOST_HEADERS: Final = 60
_LONGEST_VALUE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What one exchange may take."""

    request_bytes: int
    body_bytes: int
    events: int
    event_characters: int
    pieces: int
    text_characters: int
    with_curl: bool


_FULL: Final = _Room(
    request_bytes=6000,
    body_bytes=6000,
    events=100,
    event_characters=200,
    pieces=60,
    text_characters=1000,
    with_curl=True,
)
_SHORT: Final = _Room(
    request_bytes=1000, body_bytes=600, events=12, event_characters=60, pieces=12, text_characters=300, with_curl=False
)


class Ids:
    """What each exchange is called: its source, with a number where several have the same."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        """evidence: all that a report is about."""
        self._names: dict[int, str] = {}
        seen = Counter[str]()
        for each in evidence:
            source = each.exchange.source or "an exchange"
            seen[source] += 1
            self._names[id(each.exchange)] = source if seen[source] == 1 else f"{source} #{seen[source]}"

    def of(self, exchange: Exchange) -> str:
        """The source alone for one that the report does not list."""
        return self._names.get(id(exchange), exchange.source)


def played_documents(
    evidence: Sequence[Evidence],
    ids: Ids,
    *,
    violated: Sequence[Exchange] = (),
    breaks: Mapping[int, Collection[str]] = MappingProxyType({}),
) -> list[dict[str, object]]:
    """One for each exchange, in the order of play.

    violated: those worth telling at length, the most telling first. breaks: ids of rules by the `id` of the exchange.
    """
    wanted = dict.fromkeys(id(each) for each in violated)
    in_full = set(list(wanted)[:_MOST_IN_FULL])
    return [
        {
            **_document(each, ids.of(each.exchange), _FULL if id(each.exchange) in in_full else _SHORT),
            "breaks": list(breaks.get(id(each.exchange), ())),
        }
        for each in evidence
    ]


def _document(evidence: Evidence, name: str, room: _Room) -> dict[str, object]:
    exchange, label = evidence.exchange, evidence.exchange.label
    request = exchange.request
    events, events_left_out = _events(evidence, room)
    return {
        "id": name,
        "scenario": None if label is None else label.scenario,
        "step": None if label is None else label.step,
        "attempt": None if label is None else label.attempt,
        "expects": None if label is None else label.expects,
        "call": _call(evidence),
        "asked": _asked(evidence, room),
        "method": _short(request.method, _LONGEST_VALUE),
        "url": _short(mask_query(request.url), _LONGEST_VALUE),
        "status": evidence.status,
        "content_type": _short(evidence.media_type, _LONGEST_VALUE) or None,
        "end": exchange.end.value,
        "error": None if exchange.error is None else _short(exchange.error, _LONGEST_VALUE),
        "connection_reused": exchange.connection_reused,
        "curl": curl(request, most_bytes=room.request_bytes) if room.with_curl else None,
        "request": {
            "headers": _headers(shown_headers(request.headers)),
            "body": None if request.body is None else excerpt(request.body, room.request_bytes),
        },
        "response_headers": _headers(_response_headers(exchange)),
        "timing": _timing(exchange),
        "events": events,
        "events_left_out": events_left_out,
        **_hearing(evidence, room),
        "body": None if exchange.response is None else excerpt(evidence.body, room.body_bytes),
    }


def _short(text: str, most: int) -> str:
    return printable(text if len(text) <= most else f"{text[: most - 1]}\u2026")


def _headers(pairs: Iterator[tuple[str, str]]) -> list[list[str]]:
    shown = [
        [_short(name, _LONGEST_VALUE), _short(value, _LONGEST_VALUE)] for name, value in islice(pairs, _MOST_HEADERS)
    ]
    left_out = sum(1 for _ in pairs)
    return shown + ([["\u2026", f"{left_out} more"]] if left_out else [])


def _response_headers(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """A cookie is a credential of the server's making."""
    for name, value in exchange.response.headers if exchange.response else ():
        told, text = name.decode("latin-1"), value.decode("latin-1")
        if told.lower() == "set-cookie":
            cookie, sign, rest = text.partition("=")
            secret, mark, attributes = rest.partition(";")
            text = cookie + sign + "*" * len(secret) + mark + attributes
        yield told, text


def _call(evidence: Evidence) -> dict[str, object] | None:
    """Its place in a call, in call time; None where it was not made in one."""
    call = evidence.call
    position = next((at for at, each in enumerate(call.exchanges) if each is evidence.exchange), None) if call else None
    if call is None or position is None:
        return None
    request = call.requests[position]
    return {
        "name": call.name,
        "id": call.call_id,
        "at_ms": milliseconds(request.at_ns),
        "turn": request.turn,
        "why": request.why,
        "closed": request.closed,
    }


def _asked(evidence: Evidence, room: _Room) -> str | None:
    """What the caller said last; None where somebody else spoke after them: a tool, or nobody yet."""
    turns = evidence.request.turns if evidence.request is not None else ()
    return _short(turns[-1].text, room.text_characters) if turns and turns[-1].role == "user" else None


def _timing(exchange: Exchange) -> dict[str, object]:
    timing = exchange.timing
    return {
        "started_at": timing.started_at,
        "dns_ms": milliseconds(timing.dns_ns),
        "connect_ms": milliseconds(timing.connect_ns),
        "tls_ms": milliseconds(timing.tls_ns),
        "headers_ms": milliseconds(timing.first_header_byte_ns),
        "end_ms": milliseconds(timing.end_ns),
    }


def _events(evidence: Evidence, room: _Room) -> tuple[list[dict[str, object]], int]:
    """The blocks of a stream, the reads of anything else; and how many are left out of the middle.

    The last ones are told, too: there an answer ends well or not.
    """
    if evidence.exchange.response is None:
        return [], 0
    stream = evidence.stream
    count = len(evidence.decoded.reads) if stream is None else len(stream.blocks)
    last = min(3, room.events // 2)
    chosen = range(count) if count <= room.events else [*range(room.events - last), *range(count - last, count)]
    if stream is not None:
        brought = _brought(evidence)
        told = [_block(stream.blocks[at], evidence.body, brought, room) for at in chosen]
    else:
        reads, told, offset = evidence.decoded.reads, list[dict[str, object]](), 0
        wanted = set(chosen)
        for at, read in enumerate(reads):
            if at in wanted:
                told.append(_event(read.at_ns, "read", read.data, offset, room))
            offset += len(read.data)
    return told, count - len(told)


def _brought(evidence: Evidence) -> dict[int, str]:
    """What of the answer each chunk brings, by its first byte: words, reasons to refuse, pieces of arguments."""
    start = {chunk.index: chunk.start for chunk in evidence.transcript.chunks}
    found = dict[int, str]()
    for choice in evidence.transcript.choices:
        texts = [(delta.chunk, delta.text) for delta in (*choice.content, *choice.refusal, *choice.reasoning)]
        arguments = (piece for call in choice.tool_calls for piece in call.fragments)
        texts += [(piece.chunk, str(piece.function.get("arguments") or "")) for piece in arguments]
        for chunk, text in texts:
            if len(found.get(start[chunk], "")) < _LONGEST_VALUE:
                found[start[chunk]] = found.get(start[chunk], "") + text[:_LONGEST_VALUE]
    return found


def _block(block: Block, body: bytes, brought: Mapping[int, str], room: _Room) -> dict[str, object]:
    if block.event is not None:
        name = block.event.type
    elif not block.terminated:
        name = "(unfinished)"
    else:
        name = "(comment)" if block.is_comment_only else "(nothing)"
    shown = body[block.start : min(block.end, block.start + 4 * room.event_characters)]
    told = _event(block.at_ns, name, shown, block.start, room)
    brings = _short(brought.get(block.start, ""), room.event_characters) or None
    return {**told, "bytes": block.end - block.start, "brings": brings}


def _event(at_ns: int | None, name: str, data: bytes, start: int, room: _Room) -> dict[str, object]:
    text = visible(data[: 4 * room.event_characters]).removesuffix("\u240a\n")
    return {
        "at_ms": milliseconds(at_ns),
        "name": _short(name, 80),
        "start_byte": start,
        "bytes": len(data),
        "brings": None,
        "text": text if len(text) <= room.event_characters else f"{text[: room.event_characters]}\u2026",
    }


def _hearing(evidence: Evidence, room: _Room) -> Mapping[str, object]:
    """What is heard of it: the words, the times, the silences, and by whom."""
    nothing: dict[str, object] = {"pieces": [], "pieces_left_out": 0, "dead_air": [], "consumers": []}
    if evidence.exchange.response is None:
        return nothing
    if len(evidence.body) > _LONGEST_HEARD_BYTES:
        return {**nothing, "pieces_left_out": None}
    request = evidence.request
    stream = request.stream if request is not None else evidence.transcript.kind != "json"
    heard = {
        client: words
        for client in every_client(evidence.dialect)
        if (words := heard_by(client, evidence.exchange, stream=stream)) is not None
    }
    ears = clients_of(evidence.dialect, evidence.conditions.platform)[0] if heard else None
    listened = None if ears is None else heard.get(ears)
    if listened is not None and evidence.is_success:
        nothing.update(_speech(evidence, listened, room))
    return {**nothing, "consumers": list(_consumers(evidence, heard, room))}


def _consumers(evidence: Evidence, heard: Mapping[Client, Heard], room: _Room) -> Iterator[dict[str, object]]:
    """First whoever called, with what follows from it; then all others that are modelled, of the same bytes."""
    words = {client.name: each.text for client, each in heard.items()}
    known = {effect.consumer: effect for effect in effects(evidence)}
    for name, effect in known.items():
        yield {
            "name": name,
            "library": effect.who,
            "what": effect.what,
            "sentence": _short(effect.text, _LONGEST_VALUE),
            "known": effect.known,
            # Vapi hears through the library's ears.
            "text": _short(words.get(name, next(iter(words.values()), "")), room.text_characters),
        }
    for client, each in heard.items():
        if client.name not in known:
            found = as_told(each)
            yield {
                "name": client.name,
                "library": client.library,
                "what": found.what,
                "sentence": _short(found.text, _LONGEST_VALUE),
                "known": client.known,
                "text": _short(each.text, room.text_characters),
            }


def _speech(evidence: Evidence, heard: Heard, room: _Room) -> Mapping[str, object]:
    conditions = evidence.conditions
    rate = conditions.characters_per_second
    texts = [TimedText(text=each.text, at_ns=each.at_ns) for each in heard.texts]
    pieces = spoken_pieces(texts, conditions.chunk_plan, heard.ended_at_ns)
    metrics = speech_metrics(texts, conditions.chunk_plan, heard.ended_at_ns, characters_per_second=rate)
    told = list(_pieces(pieces[: room.pieces], rate, room))
    return {
        "pieces": told,
        "pieces_left_out": len(pieces) - len(told),
        "dead_air": [
            {"from_ms": milliseconds(start_ns), "ms": milliseconds(length_ns)}
            for start_ns, length_ns in metrics.dead_airs[: room.pieces]
        ],
    }


def _pieces(pieces: Sequence[SpokenPiece], characters_per_second: float, room: _Room) -> Iterator[dict[str, object]]:
    until_ns: int | None = None
    for piece in pieces:
        from_ns = piece.at_ns if until_ns is None or piece.at_ns is None else max(piece.at_ns, until_ns)
        length_ns = round(len(piece.text.strip()) / characters_per_second * NS_PER_S)
        until_ns = None if from_ns is None else from_ns + length_ns
        yield {
            "text": _short(piece.text, room.text_characters),
            "at_ms": milliseconds(piece.at_ns),
            "from_ms": milliseconds(from_ns),
            "until_ms": milliseconds(until_ns),
        }
