"""What a request demands about calling tools: none, some, this one, one at a time."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI
from vapi_conformance.dialects.transcript import Choice
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.called import calls_of, chunk_of, makes_a_call
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.streamed import is_chat_answer, is_whole

__all__ = [
    "choice_named_is_honoured",
    "choice_none_is_honoured",
    "choice_required_is_honoured",
    "one_call_when_not_parallel",
]

_TOOL_CHOICE: Final = (
    "openai-openapi 2.3.0, ChatCompletionToolChoiceOption; Anthropic, ToolChoice; Gemini, FunctionCallingConfig.mode"
)


def _forbids_calls(evidence: Evidence) -> bool:
    request = evidence.request
    return request is not None and request.tool_choice == "none"


@rule(
    "tools.choice-none-is-honoured",
    standard=MUST,
    vapi=SHOULD,
    source=_TOOL_CHOICE,
    catalogue=["CHAT-TOOL-12", "ANTH-11", "GEM-18"],
    remedy='Do not let the model call tools when tool_choice is "none".',
    needs=[Need.REQUEST],
    applies=lambda evidence: is_chat_answer(evidence) and _forbids_calls(evidence),
)
def choice_none_is_honoured(evidence: Evidence) -> Iterator[Violation]:
    """With `tool_choice` none, no tool is called."""
    call = next(calls_of(evidence), None)
    if call is not None:
        yield Violation.at(
            chunk_of(evidence, call), expected="no tool call", actual=f"a call of {quote(call.name or '')}"
        )
    elif any(map(makes_a_call, evidence.transcript.choices)):
        yield Violation.at(evidence.answer_chunks[0], expected="no tool call", actual="a function_call")


def _had_to_call(choice: Choice) -> bool:
    """Not where the answer was cut, filtered or refused: there was no place for a call."""
    return choice.finish_meaning not in ("length", "content_filter") and not choice.refusal


@rule(
    "tools.choice-required-is-honoured",
    standard=MUST,
    vapi=SHOULD,
    source=_TOOL_CHOICE,
    catalogue=["CHAT-TOOL-12", "ANTH-11", "GEM-18"],
    remedy='Make the model call a tool when tool_choice is "required".',
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_whole(evidence)
        and evidence.request is not None
        and evidence.request.tool_choice == "required"
        # A tool that the service calls itself would do, too.
        and evidence.request.names_offered is not None
        and any(map(_had_to_call, evidence.transcript.choices))
    ),
)
def choice_required_is_honoured(evidence: Evidence) -> Iterator[Violation]:
    """With `tool_choice` required, at least one tool is called."""
    for choice in evidence.transcript.choices:
        if _had_to_call(choice) and not makes_a_call(choice):
            yield Violation.at(
                evidence.answer_chunks[-1], expected="a tool call", actual=f"none in choice {choice.index}"
            )
            return


@rule(
    "tools.choice-named-is-honoured",
    standard=MUST,
    vapi=SHOULD,
    source=_TOOL_CHOICE,
    catalogue=["CHAT-TOOL-12", "ANTH-11", "GEM-18"],
    remedy="Make the model call the tool that tool_choice names, and no other.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_whole(evidence)
        and evidence.request is not None
        and evidence.request.named_tool is not None
        and any(map(_had_to_call, evidence.transcript.choices))
    ),
)
def choice_named_is_honoured(evidence: Evidence) -> Iterator[Violation]:
    """With a tool named by `tool_choice`, that tool is called and no other."""
    name = (evidence.request.named_tool if evidence.request else None) or ""
    for choice in evidence.transcript.choices:
        other = next((call for call in choice.tool_calls if call.name not in (None, name)), None)
        if other is not None:
            yield Violation.at(
                chunk_of(evidence, other), expected=f"a call of {quote(name)}", actual=f"of {quote(other.name or '')}"
            )
            return
        if _had_to_call(choice) and not makes_a_call(choice):
            yield Violation.at(
                evidence.answer_chunks[-1],
                expected=f"a call of {quote(name)}",
                actual=f"no tool call in choice {choice.index}",
            )
            return


@rule(
    "tools.one-call-when-not-parallel",
    dialects=BUT_GEMINI,
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, ParallelToolCalls; Anthropic, tool_choice.disable_parallel_tool_use",
    catalogue=["CHAT-TOOL-13"],
    remedy="With parallel_tool_calls false, stop after the first call.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        is_chat_answer(evidence)
        and evidence.request is not None
        and evidence.request.parallel_tool_calls is False
        and any(choice.tool_calls for choice in evidence.transcript.choices)
    ),
)
def one_call_when_not_parallel(evidence: Evidence) -> Iterator[Violation]:
    """With `parallel_tool_calls` false, an answer calls one tool at most."""
    for choice in evidence.transcript.choices:
        if len(choice.tool_calls) > 1:
            yield Violation.at(
                chunk_of(evidence, choice.tool_calls[1]),
                expected="one tool call",
                actual=f"{len(choice.tool_calls)} in choice {choice.index}",
            )
            return
