"""A report document as Markdown, for the summary of a CI step: the verdict, the counts, what gates; the rest folded.

Made of the document alone, so that a stored report gives the same text. What came from an endpoint is escaped, and the
whole is bounded: GitHub takes 1 MiB for one step.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing
from vapi_conformance.report.counting import counted
from vapi_conformance.report.markdown_escape import block, code, plain

__all__ = ["MOST_BYTES", "render_markdown"]

MOST_BYTES: Final = 1_000_000
"""Below GitHub's 1 MiB."""
_LEVELS: Final = ("MUST", "SHOULD", "MAY")
_BROKEN: Final = ("violated", "untestable", "unreachable", "harness error")
_SHOWN_PER_RULE: Final = 3
_ROW_CHARACTERS: Final = 160
_SIGNS: Final = {"conformant": "\u2705", "violated": "\u274c", "incomplete": "\u26a0\ufe0f"}
_WHAT: Final = {
    "violated": "broken",
    "untestable": "not shown",
    "unreachable": "no response",
    "harness error": "our bug",
    "passed": "passed",
}
_NOT_PROVED: Final = (
    "What it does not prove: a model is free to answer otherwise tomorrow, and what was never shown is not passed."
)

_Rule = Mapping[str, object]


def render_markdown(documents: Sequence[Mapping[str, object]]) -> str:
    """One part for each document after `harness/report`, in the order given; a table of all first where there are many.

    Documents are read without trust: what is missing, or of another type, is passed over.
    """
    overview = _Part(MOST_BYTES // 2)
    if len(documents) > 1:
        _overview(overview, documents)
    lines, room = overview.lines, MOST_BYTES - overview.size
    for number, document in enumerate(documents):
        part = _Part(room // (len(documents) - number))
        if part.add(*_head(document)):
            _rules(part, document)
        room -= part.size
        lines += part.lines
    return "\n".join(lines) + "\n"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode(errors="replace")) + 1 for line in lines)


