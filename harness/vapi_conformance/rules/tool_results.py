"""The second half of a tool call: what an endpoint makes of the results; and the same call asked for in two ways."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT, OPENAI
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.called import calls_of, has_calls, makes_a_call
from vapi_conformance.rules.prompt_words import folded, message_texts
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.reported_error import reported_error
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, scenario_rule
from vapi_conformance.rules.streamed import is_whole
from vapi_conformance.rules.telling import telling_words

__all__ = [
    "parallel_results_are_answered",
    "result_is_answered",
    "result_reaches_the_answer",
    "sentinels_are_answered",
    "stream_and_json_agree",
    "unknown_result_is_refused",
]

_TOOL_MESSAGE: Final = (
    "openai-openapi 2.3.0, ChatCompletionRequestToolMessage, FunctionCallOutputItemParam; "
    "Anthropic, ToolResultBlockParam; Gemini, FunctionResponse"
)

_FEWEST_QUOTED_WORDS: Final = 5
"""`Success.` and `No result returned.` are also what people say; the longer sentences of Vapi are not."""


def _responded(group: Sequence[Evidence]) -> bool:
    return any(each.status is not None for each in group)


@scenario_rule(
    "tools.result-is-answered",
    scenarios=["tool-result"],
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_TOOL_MESSAGE,
    catalogue=["CHAT-TOOL-19", "ANTH-12", "GEM-19"],
    remedy="Accept messages of the role tool, and let the model put the result into words.",
    applies=_responded,
)
def result_is_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The result of a tool call is accepted and answered in words."""
    return _unanswered(group)


@scenario_rule(
    "tools.parallel-results-are-answered",
    scenarios=["tool-results-parallel"],
    standard=MUST,
    vapi=MUST,
    source=_TOOL_MESSAGE,
    catalogue=["CHAT-TOOL-19"],
    remedy="Accept one tool message for each call of the answer before, and answer them together in words.",
    applies=_responded,
)
def parallel_results_are_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The results of several tool calls are accepted and answered in words."""
    return _unanswered(group)


@scenario_rule(
    "tools.result-reaches-the-answer",
    scenarios=["tool-result", "tool-results-parallel"],
    standard=SHOULD,
    vapi=SHOULD,
    source=_TOOL_MESSAGE,
    catalogue=["CHAT-TOOL-19"],
    remedy="Hand the content of every tool message to the model, in the order of the calls.",
    applies=lambda group: any(_has_words(each) for each in group),
)
def result_reaches_the_answer(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Every tool result of the request shows in the answer, by one word or number at least."""
    for step, evidence in enumerate(group):
        if evidence.request is None or not _has_words(evidence):
            continue
        heard = set(folded(evidence.transcript.text).split())
        for result in message_texts(evidence.request, "tool"):
            if not heard & telling_words(result):
                expected = f"something of the result {quote(result)}"
                yield _violation(evidence, step, expected=expected, actual=quote(evidence.transcript.text))


def _unanswered(group: Sequence[Evidence]) -> Iterator[Violation]:
    for step, evidence in enumerate(group):
        fault = _lack_of_answer(evidence) or _call_instead(evidence)
        if fault is not None:
            yield _violation(evidence, step, expected="an answer in words", actual=fault)


def _violation(evidence: Evidence, step: int, *, expected: str, actual: str) -> Violation:
    if evidence.answer_chunks:
        return Violation.at(evidence.answer_chunks[-1], expected=expected, actual=actual, step=step)
    return Violation(expected=expected, actual=actual, step=step)


def _lack_of_answer(evidence: Evidence) -> str | None:
    """Neither words nor a call, and why; None too where the answer broke off, which is the fault of the connection."""
    if evidence.status is None or _has_words(evidence) or has_calls(evidence):
        return None
    if not evidence.is_success:
        return f"status {evidence.status}"
    transcript = evidence.transcript
    if transcript.errors:
        record = transcript.chunks[transcript.errors[0]].record or {}
        return f"an error: {reported_error(record.get('error'))}"
    return "no words" if is_whole(evidence) else None


