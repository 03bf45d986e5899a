"""Documents made of several runs: lists, trends, differences; each after its schema."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from made_benches import OPEN, bench
from made_benches import document as as_read
from made_history import GOOD, MIXED, report
from made_runs import NOT_APPLICABLE, PASSED, TARGET, UNTESTABLE, VIOLATED, result
from vapi_conformance.history.difference import difference_document
from vapi_conformance.history.place import Place
from vapi_conformance.history.store import Store, Wanted
from vapi_conformance.history.trend import run_document, trend_document
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules.rule import MUST
from vapi_conformance.schema import errors
from vapi_conformance.verdict import Outcome


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(place=Place(file=tmp_path / "history.db"))


def after_schema(document: Mapping[str, object]) -> Mapping[str, object]:
    name = str(document["format"]).removeprefix("vapi-conformance/")
    assert () == errors(f"harness/{name}", document)
    assert document == json.loads(json.dumps(document))
    return document


class TestList:
    def test_is_after_its_schema(self, store: Store) -> None:
        for document in (report(*MIXED), report(started_at=None), as_read(bench()), as_read(bench(OPEN))):
            store.add(document)
        runs = [run_document(each) for each in store.runs(Wanted())]
        after_schema({"format": "vapi-conformance/history-list", "version": 1, "runs": runs})
        assert {"closed loop, 2 streams", "open loop, even, 20/s", None} == {each["load"] for each in runs}


class TestTrend:
    def test_runs_that_can_be_compared_stand_together(self, store: Store) -> None:
        other = replace(TARGET, name="other")
        made = [report(), report(target=other), report(*MIXED), as_read(bench())]
        for day, each in enumerate(made, 1):
            store.add({**each, "suite": {**object_or_nothing(each["suite"]), "started_at": f"2026-11-0{day}"}})
        document = after_schema(trend_document(store.runs(Wanted())))
        series = [object_or_nothing(each) for each in array_or_nothing(document["series"])]
        assert [("bench", "reference"), ("report", TARGET.name), ("report", "other")] == [
            (each["kind"], each["target"]) for each in series
        ]
        days = [object_or_nothing(each)["started_at"] for each in array_or_nothing(series[1]["runs"])]
        assert ["2026-11-01T00:00:00+00:00", "2026-11-03T00:00:00+00:00"] == days

    def test_figures_are_those_that_were_asked_for(self, store: Store) -> None:
        store.add(as_read(bench()))
        document = after_schema(trend_document(store.runs(Wanted()), figures=["icl_ms.p50"]))
        (series,) = array_or_nothing(document["series"])
        assert ["icl_ms.p50"] == object_or_nothing(series)["figures"]


class TestDifference:
    def between(self, store: Store, before: Mapping[str, object], after: Mapping[str, object]) -> Mapping[str, object]:
        ids = [store.add(each, key=str(number)).id for number, each in enumerate((before, after))]
        first, last = [(store.run(each), store.document(each)) for each in ids]
        return after_schema(difference_document(first, last))

    @pytest.mark.parametrize(
        ("before", "after", "judgement"),
        [
            (Outcome.PASSED, Outcome.VIOLATED, "worse"),
            (Outcome.PASSED, Outcome.UNTESTABLE, "worse"),
            (Outcome.NOT_APPLICABLE, Outcome.HARNESS_ERROR, "worse"),
            (Outcome.VIOLATED, Outcome.PASSED, "better"),
            (Outcome.UNREACHABLE, Outcome.NOT_APPLICABLE, "better"),
            (Outcome.VIOLATED, Outcome.UNTESTABLE, "changed"),
            (Outcome.PASSED, Outcome.NOT_APPLICABLE, "changed"),
        ],
    )
    def test_of_a_rule(self, store: Store, before: Outcome, after: Outcome, judgement: str) -> None:
        document = self.between(store, report(result(before)), report(result(after)))
        (rule,) = map(object_or_nothing, array_or_nothing(document["rules"]))
        assert (before.value, after.value, judgement) == (rule["before"], rule["after"], rule["judgement"])
        assert (judgement == "worse") is document["is_worse"]

    def test_a_rule_that_was_not_judged_before_makes_nothing_worse(self, store: Store) -> None:
        document = self.between(store, report(PASSED, NOT_APPLICABLE), report(PASSED, VIOLATED, UNTESTABLE))
        told = {rule["id"]: rule["judgement"] for rule in map(object_or_nothing, array_or_nothing(document["rules"]))}
        assert {"sse.must-break": "new", "sse.unseen": "new", "sse.elsewhere": "gone"} == told
        assert (False, 1) == (document["is_worse"], document["same"])

    def test_tells_what_the_later_run_saw(self, store: Store) -> None:
        sound = result(Outcome.PASSED, MUST, rule_id=VIOLATED.rule.id)
        document = self.between(store, report(sound), report(VIOLATED))
        assert ["that"] == [object_or_nothing(each)["says"] for each in array_or_nothing(document["rules"])]

    def test_tells_what_else_differs(self, store: Store) -> None:
        document = self.between(store, report(), report(target=replace(TARGET, model=None, name="other")))
        assert [f"target: {TARGET.name}, then other", "model: m, then none"] == document["differs"]

    def test_of_the_same_is_nothing(self, store: Store) -> None:
        document = self.between(store, report(*MIXED), report(*MIXED))
        assert ([], [], 4, False) == (document["rules"], document["differs"], document["same"], document["is_worse"])


def test_a_report_that_tells_its_trend_is_the_run_that_wrote_it(store: Store) -> None:
    """The file of a run and the run are one."""
    first = store.add(report(*GOOD), key="a run")
    assert first.id == store.add({**report(*GOOD), "trend": []}).id
    assert "trend" not in store.document(first.id)