class _Part:
    """Lines up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes - 500  # for saying what is left out
        self.size = 0
        self.lines: list[str] = []

    def add(self, *lines: str) -> bool:
        """All of them or none; False: there is no room."""
        size = _size(lines)
        if self.size + size > self._room:
            return False
        self.say(*lines)
        return True

    def say(self, *lines: str) -> None:
        """A few words for which there is always room."""
        self.size += _size(lines)
        self.lines += lines


def _overview(part: _Part, documents: Sequence[Mapping[str, object]]) -> None:
    part.say("| | endpoint | verdict | MUST broken or not shown | SHOULD that warn |", f"|{' --- |' * 5}")
    for number, document in enumerate(documents):
        verdict = _text(document, "verdict")
        broken = [str(sum(_is_broken(each) for each in _of_level(document, level))) for level in _LEVELS[:2]]
        cells = (_SIGNS.get(verdict, ""), code(_name(document), _ROW_CHARACTERS), plain(verdict, 40), *broken)
        if not part.add(f"| {' | '.join(cells)} |"):
            part.say("", f"... and {counted(len(documents) - number, 'more report')}: there is no room here.")
            break
    part.say("")


def _head(document: Mapping[str, object]) -> Iterator[str]:
    verdict = _text(document, "verdict")
    yield f"## {_SIGNS.get(verdict, '')} {code(_name(document))}"
    yield from ("", f"**{plain(verdict)}**: {_sentence(document)}", "")
    if heard := _heard(document):
        yield from (heard, "")
    yield from (_provenance(document), "")
    for lint in array_or_nothing(document.get("lints"))[:20]:
        yield f"* configuration: {plain(str(lint))}"
    yield from ("", *_counts(document), "")


def _sentence(document: Mapping[str, object]) -> str:
    if unreachable := document.get("unreachable"):
        return code(str(unreachable))
    must, should = ([each for each in _of_level(document, level) if _is_broken(each)] for level in _LEVELS[:2])
    parts: list[str] = []
    if violated := sum(_text(each, "outcome") == "violated" for each in must):
        parts.append(f"{violated} MUST broken")
    if unshown := sum(_text(each, "outcome") in ("untestable", "unreachable") for each in must):
        parts.append(f"{unshown} MUST could not be shown, and a skip is not a pass")
    if ours := sum(_text(each, "outcome") == "harness error" for each in _all(document)):
        parts.append(f"{counted(ours, 'rule')} failed to run, which is our bug")
    parts.append(f"{len(should)} SHOULD {'warns' if len(should) == 1 else 'warn'}" if should else "no SHOULD warns")
    held = "" if must else "every MUST that was shown holds; "
    known = sum(each.get("expected_failure") is True for each in must)
    mended = any(each.get("expected_failure") is True and _text(each, "outcome") == "passed" for each in _all(document))
    rest = "" if ours or mended or known < len(must) else ", and nothing else fails the run"
    listed = f" Listed as known to fail: {counted(known, 'MUST')}{rest}." if known else ""
    return f"{held}{', '.join(parts)}.{listed} {_NOT_PROVED}"


def _heard(document: Mapping[str, object]) -> str:
    kinds = {name: integer_or_none(number) or 0 for name, number in object_or_nothing(document.get("heard")).items()}
    if not kinds:
        return ""
    told = ", ".join(f"{number} {plain(name, 40)}" for name, number in sorted(kinds.items())[:20])
    hearer = plain(_text(document, "hearer") or "Vapi", 80)
    return f"What {hearer} makes of {counted(sum(kinds.values()), 'streamed answer')}: {told}."


def _provenance(document: Mapping[str, object]) -> str:
    target, suite = object_or_nothing(document.get("target")), object_or_nothing(document.get("suite"))
    machine = object_or_nothing(document.get("machine"))
    duration_s = suite.get("duration_s")
    facts = (
        ("requests to", code(_text(target, "url")) if target.get("url") else ""),
        ("model", code(_text(target, "model"), 100) if target.get("model") else ""),
        ("platform", plain(_text(target, "platform"), 40)),
        ("profile", plain(_text(document, "profile"), 40)),
        ("dialect", plain(_text(document, "dialect"), 60)),
        ("", counted(integer_or_none(document.get("exchanges")) or 0, "exchange")),
        ("in", f"{duration_s:.1f} s" if isinstance(duration_s, int | float) else ""),
        ("suite", plain(_text(suite, "version"), 40)),
        ("at", plain(_text(suite, "started_at"), 40)),
        ("on", plain(f"{_text(machine, 'system')}, Python {_text(machine, 'python')}", 80) if machine else ""),
        ("looks like:", code(_text(document, "flavour")) if document.get("flavour") else ""),
    )
    return " \u00b7 ".join(f"{name} {value}".strip() for name, value in facts if value)


def _counts(document: Mapping[str, object]) -> Iterator[str]:
    yield "| | passed | broken | not shown | our bug | does not apply |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for level in _LEVELS:
        outcomes = [_text(each, "outcome") for each in _of_level(document, level)]
        unshown = outcomes.count("untestable") + outcomes.count("unreachable")
        cells = (outcomes.count("passed"), outcomes.count("violated"), unshown, outcomes.count("harness error"))
        yield f"| {level} | {' | '.join(map(str, cells))} | {outcomes.count('not applicable')} |"


def _rules(part: _Part, document: Mapping[str, object]) -> None:
    """First all that gates in a table, then in full; then what warns; then what informs and what was not shown."""
    gating = [each for each in _all(document) if _gates(each)]
    warning = [each for each in _of_level(document, "SHOULD") if _is_broken(each) and not _gates(each)]
    informing = [each for each in _of_level(document, "MAY") if _is_broken(each) and not _gates(each)]
    if gating:
        part.say("### What gates", "")
        _table(part, gating)
    _folded(part, "What gates, in full", gating)
    _folded(part, f"{counted(len(warning), 'SHOULD')} that {'warns' if len(warning) == 1 else 'warn'}", warning)
    if informing:
        ids = ", ".join(code(_text(each, "id"), 100) for each in informing[:200])
        part.add(f"{len(informing)} more {'informs' if len(informing) == 1 else 'inform'} (MAY): {ids}", "")
    _skipped(part, [each for each in _all(document) if _text(each, "outcome") == "not applicable"])


def _skipped(part: _Part, rules: Sequence[_Rule]) -> None:
    if not rules:
        return
    do = "does" if len(rules) == 1 else "do"
    part.say(f"<details><summary>{counted(len(rules), 'rule')} {do} not apply</summary>", "")
    for each in rules:
        if not part.add(f"* {code(_text(each, 'id'), 100)}: {code(_text(each, 'reason'), _ROW_CHARACTERS)}"):
            break
    part.say("", "</details>", "")


def _table(part: _Part, rules: Sequence[_Rule]) -> None:
    part.say("| rule | | of | what came |", "| --- | --- | --- | --- |")
    for number, each in enumerate(rules):
        what = _WHAT.get(_text(each, "outcome"), "")
        known = ", known" if each.get("expected_failure") is True else ""
        first = next(iter(_violations(each)), None)
        came = _text(each, "reason") if first is None else _text(first, "actual")
        row = (code(_text(each, "id"), 100), f"{what}{known}", _of_tries(each), code(came, _ROW_CHARACTERS))
        if not part.add(f"| {' | '.join(row)} |"):
            part.say("", f"... and {counted(len(rules) - number, 'more rule')}: there is no room here.")
            break
    part.say("")


def _folded(part: _Part, title: str, rules: Sequence[_Rule]) -> None:
    if not rules:
        return
    part.say(f"<details><summary>{title}</summary>", "")
    for number, each in enumerate(rules):
        if not part.add(*_in_full(each)):
            part.say(f"... and {counted(len(rules) - number, 'more rule')}: the report has them.", "")
            break
    part.say("</details>", "")


def _in_full(rule: _Rule) -> Iterator[str]:
    yield f"#### {code(_text(rule, 'id'), 100)}"
    yield ""
    tries = _of_tries(rule)
    yield f"**{plain(_text(rule, 'level'), 10)}**, {plain(_text(rule, 'source'))}{f'; {tries}' if tries else ''}"
    yield ""
    yield f"* requires: {plain(_text(rule, 'statement'))}"
    if origin := _text(rule, "origin"):
        yield f"* added by: {plain(origin)}"
    if reason := _text(rule, "reason"):
        yield f"* {_WHAT.get(_text(rule, 'outcome'), '')}: {code(reason)}"
    violations = _violations(rule)
    for each in violations[:_SHOWN_PER_RULE]:
        yield from _violation(each)
    if (more := len(violations) - _SHOWN_PER_RULE) > 0:
        yield f"* and {more} more like it"
    yield from _effects(violations[:_SHOWN_PER_RULE])
    yield f"* mend: {plain(_text(rule, 'remedy'))}"
    yield ""
    if violations and (repeat := _text(violations[0], "repeat")):
        yield from (block(repeat[:1000]), "")


def _effects(violations: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Each once: answers with the same fault are heard alike."""
    effects = (array_or_nothing(each.get("effects"))[:4] for each in violations)
    sentences = dict.fromkeys(_text(object_or_nothing(effect), "sentence") for found in effects for effect in found)
    yield from (f"* effect: {plain(sentence)}" for sentence in sentences)


