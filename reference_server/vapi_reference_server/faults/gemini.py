"""Faults of the Gemini API: its responses, whole and in a stream, its refusals, its keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.dialects.gemini.rendering import with_integer_enums
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Edit, Shelf, asking, drop, each, put
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_list, as_object, encode, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Change
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.GEMINI
_enums = Shelf(SeenOn.SPECIAL, Stage.ARRIVED, dialect=_MINE).fault
_more = Shelf(SeenOn.JSON, Stage.REQUEST, dialect=_MINE).fault
_json = Shelf(SeenOn.JSON, Stage.COMPLETION, Stage.CHUNKS, dialect=_MINE).fault
_calls = Shelf(SeenOn.TOOL_JSON, Stage.COMPLETION, Stage.CHUNKS, dialect=_MINE).fault


def gemini_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_labels(), *_candidates(), *_finishes(), *_blocked(), *_parts(), *_counts())


def _labels() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-model-version-missing",
            "gemini.model-version-is-named",
            "The answer does not name its model.",
            each(_responses, drop("modelVersion")),
        ),
        _json(
            "gemini-response-id-missing",
            "gemini.response-id-is-sent",
            "The answer has no responseId.",
            each(_responses, drop("responseId")),
        ),
        _json("gemini-snake-case", "gemini.keys-are-camel-case", "Keys are in snake_case.", _in_snake_case),
        _json(
            "gemini-integer-enums",
            "gemini.integer-enums-only-when-asked",
            "The finish reason is a number.",
            _with_numbers,
        ),
        _enums(
            "gemini-enums-by-name",
            "gemini.integer-enums-when-asked",
            "Enums are names, although numbers were asked for.",
            _forget_query,
        ),
    )


def _candidates() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-no-candidates",
            "gemini.candidates-or-block-reason",
            "The answer has no candidates, and no reason for that.",
            each(_responses, drop("candidates")),
        ),
        _json(
            "gemini-candidates-object",
            "gemini.candidates-are-objects",
            "The candidates are one object, not an array.",
            each(_responses, _candidate_unpacked),
        ),
        _json(
            "gemini-role-missing",
            "gemini.role-is-model",
            "The content has no role.",
            each(_contents, drop("role")),
        ),
        _json(
            "gemini-role-assistant",
            "gemini.role-is-model",
            "The content has the role assistant.",
            each(_contents, put("role", "assistant")),
        ),
        _json(
            "gemini-indexes-same",
            "gemini.candidate-indexes-are-distinct",
            "Every candidate has the index 0.",
            each(_all_candidates, put("index", 0)),
            seen_on=SeenOn.SPECIAL,
        ),
        _json(
            "gemini-index-text",
            "gemini.index-is-an-integer",
            "The index of a candidate is a string.",
            each(_all_candidates, put("index", "first")),
        ),
        _json(
            "gemini-parts-object",
            "gemini.content-holds-parts",
            "The parts are one object, not an array.",
            each(_contents, _parts_unpacked),
        ),
        _more(
            "gemini-two-candidates",
            "gemini.no-more-candidates-than-asked",
            "There are two candidates, and one was asked for.",
            asking(lambda request: replace(request, choices=2)),
        ),
        _json(
            "gemini-key-null",
            "gemini.nothing-is-null",
            "What a candidate does not have is null.",
            each(_all_candidates, put("citationMetadata", None)),
        ),
    )


def _finishes() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-finish-of-chat",
            "gemini.finish-reason-is-a-name",
            "The finish reason is stop, as in Chat Completions.",
            each(_finished, put("finishReason", "stop")),
        ),
        _json(
            "gemini-finish-missing",
            "gemini.every-whole-candidate-finishes",
            "A finished answer has no finish reason.",
            each(_all_candidates, drop("finishReason")),
        ),
        _calls(
            "gemini-finish-for-call",
            "gemini.calls-finish-stop",
            "A call finishes with TOOL_CALLS.",
            each(_finished, put("finishReason", "TOOL_CALLS")),
        ),
        _json(
            "gemini-limit-hidden",
            "sampling.max-tokens-is-honoured",
            "An answer that was cut at its limit of tokens finishes STOP.",
            each(_finished, put("finishReason", "STOP")),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "gemini-finish-unknown",
            "gemini.finish-reason-is-known",
            "The finish reason is DONE.",
            each(_finished, put("finishReason", "DONE")),
        ),
    )


def _blocked() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-blocked-and-answered",
            "gemini.blocked-prompt-is-not-answered",
            "The prompt was blocked, and is answered.",
            each(_responses, put("promptFeedback", {"blockReason": "SAFETY"})),
        ),
        _json(
            "gemini-filtered-with-words",
            "gemini.blocked-answer-is-empty",
            "A filter held the answer back, and its words are sent.",
            each(_finished, put("finishReason", "SAFETY")),
        ),
    )


def _parts() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-part-twice-filled",
            "gemini.part-has-one-payload",
            "A part with words holds a call as well.",
            each(_words, put("functionCall", {"name": "get_weather", "args": {}})),
        ),
        _json(
            "gemini-part-empty",
            "gemini.part-has-one-payload",
            "Parts are empty.",
            each(_all_parts, lambda part: part.clear()),
        ),
        _json("gemini-text-null", "gemini.text-is-a-string", "The text is a number.", each(_words, put("text", 7))),
        _calls(
            "gemini-args-text",
            "gemini.args-are-an-object",
            "Arguments are a string of JSON.",
            each(_function_calls, _args_as_text),
        ),
        _calls(
            "gemini-call-nameless",
            "gemini.function-call-has-a-name",
            "Calls do not name their function.",
            each(_function_calls, drop("name")),
        ),
        _calls(
            "gemini-call-ids-same",
            "gemini.function-call-ids-are-unique",
            "All calls have the id 0.",
            each(_function_calls, put("id", "0")),
            seen_on=SeenOn.SPECIAL,
        ),
        _json(
            "gemini-thoughts-unasked",
            "gemini.thoughts-only-when-asked",
            "The answer begins with a thought that nobody asked for.",
            each(_contents, _with_thought),
        ),
        _json(
            "gemini-thought-mark-text",
            "gemini.thought-is-a-boolean",
            "Thoughts are marked with a string.",
            each(_thoughts, put("thought", "yes")),
            seen_on=SeenOn.THOUGHTS,
        ),
        _json(
            "gemini-signature-not-base64",
            "gemini.thought-signature-is-base64",
            "The signature of the thoughts is no base64.",
            each(_signed, put("thoughtSignature", "signed, the model")),
            seen_on=SeenOn.THOUGHTS,
        ),
        _json(
            "gemini-thoughts-last",
            "gemini.thoughts-precede-answers",
            "Thoughts come after the answer.",
            each(_contents, _reversed_parts),
            seen_on=SeenOn.THOUGHTS,
        ),
    )


def _counts() -> tuple[Fault, ...]:
    return (
        _json(
            "gemini-usage-missing",
            "gemini.usage-is-reported",
            "The answer has no usageMetadata.",
            each(_responses, drop("usageMetadata")),
        ),
        _json(
            "gemini-usage-text",
            "gemini.usage-counts-are-integers",
            "Tokens are counted in strings.",
            each(_usages, _as_text),
        ),
        _json(
            "gemini-total-wrong",
            "gemini.usage-total-is-the-sum",
            "The total is one more than the sum.",
            each(_usages, _one_more),
        ),
        _json(
            "gemini-total-without-thoughts",
            "gemini.usage-total-is-the-sum",
            "The total leaves the thoughts out.",
            each(_usages, _total_without_thoughts),
            seen_on=SeenOn.THOUGHTS,
        ),
        _json(
            "gemini-cached-too-many",
            "gemini.cached-within-prompt",
            "More cached tokens are counted than prompt tokens.",
            each(_usages, put("cachedContentTokenCount", 100_000)),
        ),
        _json(
            "gemini-output-uncounted",
            "gemini.output-is-counted",
            "The words of the answer are counted as zero tokens.",
            each(_usages, _spoken(0)),
        ),
        _json(
            "gemini-usage-above-limit",
            "gemini.usage-within-max-output-tokens",
            "More tokens are counted than maxOutputTokens allows.",
            each(_usages, _spoken(100_000)),
            seen_on=SeenOn.LIMIT,
        ),
        _json(
            "gemini-details-differ",
            "gemini.details-add-up",
            "The counts by modality are one more than the count that they explain.",
            each(_usages, _details_differ),
        ),
        _json(
            "gemini-thoughts-uncounted",
            "gemini.thoughts-are-counted",
            "Thoughts are shown, and not counted.",
            each(_usages, _without_thoughts),
            seen_on=SeenOn.THOUGHTS,
        ),
        _json(
            "gemini-details-object",
            "gemini.response-matches-the-schema",
            "The counts by modality are an object, not an array.",
            each(_usages, put("promptTokensDetails", {})),
        ),
    )


# What is changed ------------------------------------------------------------------------------


def _responses(work: Work) -> list[JsonObject]:
    """The whole answer, or the chunks of a stream."""
    return work.chunks or [work.completion]


def _all_candidates(work: Work) -> list[JsonObject]:
    return [candidate for response in _responses(work) for candidate in objects_of(response, "candidates")]


def _finished(work: Work) -> list[JsonObject]:
    return [candidate for candidate in _all_candidates(work) if "finishReason" in candidate]


def _contents(work: Work) -> list[JsonObject]:
    found = (as_object(candidate.get("content")) for candidate in _all_candidates(work))
    return [content for content in found if content is not None]


def _all_parts(work: Work) -> list[JsonObject]:
    return [part for content in _contents(work) for part in objects_of(content, "parts")]


def _words(work: Work) -> list[JsonObject]:
    return [part for part in _all_parts(work) if part.get("text")]


def _thoughts(work: Work) -> list[JsonObject]:
    return [part for part in _all_parts(work) if "thought" in part]


def _signed(work: Work) -> list[JsonObject]:
    return [part for part in _all_parts(work) if "thoughtSignature" in part]


def _function_calls(work: Work) -> list[JsonObject]:
    found = (as_object(part.get("functionCall")) for part in _all_parts(work))
    return [call for call in found if call is not None]


def _usages(work: Work) -> list[JsonObject]:
    found = (as_object(response.get("usageMetadata")) for response in _responses(work))
    return [usage for usage in found if usage is not None]


# How it is changed ----------------------------------------------------------------------------


def _everywhere(change: Callable[[object], object]) -> Edit:
    def edit(work: Work) -> None:
        work.chunks = [as_object(change(chunk)) or {} for chunk in work.chunks]
        work.completion = as_object(change(work.completion)) or {}

    return edit


def _in_snake_case(work: Work) -> None:
    _everywhere(_snake)(work)


def _snake(value: object) -> object:
    fields, items = as_object(value), as_list(value)
    if items is not None:
        return [_snake(item) for item in items]
    if fields is None:
        return value
    return {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): _snake(item)
        for key, item in fields.items()
    }


def _with_numbers(work: Work) -> None:
    _everywhere(with_integer_enums)(work)


def _candidate_unpacked(response: JsonObject) -> None:
    response["candidates"] = objects_of(response, "candidates")[0]


def _args_as_text(call: JsonObject) -> None:
    call["args"] = encode(call["args"]).decode()


def _with_thought(content: JsonObject) -> None:
    content["parts"] = [{"text": "Let me think.", "thought": True}, *objects_of(content, "parts")]


def _as_text(usage: JsonObject) -> None:
    usage.update({key: str(value) for key, value in usage.items() if isinstance(value, int)})


def _one_more(usage: JsonObject) -> None:
    usage["totalTokenCount"] = int(str(usage["totalTokenCount"])) + 1


def _total_without_thoughts(usage: JsonObject) -> None:
    usage["totalTokenCount"] = int(str(usage["totalTokenCount"])) - int(str(usage.get("thoughtsTokenCount", 0)))


def _forget_query(work: Work) -> None:
    work.query = {}


def _parts_unpacked(content: JsonObject) -> None:
    content["parts"] = (objects_of(content, "parts") or [{}])[0]


def _reversed_parts(content: JsonObject) -> None:
    content["parts"] = objects_of(content, "parts")[::-1]


def _spoken(tokens: int) -> Change:
    def change(usage: JsonObject) -> None:
        usage.update({"candidatesTokenCount": tokens, "totalTokenCount": int(str(usage["promptTokenCount"])) + tokens})

    return change


def _details_differ(usage: JsonObject) -> None:
    for detail in objects_of(usage, "promptTokensDetails"):
        detail["tokenCount"] = int(str(detail["tokenCount"])) + 1


def _without_thoughts(usage: JsonObject) -> None:
    _total_without_thoughts(usage)
    usage.pop("thoughtsTokenCount", None)
