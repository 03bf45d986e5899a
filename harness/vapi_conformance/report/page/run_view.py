"""One run as a page tells it: the verdict, what it does not prove, where it comes from, rules and exchanges."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.bench_figures import Figure
from vapi_conformance.report.bench_plots import drawn
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.exchanges import Exchange, Group, exchanges_of, groups_of
from vapi_conformance.report.page.level import Level, level_of
from vapi_conformance.report.page.rules import LEVELS, STATES, Layer, State, layers_of, state_of
from vapi_conformance.report.page.speech_line import Tone, tone_of
from vapi_conformance.report.page.telling import Told, telling, telling_call
from vapi_conformance.report.page.values import count, duration, number, objects, string, strings
from vapi_conformance.report.trend_figures import runs_of_report, trend_figures

__all__ = ["Share", "View", "view_of"]

_TONES: Final[Mapping[str, Tone]] = {"conformant": "good", "violated": "bad", "incomplete": "warn"}
_HEARD: Final = {
    "heard": "spoken",
    "tool-call": "tool calls",
    "silence": "silent",
    "tool-lost": "tool calls lost",
    "call-ends": "end the call",
    "raises": "errors",
    "unknown": "not known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a whole, for a bar; in hundredths of its width."""

    name: str
    many: int
    tone: str
    x: str
    width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that the page says of one run."""

    prefix: str
    """What its anchors begin with."""
    name: str
    verdict: str
    tone: Tone
    sentence: str
    warnings: tuple[str, ...]
    heard_sentence: str
    heard: tuple[Share, ...]
    states: tuple[Share, ...]
    limits: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    lints: tuple[str, ...]
    level: Level | None
    """Of the certificate that the run was played for."""
    trend: tuple[tuple[Figure, str], ...]
    """Earlier runs and this one, each with its plot; none where no history was asked for."""
    is_called_by_vapi: bool
    """Elsewhere nobody need be on the telephone."""
    call: Group | None
    """A whole call that shows much."""
    told: tuple[Told, ...]
    layers: tuple[Layer, ...]
    groups: tuple[Group, ...]
    state_counts: Mapping[State, int]
    level_counts: Mapping[str, int]

    @property
    def rules(self) -> int:
        """How many."""
        return sum(self.state_counts.values())

    @property
    def state_options(self) -> list[tuple[str, str, str]]:
        """For a filter: class, selector and words of the outcomes that occur."""
        found = self.state_counts.items()
        return [(state, f".s-{state}", f"{STATES[state]} {many:,}") for state, many in found if many]

    @property
    def level_options(self) -> list[tuple[str, str, str]]:
        """For a filter: class, selector and words of the levels that occur."""
        return [(level.lower(), f".l-{level.lower()}", level) for level in LEVELS if self.level_counts.get(level)]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Of all groups."""
        return tuple(each for group in self.groups for each in group.exchanges)


def view_of(document: Mapping[str, object], *, prefix: str = "") -> View:
    """For a document after `harness/report`; keys that came later may be missing."""
    rules = objects(document.get("rules"))
    is_speech = document.get("dialect") != Dialect.VAPI_SERVER_MESSAGES.value
    exchanges = exchanges_of(objects(document.get("played")), _broken(rules), prefix, is_speech=is_speech)
    groups = groups_of(exchanges)
    provenance = tuple(_provenance(document, rules))
    judged_by = "; ".join(f"{name}: {value}" for name, value in provenance)
    states = Counter(state_of(string(each.get("outcome"))) for each in rules)
    heard = object_or_nothing(document.get("heard"))
    hearer = string(document.get("hearer"), "Vapi")
    verdict, target = string(document.get("verdict")), object_or_nothing(document.get("target"))
    tones: dict[str, str] = {"broken": "bad", "unshown": "warn", "passed": "good", "absent": "absent"}
    return View(
        prefix=prefix,
        name=string(target.get("name"), string(document.get("source"), "an endpoint")),
        verdict=verdict,
        tone=_TONES.get(verdict, "warn"),
        sentence=_sentence(document, rules),
        warnings=tuple(_warnings(rules)),
        heard_sentence=_heard_sentence(heard, hearer),
        heard=_shares([(told, count(heard.get(name)), tone_of(name)) for name, told in _HEARD.items()]),
        states=_shares([(told.lower(), states[state], tones[state]) for state, told in STATES.items()]),
        limits=tuple(_limits(document, rules)),
        provenance=provenance,
        lints=tuple(strings(document.get("lints"))),
        level=level_of(document),
        trend=tuple(
            (each, drawn(each.plot)) for each in trend_figures(runs_of_report(document), identity=f"{prefix}trend")
        ),
        is_called_by_vapi=_is_called_by_vapi(document),
        call=telling_call(groups),
        told=telling(exchanges),
        layers=layers_of(rules, exchanges, judged_by, prefix),
        groups=groups,
        state_counts={state: states[state] for state in STATES},
        level_counts=Counter(string(each.get("level")) for each in rules),
    )