def _violation(violation: Mapping[str, object]) -> Iterator[str]:
    yield f"* expected: {plain(_text(violation, 'expected'))}"
    yield f"* actual: {code(_text(violation, 'actual'))}"
    place = [code(_text(violation, "exchange"), 200)]
    if (at := integer_or_none(violation.get("start_byte"))) is not None:
        place.append(f"byte {at}")
    at_ms = violation.get("at_ms")
    if isinstance(at_ms, int | float):
        place.append(f"{at_ms:.1f} ms after the request was written")
    yield f"* at: {', '.join(place)}"
    shown = object_or_none(violation.get("bytes"))
    if shown is not None:
        meant = _text(shown, "marked")[:2000] or "\u25b8 here \u25c2"
        yield from ("", block(_text(shown, "before")[-1000:], (meant,), _text(shown, "after")[:1000]), "")


def _of_tries(rule: _Rule) -> str:
    judged, broken = integer_or_none(rule.get("judged")) or 0, integer_or_none(rule.get("broken")) or 0
    return f"{broken} of {judged}" if judged else ""


def _all(document: Mapping[str, object]) -> Sequence[_Rule]:
    return [object_or_nothing(each) for each in array_or_nothing(document.get("rules"))[:5000]]


def _of_level(document: Mapping[str, object], level: str) -> Sequence[_Rule]:
    return [each for each in _all(document) if each.get("level") == level]


def _violations(rule: _Rule) -> Sequence[Mapping[str, object]]:
    return [object_or_nothing(each) for each in array_or_nothing(rule.get("violations"))]


def _is_broken(rule: _Rule) -> bool:
    return rule.get("outcome") in _BROKEN


def _gates(rule: _Rule) -> bool:
    return rule.get("outcome") == "harness error" or (rule.get("level") == "MUST" and _is_broken(rule))


def _name(document: Mapping[str, object]) -> str:
    return _text(object_or_nothing(document.get("target")), "name")


def _text(record: Mapping[str, object], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""
