"""Exchanges out of files to judged runs: each by itself, and those of a played scenario together."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from vapi_conformance.call_scenario import ANY_CALL, CALLS
from vapi_conformance.cli.call_judging import owed
from vapi_conformance.dialects.flavours import flavour_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.recognition import recognise
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import default_platform
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings import load_call, load_exchanges
from vapi_conformance.report.run import Run, Target
from vapi_conformance.rules import Profile, Rule
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.verdict import RuleResult, judge
from vapi_conformance.webhook_scenario import all_webhook_scenarios

__all__ = ["Judge"]

_Attempt = tuple[str, int]


@dataclass(kw_only=True)
class Judge:
    """Judges exchanges as they come. Of those that were played in a scenario it remembers the file, not the bytes."""

    rules: Sequence[Rule]
    profile: Profile | None
    """None: what Vapi needs. Where Vapi does not speak the dialect, the API's owner to the letter."""
    dialect: Dialect | None
    """None: each exchange is recognised by itself."""
    _played: dict[Path, dict[_Attempt, dict[str, Path]]] = field(
        default_factory=dict[Path, dict[_Attempt, dict[str, Path]]]
    )
    """Folder, then attempt at a scenario, then step: the file. A folder is a run."""
    _calls: list[Path] = field(default_factory=list[Path])
    """Files that hold a whole call."""
    _spoken: dict[Path, Counter[Dialect]] = field(default_factory=dict[Path, Counter[Dialect]])
    """Folder, then how many of its exchanges are of which dialect."""

    def alone(self, path: Path, exchange: Exchange) -> Run | None:
        """What the rules say that look at one exchange; None when none of those was asked for."""
        dialect, because = self._read_as(exchange)
        self._spoken.setdefault(path.parent, Counter())[dialect] += 1
        label = exchange.label
        if label is not None and label.scenario.startswith(CALLS):
            self._calls += [path] if self._calls[-1:] != [path] else []
        elif label is not None:
            folder = self._played.setdefault(path.parent, defaultdict(dict))
            folder[label.scenario, label.attempt][label.step] = path
        rules = [rule for rule in self.rules if not rule.scenarios]
        if not rules:
            return None
        profile, conditions = self._measure(dialect)
        evidence = [Evidence(exchange=exchange, dialect=dialect, conditions=conditions)]
        came = exchange.response is not None
        flavour = flavour_of(exchange) if dialect is Dialect.OPENAI_COMPATIBLE else None
        return Run(
            target=Target(name=exchange.source, url=exchange.request.url, platform=conditions.platform),
            profile=profile,
            dialect=dialect,
            results=judge(rules, evidence, profile=profile, dialect=dialect),
            recognised=because,
            flavour=None if flavour is None else flavour.sentence,
            exchanges=1,
            evidence=evidence,
            unreachable=None if came else f"no response came{f' ({exchange.error})' if exchange.error else ''}",
        )

    def _read_as(self, exchange: Exchange) -> tuple[Dialect, str | None]:
        """And how that was known; None where the user said it."""
        if self.dialect is not None:
            return self.dialect, None
        recognised = recognise(exchange)
        return recognised.dialect, recognised.because

    def _measure(self, dialect: Dialect) -> tuple[Profile, Conditions]:
        """What an exchange of that dialect is held against, and who would have called."""
        profile = self.profile or Profile.VAPI
        if profile is Profile.VAPI and default_platform(dialect) != "vapi":
            profile = Profile.STANDARD  # Vapi does not speak it
        if profile is Profile.RAPIDA:
            return profile, Conditions(platform="rapida")
        return profile, Conditions(platform=default_platform(dialect))

    def together(self) -> Iterator[Run]:
        """What the rules say that look at whole scenarios: one run for each folder that holds one, and each call."""
        for folder, attempts in self._played.items():
            whole = {attempt: steps for attempt, steps in attempts.items() if _is_whole(attempt, steps)}
            names = {scenario for scenario, _ in whole}
            rules = [rule for rule in self.rules if names & set(rule.scenarios)]
            if rules:
                yield self._together(folder, whole, rules)
        for path in self._calls:
            if (run := self._over_call(path)) is not None:
                yield run

    def _over_call(self, path: Path) -> Run | None:
        """What the rules say that look at whole calls; None where the file holds one exchange of a call only."""
        try:
            call = load_call(path)
        except UsageError:
            return None
        names = {ANY_CALL, CALLS + call.name}
        rules = [rule for rule in self.rules if names & set(rule.scenarios)]
        dialect = self._spoken[path.parent].most_common(1)[0][0]
        profile, conditions = self._measure(dialect)
        evidence = [
            Evidence(exchange=each, dialect=dialect, conditions=conditions, call=call) for each in call.exchanges
        ]
        if not rules:
            return None
        return Run(
            target=Target(name=str(path), platform=conditions.platform),
            profile=profile,
            dialect=dialect,
            results=owed(judge(rules, evidence, profile=profile, dialect=dialect), [call.name]),
            exchanges=len(evidence),
            evidence=evidence,
        )

    def _together(self, folder: Path, attempts: dict[_Attempt, dict[str, Path]], rules: Sequence[Rule]) -> Run:
        """The files are read again, so that no more than the exchanges of one scenario or two are in memory."""
        dialect = self._spoken[folder].most_common(1)[0][0]
        profile, conditions = self._measure(dialect)
        order = {rule.id: position for position, rule in enumerate(rules)}
        results: list[RuleResult] = []
        for scenarios, group in groupby(
            sorted(rules, key=lambda rule: rule.scenarios), key=lambda rule: rule.scenarios
        ):
            paths = [path for (name, _), steps in attempts.items() if name in scenarios for path in steps.values()]
            evidence = [
                Evidence(exchange=each, dialect=dialect, conditions=conditions)
                for path in paths
                for each in load_exchanges(path)
                if isinstance(each, Exchange)
            ]
            results += judge(list(group), evidence, profile=profile, dialect=dialect)
        results.sort(key=lambda result: order[result.rule.id])
        return Run(
            target=Target(name=str(folder), platform=conditions.platform),
            profile=profile,
            dialect=dialect,
            results=results,
            exchanges=sum(len(steps) for steps in attempts.values()),
        )


def _is_whole(attempt: _Attempt, steps: Mapping[str, Path]) -> bool:
    """Whether every step is at hand. Half a scenario shows nothing, and that is no fault of the endpoint's."""
    scenario = all_scenarios().get(attempt[0]) or all_webhook_scenarios().get(attempt[0])
    return scenario is not None and {step.name for step in scenario.steps} <= set(steps)
