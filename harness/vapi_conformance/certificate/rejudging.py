"""The report of a bundle: made when a certificate is issued, and again by whoever wants to know whether it is true.

There is one way to a verdict. Issuing writes the bundle, reads it back and comes here; so does verifying, offline, in
another year. Rules and levels are those of the plan's own frozen set; what the catalogue has learned since then is told
apart (`newer`) and changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vapi_conformance.call_scenario import ANY_CALL, CALLS
from vapi_conformance.certificate.as_planned import check_as_planned, not_whole
from vapi_conformance.certificate.bundle import Bundle
from vapi_conformance.certificate.canonical import canonical_json
from vapi_conformance.certificate.levels import LevelsDocument, current_levels
from vapi_conformance.certificate.planning import check_plan, planned_scenarios
from vapi_conformance.certificate.requirements import FrozenRule, RequirementSet, frozen_rule
from vapi_conformance.certificate.thresholds import gate_findings
from vapi_conformance.dialects.flavours import flavour_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.report.document import to_document
from vapi_conformance.report.effect import heard_of, hearer
from vapi_conformance.report.run import Run, Target
from vapi_conformance.rules import Profile, own_rules
from vapi_conformance.rules.rule import Level
from vapi_conformance.verdict import Outcome, RuleResult, Verdict, judge_rule

__all__ = ["differences", "newer", "not_played", "rejudged"]


def rejudged(bundle: Bundle) -> dict[str, object]:
    """A report document, after `harness/report`, by the bundle's own frozen set. Pure: no network, no clock.

    Raises BundleError where the plan is not what the documents that it names say, where it names others than there are
    here, where a rule of the set is no rule of this release any more, and where the bundle holds what no play of the
    plan leaves (`as_planned`).
    """
    requirements, _ = check_plan(bundle.plan)
    check_as_planned(bundle)
    evidence = bundle.evidence()
    profile = Profile(str(bundle.plan["profile"]))
    results = list(_results(bundle, requirements, evidence))
    run = Run(
        target=_target(bundle.plan),
        profile=profile,
        dialect=bundle.dialect,
        results=results,
        exchanges=len(evidence),
        duration_s=bundle.circumstances.duration_s,
        heard=heard_of(evidence),
        hearer=hearer(evidence[0]) if evidence else "Vapi",
        lints=bundle.circumstances.lints,
        flavour=_flavour(bundle.dialect, evidence),
        unreachable=None if evidence else "the bundle holds no exchange",
    )
    document = to_document(run, evidence=evidence, started_at=string_or_none(bundle.plan["started_at"]))
    document["suite"] = {**object_or_nothing(document["suite"]), "requirements": requirements.reference}
    document["certificate"] = {
        "level": bundle.plan["level"],
        "gates": [
            {"text": each.text, "weighs": each.weighs.name, "outcome": each.outcome.value, "sentence": each.sentence}
            for each in gate_findings(bundle.plan, bundle.bench)
        ],
    }
    document["not_played"] = missing = not_played(bundle)
    if missing and document["verdict"] == Verdict.CONFORMANT.value:
        document["verdict"] = Verdict.INCOMPLETE.value
    return document


def _target(plan: Mapping[str, object]) -> Target:
    target = object_or_nothing(plan["target"])
    return Target(
        name=str(target["name"]),
        url=string_or_none(target["url"]),
        platform=str(target["platform"]),
        model=string_or_none(target["model"]),
    )


def _flavour(dialect: Dialect, evidence: Sequence[Evidence]) -> str | None:
    """Of the first answer that shows one."""
    if dialect is not Dialect.OPENAI_COMPATIBLE:
        return None
    found = (flavour_of(each.exchange) for each in evidence if each.is_success)
    return next((flavour.sentence for flavour in found if flavour is not None), None)


def not_played(bundle: Bundle) -> list[str]:
    """Scenarios of the plan that the bundle does not hold whole: a run that was cut short must not pass for a whole."""
    played, lacking = _played(bundle), not_whole(bundle)
    return [
        f"{name} ({lacking[name]})" if name in lacking else name
        for name in planned_scenarios(bundle.plan)
        if name not in played or name in lacking
    ]


def _played(bundle: Bundle) -> frozenset[str]:
    labels = (each.label.scenario for each in bundle.exchanges if each.label is not None)
    return frozenset(labels) | {f"{CALLS}{call.name}" for call in bundle.calls}


def _results(bundle: Bundle, requirements: RequirementSet, evidence: Sequence[Evidence]) -> Iterator[RuleResult]:
    """One for each rule of the plan, in the order of the set."""
    rules, planned, played = own_rules(), object_or_nothing(bundle.plan["rules"]), _played(bundle)
    for known in requirements.rules:
        if known.id not in planned:
            continue
        result = judge_rule(rules[known.id], Level[str(planned[known.id])], evidence)
        yield _placed(result, known, bundle.plan, played)


def _placed(result: RuleResult, rule: FrozenRule, plan: Mapping[str, object], played: frozenset[str]) -> RuleResult:
    """Why a rule on a scenario was not judged: it was left out for a reason, or it was planned and never came."""
    if result.judged or not rule.scenarios or result.outcome is Outcome.HARNESS_ERROR:
        return result
    missed = [each for each in planned_scenarios(plan) if rule.is_judged_on(each) and each not in played]
    if missed:
        reason = f"{missed[0]} was planned and not played"
        return replace(result, outcome=Outcome.UNTESTABLE, reason=reason)
    left_out = object_or_nothing(plan["left_out"])
    reasons = [str(why) for name, why in left_out.items() if rule.is_judged_on(name)]
    if reasons and not any(rule.is_judged_on(each) for each in played):
        return replace(result, outcome=Outcome.NOT_APPLICABLE, reason=f"{_named(rule, left_out)}: {reasons[0]}")
    return result


def _named(rule: FrozenRule, left_out: Mapping[str, object]) -> str:
    names = [name for name in left_out if rule.is_judged_on(name)]
    what = "whole calls were" if ANY_CALL in rule.scenarios else f"{', '.join(names)} was"
    return f"{what} not played"


_OF_THE_RUN: Final = ("target", "profile", "dialect", "exchanges", "lints", "expected_failures", "unreachable")
"""What a report says of its run. Its other words may be others in another release, or under another Python."""


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What two reports of one bundle say differently of the run and its rules: a sentence each."""
    found = [] if before["verdict"] == after["verdict"] else [f"verdict: {before['verdict']}, now {after['verdict']}"]
    old, new = _outcomes(before), _outcomes(after)
    found += [
        f"{rule_id}: {_said(old.get(rule_id))}, now {_said(said)}"
        for rule_id, said in new.items()
        if old.get(rule_id) != said
    ]
    found += [f"{rule_id}: {_said(said)}, now {_said(None)}" for rule_id, said in old.items() if rule_id not in new]
    if before.get("not_played") != after.get("not_played"):
        found.append("the scenarios that were not played are others")
    found += [f"its {name} is another" for name in _OF_THE_RUN if not _agree(before, after, name)]
    return found


