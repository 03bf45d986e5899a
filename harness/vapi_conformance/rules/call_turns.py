"""The turns of a call: each is answered, also when it is asked again in other words or its history has changed."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.call_frames import bare_call
from vapi_conformance.rules.call_steps import CallStep, Group, asked_for_code_word, call_of, call_steps, repeats
from vapi_conformance.rules.prompt_words import code_word, folded, house_word, stands_within
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, scenario_rule
from vapi_conformance.rules.telling import telling_words

__all__ = [
    "edited_history_is_read",
    "every_turn_is_answered",
    "grown_turn_is_answered_afresh",
    "handoff_follows_the_new_prompt",
    "repeated_turn_is_answered_in_full",
    "replaced_turn_is_answered_afresh",
]

_FEWEST_QUESTION_WORDS: Final = 4
_OWN_WORDS: Final = "the agent speaks in words of its own only, and these do not show which request they answer"


@scenario_rule(
    "call.every-turn-is-answered",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): an empty answer is silence, or ends the call as llm-failed",
    catalogue=["VAPI-12"],
    remedy="Let every request end in words or in a tool call; say that you did not understand rather than nothing.",
    applies=lambda group: any(step.is_heard for step in call_steps(group)),
)
def every_turn_is_answered(group: Group) -> Iterator[Violation]:
    """Each answer that the caller waits for has words or calls a tool, from the first turn of a call to the last."""
    silent = (step for step in call_steps(group) if step.is_heard and _is_nothing(step))
    yield from at_most(
        Violation(
            expected="words or a tool call",
            actual=f"nothing for {quote(step.heard_text)}, request {step.place + 1} of the call",
            step=step.place,
        )
        for step in silent
    )


def _is_nothing(step: CallStep) -> bool:
    """A frame that Vapi cannot read is a fault of its own, and means something."""
    return not step.text.strip() and not step.calls_tools and bare_call(step.evidence) is None


def _answers_to_told(group: Group) -> list[CallStep]:
    """Answers that are heard, to a turn that was asked again: they can be compared with what the turn tells."""
    steps = call_steps(group)
    spoken = (step for step in steps if step.is_spoken and step.told and step.request.why == "heard-again")
    return [step for step in spoken if not _asks_back(step, steps)]


def _asks_back(step: CallStep, steps: Sequence[CallStep]) -> bool:
    """A question with no word of what any request tells: a model is free to ask, and answers no request by it."""
    said = step.folded_text.split()
    of_requests = {word for each in steps if each.told for word in telling_words(each.told)}
    return (
        step.text.rstrip().endswith("?")
        and len(said) >= _FEWEST_QUESTION_WORDS
        and of_requests.isdisjoint(said)
        and not any(step.folded_text == each.folded_text for each in _asked_before(step, steps))
    )


def _asked_before(step: CallStep, steps: Sequence[CallStep]) -> Iterator[CallStep]:
    """Requests for the same turn that told nothing yet: their answer may have been kept."""
    return (each for each in steps[: step.place] if each.told is None and each.request.turn == step.request.turn)


def _sent_again(group: Group) -> bool:
    """Whether there is such an answer, from an endpoint that heeds what it is told."""
    return bool(_answers_to_told(group)) and repeats(call_steps(group))


def _why_not_sent_again(group: Group) -> str:
    return _OWN_WORDS if any(step.is_spoken and step.request.why == "heard-again" for step in call_steps(group)) else ""


def _told_is_said(group: Group) -> Iterator[Violation]:
    """Each of them says what its request tells it to, and nothing that only an earlier one told."""
    steps = call_steps(group)
    for step in _answers_to_told(group):
        told = step.told or ""
        earlier = {each.told for each in steps[: step.place] if each.told is not None and each.told != told}
        stale = [each for each in sorted(earlier) if step.says(each) and not stands_within(folded(told), folded(each))]
        if stale or not (step.says(told) or _takes_up(step, told, earlier)):
            answers = f", which answers the earlier {quote(stale[0])}" if stale else ""
            yield Violation(
                expected=f"an answer to the words of this request, {quote(told)}",
                actual=f"the answer is {quote(step.text)}{answers}",
                step=step.place,
            )


def _takes_up(step: CallStep, told: str, earlier: Collection[str]) -> bool:
    """Words of the agent's own around most of those that no earlier request has: no kept answer could know them."""
    asked, said = set(folded(told).split()), set(step.folded_text.split())
    new = asked.difference(*(folded(each).split() for each in earlier))
    return bool(said - asked) and 2 * len(said & new) > len(new)


@scenario_rule(
    "call.grown-turn-is-answered-afresh",
    scenarios=["calls/grown-turn", "calls/superseded-while-speaking"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): 26 of 39 repeated turns of recorded calls added words to the first ones",
    catalogue=["VAPI-5"],
    remedy="Do not key answers by call and turn; if they must be kept, the key needs a hash of all messages.",
    needs=[Need.REQUEST],
    applies=_sent_again,
    why_unjudged=_why_not_sent_again,
)
def grown_turn_is_answered_afresh(group: Group) -> Iterator[Violation]:
    """In a call, a turn that is asked again with more words gets an answer to all of them."""
    yield from _told_is_said(group)


