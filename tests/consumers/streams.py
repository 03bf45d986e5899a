"""Streams that servers might send: sound ones, odd ones, and ones that a fault has damaged. Seeded, so repeatable."""

import gzip
import json
import random
import zlib
from collections.abc import Iterator
from typing import cast

from consumers.openai_node_vectors import answer
from vapi_conformance.exchange import End, Exchange

__all__ = ["NAMES", "WORDS", "Grammar", "json_texts", "streams"]

WORDS = (
    "Hi",
    " there",
    ". ",
    "",
    " ",
    "\n",
    "é",
    "😀",
    "\ud83d",
    "\ude00",
    "data: [DONE]",
    "\\",
    '"',
    "\x85",
    "\u2028",
    "a" * 50,
)
ODD_JSON = 'null true false 0 1 -0.0 1.5 1e21 1e-7 "" "a" "😀" [] [1] [[]] {} {"a":1} {"toString":1}'
ODD_VALUES = tuple(cast("object", json.loads(text)) for text in ODD_JSON.split())
NAMES = (
    "event: message",
    "event: response.x",
    "event: error",
    "event:",
    "event",
    "id: 1",
    "retry: 5",
    ": ping",
    "foo: bar",
    "Data: {}",
    "data",
    "data:",
    "\ufeff",
    "<html>",
    "Traceback",
)
TAILS = (*["data: [DONE]"] * 8, "data:[DONE]", "data: [DONE] x", "data: [done]", 'data: "[DONE]"')
BITS = (
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b":",
    b" ",
    b"data:",
    b"data: ",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xf0\x9f",
    b",",
    b"1",
    b"null",
    b"event:",
)


class Grammar:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.oddness = dice.choice((0.0, 0.0, 0.01, 0.1))

    def odd(self, value: object) -> object:
        return self.dice.choice(ODD_VALUES) if self.dice.random() < self.oddness else value

    def fields(self, **values: object) -> dict[str, object]:
        items = [(key, self.odd(value)) for key, value in values.items() if self.dice.random() >= self.oddness]
        self.dice.shuffle(items)
        return dict(items)

    def call(self) -> object:
        function = self.fields(
            name=self.dice.choice(("", "end", "get_weather")), arguments=self.dice.choice(("", "{}", '{"a":', *WORDS))
        )
        return self.odd(
            self.fields(
                index=self.dice.choice((0, 0, 1, 2)), id=self.dice.choice(("", "call_1", None)), function=function
            )
        )

    def delta(self) -> object:
        match self.dice.randrange(6):
            case 0:
                return self.fields(role="assistant", content="")
            case 1:
                return self.fields(tool_calls=self.odd([self.call() for _ in range(self.dice.randrange(3))]))
            case 2:
                return self.fields(content=None, reasoning_content="hm")
            case _:
                return self.fields(content=self.dice.choice(WORDS))

    def choice(self) -> object:
        finish = self.dice.choice((None, None, None, "stop", "tool_calls", ""))
        return self.odd(self.fields(index=0, delta=self.odd(self.delta()), finish_reason=finish))

    def chunk(self) -> object:
        choices = [self.choice() for _ in range(self.dice.choice((1, 1, 1, 0, 2)))]
        fields = self.fields(id="c", object="chat.completion.chunk", choices=self.odd(choices), usage=None, error=None)
        if self.dice.random() < self.oddness / 4:
            fields["error"] = self.dice.choice(
                (*ODD_VALUES, {"message": "no"}, {"message": {"2": 1e21, "1": "\ud800"}})
            )
        return self.odd(fields)

    def event(self) -> Iterator[str]:
        if self.dice.random() < self.oddness * 2:
            yield self.dice.choice(NAMES)
        text = json.dumps(self.chunk(), ensure_ascii=self.dice.random() < 0.5)
        # A lone surrogate has no UTF-8; as an escape it can be sent.
        text = text.encode("utf-8", "backslashreplace").decode()
        if self.dice.random() < self.oddness:
            at = self.dice.randrange(len(text))
            yield self.dice.choice(("data: ", "data:")) + text[:at]
            text = text[at:]
        yield self.dice.choice(("data: ", "data: ", "data:", "data:  ")) + text

    def body(self) -> bytes:
        line_ends = self.dice.choice((("\n",), ("\n",), ("\r\n",), ("\r",), ("\n", "\r\n", "\r")))
        body = ""
        events = [list(self.event()) for _ in range(self.dice.randrange(8))]
        events += [[self.dice.choice(TAILS)]] * self.dice.choice((0, 1, 1, 1, 2))
        if self.dice.random() < self.oddness:
            self.dice.shuffle(events)
        for lines in events:
            for line in (*lines, ""):
                if line or self.dice.random() >= self.oddness / 2:
                    body += line + self.dice.choice(line_ends)
        return body.encode("utf-8", "backslashreplace")

    def damaged(self, body: bytes) -> bytes:
        for _ in range(self.dice.choice((0, 0, 1, 1, 2, 5))):
            start = self.dice.randrange(len(body) + 1)
            end = min(len(body), start + self.dice.choice((0, 1, 1, 2, 30)))
            put = self.dice.choice((b"", self.dice.choice(BITS), self.dice.choice(BITS), body[start:end] * 2))
            body = body[:start] + put + body[end:]
        return body

    def cut(self, body: bytes) -> list[bytes]:
        cuts = sorted(
            {self.dice.randrange(1, len(body)) for _ in range(self.dice.randrange(8))} if len(body) > 1 else ()
        )
        return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True) if start < end]


def streams(seed: int, count: int) -> Iterator[tuple[str, Exchange]]:
    """Named answers, most of them 200 and complete."""
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        grammar = Grammar(dice)
        body = grammar.body()
        if dice.random() < 0.4:
            body = grammar.damaged(body)
        coding = dice.choice(("", "", "", "", "", "gzip", "deflate"))
        wire = gzip.compress(body) if coding == "gzip" else zlib.compress(body) if coding == "deflate" else body
        headers = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
        yield (
            f"stream {seed}/{number}",
            answer(
                *grammar.cut(wire),
                status=dice.choice((200,) * 30 + (201, 400, 404, 500)),
                headers=[*headers, ("Content-Encoding", coding)] if coding else headers,
                end=dice.choice((End.CLEAN,) * 16 + (End.TRUNCATED, End.RESET)),
            ),
        )


def json_texts(seed: int, count: int) -> Iterator[str]:
    """JSON texts, most of them damaged."""
    dice = random.Random(seed)
    grammar = Grammar(dice)
    grammar.oddness = 0.15
    for _ in range(count):
        text = json.dumps(
            dice.choice((grammar.chunk(), grammar.odd(grammar.delta()), *ODD_VALUES)), ensure_ascii=dice.random() < 0.5
        )
        body = text.encode("utf-8", "backslashreplace")
        yield grammar.damaged(body)[: dice.choice((5, 25, 80, None))].decode("utf-8", "replace")
