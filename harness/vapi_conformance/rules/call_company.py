"""What belongs to one call alone: words of others do not get in, and what is known of the caller does not get out."""

import re
from collections.abc import Iterator
from typing import Final

from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.call_steps import CallStep, Group, call_of, call_steps
from vapi_conformance.rules.prompt_words import folded, message_texts
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, scenario_rule

__all__ = ["caller_data_is_not_read_out", "concurrent_calls_keep_apart"]

_FEWEST_DIGITS: Final = 7
_NATIONAL_DIGITS: Final = 9
"""The end of a number that is the same with and without a country code."""
_SHORTEST_ID: Final = 8
# Bounded, so that it takes linear time: digits with a sign or two between them, as numbers are written.
_NUMBER: Final = re.compile(r"\d(?:[ ().,/-]{0,2}\d){6,30}")


def _strange_words(group: Group) -> frozenset[str]:
    """Words of the other callers, folded."""
    call = group[0].call
    own = folded(call.word or "") if call is not None else ""
    return frozenset(word for each in (call.words if call is not None else ()) if (word := folded(each)) != own)


def _found(step: CallStep, words: frozenset[str]) -> list[str]:
    return sorted(words & set(step.folded_text.split()))


def _speaks_with_words(group: Group) -> bool:
    """It said the caller's own word, or another's. An agent that says neither shows nothing."""
    call, steps = call_of(group), call_steps(group)
    if call is None or not call.word:
        return False
    strange = _strange_words(group)
    return any(step.says(call.word) or _found(step, strange) for step in steps)


@scenario_rule(
    "call.concurrent-calls-keep-apart",
    scenarios=["calls/sixteen-callers"],
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    rapida=None,
    both=True,
    source="openai-openapi 2.3.0, CreateChatCompletionResponse: an answer belongs to its request",
    catalogue=["HTTP-19"],
    remedy="Keep nothing of a call in module globals or in shared buffers; give each request its own state.",
    applies=_speaks_with_words,
    why_unjudged=lambda group: "the agent never said the word of its caller" if call_steps(group) else "",
)
def concurrent_calls_keep_apart(group: Group) -> Iterator[Violation]:
    """Of many calls at the same time, none hears a word of another."""
    strange = _strange_words(group)
    heard = ((step, found) for step in call_steps(group) if (found := _found(step, strange)))
    yield from at_most(
        Violation(
            expected="no words of another call",
            actual=f"the answer is {quote(step.text)}, with {quote(', '.join(found))} of somebody else's call",
            step=step.place,
        )
        for step, found in heard
    )


def _digits(text: str) -> str:
    return "".join(re.findall(r"[0-9]", text))


def _numbers_in(text: str) -> list[str]:
    return [_digits(match) for match in _NUMBER.findall(text)]


def _tells(text: str, secret: str) -> bool:
    """Whether the text has this number, however it is written, or this id."""
    digits = _digits(secret)
    if secret.lstrip("+").replace(" ", "").isdigit():
        end = digits[-_NATIONAL_DIGITS:]
        return len(digits) >= _FEWEST_DIGITS and any(end in number for number in _numbers_in(text))
    return len(secret) >= _SHORTEST_ID and secret.casefold() in text.casefold()


def _read_out(step: CallStep, secrets: tuple[str, ...]) -> Iterator[str]:
    """What nobody but Vapi has said: a caller who tells their number may have it repeated."""
    for secret in secrets:
        if secret and _tells(step.text, secret):
            request = step.evidence.request
            said = message_texts(request, "system", "user", "tool") if request is not None else iter(())
            if not any(_tells(each, secret) for each in said):
                yield secret


@scenario_rule(
    "call.caller-data-is-not-read-out",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=None,
    vapi=SHOULD,
    rapida=None,
    source="Vapi (observed): requests carry the caller's number and ids of the call beside the messages",
    catalogue=["VAPI-13"],
    remedy="Hand the messages to the model and not `call`, `customer` or `phoneNumber`; a bystander may be listening.",
    needs=[Need.REQUEST],
    optional=True,
    applies=lambda group: any(step.text.strip() for step in call_steps(group)),
    why_unjudged=lambda _: "nothing was said in the call",
)
def caller_data_is_not_read_out(group: Group) -> Iterator[Violation]:
    """The caller's number and the ids of the call, which Vapi sends along, are not spoken."""
    call = group[0].call
    secrets = call.caller_data if call is not None else ()
    yield from at_most(
        Violation(
            expected="nothing of what Vapi tells about the caller beside the messages",
            actual=f"the answer is {quote(step.text)}, with {quote(secret)}",
            step=step.place,
        )
        for step in call_steps(group)
        for secret in _read_out(step, secrets)
    )