def _broken(rules: Sequence[Mapping[str, object]]) -> Mapping[str, Sequence[str]]:
    """Rules by the exchange that breaks them."""
    found: dict[str, dict[str, None]] = {}
    for rule in rules:
        for violation in objects(rule.get("violations")):
            found.setdefault(string(violation.get("exchange")), {})[string(rule.get("id"))] = None
    return {name: tuple(broken) for name, broken in found.items()}


def _sentence(document: Mapping[str, object], rules: Sequence[Mapping[str, object]]) -> str:
    if why := string(document.get("unreachable")):
        return f"Nothing could be judged: {why}"
    broken, unshown = (
        Counter(string(each.get("level")) for each in rules if state_of(string(each.get("outcome"))) == state)
        for state in ("broken", "unshown")
    )
    warned = f" {grouped(broken['SHOULD'], 'SHOULD rule')} broken." if broken["SHOULD"] else ""
    unseen = grouped(unshown["MUST"], "MUST rule")
    match string(document.get("verdict")):
        case "conformant" if broken["SHOULD"]:
            return f"Conformant: every MUST rule that was shown holds.{warned}"
        case "conformant":
            return f"Conformant: every rule that {'gates or warns' if broken['MAY'] else 'was shown'} holds."
        case "violated":
            also = f", {unseen} could not be shown" if unshown["MUST"] else ""
            return f"Not conformant: {grouped(broken['MUST'], 'MUST rule')} broken{also}.{warned}"
        case _ if unshown["MUST"]:
            return f"Incomplete: {unseen} could not be shown, and a skip is not a pass.{warned}"
        case _:
            return "Incomplete: nothing was judged."


def _warnings(rules: Sequence[Mapping[str, object]]) -> Iterator[str]:
    failed = sum(1 for each in rules if each.get("outcome") == "harness error")
    if failed:
        yield f"{grouped(failed, 'rule')} failed to run, which is our bug and says nothing of the endpoint."
    mended = [
        string(each.get("id"))
        for each in rules
        if each.get("expected_failure") is True and each.get("outcome") == "passed"
    ]
    gating = [each for each in rules if _gates(each)]
    if known := sum(1 for each in gating if each.get("expected_failure") is True):
        rest = "; nothing else fails the run" if known == len(gating) and not mended else ""
        yield f"Listed as known to fail: {known} of {grouped(len(gating), 'rule')} that would fail the run{rest}."
    if mended:
        yield f"Listed as known to fail, and holding now: {', '.join(mended[:10])}."


def _gates(rule: Mapping[str, object]) -> bool:
    is_kept = state_of(string(rule.get("outcome"))) in ("passed", "absent")
    return rule.get("outcome") == "harness error" or (rule.get("level") == "MUST" and not is_kept)


def _heard_sentence(heard: Mapping[str, object], hearer: str) -> str:
    total = sum(count(many) for many in heard.values())
    if not total:
        return ""
    return f"What {hearer} makes of {grouped(total, 'streamed answer')}"