@scenario_rule(
    "call.replaced-turn-is-answered-afresh",
    scenarios=["calls/replaced-turn"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): 9 of 39 repeated turns of recorded calls had other words than before",
    catalogue=["VAPI-5"],
    remedy="Compare whole messages, not their beginnings: the new words need not begin as the old ones did.",
    needs=[Need.REQUEST],
    applies=_sent_again,
    why_unjudged=_why_not_sent_again,
)
def replaced_turn_is_answered_afresh(group: Group) -> Iterator[Violation]:
    """In a call, a turn that is asked again in other words gets an answer to those, and not to the old ones."""
    yield from _told_is_said(group)


def _is_stale_at_once(group: Group) -> bool:
    """Whether no answer before the last was to the words of its own request: `call.grown-turn-…` tells that."""
    again = [step for step in call_steps(group) if step.request.why == "heard-again" and step.is_dropped and step.told]
    whole = [step for step in again if step.is_answered]
    return bool(whole) and not any(step.says(step.told or "") for step in whole)


@scenario_rule(
    "call.repeated-turn-is-answered-in-full",
    scenarios=["calls/six-requests"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): six requests for one turn within 16 seconds, five of them dropped",
    catalogue=["VAPI-5"],
    remedy="Answer each request in full, however often a turn is asked: the caller never heard the answers before.",
    needs=[Need.REQUEST],
    applies=lambda group: _sent_again(group) and not _is_stale_at_once(group),
    why_unjudged=lambda group: (
        "the turn was not answered afresh when it was first asked again"
        if _sent_again(group)
        else _why_not_sent_again(group)
    ),
)
def repeated_turn_is_answered_in_full(group: Group) -> Iterator[Violation]:
    """The last of many requests for one turn gets a whole answer."""
    yield from _told_is_said(group)


def _code_word_answers(group: Group) -> list[CallStep]:
    return [step for step in call_steps(group) if step.is_spoken and asked_for_code_word(step)]


def _stated(group: Group) -> frozenset[str]:
    """Every code word that some request of the call states."""
    return frozenset(word for step in call_steps(group) if (word := code_word(step.evidence.request)) is not None)


def _knows_a_code_word(group: Group) -> bool:
    """An answer says one, right or stale. An endpoint that has none does not read its history at all."""
    return any(step.says(word) for step in _code_word_answers(group) for word in _stated(group))


@scenario_rule(
    "call.edited-history-is-read",
    scenarios=["calls/edited-history"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi (observed): in 58 of 235 pairs of requests a message had changed that was sent before",
    catalogue=["VAPI-5"],
    remedy="Take the history from each request; do not append to one that you keep.",
    needs=[Need.REQUEST],
    applies=_knows_a_code_word,
    why_unjudged=lambda group: "no answer says a code word, old or new" if _code_word_answers(group) else "",
)
def edited_history_is_read(group: Group) -> Iterator[Violation]:
    """What was said earlier in a call counts as the newest request has it, not as it came first."""
    for step in _code_word_answers(group):
        word = code_word(step.evidence.request)
        if word is not None and not step.says(word):
            yield Violation(
                expected=f"the code word as this request states it, {quote(word)}",
                actual=f"the answer is {quote(step.text)}",
                step=step.place,
            )


def _house_word_answers(group: Group) -> list[CallStep]:
    return [step for step in call_steps(group) if step.is_spoken and _wants_house_word(step)]


def _wants_house_word(step: CallStep) -> bool:
    return "house word" in folded(step.heard_text) and house_word(step.evidence.request) is not None


def _after_a_hand_off(group: Group) -> list[CallStep]:
    """Answers that can say the house word of a prompt which was not there when the call began."""
    call, answers = call_of(group), _house_word_answers(group)
    over_ns = [event.at_ns for event in call.events if event.kind == "hand-off"] if call is not None else []
    return [step for step in answers if over_ns and step.request.at_ns >= over_ns[0]]


def _house_words(steps: Sequence[CallStep]) -> frozenset[str]:
    return frozenset(word for step in steps if (word := house_word(step.evidence.request)) is not None)


def _knows_a_house_word(group: Group) -> bool:
    """It said one before or says one afterwards. An endpoint that has none does not read its prompt at all."""
    answers = _house_word_answers(group)
    words = _house_words(call_steps(group))
    return bool(_after_a_hand_off(group)) and any(step.says(word) for step in answers for word in words)


def _why_no_hand_off(group: Group) -> str:
    if _after_a_hand_off(group):
        return "no answer says the house word of any prompt"
    return "the agent did not hand the call over when it was asked to"


@scenario_rule(
    "call.handoff-follows-the-new-prompt",
    scenarios=["calls/squad-hand-off", "calls/transfer-to-an-assistant"],
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    rapida=None,
    source="Vapi: each assistant has messages of its own; that they replace the first one's is inferred",
    catalogue=["VAPI-10"],
    remedy="Read the system prompt of each request; do not keep the one that the call began with.",
    needs=[Need.REQUEST],
    optional=True,
    applies=_knows_a_house_word,
    why_unjudged=_why_no_hand_off,
)
def handoff_follows_the_new_prompt(group: Group) -> Iterator[Violation]:
    """After a hand-off the answers follow the new assistant's prompt."""
    for step in _after_a_hand_off(group):
        word = house_word(step.evidence.request)
        if word is not None and not step.says(word):
            yield Violation(
                expected=f"the house word of the prompt of this request, {quote(word)}",
                actual=f"the answer is {quote(step.text)}",
                step=step.place,
            )
