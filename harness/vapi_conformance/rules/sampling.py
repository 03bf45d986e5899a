"""Whether an answer does what the request asked of the sampling: bounds, stop sequences, choices, JSON, seeds.

A request that is refused asked for something that the endpoint does not have: that, too, is judged here and not by
`errors.well-formed-request-is-answered`, for a voice platform sends none of these parameters but the bound.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.dialects.transcript import Choice
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none
from vapi_conformance.payload import parse
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, scenario_rule
from vapi_conformance.rules.steps import by_step
from vapi_conformance.rules.whole_answer import document

__all__ = [
    "json_mode_parses",
    "max_tokens_is_honoured",
    "n_is_honoured_or_refused",
    "seed_repeats",
    "stop_sequence_is_honoured",
]

_REQUEST: Final = "openai-openapi 2.3.0, CreateChatCompletionRequest"
_LIMITS: Final = "Responses, max_output_tokens; Anthropic, max_tokens; Gemini, maxOutputTokens"
_REFUSALS: Final = frozenset({400, 422})
_SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")


def _answer(group: Sequence[Evidence]) -> tuple[int, Evidence] | None:
    return by_step(group).get("json")


def _is_judged(group: Sequence[Evidence]) -> bool:
    """Answered with a choice, or refused. A server that fails says nothing about parameters."""
    found = _answer(group)
    return found is not None and (_choice(found[1]) is not None or found[1].status in _REFUSALS)


def _choice(evidence: Evidence) -> Choice | None:
    choices = evidence.transcript.choices
    return choices[0] if evidence.is_success and choices else None


def _at(evidence: Evidence, step: int, expected: str, actual: str) -> Violation:
    chunks = evidence.transcript.chunks
    if not chunks:
        return Violation(expected=expected, actual=actual, step=step)
    return Violation.at(chunks[0], expected=expected, actual=actual, step=step)


def _refused(evidence: Evidence, step: int, parameter: str) -> Iterator[Violation]:
    if evidence.is_refusal:
        yield _at(evidence, step, f"an answer that honours {parameter}", f"status {evidence.status}")


def _is_short_by_itself(group: Sequence[Evidence]) -> bool:
    """A finished sentence below the bound: the agent tells no long story, and nothing had to be cut."""
    found = _answer(group)
    choice, request = (_choice(found[1]), found[1].request) if found is not None else (None, None)
    if choice is None or request is None or request.max_tokens is None or choice.finish_meaning != "stop":
        return False
    text = choice.text.strip()
    return text.endswith(_SENTENCE_ENDS) and len(text.split()) < request.max_tokens


@scenario_rule(
    "sampling.max-tokens-is-honoured",
    scenarios=("max-tokens",),
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_REQUEST}.max_tokens, .max_completion_tokens; {_LIMITS}",
    catalogue=["CHAT-16", "GEM-14"],
    remedy="Pass max_tokens on to the model, and finish with length where it cuts the answer.",
    applies=lambda group: _is_judged(group) and not _is_short_by_itself(group),
)
def max_tokens_is_honoured(group: Sequence[Evidence]) -> Iterator[Violation]:
    """An answer that wants to be longer than `max_tokens` is cut there and finishes with `length`."""
    step, evidence = by_step(group)["json"]
    yield from _refused(evidence, step, "max_tokens")
    choice, bound = _choice(evidence), evidence.request.max_tokens if evidence.request else None
    if choice is None or bound is None:
        return
    words = len(choice.text.split())
    if words > bound:  # a token is hardly ever more than one word
        yield _at(evidence, step, f"{bound} tokens at most", f"{words} words")
    elif choice.finish_meaning != "length":
        yield _at(evidence, step, "finish_reason length", f"finish_reason {_reason(choice)}, after {words} words")


def _reason(choice: Choice) -> str:
    reason = choice.finish_reason
    return quote(reason, limit=30) if isinstance(reason, str) else "null" if reason is None else "that is no string"


@scenario_rule(
    "sampling.stop-sequence-is-honoured",
    dialects=EVERY - {Dialect.OPENAI_RESPONSES},
    scenarios=("stop",),
    standard=SHOULD,
    vapi=MAY,
    source=f"{_REQUEST}.stop: the returned text does not contain the stop sequence; Anthropic, stop_sequences; "
    "Gemini, stopSequences",
    catalogue=["CHAT-17"],
    remedy="Pass stop on to the model; end the answer before the sequence, with the finish reason stop.",
    applies=_is_judged,
)
def stop_sequence_is_honoured(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The answer ends before the stop sequence, with the finish reason `stop`."""
    step, evidence = by_step(group)["json"]
    yield from _refused(evidence, step, "stop")
    choice, stops = _choice(evidence), evidence.request.stops if evidence.request else ()
    if choice is None:
        return
    said = next((stop for stop in stops if stop and stop in choice.text), None)
    if said is not None:
        yield _at(evidence, step, f"no {quote(said)} in the answer", quote(choice.text))
    elif choice.finish_meaning != "stop":
        yield _at(evidence, step, "finish_reason stop", f"finish_reason {_reason(choice)}")


