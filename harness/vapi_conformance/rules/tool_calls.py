"""Tool calls as they are meant: a tool that was offered, arguments that fit it, and an answer that ends accordingly."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI, CHAT
from vapi_conformance.dialects.transcript import Choice, ToolCall
from vapi_conformance.evidence import Evidence
from vapi_conformance.foreign_schema import Applied, apply_schema
from vapi_conformance.narrow import object_or_none
from vapi_conformance.payload import parse
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.called import (
    arguments_of,
    calls_of,
    chunk_of,
    has_calls,
    is_custom,
    makes_a_call,
    names_offered,
    offered,
    takes_nothing,
)
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.streamed import is_chat_answer, is_whole, reason_of

__all__ = [
    "arguments_are_json",
    "arguments_match_the_schema",
    "calls_need_an_offer",
    "finish_is_tool_calls",
    "finish_tool_calls_has_a_call",
    "function_call_only_for_functions",
    "name_was_offered",
    "no_argument_call_is_an_empty_object",
]

_FUNCTION: Final = "openai-openapi 2.3.0, FunctionToolCall and ChatCompletionMessageToolCall.function"
_FINISH: Final = "openai-openapi 2.3.0, CreateChatCompletionResponse.choices[].finish_reason"

_MOST_CALLS_APPLIED: Final = 50
"""Calls of one answer whose arguments are held against their schema; each takes about a millisecond."""

_CUT: Final = ("length", "content_filter")
"""Finish reasons after which a call may be incomplete."""


def _whole_with_calls(evidence: Evidence) -> bool:
    return is_whole(evidence) and has_calls(evidence)


def _complete_calls(evidence: Evidence) -> Iterator[ToolCall]:
    """Function calls that nothing has cut short."""
    for choice in evidence.transcript.choices:
        if choice.finish_meaning not in _CUT:
            yield from choice.tool_calls


@rule(
    "tools.arguments-are-json",
    dialects=BUT_GEMINI,
    standard=MUST,
    vapi=MUST,
    source=f"{_FUNCTION}.arguments",
    catalogue=["CHAT-TOOL-07"],
    remedy="Send fragments of arguments in order, each once, so that joined they are one JSON object.",
    applies=_whole_with_calls,
)
def arguments_are_json(evidence: Evidence) -> Iterator[Violation]:
    """The arguments of a tool call, joined, are one JSON object."""
    return at_most(
        Violation.at(chunk_of(evidence, call), expected="one JSON object", actual=fault)
        for call in _complete_calls(evidence)
        if (fault := _fault_of_arguments(evidence, call)) is not None
    )


def _fault_of_arguments(evidence: Evidence, call: ToolCall) -> str | None:
    arguments = arguments_of(call)
    if arguments is None:
        return None
    if not arguments.strip():
        # Whoever takes nothing may get nothing; tools.no-argument-call-is-an-empty-object has a word on it.
        tool = offered(evidence, call)
        return None if tool is None or takes_nothing(tool) else f"no arguments for {quote(call.name or '')}"
    payload = parse(arguments)
    if payload.error is not None:
        return f"{quote(arguments)}: {payload.error}"
    return None if isinstance(payload.value, dict) else f"{quote(arguments)} is no object"


@rule(
    "tools.arguments-match-the-schema",
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, FunctionObject.parameters; Anthropic, input_schema; Gemini, FunctionDeclaration",
    catalogue=["CHAT-TOOL-08"],
    remedy="Constrain the model to the tool's schema, or check and repair the arguments before sending them.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_whole(evidence) and any(True for _ in _applied(evidence)),
)
def arguments_match_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """The arguments of a tool call match the schema that the request gave for the tool."""
    return at_most(
        Violation.at(
            chunk_of(evidence, call),
            expected=f"arguments for {quote(call.name or '')} as its parameters say",
            actual=applied.fault,
        )
        for call, applied in _applied(evidence)
        if applied.fault is not None
    )


def _applied(evidence: Evidence) -> Iterator[tuple[ToolCall, Applied]]:
    """Calls whose arguments are an object and whose tool has a schema that can be applied."""
    for call in islice(_complete_calls(evidence), _MOST_CALLS_APPLIED):
        tool, arguments = offered(evidence, call), arguments_of(call)
        if tool is None or tool.parameters is None or not arguments:
            continue
        payload = parse(arguments)
        value = None if payload.error else object_or_none(payload.value)
        applied = None if value is None else apply_schema(tool.parameters, value)
        if applied is not None:
            yield call, applied


@rule(
    "tools.no-argument-call-is-an-empty-object",
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_FUNCTION}.arguments",
    catalogue=["CHAT-TOOL-22"],
    remedy='Send "{}" as the arguments of a tool that takes none.',
    needs=[Need.REQUEST],
    applies=lambda evidence: is_whole(evidence) and any(True for _ in _calls_without_arguments(evidence)),
)
def no_argument_call_is_an_empty_object(evidence: Evidence) -> Iterator[Violation]:
    """A call of a tool without parameters has the arguments `{}`, not an empty string."""
    return at_most(
        Violation.at(
            chunk_of(evidence, call),
            expected="arguments {}",
            actual=f"{quote(arguments)} for {quote(call.name or '')}",
        )
        for call, arguments in _calls_without_arguments(evidence)
        if not arguments.strip()
    )


def _calls_without_arguments(evidence: Evidence) -> Iterator[tuple[ToolCall, str]]:
    for call in _complete_calls(evidence):
        tool, arguments = offered(evidence, call), arguments_of(call)
        if tool is not None and arguments is not None and takes_nothing(tool):
            yield call, arguments


@rule(
    "tools.name-was-offered",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.tools, and tools in the other APIs",
    catalogue=["CHAT-TOOL-09"],
    remedy="Call only functions that the request lists, by the very name it gives them.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_chat_answer(evidence) and any(True for _ in _calls_to_run(evidence)) and bool(names_offered(evidence))
    ),
)
def name_was_offered(evidence: Evidence) -> Iterator[Violation]:
    """A tool that is called is one that the request offered."""
    names = names_offered(evidence) or frozenset()
    listed = ", ".join(map(quote, sorted(names)[:10]))
    return at_most(
        Violation.at(chunk_of(evidence, call), expected=f"one of the tools offered: {listed}", actual=quote(call.name))
        for call in _calls_to_run(evidence)
        if call.name is not None and not is_custom(call) and call.name not in names
    )


def _calls_to_run(evidence: Evidence) -> Iterator[ToolCall]:
    """Without those of an answer that says itself that its call went wrong (Gemini: UNEXPECTED_TOOL_CALL)."""
    return (call for each in evidence.transcript.choices if each.finish_meaning != "failed" for call in each.tool_calls)


@rule(
    "tools.calls-need-an-offer",
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.tools, and tools in the other APIs",
    catalogue=["CHAT-TOOL-09"],
    remedy="Attach the tool to the assistant, so that the request offers it and the platform knows what to run.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_chat_answer(evidence) and any(map(makes_a_call, evidence.transcript.choices)),
)
def calls_need_an_offer(evidence: Evidence) -> Iterator[Violation]:
    """Tools are called only when the request offers some."""
    # Softer than tools.name-was-offered: a recording of OpenAI's shows just this, most likely because its recorder
    # put a request beside the answer to another one.
    if names_offered(evidence) == frozenset():
        name = next((call.name for call in calls_of(evidence)), None)
        yield Violation.at(
            evidence.answer_chunks[0],
            expected="no tool call, as the request offers no tools",
            actual=f"a call of {quote(name or 'a function')}",
        )


@rule(
    "tools.finish-is-tool-calls",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_FINISH,
    catalogue=["CHAT-TOOL-10", "VAPI-10"],
    remedy='Finish an answer that calls tools with "finish_reason": "tool_calls".',
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_whole(evidence) and any(each.tool_calls and reason_of(each) for each in evidence.transcript.choices)
    ),
)
def finish_is_tool_calls(evidence: Evidence) -> Iterator[Violation]:
    """A choice with tool calls finishes with tool_calls (or stop, where `tool_choice` named the tool)."""
    for choice in evidence.transcript.choices:
        reason = reason_of(choice)
        if choice.tool_calls and reason not in (None, "tool_calls", *_CUT) and not _is_named_stop(evidence, choice):
            yield Violation.at(
                evidence.transcript.chunks[choice.finishes[0].chunk],
                expected="finish_reason tool_calls",
                actual=f"{reason} after {len(choice.tool_calls)} tool calls",
            )


def _is_named_stop(evidence: Evidence, choice: Choice) -> bool:
    """OpenAI ends a call that was demanded by name with stop."""
    return choice.finish_reason == "stop" and evidence.request is not None and evidence.request.named_tool is not None


@rule(
    "tools.finish-tool-calls-has-a-call",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    source=_FINISH,
    catalogue=["CHAT-TOOL-11"],
    remedy='Finish with "stop" where no tool is called; a platform waits for the call otherwise.',
    applies=lambda evidence: (
        is_whole(evidence) and any(each.finish_reason == "tool_calls" for each in evidence.transcript.choices)
    ),
)
def finish_tool_calls_has_a_call(evidence: Evidence) -> Iterator[Violation]:
    """A choice that finishes with tool_calls calls a tool."""
    for choice in evidence.transcript.choices:
        if choice.finish_reason == "tool_calls" and not makes_a_call(choice):
            yield Violation.at(
                evidence.transcript.chunks[choice.finishes[0].chunk],
                expected="a tool call before finish_reason tool_calls",
                actual=f"choice {choice.index} calls none",
            )


@rule(
    "tools.function-call-only-for-functions",
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.functions, deprecated in favour of tools",
    catalogue=["CHAT-TOOL-23"],
    remedy="Answer a request with tools by tool_calls; function_call is for requests with functions.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_chat_answer(evidence) and any(map(makes_a_call, evidence.transcript.choices)),
)
def function_call_only_for_functions(evidence: Evidence) -> Iterator[Violation]:
    """The old `function_call` is used only where the request offered the old `functions`."""
    asked = evidence.request is not None and bool(evidence.request.body.get("functions"))
    if not asked and any(choice.has_function_call for choice in evidence.transcript.choices):
        yield Violation.at(
            evidence.answer_chunks[0],
            expected="tool_calls, as the request has no functions",
            actual="function_call",
        )
