"""The Gemini API: sound answers, streamed and whole, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.conftest import KEY
from reference_server.talking import NOTHING, WEATHER, Heard, Json, Talk, every, first, inner

if TYPE_CHECKING:
    from collections.abc import Sequence

START = "/v1beta/models/reference"
WHOLE, STREAM = f"{START}:generateContent", f"{START}:streamGenerateContent"
STORY = "Tell me a long story."
THINKING: Json = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
CITY = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}}, "required": ["city"]}
DECLARED: list[Json] = [{"name": "get_weather", "parameters": CITY}, {"name": "read_clock"}]
TOOLS: Json = {"tools": [{"functionDeclarations": DECLARED}]}


def ask(*texts: str, **more: object) -> Json:
    """Turns by turns, the user's first."""
    contents = [{"role": ("user", "model")[at % 2], "parts": [{"text": text}]} for at, text in enumerate(texts)]
    return {"contents": contents, **more}


def config(**fields: object) -> Json:
    return {"generationConfig": fields}


def calling(**fields: object) -> Json:
    return {**TOOLS, "toolConfig": {"functionCallingConfig": fields}}


def whole(talk: Talk, body: Json, path: str = WHOLE) -> Json:
    heard = talk.post(body, path)
    assert heard.status == 200, heard.body
    return heard.json


def chunks_of(heard: Heard) -> list[Json]:
    """The chunks of an event stream that holds nothing else: one `data` line each, ended by CRLF."""
    blocks = heard.body.decode().removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert all(block.startswith("data: {") and "\n" not in block for block in blocks)
    return [cast("Json", json.loads(block.removeprefix("data: "))) for block in blocks]


def stream(talk: Talk, body: Json) -> list[Json]:
    return chunks_of(talk.post(body, f"{STREAM}?alt=sse"))


def parts_of(answer: Json, index: int = 0) -> list[Json]:
    candidate = next((item for item in every(answer, "candidates") if item["index"] == index), None)
    return [] if candidate is None else cast("list[Json]", inner(candidate, "content").get("parts", []))


def text_of(*answers: Json) -> str:
    return "".join(str(part.get("text", "")) for answer in answers for part in parts_of(answer))


def words(talk: Talk, body: Json) -> str:
    return text_of(whole(talk, body))


def calls_of(*answers: Json) -> list[Json]:
    parts = [part for answer in answers for part in parts_of(answer)]
    return [inner(part, "functionCall") for part in parts if "functionCall" in part]


def finishes(chunks: Sequence[Json]) -> list[object]:
    return [first(chunk, "candidates").get("finishReason") for chunk in chunks]


def tool_round(call: Json, response: object, **more: object) -> Json:
    turns: list[Json] = [
        {"role": "user", "parts": [{"text": "Weather"}]},
        {"role": "model", "parts": [{"functionCall": call}]},
        {"role": "user", "parts": [{"functionResponse": {"name": call["name"], "response": response}}]},
    ]
    return {"contents": turns, **more}


def error(heard: Heard) -> Json:
    return inner(heard.json, "error")


