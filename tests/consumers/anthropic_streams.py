"""Answers of the Messages API that servers might send: sound ones, odd ones, damaged ones. Seeded, so repeatable."""

import gzip
import json
import random
import zlib
from collections.abc import Iterator

from consumers.anthropic_vectors import anthropic_answer
from consumers.streams import WORDS, Grammar
from vapi_conformance.exchange import End, Exchange

__all__ = ["anthropic_answers"]

NAMES = ("event: message", "event: ping", "event:", "event", "id: 1", "retry: 5", ": ping", "foo: bar", "data", "data:")
TAILS = (
    "",
    "",
    "",
    "",
    "",
    "data: [DONE]",
    "event: error",
    'event: error\ndata: {"error":{"message":"no"}}',
    "event: x",
)
FRAGMENTS = ("", '{"a":', "1}", "{}", "}", " ", '"b"', "[", "tru", "\\", "é", "\ud83d")
TYPES = ("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta", "new_delta")
ERRORS: tuple[object, ...] = (
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    {"type": "error", "error": "no"},
    {"message": "no"},
    {"message": {"a": 1}},
    [],
    None,
    "no",
    0,
)


class MessagesGrammar(Grammar):
    """Sound as long as `oddness` is 0."""

    def block(self) -> dict[str, object]:
        match self.dice.randrange(5):
            case 0:
                return self.fields(type="tool_use", id="toolu_1", name=self.dice.choice(("end", "")), input={})
            case 1:
                return self.fields(type="thinking", thinking="", signature="")
            case 2:
                return self.fields(type="new_block", data="x")
            case _:
                return self.fields(type="text", text="")

    def delta(self, kind: object = None) -> object:
        if self.dice.random() < self.oddness:
            kind = self.dice.choice(("text", "tool_use", "thinking", "other"))
        match kind:
            case "text":
                return self.fields(type="text_delta", text=self.dice.choice(WORDS))
            case "tool_use":
                return self.fields(type="input_json_delta", partial_json=self.dice.choice(FRAGMENTS))
            case "thinking":
                return self.fields(type="thinking_delta", thinking="hm")
            case _:
                return self.fields(type=self.dice.choice(TYPES), citation={"type": "x"}, signature="s")

    def usage(self) -> object:
        return self.odd(self.fields(input_tokens=3, output_tokens=5))

    def message(self, content: object, *, stop_reason: object = None) -> object:
        return self.odd(
            self.fields(
                id="msg_1",
                type="message",
                role="assistant",
                model="m",
                content=self.odd(content),
                stop_reason=stop_reason,
                stop_sequence=None,
                usage=self.usage(),
            )
        )

    def whole(self) -> object:
        blocks = [self.block() for _ in range(self.dice.randrange(4))]
        for block in blocks:
            if block.get("type") == "text":
                block["text"] = self.odd(self.dice.choice(WORDS))
        return self.message([self.odd(block) for block in blocks], stop_reason=self.odd("end_turn"))

    def events(self) -> Iterator[dict[str, object]]:
        if self.dice.random() >= self.oddness:
            yield self.fields(type="message_start", message=self.message([]))
        for index in range(self.dice.randrange(4)):
            block = self.block()
            at = index if self.dice.random() >= self.oddness else self.dice.choice((-1, 0, 5, "0", 1.0, None, True))
            if self.dice.random() >= self.oddness:
                yield self.fields(type="content_block_start", index=at, content_block=self.odd(block))
            for _ in range(self.dice.randrange(4)):
                yield self.fields(type="content_block_delta", index=at, delta=self.odd(self.delta(block.get("type"))))
            if self.dice.random() >= self.oddness:
                yield self.fields(type="content_block_stop", index=at)
        if self.dice.random() >= self.oddness:
            delta = self.odd(self.fields(stop_reason="end_turn", stop_sequence=None))
            yield self.fields(type="message_delta", delta=delta, usage=self.usage())
        if self.dice.random() >= self.oddness:
            yield {"type": "message_stop"}

    def text(self, value: object) -> str:
        text = json.dumps(value, ensure_ascii=self.dice.random() < 0.5)
        # A lone surrogate has no UTF-8; as an escape it can be sent.
        return text.encode("utf-8", "backslashreplace").decode()

    def stream(self) -> bytes:
        line_ends = self.dice.choice((("\n",), ("\n",), ("\r\n",), ("\r",), ("\n", "\r\n"), ("\n", "\r", "\r\n")))
        lines: list[str] = []
        for event in self.events():
            name = event.get("type")
            if self.dice.random() < self.oddness:
                lines.append(self.dice.choice(NAMES))
            elif self.dice.random() >= self.oddness:
                lines.append(f"event: {name if isinstance(name, str) else 'x'}")
            lines.append(self.dice.choice(("data: ", "data:")) + self.text(self.odd(event)))
            if self.dice.random() >= self.oddness:
                lines.append("")
            if self.dice.random() < 0.1:
                lines += ["event: ping", 'data: {"type":"ping"}', ""]
            if self.dice.random() < self.oddness / 3:
                lines += ["event: error", "data: " + self.text(self.dice.choice(ERRORS)), ""]
        body = "".join(line + self.dice.choice(line_ends) for line in lines)
        tail = self.dice.choice(TAILS)
        return (body + (tail + self.dice.choice(("", "\n", "\n\n")) if tail else "")).encode("utf-8", "replace")


def anthropic_answers(seed: int, count: int, *, whole: bool) -> Iterator[tuple[str, Exchange]]:
    """Named answers, most of them 200 and complete."""
    for number in range(count):
        dice = random.Random(f"anthropic {seed}/{number}")
        grammar = MessagesGrammar(dice)
        body = grammar.text(grammar.whole()).encode("utf-8", "replace") if whole else grammar.stream()
        if dice.random() < 0.25:
            body = grammar.damaged(body)
        coding = dice.choice(("", "", "", "", "", "gzip", "deflate"))
        wire = gzip.compress(body) if coding == "gzip" else zlib.compress(body) if coding == "deflate" else body
        kind = dice.choice(("application/json",) * 4 + ("text/plain",)) if whole else "text/event-stream"
        headers = [("Content-Type", kind)] + ([("Content-Encoding", coding)] if coding else [])
        yield (
            f"anthropic {seed}/{number}",
            anthropic_answer(
                *grammar.cut(wire),
                status=dice.choice((200,) * 30 + (201, 400, 404, 529)),
                headers=headers,
                end=dice.choice((End.CLEAN,) * 16 + (End.TRUNCATED, End.RESET)),
            ),
        )
