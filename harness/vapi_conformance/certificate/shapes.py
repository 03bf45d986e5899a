"""Frozen shapes of scenarios: what playing each of them leaves, as it was on the day of a requirement set.

A bundle is whole when every step of every attempt is there. Which steps those are may change with a later release,
and a certificate must not become refused by it. So the shapes are files, `fixtures/requirements/scenarios/NAME.json`,
written with the set of that name, which names their digest. What a step says is not part of them; the text of a call
is, by its digest, since what Vapi does next follows from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from vapi_conformance.call_scenario import CallScenario, all_call_scenarios
from vapi_conformance.certificate.canonical import digest_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_nothing
from vapi_conformance.scenario import Scenario, Step, all_scenarios
from vapi_conformance.schema import errors

if TYPE_CHECKING:
    from vapi_conformance.exchange import Expectation

__all__ = ["Shapes", "frozen_shapes", "read_shapes", "shape_drift", "text_digest"]

_FORMAT: Final = "vapi-conformance/scenario-shapes"
_SCHEMA: Final = "harness/scenario-shapes"


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Those of one day. Its scenarios and calls are for comparing only: their requests are left out."""

    document: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    scenarios: Mapping[str, Scenario] = field(default_factory=dict[str, Scenario], repr=False)
    calls: Mapping[str, CallScenario] = field(default_factory=dict[str, CallScenario], repr=False)
    texts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """By the name of a call, `text_digest` of its document."""


def text_digest(document: Mapping[str, object]) -> str:
    """Of a call as it is played: everything but what is told about it."""
    return digest_of({name: value for name, value in document.items() if name != "about"})


def frozen_shapes(name: str) -> dict[str, object]:
    """The document of all scenarios and calls as they are now."""
    return {
        "format": _FORMAT,
        "version": 1,
        "name": name,
        "scenarios": [_frozen_scenario(each) for each in all_scenarios().values()],
        "calls": [_frozen_call(each) for each in all_call_scenarios().values()],
    }


def _frozen_scenario(scenario: Scenario) -> dict[str, object]:
    return {
        "scenario": scenario.name,
        "steps": [
            {"step": step.name, "expects": step.expects, "expired_token": step.expired_token} for step in scenario.steps
        ],
        "tries": scenario.tries,
        "until_tool_calls": scenario.until_tool_calls,
        "requires_key": scenario.requires_key,
        "requires_token": scenario.requires_token,
        "dialects": sorted(scenario.dialects),
        "platforms": None if scenario.platforms is None else sorted(scenario.platforms),
    }


def _frozen_call(call: CallScenario) -> dict[str, object]:
    return {
        "call": call.name,
        "text": text_digest(call.document),
        "callers": call.callers,
        "tries": call.tries,
        "expects_ended": list(call.expects_ended),
        "expects_tools": list(call.expects_tools),
        "expects_words": list(call.expects_words),
    }


def read_shapes(document: object) -> Shapes:
    """From a stored document. Raises ValueError where it does not follow its schema."""
    for problem in errors(_SCHEMA, document)[:1]:
        raise ValueError(f"{problem.pointer}: {problem.message}")
    record = object_or_nothing(document)
    scenarios = [object_or_nothing(each) for each in array_or_nothing(record["scenarios"])]
    calls = [object_or_nothing(each) for each in array_or_nothing(record["calls"])]
    return Shapes(
        document=record,
        scenarios={str(each["scenario"]): _scenario(each) for each in scenarios},
        calls={str(each["call"]): _call(each) for each in calls},
        texts={str(each["call"]): str(each["text"]) for each in calls},
    )


def _scenario(record: Mapping[str, object]) -> Scenario:
    """The schema has checked every type; casts say what it guarantees."""
    platforms = array_or_none(record["platforms"])
    return Scenario(
        name=str(record["scenario"]),
        about="",
        steps=tuple(_step(object_or_nothing(each)) for each in array_or_nothing(record["steps"])),
        tries=cast("int", record["tries"]),
        until_tool_calls=record["until_tool_calls"] is True,
        requires_key=record["requires_key"] is True,
        requires_token=record["requires_token"] is True,
        dialects=frozenset(Dialect(str(each)) for each in array_or_nothing(record["dialects"])),
        platforms=None if platforms is None else frozenset(str(each) for each in platforms),
    )


def _step(record: Mapping[str, object]) -> Step:
    return Step(
        name=str(record["step"]),
        expects=cast("Expectation", record["expects"]),
        expired_token=record["expired_token"] is True,
    )


def _call(record: Mapping[str, object]) -> CallScenario:
    return CallScenario(
        name=str(record["call"]),
        about="",
        document={},
        turns=(),
        callers=cast("int", record["callers"]),
        tries=cast("int", record["tries"]),
        expects_ended=tuple(str(each) for each in array_or_nothing(record["expects_ended"])),
        expects_tools=tuple(str(each) for each in array_or_nothing(record["expects_tools"])),
        expects_words=tuple(str(each) for each in array_or_nothing(record["expects_words"])),
    )


def shape_drift(of: Shapes, now: Mapping[str, object]) -> Iterator[str]:
    """How the scenarios of today, after `frozen_shapes`, differ from frozen ones: one sentence each."""
    for kind, named in (("scenarios", "scenario"), ("calls", "call")):
        known = _by_name(of.document.get(kind), named)
        for name, record in _by_name(now.get(kind), named).items():
            was = known.pop(name, None)
            if was is None:
                yield f"the {named} {name} is new"
            elif changed := [each for each in record if record[each] != was[each]]:
                yield f"the {named} {name} has another {', '.join(changed)}"
        yield from (f"the {named} {name} is gone" for name in known)


def _by_name(records: object, named: str) -> dict[str, Mapping[str, object]]:
    found = map(object_or_nothing, array_or_nothing(records))
    return {str(each[named]): each for each in found}
