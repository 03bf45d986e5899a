"""Hooks of a session with an endpoint: scenarios are played once, rules judge what is stored."""

import json
import shlex
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest

from vapi_conformance import __version__
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import CALLS
from vapi_conformance.dialects.flavours import flavour_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.endpoint import REFERENCE, Endpoint, Opened, opened
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.pytest_plugin.items import NODE_ID, WARNED, RuleCollector, RuleItem
from vapi_conformance.pytest_plugin.stored import store, stored
from vapi_conformance.report.custom_clients import broken_consumers
from vapi_conformance.report.document import to_document
from vapi_conformance.report.effect import heard_of, hearer
from vapi_conformance.report.printable import printable
from vapi_conformance.report.run import Run, Target
from vapi_conformance.report.text import Style, summary
from vapi_conformance.report.writing import write_report
from vapi_conformance.rules import Rule
from vapi_conformance.speech import chunk_plan
from vapi_conformance.suite import MOST_TIRESOME, be_sure_of, needed_calls, needed_scenarios, play, play_every
from vapi_conformance.verdict import Outcome, RuleResult, Verdict, judge

if TYPE_CHECKING:
    from vapi_conformance.history.keeping import Keeper

__all__ = ["ConformanceSession"]

_MARKUP: Final[Mapping[Style, Mapping[str, bool]]] = {
    "plain": {},
    "good": {"green": True, "bold": True},
    "bad": {"red": True, "bold": True},
    "warning": {"yellow": True},
    "faint": {"light": True},
    "strong": {"bold": True},
}


