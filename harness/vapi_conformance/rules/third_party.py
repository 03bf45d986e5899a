"""Rules that other distributions add (entry points `vapi_conformance.rules`), checked before they judge anything.

What the types of `rule` and `scenario_rule` promise, a stranger's code may not keep; so it is looked at here, once, and
what its functions return is looked at each time. A distribution's rules are taken whole or not at all: half of them
would read as all of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from vapi_conformance.additions import Addition, AdditionError, additions, one_sentence
from vapi_conformance.call_scenario import ANY_CALL, CALLS, all_call_scenarios
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.narrow import array_or_none
from vapi_conformance.rules.rule import Level, Need, Profile, Rule, Violation
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.webhook_scenario import all_webhook_scenarios

if TYPE_CHECKING:
    from vapi_conformance.evidence import Evidence

__all__ = ["ThirdParty", "read_third_party", "vetted"]

_ID: Final = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
_Group = Sequence["Evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """What is installed beside ours."""

    rules: tuple[Rule, ...] = ()
    """In the order of the entry points and, within each, as written; every one with its origin."""
    broken: tuple[AdditionError, ...] = ()
    """Why the rules of an entry point are not among them."""


class _NotARule(ValueError):  # noqa: N818 - it ends a sentence
    """What is wrong, as the end of a sentence."""


def vetted(rule: Rule) -> Rule:
    """A rule as it will judge once it is installed. Raises ValueError with what would keep it out."""
    _check(rule, str(rule.id).partition(".")[0])
    return _guarded(rule)


def read_third_party(own: Mapping[str, Rule]) -> ThirdParty:
    """own: ours, whose ids and layers are taken."""
    taken = dict(own)
    broken: list[AdditionError] = []
    for addition in additions("rules"):
        try:
            found = _rules_of(addition, taken, layers={each.partition(".")[0] for each in own})
        except AdditionError as problem:
            broken.append(problem)
        else:
            taken |= {each.id: each for each in found}
    return ThirdParty(rules=tuple(taken[name] for name in taken if name not in own), broken=tuple(broken))


def _rules_of(addition: Addition, taken: Mapping[str, Rule], *, layers: set[str]) -> list[Rule]:
    if addition.name in layers:
        raise addition.broken(f"{addition.name}.* are rules of vapi-conformance; take a prefix of your own")
    loaded = addition.load()
    origin = addition.origin()
    rules: list[Rule] = []
    try:
        for each in _listed(loaded):
            _check(each, addition.name)
            if (other := taken.get(each.id)) is not None:
                raise _NotARule(f"{each.id} is a rule of {other.origin} already")  # noqa: TRY301 - one way out for all
            if each.id in {rule.id for rule in rules}:
                raise _NotARule(f"two rules are called {each.id}")  # noqa: TRY301 - same
            rules.append(_guarded(replace(each, origin=origin)))
    except _NotARule as problem:
        raise addition.broken(str(problem)) from problem
    except Exception as problem:  # a stranger's object may raise on any attribute
        raise addition.broken(one_sentence(problem)) from problem
    return rules


def _listed(loaded: object) -> list[Rule]:
    """Those of a module, in the order in which it names them; or a list or tuple of them."""
    kind = type(loaded).__name__
    if isinstance(loaded, ModuleType):
        values = list({id(each): each for each in vars(loaded).values() if isinstance(each, Rule)}.values())
    else:
        items = cast("Sequence[object]", loaded) if isinstance(loaded, tuple) else array_or_none(loaded)
        if items is None:
            raise _NotARule(f"it names a {kind}, and not a module or a list of rules")
        values = [each for each in items if isinstance(each, Rule)]
        if len(values) != len(items):
            wrong = next(each for each in items if not isinstance(each, Rule))
            raise _NotARule(f"the list holds a {type(wrong).__name__}, which is no rule")
    if not values:
        raise _NotARule("it names no rule")
    return values


def _check(rule: Rule, prefix: str) -> None:
    """What strict types would have said, and what only the installed scenarios can say."""
    if not _is_text(rule.id) or not _ID.fullmatch(rule.id) or not rule.id.startswith(f"{prefix}."):
        raise _NotARule(f"the id {rule.id!r} is not of the form {prefix}.what-holds, in lower case")
    for name in ("statement", "source", "remedy"):
        if not _is_text(getattr(rule, name)):
            raise _NotARule(f"{rule.id} has no {name}")
    levels: list[object] = [rule.standard, rule.vapi, rule.rapida]
    if any(not (each is None or isinstance(each, Level) or each == "standard") for each in levels):
        raise _NotARule(f"{rule.id} has a level that is none of MUST, SHOULD, MAY")
    if all(rule.level_of(profile) is None for profile in Profile):
        raise _NotARule(f"{rule.id} has a level in no profile, so it would never be judged")
    dialects: list[object] = list(rule.dialects)
    if not dialects or any(not isinstance(each, Dialect) for each in dialects):
        raise _NotARule(f"{rule.id} names no dialect that there is")
    needs: list[object] = list(rule.needs)
    if any(not isinstance(each, Need) for each in needs):
        raise _NotARule(f"{rule.id} needs something that no recording has")
    for scenario in rule.scenarios:
        if not _is_played(scenario, rule.dialects):
            raise _NotARule(f"{rule.id} names the scenario {scenario!r}, which is none that is played for its dialects")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_played(scenario: str, dialects: frozenset[Dialect]) -> bool:
    if dialects == frozenset({Dialect.VAPI_SERVER_MESSAGES}):
        return scenario in all_webhook_scenarios()
    if Dialect.VAPI_SERVER_MESSAGES in dialects:
        return False  # a backend is asked other things than a model
    if scenario.startswith(CALLS):
        return scenario == ANY_CALL or scenario.removeprefix(CALLS) in all_call_scenarios()
    return scenario in all_scenarios()


def _guarded(rule: Rule) -> Rule:
    """The same rule, whose check raises unless it gives violations; the judge then says whose fault that is."""
    check, why = rule.check, rule.why_unjudged

    def checked(group: _Group) -> Iterator[Violation]:
        found: Iterable[object] = check(group)
        for each in found:
            yield _violation(each, len(group))

    return replace(rule, check=checked, why_unjudged=None if why is None else _told(why))


def _told(why: Callable[[_Group], str]) -> Callable[[_Group], str]:
    return lambda group: str(why(group) or "")


def _violation(value: object, exchanges: int) -> Violation:
    if not isinstance(value, Violation):
        raise TypeError(f"the check gives a {type(value).__name__} in place of a Violation")
    places: list[object] = [value.chunk, value.start, value.end, value.at_ns]
    are_places = all(each is None or isinstance(each, int) for each in places)
    if not _is_text(value.expected) or not _is_text(value.actual) or not are_places:
        raise TypeError("the check gives a Violation without words, or with a place that is no number")
    if not 0 <= value.step < exchanges:
        raise ValueError(f"the check gives a Violation at step {value.step} of {exchanges}")
    return value
