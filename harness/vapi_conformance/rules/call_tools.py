"""The tools that Vapi runs: each once, its result is told, placeholders are not, and the rounds come to an end."""

import json
import re
from collections.abc import Iterator
from typing import Final

from vapi_conformance.call.player import MOST_ROUNDS
from vapi_conformance.call.tools import TRANSFER
from vapi_conformance.call_record import ToolRun
from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.narrow import object_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.call_steps import CallStep, Group, call_steps, tool_runs
from vapi_conformance.rules.prompt_words import folded
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, scenario_rule
from vapi_conformance.rules.telling import telling_words

__all__ = [
    "placeholder_is_not_read_out",
    "tool_is_asked_for_once",
    "tool_result_is_told",
    "tool_rounds_come_to_an_end",
]

_NO_CALL: Final = "the agent called no tool when it was asked to"
_NO_RESULT_BEGINS: Final = "No result returned"
_PLACEHOLDERS: Final = (SUCCESS, "No result returned.", NO_RESULT, STILL_PENDING)
_FEWEST_TELLING_WORDS: Final = 4
"""`Success.` and `No result returned.` are also what people say in a longer sentence."""
_MOST_OTHER_WORDS: Final = 3


def _is_placeholder(result: str | None) -> bool:
    return result is None or result.strip() in _PLACEHOLDERS


def _key(run: ToolRun, turn: int) -> tuple[int, str, str]:
    """What makes two calls the same; neither white space nor the order of keys does."""
    value = object_or_none(parse(run.arguments).value)
    return turn, run.name, run.arguments if value is None else json.dumps(value, sort_keys=True)


# Rounds of tools.


def _repeated(group: Group) -> Iterator[tuple[ToolRun, str, ToolRun]]:
    """Calls of one turn that are the same again, with what the request says has become of the first."""
    steps = call_steps(group)
    earlier = dict[tuple[int, str, str], ToolRun]()
    for run in tool_runs(group):
        step = steps[run.exchange]
        key = _key(run, step.request.turn)
        first = earlier.setdefault(key, run)
        result = step.results.get(first.id)
        if first.exchange < run.exchange and result is not None and not result.startswith(_NO_RESULT_BEGINS):
            yield first, result, run
        elif result is not None:
            earlier[key] = run  # that one failed, and it is right to try again


@scenario_rule(
    "call.tool-is-asked-for-once",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    rapida=None,
    source="Vapi (observed): a tool stays executed, whatever becomes of the words that led to it",
    catalogue=["VAPI-10"],
    remedy="Hand tool messages to the model with the calls they belong to; do not call again what has a result.",
    needs=[Need.REQUEST],
    optional=True,
    applies=lambda group: bool(call_steps(group)) and any(step.results for step in call_steps(group)),
    why_unjudged=lambda _: _NO_CALL,
)
def tool_is_asked_for_once(group: Group) -> Iterator[Violation]:
    """Within one turn no tool is called again with the same arguments once its result, or its work, is told."""
    yield from at_most(
        Violation(
            expected=f"an answer, since the request says of call {quote(first.id)}: {quote(result)}",
            actual=f"{quote(again.name)} is called again with {quote(again.arguments)}",
            step=again.exchange,
        )
        for first, result, again in _repeated(group)
    )


def _rounds(group: Group) -> Iterator[tuple[CallStep, int]]:
    """The last answer of each row of answers that call tools, and how many it has."""
    last: CallStep | None = None
    count = 0
    for step in call_steps(group):
        goes_on = last is not None and step.calls_tools and step.request.why == "tool-results"
        if last is not None and not goes_on:
            yield last, count
        count = count + 1 if goes_on else 1
        last = step if step.calls_tools else None
    if last is not None:
        yield last, count


