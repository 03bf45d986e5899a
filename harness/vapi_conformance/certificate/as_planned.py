"""Whether a bundle holds what playing its plan leaves there: every step of every attempt, once, at one endpoint.

A signer who wants to look better need not change a byte: it would be enough to leave out the attempt that went wrong,
to keep the best of two, to call a scenario inapplicable, to let the recorder have lost what a rule needs, or to move
the limits by which silence is judged. Each of these is seen here, by the shapes that the scenarios had on the day of
the certificate's own requirement set: a later release may change them. What cannot be seen is said in the
documentation: bytes that nobody ever sent, and the best of many runs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from vapi_conformance.call import shows_what_is_expected
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CALLS, CallScenario
from vapi_conformance.certificate.bundle import Bundle
from vapi_conformance.certificate.bundle_files import BundleError
from vapi_conformance.certificate.conditions import fixed_before
from vapi_conformance.certificate.planning import check_left_out, planned_scenarios
from vapi_conformance.certificate.requirements import requirement_set
from vapi_conformance.certificate.shapes import Shapes, text_digest
from vapi_conformance.endpoint import REFERENCE
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import Exchange, Label
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.scenario import Scenario
from vapi_conformance.suite import ends_at, is_enough

__all__ = ["check_as_planned", "not_whole"]

_LIMITS: Final = ("hang_s", "prompt_speech_s", "dead_air_s", "characters_per_second")
"""Nobody can set them: they are what was observed of platforms, and of speech."""
_LONGEST_TIMEOUT_S: Final = 600.0
"""As `--endpoint-timeout` has it."""
_MOST_NAMED: Final = 3
_MASKED: Final = b"****"


def check_as_planned(bundle: Bundle) -> None:
    """Raises BundleError for what playing the plan never leaves in a bundle: one sentence that names the file."""
    _check_limits(bundle)
    shapes = _shapes(bundle)
    check_left_out(
        bundle.plan,
        shapes.scenarios,
        has_key=any(map(_has_key, bundle.exchanges)),
        has_tokens=bundle.circumstances.conditions.token_lifetime_s is not None,
    )
    planned = frozenset(planned_scenarios(bundle.plan))
    origins = _Origins(bundle)
    seen: set[tuple[str, int, str]] = set()
    begun: set[tuple[str, int]] = set()
    for exchange in bundle.exchanges:
        label = _checked_label(exchange, planned, shapes)
        place = (label.scenario, label.attempt, label.step)
        if place in seen:
            raise BundleError(f"{_place(exchange)}: {_told(label)} is there a second time")
        seen.add(place)
        _check_capture(exchange)
        origins.check(exchange)
    for call in bundle.calls:
        _check_call(call, planned, shapes)
        for attempt in {label.attempt for label in _labels(call)}:
            if (call.name, attempt) in begun:
                raise BundleError(f"the call {call.name}: attempt {attempt} is there a second time")
            begun.add((call.name, attempt))
        for exchange in call.exchanges:
            _check_capture(exchange)
            origins.check(exchange)


def not_whole(bundle: Bundle) -> dict[str, str]:
    """Planned scenarios of which a part is there and a part is missing: by name, and what is missing."""
    shapes = _shapes(bundle)
    found = dict(_scenarios_lacking(bundle, shapes))
    by_name: defaultdict[str, list[CallRecord]] = defaultdict(list)
    for call in bundle.calls:
        by_name[call.name].append(call)
    for name, calls in by_name.items():
        if lacking := _calls_lacking(shapes.calls[name], calls):
            found[CALLS + name] = lacking
    return found


def _shapes(bundle: Bundle) -> Shapes:
    """Of the certificate's own day."""
    return requirement_set(object_or_nothing(bundle.plan["requirements"])).shapes


# --- scenarios --------------------------------------------------------------------------------------------------------


def _checked_label(exchange: Exchange, planned: frozenset[str], shapes: Shapes) -> Label:
    label = exchange.label
    if label is None or label.scenario not in planned or label.scenario not in shapes.scenarios:
        raise BundleError(f"{_place(exchange)}: it is of no scenario that was planned")
    scenario = shapes.scenarios[label.scenario]
    step = next((each for each in scenario.steps if each.name == label.step), None)
    if step is None or step.expects != label.expects or not 1 <= label.attempt <= scenario.tries:
        raise BundleError(f"{_place(exchange)}: the scenario {scenario.name} has no step like {_told(label)}")
    return label


def _place(exchange: Exchange) -> str:
    return (exchange.source or "an exchange")[:200]


def _told(label: Label) -> str:
    return f"{label.scenario}.{label.step} (attempt {label.attempt}, which expects: {label.expects})"


def _scenarios_lacking(bundle: Bundle, shapes: Shapes) -> Iterator[tuple[str, str]]:
    attempts: defaultdict[str, defaultdict[int, dict[str, Exchange]]] = defaultdict(lambda: defaultdict(dict))
    for exchange in bundle.exchanges:
        if (label := exchange.label) is not None:
            attempts[label.scenario][label.attempt][label.step] = exchange
    for name, by_attempt in attempts.items():
        if missing := list(_missing(shapes.scenarios[name], by_attempt, bundle)):
            yield (
                name,
                f"not whole, without {', '.join(missing[:_MOST_NAMED])}" + (" and more" * (len(missing) > _MOST_NAMED)),
            )


