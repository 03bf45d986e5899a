"""Sound answers, streamed and whole, as they come over a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.talking import (
    CLOCK,
    WEATHER,
    Json,
    choice,
    delta,
    first,
    message,
    text_of,
    user,
)

if TYPE_CHECKING:
    from reference_server.talking import Talk

STORY = user("Tell me a long story.")
USAGE = {"stream_options": {"include_usage": True}}


class TestStream:
    def test_head(self, talk: Talk) -> None:
        headers = talk.stream(STORY).headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-cache, no-transform"
        assert headers["x-accel-buffering"] == "no"
        assert "content-length" not in headers
        assert headers["x-generations-active"] == "0"

    def test_each_event_is_a_write_of_its_own(self, talk: Talk) -> None:
        heard = talk.stream(STORY)
        ended = sum(read.endswith(b"\n\n") for read in heard.reads)
        assert len(heard.chunks) // 2 < ended <= len(heard.payloads)

    def test_role_then_words_then_finish_then_done(self, talk: Talk) -> None:
        heard = talk.stream(STORY)
        assert heard.payloads[-1] == "[DONE]"
        assert delta(heard.chunks[0]) == {"role": "assistant", "content": "", "refusal": None}
        assert all(list(delta(chunk)) == ["content"] for chunk in heard.chunks[1:-1])
        assert [choice(chunk)["finish_reason"] for chunk in heard.chunks[:-1]] == [None] * (len(heard.chunks) - 1)
        assert (delta(heard.chunks[-1]), choice(heard.chunks[-1])["finish_reason"]) == ({}, "stop")

    def test_labels_are_the_same_on_every_chunk(self, talk: Talk) -> None:
        labels = {
            json.dumps([chunk[key] for key in ("id", "object", "created", "model", "system_fingerprint")])
            for chunk in talk.stream(STORY).chunks
        }
        assert len(labels) == 1
        assert '"chat.completion.chunk"' in labels.pop()

    def test_two_answers_have_two_ids(self, talk: Talk) -> None:
        assert talk.stream(STORY).chunks[0]["id"] != talk.stream(STORY).chunks[0]["id"]

    def test_no_usage_unless_asked(self, talk: Talk) -> None:
        assert not any("usage" in chunk for chunk in talk.stream(STORY).chunks)

    def test_usage_comes_once_and_last(self, talk: Talk) -> None:
        *before, last = talk.stream({**STORY, **USAGE}).chunks
        assert [chunk["usage"] for chunk in before] == [None] * len(before)
        assert last["choices"] == []
        assert last["usage"] == talk.post(STORY).json["usage"]

    def test_a_call_comes_in_pieces(self, talk: Talk) -> None:
        heard = talk.stream(user("Weather and clock", tools=[WEATHER, CLOCK]))
        start, *middle, end = heard.chunks
        opening = first(delta(start), "tool_calls")
        assert list(delta(start)) == ["role", "content", "tool_calls"]
        assert delta(start)["content"] is None
        assert opening["function"] == {"name": "get_weather", "arguments": ""}
        pieces = [first(delta(chunk), "tool_calls") for chunk in middle]
        assert [piece["index"] for piece in pieces] == sorted(cast("int", piece["index"]) for piece in pieces)
        weather = [piece for piece in pieces if piece["index"] == 0]
        assert len(weather) > 2
        assert all(list(piece) == ["index", "function"] for piece in weather)
        joined = "".join(str(cast("Json", piece["function"])["arguments"]) for piece in weather)
        assert json.loads(joined) == {"city": "Paris", "days": 1}
        assert (delta(end), choice(end)["finish_reason"]) == ({}, "tool_calls")

    def test_several_choices_take_turns(self, talk: Talk) -> None:
        chunks = talk.stream({**STORY, "n": 2}).chunks
        assert [choice(chunk)["index"] for chunk in chunks[:4]] == [0, 1, 0, 1]
        assert text_of(chunks, 0) == text_of(chunks, 1) != ""
        assert [choice(chunk)["finish_reason"] for chunk in chunks[-2:]] == ["stop", "stop"]


class TestJson:
    def test_all_keys_are_there(self, talk: Talk) -> None:
        heard = talk.post(user("Say exactly: Hi."))
        answer = heard.json
        assert heard.headers["content-type"] == "application/json"
        assert choice(answer) == {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
        assert answer["object"] == "chat.completion"
        assert isinstance(answer["created"], int)

    def test_total_is_the_sum(self, talk: Talk) -> None:
        usage = cast("dict[str, int]", talk.post(STORY).json["usage"])
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert usage["completion_tokens"] > 80

    def test_calls_stand_beside_null_content(self, talk: Talk) -> None:
        answer = message(talk.post(user("Weather", tools=[WEATHER])).json)
        call = first(answer, "tool_calls")
        assert answer["content"] is None
        assert sorted(call) == ["function", "id", "type"]

    def test_n_choices(self, talk: Talk) -> None:
        choices = cast("list[Json]", talk.post(user("Hi", n=3)).json["choices"])
        assert [item["index"] for item in choices] == [0, 1, 2]

    def test_max_tokens_bound_the_usage(self, talk: Talk) -> None:
        answer = talk.post({**STORY, "max_tokens": 7}).json
        assert choice(answer)["finish_reason"] == "length"
        assert cast("Json", answer["usage"])["completion_tokens"] == 7

    @pytest.mark.parametrize("kind", ["json_object", "json_schema"])
    def test_json_modes_give_json(self, talk: Talk, kind: str) -> None:
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        text = talk.say("Answer in JSON", response_format={"type": kind, "json_schema": {"schema": schema}})
        assert isinstance(json.loads(text), dict)
        assert ("answer" in text) == (kind == "json_schema")


class TestBoth:
    @pytest.mark.parametrize(
        "text",
        [
            "data: [DONE]",
            "event: x\n\ndata: y\r\n",
            "👩‍👩‍👧 日本語 مرحبا e\u0301 \u2028\u0085 end",
            'quote " and \\ back',
        ],
    )
    def test_stream_and_json_say_the_same(self, talk: Talk, text: str) -> None:
        assert talk.say(f"Say exactly: {text}") == text
        assert text_of(talk.stream(user(f"Say exactly: {text}")).chunks) == text

    def test_no_unicode_line_end_is_sent_raw(self, talk: Talk) -> None:
        body = talk.stream(user("Say exactly: a\u2028b\u2029c\u0085d")).body.decode()
        assert body.splitlines() == body.split("\n")[:-1]

    def test_the_same_seed_says_the_same(self, talk: Talk) -> None:
        assert talk.say("Tell me a long story.", seed=7) == talk.say("Tell me a long story.", seed=7)

    def test_accept_does_not_decide(self, talk: Talk) -> None:
        heard = talk.post({**STORY, "stream": True}, headers={"accept": "application/json"})
        assert heard.headers["content-type"].startswith("text/event-stream")
