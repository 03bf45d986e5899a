"""Faults of a tool round: whether a tool is called when it should be, and what becomes of its result."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.brain import spoken_result
from vapi_reference_server.faults.editing import Shelf
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import objects_of
from vapi_reference_server.reply import Call, Reply
from vapi_reference_server.request import Choice

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_misread = Shelf(SeenOn.SPECIAL, Stage.BODY).fault
_choice = Shelf(SeenOn.SPECIAL, Stage.REQUEST, everywhere=True).fault
_result = Shelf(SeenOn.SPECIAL, Stage.REPLIES, everywhere=True).fault


def tool_round_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_choices(), *_results())


def _choices() -> tuple[Fault, ...]:
    return (
        _choice(
            "choice-none-ignored",
            "tools.choice-none-is-honoured",
            "A tool is called although tool_choice is none.",
            chosen_instead(Choice.NONE, Choice.REQUIRED),
        ),
        _choice(
            "choice-required-ignored",
            "tools.choice-required-is-honoured",
            "No tool is called although tool_choice is required.",
            chosen_instead(Choice.REQUIRED, Choice.NONE),
        ),
        _choice(
            "choice-named-ignored",
            "tools.choice-named-is-honoured",
            "No tool is called although tool_choice names one.",
            chosen_instead(Choice.NAMED, Choice.NONE),
        ),
        _result(
            "parallel-despite-false",
            "tools.one-call-when-not-parallel",
            "Two calls are made although parallel_tool_calls is false.",
            _second_call,
        ),
        _choice(
            "stream-never-calls",
            "tools.stream-and-json-agree",
            "Left to choose, a stream never calls a tool; a JSON answer does.",
            _no_calls_in_streams,
        ),
    )


def _results() -> tuple[Fault, ...]:
    return (
        _result(
            "tool-result-ignored",
            "tools.result-reaches-the-answer",
            "After a tool's result there are no words about it, only a promise to look.",
            _promise,
        ),
        _result(
            "only-first-result",
            "tools.result-reaches-the-answer",
            "Of several results only the first one is told.",
            _first_result,
        ),
        _result(
            "sentinel-read-aloud",
            "tools.sentinels-are-answered",
            "What Vapi sends in place of a result is read aloud.",
            _read_sentinel,
        ),
        _choice(
            "500-on-tool-result",
            "tools.result-is-answered",
            "A tool's result gets status 500.",
            _fail_on_results(at_least=1),
        ),
        _choice(
            "500-on-parallel-results",
            "tools.parallel-results-are-answered",
            "Two results in one round get status 500.",
            _fail_on_results(at_least=2),
        ),
        _choice(
            "500-on-sentinel",
            "tools.sentinels-are-answered",
            "What Vapi sends in place of a result gets status 500.",
            _fail_on_sentinel,
        ),
        _misread(
            "unknown-result-accepted",
            "tools.unknown-result-is-refused",
            "A result for a call that nobody made is accepted.",
            _accept_unknown,
        ),
    )


def chosen_instead(asked: Choice, done: Choice) -> Edit:
    """The edit that takes one choice of tools for another, where there are any."""

    def edit(work: Work) -> None:
        if work.asked.tool_choice is asked and work.asked.tools:
            work.request = replace(work.asked, tool_choice=done)

    return edit


def _second_call(work: Work) -> None:
    if work.request is None or work.request.parallel_tool_calls:
        return
    work.replies = [
        replace(reply, calls=(*reply.calls, *(_again(call) for call in reply.calls))) for reply in work.replies
    ]


def _again(call: Call) -> Call:
    return replace(call, id=f"call_{uuid.uuid4().hex[:24]}")


def _no_calls_in_streams(work: Work) -> None:
    if work.asked.stream and work.asked.tool_choice is Choice.AUTO:
        work.request = replace(work.asked, tools=())


def _results_told(work: Work) -> list[str]:
    """The results this answer is about: the last messages, if they are a tool's."""
    told: list[str] = []
    for message in reversed(work.request.messages if work.request else ()):
        if message.role != "tool":
            break
        told.insert(0, message.text)
    return told


def _promise(work: Work) -> None:
    if _results_told(work):
        work.replies = [Reply(text="Let me look that up for you.") for _ in work.replies]


def _first_result(work: Work) -> None:
    told = _results_told(work)
    if told:
        work.replies = [Reply(text=spoken_result(told[0])) for _ in work.replies]


def _read_sentinel(work: Work) -> None:
    told = _results_told(work)
    if any(_is_sentinel(result) for result in told):
        text = " ".join(f"The tool says: {result}" for result in told)
        work.replies = [Reply(text=text) for _ in work.replies]


def _fail_on_results(*, at_least: int) -> Edit:
    def edit(work: Work) -> None:
        if sum(message.role == "tool" for message in work.asked.messages) >= at_least:
            raise problems.server_error("The tool result has no fields.")

    return edit


def _fail_on_sentinel(work: Work) -> None:
    if any(_is_sentinel(message.text) for message in work.asked.messages if message.role == "tool"):
        raise problems.server_error("The tool result has no fields.")


def _is_sentinel(result: str) -> bool:
    return not spoken_result(result).startswith("The tool says:")


def _accept_unknown(work: Work) -> None:
    made = {
        call.get("id") for message in objects_of(work.body, "messages") for call in objects_of(message, "tool_calls")
    }
    for message in objects_of(work.body, "messages"):
        if message.get("role") == "tool" and message.get("tool_call_id") not in made:
            message["role"] = "function"