def _missing(scenario: Scenario, attempts: Mapping[int, Mapping[str, Exchange]], bundle: Bundle) -> Iterator[str]:
    lifetime_s = bundle.circumstances.conditions.token_lifetime_s
    steps = [step.name for step in scenario.steps[: ends_at(scenario, lifetime_s)]]
    for attempt in range(1, scenario.tries + 1):
        found = attempts.get(attempt, {})
        yield from (f"{scenario.name}.{step}, attempt {attempt}" for step in steps if step not in found)
        if is_enough(scenario, list(found.values()), bundle.dialect):
            return


# --- whole calls ------------------------------------------------------------------------------------------------------


def _check_call(call: CallRecord, planned: frozenset[str], shapes: Shapes) -> None:
    where = f"the call {call.name[:100]}"
    if CALLS + call.name not in planned or call.name not in shapes.calls:
        raise BundleError(f"{where}: it is of no scenario that was planned")
    scenario = shapes.calls[call.name]
    expected = (scenario.expects_ended, scenario.expects_tools)
    if text_digest(call.scenario) != shapes.texts[call.name] or (call.expects_ended, call.expects_tools) != expected:
        raise BundleError(f"{where}: another call was played than was planned")
    for exchange, request in zip(call.exchanges, call.requests, strict=True):
        label, expects = exchange.label, "answer" if request.closed is None else "anything"
        if label is None or label.scenario != scenario.label or label.expects != expects:
            raise BundleError(f"{where}: one of its exchanges is of another scenario, or expects something else")


def _calls_lacking(scenario: CallScenario, calls: Sequence[CallRecord]) -> str:
    """Empty where all are there: those at once, or those one after the other until one showed what was expected."""
    if scenario.callers > 1:
        missing = scenario.callers - len(calls)
        return f"not whole, without {missing} of {scenario.callers} callers" if missing > 0 else ""
    attempts = Counter(label.attempt for call in calls for label in _labels(call)[:1])
    last = max(attempts, default=len(calls))
    if (lost := next((attempt for attempt in range(1, last) if attempt not in attempts), None)) is not None:
        return f"not whole, without attempt {lost}"
    if len(calls) < scenario.tries and not any(shows_what_is_expected(call, scenario) for call in calls):
        return f"not whole, without attempt {len(calls) + 1}"
    return ""


def _labels(call: CallRecord) -> list[Label]:
    return [exchange.label for exchange in call.exchanges if exchange.label is not None]


# --- around them ------------------------------------------------------------------------------------------------------


def _check_limits(bundle: Bundle) -> None:
    found, known = bundle.circumstances.conditions, Conditions()
    for name in _LIMITS:
        if getattr(found, name) != getattr(known, name):
            raise BundleError(f"conditions.json: /{name}: is not that of this release, {getattr(known, name):g}")
    if found.timeout_s > _LONGEST_TIMEOUT_S:
        raise BundleError(f"conditions.json: /timeout_s: is more than {_LONGEST_TIMEOUT_S:g}")
    planned = object_or_nothing(bundle.plan["conditions"])
    for name, value in fixed_before(found).items():
        if planned[name] != value:
            raise BundleError(f"conditions.json: /{name}: is not what the plan says")


def _check_capture(exchange: Exchange) -> None:
    """`decoded`: where a compressed body held a credential, it was unpacked to mask that."""
    capture = exchange.capture
    if capture.headers != "wire" or capture.body not in ("wire", "decoded"):
        raise BundleError(f"{_place(exchange)}: it is no exchange of a client of ours, which keeps what the wire had")


def _has_key(exchange: Exchange) -> bool:
    """A key that was given is masked; what Vapi sends where none was given is not."""
    bearers = (value for name, value in exchange.request.headers if name.lower() == b"authorization")
    return any(value.endswith(_MASKED) for value in bearers)


@dataclass(kw_only=True)
class _Origins:
    """All requests go to the endpoint of the plan. Of the bundled server, whose port nobody knows before, to one."""

    def __init__(self, bundle: Bundle) -> None:
        target = object_or_nothing(bundle.plan["target"])
        url, name = string_or_none(target["url"]), str(target["name"])
        if url is None and name != REFERENCE:
            raise BundleError("plan.json: the target has no URL, as only the bundled server may")
        self._expected = None if url is None else _origin(url)
        if "://" in name and _origin(name) != self._expected:
            raise BundleError("plan.json: the target is called by the URL of another host")

    def check(self, exchange: Exchange) -> None:
        """Raises BundleError for another host, port or scheme."""
        origin = _origin(exchange.request.url)
        self._expected = self._expected or origin
        if origin != self._expected:
            raise BundleError(f"{_place(exchange)}: it was sent to another endpoint than the plan names")


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", "", None)
    return (parts.scheme, (parts.hostname or "").lower(), port)
