"""The count of tokens on a stream: whether, where and how often it is reported.

On a stream that was asked for it, five rules share the ground: the report is there, and there once
(`stream-reports-once`); it stands in a chunk without choices; no chunk with choices follows it; the chunks before it
count nothing (`only-one-chunk-counts`) but have the key (`earlier-chunks-are-null`).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Chunk, UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule, scenario_rule
from vapi_conformance.rules.steps import by_step
from vapi_conformance.rules.streamed import is_whole

__all__ = [
    "chunk_has_empty_choices",
    "earlier_chunks_are_null",
    "is_last_chunk",
    "is_not_sent_unasked",
    "only_one_chunk_counts",
    "stream_equals_json",
    "stream_reports_once",
]

_OPTION: Final = "openai-openapi 2.3.0, ChatCompletionStreamOptions.include_usage"


def _reports(evidence: Evidence) -> Sequence[UsageReport]:
    return evidence.transcript.usages if evidence.is_success else ()


def _at(evidence: Evidence, report: UsageReport) -> Chunk:
    return evidence.transcript.chunks[report.chunk]


def _is_stream(evidence: Evidence) -> bool:
    return evidence.is_success and evidence.transcript.kind == "stream"


def _asked(evidence: Evidence) -> bool:
    return _is_stream(evidence) and evidence.request is not None and evidence.request.include_usage


def _asked_and_got(evidence: Evidence) -> bool:
    return _asked(evidence) and bool(_reports(evidence))


def _has_choices(chunk: Chunk) -> bool:
    return bool(array_or_nothing((chunk.record or {}).get("choices")))


def _bare_reports(evidence: Evidence) -> Sequence[UsageReport]:
    """Reports in chunks without choices."""
    return [report for report in _reports(evidence) if not _has_choices(_at(evidence, report))]


@rule(
    "usage.stream-reports-once",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_OPTION}: an additional chunk with the usage of the whole request",
    catalogue=["CHAT-USE-05"],
    remedy="When stream_options.include_usage is true, send one more chunk with the usage before the end marker.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _asked(evidence) and is_whole(evidence),
)
def stream_reports_once(evidence: Evidence) -> Iterator[Violation]:
    """A stream that was asked for its usage reports it, and in one additional chunk only."""
    if not _reports(evidence):
        last = evidence.transcript.chunks[-1]
        yield Violation.at(last, expected="a chunk with a usage object", actual="no chunk has one")
    yield from at_most(
        Violation.at(_at(evidence, report), expected="one report", actual="one more chunk with usage and no choices")
        for report in _bare_reports(evidence)[1:]
    )


@rule(
    "usage.chunk-has-empty-choices",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_OPTION}: choices of that chunk is always an empty array",
    catalogue=["CHAT-USE-06"],
    remedy='Send usage in a chunk of its own with "choices": [], not on the chunk that finishes the answer.',
    needs=[Need.REQUEST],
    applies=_asked_and_got,
)
def chunk_has_empty_choices(evidence: Evidence) -> Iterator[Violation]:
    """The chunk that reports the usage has no choices."""
    last = _at(evidence, _reports(evidence)[-1])
    if not _bare_reports(evidence) and _has_choices(last):
        yield Violation.at(last, expected="usage in a chunk with empty choices", actual="usage beside a choice")


@rule(
    "usage.is-last-chunk",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_OPTION}: streamed before the end marker, after everything else",
    catalogue=["CHAT-USE-07"],
    remedy="Send the usage after the last chunk with choices, right before the end marker.",
    needs=[Need.REQUEST],
    applies=_asked_and_got,
)
def is_last_chunk(evidence: Evidence) -> Iterator[Violation]:
    """The usage comes last: no chunk with choices follows it."""
    report = _reports(evidence)[-1]
    late = [chunk for chunk in evidence.transcript.chunks[report.chunk + 1 :] if _has_choices(chunk)]
    if late:
        actual = f"{len(late)} more with choices, the first of them chunk {late[0].index}"
        yield Violation.at(_at(evidence, report), expected="no chunk with choices after the usage", actual=actual)


@rule(
    "usage.earlier-chunks-are-null",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_OPTION}: all other chunks include a usage field, but with a null value",
    catalogue=["CHAT-USE-08"],
    remedy='Send "usage": null on the chunks before the report.',
    needs=[Need.REQUEST],
    applies=_asked_and_got,
)
def earlier_chunks_are_null(evidence: Evidence) -> Iterator[Violation]:
    """Where usage was asked for, the chunks before the report have the key `usage` too.

    That they hold null there and no counts is the business of `usage.only-one-chunk-counts`.
    """
    first = _reports(evidence)[0].chunk
    before = [chunk for chunk in evidence.answer_chunks if chunk.index < first]
    lacking = [chunk for chunk in before if "usage" not in (chunk.record or {})]
    if lacking:
        actual = f"{len(lacking)} of {len(before)} chunks have no key usage"
        yield Violation.at(lacking[0], expected='"usage": null before the report', actual=actual)


@rule(
    "usage.is-not-sent-unasked",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_OPTION}; observed: without it first-party streams of today have no usage",
    catalogue=["CHAT-USE-09"],
    remedy="Send usage on a stream only when stream_options.include_usage is true.",
    needs=[Need.REQUEST],
    applies=lambda evidence: _is_stream(evidence) and not _asked(evidence),
)
def is_not_sent_unasked(evidence: Evidence) -> Iterator[Violation]:
    """A stream that was not asked for its usage does not report it."""
    reports = _reports(evidence)
    if reports:
        actual = f"{len(reports)} chunks report usage"
        yield Violation.at(_at(evidence, reports[0]), expected="no usage, for it was not asked for", actual=actual)


def _asked_for_running(evidence: Evidence) -> bool:
    """vLLM's extension: running counts on each chunk, for those who ask."""
    request = evidence.request
    return request is not None and (
        object_or_nothing(request.body.get("stream_options")).get("continuous_usage_stats") is True
    )


