"""Whether an endpoint says what it is told to: only then do its words show what it has read."""

from collections.abc import Sequence

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.prompt_words import says, told_to_say

__all__ = ["heeds", "is_answered", "repeats_on_demand"]


def is_answered(evidence: Evidence) -> bool:
    """A whole answer came. Refusals and broken transfers are for other rules."""
    return evidence.is_success and evidence.exchange.end is End.CLEAN and not evidence.transcript.errors


def repeats_on_demand(group: Sequence[Evidence]) -> bool:
    """Whether some answer says what this or another request tells it to."""
    told = {words for each in group if (words := told_to_say(each.request)) is not None}
    texts = [each.transcript.text for each in group] if told else []
    return any(says(text, words) for text in texts for words in told)


def heeds(group: Sequence[Evidence]) -> bool:
    """Whether words can show what was read: some answer says what this or another request tells, or one is blank.

    An agent that never repeats words on demand proves nothing by other words. Blank is a fault whatever was asked.
    """
    return repeats_on_demand(group) or any(is_answered(each) and not each.transcript.text.strip() for each in group)
