"""The nodes: one item per rule, below one collector that stands beside the user's own tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

import pytest

from vapi_conformance.endpoint import Endpoint
from vapi_conformance.report.printable import printable
from vapi_conformance.report.text import Line, violation_lines
from vapi_conformance.rules import Level, Rule
from vapi_conformance.verdict import Outcome, RuleResult

__all__ = ["NODE_ID", "WARNED", "Judge", "RuleBroken", "RuleCollector", "RuleItem"]

NODE_ID: Final = "vapi-conformance"

WARNED: Final = ("conformance", "warned")
"""User property of an item whose rule only warns."""


class Judge(Protocol):
    """What an item asks; the session answers."""

    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def rules(self) -> Sequence[Rule]: ...
    @property
    def expected(self) -> Mapping[str, str]: ...
    @property
    def repeat(self) -> str: ...
    def result(self, rule: Rule) -> RuleResult: ...


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

    conformance: "Judge"

    @classmethod
    def made(cls, parent: pytest.Session, conformance: "Judge") -> Self:
        """from_parent takes only what pytest knows."""
        node = cls.from_parent(parent, name=NODE_ID, nodeid=NODE_ID)  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
        node.conformance = conformance
        return node

    def collect(self) -> Iterator[pytest.Item]:
        """One item per rule in force."""
        for rule in self.conformance.rules:
            yield RuleItem.made(self, rule)


class RuleItem(pytest.Item):
    """One rule over all exchanges of the session."""

    rule: Rule
    conformance: "Judge"

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
        if self.rule.origin is not None:
            self.user_properties.append(("origin", str(self.rule.origin)))
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
            self.user_properties.append(WARNED)

    def repr_failure(  # type: ignore[override]  # pytest prints whatever has toterminal
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """The investigation, not a traceback."""
        if not isinstance(excinfo.value, RuleBroken):
            return super().repr_failure(excinfo)
        result = excinfo.value.result
        first = result.findings[0].violation.actual if result.findings else result.reason
        said = " ".join(first.split())
        full = "\n".join(printable(line.text) for line in excinfo.value.lines)
        return RuleRepr(full=full, short=printable(f"{result.level.name} {result.outcome.value}: {said}"))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the item is."""
        return self.path, None, self.nodeid
