"""Every fault of the added APIs can be shown: what comes back is not what the sound server sends."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from reference_server.conftest import KEY
from reference_server.talking import CLOCK, WEATHER, Heard, Json, Talk, inner, user
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults import all_faults
from vapi_reference_server.faults.fault import Fault, SeenOn

if TYPE_CHECKING:
    from collections.abc import Mapping

FAULTS = {name: fault for name, fault in all_faults().items() if fault.dialect is not DialectName.CHAT}
MODEL = "/v1beta/models/reference"
FUNCTIONS = [inner(tool, "function") for tool in (WEATHER, CLOCK)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that is part of showing a fault."""

    body: Json | bytes
    path: str
    headers: tuple[tuple[str, str], ...] = ()


Trigger: TypeAlias = "tuple[Sent, ...]"


def response(said: object = "I like tea", **more: object) -> Sent:
    return Sent(body={"model": "reference", "input": said, **more}, path="/v1/responses")


def message(said: object = "I like tea", *headers: tuple[str, str], **more: object) -> Sent:
    turns = said if isinstance(said, list) else [{"role": "user", "content": said}]
    return Sent(
        body={"model": "reference", "max_tokens": 2000, "messages": turns, **more},
        path="/v1/messages",
        headers=(("anthropic-version", "2023-06-01"), *headers),
    )


def content(said: object = "I like tea", **more: object) -> Sent:
    turns = said if isinstance(said, list) else [{"parts": [{"text": said}]}]
    return Sent(body={"contents": turns, **more}, path=f"{MODEL}:generateContent")


def chunks(said: object = "I like tea", **more: object) -> Sent:
    return replace(content(said, **more), path=f"{MODEL}:streamGenerateContent?alt=sse")


R_TOOLS: Json = {"tools": [{"type": "function", **function} for function in FUNCTIONS]}
A_TOOLS: Json = {"tools": [{"name": each["name"], "input_schema": each["parameters"]} for each in FUNCTIONS]}
G_TOOLS: Json = {
    "tools": [
        {
            "functionDeclarations": [
                {"name": each["name"], "parametersJsonSchema": each["parameters"]} for each in FUNCTIONS
            ]
        }
    ]
}
R_THINKS: Json = {"reasoning": {"effort": "low", "summary": "auto"}}
A_THINKS: Json = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
G_THINKS: Json = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
STORY, BOTH = "Tell me a long story.", "Weather and clock"
UNKNOWN: Json = {"model": "unknown"}

RESPONSES: Mapping[SeenOn, Trigger] = {
    SeenOn.ANY: (response(),),
    SeenOn.STREAM: (response(stream=True),),
    SeenOn.JSON: (response(),),
    SeenOn.TOOL_STREAM: (response(BOTH, stream=True, **R_TOOLS),),
    SeenOn.TOOL_JSON: (response("Weather", **R_TOOLS),),
    SeenOn.THOUGHTS: (response(**R_THINKS),),
    SeenOn.THOUGHT_STREAM: (response(stream=True, **R_THINKS),),
    SeenOn.LIMIT: (response(STORY, max_output_tokens=16),),
    SeenOn.LIMIT_STREAM: (response(STORY, max_output_tokens=16, stream=True),),
    SeenOn.REFUSED: (response(**UNKNOWN),),
    SeenOn.KEY: (
        replace(response(), headers=(("authorization", f"Bearer {KEY}"), ("x-tenant", "7"))),
        replace(response(), headers=(("authorization", "Bearer wrong-secret-key"),)),
        response(),
    ),
}
ANTHROPIC: Mapping[SeenOn, Trigger] = {
    SeenOn.ANY: (message(),),
    SeenOn.STREAM: (message(stream=True),),
    SeenOn.JSON: (message(),),
    SeenOn.TOOL_STREAM: (message(BOTH, stream=True, **A_TOOLS),),
    SeenOn.TOOL_JSON: (message("Weather", **A_TOOLS),),
    SeenOn.THOUGHTS: (message(**A_THINKS),),
    SeenOn.THOUGHT_STREAM: (message(stream=True, **A_THINKS),),
    SeenOn.LIMIT: (message(STORY, max_tokens=7),),
    SeenOn.LIMIT_STREAM: (message(STORY, max_tokens=7, stream=True),),
    SeenOn.REFUSED: (message(**UNKNOWN),),
    SeenOn.KEY: (
        message("Hi", ("x-api-key", KEY), ("x-tenant", "7")),
        message("Hi", ("x-api-key", "wrong-secret-key")),
        message("Hi"),
    ),
}
GEMINI: Mapping[SeenOn, Trigger] = {
    SeenOn.ANY: (content(),),
    SeenOn.STREAM: (chunks(),),
    SeenOn.JSON: (content(),),
    SeenOn.TOOL_STREAM: (chunks(BOTH, **G_TOOLS),),
    SeenOn.TOOL_JSON: (content("Weather", **G_TOOLS),),
    SeenOn.THOUGHTS: (content(**G_THINKS),),
    SeenOn.THOUGHT_STREAM: (chunks(**G_THINKS),),
    SeenOn.LIMIT: (content(STORY, generationConfig={"maxOutputTokens": 7}),),
    SeenOn.LIMIT_STREAM: (chunks(STORY, generationConfig={"maxOutputTokens": 7}),),
    SeenOn.REFUSED: (replace(content(), path="/v1beta/models/no:generateContent"),),
    SeenOn.KEY: (
        replace(content(), headers=(("x-goog-api-key", KEY), ("x-tenant", "7"))),
        replace(content(), headers=(("x-goog-api-key", "wrong-secret-key"),)),
        replace(content(), path=f"{MODEL}:generateContent?key={KEY}"),
        content(),
    ),
}
BY_KIND = {DialectName.RESPONSES: RESPONSES, DialectName.ANTHROPIC: ANTHROPIC, DialectName.GEMINI: GEMINI}

