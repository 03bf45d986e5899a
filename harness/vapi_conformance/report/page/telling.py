"""Which answers show best what callers hear: a few that went wrong, each in its own way, and a sound one beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.exchanges import Exchange, Group

__all__ = ["Told", "telling", "telling_call"]

_MOST_WRONG: Final = 4
_MOST_SOUND: Final = 3
_TURNS_OF_A_CALL: Final = (2, 12)
"""A call of fewer is an answer, and of more a book."""
_HARDLY_ANY_MS: Final = 300
"""Less dead air than this is no reason to show an answer."""
_GRAVITY: Final = {"bad": 2, "warn": 1}
_LONG_CHARACTERS: Final = 400
"""Of a sound answer: a longer one does not show better what speech is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer, and how many others went the same way."""

    exchange: Exchange
    is_sound: bool
    alike: int

    @property
    def says(self) -> str:
        """Of the others."""
        return f"{grouped(self.alike, 'other answer')} went the same way." if self.alike else ""


def telling(exchanges: Sequence[Exchange]) -> tuple[Told, ...]:
    """Each way of going wrong once, the frequent ones first; answers that are heard well alone where nothing did."""
    wrong: dict[tuple[str, ...], list[Exchange]] = {}
    sound: list[Exchange] = []
    for each in exchanges:
        if not each.is_ordinary:
            continue
        if (way := _way(each)) is not None:
            wrong.setdefault(way, []).append(each)
        elif each.speech is not None and each.speech.has_words:
            sound.append(each)
    ranked = sorted(wrong.values(), key=lambda members: (_weight(members[0]), len(members)), reverse=True)[:_MOST_WRONG]
    told = [Told(exchange=max(each, key=_weight), is_sound=False, alike=len(each) - 1) for each in ranked]
    best = sorted(sound, key=_interest, reverse=True)[: 1 if told else _MOST_SOUND]
    return (*told, *(Told(exchange=each, is_sound=True, alike=0) for each in best))


def telling_call(groups: Sequence[Group]) -> Group | None:
    """The call in which most goes wrong, in most ways; where nothing does, one with a few turns."""
    least, most = _TURNS_OF_A_CALL
    calls = [each for each in groups if least <= len(each.dialogue) <= most]
    return max(calls, key=_eventful, default=None)


def _eventful(call: Group) -> tuple[int, int, int]:
    wrong = [way for each in call.dialogue if (way := _way(each)) is not None]
    said = sum(1 for each in call.dialogue if each.asked)
    return len(set(wrong)), len(wrong), said if wrong else min(said, _MOST_SOUND)


def _way(exchange: Exchange) -> tuple[str, ...] | None:
    """How the caller is let down: by silence inside, by hearing nothing, by the end of the call."""
    speech, first = exchange.speech, exchange.first_consumer
    if speech is None or first is None or exchange.end == "we hung up":
        return None
    if speech.dead_air_ms >= _HARDLY_ANY_MS:
        return ("dead air",)
    if first.tone in _GRAVITY:
        return (first.what, exchange.status if exchange.tone != "plain" else "", "words" if speech.has_words else "")
    return None


def _weight(exchange: Exchange) -> tuple[float, float, int]:
    """What shows most: words with silences in them, then how grave it is."""
    speech, first = exchange.speech, exchange.first_consumer
    if speech is None or first is None:
        return (0, 0, 0)
    dead_air_ms = speech.dead_air_ms if speech.dead_air_ms >= _HARDLY_ANY_MS else 0.0
    return (2.5 if dead_air_ms else _GRAVITY.get(first.tone, 0), dead_air_ms, int(bool(exchange.asked)))


def _interest(exchange: Exchange) -> tuple[int, int, int]:
    """One that breaks nothing before all others; of some length, to something the caller said."""
    length = sum(len(each.text) for each in exchange.speech.segments if each.kind == "words") if exchange.speech else 0
    shown = length if length <= _LONG_CHARACTERS else 0
    return int(not exchange.broken), int(bool(exchange.asked)), shown
