"""What is fixed before the first request: rules, scenarios, thresholds, and who is asked; written as `plan.json`.

An endpoint could be certified for whatever it happened to do well, were it decided afterwards what counts. So the plan
names the frozen requirements and the published levels by their digests, repeats what follows from them for this
profile and dialect, and is hashed before anything is sent. Who judges again works it all out anew and compares.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.call_scenario import CALLS
from vapi_conformance.certificate.bundle_files import BundleError
from vapi_conformance.certificate.conditions import fixed_before
from vapi_conformance.certificate.levels import LevelsDocument, current_levels, levels_document
from vapi_conformance.certificate.requirements import RequirementSet, current_set, requirement_set
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.endpoint import REFERENCE, Endpoint, Opened, check_profile
from vapi_conformance.latency.result import without_secrets
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.calling import PLATFORMS
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile, own_rules
from vapi_conformance.scenario import Scenario, all_scenarios

__all__ = ["check_left_out", "check_plan", "plan_for", "planned_scenarios"]

_FORMAT: Final = "vapi-conformance/certificate-plan"
_ONLY_VAPI: Final = "whole calls are played as Vapi only"
_NOT_THE_DIALECT: Final = "no client of this API sends such requests"
_NEVER_SENT: Final = "never sends such requests"
_NO_KEY: Final = "the endpoint was called without a key"
_NO_TOKENS: Final = "the endpoint was called without access tokens (OAuth2)"


def plan_for(endpoint: Endpoint, live: Opened, *, level: str, started_at: datetime) -> dict[str, object]:
    """The plan of a certificate that is issued today. Raises UsageError for a level that there is not."""
    requirements, levels = current_set(), current_levels()
    left_out = {name: why for name in levels.scenarios(level) if (why := _why_not(name, live)) is not None}
    profile, dialect = endpoint.profile.value, endpoint.dialect.value
    return {
        "format": _FORMAT,
        "version": 1,
        "level": level,
        "profile": profile,
        "dialect": dialect,
        "target": _identity(endpoint, live),
        "requirements": requirements.reference,
        "levels": levels.reference,
        **_following(levels, requirements, level=level, profile=profile, dialect=dialect),
        "scenarios": [name for name in levels.scenarios(level) if name not in left_out],
        "left_out": left_out,
        "conditions": fixed_before(live.conditions),
        "suite": __version__,
        "started_at": started_at.isoformat(timespec="seconds"),
    }


def _identity(endpoint: Endpoint, live: Opened) -> dict[str, object]:
    """Of the bundled server the name alone: its port is another each time."""
    url, name = live.target.url, endpoint.name
    return {
        "name": without_secrets(name) if "://" in name else name,
        "url": None if url is None or endpoint.name == REFERENCE else without_secrets(url),
        "platform": live.target.platform,
        "dialect": endpoint.dialect.value,
        "model": live.target.model,
    }


def _following(
    levels: LevelsDocument, requirements: RequirementSet, *, level: str, profile: str, dialect: str
) -> dict[str, object]:
    """All that the two published documents say of this profile and dialect.

    Raises UsageError where a rule of the set is no rule of this release any more: it could not be judged.
    """
    rules = levels.rules(level, requirements, profile=profile, dialect=dialect)
    if gone := [rule_id for rule_id in rules if rule_id not in own_rules()]:
        raise UsageError(
            f"this release no longer has {', '.join(gone)} of the requirement set {requirements.name}; "
            f"the suite {requirements.suite} had"
        )
    gates = levels.gates(level, profile)
    return {
        "rules": {rule_id: weight.name for rule_id, weight in rules.items()},
        "shows": levels.shows(level, profile, rules),
        "load": levels.load(level) if gates else None,
        "gates": gates,
    }


def _why_not(name: str, live: Opened) -> str | None:
    """Why a scenario of the level is not played here; None: it is."""
    platform = live.platform
    if name.startswith(CALLS):
        return None if isinstance(platform, Platform) else _ONLY_VAPI
    scenario = all_scenarios()[name]
    if platform.dialect not in scenario.dialects:
        return _NOT_THE_DIALECT
    if not scenario.fits(platform.name, platform.dialect):
        return f"{platform.name} {_NEVER_SENT}"
    if scenario.requires_key and not live.has_key:
        return _NO_KEY
    if scenario.requires_token and platform.tokens is None:
        return _NO_TOKENS
    return None


def planned_scenarios(plan: Mapping[str, object]) -> list[str]:
    """Names, in the order of play."""
    return [str(each) for each in array_or_nothing(plan["scenarios"])]


def check_plan(plan: Mapping[str, object]) -> tuple[RequirementSet, LevelsDocument]:
    """The set and the levels that it names, which this installation has, too. Raises BundleError.

    What the plan repeats of them has to be what they say: a plan that leaves a rule or a threshold out is refused.
    """
    try:
        requirements = requirement_set(object_or_nothing(plan["requirements"]))
        levels = levels_document(object_or_nothing(plan["levels"]))
        level, profile, dialect = (str(plan[name]) for name in ("level", "profile", "dialect"))
        check_profile(Profile(profile), Dialect(dialect))
        known = _following(levels, requirements, level=level, profile=profile, dialect=dialect)
        scenarios = levels.scenarios(level)
    except UsageError as problem:
        raise BundleError(f"plan.json: {problem}") from None
    for name, expected in known.items():
        if plan[name] != expected:
            raise BundleError(
                f"plan.json: its {name} are not those of the level {level} in the requirements {requirements.name} "
                f"and the levels {levels.name}"
            )
    _check_scenarios(plan, scenarios)
    if object_or_nothing(plan["target"])["dialect"] != dialect:
        raise BundleError("plan.json: the target has another dialect than the plan")
    return requirements, levels


def check_left_out(
    plan: Mapping[str, object], scenarios: Mapping[str, Scenario], *, has_key: bool, has_tokens: bool
) -> None:
    """Raises BundleError for a scenario that was left out for no reason that holds for it.

    scenarios: by name, as they were on the day of the plan's requirement set. has_key: requests in the bundle show one.
    has_tokens: its conditions know how long access tokens live. Where nobody says that, no request says that there
    were none.
    """
    platform, dialect = str(object_or_nothing(plan["target"])["platform"]), Dialect(str(plan["dialect"]))
    for name, why in object_or_nothing(plan["left_out"]).items():
        reason = str(why)
        if name.startswith(CALLS):
            good = [_ONLY_VAPI] if platform != "vapi" else []
        else:
            good = list(_good_reasons(scenarios.get(name), platform, dialect, has_key=has_key, has_tokens=has_tokens))
        if reason not in good:
            raise BundleError(f"plan.json: {name} was left out, and {reason[:200]!r} is no reason that holds for it")


def _good_reasons(
    scenario: Scenario | None, platform: str, dialect: Dialect, *, has_key: bool, has_tokens: bool
) -> Iterator[str]:
    if scenario is None:
        return
    if dialect not in scenario.dialects:
        yield _NOT_THE_DIALECT
    if not scenario.fits(platform, dialect):
        yield f"{platform} {_NEVER_SENT}"
    if scenario.requires_key and not (has_key and platform in PLATFORMS):  # what others send is theirs to know
        yield _NO_KEY
    if scenario.requires_token and not has_tokens:
        yield _NO_TOKENS


def _check_scenarios(plan: Mapping[str, object], scenarios: Sequence[str]) -> None:
    """Each scenario of the level is either planned, in order, or left out with a reason."""
    planned, left_out = planned_scenarios(plan), object_or_nothing(plan["left_out"])
    if planned != [name for name in scenarios if name not in left_out] or not left_out.keys() <= set(scenarios):
        raise BundleError("plan.json: its scenarios, with those left out, are not those of the level")
