"""The tools that the endpoint runs itself: of its own accord, or when Vapi posts their calls to it."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.call_record import ToolRun
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules.call_steps import CallStep, Group, call_of, call_steps, tool_runs
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, Violation, scenario_rule

__all__ = ["custom_tool_is_answered", "native_tool_runs_once"]

_RUNS_HEADER: Final = "x-tool-runs"
_NO_TOOL_SERVER: Final = frozenset({404, 405, 410, 501})
"""There is nothing at that path: the tools of this endpoint are elsewhere, or it has none."""
_NO_RESULT: Final = "No result returned"
"""How what Vapi writes in place of a result begins."""


def _count(step: CallStep) -> int | None:
    """How often the endpoint's own tools have run in this call; None where it does not say."""
    values = step.evidence.header(_RUNS_HEADER)
    return int(values[0][:9]) if values and values[0].isascii() and values[0].isdigit() else None


def _counted(group: Group) -> list[tuple[CallStep, int]]:
    """The answers to one turn that was asked again: those that say how often tools ran."""
    steps = call_steps(group)
    again = {step.request.turn for step in steps if step.request.why == "heard-again"}
    return [(step, count) for step in steps if step.request.turn in again and (count := _count(step)) is not None]


def _why_not_counted(group: Group) -> str:
    if any(_count(step) is not None for step in call_steps(group)):
        return "no tool of the endpoint's own ran in the call"
    return (
        "the endpoint offers no evidence: if it runs tools itself, send the header "
        f"{_RUNS_HEADER}, how often they have run in this call so far"
    )


@scenario_rule(
    "call.native-tool-runs-once",
    scenarios=["calls/native-tool"],
    dialects=CHAT,
    standard=None,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): a turn is asked up to six times; an endpoint that runs tools itself "
    "has to know a turn again",
    catalogue=["VAPI-6"],
    remedy="Keep the results of your own tools by call, tool and arguments, and use them when a turn is asked again.",
    optional=True,
    applies=lambda group: any(count for _, count in _counted(group)),
    why_unjudged=_why_not_counted,
)
def native_tool_runs_once(group: Group) -> Iterator[Violation]:
    """A tool that the endpoint runs itself does not run again when a turn is asked again."""
    counted = _counted(group)
    first = next((count for _, count in counted if count), 0)
    for step, count in counted:
        if count > first:
            yield Violation(
                expected=f"{_RUNS_HEADER}: {first}, as when the turn was first asked",
                actual=f"{_RUNS_HEADER}: {count}",
                step=step.place,
            )
            return


def _posted(group: Group) -> list[ToolRun]:
    """Calls that were posted to the endpoint, where it has anything at that path."""
    call = call_of(group)
    if call is None:
        return []
    statuses = {each.response.status for each in call.webhooks if each.response is not None}
    tools = (object_or_nothing(each) for each in array_or_nothing(call.scenario.get("tools")))
    names = {tool.get("name") for tool in tools if tool.get("run_by") == "webhook"}
    return [run for run in tool_runs(group) if run.name in names] if statuses - _NO_TOOL_SERVER else []


def _why_not_posted(group: Group) -> str:
    call = call_of(group)
    if call is None or not call.webhooks:
        return "the agent called no tool when it was asked to"
    return "the endpoint serves no custom tools: nothing answers at the path that their calls were posted to"


@scenario_rule(
    "call.custom-tool-is-answered",
    scenarios=[
        *("calls/webhook-recorded", "calls/webhook-schema", "calls/webhook-events-page"),
        "calls/webhook-custom-tools-page",
    ],
    dialects=CHAT,
    standard=None,
    vapi=MUST,
    rapida=None,
    source="Vapi (documented): `{results: [{toolCallId, result}]}`, status 200, a result for each call of the message",
    catalogue=["VAPI-10"],
    remedy="Answer each call of the list, by its id, with a result in one line; arguments come as an object.",
    optional=True,
    applies=lambda group: bool(_posted(group)),
    why_unjudged=_why_not_posted,
)
def custom_tool_is_answered(group: Group) -> Iterator[Violation]:
    """An endpoint that runs custom tools returns a result for every call that Vapi posts to it."""
    for run in _posted(group):
        if run.result is not None and run.result.startswith(_NO_RESULT):
            yield Violation(
                expected=f"a result for {run.name}, call {quote(run.id)}",
                actual="none that Vapi finds in the answer to its message; the model reads that none was returned",
                step=run.exchange,
            )