@dataclass(eq=False)
class ConformanceSession:
    """Hooks of a session with an endpoint."""

    config: pytest.Config
    endpoint: Endpoint
    rules: Sequence[Rule]
    expected: Mapping[str, str]
    reports: Sequence[Path]
    exchanges_dir: Path | None
    given: str
    """The options that describe the endpoint, as typed; no secrets."""
    keeper: "Keeper | None" = None
    """Of the history, where one was asked for; the workers of pytest-xdist have none."""
    evidence: Sequence[Evidence] = ()
    calls: Sequence[CallRecord] = ()
    """Filled where they were played; workers know them by their evidence."""
    target: Target | None = None
    lints: Sequence[str] = ()
    unreachable: str | None = None
    duration_s: float | None = None
    started_at: str | None = None
    _unwritten: dict[Path, str] = field(default_factory=dict[Path, str])
    """Reports that could not be written, and why."""
    _results: dict[str, RuleResult] = field(default_factory=dict[str, RuleResult])
    _reported: dict[str, None] = field(default_factory=dict[str, None])

    @property
    def repeat(self) -> str:
        """How to see one rule again: a format string that takes `rule`."""
        if self.exchanges_dir is not None:
            judged = f"--profile {self.endpoint.profile.value} --dialect {self.endpoint.dialect.value}"
            command, option = f"vapi-conformance check {shlex.quote(str(self.exchanges_dir))} {judged}", "--rule"
        else:
            command, option = f"pytest {self.given}", "--endpoint-rule"
        return f"{command.replace('{', '{{').replace('}', '}}')} {option} {{rule}}"

    # What is collected.

    def pytest_report_header(self) -> str:
        """What is judged, against what."""
        endpoint = self.endpoint
        kept = "" if self.keeper is None or self.config.option.collectonly else f"\n{self.keeper.foretold()}"
        return (
            f"vapi-conformance {__version__}: {endpoint.name}, platform {endpoint.platform}, "
            f"profile {endpoint.profile.value}, dialect {endpoint.dialect.value}, {len(self.rules)} rules"
            f"{self._added()}{kept}"
        )

    def _added(self) -> str:
        """How many of the rules are others': a verdict with them is not the same as one without."""
        by = Counter(str(rule.origin) for rule in self.rules if rule.origin is not None)
        return "".join(f", {number} of them added by {origin}" for origin, number in sorted(by.items()))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Adds our collector to what the session found."""
        report = yield
        if isinstance(collector, pytest.Session):
            report.result = [*(report.result or ()), RuleCollector.made(collector, self)]
        return report

    # What is run.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Plays what the selected items need, before the first one runs."""
        chosen = [item.rule for item in session.items if isinstance(item, RuleItem)]
        if session.config.option.collectonly or not chosen:
            return
        folder = cast("dict[str, str]", getattr(session.config, "workerinput", {})).get("vapi_conformance")
        if folder is not None:
            self._load(Path(folder))
        else:
            self.play(chosen)
        if self.unreachable is not None:
            session.items[:] = [item for item in session.items if not isinstance(item, RuleItem)]

    def play(self, rules: Sequence[Rule]) -> None:
        """Fills `evidence`, or `unreachable`. Raises pytest.UsageError when the set-up is at fault."""
        started = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        exchanges = list[Exchange]()
        calls = list[CallRecord]()
        conditions = Conditions()
        try:
            with opened(self.endpoint) as live:
                self.target, conditions = live.target, live.conditions
                self.lints = self._lints(live)
                scenarios = needed_scenarios(rules, platform=live.platform, has_key=live.has_key)
                for exchange in play(
                    scenarios,
                    platform=live.platform,
                    client=live.client,
                    progress=self._progress,
                ):
                    if not exchanges:
                        be_sure_of(
                            exchange,
                            has_key=live.has_key,
                            takes_credential=self.endpoint.takes_credential,
                            sends_token=live.platform.tokens is not None,
                        )
                    exchanges.append(exchange)
                wanted = needed_calls(rules, platform=live.platform)
                for call in play_every(
                    wanted,
                    platform=live.platform,
                    client=live.client,
                    conditions=conditions,
                    progress=self._progress,
                ):
                    calls.append(call)
                self.lints = self._lints(live)  # once more: only now is known how often tokens were refused
                if left := len(wanted) - len({call.name for call in calls}):
                    told = f"{left} calls were not played: {MOST_TIRESOME} were waited for in vain"
                    self.lints = [*self.lints, told]
        except UsageError as problem:
            raise pytest.UsageError(str(problem)) from problem
        except TransportError as problem:
            self.unreachable = str(problem)
        self._progress(0, 0, "")
        self.duration_s = round(time.monotonic() - started, 3)
        self.calls = calls
        self.evidence = self._all_evidence(exchanges, calls, conditions)
        if self.exchanges_dir is not None:
            store(exchanges, calls, self.exchanges_dir)

    def _lints(self, live: Opened) -> list[str]:
        """Nobody has configured the bundled server, so there is nothing to say about that."""
        ours = [] if self.endpoint.name == REFERENCE else [str(lint) for lint in live.platform.lints()]
        return [*ours, *map(str, broken_consumers())]

    def _load(self, folder: Path) -> None:
        """What the controlling process played."""
        state = object_or_nothing(read_json(folder / "session.json"))
        timeout_s, plan = cast("float", state["timeout_s"]), chunk_plan(state["chunk_plan"])
        conditions = Conditions(
            timeout_s=timeout_s,
            chunk_plan=plan,
            platform=self.endpoint.platform,
            token_lifetime_s=cast("float | None", state["token_lifetime_s"]),
        )
        self.unreachable = string_or_none(state["unreachable"])
        exchanges, calls = stored(folder)
        self.evidence = self._all_evidence(exchanges, calls, conditions)

    def _all_evidence(
        self, exchanges: Sequence[Exchange], calls: Sequence[CallRecord], conditions: Conditions
    ) -> list[Evidence]:
        placed = [(each, None) for each in exchanges] + [(each, call) for call in calls for each in call.exchanges]
        dialect = self.endpoint.dialect
        return [Evidence(exchange=each, conditions=conditions, dialect=dialect, call=call) for each, call in placed]

    def hand_over(self, folder: Path) -> None:
        """Stores what was played for `_load`."""
        store([each.exchange for each in self.evidence if each.call is None], self.calls, folder)
        conditions = self.evidence[0].conditions if self.evidence else Conditions()
        plan = conditions.chunk_plan
        state = {
            "timeout_s": conditions.timeout_s,
            "token_lifetime_s": conditions.token_lifetime_s,
            "chunk_plan": {
                "enabled": plan.enabled,
                "minCharacters": plan.min_characters,
                "punctuationBoundaries": plan.punctuation_boundaries,
            },
            "unreachable": self.unreachable,
        }
        (folder / "session.json").write_text(json.dumps(state), encoding="utf-8")

    def result(self, rule: Rule) -> RuleResult:
        """Judged once."""
        if rule.id not in self._results:
            endpoint = self.endpoint
            found = judge([rule], self.evidence, profile=endpoint.profile, dialect=endpoint.dialect)
            self._results[rule.id] = found[0]
        return self._results[rule.id]

    def _progress(self, number: int, total: int, name: str) -> None:
        """One line that is written over on a terminal; one line in all where nobody watches. total 0: it is over."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if not isinstance(reporter, pytest.TerminalReporter) or reporter.verbosity < 0:
            return
        if reporter.isatty:
            text = f"playing {name} ({number} of {total})" if total else ""
            reporter.rewrite(f"{NODE_ID}: {text}" if text else "", erase=True)
        elif number == 1:
            reporter.ensure_newline()
            kind = "calls" if name.startswith(CALLS) else "scenarios"
            reporter.write_line(f"{NODE_ID}: playing {total} {kind} against {self.endpoint.name}")

    # What is told.

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """A SHOULD that does not hold warns: neither a pass nor a failure."""
        if report.when == "call" and report.passed and WARNED in map(tuple, report.user_properties):
            return "warned", "w", ("WARNED", {"yellow": True})
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remembers which rules were selected, in this process or in a worker."""
        if report.when == "call" and report.nodeid.startswith(f"{NODE_ID}::"):
            self._reported[report.nodeid.removeprefix(f"{NODE_ID}::")] = None

    @cached_property
    def _heard(self) -> Mapping[str, int]:
        """Asked for twice, by the report and by the summary, when nothing is played any more."""
        return heard_of(self.evidence)

    @cached_property
    def _flavour(self) -> str | None:
        """Of the first answer that shows one; nobody needs to be told whose server the bundled one is."""
        if self.endpoint.dialect is not Dialect.OPENAI_COMPATIBLE or self.endpoint.name == REFERENCE:
            return None
        found = (flavour_of(each.exchange) for each in self.evidence if each.is_success)
        return next((flavour.sentence for flavour in found if flavour is not None), None)

    def run(self) -> Run | None:
        """The run as it stands; None when none of our rules was selected."""
        if not self._reported and self.unreachable is None:
            return None
        return Run(
            target=self.target or Target(name=self.endpoint.name),
            profile=self.endpoint.profile,
            dialect=self.endpoint.dialect,
            results=[self.result(rule) for rule in self.rules if rule.id in self._reported],
            exchanges=len(self.evidence),
            heard=self._heard,
            hearer=hearer(self.evidence[0]) if self.evidence else "Vapi",
            flavour=self._flavour,
            duration_s=self.duration_s,
            lints=self.lints,
            unreachable=self.unreachable,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes the report; a run that is not conformant does not end with 0."""
        run = None if hasattr(session.config, "workerinput") else self.run()
        if run is None:
            return
        if self.reports or self.keeper is not None:
            document: Mapping[str, object] = to_document(
                run,
                evidence=self.evidence,
                expected_failures=self.expected,
                started_at=self.started_at,
                repeat=self.repeat,
            )
            # A run that was broken off would stand in the history as one that found less.
            if self.keeper is not None and session.exitstatus != pytest.ExitCode.INTERRUPTED:
                document = self.keeper.kept(document)
            self._write(document)
        unexpected = [each for each in run.results if each.gates and each.rule.id not in self.expected]
        nothing = run.verdict is Verdict.INCOMPLETE and not any(each.gates for each in run.results)
        if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return
        if unexpected or nothing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif self._unwritten:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _write(self, document: Mapping[str, object]) -> None:
        """A report that cannot be written must not cost the summary, nor the other reports."""
        for path in self.reports:
            try:
                write_report(document, path)
            except UsageError as problem:
                self._unwritten[path] = str(problem)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Verdict, counts, and each violation so that the investigation can end there."""
        run = self.run()
        if run is None:
            return
        terminalreporter.section(f"{NODE_ID}: {run.target.name}", "=")
        for line in summary(run, repeat=self.repeat, verbose=terminalreporter.verbosity > 0):
            terminalreporter.write_line(printable(line.text), **_MARKUP[line.style])
        passing = [
            each.rule.id for each in run.results if each.rule.id in self.expected and each.outcome is Outcome.PASSED
        ]
        gating = [each.rule.id for each in run.results if each.gates]
        if known := [each for each in gating if each in self.expected]:
            rest = "" if passing or len(known) < len(gating) else "; nothing else fails the run"
            terminalreporter.write_line(f"known to fail, as listed: {', '.join(known)}{rest}", **_MARKUP["warning"])
        if passing:
            told = f"expected to fail, but passing: {', '.join(passing)}; take them out of the list"
            terminalreporter.write_line(told, **_MARKUP["bad"])
        for path in self.reports:
            problem = self._unwritten.get(path)
            terminalreporter.write_line(problem or f"report: {path}", **_MARKUP["bad" if problem else "plain"])
        if self.exchanges_dir is not None:
            terminalreporter.write_line(f"exchanges: {self.exchanges_dir}")
        if self.keeper is not None and self.keeper.told:
            terminalreporter.write_line(self.keeper.told, **_MARKUP["bad" if self.keeper.is_fault else "plain"])
