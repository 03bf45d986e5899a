"""Interruptions: the caller speaks into an answer, Vapi closes the connection, and the next request follows at once.

Whether work on the old answer stopped cannot be seen from outside. Two things are evidence: the endpoint's own count
of generations at work, and a next answer that waits so long as if the old one had to be finished first. An answer that
comes in good time proves nothing, so without a count the outcome is that nothing was shown, and why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import NS_PER_S
from vapi_conformance.rules.call_steps import CallStep, Group, asked_for_code_word, call_of, call_steps, repeats
from vapi_conformance.rules.prompt_words import code_word, folded
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, scenario_rule

__all__ = ["barge_in_is_answered", "barge_in_stops_the_work"]

_INTERRUPTED: Final = (
    "calls/barge-in",
    "calls/barge-in-at-once",
    "calls/barge-in-after-a-pause",
    "calls/barge-in-twice",
)
_TELLING_WORDS: Final = 4
"""So many words in a row of an answer that was cut off are no chance."""
_ACTIVE_HEADER: Final = "x-generations-active"
_TIME_TO_NOTICE_NS: Final = NS_PER_S
"""Between our hanging up and the next request: a server sees it when it next writes, and may be busy."""
_TIMES_AS_LATE: Final = 4
_CLEARLY_LATE_NS: Final = 5 * NS_PER_S
"""Neither a slow model nor a busy machine comes so much later than it did in the same call, but by rare chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interruption:
    """An answer that the caller spoke into, and the one to what they said."""

    cut: CallStep
    spoken: str
    """Folded words of it that the caller had heard."""
    after: CallStep


def _interruptions(group: Group) -> Iterator[_Interruption]:
    call, steps = call_of(group), call_steps(group)
    cuts = {} if call is None else {each.exchange: each.text for each in call.events if each.kind == "cut"}
    for step, following in pairwise(steps):
        was_cut = step.place in cuts or step.request.closed == "barge-in"
        if was_cut and following.request.turn > step.request.turn:
            yield _Interruption(cut=step, spoken=folded(cuts.get(step.place, "")), after=following)


# The next answer.


def _wanted(step: CallStep) -> str | None:
    """Words that the answer to an interruption has to hold."""
    return code_word(step.evidence.request) if asked_for_code_word(step) else step.told


def _unspoken(cut: CallStep, spoken: str) -> str:
    """Folded words of an answer that came and were not heard any more."""
    return cut.folded_text.removeprefix(spoken).strip()


def _goes_on(each: _Interruption) -> bool:
    """Whether the next answer begins in the middle of the one that was cut off."""
    beginning = each.after.folded_text.split()[:_TELLING_WORDS]
    rest = _unspoken(each.cut, each.spoken)
    return len(beginning) == _TELLING_WORDS and f" {' '.join(beginning)} " in f" {rest} "


def _judged(group: Group) -> list[_Interruption]:
    """Those whose next answer shows what it answers: it says the words, or goes on, or the endpoint heeds others."""
    told = [each for each in _interruptions(group) if each.after.is_spoken and _wanted(each.after) is not None]
    heeds = repeats(call_steps(group))
    return [each for each in told if heeds or each.after.says(_wanted(each.after) or "") or _goes_on(each)]


def _why_no_answer(group: Group) -> str:
    if not any(_interruptions(group)):
        return "no answer was long enough to be interrupted"
    return "the agent speaks in words of its own only, and these do not show which request they answer"


@scenario_rule(
    "call.barge-in-is-answered",
    scenarios=_INTERRUPTED,
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): the connection is closed, the history holds what was spoken, and "
    "the next request follows 0.1 to 4 seconds later",
    catalogue=["VAPI-6"],
    remedy="Drop an answer when its connection closes; answer the next request from its own messages.",
    needs=[Need.REQUEST],
    applies=lambda group: bool(_judged(group)),
    why_unjudged=_why_no_answer,
)
def barge_in_is_answered(group: Group) -> Iterator[Violation]:
    """After an interruption the caller's new words are answered, and the old answer does not go on."""
    for each in _judged(group):
        wanted = _wanted(each.after) or ""
        is_going_on = _goes_on(each)
        if each.after.says(wanted) and not is_going_on:
            continue
        goes_on = ", which goes on with the answer that was interrupted" if is_going_on else ""
        yield Violation(
            expected=f"an answer to what the caller said, with {quote(wanted)}",
            actual=f"the answer is {quote(each.after.text)}{goes_on}",
            step=each.after.place,
        )