@rule(
    "usage.only-one-chunk-counts",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_OPTION}: null on all other chunks; observed: openai-go 1.12 adds up what every chunk reports",
    catalogue=["CHAT-USE-12"],
    remedy="Report the counts once; running counts are added up by some clients.",
    applies=lambda evidence: _is_stream(evidence) and bool(_reports(evidence)) and not _asked_for_running(evidence),
)
def only_one_chunk_counts(evidence: Evidence) -> Iterator[Violation]:
    """Of the chunks with choices none counts beside the report, so that adding up counts nothing twice."""
    reports = _reports(evidence)
    running = [report for report in reports if _has_choices(_at(evidence, report))]
    # One report on the chunk that finishes the answer is a report in the wrong place, not a second one.
    if running and len(reports) > 1:
        actual = f"{len(reports)} chunks report usage, {len(running)} of them beside choices"
        yield Violation.at(_at(evidence, running[0]), expected="one chunk that counts", actual=actual)


def _prompt_tokens_of_step(group: Sequence[Evidence], step: str) -> int | None:
    found = by_step(group).get(step)
    reports = _reports(found[1]) if found else ()
    return integer_or_none(reports[-1].counts.get("prompt_tokens")) if reports else None


@scenario_rule(
    "usage.stream-equals-json",
    scenarios=("stream-and-json",),
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source="openai-openapi 2.3.0, CompletionUsage.prompt_tokens: counts the prompt, however it is answered",
    catalogue=["CHAT-USE-10"],
    remedy="Count the prompt by the same code for streams and whole answers.",
    applies=lambda group: all(_prompt_tokens_of_step(group, step) is not None for step in ("stream", "json")),
)
def stream_equals_json(group: Sequence[Evidence]) -> Iterator[Violation]:
    """The same messages take as many prompt tokens on a stream as in a whole answer."""
    on_stream, in_json = _prompt_tokens_of_step(group, "stream"), _prompt_tokens_of_step(group, "json")
    if on_stream != in_json:
        yield Violation(
            expected=f"prompt_tokens {in_json}, as in the whole answer",
            actual=f"prompt_tokens {on_stream} on the stream",
            step=by_step(group)["stream"][0],
        )
