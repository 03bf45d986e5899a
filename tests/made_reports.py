"""Report documents made by hand, after the schema `harness/report`."""

from collections.abc import Mapping, Sequence

__all__ = ["ECHOED", "HOSTILE", "dead_air", "hostile", "played", "report", "rule", "violation"]

ECHOED = "<script>alert(1)</script><style>*{display:none}</style><img src=x onerror='y'>\" onload=\"z"
HOSTILE = f"</title></style></script></pre></details>{ECHOED}\u202etxt.exe {{{{ 7*7 }}}}\x00"
"""What an endpoint may send wherever it says anything, so that pages, terminals or readers obey it."""

_EFFECT: dict[str, object] = {
    "consumer": "vapi",
    "what": "heard",
    "sentence": "Vapi, of this answer as a whole: The answer is spoken. (observed)",
    "ended_reasons": [],
    "sureness": "observed",
}


def violation(**changed: object) -> dict[str, object]:
    """An event that is not terminated."""
    made: dict[str, object] = {
        "expected": "an empty line after the last event",
        "actual": "the body ends inside an event",
        "exchange": "plain/stream",
        "chunk": None,
        "start_byte": 213,
        "end_byte": 225,
        "at_ms": 204.3,
        "bytes": {"before": "data: {}␊\n␊\n", "marked": "data: [DONE]", "after": "", "left_out": 0},
        "repeat": "pytest --endpoint http://endpoint.example/v1 --endpoint-rule sse.last-event-is-terminated",
        "effects": [_EFFECT],
    }
    return made | changed


def rule(identity: str = "sse.holds", outcome: str = "passed", **changed: object) -> dict[str, object]:
    """One that passed, unless the outcome is another."""
    is_broken = outcome == "violated"
    made: dict[str, object] = {
        "id": identity,
        "level": "MUST",
        "outcome": outcome,
        "statement": "What is required holds.",
        "source": "HTML Living Standard, 9.2.6",
        "remedy": "End every event with an empty line.",
        "judged": 3,
        "broken": int(is_broken),
        "reason": "",
        "expected_failure": False,
        "violations": [violation()] if is_broken else [],
    }
    return made | changed


def played(identity: str = "plain/stream", **changed: object) -> dict[str, object]:
    """A sound answer to an ordinary request: one piece, spoken from 40 ms on."""
    scenario, _, step = identity.rpartition("/")
    said = "You said: Hello, who is this?"
    event = {"at_ms": 40.0, "name": "message", "start_byte": 0, "bytes": 58, "brings": said, "text": "data: {…}␊\n"}
    made: dict[str, object] = {
        "id": identity,
        "scenario": scenario or None,
        "step": step,
        "attempt": 1,
        "expects": "answer",
        "call": None,
        "asked": "Hello, who is this?",
        "method": "POST",
        "url": "http://endpoint.example/v1/chat/completions",
        "status": 200,
        "content_type": "text/event-stream",
        "end": "clean",
        "error": None,
        "connection_reused": False,
        "curl": "curl -sSN http://endpoint.example/v1/chat/completions -H 'authorization: Bearer '\"$API_KEY\"",
        "request": {
            "headers": [["content-type", "application/json"], ["authorization", "Bearer ****"]],
            "body": {"text": '{"stream":true}', "bytes": 15, "left_out": 0},
        },
        "response_headers": [["content-type", "text/event-stream"]],
        "timing": {
            "started_at": "2026-11-21T18:42:28.432+00:00",
            "dns_ms": 1.0,
            "connect_ms": 3.0,
            "tls_ms": None,
            "headers_ms": 12.0,
            "end_ms": 60.0,
        },
        "events": [event, {**event, "at_ms": 60.0, "start_byte": 58, "bytes": 14, "brings": None}],
        "events_left_out": 0,
        "pieces": [{"text": said, "at_ms": 40.0, "from_ms": 40.0, "until_ms": 1973.333}],
        "pieces_left_out": 0,
        "dead_air": [],
        "consumers": [
            {
                "name": "vapi",
                "library": "Vapi, of this answer as a whole",
                "what": "heard",
                "sentence": "The answer is spoken.",
                "known": "observed",
                "text": said,
            },
            {
                "name": "openai-node",
                "library": "openai 4.91 for Node",
                "what": "heard",
                "sentence": "29 characters, then the end",
                "known": "measured against the package",
                "text": said,
            },
        ],
        "body": {"text": "data: {}␊\n␊\ndata: [DONE]", "bytes": 72, "left_out": 0},
    }
    return made | changed


