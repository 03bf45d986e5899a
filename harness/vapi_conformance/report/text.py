"""A run as text: the verdict, the counts, then each violation so that the investigation can end there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vapi_conformance.report.counting import counted
from vapi_conformance.report.effect import effects
from vapi_conformance.report.run import Run
from vapi_conformance.rules.rule import Level
from vapi_conformance.verdict import Finding, Outcome, RuleResult, Verdict

__all__ = ["Line", "Style", "summary", "violation_lines"]

Style = Literal["plain", "good", "bad", "warning", "faint", "strong"]

_SHOWN_PER_RULE: Final = 3
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line and what it means; the printer chooses the colour, or none when piped."""

    text: str
    style: Style = "plain"


_VERDICT_STYLE: Final[dict[Verdict, Style]] = {
    Verdict.CONFORMANT: "good",
    Verdict.VIOLATED: "bad",
    Verdict.INCOMPLETE: "bad",
}


def summary(run: Run, *, repeat: str, verbose: bool = False) -> Iterator[Line]:
    """repeat: a command with `{rule}` in it. verbose: what informs (MAY) in full, too."""
    if run.unreachable:
        yield Line(_one_line(run.unreachable), "bad")
        return
    for level in (Level.MUST, Level.SHOULD):
        for result in run.broken(level):
            yield from violation_lines(result, repeat=repeat)
            yield Line("")
    remarks = run.broken(Level.MAY)
    if verbose:
        for result in remarks:
            yield from violation_lines(result, repeat=repeat)
            yield Line("")
    elif remarks:
        verb = "informs" if len(remarks) == 1 else "inform"
        yield Line(f"{len(remarks)} more {verb} (MAY): {', '.join(each.rule.id for each in remarks)}", "faint")
    for lint in run.lints:
        yield Line(_one_line(f"configuration: {lint}"), "warning")
    yield from _verdict(run)


def _verdict(run: Run) -> Iterator[Line]:
    counts = run.counts
    told = [f"{number} {name}" for name, number in counts.items() if number]
    must, should = len(run.broken(Level.MUST)), len(run.broken(Level.SHOULD))
    if run.heard:
        kinds = ", ".join(f"{number} {what}" for what, number in sorted(run.heard.items()))
        style: Style = "plain" if run.heard.keys() <= {"heard", "tool-call"} else "warning"
        yield Line(f"what {run.hearer} makes of {counted(sum(run.heard.values()), 'streamed answer')}: {kinds}", style)
    if run.flavour and run.recognised is None:
        yield Line(f"the endpoint {run.flavour}", "faint")
    yield Line(f"{run.verdict.value}: {_sentence(run, must, should)}", _VERDICT_STYLE[run.verdict])
    yield Line(
        f"{counted(len(run.results), 'rule')} over {counted(run.exchanges, 'exchange')}: {', '.join(told)}"
        f" · profile {run.profile.value} · dialect {run.dialect.value}",
        "faint",
    )


def _sentence(run: Run, must: int, should: int) -> str:
    warned = f"{should} SHOULD warn" if should != 1 else "1 SHOULD warns"
    match run.verdict:
        case Verdict.CONFORMANT if should:
            return f"every MUST that was shown holds; {warned}"
        case Verdict.CONFORMANT:
            return f"every {'MUST and SHOULD' if run.broken(Level.MAY) else 'rule'} that was shown holds"
        case Verdict.VIOLATED:
            return f"{must} MUST broken or not shown, {warned}" if should else f"{must} MUST broken or not shown"
        case Verdict.INCOMPLETE:
            return "; ".join(_gaps(run)) or "nothing was judged"


def _gaps(run: Run) -> Iterator[str]:
    unshown = sum(each.outcome is not Outcome.HARNESS_ERROR for each in run.broken(Level.MUST))
    if unshown:
        yield f"{unshown} MUST could not be shown; a skip is not a pass"
    if failed := run.counts[Outcome.HARNESS_ERROR.value]:
        yield f"{counted(failed, 'rule')} failed to run, which is {_whose_bug(run)}"


def _whose_bug(run: Run) -> str:
    """Ours, or that of whoever adds the rule."""
    failed = [each.rule.origin for each in run.results if each.outcome is Outcome.HARNESS_ERROR]
    return "our bug" if None in failed else f"a bug of {' and '.join(sorted({str(each) for each in failed}))}"


def violation_lines(result: RuleResult, *, repeat: str) -> Iterator[Line]:
    """Requirement, expected, actual, where, what the platform does, how to mend and to repeat.

    repeat: a format string (other braces are doubled) that takes `rule`.
    """
    rule = result.rule
    style: Style = "bad" if result.level is Level.MUST else "warning" if result.level is Level.SHOULD else "faint"
    yield Line(f"{rule.id}  {result.level.name}  {rule.source}", style)
    yield _row("requires", rule.statement)
    if rule.origin is not None:
        yield _row("added by", str(rule.origin))
    if result.outcome is not Outcome.VIOLATED:
        yield _row(result.outcome.value, result.reason)
    for finding in result.findings[:_SHOWN_PER_RULE]:
        yield from _finding(finding)
    more = len(result.findings) - _SHOWN_PER_RULE
    if more > 0:
        yield _row("", f"... and {more} more like it")
    if result.rule.scenarios and result.judged > 1:
        yield _row("of tries", f"{result.broken} of {result.judged}")
    yield from _effects(result.findings)
    yield _row("mend", rule.remedy)
    yield _row("repeat", repeat.format(rule=rule.id))


def _row(name: str, text: str) -> Line:
    return Line(f"  {name:<9} {_one_line(text)}")


def _one_line(text: str) -> str:
    """An endpoint's words must not be able to begin a line that looks like one of ours."""
    return text.replace("\n", "\\n")


def _finding(finding: Finding) -> Iterator[Line]:
    violation = finding.violation
    yield _row("expected", violation.expected)
    yield _row("actual", violation.actual)
    place = [finding.evidence.exchange.source or "an exchange"]
    if violation.chunk is not None:
        place.append(f"chunk {violation.chunk}")
    if violation.start is not None:
        place.append(f"byte {violation.start}")
    if violation.at_ns is not None:
        place.append(f"{violation.at_ns / _NS_PER_MS:.1f} ms after the request was written")
    yield _row("at", ", ".join(place))


def _effects(findings: Sequence[Finding]) -> Iterator[Line]:
    """What modelled consumers make of these bytes: who makes the same of them stands in one line."""
    told = {effect: None for finding in findings[:_SHOWN_PER_RULE] for effect in effects(finding.evidence)}
    alike: dict[tuple[str, str, tuple[str, ...]], dict[str, None]] = {}
    for effect in told:
        alike.setdefault((effect.text, effect.known, effect.ended_reasons), {})[effect.who] = None
    for (text, known, ended_reasons), who in alike.items():
        yield _row("effect", f"{', '.join(who)}: {text} ({known})")
        if ended_reasons:
            yield _row("ended", " or ".join(ended_reasons))
