"""The client library of ACME's switchboard, as a model: the same bytes in, what its user hears out.

It decodes by itself, with the library's habits and mistakes, and uses no decoder of vapi-conformance: a fault that both
had would hide what a caller hears. The habit that matters: events end with two line feeds and with nothing else. Where
an endpoint ends its lines with CR LF, as the standard allows, nothing is heard.
"""

import json
from bisect import bisect_left
from itertools import accumulate
from typing import Any

from vapi_conformance.extending import CHAT, Consumer, Exchange, Heard, HeardOutcome, HeardText, HeardToolCall

_EVENT_END = b"\n\n"


def hear(exchange: Exchange) -> Heard:
    """What the switchboard hands to its voices."""
    texts: list[HeardText] = []
    calls: dict[object, HeardToolCall] = {}
    ends = list(accumulate(len(read.data) for read in exchange.reads))
    position = 0
    for event in exchange.body.split(_EVENT_END)[:-1]:
        position += len(event) + len(_EVENT_END)
        at_ns = exchange.reads[bisect_left(ends, position)].at_ns  # when the last byte of the event came
        data = event.removeprefix(b"data: ")
        if data == event or data.strip() == b"[DONE]":
            continue
        try:
            delta = json.loads(data)["choices"][0]["delta"]
            if text := _text(delta.get("content")):
                texts.append(HeardText(text=text, at_ns=at_ns))
            for piece in delta.get("tool_calls") or ():
                calls[piece["index"]] = _grown(calls.get(piece["index"]), piece, at_ns)
        except IndexError:
            continue  # the library passes over chunks without choices
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            return _heard(exchange, texts, calls, error=f"AcmeStreamError: {type(problem).__name__}")
    return _heard(exchange, texts, calls)


def _text(value: object) -> str | None:
    """The library passes over what is no text."""
    return value if isinstance(value, str) else None


def _grown(call: HeardToolCall | None, piece: dict[str, Any], at_ns: int | None) -> HeardToolCall:
    """The call with one more fragment. Of several names the first one counts."""
    function: dict[str, object] = piece["function"]
    index: object = piece["index"]
    return HeardToolCall(
        index=index if isinstance(index, int) else None,
        id=_text(piece.get("id")) if call is None else call.id,
        name=_text(function.get("name")) if call is None else call.name,
        arguments=("" if call is None else call.arguments) + (_text(function.get("arguments")) or ""),
        at_ns=at_ns,
    )


def _heard(
    exchange: Exchange, texts: list[HeardText], calls: dict[object, HeardToolCall], *, error: str | None = None
) -> Heard:
    outcome = HeardOutcome.SILENCE
    if error is not None:
        outcome = HeardOutcome.FAILED
    elif any(each.text.strip() for each in texts):
        outcome = HeardOutcome.SPOKEN
    elif any(each.name for each in calls.values()):
        outcome = HeardOutcome.TOOL_CALL
    return Heard(
        outcome=outcome,
        texts=tuple(texts),
        tool_calls=tuple(calls.values()),
        error=error,
        ended_at_ns=exchange.timing.end_ns,
    )


CONSUMER = Consumer(
    library="ACME's switchboard 2.4",
    hear=hear,
    dialects=CHAT,
    platforms={"acme"},  # through whose ears ACME's calls are judged; without this line it is heard in every run
    known="read in its source",
    sureness="inferred",
)
