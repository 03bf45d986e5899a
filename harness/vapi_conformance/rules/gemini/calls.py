"""Gemini's function calls: each whole, in a part of its own, with a name and an object of arguments."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.gemini.request import allowed_names, calling_config, sent
from vapi_conformance.dialects.transcript import ToolCall
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.called import calls_of, chunk_of, has_calls
from vapi_conformance.rules.gemini.view import GEMINI, asked_body, is_answer, is_streamed
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "allowed_function_names_are_honoured",
    "args_are_an_object",
    "call_is_whole",
    "calls_finish_stop",
    "each_call_is_a_part",
    "function_call_has_a_name",
    "function_call_ids_are_unique",
]

_CALL: Final = "python-genai 3.4, types.FunctionCall"


def _calls(evidence: Evidence) -> bool:
    return is_answer(evidence) and has_calls(evidence)


@rule(
    "gemini.each-call-is-a-part",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CALL}; python-genai 3.4, types.Part.function_call",
    catalogue=["GEM-STREAM-11", "GEM-06"],
    remedy="Send each call as an object in a part of its own, in the order in which the calls are meant.",
    applies=is_answer,
)
def each_call_is_a_part(evidence: Evidence) -> Iterator[Violation]:
    """A `functionCall` is one object: several calls are several parts."""
    return shape_violations(evidence, "gemini.each-call-is-a-part", expected="one call, an object")


@rule(
    "gemini.function-call-has-a-name",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CALL}.name",
    catalogue=["GEM-06"],
    remedy="Say in functionCall.name which function is called.",
    applies=_calls,
)
def function_call_has_a_name(evidence: Evidence) -> Iterator[Violation]:
    """A function call has a name, a string that is not empty."""
    yield from shape_violations(evidence, "gemini.function-call-has-a-name", expected="a name")
    yield from at_most(
        Violation.at(chunk_of(evidence, call), expected="a name", actual=f"call {call.index} has none")
        for call in calls_of(evidence)
        if call.fragments[0].fields.get("name") is None
    )


@rule(
    "gemini.args-are-an-object",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CALL}.args",
    catalogue=["GEM-06"],
    remedy="Send the arguments as a JSON object, not as text that holds one.",
    applies=_calls,
)
def args_are_an_object(evidence: Evidence) -> Iterator[Violation]:
    """The `args` of a function call are an object, where they are there."""
    return shape_violations(evidence, "gemini.args-are-an-object", expected="an object")


@rule(
    "gemini.function-call-ids-are-unique",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CALL}.id: the client returns the response with the matching id",
    catalogue=["GEM-19"],
    remedy="Give each call an id of its own, or none at all.",
    applies=lambda evidence: (
        is_answer(evidence) and any(call.fragments[0].fields.get("id") is not None for call in calls_of(evidence))
    ),
)
def function_call_ids_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """The id of a function call, where it has one, is a string that no other call of the answer has."""
    yield from shape_violations(evidence, "gemini.function-call-ids-are-unique", expected="an id, as a string")
    counts = Counter(call.id for call in calls_of(evidence) if call.id)
    seen: set[str] = set()
    for call in calls_of(evidence):
        if call.id and counts[call.id] > 1 and call.id not in seen:
            seen.add(call.id)
            yield Violation.at(
                chunk_of(evidence, call),
                expected="an id for each call",
                actual=f"{quote(call.id)} on {counts[call.id]} calls",
            )


@rule(
    "gemini.calls-finish-stop",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: calls end with STOP, or with a value that says what went wrong; there is none of their own",
    catalogue=["GEM-07"],
    remedy='Finish an answer that calls functions with "finishReason": "STOP".',
    applies=lambda evidence: (
        is_answer(evidence) and any(each.tool_calls and each.finishes for each in evidence.transcript.choices)
    ),
)
def calls_finish_stop(evidence: Evidence) -> Iterator[Violation]:
    """An answer that calls functions finishes with STOP."""
    for choice in evidence.transcript.choices:
        # A reason in lower case is none, and that has a rule of its own.
        reason = choice.finish_reason
        if choice.tool_calls and choice.finish_meaning is None and isinstance(reason, str) and reason.isupper():
            yield Violation.at(
                evidence.transcript.chunks[choice.finishes[0].chunk],
                expected="finishReason STOP",
                actual=f"{quote(reason)} after {len(choice.tool_calls)} calls",
            )


@rule(
    "gemini.allowed-function-names-are-honoured",
    dialects=GEMINI,
    standard=MUST,
    source="python-genai 3.4, types.FunctionCallingConfig.allowed_function_names",
    catalogue=["GEM-18"],
    remedy="With mode ANY, let the model call only functions of allowedFunctionNames.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _calls(evidence) and _is_restricted(evidence),
)
def allowed_function_names_are_honoured(evidence: Evidence) -> Iterator[Violation]:
    """With mode ANY and several `allowedFunctionNames`, only those are called."""
    names = allowed_names(asked_body(evidence))
    return at_most(
        Violation.at(
            chunk_of(evidence, call),
            expected=f"a call of {' or '.join(map(quote, names[:10]))}",
            actual=f"of {quote(call.name)}",
        )
        for call in calls_of(evidence)
        if call.name is not None and call.name not in names and _is_offered(evidence, call)
    )


def _is_restricted(evidence: Evidence) -> bool:
    """One name alone is a call demanded by name, about which there is a rule for all APIs."""
    request = evidence.request
    return request is not None and request.tool_choice == "required" and len(allowed_names(request.body)) > 1


def _is_offered(evidence: Evidence, call: ToolCall) -> bool:
    names = evidence.request.names_offered if evidence.request else None
    return names is None or call.name in names


@rule(
    "gemini-stream.call-is-whole",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_CALL}.partial_args and .will_continue: only where streamFunctionCallArguments asks for them",
    catalogue=["GEM-STREAM-10"],
    remedy="Send a call with all of its arguments in one part of one chunk.",
    needs=[Need.REQUEST],
    applies=lambda evidence: is_streamed(evidence) and has_calls(evidence) and not _asked_for_pieces(evidence),
)
def call_is_whole(evidence: Evidence) -> Iterator[Violation]:
    """A function call is whole in its part, unless arguments in pieces were asked for."""
    return at_most(
        Violation.at(
            chunk_of(evidence, call),
            expected="the whole call in one part",
            actual=f"arguments in pieces, in {len(call.fragments)} parts",
        )
        for call in calls_of(evidence)
        if any(
            each.fields.get("partialArgs") is not None or each.fields.get("willContinue") is True
            for each in call.fragments
        )
    )


def _asked_for_pieces(evidence: Evidence) -> bool:
    return sent(calling_config(asked_body(evidence)), "streamFunctionCallArguments") is True