R_ROUND: list[Json] = [
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
]
A_RESULT: Json = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain."}]}
A_USE: Json = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
G_ROUND: list[Json] = [
    {"role": "model", "parts": [{"functionCall": {"name": "get_weather"}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": "Rain."}}}]},
]
ANY_MODE = {"functionCallingConfig": {"mode": "ANY"}}
SPECIAL: Mapping[str, Trigger] = {
    "responses-temperature-differs": (response(temperature=0.5),),
    "responses-instructions-lost": (response(instructions="Be brief."),),
    "responses-tools-lost": (response(**R_TOOLS),),
    "responses-tool-choice-differs": (response(tool_choice="none", **R_TOOLS),),
    "responses-limit-lost": (response(max_output_tokens=99),),
    "responses-metadata-lost": (response(metadata={"caller": "7"}),),
    "responses-format-lost": (response(text={"format": {"type": "json_object"}}),),
    "responses-400-on-text": (response("Hi"),),
    "responses-400-on-parts": (response([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]),),
    "responses-400-on-items": (response(R_ROUND),),
    "responses-unknown-previous-200": (response(previous_response_id="resp_unknown"),),
    "responses-model-code-missing": (response(**UNKNOWN),),
    "responses-500-on-unknown-call": (response(R_ROUND[1:]),),
    "responses-stores-anyway": (response(store=False),),
    "anthropic-stop-sequence-hidden": (message("Say exactly: one two", stop_sequences=["two"]),),
    "anthropic-max-tokens-optional": (message(max_tokens=None),),
    "anthropic-500-without-max-tokens": (message(max_tokens=None),),
    "anthropic-500-on-unknown-result": (message([A_RESULT]),),
    "anthropic-500-without-version": (replace(message(), headers=()),),
    "gemini-indexes-same": (content(generationConfig={"candidateCount": 2}),),
    "gemini-call-ids-same": (content(BOTH, **G_TOOLS),),
    "gemini-json-prose": (content("Answer", generationConfig={"responseMimeType": "application/json"}),),
    "anthropic-stop-sequence-another": (message("Say exactly: one two", stop_sequences=["two"]),),
    "gemini-enums-by-name": (replace(content(), path=f"{MODEL}:generateContent?$alt=json;enum-encoding=int"),),
    "gemini-array-open": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
    "gemini-array-of-arrays": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
    "gemini-one-unfinished": (chunks(generationConfig={"candidateCount": 2}),),
    "gemini-sse-for-array": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
}
_VARIABLE = re.compile(rb"((?:resp|msg|fc|rs|call|toolu|req)_)[0-9a-f]{24,32}")
_STAMPS = re.compile(rb'"responseId":"[\w-]{22}|"(?:created|completed)_at":\d{10}')


def seen(heard: Heard) -> tuple[object, ...]:
    """What two sound answers to the same request have in common."""
    unlike = ("date", "content-length", "request-id", "x-request-id")
    steady = {key: value for key, value in heard.headers.items() if key not in unlike}
    names = "request-id" in heard.headers
    return heard.status, steady, names, _STAMPS.sub(b"*", _VARIABLE.sub(rb"\1*", heard.body)), heard.complete


def show(talk: Talk, sent: Trigger, fault: str | None) -> list[Heard]:
    start = "" if fault is None else f"/faults/{fault}"
    return [talk.post(item.body, start + item.path, dict(item.headers)) for item in sent]


class TestEachFault:
    @pytest.mark.parametrize("name", sorted(FAULTS))
    def test_differs_from_the_sound_answer(self, talk: Talk, locked: Talk, name: str) -> None:
        fault = FAULTS[name]
        server = locked if fault.seen_on is SeenOn.KEY else talk
        sent = SPECIAL[name] if fault.seen_on is SeenOn.SPECIAL else BY_KIND[fault.dialect][fault.seen_on]
        sound, faulty = show(server, sent, None), show(server, sent, name)
        assert [seen(heard) for heard in sound] == [seen(heard) for heard in show(server, sent, None)]
        assert [seen(heard) for heard in sound] != [seen(heard) for heard in faulty]
        assert [heard.body for heard in faulty if heard.body == b"Internal Server Error"] == []


def kept(fault: Fault, dialect: DialectName) -> bool:
    """Whether a fault of any API can be seen in the bytes of one request to this one."""
    return fault.everywhere and not fault.seconds and fault.seen_on in BY_KIND[dialect] and fault.name not in UNSEEN


# These show only in how the bytes come, over several requests, or not at all on a connection that reads to the end.
UNSEEN = {"burst", "endless-body", "one-request-per-connection", "keeps-generating"}


class TestAFaultOfAnyApi:
    @pytest.mark.parametrize("dialect", BY_KIND)
    def test_differs_from_the_sound_answer(self, talk: Talk, locked: Talk, dialect: DialectName) -> None:
        same: list[str] = []
        for fault in all_faults().values():
            if not kept(fault, dialect):
                continue
            server = locked if fault.seen_on is SeenOn.KEY else talk
            sent = BY_KIND[dialect][fault.seen_on]
            sound, faulty = show(server, sent, None), show(server, sent, fault.name)
            assert [heard.body for heard in faulty if heard.body == b"Internal Server Error"] == []
            if [seen(heard) for heard in sound] == [seen(heard) for heard in faulty]:
                same.append(fault.name)
        assert set(same) == NOT_IN[dialect]


# What an API has no place for.
NOT_IN: Mapping[DialectName, set[str]] = {
    DialectName.RESPONSES: set(),
    DialectName.ANTHROPIC: {"bearer-refused"},
    DialectName.GEMINI: {"bearer-refused", "403-for-no-key", "no-auth-scheme", "401-without-body"},
}


class TestTheTable:
    def test_each_added_api_has_its_dozens(self) -> None:
        for dialect in BY_KIND:
            assert sum(fault.dialect is dialect for fault in FAULTS.values()) >= 60

    def test_names_say_whose_they_are(self) -> None:
        starts = {
            DialectName.RESPONSES: "responses-",
            DialectName.ANTHROPIC: "anthropic-",
            DialectName.GEMINI: "gemini-",
        }
        assert [name for name, fault in FAULTS.items() if not name.startswith(starts[fault.dialect])] == []


def in_order(heard: Heard) -> tuple[object, ...]:
    return heard.status, inner(heard.json, "error").get("code")


class TestAnotherApi:
    def test_is_told_when_it_asks_for_a_fault_that_is_not_its_own(self, talk: Talk) -> None:
        heard = talk.post(user("Hi"), headers={"X-Fault": "gemini-no-finish"})
        assert in_order(heard) == (400, "fault_of_another_dialect")
        heard = talk.post(response().body, "/v1/responses", {"X-Fault": "no-done"})
        assert in_order(heard) == (400, "fault_of_another_dialect")
