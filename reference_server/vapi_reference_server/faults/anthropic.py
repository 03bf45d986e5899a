"""Faults of the Anthropic Messages API: its `message` object, its blocks, its refusals, its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import json_answer
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, completions, drop, each, head, put
from vapi_reference_server.faults.events import within
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, encode, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Change, Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.ANTHROPIC
_json = Shelf(SeenOn.JSON, Stage.COMPLETION, dialect=_MINE).fault
_calls = Shelf(SeenOn.TOOL_JSON, Stage.COMPLETION, dialect=_MINE).fault
_special = Shelf(SeenOn.SPECIAL, Stage.COMPLETION, dialect=_MINE).fault
_body = Shelf(SeenOn.SPECIAL, Stage.BODY, dialect=_MINE).fault
_problem = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault
_refusal = Shelf(SeenOn.REFUSED, Stage.REFUSAL, dialect=_MINE).fault
_answer = Shelf(SeenOn.ANY, Stage.ANSWER, dialect=_MINE).fault
_key = Shelf(SeenOn.KEY, Stage.ARRIVED, dialect=_MINE).fault


def anthropic_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_labels(), *_stops(), *_blocks(), *_counts(), *_requests(), *_refusals(), *_keys())


def _labels() -> tuple[Fault, ...]:
    return (
        _json(
            "anthropic-type-wrong",
            "anthropic.type-is-message",
            "The answer has the type completion.",
            each(completions, put("type", "completion")),
        ),
        _json(
            "anthropic-role-wrong",
            "anthropic.role-is-assistant",
            "The answer has the role user.",
            each(completions, put("role", "user")),
        ),
        _json("anthropic-id-empty", "anthropic.id-is-non-empty", "The id is empty.", each(completions, put("id", ""))),
        _json(
            "anthropic-model-missing",
            "anthropic.model-is-named",
            "The answer does not name its model.",
            each(completions, drop("model")),
        ),
        _json(
            "anthropic-content-text",
            "anthropic.content-is-an-array",
            "The content is a string.",
            each(completions, _content_as_text),
        ),
        _json(
            "anthropic-container-text",
            "anthropic.message-matches-the-schema",
            "The container is a string.",
            each(completions, put("container", "none")),
        ),
    )


def _stops() -> tuple[Fault, ...]:
    return (
        _json(
            "anthropic-stop-reason-of-chat",
            "anthropic.stop-reason-is-known",
            "The stop reason is stop, as in Chat Completions.",
            each(completions, put("stop_reason", "stop")),
        ),
        _json(
            "anthropic-stop-reason-null",
            "anthropic.stop-reason-is-known",
            "A finished answer has no stop reason.",
            each(completions, put("stop_reason", None)),
        ),
        _json(
            "anthropic-stop-sequence-unasked",
            "anthropic.stop-sequence-needs-its-reason",
            "The answer names a stop sequence, and ended of itself.",
            each(completions, put("stop_sequence", "END")),
        ),
        _special(
            "anthropic-stop-sequence-hidden",
            "anthropic.stop-sequence-is-named",
            "A stop sequence ended the answer, and is not named.",
            each(completions, put("stop_sequence", None)),
        ),
        _calls(
            "anthropic-tool-use-ends-turn",
            "anthropic.calls-stop-for-tools",
            "An answer that uses a tool ends with end_turn.",
            each(completions, put("stop_reason", "end_turn")),
        ),
        _json(
            "anthropic-tool-stop-without-tool",
            "anthropic.stop-for-tools-has-a-call",
            "An answer without a tool use ends for one.",
            each(completions, put("stop_reason", "tool_use")),
        ),
        _json(
            "anthropic-limit-hidden",
            "anthropic.limit-stops-with-max-tokens",
            "An answer that was cut at its limit of tokens ends with end_turn.",
            each(completions, put("stop_reason", "end_turn")),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "anthropic-stop-sequence-missing",
            "anthropic.stop-sequence-is-a-string-or-null",
            "The key stop_sequence is left out.",
            each(completions, drop("stop_sequence")),
        ),
        _special(
            "anthropic-stop-sequence-another",
            "anthropic.stop-sequence-was-asked-for",
            "The stop sequence is one that nobody asked for.",
            each(completions, put("stop_sequence", "END")),
        ),
    )


def _blocks() -> tuple[Fault, ...]:
    return (
        _json(
            "anthropic-block-type-missing",
            "anthropic.blocks-have-a-type",
            "Blocks have no type.",
            each(_content, drop("type")),
        ),
        _json(
            "anthropic-text-null", "anthropic.text-is-a-string", "The text is null.", each(_content, put("text", None))
        ),
        _json(
            "anthropic-citations-object",
            "anthropic.citations-are-a-list",
            "The citations are an object.",
            each(_content, put("citations", {})),
        ),
        _calls(
            "anthropic-tool-use-id-missing",
            "anthropic.tool-use-has-id-and-name",
            "The use of a tool has no id.",
            each(_content, drop("id")),
        ),
        _calls(
            "anthropic-tool-use-name-missing",
            "anthropic.tool-use-has-id-and-name",
            "The use of a tool does not name it.",
            each(_content, drop("name")),
        ),
        _calls(
            "anthropic-input-text",
            "anthropic.tool-input-is-an-object",
            "The input of a tool is a string of JSON.",
            each(_content, _input_as_text),
        ),
        _json(
            "anthropic-thinking-unsigned",
            "anthropic.thinking-is-signed",
            "Thoughts have no signature.",
            each(_content, drop("signature")),
            seen_on=SeenOn.THOUGHTS,
        ),
        _json(
            "anthropic-redacted-empty",
            "anthropic.redacted-thinking-has-data",
            "Redacted thoughts come without data.",
            each(completions, _preceded_by({"type": "redacted_thinking"})),
        ),
        _json(
            "anthropic-result-nameless",
            "anthropic.server-results-name-their-call",
            "The result of a search does not say whose it is.",
            each(completions, _preceded_by({"type": "web_search_tool_result", "content": []})),
        ),
    )


def _counts() -> tuple[Fault, ...]:
    return (
        _json(
            "anthropic-usage-missing",
            "anthropic.usage-counts-are-integers",
            "The answer has no usage.",
            each(completions, drop("usage")),
        ),
        _json(
            "anthropic-usage-text",
            "anthropic.usage-counts-are-integers",
            "Tokens are counted in strings.",
            within(completions, _as_text, "usage"),
        ),
        _json(
            "anthropic-cache-counts-negative",
            "anthropic.cache-counts-are-integers",
            "A count of the cache is below zero.",
            within(completions, put("cache_read_input_tokens", -1), "usage"),
        ),
        _json(
            "anthropic-usage-above-limit",
            "anthropic.output-within-max-tokens",
            "More tokens are counted than max_tokens allows.",
            within(completions, put("output_tokens", 100_000), "usage"),
        ),
        _json(
            "anthropic-output-uncounted",
            "anthropic.output-is-counted",
            "The words of the answer are counted as zero tokens.",
            within(completions, put("output_tokens", 0), "usage"),
        ),
        _json(
            "anthropic-prompt-uncounted",
            "anthropic.prompt-is-counted",
            "The prompt is counted as zero tokens.",
            within(completions, put("input_tokens", 0), "usage"),
        ),
        _json(
            "anthropic-cache-sum-wrong",
            "anthropic.cache-creation-adds-up",
            "What went into the cache is not the sum of its parts.",
            within(completions, put("ephemeral_5m_input_tokens", 7), "usage", "cache_creation"),
        ),
        _json(
            "anthropic-thinking-too-many",
            "anthropic.thinking-within-output",
            "More tokens of thoughts are counted than of output.",
            within(completions, put("output_tokens_details", {"thinking_tokens": 100_000}), "usage"),
        ),
    )


def _requests() -> tuple[Fault, ...]:
    return (
        _body(
            "anthropic-max-tokens-optional",
            "anthropic.max-tokens-is-required",
            "A request without max_tokens is answered.",
            _with_max_tokens,
        ),
        Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault(
            "anthropic-500-without-max-tokens",
            "anthropic.max-tokens-is-required",
            "A request without max_tokens gets status 500.",
            _fails_on(lambda problem: problem.param == "max_tokens"),
        ),
        _problem(
            "anthropic-500-on-unknown-result",
            "anthropic.unknown-result-is-400",
            "The result of a tool that nobody used gets status 500.",
            _fails_on(lambda problem: "tool_use_id" in problem.message),
        ),
    )


def _refusals() -> tuple[Fault, ...]:
    return (
        _refusal(
            "anthropic-error-of-openai",
            "anthropic.error-says-its-type",
            "Refusals have the body of the OpenAI API.",
            _openai_refusal,
        ),
        _refusal(
            "anthropic-error-type-wrong",
            "anthropic.error-type-fits-the-status",
            "Every refusal has the type api_error.",
            _error_type("api_error"),
        ),
        _refusal(
            "anthropic-error-unnamed",
            "anthropic.refusal-names-the-request",
            "Refusals do not name the request.",
            _unnamed_refusal,
        ),
        _answer(
            "anthropic-no-request-id",
            "anthropic.request-id-is-sent",
            "Answers have no request-id.",
            head(request_id=None),
        ),
        _refusal(
            "anthropic-error-text",
            "anthropic.error-is-an-object",
            "In refusals `error` is a string.",
            _refused_with(put("error", "not found")),
        ),
        _refusal(
            "anthropic-error-typeless",
            "anthropic.error-has-a-type",
            "Refusals have no type of error.",
            _error_type(None),
        ),
        _refusal(
            "anthropic-error-wordless",
            "anthropic.error-has-a-message",
            "Refusals have no message.",
            _refused_with(_wordless),
        ),
    )


def _keys() -> tuple[Fault, ...]:
    return (
        _key(
            "anthropic-x-api-key-refused",
            "anthropic.api-key-is-accepted",
            "A key is known only as a bearer token.",
            _refuse_x_api_key,
        ),
        Shelf(SeenOn.SPECIAL, Stage.PROBLEM, dialect=_MINE).fault(
            "anthropic-500-without-version",
            "anthropic.version-is-required",
            "A request without anthropic-version gets status 500.",
            _fails_on(lambda problem: problem.code == "missing_version"),
        ),
    )


def _content(work: Work) -> list[JsonObject]:
    return objects_of(work.completion, "content")


def _content_as_text(message: JsonObject) -> None:
    message["content"] = "".join(str(block.get("text", "")) for block in objects_of(message, "content"))


def _input_as_text(block: JsonObject) -> None:
    block["input"] = encode(block.get("input")).decode()


def _as_text(usage: JsonObject) -> None:
    usage.update({key: str(usage[key]) for key in ("input_tokens", "output_tokens")})


def _with_max_tokens(work: Work) -> None:
    if work.body.get("max_tokens") is None:
        work.body["max_tokens"] = 1024


def _fails_on(matches: Callable[[problems.Problem], bool]) -> Edit:
    def edit(work: Work) -> None:
        if work.problem is not None and matches(work.problem):
            work.problem = problems.server_error("Internal server error.")

    return edit


def _openai_refusal(work: Work) -> None:
    if work.problem is not None and work.answer is not None:
        work.answer = json_answer(work.answer.status, work.problem.body(), work.dialect.headers(work))


def _error_type(kind: str | None) -> Edit:
    def change(body: JsonObject) -> None:
        body["error"] = {**(as_object(body["error"]) or {}), "type": kind}

    return _refused_with(change)


def _unnamed_refusal(work: Work) -> None:
    _refused_with(drop("request_id"))(work)
    head(request_id=None)(work)


def _refused_with(change: Callable[[JsonObject], None]) -> Edit:
    def edit(work: Work) -> None:
        if work.problem is not None and work.answer is not None:
            body = as_object(work.dialect.error_body(work.problem, work)) or {}
            change(body)
            work.answer = json_answer(work.answer.status, body, {**work.dialect.headers(work), **work.problem.headers})

    return edit


def _refuse_x_api_key(work: Work) -> None:
    if "x-api-key" in work.headers:
        raise problems.Problem(status=401, message="invalid x-api-key", code="invalid_api_key")


def _preceded_by(block: JsonObject) -> Change:
    def change(message: JsonObject) -> None:
        message["content"] = [dict(block), *objects_of(message, "content")]

    return change


def _wordless(body: JsonObject) -> None:
    body["error"] = {**(as_object(body["error"]) or {}), "message": None}
