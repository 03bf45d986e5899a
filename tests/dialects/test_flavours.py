"""Whose answer it is, by signs; where nothing tells, nobody's; and never somebody else's."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import needs_shared, wire_recordings
from vapi_conformance.dialects.flavours import SIGNS, Flavour, Place, Sign, Sureness, Vendor, flavour_of
from vapi_conformance.exchange import Exchange, Header, Read, Request, Response
from vapi_conformance.recordings import load_wire

SURE, LIKELY = Sureness.SURE, Sureness.LIKELY


def answered(body: object, *, url: str = "", headers: tuple[Header, ...] = ()) -> Exchange:
    """Text stands as it is, everything else becomes JSON."""
    data = body if isinstance(body, str) else json.dumps(body)
    return Exchange(
        request=Request(method="POST", url=url, body=None),
        response=Response(status=200, headers=headers),
        reads=(Read(at_ns=None, data=data.encode()),),
    )


def chat(*, usage: object = None, choice: Mapping[str, object] | None = None, **top: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "message": {"content": "Hi"}, **(choice or {})}], "usage": usage, **top}


def sentence(exchange: Exchange) -> str | None:
    flavour = flavour_of(exchange)
    return None if flavour is None else flavour.sentence


class TestSentence:
    def test_says_is_where_the_vendor_itself_was_asked(self) -> None:
        exchange = answered(chat(), url="https://api.groq.com/openai/v1/chat/completions")
        assert "is Groq: its host is groq.com" == sentence(exchange)
        assert Flavour(name=Vendor.GROQ, because="its host is groq.com", sureness=SURE) == flavour_of(exchange)

    def test_says_looks_like_where_a_habit_tells(self) -> None:
        exchange = answered(chat(choice={"stop_reason": None}))
        assert "looks like vLLM: `stop_reason` in its choices" == sentence(exchange)

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (chat(system_fingerprint="fp_ollama"), "looks like Ollama: its system_fingerprint is fp_ollama"),
            (
                chat(system_fingerprint="b7010-c27efd2bd"),
                "looks like llama.cpp: its system_fingerprint is a build of llama.cpp",
            ),
            (
                chat(system_fingerprint="3.3.4-sha-1bd4e8a"),
                "looks like TGI: its system_fingerprint is a version of TGI",
            ),
            (
                chat(system_fingerprint="2.4.1-dev0-native"),
                "looks like TGI: its system_fingerprint is a version of TGI",
            ),
            (
                {"error": "Input is too long", "error_type": "validation"},
                "looks like TGI: `error_type` beside its error, with a word of TGI",
            ),
            (
                chat(timings={"predicted_per_second": 42.0}),
                "looks like llama.cpp: `predicted_per_second` in its timings",
            ),
            (chat(x_groq={"id": "req_1"}), "looks like Groq: `x_groq` in the answer"),
            ({"error": {"failed_generation": ""}}, "looks like Groq: `failed_generation` in its error"),
            (
                ": OPENROUTER PROCESSING\n\ndata: {}\n\n",
                "is OpenRouter: its stream has comments that say OPENROUTER PROCESSING",
            ),
            (chat(stats={}, system_fingerprint="qwen"), "looks like LM Studio: `stats` in the answer"),
            (chat(stream_options={"include_usage": True}), "looks like LiteLLM: `stream_options` in the answer"),
            (chat(p="abcd"), "looks like Mistral: it is padded under the key `p`"),
            (chat(id="20260313050451de4dfedf43994285"), "looks like Z.ai: its id is a date and 16 hexadecimal digits"),
            (chat(object="chat.completion.done"), "looks like Perplexity: its object is chat.completion.done"),
            (
                'data: {"choices": [], "prompt_filter_results": []}\n\ndata: {"choices": [], "obfuscation": "x"}\n\n',
                "looks like Azure OpenAI: `prompt_filter_results` in the answer",
            ),
        ],
    )  # fmt: skip
    def test_names_what_was_seen_in_the_body(self, body: object, expected: str) -> None:
        assert expected == sentence(answered(body))

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ((b"X-LiteLLM-Call-Id", b"1"), "is LiteLLM: the answer has headers named x-litellm-…"),
            ((b"llm_provider-openai-version", b"1"), "is LiteLLM: the answer has headers named llm_provider-…"),
            ((b"x-groq-region", b"dls"), "looks like Groq: the answer has headers named x-groq-…"),
            ((b"Server", b"llama.cpp"), "looks like llama.cpp: the answer's header server says llama.cpp"),
            ((b"x-generation-id", b"gen-1"), "looks like OpenRouter: the answer has headers named x-generation-id…"),
            ((b"openai-version", b"2020-10-01"), "looks like OpenAI: the answer has headers named openai-…"),
        ],
    )
    def test_names_what_was_seen_in_the_headers(self, header: Header, expected: str) -> None:
        assert expected == sentence(answered(chat(), headers=(header,)))

    def test_prefers_whom_was_asked_to_what_shows_through(self) -> None:
        through = answered(chat(x_groq={}), url="https://router.huggingface.co/v1/chat/completions")
        assert "is Hugging Face router: its host is router.huggingface.co" == sentence(through)

    def test_prefers_a_gateway_to_what_shows_through(self) -> None:
        through = answered(chat(x_groq={}), headers=((b"openai-version", b"1"), (b"x-litellm-version", b"1")))
        assert "is LiteLLM: the answer has headers named x-litellm-…" == sentence(through)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://localhost:11434/v1/chat/completions", "looks like Ollama: it listens on port 11434"),
            ("http://localhost:1234/v1/chat/completions", "looks like LM Studio: it listens on port 1234"),
            ("http://localhost:8000/v1/chat/completions", None),
        ],
    )
    def test_goes_by_the_port_last(self, url: str, expected: str | None) -> None:
        assert expected == sentence(answered(chat(), url=url))
        assert "looks like vLLM: `token_ids` in its choices" == sentence(
            answered(chat(choice={"token_ids": []}), url=url)
        )


class TestFalseFriends:
    """What looks like a sign and is none: others send it too."""

    @pytest.mark.parametrize(
        "body",
        [
            chat(system_fingerprint="fp_44709d6fcb"),
            chat(system_fingerprint="b"),
            chat(system_fingerprint="1.2.3"),
            chat(system_fingerprint=None),
            chat(usage={"is_byok": False, "cost": 0.1, "cost_details": {}, "num_sources_used": 0}),
            chat(choice={"message": {"reasoning": "x", "reasoning_content": "y", "reasoning_details": []}}),
            chat(choice={"message": {"tool_calls": [{"id": "8JctI49Z3", "index": 0}]}}),
            chat(citations=[], search_results=[], request_id="r-1", user_id="u", provider="me", metadata={}),
            chat(id=""),
            chat(id="msg_1"),
            chat(id="20260313"),
            chat(timings={"total_ms": 3}),
            chat(service_tier="default"),
            {"error": "Out of memory", "error_type": "RuntimeError"},
            {"error": {"message": "no", "type": "x", "param": None, "code": None}, "user_id": "u"},
            # Other APIs use the same words for things of their own.
            {"type": "message", "stop_reason": "end_turn", "content": []},
            {"type": "error", "error": {"type": "x"}, "error_type": "validation"},
            {"object": "response", "output": [], "obfuscation": "x", "stats": {}},
            {"stop_reason": None, "timings": {"predicted_per_second": 1}},
        ],
    )  # fmt: skip
    def test_in_a_body_name_nobody(self, body: object) -> None:
        assert None is sentence(answered(body))

    @pytest.mark.parametrize(
        "header",
        [
            (b"server", b"uvicorn"),
            (b"server", b"cloudflare"),
            (b"server", b"not llama.cpp"),
            (b"x-vercel-id", b"iad1::x"),
            (b"apim-request-id", b"1"),
            (b"x-ms-client-request-id", b"1"),
            (b"x-amzn-requestid", b"1"),
            (b"x-amzn-trace-id", b"1"),
            (b"x-request-id", b"req_1"),
            (b"x-envoy-upstream-service-time", b"1"),
            (b"x-kong-request-id", b"1"),
            (b"inference-id", b"1"),
            (b"x-ratelimit-limit-requests", b"1"),
        ],
    )
    def test_among_headers_name_nobody(self, header: Header) -> None:
        assert None is sentence(answered(chat(), headers=(header,)))

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.groq.com.evil.example/v1/chat/completions",
            "https://notgroq.com/v1/chat/completions",
            "https://evil.example/groq.com/v1/chat/completions",
            "https://groq.com@evil.example/v1/chat/completions",
            "https://abc123.execute-api.us-east-1.amazonaws.com/v1/chat/completions",
            "https://my-app.vercel.app/v1/chat/completions",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
            "http://localhost:112340/v1",
        ],
    )
    def test_among_urls_name_nobody(self, url: str) -> None:
        assert None is sentence(answered(chat(), url=url))


def shown(sign: Sign) -> Exchange:
    """An exchange that has this sign and no other, where the key alone is the sign."""
    key: dict[str, object] = {sign.key: None}
    made = {
        Place.HOST: answered(chat(), url=f"https://{sign.key}/v1/chat/completions"),
        Place.PORT: answered(chat(), url=f"http://localhost:{sign.key}/v1/chat/completions"),
        Place.HEADER: answered(chat(), headers=((sign.key.encode() + b"x", b"1"),)),
        Place.COMMENT: answered(f": {sign.key}\n\n"),
        Place.TOP: answered(chat() | key),
        Place.CHOICE: answered(chat(choice=key)),
        Place.MESSAGE: answered({"choices": [{"delta": key}]}),
        Place.USAGE: answered(chat(usage=key)),
        Place.TIMINGS: answered(chat(timings=key)),
        Place.REFUSAL: answered({"error": {}, **key}),
        Place.ERROR: answered({"error": key}),
    }
    return made[sign.place]


class TestTable:
    @pytest.mark.parametrize(
        "sign", [each for each in SIGNS if each.value is None], ids=lambda each: f"{each.place.name}-{each.key}"
    )
    def test_each_key_alone_names_its_vendor(self, sign: Sign) -> None:
        expected = Flavour(name=sign.vendor, because=sign.because, sureness=sign.sureness)
        assert expected == flavour_of(shown(sign))

    def test_signs_with_a_value_say_in_words_what_it_is(self) -> None:
        assert [] == [each for each in SIGNS if (each.value is None) != (not each.words)]

    def test_no_sign_stands_twice(self) -> None:
        signs = Counter((each.place, each.key, each.value) for each in SIGNS)
        assert [] == [sign for sign, count in signs.items() if count > 1]

    def test_every_vendor_has_a_sign(self) -> None:
        assert set(Vendor) == {each.vendor for each in SIGNS}

    def test_keys_of_hosts_and_headers_are_in_lower_case_as_they_are_compared(self) -> None:
        places = (Place.HOST, Place.HEADER)
        assert [] == [each.key for each in SIGNS if each.place in places and each.key != each.key.lower()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "error", "delta", "message", "usage", "timings", "id", "type", "x_groq", "y"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


class TestHostileAnswer:
    @given(body=JSON, url=st.text(max_size=30), name=st.binary(max_size=20), value=st.binary(max_size=20))
    def test_has_a_flavour_or_none(self, body: object, url: str, name: bytes, value: bytes) -> None:
        for answer in (body, f": {json.dumps(body)}\ndata: {json.dumps(body)}\n\n"):
            flavour = flavour_of(answered(answer, url=url, headers=((name, value),)))
            assert flavour is None or flavour.name in Vendor

    def test_without_a_response_is_known_by_whom_was_asked(self) -> None:
        silent = Exchange(request=Request(method="POST", url="https://api.x.ai/v1/chat/completions"), response=None)
        assert "is xAI: its host is x.ai" == sentence(silent)

    def test_with_endless_choices_and_strings_is_read_by_its_beginning(self) -> None:
        many = '{"choices": [' + "{}," * 30_000 + '{"stop_reason": null}]}'
        long = json.dumps(chat(system_fingerprint="b1-" + "a" * 100_000))
        assert (None, None) == (sentence(answered(many)), sentence(answered(long)))

    def test_with_another_fingerprint_on_each_chunk_is_read_by_the_first_few(self) -> None:
        def stream(count: int) -> str:
            names = [*(f"x{number}" for number in range(count)), "fp_ollama"]
            return "".join(f"data: {json.dumps(chat(system_fingerprint=name))}\n\n" for name in names)

        assert "looks like Ollama: its system_fingerprint is fp_ollama" == sentence(answered(stream(3)))
        assert None is sentence(answered(stream(100)))


# What the recorder called the vendor, to what it is called here.
PROVIDERS = {
    "anthropic": Vendor.ANTHROPIC,
    "avian": Vendor.AVIAN,
    "azure": Vendor.AZURE,
    "bedrock-mantle": Vendor.BEDROCK,
    "cerebras": Vendor.CEREBRAS,
    "deepseek": Vendor.DEEPSEEK,
    "google": Vendor.GEMINI,
    "gpustack": Vendor.GPUSTACK,
    "groq": Vendor.GROQ,
    "huggingface": Vendor.HUGGING_FACE,
    "llama.cpp": Vendor.LLAMA_CPP,
    "lmstudio": Vendor.LM_STUDIO,
    "mistral": Vendor.MISTRAL,
    "ollama": Vendor.OLLAMA,
    "openai": Vendor.OPENAI,
    "openrouter": Vendor.OPENROUTER,
    "perplexity": Vendor.PERPLEXITY,
    "pydantic-gateway": Vendor.PYDANTIC,
    "together": Vendor.TOGETHER,
    "vercel-gateway": Vendor.VERCEL,
    "vllm": Vendor.VLLM,
    "xai": Vendor.XAI,
    "zai": Vendor.ZAI,
}

# Gateways without a sign of their own: what is seen is who answers behind them, and that is what is said.
SHOWS_THROUGH = {
    # Its host is known. Its body is OpenRouter's, under another name for the reasoning.
    ("avian", Vendor.OPENROUTER),
    # Its host is known. Behind it answered Groq, Together and one that gives no sign.
    ("huggingface", Vendor.GROQ),
    ("huggingface", Vendor.TOGETHER),
    # Run on the developer's own machine; behind it answered OpenAI, and its headers come through.
    ("mirascope-router", Vendor.OPENAI),
}

# Of the recordings in the shape of Chat Completions: how many are known by the body alone, and of how many.
KNOWN_BY_BODY = {
    "anthropic": (1, 1),
    "avian": (0, 3),
    "azure": (11, 13),  # two refusals: a plain error object
    "bedrock-mantle": (0, 1),
    "cerebras": (1, 1),
    "deepseek": (7, 8),  # a refusal, in OpenAI's words
    "google": (1, 1),
    "gpustack": (2, 2),
    "groq": (8, 9),  # one of 2024, before it sent x_groq in a document
    "huggingface": (0, 5),
    "llama.cpp": (3, 3),
    "mirascope-router": (0, 1),
    "mistral": (4, 9),  # only newer streams are padded
    "ollama": (9, 9),
    "openai": (35, 100),  # only newer streams are padded
    "openrouter": (10, 12),  # two refusals
    "perplexity": (2, 2),
    "pydantic-gateway": (1, 1),
    "together": (3, 4),  # a refusal, in OpenAI's words
    "vercel-gateway": (5, 5),
    "vllm": (3, 3),
    "xai": (8, 8),
    "zai": (5, 5),
}


def whole(exchange: Exchange) -> Exchange:
    return exchange


def without_url(exchange: Exchange) -> Exchange:
    return replace(exchange, request=replace(exchange.request, url=""))


def body_only(exchange: Exchange) -> Exchange:
    return replace(exchange, request=Request(method="POST", url="", body=None), response=Response(status=200))


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("seen_as", [whole, without_url, body_only])
    def test_are_never_taken_for_another_vendor(self, seen_as: Callable[[Exchange], Exchange]) -> None:
        wrong = set[tuple[str, Vendor]]()
        for recording in wire_recordings():
            provider = recording.name.split("__")[1]
            flavour = flavour_of(seen_as(load_wire(recording.path)))
            if flavour is not None and flavour.name is not PROVIDERS.get(provider):
                wrong.add((provider, flavour.name))
        assert set() == wrong - SHOWS_THROUGH

    def test_whole_are_all_known_but_for_a_gateway_that_hides(self) -> None:
        unknown = Counter[str]()
        for recording in wire_recordings("openai_"):
            provider = recording.name.split("__")[1]
            flavour = flavour_of(load_wire(recording.path))
            unknown[provider] += flavour is None or flavour.name is not PROVIDERS.get(provider)
        assert {"mirascope-router": 1} == dict(+unknown)

    def test_are_known_by_the_body_alone_as_often_as_listed(self) -> None:
        known, all_of = Counter[str](), Counter[str]()
        for prefix in ("openai_compatible__", "openai_chat_completions__"):
            for recording in wire_recordings(prefix):
                provider = recording.name.split("__")[1]
                flavour = flavour_of(body_only(load_wire(recording.path)))
                all_of[provider] += 1
                known[provider] += flavour is not None and flavour.name is PROVIDERS.get(provider)
        assert KNOWN_BY_BODY == {provider: (known[provider], count) for provider, count in all_of.items()}

    def test_in_other_apis_give_no_sign_in_the_body_that_belongs_to_this_one(self) -> None:
        prefixes = ("openai_responses__", "anthropic_messages__", "gemini_generate_content__")
        recordings = [each for prefix in prefixes for each in wire_recordings(prefix)]
        assert {None} == {sentence(body_only(load_wire(each.path))) for each in recordings}
