"""The answer to `tool-calls`: a result for each call, under its id, one line of text."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from vapi_conformance.dialects.server_messages.request import AskedCall, calls_of
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.vapi.webhooks.tool_results import LINE_BREAK
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation
from vapi_conformance.rules.webhook.question import answers, asked_of, claimed, document, webhook_rule

__all__ = [
    "error_is_a_string",
    "every_call_has_a_result",
    "no_unknown_call_id",
    "one_result_per_call",
    "result_is_a_string",
    "result_is_not_empty",
    "result_is_one_line",
    "result_metadata_is_an_object",
    "result_or_error",
    "result_or_error_not_both",
    "results_are_listed",
    "results_keep_the_order",
    "results_name_the_tool",
    "results_name_their_call",
]

_TROUBLESHOOTING: Final = "Vapi, custom tools troubleshooting"
_OPENAPI: Final = "Vapi OpenAPI of 2026-08-20, ToolCallResult"
_TEXTS: Final = ("result", "error")

_is_answered = answers("tool-calls")


def _results(evidence: Evidence) -> tuple[Mapping[str, object], ...]:
    """The entries that are objects."""
    found = map(object_or_none, array_or_nothing((document(evidence) or {}).get("results")))
    return tuple(each for each in found if each is not None)


def _has_results(evidence: Evidence) -> bool:
    return _is_answered(evidence) and bool(_results(evidence))


def _has_ids(evidence: Evidence) -> bool:
    """Whether `results` is a list, perhaps empty, in which everything has an id: what breaks that is told by others."""
    listed = array_or_none((document(evidence) or {}).get("results"))
    return listed is not None and all(string_or_none(object_or_nothing(each).get("toolCallId")) for each in listed)


def _asked(evidence: Evidence) -> tuple[AskedCall, ...]:
    return calls_of(asked_of(evidence))


def _id(result: Mapping[str, object]) -> str | None:
    return string_or_none(result.get("toolCallId"))


def _texts(evidence: Evidence) -> Iterator[tuple[int, str, str]]:
    """Place, key and text of each result and error that is a string."""
    for place, result in enumerate(_results(evidence)):
        for key in _TEXTS:
            if (text := string_or_none(result.get(key))) is not None:
                yield place, key, text


@webhook_rule(
    "webhook.results-are-listed",
    level=MUST,
    source=f"{_TROUBLESHOOTING}; Vapi OpenAPI of 2026-08-20, ServerMessageResponseToolCalls",
    remedy='Answer {"results": [{"toolCallId", "result"}]}, also to a single call.',
    applies=_is_answered,
)
def results_are_listed(evidence: Evidence) -> Iterator[Violation]:
    """`tool-calls` is answered by an object with a list `results` of objects."""
    yield from claimed(evidence, "webhook.results-are-listed", "a list `results` of objects")


@webhook_rule(
    "webhook.results-name-their-call",
    level=MUST,
    source=f"{_TROUBLESHOOTING}: the toolCallId has to match exactly",
    remedy="Put the id of the call into `toolCallId` of its result.",
    applies=_has_results,
)
def results_name_their_call(evidence: Evidence) -> Iterator[Violation]:
    """Each result has a `toolCallId`, a string."""
    yield from claimed(evidence, "webhook.results-name-their-call", "a toolCallId in each result")


@webhook_rule(
    "webhook.every-call-has-a-result",
    level=MUST,
    source=f"{_TROUBLESHOOTING}: a call without its result becomes `No result returned…` for the model (recorded too)",
    remedy="Answer every call of the message, not the first alone, under the id that was sent.",
    applies=lambda evidence: _is_answered(evidence) and _has_ids(evidence) and bool(_asked(evidence)),
)
def every_call_has_a_result(evidence: Evidence) -> Iterator[Violation]:
    """Each call of the message has a result under its id."""
    answered = {_id(each) for each in _results(evidence)}
    for call in _asked(evidence):
        if call.id not in answered:
            yield Violation(
                expected=f"a result with the toolCallId {quote(call.id)}",
                actual=_results_for(answered),
            )


def _results_for(answered: Collection[str | None]) -> str:
    told = [quote(each, 40) for each in sorted(map(str, answered))[:5]]
    return f"results for {', '.join(told)}" if told else "no result at all"


@webhook_rule(
    "webhook.no-unknown-call-id",
    level=SHOULD,
    source=f"{_TROUBLESHOOTING}: the toolCallId has to match exactly; what becomes of others is not said",
    remedy="Answer only what was asked.",
    applies=lambda evidence: (
        _has_results(evidence) and {each.id for each in _asked(evidence)} <= {_id(each) for each in _results(evidence)}
    ),
)
def no_unknown_call_id(evidence: Evidence) -> Iterator[Violation]:
    """No result stands under an id that was not asked for."""
    asked = {each.id for each in _asked(evidence)}
    others = [found for each in _results(evidence) if (found := _id(each)) is not None and found not in asked]
    yield from at_most(
        Violation(expected="results for the calls of the message", actual=f"a result for {quote(each)}")
        for each in others
    )


@webhook_rule(
    "webhook.one-result-per-call",
    level=SHOULD,
    source=f"{_TROUBLESHOOTING}; which of two results counts is not said",
    remedy="Answer each call once.",
    applies=_has_results,
)
def one_result_per_call(evidence: Evidence) -> Iterator[Violation]:
    """No call has two results."""
    counted = Counter(found for each in _results(evidence) if (found := _id(each)) is not None)
    yield from at_most(
        Violation(expected="one result for each call", actual=f"{count} results for {quote(call_id)}")
        for call_id, count in counted.items()
        if count > 1
    )


@webhook_rule(
    "webhook.results-keep-the-order",
    level=SHOULD,
    source="Vapi, custom tools: results in the order in which the tools were triggered",
    remedy="List the results in the order of the calls.",
    applies=lambda evidence: _has_results(evidence) and len(_asked(evidence)) > 1,
)
def results_keep_the_order(evidence: Evidence) -> Iterator[Violation]:
    """The results stand in the order of the calls."""
    places = {call.id: place for place, call in enumerate(_asked(evidence))}
    found = [places[call_id] for each in _results(evidence) if (call_id := _id(each)) in places]
    if any(later < earlier for earlier, later in pairwise(found)):
        order = [place + 1 for place in found]
        yield Violation(expected="results in the order of the calls", actual=f"those of the calls {order[:20]}")


@webhook_rule(
    "webhook.result-is-a-string",
    level=MUST,
    source=f"{_TROUBLESHOOTING}: result has to be a string ({_OPENAPI} says so too; one page allows any type)",
    remedy="Write an object out as JSON text before it goes into `result`.",
    applies=answers("tool-calls", "handoff-destination-request"),
)
def result_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """`result` is a string: an object, a list or a number is not read."""
    yield from claimed(evidence, "webhook.result-is-a-string", "a string")


@webhook_rule(
    "webhook.error-is-a-string",
    level=MUST,
    source=f"{_TROUBLESHOOTING}; {_OPENAPI}",
    remedy="Say in one sentence what went wrong: it is put into the conversation.",
    applies=answers("tool-calls", "transfer-destination-request", "handoff-destination-request"),
)
def error_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """`error` is a string."""
    yield from claimed(evidence, "webhook.error-is-a-string", "a string")


@webhook_rule(
    "webhook.result-is-one-line",
    level=MUST,
    source=f"{_TROUBLESHOOTING}: line breaks break the parsing",
    remedy="Replace line breaks by spaces; write JSON text without indentation.",
    applies=_has_results,
)
def result_is_one_line(evidence: Evidence) -> Iterator[Violation]:
    """`result` and `error` hold no line break."""
    yield from at_most(
        Violation(expected="one line", actual=f"{key} of result {place + 1}: {quote(text)}")
        for place, key, text in _texts(evidence)
        if LINE_BREAK.search(text)
    )


@webhook_rule(
    "webhook.result-or-error",
    level=MUST,
    source=_TROUBLESHOOTING,
    remedy="Put into each result what came of the call: `result`, or `error`.",
    applies=_has_results,
)
def result_or_error(evidence: Evidence) -> Iterator[Violation]:
    """Each entry of `results` has a `result` or an `error`."""
    yield from at_most(
        Violation(expected="result or error", actual=f"result {place + 1} has neither")
        for place, each in enumerate(_results(evidence))
        if all(each.get(key) is None for key in _TEXTS)
    )


@webhook_rule(
    "webhook.result-or-error-not-both",
    level=SHOULD,
    source=f"{_OPENAPI}: result if the call was successful, error if it was not",
    remedy="Leave out the one that does not hold.",
    applies=_has_results,
)
def result_or_error_not_both(evidence: Evidence) -> Iterator[Violation]:
    """No entry of `results` has both a `result` and an `error`."""
    yield from at_most(
        Violation(expected="result or error", actual=f"result {place + 1} has both")
        for place, each in enumerate(_results(evidence))
        if all(each.get(key) is not None for key in _TEXTS)
    )


@webhook_rule(
    "webhook.result-is-not-empty",
    level=SHOULD,
    source="Inferred: an empty result tells the model nothing, and it cannot be told from none",
    remedy="Say at least that it is done.",
    applies=_has_results,
)
def result_is_not_empty(evidence: Evidence) -> Iterator[Violation]:
    """`result` and `error` hold words."""
    yield from at_most(
        Violation(expected="words", actual=f"{key} of result {place + 1}: {quote(text)}")
        for place, key, text in _texts(evidence)
        if not text.strip()
    )


@webhook_rule(
    "webhook.results-name-the-tool",
    level=MAY,
    source=f"{_OPENAPI} requires name; Vapi's page on server events has it, its pages on custom tools leave it out",
    remedy="Add `name`, the name of the tool, to each result.",
    applies=lambda evidence: _has_results(evidence) and bool(_asked(evidence)),
)
def results_name_the_tool(evidence: Evidence) -> Iterator[Violation]:
    """Each result has the `name` of its tool."""
    names = {call.id: call.name for call in _asked(evidence)}
    yield from at_most(_misnamed(_results(evidence), names))


def _misnamed(results: Sequence[Mapping[str, object]], names: Mapping[str, str]) -> Iterator[Violation]:
    for place, each in enumerate(results):
        expected, name = names.get(_id(each) or ""), each.get("name")
        if expected and name != expected:
            told = "no name" if name is None else f"the name {quote(str(name))}"
            yield Violation(expected=f"the name {quote(expected)}", actual=f"result {place + 1} has {told}")


@webhook_rule(
    "webhook.result-metadata-is-an-object",
    level=SHOULD,
    source=f"{_OPENAPI}.metadata",
    remedy="Leave `metadata` out, or make it an object.",
    applies=lambda evidence: _is_answered(evidence) and any("metadata" in each for each in _results(evidence)),
)
def result_metadata_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """`metadata` of a result is an object."""
    yield from claimed(evidence, "webhook.result-metadata-is-an-object", "an object")
