"""The plugin at work: one item per rule, scenarios played once, verdicts at the end."""

import json
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, Self, cast

import pytest

from vapi_conformance import __version__
from vapi_conformance.endpoint import Endpoint, opened, read_endpoint
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.exchange_file import from_document, save
from vapi_conformance.expected_failures import load_expected_failures
from vapi_conformance.json_file import read_json
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.report.document import to_document
from vapi_conformance.report.printable import printable
from vapi_conformance.report.run import Run, Target
from vapi_conformance.report.text import Line, Style, summary, violation_lines
from vapi_conformance.rules import Level, Rule, all_rules
from vapi_conformance.rules.selection import select
from vapi_conformance.suite import be_sure_of, needed_scenarios, play
from vapi_conformance.verdict import Outcome, RuleResult, Verdict, judge

__all__ = ["ConformanceSession", "register"]

NODE_ID: Final = "vapi-conformance"
_WARNED: Final = ("conformance", "warned")
_MARKUP: Final[Mapping[Style, Mapping[str, bool]]] = {
    "plain": {},
    "good": {"green": True, "bold": True},
    "bad": {"red": True, "bold": True},
    "warning": {"yellow": True},
    "faint": {"light": True},
    "strong": {"bold": True},
}


def register(config: pytest.Config, settings: Mapping[str, Sequence[str]]) -> None:
    """Raises pytest.UsageError: exit status 4, one sentence."""
    try:
        endpoint = read_endpoint(settings)
        rules = select(settings.get("rule", ()))
        listed = settings.get("expected-failures")
        known = all_rules()
        expected = load_expected_failures(Path(listed[-1]), known) if listed else dict[str, str]()
    except UsageError as problem:
        raise pytest.UsageError(str(problem)) from problem

    def folder(name: str) -> Path | None:
        return Path(settings[name][-1]) if settings.get(name) else None

    session = ConformanceSession(
        config=config,
        endpoint=endpoint,
        rules=rules,
        expected=expected,
        report=folder("report"),
        exchanges_dir=folder("save-exchanges"),
    )
    config.pluginmanager.register(session, "vapi-conformance-session")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Distributed(session), "vapi-conformance-distributed")


class RuleBroken(Exception):  # noqa: N818 - it reads as what happened
    """A rule that gates does not hold."""

    def __init__(self, result: RuleResult, lines: Sequence[Line]) -> None:
        super().__init__(f"{result.rule.id}: {result.outcome.value}")
        self.result = result
        self.lines = lines


@dataclass
class RuleRepr:
    """A failure: in full for JUnit and other files, in short on the terminal, where the summary has the rest."""

    full: str
    short: str

    def __str__(self) -> str:
        return self.full

    def toterminal(self, tw: pytest.TerminalReporter) -> None:
        """Called by pytest with its terminal writer."""
        tw.line(self.short)


class RuleCollector(pytest.Collector):
    """The rules as one node beside the user's own tests."""

    conformance: "ConformanceSession"

    @classmethod
    def made(cls, parent: pytest.Session, conformance: "ConformanceSession") -> Self:
        """from_parent takes only what pytest knows."""
        node = cls.from_parent(parent, name=NODE_ID, nodeid=NODE_ID)  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
        node.conformance = conformance
        return node

    def collect(self) -> Iterator[pytest.Item]:
        """One item per selected rule that the profile has."""
        for rule in self.conformance.rules:
            if rule.level(self.conformance.endpoint.profile, self.conformance.endpoint.dialect) is not None:
                yield RuleItem.made(self, rule)