def dead_air(identity: str = "calls/slow/turn-1.1", silence_ms: float = 3200.0, **changed: object) -> dict[str, object]:
    """Two pieces with a silence between them."""
    first = {"text": "Let me look that up for you. ", "at_ms": 400.0, "from_ms": 400.0, "until_ms": 2266.667}
    starts = 2266.667 + silence_ms
    second = {"text": "There is a table at eight.", "at_ms": starts, "from_ms": starts, "until_ms": starts + 1733.333}
    timing = {"dns_ms": None, "connect_ms": None, "tls_ms": None, "headers_ms": 20.0, "end_ms": starts + 10}
    return played(
        identity,
        pieces=[first, second],
        dead_air=[{"from_ms": 2266.667, "ms": silence_ms}],
        timing={"started_at": None, **timing},
        connection_reused=True,
        call={"name": "slow", "id": "c", "at_ms": 0.0, "turn": 1, "why": "heard", "closed": None},
        **changed,
    )


def report(
    rules: Sequence[Mapping[str, object]] = (), exchanges: Sequence[Mapping[str, object]] = (), **changed: object
) -> dict[str, object]:
    """Its verdict follows from the rules."""
    rules = rules or [rule(), rule("chat-stream.ends-with-done", level="SHOULD")]
    exchanges = exchanges or [played()]
    gates = [each["outcome"] for each in rules if each["level"] == "MUST"]
    verdict = "violated" if "violated" in gates else "incomplete" if "untestable" in gates else "conformant"
    made: dict[str, object] = {
        "format": "vapi-conformance/report",
        "version": 1,
        "verdict": verdict,
        "profile": "vapi",
        "dialect": "openai_compatible",
        "target": {
            "name": "http://endpoint.example/v1",
            "url": "http://endpoint.example/v1/chat/completions",
            "platform": "vapi",
            "model": "m",
        },
        "suite": {"version": "0.1.0", "started_at": "2026-11-21T18:41:45+00:00", "duration_s": 15.461},
        "machine": {"python": "3.11.7", "system": "Linux x86_64"},
        "expected_failures": [],
        "exchanges": len(exchanges),
        "counts": {each: sum(one["outcome"] == each for one in rules) for each in ("passed", "violated", "untestable")},
        "heard": {"heard": len(exchanges)},
        "hearer": "Vapi",
        "lints": [],
        "unreachable": None,
        "recognised": None,
        "flavour": None,
        "rules": list(rules),
        "played": list(exchanges),
    }
    return made | changed


def hostile(words: str = HOSTILE) -> dict[str, object]:
    """Words of others wherever a document has some."""
    effect = {**_EFFECT, "sentence": words, "ended_reasons": [words], "sureness": "observed"}
    broken = violation(
        expected=words,
        actual=words,
        bytes={"before": words, "marked": words, "after": words, "left_out": 0},
        repeat=words,
        effects=[effect],
    )
    sound = played()
    consumer = {"name": words, "library": words, "what": "heard", "sentence": words, "known": words, "text": words}
    event = {"at_ms": 40.0, "name": words, "start_byte": 0, "bytes": 58, "brings": words, "text": words}
    excerpt = {"text": words, "bytes": len(words), "left_out": 0}
    exchange = {
        **sound,
        "asked": words,
        "method": words,
        "url": words,
        "content_type": words,
        "end": "truncated",
        "error": words,
        "curl": words,
        "request": {"headers": [[words, words]], "body": excerpt},
        "response_headers": [[words, words]],
        "events": [event],
        "pieces": [{"text": words, "at_ms": 40.0, "from_ms": 40.0, "until_ms": 1973.333}],
        "consumers": [consumer],
        "body": excerpt,
    }
    named = rule(statement=words, source=words, remedy=words, reason=words)
    return report(
        [
            rule("sse.last-event-is-terminated", "violated", violations=[broken] * 20, reason=words, statement=words),
            named,
            {**named, "id": words},
        ],
        [exchange, {**exchange, "id": words, "scenario": words, "step": words}],
        target={"name": words, "url": words, "platform": words, "model": words},
        suite={"version": words, "started_at": words, "duration_s": 1.0},
        machine={"python": words, "system": words},
        expected_failures=[words],
        profile=words,
        dialect=words,
        hearer=words,
        lints=[words],
        recognised=words,
        flavour=words,
    )
