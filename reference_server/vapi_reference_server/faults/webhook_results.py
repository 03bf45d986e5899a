"""Faults of a backend whose tools Vapi runs by message: results that it cannot read, or cannot match to a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.faults.fault import Stage
from vapi_reference_server.faults.webhook_editing import (
    CALLS,
    asked_again,
    at_stage,
    each_result,
    results,
    when,
    whole,
    without,
)
from vapi_reference_server.json_values import as_object, objects_of

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_edit = at_stage(Stage.COMPLETION).fault
_body = at_stage(Stage.BODY).fault


def webhook_result_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_lists(), *_texts(), *_tools())


def _lists() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-result-bare",
            "webhook.results-are-listed",
            "A result stands in no list.",
            whole(CALLS, lambda record: {"result": _first(record).get("result")}),
        ),
        _edit(
            "webhook-no-call-id",
            "webhook.results-name-their-call",
            "Results do not say which call they answer.",
            each_result(lambda result: without(result, "toolCallId")),
        ),
        _edit(
            "webhook-first-call-only",
            "webhook.every-call-has-a-result",
            "Of several calls only the first is answered.",
            results(lambda listed: listed[:1]),
        ),
        _edit(
            "webhook-other-call-id",
            "webhook.no-unknown-call-id",
            "A result of some other call is answered, too.",
            results(lambda listed: [*listed, {**listed[0], "toolCallId": "call_of_somebody_else"}]),
        ),
        _edit(
            "webhook-result-twice",
            "webhook.one-result-per-call",
            "The first result stands there twice.",
            results(lambda listed: [listed[0], *listed]),
        ),
        _edit(
            "webhook-results-reversed",
            "webhook.results-keep-the-order",
            "The last call is answered first.",
            results(lambda listed: listed[::-1]),
        ),
    )


def _texts() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-result-object",
            "webhook.result-is-a-string",
            "The result is an object.",
            each_result(lambda result: {**result, "result": {"text": result.get("result")}}),
        ),
        _edit(
            "webhook-error-object",
            "webhook.error-is-a-string",
            "The error is an object.",
            each_result(lambda result: {**without(result, "result"), "error": {"message": "It did not work."}}),
        ),
        _edit(
            "webhook-result-lines",
            "webhook.result-is-one-line",
            "The result has two lines.",
            each_result(lambda result: {**result, "result": f"{result.get('result')}\nThat is all."}),
        ),
        _edit(
            "webhook-result-absent",
            "webhook.result-or-error",
            "A result says nothing at all.",
            each_result(lambda result: without(result, "result")),
        ),
        _edit(
            "webhook-result-and-error",
            "webhook.result-or-error-not-both",
            "Each result is an error, too.",
            each_result(lambda result: {**result, "error": "It took long."}),
        ),
        _edit(
            "webhook-result-empty",
            "webhook.result-is-not-empty",
            "The result is an empty text.",
            each_result(lambda result: {**result, "result": ""}),
        ),
        _edit(
            "webhook-no-tool-name",
            "webhook.results-name-the-tool",
            "Results leave out the name of their tool.",
            each_result(lambda result: without(result, "name")),
        ),
        _edit(
            "webhook-metadata-text",
            "webhook.result-metadata-is-an-object",
            "The metadata of a result is a text.",
            each_result(lambda result: {**result, "metadata": "none"}),
        ),
    )


def _tools() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-object-arguments-lost",
            "webhook.object-arguments-are-understood",
            "Arguments are parsed as text, and an object is none.",
            when(lambda message: not _has_text_arguments(message), _fail_all),
        ),
        _edit(
            "webhook-text-arguments-lost",
            "webhook.other-forms-are-understood",
            "Arguments that are JSON text are not understood.",
            when(_has_text_arguments, _fail_all),
        ),
        _edit(
            "webhook-unknown-tool-done",
            "webhook.unknown-tool-is-told",
            "A tool that does not exist is said to have run.",
            each_result(
                lambda result: {**without(result, "error"), "result": "It is done."} if "error" in result else result
            ),
        ),
        _edit(
            "webhook-again-refused",
            "webhook.redelivered-calls-are-answered",
            "A message that comes again is turned away.",
            asked_again(_fail_all),
        ),
        _body(
            "webhook-runs-again",
            "webhook.redelivered-calls-are-not-run-again",
            "A message that comes again runs its tools again.",
            _forget,
        ),
        _edit(
            "webhook-function-call-empty",
            "webhook.function-call-has-a-result",
            "The old message function-call is answered by an empty object.",
            whole("function-call", lambda _: {}),
        ),
    )


def _first(record: JsonObject) -> JsonObject:
    listed = objects_of(record, "results")
    return listed[0] if listed else {}


def _fail_all(work: Work) -> None:
    each_result(lambda result: {**without(result, "result"), "error": "The arguments cannot be read."})(work)


def _has_text_arguments(message: JsonObject) -> bool:
    functions = (as_object(call.get("function")) or {} for call in objects_of(message, "toolCallList"))
    return any(isinstance(function.get("arguments"), str) for function in functions)


def _forget(work: Work) -> None:
    if work.call is not None:
        work.call.own_tools.forget()