# The old answer.


def _closed(group: Group) -> list[_Interruption]:
    """Interruptions of an answer that was not complete: there was work to stop."""
    return [each for each in _interruptions(group) if each.cut.request.closed == "barge-in"]


def _active(step: CallStep) -> int | None:
    """Generations at work when the answer began, its own not counted; None where the endpoint does not say."""
    values = step.evidence.header(_ACTIVE_HEADER)
    return int(values[0][:9]) if values and values[0].isascii() and values[0].isdigit() else None


def _had_time(each: _Interruption) -> bool:
    """Whether the endpoint had time to notice that nobody listens any more."""
    end_ns = each.cut.request.at_ns + (each.cut.evidence.exchange.timing.end_ns or 0)
    return each.after.request.at_ns - end_ns >= _TIME_TO_NOTICE_NS


def _first_token_ns(step: CallStep) -> int | None:
    return next((chunk.at_ns for chunk in step.evidence.token_chunks if chunk.at_ns is not None), None)


def _at_work_too_many(each: _Interruption, steps: tuple[CallStep, ...]) -> bool | None:
    """By the endpoint's own count, held against its other answers in the call; None where there is none."""
    active = _active(each.after) if _had_time(each) else None
    if active is None:
        return None
    usual = (_active(step) for step in steps[: each.cut.place + 1])
    return active > max((count for count in usual if count is not None), default=0)


def _waited_ns(each: _Interruption, group: Group) -> int | None:
    """How late the next answer began, where that is clearly later than all others of the call."""
    late_ns = _first_token_ns(each.after)
    # The answer after another interruption may be as late as this one, for the same reason.
    after = {other.after.place for other in _interruptions(group)}
    others = [_first_token_ns(step) for step in call_steps(group) if step.place not in after]
    known = [at_ns for at_ns in others if at_ns is not None]
    if late_ns is None or not known:
        return None
    return late_ns if late_ns >= max(_TIMES_AS_LATE * max(known), max(known) + _CLEARLY_LATE_NS) else None


def _shows_work(group: Group) -> bool:
    steps = call_steps(group)
    return any(
        _at_work_too_many(each, steps) is not None or _waited_ns(each, group) is not None for each in _closed(group)
    )


def _why_no_evidence(group: Group) -> str:
    if not any(_interruptions(group)):
        return "no answer was long enough to be interrupted"
    closed = _closed(group)
    if not closed:
        return "the answer was complete before the caller interrupted it, so there was no work left to stop"
    if not any(map(_had_time, closed)) and any(_active(each.after) is not None for each in closed):
        return "the next request came too soon after the interruption to ask whether the work had stopped"
    return (
        f"the endpoint offers no evidence, and only a next answer {_CLEARLY_LATE_NS // NS_PER_S} s later than the "
        f"others is any: send the header {_ACTIVE_HEADER}, the number of other generations at work when an answer "
        "begins"
    )


@scenario_rule(
    "call.barge-in-stops-the-work",
    scenarios=_INTERRUPTED,
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    rapida=None,
    source="Vapi (observed): closing the connection is the only sign that an answer is not wanted; RFC 9112, 9.6",
    catalogue=["VAPI-6"],
    remedy="Stop generating when the connection closes: what goes on is paid for, and the next answer may wait for it.",
    needs=[Need.HEADERS],
    applies=_shows_work,
    why_unjudged=_why_no_evidence,
)
def barge_in_stops_the_work(group: Group) -> Iterator[Violation]:
    """When the caller interrupts an answer, work on it stops."""
    steps = call_steps(group)
    for each in _closed(group):
        if _at_work_too_many(each, steps):
            yield Violation(
                expected="no generation at work for the connection that was closed",
                actual=f"{_ACTIVE_HEADER}: {_active(each.after)} when the next answer began",
                step=each.after.place,
            )
        elif (waited_ns := _waited_ns(each, group)) is not None:
            yield Violation(
                expected="the next answer as soon as the others of this call",
                actual=f"its first token came after {waited_ns / NS_PER_S:.1f} s, as if the answer that was "
                "interrupted had been finished first",
                step=each.after.place,
                at_ns=waited_ns,
            )