def _agree(before: Mapping[str, object], after: Mapping[str, object], name: str) -> bool:
    """As JSON has them: one may come from a file, and the other from memory."""
    return canonical_json(before.get(name)) == canonical_json(after.get(name))


_Said = tuple[str, str, object, object]
"""Level, outcome, on how many it was judged, how many of them broke it."""


def _outcomes(report: Mapping[str, object]) -> dict[str, _Said]:
    rules = map(object_or_nothing, array_or_nothing(report["rules"]))
    return {
        str(each["id"]): (str(each["level"]), str(each["outcome"]), each["judged"], each["broken"]) for each in rules
    }


def _said(said: _Said | None) -> str:
    if said is None:
        return "not judged"
    level, outcome, judged, broken = said
    counts = f" ({broken} of {judged})" if outcome == Outcome.VIOLATED.value else ""
    return f"{level} {outcome}{counts}"


def newer(bundle: Bundle) -> list[str]:
    """What the catalogue of today says of the same bytes that the certificate's own set does not; a sentence each.

    Rules that are new, gone, or weigh otherwise, as far as they count for the level. Empty where nothing changed.
    """
    requirements, levels = check_plan(bundle.plan)
    profile, dialect = Profile(str(bundle.plan["profile"])), bundle.dialect
    then = {rule_id: Level[str(name)] for rule_id, name in object_or_nothing(bundle.plan["rules"]).items()}
    now = _counting_now(bundle, levels, profile, dialect)
    evidence = bundle.evidence() if now != then else []
    found: list[str] = []
    for rule_id, level in now.items():
        was = then.get(rule_id)
        if was is None:
            found.append(
                f"{rule_id} ({level.name}) is new since {requirements.name}: {_today(rule_id, level, evidence)}"
            )
        elif was is not level:
            today = _today(rule_id, level, evidence)
            found.append(f"{rule_id} is a {level.name} today and was a {was.name} in {requirements.name}: {today}")
    found += [f"{rule_id} ({level.name}) no longer counts" for rule_id, level in then.items() if rule_id not in now]
    return found


def _counting_now(bundle: Bundle, then: LevelsDocument, profile: Profile, dialect: Dialect) -> dict[str, Level]:
    """By the levels of today, where those still have the level."""
    name = str(bundle.plan["level"])
    levels = current_levels() if name in current_levels().names else then
    rules = own_rules()
    counting = (rule_id for rule_id, rule in rules.items() if levels.counts(name, frozen_rule(rule)))
    found = ((rule_id, rules[rule_id].level(profile, dialect)) for rule_id in counting)
    return {rule_id: level for rule_id, level in found if level is not None}


def _today(rule_id: str, level: Level, evidence: Sequence[Evidence]) -> str:
    result = judge_rule(own_rules()[rule_id], level, evidence)
    match result.outcome:
        case Outcome.VIOLATED:
            return f"it would be violated, in {result.broken} of {result.judged}"
        case Outcome.PASSED:
            return "it would pass"
        case _:
            return f"it would be {result.outcome.value} ({result.reason})"
