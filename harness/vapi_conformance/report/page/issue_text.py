"""A violation as Markdown for an issue tracker.

What came from an endpoint stands in indented blocks: nothing in there is markup, whatever it says. Fences could be
closed by it, and a name with an @ would call people.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.html import plain
from vapi_conformance.report.page.values import number, objects, string

__all__ = ["issue_text"]

_MOST_CHARACTERS: Final = 1500
_LONGEST_COMMAND: Final = 9000
"""A command that is cut off is none."""


def issue_text(rule: Mapping[str, object], violation: Mapping[str, object], provenance: str, curl: str) -> str:
    """provenance: one line on what was judged, and by what. curl: empty where the request is not told."""
    return "\n".join(_lines(rule, violation, provenance, curl))


def _lines(rule: Mapping[str, object], violation: Mapping[str, object], provenance: str, curl: str) -> Iterator[str]:
    yield f"### {_code(rule.get('id'))} is broken ({string(rule.get('level'))})"
    yield from _block("Required", string(rule.get("statement")))
    yield from _block("Source", string(rule.get("source")))
    yield from _block("Expected", string(violation.get("expected")))
    yield from _block("Actual", string(violation.get("actual")))
    place = string(violation.get("exchange"))
    if (start := number(violation.get("start_byte"))) is not None:
        place += f", byte {start:.0f}"
    yield from _block("Where", place)
    shown = object_or_nothing(violation.get("bytes"))
    if shown:
        parts = (string(shown.get(name)) for name in ("before", "marked", "after"))
        before, marked, after = parts
        yield from _block("Bytes, the offending ones between ⟦ and ⟧", f"{before}⟦{marked}⟧{after}")
    for effect in objects(violation.get("effects"))[:3]:
        told = f"{string(effect.get('sentence'))}"
        yield from _block("What follows", told)
    yield from _block("How to mend it", string(rule.get("remedy")))
    yield from _block("Repeat the request", curl, _LONGEST_COMMAND)
    yield from _block("Repeat the check", string(violation.get("repeat")))
    yield from _block("Judged", provenance)


def _code(value: object) -> str:
    """Inline code; a rule's id has no backtick, and one that had would end it."""
    return f"`{plain(string(value), 200).replace('`', '')}`".replace("\n", " ")


def _block(title: str, text: str, most: int = _MOST_CHARACTERS) -> Iterator[str]:
    if not text:
        return
    yield ""
    yield f"**{title}**"
    yield ""
    for line in plain(text, most).split("\n"):
        yield f"    {line}"
