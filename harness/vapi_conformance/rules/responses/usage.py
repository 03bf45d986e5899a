"""The count of tokens of a response: there when it is done, and right in itself."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.transcript import Chunk, UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, object_or_none, object_or_nothing
from vapi_conformance.rules.quoting import describe
from vapi_conformance.rules.responses.view import RESPONSES, final_response, story_of
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule, scenario_rule
from vapi_conformance.rules.shape import shape_violations
from vapi_conformance.rules.steps import by_step

__all__ = [
    "usage_agrees_streamed_and_whole",
    "usage_cached_within_input",
    "usage_counts_are_integers",
    "usage_is_reported",
    "usage_output_is_counted",
    "usage_reasoning_within_output",
    "usage_total_is_the_sum",
    "usage_within_the_limit",
]

_USAGE: Final = "openai-openapi 2.3.0, ResponseUsage"


def _reports(evidence: Evidence) -> tuple[UsageReport, ...]:
    return evidence.transcript.usages if story_of(evidence).events else ()


def _has_reports(evidence: Evidence) -> bool:
    return bool(_reports(evidence))


def _at(evidence: Evidence, report: UsageReport) -> Chunk:
    return evidence.transcript.chunks[report.chunk]


def _is_completed(evidence: Evidence) -> bool:
    sent = final_response(evidence)
    return sent is not None and sent.fields.get("status") in ("completed", "incomplete")


@rule(
    "responses.usage-is-reported",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_USAGE}; observed: in every response that came to its end",
    catalogue=["RESP-11"],
    remedy="Send usage with the response that is completed or incomplete.",
    applies=_is_completed,
)
def usage_is_reported(evidence: Evidence) -> Iterator[Violation]:
    """A response that came to its end reports its usage."""
    sent = final_response(evidence)
    if sent is not None and sent.fields.get("usage") is None:
        yield Violation.at(sent.chunk, expected="a usage object", actual="none")


@rule(
    "responses.usage-counts-are-integers",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_USAGE}: all five parts are required",
    catalogue=["RESP-11"],
    remedy="Send input_tokens, output_tokens, total_tokens and both objects of details; counts are integers.",
    applies=lambda evidence: (sent := final_response(evidence)) is not None and sent.fields.get("usage") is not None,
)
def usage_counts_are_integers(evidence: Evidence) -> Iterator[Violation]:
    """Usage has its three counts and both objects of details, and all its counts are integers of 0 or more."""
    return shape_violations(evidence, "responses.usage-counts-are-integers")


@rule(
    "responses.usage-total-is-the-sum",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_USAGE}.total_tokens; observed: no exception at any vendor",
    catalogue=["RESP-11"],
    remedy="Report total_tokens as input_tokens plus output_tokens; reasoning is part of the output.",
    applies=_has_reports,
)
def usage_total_is_the_sum(evidence: Evidence) -> Iterator[Violation]:
    """`total_tokens` is the sum of `input_tokens` and `output_tokens`."""
    for report in _reports(evidence):
        total, parts = report.total_tokens, (report.input_tokens, report.output_tokens)
        if total is not None and parts[0] is not None and parts[1] is not None and total != parts[0] + parts[1]:
            actual = f"{total}, for {parts[0]} and {parts[1]}"
            yield Violation.at(_at(evidence, report), expected="total_tokens is the sum", actual=actual)
            return


def _beyond(evidence: Evidence, whole: str, details: str, part: str) -> Iterator[Violation]:
    for report in _reports(evidence):
        all_of_them = integer_or_none(report.counts.get(whole))
        some = integer_or_none(object_or_nothing(report.counts.get(details)).get(part))
        if all_of_them is not None and some is not None and some > all_of_them:
            actual = f"{part} {some} of {whole} {all_of_them}"
            yield Violation.at(_at(evidence, report), expected=f"{part} within {whole}", actual=actual)
            return


def _details(evidence: Evidence, details: str, part: str) -> bool:
    found = (object_or_none(report.counts.get(details)) for report in _reports(evidence))
    return any(each is not None and part in each for each in found)


@rule(
    "responses.usage-reasoning-within-output",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_USAGE}.output_tokens_details.reasoning_tokens",
    catalogue=["RESP-11"],
    remedy="Count reasoning tokens in output_tokens, too.",
    applies=lambda evidence: _details(evidence, "output_tokens_details", "reasoning_tokens"),
)
def usage_reasoning_within_output(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning tokens are a part of the output tokens."""
    return _beyond(evidence, "output_tokens", "output_tokens_details", "reasoning_tokens")


@rule(
    "responses.usage-cached-within-input",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_USAGE}.input_tokens_details.cached_tokens",
    catalogue=["RESP-11"],
    remedy="Count cached tokens in input_tokens, too.",
    applies=lambda evidence: _details(evidence, "input_tokens_details", "cached_tokens"),
)
def usage_cached_within_input(evidence: Evidence) -> Iterator[Violation]:
    """Cached tokens are a part of the input tokens."""
    return _beyond(evidence, "input_tokens", "input_tokens_details", "cached_tokens")


@rule(
    "responses.usage-output-is-counted",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_USAGE}.output_tokens",
    catalogue=["RESP-11"],
    remedy="Count what was generated.",
    applies=lambda evidence: _has_reports(evidence) and bool(evidence.token_chunks),
)
def usage_output_is_counted(evidence: Evidence) -> Iterator[Violation]:
    """An answer that says something took at least one output token."""
    report = _reports(evidence)[-1]
    if report.output_tokens == 0:
        yield Violation.at(_at(evidence, report), expected="1 output token or more", actual="0")


@rule(
    "responses.usage-within-the-limit",
    dialects=RESPONSES,
    standard=SHOULD,
    source="openai-openapi 2.3.0, CreateResponse.max_output_tokens: an upper bound, reasoning included",
    catalogue=["RESP-11", "RESP-12"],
    remedy="Stop at max_output_tokens, and count reasoning against it.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        _has_reports(evidence) and evidence.request is not None and evidence.request.max_tokens is not None
    ),
)
def usage_within_the_limit(evidence: Evidence) -> Iterator[Violation]:
    """The output tokens are no more than the request allows."""
    report, bound = _reports(evidence)[-1], evidence.request.max_tokens if evidence.request else None
    if bound is not None and report.output_tokens is not None and report.output_tokens > bound:
        yield Violation.at(
            _at(evidence, report), expected=f"{bound} output tokens at most", actual=describe(report.output_tokens)
        )


def _input_tokens(evidence: Evidence) -> int | None:
    reports = _reports(evidence)
    return reports[-1].input_tokens if reports else None


def _both_count(group: Sequence[Evidence]) -> bool:
    steps = by_step(group)
    return all(step in steps and _input_tokens(steps[step][1]) is not None for step in ("stream", "json"))


@scenario_rule(
    "responses.usage-agrees-streamed-and-whole",
    scenarios=("stream-and-json",),
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_USAGE}.input_tokens: counts the input, however it is answered",
    catalogue=["RESP-11", "RESP-STREAM-18"],
    remedy="Count the input by the same code for streams and whole answers.",
    applies=_both_count,
)
def usage_agrees_streamed_and_whole(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The same input takes as many input tokens on a stream as in a whole answer."""
    steps = by_step(group)
    (place, streamed), (_, whole) = steps["stream"], steps["json"]
    if _input_tokens(streamed) != _input_tokens(whole):
        yield Violation(
            expected=f"input_tokens {_input_tokens(whole)}, as in the whole answer",
            actual=f"input_tokens {_input_tokens(streamed)} on the stream",
            step=place,
        )
