"""What a sound endpoint refuses, what it accepts, and how a refusal looks on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.talking import WEATHER, Json, called, chat, result, user

if TYPE_CHECKING:
    from reference_server.talking import Heard, Talk

HELLO: Json = {"role": "user", "content": "Hello"}


def error(heard: Heard) -> Json:
    return cast("Json", heard.json["error"])


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"model": "reference"}, "messages"),
            ({"messages": [HELLO]}, "model"),
            (chat([]), "messages"),
            ({"model": "reference", "messages": {}}, "messages"),
            (chat([{"role": "robot", "content": "Hi"}]), "messages[0].role"),
            (chat([{"role": "user"}]), "messages[0].content"),
            (chat([{"role": "user", "content": 7}]), "messages[0].content"),
            (chat([{"role": "user", "content": [{"text": "Hi"}]}]), "messages[0].content"),
            (chat([{"role": "user", "content": "\ud83d"}]), "messages[0].content"),
            (chat([result("Rain.")]), "messages[0].tool_call_id"),
            (chat([HELLO, called(), result("Rain.", "call_2")]), "messages[2].tool_call_id"),
            (user("Hi", temperature="hot"), "temperature"),
            (user("Hi", temperature=3), "temperature"),
            (user("Hi", top_p=True), "top_p"),
            (user("Hi", stream="yes"), "stream"),
            (user("Hi", max_tokens=0), "max_tokens"),
            (user("Hi", max_tokens=1.5), "max_tokens"),
            (user("Hi", n=0), "n"),
            (user("Hi", stop=7), "stop"),
            (user("Hi", stop=["a"] * 5), "stop"),
            (user("Hi", tools={}), "tools"),
            (user("Hi", tools=[7]), "tools[0].function"),
            (user("Hi", tool_choice="required"), "tool_choice"),
            (user("Hi", tools=[WEATHER], tool_choice={"function": {"name": "other"}}), "tool_choice"),
            (user("Hi", response_format="json"), "response_format"),
            (user("Hi", response_format={"type": "json_schema"}), "response_format"),
        ],
    )
    def test_a_wrong_field_gets_400_and_is_named(self, talk: Talk, body: Json, param: str) -> None:
        heard = talk.post(body)
        assert (heard.status, error(heard)["param"]) == (400, param)
        assert list(error(heard)) == ["message", "type", "param", "code"]

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"\xff", b'{"a": NaN}', b"[" * 50_000])
    def test_what_is_no_json_object_gets_400(self, talk: Talk, raw: bytes) -> None:
        heard = talk.post(raw)
        assert (heard.status, error(heard)["code"]) == (400, "malformed_json")

    def test_an_unknown_model_gets_404(self, talk: Talk) -> None:
        heard = talk.post({**user("Hi"), "model": "gpt-unknown"})
        assert (heard.status, error(heard)["code"]) == (404, "model_not_found")

    def test_a_prompt_beyond_the_context_gets_400(self, talk: Talk) -> None:
        heard = talk.post(user("word " * 2001))
        assert (heard.status, error(heard)["code"]) == (400, "context_length_exceeded")

    def test_a_body_beyond_the_limit_gets_413_by_its_length(self, talk: Talk) -> None:
        heard = talk.post(user("x" * 70_000))
        assert (heard.status, error(heard)["code"]) == (413, "request_too_large")

    def test_a_body_beyond_the_limit_gets_413_without_a_length(self, talk: Talk) -> None:
        pieces = (b"x" * 1000 for _ in range(300))
        answer = talk.client.post("/chat/completions", content=pieces)
        assert answer.status_code == 413

    def test_a_refusal_is_json_although_a_stream_was_asked_for(self, talk: Talk) -> None:
        heard = talk.stream(user("Hi", temperature="hot"))
        assert (heard.status, heard.headers["content-type"]) == (400, "application/json")

    def test_the_server_goes_on_after_a_refusal(self, talk: Talk) -> None:
        talk.post(user("x" * 70_000))
        assert talk.say("Say exactly: still here") == "still here"


class TestWhatVapiSends:
    @pytest.mark.parametrize(
        "messages",
        [
            [HELLO, called(), result("Rain.")],
            [HELLO, called(content=None), result("Rain.")],
            [HELLO, called(content="Just a sec."), result("No result returned.")],
            [HELLO, called(), result("Rain."), HELLO],
            [HELLO, called(content="It rains."), result("Rain."), {"role": "assistant", "content": "Bye."}, HELLO],
            [HELLO, called(), HELLO],
            [{"role": "system", "content": "Be nice."}],
            [{"role": "system", "content": ""}, {"role": "assistant", "content": "Hi!"}],
            [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        ],
    )
    def test_its_histories_are_accepted(self, talk: Talk, messages: list[Json]) -> None:
        assert talk.post(chat(messages)).status == 200

    def test_its_extra_keys_are_ignored(self, talk: Talk) -> None:
        heard = talk.post(
            user("Hi", call={"id": "c"}, metadata={"a": {"b": 1}}, customer=None, credentials=[], timestamp=1.5)
        )
        assert heard.status == 200

    def test_header_names_are_matched_without_case(self, talk: Talk) -> None:
        raw = json.dumps(user("Hi")).encode()
        assert talk.post(raw, headers={"CONTENT-TYPE": "application/json", "X-FAULT": "204"}).status == 204
