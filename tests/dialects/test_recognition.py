"""The dialect of a recording is found by itself, and the words say by what."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, vapi_recordings, wire_recordings
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.dialects.recognition import Recognised, host_of, port_of, recognise
from vapi_conformance.exchange import Exchange, Header, Read, Request, Response
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.recordings import load_wire

CHAT_COMPLETIONS = Dialect.OPENAI_CHAT_COMPLETIONS
COMPATIBLE = Dialect.OPENAI_COMPATIBLE
RESPONSES = Dialect.OPENAI_RESPONSES
ANTHROPIC = Dialect.ANTHROPIC_MESSAGES
GEMINI = Dialect.GEMINI_GENERATE_CONTENT


def exchange(
    *,
    url: str = "",
    asked: Mapping[str, object] | None = None,
    headers: tuple[Header, ...] = (),
    answer: str = "",
    answer_headers: tuple[Header, ...] = (),
) -> Exchange:
    body = None if asked is None else json.dumps(asked).encode()
    return Exchange(
        request=Request(method="POST", url=url, headers=headers, body=body),
        response=Response(status=200, headers=answer_headers),
        reads=(Read(at_ns=None, data=answer.encode("utf-8", "replace")),),
    )


def known(dialect: Dialect, because: str) -> Recognised:
    return Recognised(dialect=dialect, because=because)


MESSAGES = [{"role": "user", "content": "Hello"}]
STREAM_OF_ANTHROPIC = 'event: message_start\ndata: {"type": "message_start", "message": {}}\n\n'


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "dialect", "because"),
        [
            (
                "https://api.openai.com/v1/chat/completions",
                CHAT_COMPLETIONS,
                "the URL ends in /chat/completions, and its host is OpenAI's",
            ),
            (
                "https://eu.api.openai.com/v1/chat/completions",
                CHAT_COMPLETIONS,
                "the URL ends in /chat/completions, and its host is OpenAI's",
            ),
            ("https://api.groq.com/openai/v1/chat/completions", COMPATIBLE, "the URL ends in /chat/completions"),
            ("http://[::1]:8000/v1/chat/completions/", COMPATIBLE, "the URL ends in /chat/completions"),
            (
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-02-01",
                COMPATIBLE,
                "the URL ends in /chat/completions",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
                COMPATIBLE,
                "the URL ends in /chat/completions",
            ),
            ("/v1/chat/completions", COMPATIBLE, "the URL ends in /chat/completions"),
            ("https://api.openai.com/v1/responses", RESPONSES, "the URL ends in /responses"),
            ("https://api.openai.com/v1/responses/resp_12ab", RESPONSES, "the URL ends in /responses"),
            ("https://r.openai.azure.com/openai/v1/responses", RESPONSES, "the URL ends in /responses"),
            ("https://api.anthropic.com/v1/messages?beta=true", ANTHROPIC, "the URL ends in /v1/messages"),
            ("http://localhost:11434/v1/messages#here", ANTHROPIC, "the URL ends in /v1/messages"),
            (
                (
                    "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/"
                    "claude-sonnet-4:streamRawPredict"
                ),
                ANTHROPIC,
                "the URL is Vertex's for models of Anthropic",
            ),
            (
                (
                    "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
                    "us.anthropic.claude-3-5-sonnet-20241022-v2%3A0/invoke-with-response-stream"
                ),
                ANTHROPIC,
                "the URL is Bedrock's for models of Anthropic",
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/openai.gpt-oss-20b-1:0/invoke",
                COMPATIBLE,
                "the URL is Bedrock's for models of OpenAI",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent?key=*",
                GEMINI,
                "the URL ends in :generateContent",
            ),
            (
                (
                    "https://aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/"
                    "gemini-2.5-pro%3AstreamGenerateContent?alt=sse"
                ),
                GEMINI,
                "the URL ends in :streamGenerateContent",
            ),
        ],
    )
    def test_names_the_dialect(self, url: str, dialect: Dialect, because: str) -> None:
        assert known(dialect, because) == recognise(exchange(url=url))

    def test_outranks_everything_else(self) -> None:
        contrary = exchange(
            url="https://host/v1/chat/completions",
            headers=((b"Anthropic-Version", b"2023-06-01"),),
            asked={"contents": []},
            answer=STREAM_OF_ANTHROPIC,
            answer_headers=((b"anthropic-organization-id", b"x"),),
        )
        assert COMPATIBLE is recognise(contrary).dialect

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.openai.com@evil.example/v1/chat/completions",
            "https://evil.example/api.openai.com/v1/chat/completions",
            "https://evil.example/v1/chat/completions?at=https://api.openai.com/v1",
            "https://notapi.openai.com/v1/chat/completions",
            "https://api.openai.com.evil.example/v1/chat/completions",
        ],
    )
    def test_is_not_openai_s_because_it_holds_the_name(self, url: str) -> None:
        assert COMPATIBLE is recognise(exchange(url=url)).dialect

    @pytest.mark.parametrize(
        "url",
        ["https://host/v1/messages/count_tokens", "https://host/v1/models", "https://host/chat?to=/v1/messages", ""],
    )
    def test_that_names_nothing_leaves_it_to_the_answer(self, url: str) -> None:
        assert "the answer has candidates" == recognise(exchange(url=url, answer='{"candidates": []}')).because

    def test_of_openai_alone_makes_it_theirs(self) -> None:
        expected = known(CHAT_COMPLETIONS, "nothing but its host names it, and that is OpenAI's")
        assert expected == recognise(exchange(url="https://api.openai.com/"))


class TestHost:
    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("https://API.OpenAI.com:443/v1", "api.openai.com"),
            ("https://user:word@host.example./v1", "host.example"),
            ("http://[::1]:8000/", "[::1]"),
            ("//host/path", "host"),
            ("/v1/chat/completions", ""),
            ("http://[::1", ""),
            ("", ""),
        ],
    )
    def test_is_found_in_any_form_of_url(self, url: str, host: str) -> None:
        assert host == host_of(url)


class TestPort:
    @pytest.mark.parametrize(
        ("url", "port"),
        [
            ("http://localhost:11434/v1", "11434"),
            ("http://user:1@[::1]:1234", "1234"),
            ("https://host/a:80", ""),
            ("https://host:/", ""),
            ("", ""),
        ],
    )
    def test_is_what_the_url_names(self, url: str, port: str) -> None:
        assert port == port_of(url)


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "dialect", "because"),
        [
            ((b"Anthropic-Version", b"2023-06-01"), ANTHROPIC, "the request has the header anthropic-version"),
            ((b"X-Goog-Api-Key", b"****"), GEMINI, "the request has the header x-goog-api-key"),
            (
                (b"x-goog-api-client", b"google-genai-sdk/1.52.0 gl-python/3.12.1"),
                GEMINI,
                "the request comes from the SDK google-genai",
            ),
        ],
    )
    def test_of_the_request_name_the_dialect(self, header: Header, dialect: Dialect, because: str) -> None:
        assert known(dialect, because) == recognise(exchange(headers=(header,), asked={"messages": MESSAGES}))

    def test_x_api_key_alone_is_no_sign_because_gateways_ask_for_it(self) -> None:
        key = ((b"x-api-key", b"****"),)
        chat = exchange(headers=key, asked={"messages": MESSAGES}, answer='{"choices": []}')
        assert known(COMPATIBLE, "the answer has choices") == recognise(chat)

    def test_x_api_key_tips_the_scales_where_nothing_else_does(self) -> None:
        key = ((b"x-api-key", b"****"),)
        asked: dict[str, object] = {"messages": MESSAGES, "max_tokens": 10}
        expected = known(ANTHROPIC, "the request has messages, max_tokens and the header x-api-key")
        assert expected == recognise(exchange(headers=key, asked=asked))
        without_limit = exchange(headers=key, asked={"messages": MESSAGES})
        assert known(COMPATIBLE, "the request has messages") == recognise(without_limit)

    @pytest.mark.parametrize(
        ("name", "dialect", "because"),
        [
            (b"Anthropic-RateLimit-Tokens-Limit", ANTHROPIC, "the answer has headers named anthropic-ratelimit-…"),
            (b"anthropic-organization-id", ANTHROPIC, "the answer has the header anthropic-organization-id"),
            (b"x-gemini-service-tier", GEMINI, "the answer has headers named x-gemini-…"),
        ],
    )
    def test_of_the_answer_name_the_dialect(self, name: bytes, dialect: Dialect, because: str) -> None:
        assert known(dialect, because) == recognise(exchange(answer_headers=((name, b"1"),)))

    def test_of_openai_make_it_theirs_only_where_nobody_knows_whom_was_asked(self) -> None:
        theirs = ((b"openai-version", b"2020-10-01"),)
        because = "the answer has choices, and the answer has the header openai-version"
        nowhere = exchange(answer='{"choices": []}', answer_headers=theirs)
        gateway = exchange(url="http://localhost:3000/llm", answer='{"choices": []}', answer_headers=theirs)
        assert known(CHAT_COMPLETIONS, because) == recognise(nowhere)
        assert known(COMPATIBLE, "the answer has choices") == recognise(gateway)


class TestRequestBody:
    @pytest.mark.parametrize(
        ("asked", "dialect", "because"),
        [
            ({"contents": [{"role": "user"}]}, GEMINI, "the request has contents"),
            ({"model": "m", "input": "Hello"}, RESPONSES, "the request has input and no messages"),
            ({"instructions": "Be short"}, RESPONSES, "the request has instructions and no messages"),
            (
                {"messages": MESSAGES, "system": "Be short", "max_tokens": 1},
                ANTHROPIC,
                "the request has messages and system",
            ),
            (
                {"messages": MESSAGES, "tools": [{"name": "t", "input_schema": None}]},
                ANTHROPIC,
                "the request's tools have an input_schema",
            ),
            (
                {"messages": MESSAGES, "stream_options": {"include_usage": True}},
                COMPATIBLE,
                "the request has messages and stream_options",
            ),
            (
                {"messages": [{"role": "system", "content": "Be short"}, *MESSAGES]},
                COMPATIBLE,
                "the request has a message of the role system",
            ),
            ({"messages": MESSAGES}, COMPATIBLE, "the request has messages"),
            ({"messages": "Hello"}, COMPATIBLE, "nothing names it: read as openai_compatible"),
        ],
    )
    def test_names_the_dialect(self, asked: Mapping[str, object], dialect: Dialect, because: str) -> None:
        assert known(dialect, because) == recognise(exchange(asked=asked))

    def test_of_messages_and_thinking_leaves_it_to_the_answer_because_chat_servers_take_both(self) -> None:
        asked = {"messages": MESSAGES, "thinking": {"type": "enabled"}, "max_tokens": 10}
        assert COMPATIBLE is recognise(exchange(asked=asked, answer='{"choices": []}')).dialect
        assert ANTHROPIC is recognise(exchange(asked=asked, answer=STREAM_OF_ANTHROPIC)).dialect

    def test_with_a_system_turn_is_anthropic_s_where_their_own_keys_stand_beside_it(self) -> None:
        asked = {"messages": [{"role": "system", "content": "Now whisper"}], "system": "Be short"}
        assert ANTHROPIC is recognise(exchange(asked=asked)).dialect


class TestAnswer:
    @pytest.mark.parametrize(
        ("answer", "dialect", "because"),
        [
            (STREAM_OF_ANTHROPIC, ANTHROPIC, "its events are named message_start, as Anthropic's are"),
            (
                'data: {"type": "content_block_delta", "index": 0}\n\n',
                ANTHROPIC,
                "its events are named content_block_delta, as Anthropic's are",
            ),
            (
                'data: {"type": "response.created"}\n\n',
                RESPONSES,
                "its events are named response.…, as those of the Responses API are",
            ),
            (
                ': wait\n\ndata: {"object": "chat.completion.chunk"}\n\n',
                COMPATIBLE,
                "the answer's object is named chat.completion",
            ),
            ('data: {"choices": []}\n\n', COMPATIBLE, "the answer has choices"),
            ('data: {"candidates": [{"cont', GEMINI, "the answer has candidates"),
            ('[{"usageMetadata": {}}\n,\n{"candidates": []}]', GEMINI, "the answer has usageMetadata"),
            ('{"promptFeedback": {"blockReason": "SAFETY"}}', GEMINI, "the answer has promptFeedback"),
            ('{"object": "response"}', RESPONSES, "the answer's object is named response"),
            ('{"output": [], "status": "completed"}', RESPONSES, "the answer has an output and a status"),
            ('{"type": "message", "content": []}', ANTHROPIC, "the answer's type is message"),
            ('{"content": [], "stop_reason": null}', ANTHROPIC, "the answer has content and a stop_reason"),
            (
                '{"type": "error", "error": {"type": "api_error", "message": "no"}}',
                ANTHROPIC,
                "the error is wrapped in an object of the type error, as Anthropic's are",
            ),
            (
                '{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}',
                GEMINI,
                "the error has a code in figures and a status in words, as Google's have",
            ),
            (
                '[{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}]',
                GEMINI,
                "the error has a code in figures and a status in words, as Google's have",
            ),
            (
                'event: error\ndata: {"type": "error", "sequence_number": 3, "error": {"message": "no"}}\n\n',
                RESPONSES,
                "its error is an event with a sequence_number, as in the Responses API",
            ),
            (
                '{"error": {"code": 429, "message": "OpenRouter"}}',
                COMPATIBLE,
                "nothing names it: read as openai_compatible",
            ),
            ('{"error": {"message": "no", "type": "x"}}', COMPATIBLE, "nothing names it: read as openai_compatible"),
            ("<html>Bad Gateway</html>", COMPATIBLE, "nothing names it: read as openai_compatible"),
            ("", COMPATIBLE, "nothing names it: read as openai_compatible"),
        ],
    )
    def test_names_the_dialect_by_its_shape(self, answer: str, dialect: Dialect, because: str) -> None:
        assert known(dialect, because) == recognise(exchange(answer=answer))

    def test_with_an_error_in_mid_stream_is_known_by_what_came_before(self) -> None:
        answer = 'data: {"choices": []}\n\ndata: {"error": {"code": 500, "status": "INTERNAL"}}\n\n'
        assert COMPATIBLE is recognise(exchange(answer=answer)).dialect


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["object", "choices", "type", "error", "code", "status", "output", "content", "messages", "tools",
                 "role", "input_schema", "candidates", "system", "input", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)  # fmt: skip


class TestHostileExchange:
    @given(asked=HOSTILE, answered=HOSTILE, url=st.text(max_size=40), event=st.text(max_size=12))
    def test_always_has_a_dialect_and_a_reason(self, asked: object, answered: object, url: str, event: str) -> None:
        for answer in (json.dumps(answered), f"event: {event}\ndata: {json.dumps(answered)}\n\n"):
            hostile = exchange(url=url, answer=answer)
            hostile = replace(hostile, request=replace(hostile.request, body=json.dumps(asked).encode()))
            assert recognise(hostile).because

    def test_without_a_response_has_one_too(self) -> None:
        silent = Exchange(request=Request(method="POST", url="http://[", body=b"\xff\xfe{"), response=None)
        assert known(COMPATIBLE, "nothing names it: read as openai_compatible") == recognise(silent)

    @pytest.mark.parametrize(
        "url",
        [
            "https://host/" + "/model/anthropic" * 5000,
            "https://" + "@" * 100_000,
            " " * 100_000,
            "a" * 100_000,
            "https://host" + "/chat/completions" * 10_000 + "x",
            "https://host/model/" + "anthropic" * 10_000,
            "https://host/" + "a" * 100_000 + "/v1/messages",
            # Cut at the bound, it would end in a path that names a dialect.
            "https://host/" + "a" * (16 * 1024 - len("https://host//v1/messages")) + "/v1/messages/and/more",
        ],
        ids=["models", "users", "blanks", "letters", "paths", "names", "end", "cut"],
    )
    def test_with_an_endless_url_is_known_by_the_answer(self, url: str) -> None:
        assert "the answer has candidates" == recognise(exchange(url=url, answer='{"candidates": []}')).because


def same_shape(one: Dialect, other: Dialect) -> bool:
    return one is other or {one, other} <= CHAT


def dialect_of(recording: Recording) -> Dialect:
    return Dialect(recording.name.split("__")[0])


# Of its own form OpenAI has but one error body for two of its APIs.
UNTOLD_BY_SHAPE = {
    "openai_responses__openai__error__4295a28a85",
    "openai_responses__openai__error__522faaca12",
    "openai_responses__openai__error__ca37be6727",
}


@needs_shared
class TestRecordings:
    def test_are_all_recognised_by_where_they_went(self) -> None:
        missed = {
            each.name: found.because
            for each in wire_recordings()
            if (found := recognise(load_wire(each.path))).dialect is not dialect_of(each)
        }
        assert {} == missed

    def test_without_their_url_are_recognised_by_the_rest(self) -> None:
        missed = set[str]()
        for recording in wire_recordings():
            whole = load_wire(recording.path)
            found = recognise(replace(whole, request=replace(whole.request, url="")))
            if not same_shape(dialect_of(recording), found.dialect):
                missed.add(recording.name)
        assert set() == missed

    def test_are_recognised_by_the_shape_of_the_answer_alone_but_for_errors_of_openai(self) -> None:
        missed = set[str]()
        for recording in wire_recordings():
            whole = load_wire(recording.path)
            bare = replace(whole, request=Request(method="POST", url="", body=None), response=Response(status=200))
            if not same_shape(dialect_of(recording), recognise(bare).dialect):
                missed.add(recording.name)
        assert UNTOLD_BY_SHAPE == missed

    def test_of_what_vapi_asks_are_chat_whatever_the_url(self) -> None:
        bodies = {each.name: each.load().get("body") for each in vapi_recordings() if "-request-2024" in each.name}
        assert len(bodies) > 10
        for name, body in bodies.items():
            asked = object_or_nothing(body)
            if "messages" in asked:
                found = recognise(exchange(url="https://llm.example/talk", asked=asked))
                assert (name, COMPATIBLE) == (name, found.dialect)
