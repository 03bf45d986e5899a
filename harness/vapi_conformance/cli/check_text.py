"""What `check` says to people: what is broken in full, what is sound in one line, and the sum at the end."""

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vapi_conformance.report.run import Run
from vapi_conformance.report.text import Line, Style, violation_lines
from vapi_conformance.rules.rule import Level
from vapi_conformance.verdict import Outcome, RuleResult

__all__ = ["Summary", "repeat_command", "run_lines"]

_MOST_OFTEN: Final = 5


def run_lines(run: Run, path: Path, *, options: str = "", verbose: bool = False) -> Iterator[Line]:
    """One judged run. path: what a user names to see it again, with these options; verbose: MAY in full, too."""
    title = run.target.name if run.exchanges == 1 else f"{run.target.name}, {run.exchanges} exchanges together"
    sentence, style = _comes_to(run)
    levels = (Level.MUST, Level.SHOULD, Level.MAY) if verbose else (Level.MUST, Level.SHOULD)
    in_full = [] if _is_unjudged(run) else [result for level in levels for result in run.broken(level)]
    read = _reading(run)
    if not in_full:
        yield Line(f"{title}: {sentence}{f' · {read}' if read else ''}", style)
        return
    yield Line(title, "strong")
    if read:
        yield Line(f"  {read}", "faint")
    yield Line("")
    for result in in_full:
        yield from violation_lines(result, repeat=repeat_command(path, options))
        yield Line("")
    yield Line(f"{title}: {sentence}", style)
    yield Line("")


def repeat_command(path: Path, options: str) -> str:
    """A format string that takes `rule`; a file may have any name."""
    command = f"vapi-conformance check {shlex.quote(str(path))}{options}".replace("{", "{{").replace("}", "}}")
    return f"{command} --rule {{rule}}"


def _reading(run: Run) -> str | None:
    """As what it was read and why, and whose server it looks like; None where the user said what it is."""
    if run.recognised is None:
        return None
    return f"read as {run.dialect.value}: {run.recognised}{f'; {run.flavour}' if run.flavour else ''}"


def _comes_to(run: Run) -> tuple[str, Style]:
    """The verdict in words. That nothing applied is no failure: nobody asked this exchange to show anything."""
    if _is_unjudged(run):
        why = run.unreachable or "no rule that was asked for is about this exchange"
        return f"nothing to judge: {why}", "warning" if run.unreachable else "plain"
    must, should, may = (run.broken(level) for level in (Level.MUST, Level.SHOULD, Level.MAY))
    ours = [each for each in run.results if each.outcome is Outcome.HARNESS_ERROR]
    held, unasked = run.counts[Outcome.PASSED.value], run.counts[Outcome.NOT_APPLICABLE.value]
    parts = [f"{len(should)} SHOULD {_s(should, 'warn')}"] if should else []
    if may:
        parts.append(f"{len(may)} MAY {_s(may, 'inform')} ({', '.join(each.rule.id for each in may)})")
    if ours:
        parts.append(f"{_rules(len(ours))} failed to run, which is our bug")
    parts.append(f"{_rules(held)} held{f', {unasked} do not apply' if unasked else ''}")
    if any(each.outcome is Outcome.VIOLATED for each in must):
        return f"violated: {', '.join([_musts(must), *parts])}", "bad"
    if must or ours:
        return f"incomplete: {', '.join(filter(None, [_musts(must), *parts]))}", "bad"
    return f"no violation: {', '.join(parts)}", "warning" if should else "good"


def _is_unjudged(run: Run) -> bool:
    return run.unreachable is not None or not any(result.judged or result.gates for result in run.results)


def _musts(must: list[RuleResult]) -> str:
    broken = sum(each.outcome is Outcome.VIOLATED for each in must)
    unshown = sum(each.outcome in (Outcome.UNTESTABLE, Outcome.UNREACHABLE) for each in must)
    told = [f"{broken} MUST broken"] if broken else []
    if unshown:
        told.append(f"{unshown} MUST could not be shown")
    return ", ".join(told)


def _rules(count: int) -> str:
    return "1 rule" if count == 1 else f"{count} rules"


def _s(results: list[RuleResult], verb: str) -> str:
    return f"{verb}s" if len(results) == 1 else verb


@dataclass(kw_only=True)
class Summary:
    """Counts runs as they pass by."""

    runs: int = 0
    unjudged: int = 0
    """Runs that no rule is about, or that got no response."""
    unreachable: int = 0
    """Runs that got no response."""
    failed: int = 0
    """Runs with a MUST that is violated or could not be shown, or with a bug of ours."""
    _measured: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """By profile and dialect."""
    _often: Counter[tuple[Level, str]] = field(default_factory=Counter[tuple[Level, str]])

    def add(self, run: Run) -> None:
        """One more run."""
        self.runs += 1
        self._measured[run.profile.value, run.dialect.value] += 1
        self.unreachable += run.unreachable is not None
        if _is_unjudged(run):
            self.unjudged += 1
            return
        self.failed += any(result.gates for result in run.results)
        self._often.update((each.level, each.rule.id) for each in (*run.broken(Level.MUST), *run.broken(Level.SHOULD)))

    @property
    def is_bad(self) -> bool:
        """Something failed, or nothing came at all. One request without a response among others is a user's hang-up."""
        return self.failed > 0 or self.unreachable == self.runs > 0

    def lines(self) -> Iterator[Line]:
        """The sum, and where many were judged, the rules that are broken most often."""
        if self.runs > 1 and self._often:
            yield Line("broken most often")
            ranked = sorted(self._often.items(), key=lambda item: (-item[0][0], -item[1], item[0][1]))
            for (level, rule), count in ranked[:_MOST_OFTEN]:
                yield Line(f"  {count:>5} x  {level.name:<6}  {rule}")
            if len(ranked) > _MOST_OFTEN:
                yield Line(f"  ... and {_rules(len(ranked) - _MOST_OFTEN)} more")
        told = [f"{self.runs - self.unjudged} judged"]
        if self.unjudged:
            told.append(f"{self.unjudged} with nothing to judge")
        style: Style = "bad" if self.failed else "good"
        if self.failed:
            told.append(f"{self.failed} with a MUST that is broken or was not shown")
        elif self.unjudged < self.runs:
            told.append("no MUST is broken")
        else:
            style = "warning"
        yield Line(f"{', '.join(told)} · {self._against()}", style)

    def _against(self) -> str:
        """`profile P · dialect D`; with counts where there are several."""
        if len(self._measured) == 1:
            ((profile, dialect),) = self._measured
            return f"profile {profile} · dialect {dialect}"
        return " · ".join(
            f"{count} {dialect} by profile {profile}" for (profile, dialect), count in self._measured.most_common()
        )
