"""Faults of time: every byte is right, but it comes late or all at once.

How late is said in seconds by the header `X-Fault-Seconds`; each fault has a default that is just too
much for the rule it breaks.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import Answer, Write, event
from vapi_reference_server.faults.editing import Shelf, text_chunk, with_answer
from vapi_reference_server.faults.fault import SeenOn, Stage

if TYPE_CHECKING:
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_late = Shelf(SeenOn.STREAM, Stage.WRITES, everywhere=True).fault
_answer = Shelf(SeenOn.STREAM, Stage.ANSWER, everywhere=True).fault
_COMMENTS_IN_GAP = 5
_FIRST_PIECE = 30
"""Characters of the shortest piece that Vapi hands to speech by default."""
_CONTENT = re.compile(r'"(?:content|delta|text)": ?"([^"]*)"')


def timing_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (
        _late(
            "slow-first-token",
            "timing.first-token-before-hang",
            "The first event comes after so long that Vapi reports a hang.",
            _pause_before(0),
            seconds=6.0,
        ),
        _late(
            "first-token-after-timeout",
            "timing.first-token-within-timeout",
            "The first words come after Vapi's default timeout of 20 seconds.",
            _pause_before_words,
            seconds=21.0,
        ),
        _late(
            "first-speech-late",
            "timing.first-speech-is-prompt",
            "The stream opens at once, but its first words come late.",
            _pause_before(1),
            seconds=1.5,
        ),
        _late(
            "stalls-midstream",
            "timing.no-gap-beyond-15s",
            "In the middle of the answer nothing is sent for a long time.",
            _stall,
            seconds=16.0,
        ),
        _late(
            "token-gap",
            "timing.no-token-gap-beyond-timeout",
            "In the middle of the answer only comments are sent for longer than Vapi's timeout.",
            _token_gap,
            seconds=21.0,
        ),
        _late(
            "burst",
            "timing.events-are-flushed-one-by-one",
            "All events leave in one write, when the last one is ready.",
            _burst,
        ),
        _late("late-end", "timing.end-follows-finish", "The end marker comes late.", _late_done, seconds=2.0),
        _answer(
            "connection-held",
            "timing.connection-is-released",
            "The body is not ended for a long time after the end marker.",
            with_answer(_hold),
            seconds=6.0,
        ),
        _late(
            "stall-after-flush",
            "timing.flush-is-followed",
            "A flush tag is sent, and then nothing for a while.",
            _stall_after_flush,
            seconds=3.0,
            everywhere=False,
        ),
        _late(
            "dead-air",
            "speech.no-dead-air",
            "The answer pauses in the middle for longer than the words sent so far take to say.",
            _pause_in_speech,
            seconds=10.0,
        ),
    )


def _pause(work: Work, at: int) -> None:
    at = min(at, len(work.writes) - 1)
    work.writes[at] = replace(work.writes[at], after_s=work.seconds)


def _pause_before(at: int) -> Edit:
    def edit(work: Work) -> None:
        _pause(work, at)

    return edit


def _pause_before_words(work: Work) -> None:
    # Gemini's first event holds words already; elsewhere the stream opens first.
    _pause(work, 0 if work.writes and _words(work.writes[0]) else 1)


def _stall(work: Work) -> None:
    _pause(work, _middle(work))


def _middle(work: Work) -> int:
    """The third event, where one or two pieces of text have been heard; later where an API opens in several events."""
    third = min(3, len(work.writes) // 2)
    spoken = (at for at in range(third, len(work.writes)) if any(map(_words, work.writes[:at])))
    return next(spoken, third)


def _words(write: Write) -> str:
    """What the event says."""
    return "".join(_CONTENT.findall(write.data.decode()))


def _pause_in_speech(work: Work) -> None:
    # So far in that a first piece is being spoken: silence before that is a late start, not dead air.
    said = ""
    for at, write in enumerate(work.writes):
        if len(said) > _FIRST_PIECE and said.rstrip().endswith((".", "!", "?", ",")):
            _pause(work, at)
            return
        said += _words(write)


def _token_gap(work: Work) -> None:
    step_s = work.seconds / _COMMENTS_IN_GAP
    comments = [Write(data=b": still thinking\n", after_s=step_s) for _ in range(_COMMENTS_IN_GAP - 1)]
    at = _middle(work)
    after = replace(work.writes[at], after_s=step_s)
    work.writes[at : at + 1] = [*comments, after]


def _burst(work: Work) -> None:
    total_s = sum(write.after_s for write in work.writes)
    work.writes = [Write(data=b"".join(write.data for write in work.writes), after_s=total_s)]


def _late_done(work: Work) -> None:
    _pause(work, len(work.writes) - 1)


def _hold(answer: Answer, work: Work) -> Answer:
    return replace(answer, end_after_s=work.seconds)


def _stall_after_flush(work: Work) -> None:
    at = min(3, len(work.writes) // 2)
    _pause(work, at)
    work.writes.insert(at, Write(data=event(text_chunk(work, content="<flush />"))))