class RuleItem(pytest.Item):
    """One rule over all exchanges of the session."""

    rule: Rule
    conformance: "ConformanceSession"

    @classmethod
    def made(cls, parent: RuleCollector, rule: Rule) -> Self:
        """See RuleCollector.made."""
        node = cls.from_parent(parent, name=rule.id, nodeid=f"{NODE_ID}::{rule.id}")  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
        node.rule, node.conformance = rule, parent.conformance
        return node

    def runtest(self) -> None:
        """Judges the stored exchanges; nothing is sent from here."""
        result = self.conformance.result(self.rule)
        self.user_properties += [
            ("rule", self.rule.id),
            ("level", result.level.name),
            ("profile", self.conformance.endpoint.profile.value),
            ("source", self.rule.source),
            ("outcome", result.outcome.value),
        ]
        place = self.conformance.expected.get(self.rule.id)
        broken = result.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
        if result.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(result.reason)
        if place is not None and result.outcome is Outcome.PASSED:
            pytest.fail(f"passes, though {place} lists it as failing: take the entry out", pytrace=False)
        if place is not None and broken and result.outcome is not Outcome.HARNESS_ERROR:
            pytest.xfail(f"known, {place}")
        if broken and (result.level is Level.MUST or result.outcome is Outcome.HARNESS_ERROR):
            raise RuleBroken(result, list(violation_lines(result, repeat=self.conformance.repeat)))
        if broken and result.level is Level.SHOULD:
            self.user_properties.append(_WARNED)

    def repr_failure(  # type: ignore[override]  # pytest prints whatever has toterminal
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """The investigation, not a traceback."""
        if not isinstance(excinfo.value, RuleBroken):
            return super().repr_failure(excinfo)
        result = excinfo.value.result
        first = result.findings[0].violation.actual if result.findings else result.reason
        full = "\n".join(printable(line.text) for line in excinfo.value.lines)
        return RuleRepr(full=full, short=printable(f"{result.level.name} {result.outcome.value}: {first}"))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the item is."""
        return self.path, None, self.nodeid


@dataclass(eq=False)
class ConformanceSession:
    """Hooks of a session with an endpoint."""

    config: pytest.Config
    endpoint: Endpoint
    rules: Sequence[Rule]
    expected: Mapping[str, str]
    report: Path | None
    exchanges_dir: Path | None
    evidence: Sequence[Evidence] = ()
    target: Target | None = None
    lints: Sequence[str] = ()
    unreachable: str | None = None
    duration_s: float | None = None
    started_at: str | None = None
    _results: dict[str, RuleResult] = field(default_factory=dict[str, RuleResult])
    _reported: dict[str, None] = field(default_factory=dict[str, None])

    @property
    def repeat(self) -> str:
        """How to see one rule again; `{rule}` stands for it."""
        if self.exchanges_dir is not None:
            return f"vapi-conformance check {self.exchanges_dir}/*.json --rule {{rule}}"
        return f"pytest --endpoint {self.endpoint.name} --endpoint-rule {{rule}}"

    # What is collected.

    def pytest_report_header(self) -> str:
        """What is judged, against what."""
        endpoint = self.endpoint
        return (
            f"vapi-conformance {__version__}: {endpoint.name}, platform vapi, profile {endpoint.profile.value}, "
            f"dialect {endpoint.dialect.value}, {len(self.rules)} rules"
        )

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
        stored = cast("dict[str, str]", getattr(session.config, "workerinput", {})).get("vapi_conformance")
        if stored is not None:
            self._load(Path(stored))
        else:
            self.play(chosen)
        if self.unreachable is not None:
            session.items[:] = [item for item in session.items if not isinstance(item, RuleItem)]

    def play(self, rules: Sequence[Rule]) -> None:
        """Fills `evidence`, or `unreachable`. Raises pytest.UsageError when the set-up is at fault."""
        started = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        exchanges: list[Exchange] = []
        conditions = Conditions()
        try:
            with opened(self.endpoint) as live:
                self.target, conditions = live.target, live.conditions
                self.lints = [str(lint) for lint in live.platform.lints()]
                scenarios = needed_scenarios(rules, has_key=live.has_key)
                for exchange in play(
                    scenarios,
                    platform=live.platform,
                    client=live.client,
                    has_key=live.has_key,
                    progress=self._progress,
                ):
                    if not exchanges:
                        be_sure_of(exchange, has_key=live.has_key)
                    exchanges.append(exchange)
        except UsageError as problem:
            raise pytest.UsageError(str(problem)) from problem
        except TransportError as problem:
            self.unreachable = str(problem)
        self._progress(0, 0, "")
        self.duration_s = round(time.monotonic() - started, 3)
        self.evidence = [Evidence(exchange=each, conditions=conditions) for each in exchanges]
        if self.exchanges_dir is not None:
            store(exchanges, self.exchanges_dir)

    def _load(self, folder: Path) -> None:
        """What the controlling process played."""
        state = cast("dict[str, object]", read_json(folder / "session.json"))
        conditions = Conditions(timeout_s=cast("float", state["timeout_s"]))
        self.unreachable = cast("str | None", state["unreachable"])
        self.evidence = [
            Evidence(exchange=from_document(read_json(path), source=path.stem), conditions=conditions)
            for path in sorted(folder.glob("*.exchange.json"))
        ]

    def hand_over(self, folder: Path) -> None:
        """Stores what was played for `_load`."""
        store([each.exchange for each in self.evidence], folder)
        timeout_s = self.evidence[0].conditions.timeout_s if self.evidence else 0.0
        state = {"timeout_s": timeout_s, "unreachable": self.unreachable}
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
            reporter.write_line(f"{NODE_ID}: playing {total} scenarios against {self.endpoint.name}")

    # What is told.

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """A SHOULD that does not hold warns: neither a pass nor a failure."""
        if report.when == "call" and report.passed and _WARNED in map(tuple, report.user_properties):
            return "warned", "w", ("WARNED", {"yellow": True})
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remembers which rules were selected, in this process or in a worker."""
        if report.when == "call" and report.nodeid.startswith(f"{NODE_ID}::"):
            self._reported[report.nodeid.removeprefix(f"{NODE_ID}::")] = None

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
        if self.report is not None:
            document = to_document(run, expected_failures=self.expected, started_at=self.started_at)
            self.report.parent.mkdir(parents=True, exist_ok=True)
            self.report.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        unexpected = [each for each in run.results if each.gates and each.rule.id not in self.expected]
        nothing = run.verdict is Verdict.INCOMPLETE and not any(each.gates for each in run.results)
        if (unexpected or nothing) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Verdict, counts, and each violation so that the investigation can end there."""
        run = self.run()
        if run is None:
            return
        terminalreporter.section(f"{NODE_ID}: {run.target.name}", "=")
        for line in summary(run, repeat=self.repeat, verbose=terminalreporter.verbosity > 0):
            terminalreporter.write_line(printable(line.text), **_MARKUP[line.style])
        for name, folder in (("report", self.report), ("exchanges", self.exchanges_dir)):
            if folder is not None:
                terminalreporter.write_line(f"{name}: {folder}")


class _WorkerNode(Protocol):
    """What xdist hands over for each worker."""

    workerinput: dict[str, object]


@dataclass(eq=False)
class _Distributed:
    """pytest-xdist: the controlling process plays once, and the workers judge what it stored."""

    conformance: ConformanceSession
    folder: Path | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: _WorkerNode) -> None:
        """Called before each worker starts."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="vapi-conformance-"))
            self.conformance.play(self.conformance.rules)
            self.conformance.hand_over(self.folder)
        node.workerinput["vapi_conformance"] = str(self.folder)

    def pytest_unconfigure(self) -> None:
        """Nothing is left behind."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def store(exchanges: Sequence[Exchange], folder: Path) -> None:
    """One file each; names sort in the order of play. Files of an earlier run are taken away first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.exchange.json"):
        old.unlink()
    for number, exchange in enumerate(exchanges, 1):
        label = exchange.label
        name = "exchange" if label is None else f"{label.scenario}.{label.step}.{label.attempt}"
        save(exchange, folder / f"{number:03}-{name}.exchange.json")