def _shares(parts: Sequence[tuple[str, int, str]]) -> tuple[Share, ...]:
    total = sum(many for _, many, _ in parts) or 1
    shares: list[Share] = []
    x = 0.0
    for name, many, tone in parts:
        width = 100 * many / total
        if many:
            shares.append(Share(name=name, many=many, tone=tone, x=f"{x:.2f}%", width=f"{width:.2f}%"))
        x += width
    return tuple(shares)


def _limits(document: Mapping[str, object], rules: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """What the verdict does not prove."""
    yield "It is about this run. A model is free: the same endpoint may answer differently tomorrow."
    unshown = sum(1 for each in rules if state_of(string(each.get("outcome"))) == "unshown")
    absent = sum(1 for each in rules if state_of(string(each.get("outcome"))) == "absent")
    if unshown:
        yield f"{grouped(unshown, 'rule')} could not be shown at all: neither passed nor broken."
    if absent:
        yield f"{grouped(absent, 'rule')} about what the endpoint does not offer did not apply."
    if _is_called_by_vapi(document):
        yield (
            "No account at Vapi was involved. What it does with an answer is known from its documentation, published "
            "recordings and its client library; each statement says whether it is documented, observed or inferred."
        )
    if any(objects(each.get("pieces")) for each in objects(document.get("played"))):
        yield "Speech is drawn at 15 characters a second, which is assumed; synthesis and telephone add their delay."
    is_measured = bool(objects(object_or_nothing(document.get("certificate")).get("gates")))
    yield f"It says nothing of {'' if is_measured else 'speed under load, nor of '}whether the words are right."


def _is_called_by_vapi(document: Mapping[str, object]) -> bool:
    return object_or_nothing(document.get("target")).get("platform") == "vapi"


def _provenance(document: Mapping[str, object], rules: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    target, suite = object_or_nothing(document.get("target")), object_or_nothing(document.get("suite"))
    machine = object_or_nothing(document.get("machine"))
    if where := string(target.get("url"), string(target.get("name"))):
        yield "Endpoint", where
    if source := string(document.get("source")):
        yield "Recording", source
    if model := string(target.get("model")):
        yield "Model", model
    yield "Called by", f"{string(target.get('platform'), 'nobody in particular')}, {string(document.get('dialect'))}"
    yield "Profile", string(document.get("profile"))
    if started := string(suite.get("started_at")):
        took = number(suite.get("duration_s"))
        yield "Judged", f"{started}{'' if took is None else f', in {duration(took * 1000)}'}"
    yield "Suite", f"vapi-conformance {string(suite.get('version'))}{_requirements(suite)}"
    if machine:
        yield "Machine", ", ".join(filter(None, (string(machine.get("system")), _python(machine))))
    judged = sum(1 for each in rules if state_of(string(each.get("outcome"))) in ("passed", "broken"))
    exchanges = grouped(count(document.get("exchanges")), "exchange")
    yield "Shown", f"{judged:,} of {grouped(len(rules), 'rule')}, over {exchanges}"
    yield "Expected failures", _expected(document, rules)
    for name, key in (("Recognised", "recognised"), ("Looks like", "flavour")):
        if told := string(document.get(key)):
            yield name, told


def _requirements(suite: Mapping[str, object]) -> str:
    requirements = object_or_nothing(suite.get("requirements"))
    return f", requirements {string(requirements.get('name'))}" if requirements else ""


def _python(machine: Mapping[str, object]) -> str:
    version = string(machine.get("python"))
    return f"Python {version}" if version[:1].isdigit() else version


def _expected(document: Mapping[str, object], rules: Sequence[Mapping[str, object]]) -> str:
    listed = dict.fromkeys(
        [*strings(document.get("expected_failures"))]
        + [string(each.get("id")) for each in rules if each.get("expected_failure") is True]
    )
    return f"{len(listed)}: {', '.join([*listed][:12])}" if listed else "none listed"
