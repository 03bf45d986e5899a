"""Whole answers, in one JSON document: what a Chat Completion is made of.

The shapes come from `schemas/openai/chat-completion.json`, where each place names the rule that claims it; what a
schema cannot say is checked here. A document that reports an error in place of an answer is judged by
`errors.no-error-in-200` alone, and one without `choices` by `chat.choices-is-non-empty` alone. The message inside
a choice has a module of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.reported_error import reported_error
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed
from vapi_conformance.rules.whole_answer import (
    choices,
    document,
    has_choice,
    is_reply,
    violation,
)

__all__ = [
    "body_matches_the_schema",
    "choice_has_message",
    "choice_indexes_are_complete",
    "choices_is_non_empty",
    "created_is_fresh",
    "created_is_integer_seconds",
    "finish_reason_is_known",
    "id_is_non_empty",
    "labels_are_strings",
    "logprobs_are_well_formed",
    "logprobs_key_is_present",
    "model_is_named",
    "no_error_beside_choices",
    "object_is_chat_completion",
]

_ANSWER: Final = "openai-openapi 2.3.0, CreateChatCompletionResponse"
_FRESH_S: Final = round(timedelta(days=1).total_seconds())


@rule(
    "chat.object-is-chat-completion",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.object",
    catalogue=["CHAT-01"],
    remedy='Send "object": "chat.completion" in a whole answer; "chat.completion.chunk" belongs to streams.',
    applies=is_reply,
)
def object_is_chat_completion(evidence: Evidence) -> Iterator[Violation]:
    """`object` of a whole answer is `chat.completion`."""
    yield from shape_violations(evidence, "chat.object-is-chat-completion", expected='"object": "chat.completion"')


@rule(
    "chat.id-is-non-empty",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.id",
    catalogue=["CHAT-02"],
    remedy="Give every answer an id of its own, such as chatcmpl- and a random part.",
    applies=is_reply,
)
def id_is_non_empty(evidence: Evidence) -> Iterator[Violation]:
    """`id` is a string and not empty."""
    yield from shape_violations(evidence, "chat.id-is-non-empty", expected="an id, as a string that is not empty")


@rule(
    "chat.created-is-integer-seconds",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.created",
    catalogue=["CHAT-03"],
    remedy="Send the time in whole seconds since 1970, as a number and not as text.",
    applies=is_reply,
)
def created_is_integer_seconds(evidence: Evidence) -> Iterator[Violation]:
    """`created` is a time in whole seconds."""
    yield from shape_violations(
        evidence, "chat.created-is-integer-seconds", expected="a positive integer: seconds since 1970"
    )


def _now(evidence: Evidence) -> datetime | None:
    """When the exchange took place: by the client's clock, else by the server's own Date header."""
    readers: list[tuple[str | None, Callable[[str], datetime]]] = [
        (evidence.exchange.timing.started_at, datetime.fromisoformat),
        (next(iter(evidence.header("date")), None), parsedate_to_datetime),
    ]
    for text, read in readers:
        try:
            when = None if text is None else read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        if when is not None:
            return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return None


def _created(evidence: Evidence) -> int | None:
    created = integer_or_none((document(evidence) or {}).get("created"))
    return created if created is not None and created > 0 else None


@rule(
    "chat.created-is-fresh",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_ANSWER}.created",
    catalogue=["CHAT-03"],
    remedy="Take created from the clock when the answer is made; in seconds, not milliseconds.",
    applies=lambda evidence: _created(evidence) is not None and _now(evidence) is not None,
)
def created_is_fresh(evidence: Evidence) -> Iterator[Violation]:
    """`created` lies within a day of the time of the exchange."""
    created, now = _created(evidence), _now(evidence)
    if created is None or now is None:
        return
    now_s = round(now.timestamp())
    if abs(created - now_s) > _FRESH_S:
        expected = f"a time within a day of {now.isoformat()}, which is {now_s}"
        yield violation(evidence, expected, f"created: {quote(str(created))}")


@rule(
    "chat.model-is-named",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.model",
    catalogue=["CHAT-04"],
    remedy="Name the model that answered.",
    applies=is_reply,
)
def model_is_named(evidence: Evidence) -> Iterator[Violation]:
    """`model` is a string and not empty."""
    yield from shape_violations(
        evidence, "chat.model-is-named", expected="the model's name, as a string that is not empty"
    )


@rule(
    "chat.choices-is-non-empty",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_ANSWER}.choices",
    catalogue=["CHAT-05"],
    remedy="Put the answer into choices[0].message; clients read it there and nowhere else.",
    applies=lambda evidence: (
        evidence.is_success and evidence.transcript.kind == "json" and bool(evidence.answer_chunks)
    ),
)
def choices_is_non_empty(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer is an object with at least one choice."""
    expected = "an object whose choices is an array with an entry"
    yield from shape_violations(evidence, "chat.choices-is-non-empty", expected=expected)


@rule(
    "chat.choice-indexes-are-complete",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.choices.index",
    catalogue=["CHAT-06"],
    remedy="Number the choices 0, 1, 2 and so on, each once.",
    applies=has_choice,
)
def choice_indexes_are_complete(evidence: Evidence) -> Iterator[Violation]:
    """The choices are numbered from 0 without gaps, each number once."""
    malformed = list(
        shape_violations(evidence, "chat.choice-indexes-are-complete", expected="an integer index, 0 or more")
    )
    yield from malformed
    indexes = [integer_or_none(choice.get("index")) for _, choice in choices(evidence)]
    numbers = sorted(index for index in indexes if index is not None)
    if not malformed and numbers != list(range(len(indexes))):
        expected = f"each of 0 to {len(indexes) - 1} once"
        yield violation(evidence, expected, f"indexes {quote(', '.join(map(str, numbers)))}")


