"""Gemini's counts of tokens: there, sums that add up, parts that are not more than the whole."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.gemini.fields import count_of
from vapi_conformance.dialects.transcript import UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import GEMINI, is_answer, is_whole, is_whole_answer, lacks, records
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "cached_within_prompt",
    "details_add_up",
    "last_usage_is_final",
    "output_is_counted",
    "prompt_count_is_constant",
    "thoughts_are_counted",
    "usage_counts_are_integers",
    "usage_is_reported",
    "usage_on_every_chunk",
    "usage_total_is_the_sum",
    "usage_within_max_output_tokens",
]

_USAGE: Final = "python-genai 3.4, types.GenerateContentResponseUsageMetadata"
_ABSURD: Final = 10**18
_COUNTS: Final = (
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
)
_DETAILS: Final = (
    ("promptTokensDetails", "promptTokenCount"),
    ("candidatesTokensDetails", "candidatesTokenCount"),
    ("toolUsePromptTokensDetails", "toolUsePromptTokenCount"),
)


_SUMMANDS: Final = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")


def _last(evidence: Evidence) -> UsageReport | None:
    """The one that counts the whole answer; None where its counts are no integers, or left to another spelling."""
    reports = evidence.transcript.usages
    return reports[-1] if reports and is_answer(evidence) and _is_countable(reports[-1]) else None


def _is_countable(report: UsageReport) -> bool:
    return all(report.counts.get(name) is None or isinstance(report.counts[name], int) for name in _COUNTS)


def _shown(count: int) -> str:
    """In digits, unless they are so many that nobody would read them, and Python might refuse to write them."""
    return str(count) if abs(count) < _ABSURD else "an absurd number"


def _at(evidence: Evidence, report: UsageReport, *, expected: str, actual: str) -> Violation:
    return Violation.at(evidence.transcript.chunks[report.chunk], expected=expected, actual=actual)


@rule(
    "gemini.usage-is-reported",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{_USAGE}; observed on every answer",
    catalogue=["GEM-11"],
    remedy="Send usageMetadata with each answer.",
    applies=is_whole_answer,
)
def usage_is_reported(evidence: Evidence) -> Iterator[Violation]:
    """An answer reports its usage."""
    if all(lacks(record, "usageMetadata") for _, record in records(evidence)):
        yield Violation.at(evidence.answer_chunks[-1], expected="usageMetadata", actual="no such key")


@rule(
    "gemini.usage-counts-are-integers",
    dialects=GEMINI,
    standard=MUST,
    source=_USAGE,
    catalogue=["GEM-11"],
    remedy="Send counts as integers of 0 or more, and leave out those that are 0.",
    applies=lambda evidence: is_answer(evidence) and any("usageMetadata" in record for _, record in records(evidence)),
)
def usage_counts_are_integers(evidence: Evidence) -> Iterator[Violation]:
    """Usage is an object, and its counts are integers of 0 or more."""
    return shape_violations(evidence, "gemini.usage-counts-are-integers")


@rule(
    "gemini.usage-total-is-the-sum",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{_USAGE}.total_token_count: prompt, candidates, tool use and thoughts",
    catalogue=["GEM-09"],
    remedy="Count prompt, candidates, thoughts and what tools brought in into totalTokenCount, each once.",
    applies=lambda evidence: (last := _last(evidence)) is not None and last.total_tokens is not None,
)
def usage_total_is_the_sum(evidence: Evidence) -> Iterator[Violation]:
    """`totalTokenCount` is the sum of prompt, candidates, thoughts and tool use, on each chunk that has it.

    Rapida's callers read the first one (facts on dialects, 7.3), everybody else the last.
    """
    return at_most(
        _at(evidence, each, expected=f"totalTokenCount {_shown(total)}", actual=_shown(each.total_tokens or 0))
        for each in evidence.transcript.usages
        if _is_countable(each) and each.total_tokens is not None
        if each.total_tokens != (total := sum(count_of(each.counts, name) for name in _SUMMANDS))
    )


@rule(
    "gemini.cached-within-prompt",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_USAGE}.prompt_token_count: includes the tokens of cached content",
    catalogue=["GEM-10"],
    remedy="Count cached tokens as a part of promptTokenCount.",
    applies=lambda evidence: (
        (last := _last(evidence)) is not None and last.counts.get("cachedContentTokenCount") is not None
    ),
)
def cached_within_prompt(evidence: Evidence) -> Iterator[Violation]:
    """Cached tokens are a part of the tokens of the prompt."""
    last = _last(evidence)
    if last is None:
        return
    cached, prompt = count_of(last.counts, "cachedContentTokenCount"), count_of(last.counts, "promptTokenCount")
    if cached > prompt:
        yield _at(evidence, last, expected=f"{_shown(prompt)} cached tokens at most", actual=_shown(cached))


def _says_something(evidence: Evidence) -> bool:
    return any(choice.text or choice.tool_calls for choice in evidence.transcript.choices)


@rule(
    "gemini.output-is-counted",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{_USAGE}.candidates_token_count",
    catalogue=["GEM-11"],
    remedy="Count the tokens of the answer in candidatesTokenCount, on the last chunk at least.",
    applies=lambda evidence: is_whole_answer(evidence) and _last(evidence) is not None and _says_something(evidence),
)
def output_is_counted(evidence: Evidence) -> Iterator[Violation]:
    """An answer that says or calls something took at least one token."""
    last = _last(evidence)
    if last is None or "candidates_token_count" in last.counts:
        return
    if count_of(last.counts, "candidatesTokenCount") == 0:
        yield _at(
            evidence, last, expected="candidatesTokenCount of 1 or more", actual="0 or none, though it says something"
        )


@rule(
    "gemini.thoughts-are-counted",
    dialects=GEMINI,
    standard=SHOULD,
    source=f"{_USAGE}.thoughts_token_count",
    catalogue=["GEM-09"],
    remedy="Count the tokens of thoughts in thoughtsTokenCount, not among those of the answer.",
    applies=lambda evidence: (
        is_whole_answer(evidence)
        and _last(evidence) is not None
        and any(choice.reasoning for choice in evidence.transcript.choices)
    ),
)
def thoughts_are_counted(evidence: Evidence) -> Iterator[Violation]:
    """An answer that shows thoughts counts their tokens by themselves."""
    last = _last(evidence)
    if last is not None and count_of(last.counts, "thoughtsTokenCount") == 0:
        yield _at(evidence, last, expected="thoughtsTokenCount of 1 or more", actual="none, though thoughts were sent")


@rule(
    "gemini.usage-within-max-output-tokens",
    dialects=GEMINI,
    standard=SHOULD,
    source="python-genai 3.4, types.GenerateContentConfig.max_output_tokens; observed: thoughts count too",
    catalogue=["GEM-14"],
    remedy="Stop at maxOutputTokens, and finish with MAX_TOKENS.",
    needs=[Need.REQUEST],
    applies=lambda evidence: (
        evidence.request is not None and evidence.request.max_tokens is not None and _last(evidence) is not None
    ),
)
def usage_within_max_output_tokens(evidence: Evidence) -> Iterator[Violation]:
    """The tokens of answer and thoughts are no more than `maxOutputTokens`, for each candidate."""
    last, request = _last(evidence), evidence.request
    if last is None or request is None or request.max_tokens is None:
        return
    bound = request.max_tokens * max(request.n, 1)
    if (last.output_tokens or 0) > bound:
        yield _at(evidence, last, expected=f"{_shown(bound)} tokens at most", actual=_shown(last.output_tokens or 0))


@rule(
    "gemini.details-add-up",
    dialects=GEMINI,
    standard=MAY,
    source=f"{_USAGE}: the details list the count by modality",
    catalogue=["GEM-09"],
    remedy="Let the counts by modality add up to the count that they explain.",
    applies=lambda evidence: (last := _last(evidence)) is not None and any(name in last.counts for name, _ in _DETAILS),
)
def details_add_up(evidence: Evidence) -> Iterator[Violation]:
    """Counts by modality add up to the count that they explain."""
    last = _last(evidence)
    if last is None:
        return
    for details, count in _DETAILS:
        total = _sum_of(last.counts, details)
        if total is not None and total != count_of(last.counts, count):
            yield _at(
                evidence, last, expected=f"{count} {_shown(total)}, as {details} say", actual=_told(last.counts, count)
            )


def _sum_of(counts: Mapping[str, object], details: str) -> int | None:
    """None where there is nothing to add up."""
    counted = [object_or_nothing(each).get("tokenCount") for each in array_or_nothing(counts.get(details))]
    found = [0 if each is None else integer_or_none(each) for each in counted]
    return None if not found or None in found else sum(each or 0 for each in found)


def _told(counts: Mapping[str, object], name: str) -> str:
    return _shown(count_of(counts, name)) if counts.get(name) is not None else "no such count"


def _reports_usage(evidence: Evidence) -> bool:
    return is_whole(evidence) and bool(evidence.transcript.usages)


@rule(
    "gemini-stream.usage-on-every-chunk",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: usageMetadata stands on every chunk; facts on Rapida, 7.3: the first one is read",
    catalogue=["GEM-STREAM-09"],
    remedy="Send usageMetadata with the counts so far on every chunk.",
    applies=_reports_usage,
)
def usage_on_every_chunk(evidence: Evidence) -> Iterator[Violation]:
    """Every chunk of a stream that reports usage reports it."""
    return at_most(
        Violation.at(chunk, expected="usageMetadata", actual="no such key")
        for chunk, record in records(evidence)
        if lacks(record, "usageMetadata")
    )


@rule(
    "gemini-stream.last-usage-is-final",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: counts are of the answer so far, and those of the last chunk are the highest",
    catalogue=["GEM-STREAM-09"],
    remedy="Count the whole answer on the last chunk, not what is new in it.",
    applies=lambda evidence: _reports_usage(evidence) and _last(evidence) is not None,
)
def last_usage_is_final(evidence: Evidence) -> Iterator[Violation]:
    """The last usage of a stream counts the whole answer: no earlier chunk counts more."""
    last = _last(evidence)
    most = max((each.output_tokens or 0 for each in evidence.transcript.usages), default=0)
    if last is not None and (last.output_tokens or 0) < most:
        yield _at(evidence, last, expected=f"{_shown(most)} tokens or more", actual=_shown(last.output_tokens or 0))


def _prompt_counts(evidence: Evidence) -> list[tuple[UsageReport, int]]:
    counted = ((each, integer_or_none(each.counts.get("promptTokenCount"))) for each in evidence.transcript.usages)
    return [(report, count) for report, count in counted if count is not None]


@rule(
    "gemini-stream.prompt-count-is-constant",
    dialects=GEMINI,
    # The catalogue says SHOULD. Google itself counts anew at the end of 2 of 21 recorded streams: 9, then 8.
    standard=MAY,
    source="observed on most streams of Google, and on all of Vertex",
    catalogue=["GEM-STREAM-09"],
    remedy="Count the prompt once, before the first chunk.",
    applies=lambda evidence: _reports_usage(evidence) and len(_prompt_counts(evidence)) > 1,
)
def prompt_count_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """`promptTokenCount` is the same on every chunk."""
    (_, first), *rest = _prompt_counts(evidence)
    for report, count in rest:
        if count != first:
            yield _at(evidence, report, expected=f"promptTokenCount {_shown(first)}", actual=_shown(count))
            return
