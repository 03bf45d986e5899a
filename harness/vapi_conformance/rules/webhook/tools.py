"""Tool calls over several messages: the forms they come in, tools that are none, and calls that come twice."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.server_messages.request import calls_of
from vapi_conformance.evidence import Evidence
from vapi_conformance.platforms.vapi import ToolCall
from vapi_conformance.platforms.vapi.webhooks import ToolResult, tool_results
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation
from vapi_conformance.rules.steps import by_step
from vapi_conformance.rules.webhook.question import (
    asked_kind,
    asked_of,
    claimed,
    document,
    webhook_rule,
    webhook_scenario_rule,
)

__all__ = [
    "TOOL_RUNS_HEADER",
    "function_call_has_a_result",
    "object_arguments_are_understood",
    "other_forms_are_understood",
    "redelivered_calls_are_answered",
    "redelivered_calls_are_not_run_again",
    "unknown_tool_is_told",
]

TOOL_RUNS_HEADER: Final = "x-tool-runs"
"""How often tools have run in this call so far: evidence that a backend may offer."""
_RECORDED: Final = "recorded"


def _heard(evidence: Evidence) -> tuple[ToolResult, ...]:
    """What the model gets."""
    calls = [ToolCall(id=each.id, name=each.name) for each in calls_of(asked_of(evidence))]
    return tool_results(evidence.body, evidence.status, calls)


def _is_understood(evidence: Evidence) -> bool:
    heard = _heard(evidence)
    return bool(heard) and all(each.is_found and not each.is_error for each in heard)


def _told(evidence: Evidence) -> str:
    for each in _heard(evidence):
        if not each.is_found:
            return each.why_none
        if each.is_error:
            return f"an error: {quote(each.text)}"
    return "no call"


@webhook_scenario_rule(
    "webhook.object-arguments-are-understood",
    scenarios=["tool-call-forms"],
    level=MUST,
    source="Recordings of 2024-07, 2024-12 and 2026-05: function.arguments is an object in every list of the message",
    remedy="Read `function.name`, and `function.arguments` as the object that it is; parse it only where it is text.",
    applies=lambda group: (
        _RECORDED in by_step(group) and any(_is_understood(each) for _, each in by_step(group).values())
    ),
    optional=True,
)
def object_arguments_are_understood(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A call whose arguments are an object, as Vapi sends them, has the result that it has in another form."""
    step, evidence = by_step(group)[_RECORDED]
    if not _is_understood(evidence):
        yield Violation(expected="a result, as for the same call in another form", actual=_told(evidence), step=step)


@webhook_scenario_rule(
    "webhook.other-forms-are-understood",
    scenarios=["tool-call-forms"],
    level=MAY,
    source="Vapi OpenAPI of 2026-08-20, ToolCallFunction.arguments is a string; Vapi, server events: parameters in "
    "place of arguments; custom tools: arguments beside the name. None of the three was recorded",
    remedy="Read arguments as an object and as JSON text, beside the name and below `function`; and `parameters`.",
    applies=lambda group: _RECORDED in by_step(group) and _is_understood(by_step(group)[_RECORDED][1]),
    optional=True,
)
def other_forms_are_understood(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A call in a form that only Vapi's documents show has the result that it has in the recorded one."""
    for name, (step, evidence) in by_step(group).items():
        if not _is_understood(evidence):
            yield Violation(expected=f"a result in the form {name}, too", actual=_told(evidence), step=step)


@webhook_scenario_rule(
    "webhook.unknown-tool-is-told",
    scenarios=["tool-unknown"],
    level=MAY,
    source="Vapi OpenAPI of 2026-08-20, ToolCallResult.error: it is there where the call was not successful, and what "
    "is spoken depends on it",
    remedy="Answer a call of a tool that you do not have by an `error` under its id, in place of a `result`.",
    applies=lambda group: "unknown" in by_step(group),
)
def unknown_tool_is_told(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A call of a tool that does not exist gets an `error` and not a `result`."""
    step, evidence = by_step(group)["unknown"]
    for each in _heard(evidence):
        if not each.is_error:
            actual = f"the result {quote(each.text)}" if each.is_found else each.why_none
            yield Violation(expected="an error", actual=actual, step=step)


@webhook_scenario_rule(
    "webhook.redelivered-calls-are-answered",
    scenarios=["tool-calls-again"],
    level=SHOULD,
    source="Vapi OpenAPI of 2026-08-20, BackoffPlan: a message is sent again, up to 10 times, where it is configured",
    remedy="Answer a message that comes again as you answered it the first time.",
    applies=lambda group: {"first", "again"} <= by_step(group).keys() and _is_understood(by_step(group)["first"][1]),
    optional=True,
)
def redelivered_calls_are_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The same `tool-calls` message, sent again, is answered with results again."""
    step, evidence = by_step(group)["again"]
    if not _is_understood(evidence):
        yield Violation(expected="the results, as the first time", actual=_told(evidence), step=step)


def _runs(evidence: Evidence) -> int | None:
    values = evidence.header(TOOL_RUNS_HEADER)
    return int(values[0]) if values and values[0].isascii() and values[0].isdecimal() and len(values[0]) < 10 else None  # noqa: PLR2004 - nobody counts further


@webhook_scenario_rule(
    "webhook.redelivered-calls-are-not-run-again",
    scenarios=["tool-calls-again"],
    level=SHOULD,
    source="Vapi OpenAPI of 2026-08-20, BackoffPlan: a message whose answer was lost is sent again; then an "
    "appointment would be booked twice",
    remedy="Keep the result of each toolCallId for the time of the call, and give it again.",
    applies=lambda group: (
        {"first", "again"} <= by_step(group).keys()
        and all(_runs(each) is not None for _, each in by_step(group).values())
    ),
    optional=True,
)
def redelivered_calls_are_not_run_again(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A call that comes a second time under its id is not run a second time.

    Only a backend that counts its runs in `x-tool-runs` can show it.
    """
    first = _runs(by_step(group)["first"][1])
    step, evidence = by_step(group)["again"]
    again = _runs(evidence)
    if first is not None and again is not None and again > first:
        yield Violation(expected=f"{TOOL_RUNS_HEADER}: {first}, as before", actual=str(again), step=step)


@webhook_rule(
    "webhook.function-call-has-a-result",
    level=MAY,
    source="Vapi's server-side examples of 2024: function-call is answered by {result}; it is a default message still",
    remedy="Answer function-call by {result}, or take it out of serverMessages.",
    applies=lambda evidence: asked_kind(evidence).name == "function-call" and document(evidence) is not None,
)
def function_call_has_a_result(evidence: Evidence) -> Iterator[Violation]:
    """The predecessor of `tool-calls`, `function-call`, is answered by an object with a `result`."""
    yield from claimed(evidence, "webhook.function-call-has-a-result", "an object with a result")
