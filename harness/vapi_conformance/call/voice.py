"""The assistant's voice: what is spoken of an answer and when, and where the caller cuts it short."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from vapi_conformance.call.asking import Asker, Reply
from vapi_conformance.call.speaking import Interruption, Utterance, held_back, speech_ns, spoken_until, utterances
from vapi_conformance.platforms.vapi.consequence import HANG_S
from vapi_conformance.speech import SpokenPiece, spoken_pieces

__all__ = ["MOST_CHARACTERS", "MOST_PIECES", "Voice"]

_HANG_NS: Final = round(HANG_S * 1_000_000_000)
MOST_PIECES: Final = 1000
"""Spoken pieces of one answer that are taken: half an hour and more. Who sends without end is not listened to."""
MOST_CHARACTERS: Final = 100_000
"""Of them in one answer, which is nearly two hours: what was said is sent back with every further request."""


@dataclass(kw_only=True)
class Voice:
    """Speaks on one line. Each method that speaks gives what of it was said before the caller cut in."""

    asker: Asker
    quiet_ns: int = 0
    """Call time when the assistant has said all it had to say."""
    interrupted_ns: int | None = None
    """Call time at which the caller spoke into what was last said or done, until their next turn."""

    @property
    def free_ns(self) -> int:
        """Call time from which the line is the caller's: the assistant is done, or was interrupted."""
        return self.quiet_ns if self.interrupted_ns is None else self.interrupted_ns

    def say(self, text: str) -> str:
        """The platform speaks by itself."""
        at_ns = max(self.asker.clock.now_ns(), self.quiet_ns)
        until_ns = at_ns + speech_ns(text, self.asker.conditions.characters_per_second)
        spoken = [Utterance(text=text, at_ns=at_ns, until_ns=until_ns)]
        return self._utter(spoken, cut_ns=self._cut_short_at(spoken), exchange=None)

    def speak(self, reply: Reply, interruption: Interruption | None) -> str:
        """An answer, which the scenario or somebody at the keyboard may interrupt."""
        spoken = self._pieces(reply)
        if spoken and spoken[0].at_ns - reply.requested_ns > _HANG_NS:
            self.tell_hang(reply)
        cut_ns = reply.barge_in_ns
        if cut_ns is None and interruption is not None and spoken:
            cut_ns = spoken[0].at_ns + interruption.after_ns
        if cut_ns is None and spoken:
            cut_ns = self._cut_short_at(spoken)
        return self._utter(spoken, cut_ns=cut_ns, exchange=reply.position)

    def speak_beside(self, reply: Reply, filler: str | None) -> str | None:
        """What is spoken beside calls of tools: the answer's own words, else the platform's filler."""
        words = self._utter(self._pieces(reply), cut_ns=None, exchange=reply.position)
        return words or (self.say(filler) if filler else None)

    def tell_hang(self, reply: Reply) -> None:
        """Nothing was heard for so long after the request."""
        self.asker.log.tell("hang", reply.requested_ns + _HANG_NS, exchange=reply.position)

    def stay_silent(self, reply: Reply, why: str) -> None:
        """There is nothing to say; after a while that counts as a hang."""
        log, now_ns = self.asker.log, self.asker.clock.now_ns()
        log.tell("silence", now_ns, why, exchange=reply.position)
        log.tell("hang", now_ns + _HANG_NS, exchange=reply.position)
        self.quiet_ns = max(self.quiet_ns, now_ns)

    def _pieces(self, reply: Reply) -> list[Utterance]:
        conditions = self.asker.conditions
        heard = reply.hearing.heard
        pieces = spoken_pieces(heard.texts, conditions.chunk_plan, heard.ended_at_ns)
        return utterances(
            held_back(_listened_to(pieces), heard.texts, heard.ended_at_ns),
            requested_ns=reply.requested_ns,
            free_ns=self.quiet_ns,
            characters_per_second=conditions.characters_per_second,
        )

    def _cut_short_at(self, spoken: Sequence[Utterance]) -> int | None:
        """When somebody at the keyboard speaks into this; None where nobody does."""
        if self.asker.person is None:
            return None
        self.asker.person.listens(spoken)
        over_ns = spoken[-1].until_ns
        self.asker.clock.wait_until(over_ns)
        return now_ns if (now_ns := self.asker.clock.now_ns()) < over_ns else None

    def _utter(self, spoken: Sequence[Utterance], *, cut_ns: int | None, exchange: int | None) -> str:
        log = self.asker.log
        for each in spoken:
            if cut_ns is None or each.at_ns < cut_ns:
                until_ns = each.until_ns if cut_ns is None else min(each.until_ns, cut_ns)
                log.tell("speech", each.at_ns, each.text, until_ns=until_ns, exchange=exchange)
        self.quiet_ns = max([self.quiet_ns, *(each.until_ns for each in spoken)])
        if cut_ns is None or cut_ns >= self.quiet_ns:
            return " ".join(each.text for each in spoken)
        said = spoken_until(spoken, cut_ns)
        self.interrupted_ns = self.quiet_ns = cut_ns
        log.tell("cut", cut_ns, said, exchange=exchange)
        return said


def _listened_to(pieces: Sequence[SpokenPiece]) -> list[SpokenPiece]:
    """What there is patience for: not all of an answer without end, but all of any other."""
    kept = list[SpokenPiece]()
    left = MOST_CHARACTERS
    for piece in pieces[:MOST_PIECES]:
        if left <= 0:
            break
        kept.append(replace(piece, text=piece.text[:left]))
        left -= len(piece.text)
    return kept
