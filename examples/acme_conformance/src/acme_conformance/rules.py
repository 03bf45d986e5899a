"""ACME's rules. The entry point names this module: every rule in it is taken, in the order in which it is written."""

import re
from collections.abc import Iterator

from vapi_conformance.extending import MUST, SHOULD, Evidence, Violation, rule

_CAPITALS = re.compile(r"\b[A-Z]{4,}\b")


def _is_spoken(evidence: Evidence) -> bool:
    """What the rule is about: an answer with words in it. Without one the rule is not applicable, and never passed."""
    return evidence.is_success and bool(evidence.transcript.text.strip())


@rule(
    "acme.no-shouting",
    standard=SHOULD,  # the level in the profile `standard`, that ACME's platform has by default ...
    vapi=MUST,  # ... and in the profile `vapi`; without this line the rule would not be part of it
    both=True,  # and no step softer for `openai_compatible`, as what is OpenAI's own affair would be
    source="ACME Voice, speaking guide, 3.2",
    remedy="Write words in small letters; write what is to be spelled with blanks between the letters.",
    applies=_is_spoken,
)
def no_shouting(evidence: Evidence) -> Iterator[Violation]:
    """No word of four letters or more is written in capitals: ACME's voices spell it.

    The first paragraph is what reports say; what else there is to know stands below it, as this does. Words that the
    caller's side wrote so may be quoted: our own scenarios ask for some.
    """
    transcript = evidence.transcript
    asked = "" if evidence.request is None else " ".join(turn.text for turn in evidence.request.turns)
    for found in _CAPITALS.finditer(transcript.text):
        if found[0] in asked:
            continue
        at = 0
        for delta in transcript.choices[0].content:  # what is spoken; a word may come in pieces
            at += len(delta.text)
            if at >= found.end():
                chunk = transcript.chunks[delta.chunk]
                yield Violation.at(chunk, expected="words in small letters", actual=f"the word {found[0]!r}")
                break
