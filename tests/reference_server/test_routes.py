from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reference_server.talking import inner, message, text_of, user

if TYPE_CHECKING:
    from reference_server.talking import Talk

HI = user("Say exactly: Hi.")


class TestPaths:
    @pytest.mark.parametrize("start", ["", "/v1", "/basic", "/openai-advanced"])
    @pytest.mark.parametrize("end", ["/chat/completions", "/chat/completions/chat/completions"])
    def test_the_chat_path_is_served_also_doubled(self, talk: Talk, start: str, end: str) -> None:
        assert message(talk.post(HI, start + end).json)["content"] == "Hi."

    @pytest.mark.parametrize("path", ["/basic", "/openai-sse", "/openai-advanced"])
    def test_the_sample_routes_are_served_bare(self, talk: Talk, path: str) -> None:
        assert talk.post(HI, path).status == 200

    def test_basic_answers_json_whatever_was_asked(self, talk: Talk) -> None:
        assert message(talk.stream(HI, "/basic/chat/completions").json)["content"] == "Hi."

    def test_openai_sse_streams_whatever_was_asked(self, talk: Talk) -> None:
        assert text_of(talk.post(HI, "/openai-sse/chat/completions").chunks) == "Hi."

    def test_openai_advanced_rewrites_the_prompt_first(self, talk: Talk) -> None:
        answer = message(talk.post(user("I like tea"), "/openai-advanced/chat/completions").json)
        assert "On the phone, the caller said: I like tea" in str(answer["content"])

    @pytest.mark.parametrize("path", ["/", "/v1", "/chat", "/v2/chat/completions", "/chat/completions/"])
    def test_other_paths_get_404_with_an_error_body(self, talk: Talk, path: str) -> None:
        heard = talk.post(HI, path)
        assert (heard.status, list(heard.json)) == (404, ["error"])

    def test_get_gets_405_and_the_right_method(self, talk: Talk) -> None:
        heard = talk.post(b"", method="GET")
        assert (heard.status, heard.headers["allow"], list(heard.json)) == (405, "POST", ["error"])

    @pytest.mark.parametrize(
        ("path", "form"),
        [
            ("/v1/messages/batches", ["type", "error", "request_id"]),
            ("/v1/responses/resp_1/cancel", ["error"]),
            ("/v1beta/models", ["error"]),
        ],
    )
    def test_a_refusal_has_the_form_of_the_nearest_dialect(self, talk: Talk, path: str, form: list[str]) -> None:
        heard = talk.post(HI, path)
        assert (heard.status, list(heard.json)) == (404, form)

    @pytest.mark.parametrize(
        ("header", "form"),
        [("anthropic-version", ["message", "type"]), ("x-goog-api-key", ["code", "message", "status"])],
    )
    def test_or_that_of_the_headers(self, talk: Talk, header: str, form: list[str]) -> None:
        heard = talk.post(HI, "/nowhere", {header: "2023-06-01"})
        assert (heard.status, sorted(inner(heard.json, "error"))) == (404, form)

    def test_a_long_path_takes_no_long_time(self, talk: Talk) -> None:
        assert talk.post(HI, "/projects" + "/models/a" * 5000 + ":generateContent").status == 404

    def test_health(self, talk: Talk) -> None:
        health = talk.post(b"", "/healthz", method="GET").json
        assert ["status", "generations", "cancelled"] == list(health)
        assert "ok" == health["status"]


class TestManyRequests:
    def test_one_connection_serves_them(self, talk: Talk) -> None:
        for _ in range(3):
            assert talk.stream(HI).complete
            assert talk.post(HI).status == 200