class TestJson:
    def test_the_whole_answer(self, talk: Talk) -> None:
        answer = whole(talk, ask("Say exactly: Hi."))
        assert str(answer.pop("responseId"))
        assert answer == {
            "candidates": [
                {"content": {"parts": [{"text": "Hi."}], "role": "model"}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": {
                "promptTokenCount": 5,
                "candidatesTokenCount": 2,
                "totalTokenCount": 7,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
            },
            "modelVersion": "reference",
        }

    def test_calls_are_objects_and_finish_stop(self, talk: Talk) -> None:
        answer = whole(talk, ask("Weather and clock", **TOOLS))
        assert [(call["name"], call["args"]) for call in calls_of(answer)] == [
            ("get_weather", {"city": "Paris", "days": 1}),
            ("read_clock", {}),
        ]
        assert finishes([answer]) == ["STOP"]

    def test_the_limit_is_kept(self, talk: Talk) -> None:
        answer = whole(talk, ask(STORY, **config(maxOutputTokens=7)))
        assert (finishes([answer]), inner(answer, "usageMetadata")["candidatesTokenCount"]) == (["MAX_TOKENS"], 7)

    def test_half_a_call_is_not_sent(self, talk: Talk) -> None:
        answer = whole(talk, ask("Weather", **TOOLS, **config(maxOutputTokens=3)))
        assert (parts_of(answer), finishes([answer])) == ([], ["MAX_TOKENS"])

    def test_stop_sequences_end_it(self, talk: Talk) -> None:
        answer = whole(talk, ask("Say exactly: one two three", **config(stopSequences=["two"])))
        assert (text_of(answer), finishes([answer])) == ("one ", ["STOP"])

    def test_candidates_are_counted_together(self, talk: Talk) -> None:
        answer = whole(talk, ask("Say exactly: Hi.", **config(candidateCount=2)))
        assert [item["index"] for item in every(answer, "candidates")] == [0, 1]
        assert inner(answer, "usageMetadata")["candidatesTokenCount"] == 4

    def test_thoughts_are_marked_and_counted_apart(self, talk: Talk) -> None:
        answer = whole(talk, ask("Say exactly: Hi.", **THINKING))
        thought, text = parts_of(answer)
        usage = inner(answer, "usageMetadata")
        counts = [cast("int", usage[f"{key}TokenCount"]) for key in ("prompt", "candidates", "thoughts")]
        assert (thought["thought"], "thought" in text, "thoughtSignature" in text) == (True, False, True)
        assert (counts[1], usage["totalTokenCount"]) == (2, sum(counts))

    @pytest.mark.parametrize("key", ["systemInstruction", "system_instruction"])
    def test_the_system_instruction_reaches_the_model(self, talk: Talk, key: str) -> None:
        body = ask("What is the house word?", **{key: {"parts": [{"text": "The house word is oak."}]}})
        assert words(talk, body) == "The house word is oak."

    def test_a_history_is_read(self, talk: Talk) -> None:
        assert words(talk, ask("My code word is plum.", "Fine.", "What is my code word?")) == "Your code word is plum."

    @pytest.mark.parametrize(
        ("said", "mode", "names"),
        [
            ("Hi there", {"mode": "AUTO"}, []),
            ("Hi there", {"mode": "ANY"}, ["get_weather"]),
            ("Hi there", {"mode": 2}, ["get_weather"]),
            ("Hi there", {"mode": "ANY", "allowedFunctionNames": ["read_clock"]}, ["read_clock"]),
            ("Weather", {"mode": "VALIDATED", "allowed_function_names": ["read_clock"]}, []),
            ("Weather", {"mode": "NONE"}, []),
            ("Weather", {}, ["get_weather"]),
        ],
    )
    def test_the_mode_of_calling_is_honoured(self, talk: Talk, said: str, mode: Json, names: list[str]) -> None:
        assert [call["name"] for call in calls_of(whole(talk, ask(said, **calling(**mode))))] == names

    @pytest.mark.parametrize(
        "declared",
        [
            {"functionDeclarations": [{"name": "get_weather", "parameters": CITY}]},
            {
                "function_declarations": [
                    {"name": "get_weather", "parametersJsonSchema": inner(WEATHER, "function", "parameters")}
                ]
            },
            {
                "function_declarations": [
                    {"name": "get_weather", "parameters": {"type": 6, "properties": {"city": {"type": 1}}}}
                ]
            },
        ],
    )
    def test_declarations_come_in_three_spellings(self, talk: Talk, declared: Json) -> None:
        (call,) = calls_of(whole(talk, ask("Weather", tools=[declared])))
        assert inner(call, "args")["city"] == "Paris"

    @pytest.mark.parametrize(
        "fields",
        [
            {"responseMimeType": "application/json", "responseSchema": CITY},
            {"response_mime_type": "application/json", "response_schema": CITY},
            {"responseMimeType": "application/json", "responseJsonSchema": inner(WEATHER, "function", "parameters")},
        ],
    )
    def test_a_response_schema_is_met(self, talk: Talk, fields: Json) -> None:
        assert json.loads(words(talk, ask("Answer", **config(**fields)))) == {"city": "Paris", "days": 1}

    def test_json_without_a_schema_is_json(self, talk: Talk) -> None:
        assert json.loads(words(talk, ask("Answer", **config(responseMimeType="application/json")))) == {}

    def test_enums_are_numbers_where_asked(self, talk: Talk) -> None:
        answer = whole(talk, ask("Hi"), f"{WHOLE}?%24alt=json%3Benum-encoding%3Dint")
        assert (finishes([answer]), first(inner(answer, "usageMetadata"), "promptTokensDetails")["modality"]) == (
            [1],
            1,
        )

    def test_arguments_keep_their_words_where_enums_are_numbers(self, talk: Talk) -> None:
        parameters = {"type": "OBJECT", "properties": {"modality": {"type": "STRING", "enum": ["TEXT"]}}}
        body = ask("Weather", tools=[{"functionDeclarations": [{"name": "get_weather", "parameters": parameters}]}])
        (call,) = calls_of(whole(talk, body, f"{WHOLE}?$alt=json;enum-encoding=int"))
        assert call["args"] == {"modality": "TEXT"}

    def test_unknown_keys_and_hosted_tools_are_ignored(self, talk: Talk) -> None:
        assert words(talk, ask("Say exactly: Hi.", call={"id": 1}, tools=[{"googleSearch": NOTHING}])) == "Hi."

    @pytest.mark.parametrize(
        "start", ["/v1beta", "/v1", "/v1alpha", "", "/v1/projects/p/locations/l/publishers/google"]
    )
    def test_all_its_paths_are_served(self, talk: Talk, start: str) -> None:
        assert talk.post(ask("Hi"), f"{start}/models/reference:generateContent").status == 200


class TestStream:
    def test_is_an_event_stream_of_data_lines(self, talk: Talk) -> None:
        heard = talk.post(ask(STORY), f"{STREAM}?alt=sse")
        assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert len(chunks_of(heard)) > 20

    def test_is_an_array_otherwise(self, talk: Talk) -> None:
        heard = talk.post(ask(STORY), STREAM)
        chunks = cast("list[Json]", json.loads(heard.body))
        assert heard.headers["content-type"] == "application/json; charset=UTF-8"
        assert text_of(*chunks) == text_of(*stream(talk, ask(STORY)))
        assert len(heard.reads) > 10

    @pytest.mark.parametrize("path", [STREAM, f"{STREAM}?alt=sse"])
    def test_says_what_json_says(self, talk: Talk, path: str) -> None:
        heard = talk.post(ask(STORY), path)
        chunks = chunks_of(heard) if "sse" in path else cast("list[Json]", json.loads(heard.body))
        answer = whole(talk, ask(STORY))
        assert text_of(*chunks) == text_of(answer)
        assert chunks[-1]["usageMetadata"] == answer["usageMetadata"]

    @pytest.mark.parametrize(
        ("body", "finish"),
        [
            (ask(STORY), "STOP"),
            (ask("Weather and clock", **TOOLS), "STOP"),
            (ask(STORY, **config(maxOutputTokens=9)), "MAX_TOKENS"),
            (ask("Weather", **TOOLS, **config(maxOutputTokens=3)), "MAX_TOKENS"),
            (ask("Say exactly: no", **config(stopSequences=["no"])), "STOP"),
            (ask("Hi", **THINKING), "STOP"),
        ],
    )
    def test_finishes_once_and_last_with_the_counts_of_the_whole(self, talk: Talk, body: Json, finish: str) -> None:
        chunks = stream(talk, body)
        assert finishes(chunks) == [None] * (len(chunks) - 1) + [finish]
        assert chunks[-1]["usageMetadata"] == whole(talk, body)["usageMetadata"]

    def test_counts_grow_and_labels_stay(self, talk: Talk) -> None:
        chunks = stream(talk, ask(STORY))
        counts = [cast("dict[str, int]", chunk["usageMetadata"]) for chunk in chunks]
        spoken = [count["candidatesTokenCount"] for count in counts]
        assert spoken == sorted(set(spoken))
        assert {count["promptTokenCount"] for count in counts} == {6}
        assert len({(chunk["responseId"], chunk["modelVersion"]) for chunk in chunks}) == 1

    def test_calls_are_whole(self, talk: Talk) -> None:
        body = ask("Weather and clock", **TOOLS)
        chunks = stream(talk, body)
        assert [len(calls_of(chunk)) for chunk in chunks] == [1, 1, 0]
        assert [call["args"] for call in calls_of(*chunks)] == [call["args"] for call in calls_of(whole(talk, body))]

    def test_thoughts_come_first(self, talk: Talk) -> None:
        chunks = stream(talk, ask("Hi", **THINKING))
        marks = ["thought" in part for chunk in chunks for part in parts_of(chunk)]
        assert marks == sorted(marks, reverse=True)
        assert {True, False} == set(marks)

    def test_candidates_take_turns(self, talk: Talk) -> None:
        chunks = stream(talk, ask(STORY, **config(candidateCount=2)))
        assert [first(chunk, "candidates")["index"] for chunk in chunks[:4]] == [0, 1, 0, 1]

    def test_enums_are_numbers_where_asked(self, talk: Talk) -> None:
        heard = talk.post(ask("Hi"), f"{STREAM}?alt=sse&$alt=json;enum-encoding=int")
        assert finishes(chunks_of(heard))[-1] == 1


class TestToolRound:
    @pytest.mark.parametrize(
        ("response", "said"),
        [
            ({"result": "Rain."}, "The tool says: Rain."),
            ({"output": "Rain."}, "The tool says: Rain."),
            ({"sky": 7}, 'The tool says: {"sky":7}.'),
            ({}, "The tool says: {}."),
        ],
    )
    def test_the_response_is_told(self, talk: Talk, response: Json, said: str) -> None:
        (call,) = calls_of(whole(talk, ask("Weather", **TOOLS)))
        assert words(talk, tool_round(call, response, **TOOLS)) == said

    def test_responses_of_parallel_calls_are_all_told_in_their_order(self, talk: Talk) -> None:
        calls = calls_of(whole(talk, ask("Weather and clock", **TOOLS)))
        body = ask("Weather and clock", **TOOLS)
        responses = [
            {"function_response": {"name": call["name"], "id": call["id"], "response": {"result": text}}}
            for call, text in zip(calls, ("Rain.", "Noon."), strict=True)
        ]
        turns = cast("list[Json]", body["contents"])
        turns.append({"role": "model", "parts": [{"function_call": call} for call in calls]})
        turns.append({"role": "function", "parts": responses})
        assert words(talk, body) == "The tool says: Rain. The tool says: Noon."

    def test_the_response_of_a_function_that_nobody_called_gets_400(self, talk: Talk) -> None:
        body = tool_round({"name": "get_weather"}, {"result": "Rain."})
        del cast("list[Json]", body["contents"])[1]
        heard = talk.post(body, WHOLE)
        assert (heard.status, error(heard)["status"]) == (400, "INVALID_ARGUMENT")


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (NOTHING, "contents"),
            (ask(), "contents"),
            ({"contents": "Hi"}, "contents"),
            ({"contents": [7]}, "contents[0]"),
            ({"contents": [{"role": "robot", "parts": [{"text": "Hi"}]}]}, "contents[0].role"),
            ({"contents": [{"role": "user"}]}, "contents[0].parts"),
            ({"contents": [{"parts": [NOTHING]}]}, "contents[0].parts[0]"),
            ({"contents": [{"parts": [{"text": 7}]}]}, "contents[0].parts[0].text"),
            ({"contents": [{"parts": [{"text": "a", "functionCall": {"name": "f"}}]}]}, "contents[0].parts[0]"),
            (ask("\ud83d"), "contents[0].parts[0].text"),
            (tool_round({"name": "f", "args": "{}"}, {}), "contents[1].parts[0].functionCall.args"),
            (ask("Hi", systemInstruction="Be brief."), "systemInstruction"),
            (ask("Hi", **config(temperature="hot")), "generationConfig.temperature"),
            (ask("Hi", **config(temperature=2.5)), "generationConfig.temperature"),
            (ask("Hi", **config(max_output_tokens=0)), "generationConfig.maxOutputTokens"),
            (ask("Hi", **config(maxOutputTokens=1.5)), "generationConfig.maxOutputTokens"),
            (ask("Hi", **config(candidateCount=9)), "generationConfig.candidateCount"),
            (ask("Hi", **config(stopSequences=["a"] * 6)), "generationConfig.stopSequences"),
            (ask("Hi", **config(responseSchema=CITY)), "generationConfig.responseMimeType"),
            (ask("Hi", **config(responseMimeType="text/html")), "generationConfig.responseMimeType"),
            (ask("Hi", generationConfig=[]), "generationConfig"),
            (ask("Hi", tools={}), "tools"),
            (ask("Hi", tools=[{"functionDeclarations": [NOTHING]}]), "tools[0].functionDeclarations[0].name"),
            (ask("Hi", toolConfig={"functionCallingConfig": {"mode": "ANY"}}), "toolConfig.functionCallingConfig.mode"),
            (ask("Hi", **calling(mode="SOMETIMES")), "toolConfig.functionCallingConfig.mode"),
            (
                ask("Hi", **calling(mode="ANY", allowedFunctionNames=["other"])),
                "toolConfig.functionCallingConfig.allowedFunctionNames",
            ),
            (
                ask("Hi", **calling(mode="AUTO", allowedFunctionNames=["read_clock"])),
                "toolConfig.functionCallingConfig.allowedFunctionNames",
            ),
        ],
    )
    def test_a_wrong_field_gets_400_and_is_named(self, talk: Talk, body: Json, field: str) -> None:
        heard = talk.post(body, WHOLE)
        assert (heard.status, error(heard)["code"], error(heard)["status"]) == (400, 400, "INVALID_ARGUMENT")
        violation = first(first(error(heard), "details"), "fieldViolations")
        assert violation["field"] == field

    def test_a_schema_too_deep_gets_400(self, talk: Talk) -> None:
        schema: Json = {"type": "STRING"}
        for _ in range(40):
            schema = {"type": "ARRAY", "items": schema}
        body = ask("Hi", tools=[{"functionDeclarations": [{"name": "f", "parameters": schema}]}])
        assert talk.post(body, WHOLE).status == 400

    def test_an_unknown_model_gets_404(self, talk: Talk) -> None:
        heard = talk.post(ask("Hi"), "/v1beta/models/unknown:generateContent")
        assert (heard.status, error(heard)["code"], error(heard)["status"]) == (404, 404, "NOT_FOUND")

    def test_it_stands_in_an_array_where_the_answer_would(self, talk: Talk) -> None:
        (item,) = cast("list[Json]", json.loads(talk.post({}, STREAM).body))
        assert inner(item, "error")["code"] == 400
        assert error(talk.post({}, f"{STREAM}?alt=sse"))["code"] == 400

    def test_a_cached_content_is_not_found(self, talk: Talk) -> None:
        assert talk.post(ask("Hi", cachedContent="cachedContents/1"), WHOLE).status == 403

    @pytest.mark.parametrize(("raw", "status"), [(b"{", 400), (b"[" * 50_000, 400), (b" " * 70_000, 400)])
    def test_bodies_that_are_none(self, talk: Talk, raw: bytes, status: int) -> None:
        heard = talk.post(raw, WHOLE)
        assert (heard.status, error(heard)["code"]) == (status, status)

    @pytest.mark.parametrize(
        "path",
        [
            "/v1beta/models/reference:sing",
            "/v1beta/models",
            "/v1beta/models/:generateContent",
            "/v1/x/models/m:generateContent",
        ],
    )
    def test_other_paths_get_404(self, talk: Talk, path: str) -> None:
        assert talk.post(ask("Hi"), path).status == 404

    def test_another_method_gets_404(self, talk: Talk) -> None:
        heard = talk.post(b"", WHOLE, method="GET")
        assert (heard.status, error(heard)["code"]) == (404, 404)