def _has_words(evidence: Evidence) -> bool:
    """Words of any choice; a refusal is an answer too."""
    return evidence.is_success and any(choice.text.strip() or choice.refusal for choice in evidence.transcript.choices)


def _call_instead(evidence: Evidence) -> str | None:
    if _has_words(evidence) or not evidence.is_success:
        return None
    call = next(calls_of(evidence), None)
    return None if call is None else f"a call of {quote(call.name or '')}, and no words"


@scenario_rule(
    "tools.sentinels-are-answered",
    scenarios=["tool-sentinels"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    source="Vapi: what Vapi writes in place of a result that it does not have",
    catalogue=["VAPI-8"],
    remedy="Treat `Success.`, `No result returned` and `Tool Result Still Pending` as notes to the model, not as words "
    "for the caller.",
    applies=_responded,
)
def sentinels_are_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    """What Vapi writes in place of a missing result is accepted, and not read out to the caller."""
    for step, evidence in enumerate(group):
        fault = _lack_of_answer(evidence)
        if fault is not None:
            yield _violation(evidence, step, expected="an answer", actual=fault)
        elif (sentinel := _quoted_result(evidence)) is not None:
            expected = "words of its own about a result that is not there"
            yield _violation(evidence, step, expected=expected, actual=f"the caller hears {quote(sentinel)}")


def _quoted_result(evidence: Evidence) -> str | None:
    """A sentence out of a tool message of the request that the answer repeats, if it is none that people say anyway."""
    text = evidence.transcript.text.casefold()
    for result in message_texts(evidence.request, "tool") if evidence.request else ():
        for sentence in result.split(". "):
            if len(sentence.split()) >= _FEWEST_QUOTED_WORDS and sentence.strip(" .").casefold() in text:
                return sentence
    return None


@scenario_rule(
    "tools.unknown-result-is-refused",
    # Anthropic demands it, and 400: anthropic.unknown-result-is-400. Of Gemini nobody says that it refuses.
    dialects=OPENAI,
    scenarios=["tool-unknown-result"],
    standard=SHOULD,
    vapi=MAY,
    source=_TOOL_MESSAGE,
    catalogue=["CHAT-TOOL-20"],
    remedy="Answer 400 to a tool message whose tool_call_id no message before it has.",
    applies=_responded,
)
def unknown_result_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A result for a call that was never made is refused with a 4xx status."""
    for step, evidence in enumerate(group):
        if evidence.status is not None and not 400 <= evidence.status < 500:  # noqa: PLR2004 - RFC 9110, 15.5
            yield _violation(evidence, step, expected="a 4xx status", actual=f"status {evidence.status}")


@scenario_rule(
    "tools.stream-and-json-agree",
    scenarios=["tool-call"],
    standard=SHOULD,
    vapi=MAY,
    source="python-genai issue 2868 and vllm issue 53269, where they did not",
    catalogue=["CHAT-TOOL-21"],
    remedy="Decide on finish_reason and tool calls in one place for both kinds of answer.",
    applies=lambda group: len(_kinds(group)) > 1,
)
def stream_and_json_agree(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The same request gets the same kind of answer, streamed or whole: calls or words, and the same finish reason."""
    kinds = _kinds(group)
    first_step, first = next(iter(kinds.items()))
    for step, kind in kinds.items():
        if kind != first:
            yield _violation(
                group[step],
                step,
                expected=f"{first}, as in step {quote(_step_name(group[first_step]))}",
                actual=kind,
            )


def _kinds(group: Sequence[Evidence]) -> dict[int, str]:
    """For each whole answer, by its place: what it is, in words."""
    return {place: _kind(each) for place, each in enumerate(group) if is_whole(each) and each.transcript.choices}


def _kind(evidence: Evidence) -> str:
    choice = evidence.transcript.choices[0]
    what = "calls" if makes_a_call(choice) else "words"
    reason = choice.finish_reason
    return f"{what}, finish_reason {quote(reason) if isinstance(reason, str) else 'not sent'}"


def _step_name(evidence: Evidence) -> str:
    return evidence.exchange.label.step if evidence.exchange.label else "first"
