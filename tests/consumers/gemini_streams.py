"""Answers of Gemini's API that servers might send: sound ones, odd ones, and damaged ones. Seeded, so repeatable."""

import gzip
import json
import random
import zlib
from collections.abc import Iterator

from consumers.gemini_vectors import STREAM_URL, URL, gemini_answer
from consumers.streams import NAMES, WORDS, Grammar
from vapi_conformance.exchange import End, Exchange

__all__ = ["gemini_answers"]

ODD = (
    '"1"',
    '"AA=="',
    '"no"',
    "1e30",
    '"1_0"',
    '"\\ud83d"',
    '{"parts":[{"text":"x"}]}',
    '["text"]',
    "2",
    '{"parts":"candidates"}',
)
TAILS = (
    "",
    "",
    "",
    "",
    "data: [DONE]",
    "[DONE]",
    ": ping",
    '{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}',
    "}",
    "{",
)
ERRORS: tuple[object, ...] = (
    {"code": 503, "message": "no", "status": "UNAVAILABLE"},
    {"code": 400},
    {"code": 200, "message": "\ud83d"},
    {"code": 599.5},
    {"code": "400"},
    {"message": "no"},
    "no",
    None,
    [],
    {"code": 0, "status": 5},
    {"code": True},
)


class GeminiGrammar(Grammar):
    def odd(self, value: object) -> object:
        if self.dice.random() < self.oddness / 4:
            return json.loads(self.dice.choice(ODD))
        return super().odd(value)

    def part(self) -> object:
        call = self.fields(name=self.dice.choice(("", "end")), args=self.dice.choice(({}, {"b": 1, "1": [None]})))
        match self.dice.randrange(8):
            case 0:
                return self.odd(self.fields(functionCall=self.odd(call)))
            case 1:
                return self.odd(self.fields(function_call=call, id=5))
            case 2:
                return self.odd(self.fields(text="hm", thought=True))
            case 3:
                return self.odd(self.fields(text="", thoughtSignature="AAAA"))
            case _:
                return self.odd(self.fields(text=self.dice.choice(WORDS)))

    def candidate(self) -> object:
        parts = [self.part() for _ in range(self.dice.choice((1, 1, 1, 0, 2)))]
        candidate = self.fields(content=self.odd(self.fields(parts=self.odd(parts), role="model")), index=0)
        if self.dice.random() < 0.3:
            candidate["finishReason"] = self.odd(self.dice.choice(("STOP", "stop", "MAX_TOKENS", "NEW_ONE", "")))
        if self.dice.random() < 0.1:
            candidate["safetyRatings"] = self.odd([self.fields(category="HARM_CATEGORY_HARASSMENT", blocked=False)])
            candidate["citationMetadata"] = self.odd(
                {"citationSources": self.odd([self.fields(startIndex=1, uri="a")])}
            )
            candidate["avgLogprobs"] = self.odd(-0.5)
        return self.odd(candidate)

    def chunk(self) -> object:
        if self.dice.random() < self.oddness / 4:
            return {"error": self.dice.choice(ERRORS)}
        candidates = [self.candidate() for _ in range(self.dice.choice((1, 1, 1, 1, 0, 2)))]
        usage = self.fields(promptTokenCount=3, totalTokenCount=5, trafficType="ON_DEMAND")
        return self.odd(self.fields(candidates=self.odd(candidates), usageMetadata=self.odd(usage), modelVersion="m"))

    def text(self) -> str:
        text = json.dumps(self.chunk(), ensure_ascii=self.dice.random() < 0.5)
        # A lone surrogate has no UTF-8; as an escape it can be sent.
        return text.encode("utf-8", "backslashreplace").decode()

    def stream(self) -> bytes:
        line_ends = self.dice.choice((("\r\n",), ("\n",), ("\n",), ("\r",), ("\n", "\r\n"), ("\n", "\r", "\r\n")))
        body = ""
        for _ in range(self.dice.randrange(8)):
            lines = [self.dice.choice(NAMES)] if self.dice.random() < self.oddness else []
            lines.append(("data:" if self.dice.random() < self.oddness else "data: ") + self.text())
            for line in (*lines, ""):
                body += line + self.dice.choice(line_ends)
        tail = self.dice.choice(TAILS)
        return (body + (tail + self.dice.choice(("", "\n", "\n\n")) if tail else "")).encode("utf-8", "replace")


def gemini_answers(seed: int, count: int) -> Iterator[tuple[str, Exchange]]:
    """Named answers, streams and whole ones, most of them 200 and complete."""
    for number in range(count):
        dice = random.Random(f"gemini {seed}/{number}")
        grammar = GeminiGrammar(dice)
        streamed = dice.random() < 0.8
        body = grammar.stream() if streamed else grammar.text().encode("utf-8", "replace")
        if dice.random() < 0.3:
            body = grammar.damaged(body)
        coding = dice.choice(("", "", "", "", "", "gzip", "deflate"))
        wire = gzip.compress(body) if coding == "gzip" else zlib.compress(body) if coding == "deflate" else body
        kind = "text/event-stream" if streamed else "application/json"
        headers = [("Content-Type", kind)] + ([("Content-Encoding", coding)] if coding else [])
        yield (
            f"gemini {seed}/{number}",
            gemini_answer(
                *grammar.cut(wire),
                url=STREAM_URL if streamed else URL,
                status=dice.choice((200,) * 30 + (201, 400, 404, 500)),
                headers=headers,
                end=dice.choice((End.CLEAN,) * 16 + (End.TRUNCATED, End.RESET)),
            ),
        )