@scenario_rule(
    "call.tool-rounds-come-to-an-end",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi: each tool result is one more request; while tools run the caller hears nothing",
    catalogue=["VAPI-10"],
    remedy="Bound the rounds of one turn, and answer in words with what is known by then.",
    optional=True,
    applies=lambda group: any(step.is_heard and step.request.why == "tool-results" for step in call_steps(group)),
    why_unjudged=lambda _: _NO_CALL,
)
def tool_rounds_come_to_an_end(group: Group) -> Iterator[Violation]:
    """A turn comes to an answer in words after some rounds of tools."""
    for step, rounds in _rounds(group):
        if rounds > MOST_ROUNDS:
            yield Violation(
                expected=f"words after {MOST_ROUNDS} rounds of tools at the latest",
                actual=f"{rounds} answers in a row call tools, and the caller has heard nothing yet",
                step=step.place,
            )


# Results.


def _tellings(group: Group) -> Iterator[tuple[ToolRun, CallStep, str]]:
    """Each tool that has a result, the last answer of its turn that can tell it, and all that was said there."""
    steps = call_steps(group)
    for run in tool_runs(group):
        if _is_placeholder(run.result) or run.name == TRANSFER:
            continue
        turn = steps[run.exchange].request.turn
        told = [
            step
            for step in steps[run.exchange + 1 :]
            if step.request.turn == turn and step.is_spoken and step.results.get(run.id) == run.result
        ]
        if told:
            yield run, told[-1], " ".join(step.text for step in told)


@scenario_rule(
    "call.tool-result-is-told",
    scenarios=[
        *("calls/tool-at-vapi", "calls/two-tools-at-once", "calls/tool-filler", "calls/edited-after-a-tool"),
        "calls/merged-answer",
    ],
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    rapida=None,
    source="openai-openapi 2.3.0, ChatCompletionRequestToolMessage; Vapi (observed)",
    catalogue=["VAPI-10"],
    remedy="Hand the content of every tool message to the model together with the question that led to it.",
    needs=[Need.REQUEST],
    optional=True,
    applies=lambda group: any(_tellings(group)),
    why_unjudged=lambda _: _NO_CALL,
)
def tool_result_is_told(group: Group) -> Iterator[Violation]:
    """The answer after a tool tells something of its result, by one word or number at least."""
    for run, step, text in _tellings(group):
        if not telling_words(run.result or "") & set(folded(text).split()):
            yield Violation(
                expected=f"something of what {run.name} returned, {quote(run.result or '')}",
                actual=f"the answer is {quote(step.text)}",
                step=step.place,
            )


def _placeholders(step: CallStep) -> frozenset[str]:
    """What the request tells in place of results."""
    return frozenset(result.strip() for result in step.results.values() if _is_placeholder(result))


def _read_aloud(step: CallStep) -> str | None:
    """The placeholder that the answer says: a longer one anywhere, a short one only where there is little else."""
    answer = step.folded_text
    for placeholder in sorted(_placeholders(step)):
        sentence = re.split(r"(?<=[.!?]) ", placeholder, maxsplit=1)[0]
        words = folded(sentence)
        count = len(words.split())
        is_all = answer.endswith(words) and len(answer.split()) <= count + _MOST_OTHER_WORDS
        if step.says(sentence) and (count >= _FEWEST_TELLING_WORDS or is_all or (step.says(placeholder) and count > 1)):
            return sentence
    return None


@scenario_rule(
    "call.placeholder-is-not-read-out",
    scenarios=["calls/async-tool", "calls/failing-tool", "calls/still-pending", "calls/tool-of-a-superseded-turn"],
    dialects=CHAT,
    standard=None,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): what Vapi writes in place of a result that it does not have",
    catalogue=["VAPI-8"],
    remedy="Treat `Success.`, `No result returned` and `Tool Result Still Pending` as notes to the model, not as words "
    "for the caller.",
    needs=[Need.REQUEST],
    optional=True,
    applies=lambda group: any(step.is_spoken and _placeholders(step) for step in call_steps(group)),
    why_unjudged=lambda _: _NO_CALL,
)
def placeholder_is_not_read_out(group: Group) -> Iterator[Violation]:
    """What Vapi writes where there is no result is not read out to the caller."""
    for step in call_steps(group):
        sentence = _read_aloud(step) if step.is_spoken else None
        if sentence is not None:
            yield Violation(
                expected="words of its own about a tool that gave nothing to tell",
                actual=f"the caller hears {quote(step.text)}, with {quote(sentence)}",
                step=step.place,
            )
