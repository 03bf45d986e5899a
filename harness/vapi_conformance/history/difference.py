"""What changed from one stored report to another, as one document (`harness/history-difference`)."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from vapi_conformance.history.rows import StoredSummary
from vapi_conformance.history.trend import run_document
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["Judgement", "difference_document"]

Judgement = Literal["better", "worse", "changed", "new", "gone"]

_GOOD: Final = frozenset({"passed", "not applicable"})
_WHAT_DIFFERS: Final = ("kind", "target", "platform", "dialect", "profile", "model", "load", "suite_version")


def difference_document(
    before: tuple[StoredSummary, Mapping[str, object]], after: tuple[StoredSummary, Mapping[str, object]]
) -> dict[str, object]:
    """Each run with its document. Rules that came to the same in both are counted, and not told."""
    first, last = run_document(before[0]), run_document(after[0])
    old, new = _rules(before[1]), _rules(after[1])
    rules = list(_changes(old, new))
    return {
        "format": "vapi-conformance/history-difference",
        "version": 1,
        "is_worse": any(each["judgement"] == "worse" for each in rules),
        "before": first,
        "after": last,
        "differs": [
            f"{name.replace('_', ' ')}: {first[name] or 'none'}, then {last[name] or 'none'}"
            for name in _WHAT_DIFFERS
            if first[name] != last[name]
        ],
        "rules": rules,
        "same": sum(_outcome(rule) == _outcome(new.get(name)) for name, rule in old.items()),
        "figures": [
            {"name": name, "before": before[0].figures.get(name), "after": after[0].figures.get(name)}
            for name in sorted({*before[0].figures, *after[0].figures})
        ],
    }


def _changes(
    old: Mapping[str, Mapping[str, object]], new: Mapping[str, Mapping[str, object]]
) -> Iterator[dict[str, object]]:
    """In the order of the newer run; what is gone comes last."""
    for name in [*new, *(each for each in old if each not in new)]:
        before, after = _outcome(old.get(name)), _outcome(new.get(name))
        if before == after:
            continue
        rule = new.get(name) or old[name]
        shown = new.get(name, {})
        first = next(iter(array_or_nothing(shown.get("violations"))), None)
        yield {
            "id": name,
            "level": rule.get("level"),
            "before": before,
            "after": after,
            "judgement": _judgement(before, after),
            "says": string_or_none(object_or_nothing(first).get("actual")) or string_or_none(shown.get("reason")) or "",
        }


def _judgement(before: str | None, after: str | None) -> Judgement:
    """A rule that is judged for the first time makes nothing worse: it may not have been there before."""
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if (before in _GOOD) == (after in _GOOD):
        return "changed"
    return "better" if after in _GOOD else "worse"


def _rules(document: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    rules = map(object_or_nothing, array_or_nothing(document.get("rules")))
    return {str(each.get("id")): each for each in rules}


def _outcome(rule: Mapping[str, object] | None) -> str | None:
    return None if rule is None else string_or_none(rule.get("outcome"))