def _is_no_answer(evidence: Evidence) -> bool:
    """A success in which nothing could be read: broken off, empty or of another form, with rules of their own."""
    return evidence.is_success and document(evidence) is None and not evidence.transcript.choices


@scenario_rule(
    "chat.n-is-honoured-or-refused",
    dialects=CHAT,
    scenarios=("choices",),
    standard=SHOULD,
    vapi=MAY,
    source=f"{_REQUEST}.n",
    catalogue=["CHAT-18", "CHAT-05"],
    remedy="Give as many choices as n asks for, or refuse the request with 400.",
    applies=lambda group: (found := _answer(group)) is not None and not _is_no_answer(found[1]),
)
def n_is_honoured_or_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request for two choices gets two, or is refused with 400 or 422; it never gets one in silence."""
    step, evidence = by_step(group)["json"]
    wanted = evidence.request.n if evidence.request else 1
    # Of a whole answer the entries count: two with one index are two, with a fault that has a rule of its own.
    whole = document(evidence)
    given = len(array_or_nothing(whole.get("choices")) if whole else evidence.transcript.choices)
    if evidence.is_success and given != wanted:
        yield _at(
            evidence, step, f"{wanted} choices, or a refusal", f"{given} in an answer with status {evidence.status}"
        )
    elif not evidence.is_success and evidence.status not in _REFUSALS:
        yield _at(evidence, step, f"{wanted} choices, or a refusal with 400 or 422", f"status {evidence.status}")


@scenario_rule(
    "sampling.json-mode-parses",
    dialects=EVERY - {Dialect.ANTHROPIC_MESSAGES},
    scenarios=("json-mode",),
    standard=MUST,
    vapi=MAY,
    source=f"{_REQUEST}.response_format: json_object, json_schema; Responses, text.format; Gemini, responseMimeType",
    catalogue=["CHAT-19"],
    remedy="Pass response_format on to the model; the answer is bare JSON, without a fence or a sentence around it.",
    applies=_is_judged,
)
def json_mode_parses(group: Sequence[Evidence]) -> Iterator[Violation]:
    """An answer that was asked for as JSON is one JSON object and nothing else, unless it was cut or refused."""
    step, evidence = by_step(group)["json"]
    yield from _refused(evidence, step, "response_format")
    choice = _choice(evidence)
    if choice is None or choice.refusal or choice.finish_meaning in ("length", "content_filter"):
        return
    payload = parse(choice.text)
    if payload.error is not None or object_or_none(payload.value) is None:
        reason = payload.error or "JSON, but no object"
        yield _at(evidence, step, "one JSON object", f"{quote(choice.text)} ({reason})")


def _said(evidence: Evidence) -> tuple[object, ...]:
    """What two answers to one request have to share."""
    return tuple(
        (each.index, each.text, tuple((call.name, call.arguments) for call in each.tool_calls), _reason(each))
        for each in evidence.transcript.choices
    )


def _both_answered(group: Sequence[Evidence]) -> bool:
    steps = by_step(group)
    return all(step in steps and _choice(steps[step][1]) is not None for step in ("first", "second"))


@scenario_rule(
    "chat.seed-repeats",
    dialects=CHAT,
    scenarios=("seed",),
    standard=MAY,
    vapi=MAY,
    source=f"{_REQUEST}.seed: a best effort, as the description says",
    catalogue=["CHAT-22"],
    remedy="Pass seed on to the model, where it has one.",
    applies=_both_answered,
)
def seed_repeats(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The same request with the same seed and temperature 0 is answered by the same words."""
    steps = by_step(group)
    (_, first), (step, second) = steps["first"], steps["second"]
    if _said(first) != _said(second):
        expected, actual = quote(first.transcript.text), quote(second.transcript.text)
        yield _at(second, step, f"the first answer again: {expected}", actual)