class TestKey:
    @pytest.mark.parametrize(
        ("query", "sent"),
        [("", {"x-goog-api-key": KEY}), (f"?key={KEY}", {}), ("", {"authorization": f"Bearer {KEY}"})],
    )
    def test_is_accepted_in_its_places(self, locked: Talk, query: str, sent: dict[str, str]) -> None:
        assert locked.post(ask("Hi"), WHOLE + query, sent).status == 200

    @pytest.mark.parametrize(
        ("query", "sent"), [("", {"x-goog-api-key": "wrong-secret-key"}), ("?key=wrong-secret-key", {})]
    )
    def test_a_wrong_one_gets_400(self, locked: Talk, query: str, sent: dict[str, str]) -> None:
        heard = locked.post(ask("Hi"), WHOLE + query, sent)
        assert (heard.status, error(heard)["status"]) == (400, "INVALID_ARGUMENT")
        assert first(error(heard), "details")["reason"] == "API_KEY_INVALID"
        assert b"wrong-secret-key" not in heard.body

    def test_none_gets_403(self, locked: Talk) -> None:
        heard = locked.post(ask("Hi"), WHOLE)
        assert (heard.status, error(heard)["status"]) == (403, "PERMISSION_DENIED")

    def test_a_wrong_token_gets_401(self, locked: Talk) -> None:
        heard = locked.post(ask("Hi"), WHOLE, {"authorization": "Bearer wrong-secret-key"})
        assert (heard.status, error(heard)["status"]) == (401, "UNAUTHENTICATED")
        assert heard.headers["www-authenticate"] == "Bearer"
