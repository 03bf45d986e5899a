"""The count of tokens: what one report says, in a whole answer or on a stream.

When and how often a stream reports is judged in `usage_stream`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Chunk, UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.whole_answer import document, is_reply, violation
from vapi_conformance.schema import errors, is_valid

__all__ = [
    "cached_within_prompt",
    "completion_is_counted",
    "counts_are_integers",
    "is_reported",
    "reasoning_within_completion",
    "total_is_the_sum",
    "within_max_tokens",
]

_USAGE: Final = "openai-openapi 2.3.0, CompletionUsage"
_SCHEMA: Final = "openai/usage"


def _reports(evidence: Evidence) -> Sequence[UsageReport]:
    return evidence.transcript.usages if evidence.is_success else ()


def _at(evidence: Evidence, report: UsageReport) -> Chunk:
    return evidence.transcript.chunks[report.chunk]


def _count(counts: Mapping[str, object], *path: str) -> int | None:
    """A count by its path of keys; None where it is not there or is no integer."""
    for key in path[:-1]:
        counts = object_or_nothing(counts.get(key))
    return integer_or_none(counts.get(path[-1]))


def _has(*paths: tuple[str, ...]) -> Callable[[Evidence], bool]:
    """Whether some report has all of these counts."""
    return lambda evidence: any(
        all(_count(report.counts, *path) is not None for path in paths) for report in _reports(evidence)
    )


@rule(
    "usage.is-reported",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_USAGE}; the key is optional there, and every recorded first-party answer has it",
    catalogue=["CHAT-USE-01"],
    remedy="Send usage in each whole answer; who pays by the token cannot do without.",
    applies=is_reply,
)
def is_reported(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer reports its usage."""
    if (document(evidence) or {}).get("usage") is None:
        yield violation(evidence, "a usage object", "none")


def _sent(evidence: Evidence) -> Iterator[tuple[Chunk, object]]:
    """What stands under `usage`, whatever it is, except null."""
    for chunk in evidence.answer_chunks if evidence.is_success else ():
        if (usage := (chunk.record or {}).get("usage")) is not None:
            yield chunk, usage


@rule(
    "usage.counts-are-integers",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=_USAGE,
    catalogue=["CHAT-USE-01"],
    remedy="Send prompt_tokens, completion_tokens and total_tokens as integers, 0 or more.",
    applies=lambda evidence: any(True for _ in _sent(evidence)),
)
def counts_are_integers(evidence: Evidence) -> Iterator[Violation]:
    """Usage is an object with the three counts, and all its counts are integers of 0 or more."""

    def problems() -> Iterator[Violation]:
        for chunk, usage in _sent(evidence):
            if is_valid(_SCHEMA, usage):
                continue
            for error in errors(_SCHEMA, usage):
                actual = f"/usage{error.pointer}: {error.message}"
                yield Violation.at(chunk, expected="three counts, integers of 0 or more", actual=actual)

    yield from at_most(problems())


@rule(
    "usage.total-is-the-sum",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    both=True,
    source=f"{_USAGE}.total_tokens",
    catalogue=["CHAT-USE-02"],
    remedy="Count every generated token, reasoning too, in completion_tokens, and add the prompt's for the total.",
    applies=_has(("prompt_tokens",), ("completion_tokens",), ("total_tokens",)),
)
def total_is_the_sum(evidence: Evidence) -> Iterator[Violation]:
    """`total_tokens` is the sum of `prompt_tokens` and `completion_tokens`."""

    def problems() -> Iterator[Violation]:
        for report in _reports(evidence):
            prompt, completion = _count(report.counts, "prompt_tokens"), _count(report.counts, "completion_tokens")
            total = _count(report.counts, "total_tokens")
            if prompt is None or completion is None or total is None or total == prompt + completion:
                continue
            expected = f"total_tokens {prompt + completion}, the sum of {prompt} and {completion}"
            yield Violation.at(_at(evidence, report), expected=expected, actual=f"total_tokens {total}")

    yield from at_most(problems())


def _parts_beyond(evidence: Evidence, part: tuple[str, ...], whole: str) -> Iterator[Violation]:
    for report in _reports(evidence):
        some, all_of_them = _count(report.counts, *part), _count(report.counts, whole)
        if some is not None and all_of_them is not None and some > all_of_them:
            yield Violation.at(
                _at(evidence, report),
                expected=f"{part[-1]} within {whole}, which is {all_of_them}",
                actual=f"{part[-1]} {some}",
            )


_REASONING: Final = ("completion_tokens_details", "reasoning_tokens")
_CACHED: Final = ("prompt_tokens_details", "cached_tokens")


@rule(
    "usage.reasoning-within-completion",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_USAGE}.completion_tokens_details: a breakdown of completion_tokens",
    catalogue=["CHAT-USE-03"],
    remedy="Count reasoning tokens in completion_tokens as well.",
    applies=_has(("completion_tokens",), _REASONING),
)
def reasoning_within_completion(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning tokens are a part of the completion tokens."""
    yield from at_most(_parts_beyond(evidence, _REASONING, "completion_tokens"))


@rule(
    "usage.cached-within-prompt",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_USAGE}.prompt_tokens_details: a breakdown of prompt_tokens",
    catalogue=["CHAT-USE-04"],
    remedy="Count cached tokens in prompt_tokens as well.",
    applies=_has(("prompt_tokens",), _CACHED),
)
def cached_within_prompt(evidence: Evidence) -> Iterator[Violation]:
    """Cached tokens are a part of the prompt tokens."""
    yield from at_most(_parts_beyond(evidence, _CACHED, "prompt_tokens"))


def _says_something(evidence: Evidence) -> bool:
    return any(each.content or each.refusal or each.tool_calls for each in evidence.transcript.choices)


@rule(
    "usage.completion-is-counted",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_USAGE}.completion_tokens",
    catalogue=["CHAT-USE-11"],
    remedy="Count the tokens that were generated; 0 beside an answer means that nobody counted.",
    applies=lambda evidence: _has(("completion_tokens",))(evidence) and _says_something(evidence),
)
def completion_is_counted(evidence: Evidence) -> Iterator[Violation]:
    """An answer that says something took at least one completion token."""
    report = _reports(evidence)[-1]
    if _count(report.counts, "completion_tokens") == 0:
        yield Violation.at(_at(evidence, report), expected="completion_tokens above 0", actual="completion_tokens 0")


def _bound(evidence: Evidence) -> int | None:
    """How many tokens all choices together may take."""
    request = evidence.request
    if request is None or request.max_tokens is None:
        return None
    return request.max_tokens * max(request.n, len(evidence.transcript.choices), 1)


@rule(
    "usage.within-max-tokens",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.max_completion_tokens",
    catalogue=["CHAT-USE-11"],
    remedy="Stop at the bound that the request sets, or count as the bound does.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _has(("completion_tokens",))(evidence) and _bound(evidence) is not None,
)
def within_max_tokens(evidence: Evidence) -> Iterator[Violation]:
    """The completion tokens are no more than the request allows, for each choice."""
    report, bound = _reports(evidence)[-1], _bound(evidence)
    counted = _count(report.counts, "completion_tokens")
    if counted is not None and bound is not None and counted > bound:
        expected, actual = f"{bound} completion_tokens at most", f"completion_tokens {counted}"
        yield Violation.at(_at(evidence, report), expected=expected, actual=actual)
