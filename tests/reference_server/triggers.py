"""Requests to the added APIs, one or a few for each fault of theirs, that show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from reference_server.conftest import KEY
from reference_server.talking import CLOCK, WEATHER, Json, inner
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults.fault import Fault, SeenOn

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = "/v1beta/models/reference"
FUNCTIONS = [inner(tool, "function") for tool in (WEATHER, CLOCK)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that is part of showing a fault."""

    body: Json | bytes
    path: str
    headers: tuple[tuple[str, str], ...] = ()


Trigger: TypeAlias = "tuple[Sent, ...]"


def response(said: str | list[Json] = "I like tea", /, **more: object) -> Sent:
    return Sent(body={"model": "reference", "input": said, **more}, path="/v1/responses")


def message(said: str | list[Json] = "I like tea", /, *headers: tuple[str, str], **more: object) -> Sent:
    turns: list[Json] = said if isinstance(said, list) else [{"role": "user", "content": said}]
    return Sent(
        body={"model": "reference", "max_tokens": 2000, "messages": turns, **more},
        path="/v1/messages",
        headers=(("anthropic-version", "2023-06-01"), *headers),
    )


def content(said: str | list[Json] = "I like tea", /, **more: object) -> Sent:
    turns: list[Json] = said if isinstance(said, list) else [{"parts": [{"text": said}]}]
    return Sent(body={"contents": turns, **more}, path=f"{MODEL}:generateContent")


def chunks(said: str | list[Json] = "I like tea", /, **more: object) -> Sent:
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
    "gemini-allowed-names-ignored": (
        content(
            "Hi",
            tools=[{"functionDeclarations": [{"name": name} for name in ("get_weather", "read_clock", "hang_up")]}],
            toolConfig={
                "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["read_clock", "hang_up"]},
            },
        ),
    ),
    "gemini-array-as-events": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
    "gemini-array-open": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
    "gemini-array-of-arrays": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
    "gemini-one-unfinished": (chunks(generationConfig={"candidateCount": 2}),),
    "gemini-sse-for-array": (replace(content(), path=f"{MODEL}:streamGenerateContent"),),
}


def trigger(fault: Fault) -> Trigger:
    """What shows a fault of one of these APIs."""
    return SPECIAL[fault.name] if fault.seen_on is SeenOn.SPECIAL else BY_KIND[fault.dialect][fault.seen_on]