@rule(
    "chat.choice-has-message",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_ANSWER}.choices.message",
    catalogue=["CHAT-07"],
    remedy="Put the text of a whole answer into choices[0].message; delta belongs to streams.",
    applies=lambda evidence: bool(array_or_nothing((document(evidence) or {}).get("choices"))),
)
def choice_has_message(evidence: Evidence) -> Iterator[Violation]:
    """Each choice holds a `message` object."""
    yield from shape_violations(evidence, "chat.choice-has-message", expected="a choice with a message object")


@rule(
    "chat.finish-reason-is-known",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_ANSWER}.choices.finish_reason",
    catalogue=["CHAT-12"],
    remedy="Send stop, length, tool_calls, content_filter or function_call; map the model's own words to these.",
    applies=has_choice,
)
def finish_reason_is_known(evidence: Evidence) -> Iterator[Violation]:
    """`finish_reason` is one of the five values, never null in a whole answer."""
    expected = "stop, length, tool_calls, content_filter or function_call"
    yield from shape_violations(evidence, "chat.finish-reason-is-known", expected=expected)


@rule(
    "chat.logprobs-key-is-present",
    dialects=CHAT,
    standard=MAY,
    vapi=MAY,
    source=f"{_ANSWER}.choices.logprobs; observed: first-party reasoning models leave it out",
    catalogue=["CHAT-14"],
    remedy="Send logprobs in each choice: null, or an object where the request asked for it.",
    applies=has_choice,
)
def logprobs_key_is_present(evidence: Evidence) -> Iterator[Violation]:
    """The choice has the key `logprobs`, be it null."""
    yield from at_most(
        violation(evidence, "the key logprobs", f"choice {place} has none")
        for place, choice in choices(evidence)
        if "logprobs" not in choice
    )


def _tokens(evidence: Evidence) -> Iterator[Mapping[str, object]]:
    for _, choice in choices(evidence):
        logprobs = object_or_nothing(choice.get("logprobs"))
        for key in ("content", "refusal"):
            yield from (
                token for item in array_or_nothing(logprobs.get(key)) if (token := object_or_none(item)) is not None
            )


def _asked_alternatives(evidence: Evidence) -> int | None:
    """`top_logprobs` of the request, 0 where it asks for log probabilities without; None where that is unknown."""
    request = evidence.request
    if request is None or request.body.get("logprobs") is not True:
        return None
    return integer_or_none(request.body.get("top_logprobs")) or 0


@rule(
    "chat.logprobs-are-well-formed",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_ANSWER}.choices.logprobs, ChatCompletionTokenLogprob",
    catalogue=["CHAT-15"],
    remedy="Send token, logprob (0 at most), bytes and top_logprobs for each token, or logprobs null.",
    applies=lambda evidence: any(choice.get("logprobs") is not None for _, choice in choices(evidence)),
)
def logprobs_are_well_formed(evidence: Evidence) -> Iterator[Violation]:
    """Log probabilities have the described shape, are 0 at most, and hold no more alternatives than were asked for."""
    expected = "tokens with token, logprob up to 0, bytes and top_logprobs"
    yield from shape_violations(evidence, "chat.logprobs-are-well-formed", expected=expected)
    asked = _asked_alternatives(evidence)
    given = max((len(array_or_nothing(token.get("top_logprobs"))) for token in _tokens(evidence)), default=0)
    if asked is not None and given > asked:
        yield violation(evidence, f"up to {asked} alternatives for a token, as asked for", f"{given} of them")


def _may_hold_both(evidence: Evidence) -> bool:
    whole = evidence.transcript.document
    return evidence.is_success and whole is not None and bool((whole.record or {}).get("choices"))


@rule(
    "chat.no-error-beside-choices",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_ANSWER} and ErrorResponse: an answer or an error",
    catalogue=["CHAT-20"],
    remedy="Send choices, or an error with a status from 400 on; never both.",
    applies=_may_hold_both,
)
def no_error_beside_choices(evidence: Evidence) -> Iterator[Violation]:
    """An answer with choices holds no error beside them.

    A null is let pass: no known client of whole answers minds it. In streams one does, and another rule says so.
    """
    whole = evidence.transcript.document
    error = None if whole is None else (whole.record or {}).get("error")
    if error is not None:
        yield violation(evidence, "choices without an error", f"choices, and an error: {reported_error(error)}")


@rule(
    "chat.labels-are-strings",
    dialects=CHAT,
    standard=MAY,
    vapi=MAY,
    source=f"{_ANSWER}.system_fingerprint, .service_tier",
    catalogue=["CHAT-21"],
    remedy="Send system_fingerprint and service_tier as strings, or null, or not at all.",
    applies=lambda evidence: bool({"system_fingerprint", "service_tier"} & (document(evidence) or {}).keys()),
)
def labels_are_strings(evidence: Evidence) -> Iterator[Violation]:
    """`system_fingerprint` and `service_tier` are strings or null."""
    yield from shape_violations(evidence, "chat.labels-are-strings", expected="a string or null")


@rule(
    "chat.body-matches-the-schema",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=_ANSWER,
    remedy="Compare the answer with the API description at the place named.",
    applies=is_reply,
)
def body_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """A whole answer has the described shape in everything that no other rule is about."""
    yield from unclaimed(evidence)
