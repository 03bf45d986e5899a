"""Messages: what the API demands of a request, and one question asked in two ways."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

from vapi_conformance.dialects.anthropic.order import Signal
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.rules.anthropic.view import DOCS, MESSAGES, TYPES, blocks_in, is_message, is_whole_answer, signals
from vapi_conformance.rules.quoting import describe
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "api_key_is_accepted",
    "max_tokens_is_required",
    "stream_and_json_are_one_shape",
    "stream_and_json_count_alike",
    "unknown_result_is_400",
    "version_is_required",
]

Group = Sequence[Evidence]

_BAD_REQUEST: Final = 400
_NOT_ABOUT_THE_REQUEST: Final = frozenset({401, 403, 408, 429})
"""Refused before the request was looked at."""


def _judged(step: str) -> Callable[[Group], bool]:
    def applies(group: Group) -> bool:
        found = by_step(group).get(step)
        return found is not None and found[1].status not in _NOT_ABOUT_THE_REQUEST

    return applies


def _not_400(group: Group, step: str, what: str) -> Iterator[Violation]:
    place, evidence = by_step(group)[step]
    if evidence.status != _BAD_REQUEST:
        yield Violation(expected=f"status 400 for {what}", actual=f"status {evidence.status}", step=place)


@scenario_rule(
    "anthropic.api-key-is-accepted",
    scenarios=("auth",),
    dialects=MESSAGES,
    standard=MUST,
    source=f"{DOCS}, authentication: x-api-key",
    catalogue=["AUTH-05"],
    remedy="Take the key from x-api-key; official clients send it there.",
    applies=lambda group: "right" in by_step(group) and _has_key(by_step(group)["right"][1]),
)
def api_key_is_accepted(group: Group) -> Iterator[Violation]:
    """A request with the right key in `x-api-key` is answered."""
    step, evidence = by_step(group)["right"]
    if evidence.is_refusal:
        yield Violation(expected="an answer to the right key", actual=f"status {evidence.status}", step=step)


def _has_key(evidence: Evidence) -> bool:
    return any(name.lower() == b"x-api-key" for name, _ in evidence.exchange.request.headers)


@scenario_rule(
    "anthropic.version-is-required",
    scenarios=("anthropic-version",),
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{DOCS}, versions: anthropic-version has to be sent",
    catalogue=["AUTH-06"],
    remedy="Refuse with 400 who does not say which version of the API is meant.",
    applies=_judged("missing"),
)
def version_is_required(group: Group) -> Iterator[Violation]:
    """A request without `anthropic-version` is refused with 400."""
    yield from _not_400(group, "missing", "a request without anthropic-version")


@scenario_rule(
    "anthropic.max-tokens-is-required",
    scenarios=("anthropic-without-limit",),
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/message_create_params.py, max_tokens: required",
    catalogue=["ANTH-10"],
    remedy="Refuse with 400 and invalid_request_error a request that sets no bound.",
    applies=_judged("post"),
)
def max_tokens_is_required(group: Group) -> Iterator[Violation]:
    """A request without `max_tokens` is refused with 400."""
    yield from _not_400(group, "post", "a request without max_tokens")


@scenario_rule(
    "anthropic.unknown-result-is-400",
    scenarios=("tool-unknown-result",),
    dialects=MESSAGES,
    standard=MUST,
    source=f"{DOCS}, tool use: each tool_result names a tool_use of the turn before; observed: 400 otherwise",
    catalogue=["ANTH-12"],
    remedy="Check that the results of a turn answer the calls of the turn before, and refuse others with 400.",
    applies=_judged("stream"),
)
def unknown_result_is_400(group: Group) -> Iterator[Violation]:
    """A `tool_result` for a call that was never made is refused with 400."""
    yield from _not_400(group, "stream", "the result of a call that nobody made")


def _both(group: Group) -> tuple[tuple[int, Evidence], tuple[int, Evidence]] | None:
    """The streamed and the whole answer, where both came whole and each in its form."""
    steps = by_step(group)
    stream, whole = steps.get("stream"), steps.get("json")
    if stream is None or whole is None or not is_whole_answer(stream[1]) or not is_message(whole[1]):
        return None
    return (stream, whole) if stream[1].transcript.kind == "stream" else None


def _kinds(evidence: Evidence) -> list[str]:
    """Types of blocks in order; whether a model thinks, and how often a type is repeated in a row, is its choice."""
    kinds = (block.kind for block in blocks_in(evidence) if block.kind not in ("thinking", "redacted_thinking"))
    return [kind for kind, _ in groupby(kinds)]


def _model(evidence: Evidence) -> str | None:
    if evidence.transcript.kind == "json":
        return string_or_none((evidence.transcript.chunks[0].record or {}).get("model"))
    starts = signals(evidence, Signal.MESSAGE_START)
    message = (starts[0].record or {}).get("message") if starts else None
    return string_or_none(object_or_nothing(message).get("model"))


@scenario_rule(
    "anthropic.stream-and-json-are-one-shape",
    scenarios=("stream-and-json",),
    dialects=MESSAGES,
    standard=MUST,
    source=f"{DOCS}, streaming messages: the events make the message that would come whole",
    catalogue=["ANTH-STREAM-19"],
    remedy="Build both answers from the same blocks.",
    applies=lambda group: _both(group) is not None,
)
def stream_and_json_are_one_shape(group: Group) -> Iterator[Violation]:
    """The events of a stream make the message that comes whole: by the same model, of the same kinds of blocks."""
    found = _both(group)
    if found is None:
        return
    (step, streamed), (_, whole) = found
    for what, of_stream, of_json in (
        ("model", _model(streamed), _model(whole)),
        ("blocks", ", ".join(_kinds(streamed)), ", ".join(_kinds(whole))),
    ):
        if of_stream is not None and of_json is not None and of_stream != of_json:
            yield Violation(
                expected=f"{what} {describe(of_json)}, as in the whole answer",
                actual=f"{what} {describe(of_stream)} on the stream",
                step=step,
            )


@scenario_rule(
    "anthropic.stream-and-json-count-alike",
    scenarios=("stream-and-json",),
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/usage.py: the prompt is counted, however it is answered",
    catalogue=["ANTH-04"],
    remedy="Count the prompt by the same code for streams and whole answers.",
    applies=lambda group: (
        (found := _both(group)) is not None and all(_prompt(evidence) is not None for _, evidence in found)
    ),
)
def stream_and_json_count_alike(group: Group) -> Iterator[Violation]:
    """The same messages take as many tokens of input on a stream as in a whole answer."""
    found = _both(group)
    if found is None:
        return
    (step, streamed), (_, whole) = found
    if _prompt(streamed) != _prompt(whole):
        yield Violation(
            expected=f"a prompt of {_prompt(whole)} tokens, as in the whole answer",
            actual=f"{_prompt(streamed)} on the stream",
            step=step,
        )


def _prompt(evidence: Evidence) -> int | None:
    usages = evidence.transcript.usages
    return usages[-1].input_tokens if usages else None
