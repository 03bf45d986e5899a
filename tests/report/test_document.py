"""The report as a document: always after its schema, whatever became of the run."""

import json
import platform
from dataclasses import replace

import pytest

from made_runs import (
    INFORMED,
    NOT_APPLICABLE,
    OURS,
    PASSED,
    SOUND,
    UNREACHABLE,
    UNTESTABLE,
    VIOLATED,
    WARNED,
    result,
    run,
)
from vapi_conformance import __version__
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Read
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.bytes_shown import visible
from vapi_conformance.report.document import to_document
from vapi_conformance.report.run import Run
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST, Profile, Violation
from vapi_conformance.schema import errors
from vapi_conformance.specimens import all_specimens
from vapi_conformance.verdict import Finding, Outcome, judge


def rules_of(made: Run) -> list[dict[str, object]]:
    return [dict(object_or_nothing(each)) for each in array_or_nothing(to_document(made)["rules"])]


class TestSchema:
    @pytest.mark.parametrize(
        "made",
        [
            run(),
            run(PASSED, VIOLATED, WARNED, INFORMED, UNTESTABLE, UNREACHABLE, OURS, NOT_APPLICABLE),
            run(PASSED, unreachable="nobody is there"),
            run(PASSED, duration_s=1.5, lints=["a"], heard={"heard": 2, "call-ends": 1}),
            run(PASSED, target=replace(run().target, url=None, model=None)),
            run(
                result(
                    Outcome.VIOLATED, MUST, Violation(expected="a", actual="\ud800", chunk=1, start=2, end=3, at_ns=4)
                )
            ),
        ],
        ids=["nothing", "every outcome", "out of reach", "all told", "no url", "hostile words"],
    )
    def test_holds(self, made: Run) -> None:
        document = to_document(made, expected_failures={"sse.passes"}, started_at="2026-11-21T03:00:00+00:00")
        assert () == errors("harness/report", document)
        assert document == json.loads(json.dumps(document))

    def test_holds_for_every_specimen_judged_by_every_rule(self) -> None:
        for specimen in all_specimens():
            evidence = specimen.broken_evidence()
            dialect = Dialect.OPENAI_CHAT_COMPLETIONS
            results = judge([all_rules()[specimen.rule]], evidence, profile=Profile.STANDARD, dialect=dialect)
            made = run(*results, exchanges=len(evidence))
            assert () == errors("harness/report", to_document(made)), specimen.rule

    def test_holds_for_an_exchange_without_a_response(self) -> None:
        dead = replace(SOUND, response=None, reads=(), end=End.NO_RESPONSE, error="refused")
        results = judge(
            all_rules().values(), [Evidence(exchange=dead)], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE
        )
        document = to_document(run(*results, exchanges=1))
        assert () == errors("harness/report", document)
        assert "incomplete" == document["verdict"]
        assert {"unreachable"} == {str(each["outcome"]) for each in rules_of(run(*results))}


class TestContent:
    def test_of_a_run(self) -> None:
        document = to_document(
            run(PASSED, VIOLATED, duration_s=1.5, lints=["a", "b"], heard={"heard": 2}), started_at="2026-11-21"
        )
        assert {
            "format": "vapi-conformance/report",
            "version": 1,
            "verdict": "violated",
            "profile": "vapi",
            "dialect": "openai_compatible",
            "target": {
                "name": "http://endpoint.example/v1",
                "url": "http://endpoint.example/v1/chat/completions",
                "platform": "vapi",
                "model": "m",
            },
            "suite": {"version": __version__, "started_at": "2026-11-21", "duration_s": 1.5},
            "machine": {
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
            },
            "expected_failures": [],
            "exchanges": 3,
            "heard": {"heard": 2},
            "hearer": "Vapi",
            "lints": ["a", "b"],
            "recognised": None,
            "flavour": None,
            "unreachable": None,
            "played": [],
        } == {key: value for key, value in document.items() if key not in ("rules", "counts")}

    def test_of_a_rule_and_its_violation(self) -> None:
        violation = Violation(expected="an end", actual="none", chunk=0, start=0, end=9, at_ns=1_234_567)
        (told,) = rules_of(run(result(Outcome.VIOLATED, MUST, violation)))
        assert {
            "id": "sse.holds",
            "level": "MUST",
            "outcome": "violated",
            "statement": "What is required holds.",
            "source": "A standard, 1.2",
            "remedy": "Mend it.",
            "origin": None,
            "judged": 1,
            "broken": 1,
            "reason": "",
            "expected_failure": False,
            "violations": [
                {
                    "expected": "an end",
                    "actual": "none",
                    "exchange": "plain/stream",
                    "chunk": 0,
                    "start_byte": 0,
                    "end_byte": 9,
                    "at_ms": 1.235,
                    "bytes": {
                        "before": "",
                        "marked": visible(SOUND.body[:9]),
                        "after": visible(SOUND.body[9:129]),
                        "left_out": 0,
                    },
                    "repeat": None,
                    "effects": [
                        {
                            "consumer": "vapi",
                            "what": "heard",
                            "sentence": "Vapi, of this answer as a whole: The answer is spoken. (observed)",
                            "ended_reasons": [],
                            "sureness": "observed",
                            "origin": None,
                        }
                    ],
                }
            ],
        } == told

    def test_what_is_not_known_is_null(self) -> None:
        (told,) = rules_of(run(VIOLATED))
        (violation,) = array_or_nothing(told["violations"])
        nothing = ("chunk", "start_byte", "end_byte", "at_ms")
        assert [None] * 4 == [object_or_nothing(violation)[key] for key in nothing]

    def test_rules_stand_in_the_order_of_the_run(self) -> None:
        assert ["sse.must-break", "sse.passes"] == [each["id"] for each in rules_of(run(VIOLATED, PASSED))]

    def test_expected_failures_are_marked(self) -> None:
        document = to_document(run(PASSED, VIOLATED), expected_failures=["sse.must-break"])
        rules = [object_or_nothing(each) for each in array_or_nothing(document["rules"])]
        assert [False, True] == [each["expected_failure"] for each in rules]

    def test_a_rule_tells_fifty_violations_and_counts_the_exchanges(self) -> None:
        many = result(Outcome.VIOLATED, MUST, *[Violation(expected="a", actual=str(number)) for number in range(80)])
        (told,) = rules_of(run(replace(many, judged=90, broken=80)))
        assert (50, 90, 80) == (len(array_or_nothing(told["violations"])), told["judged"], told["broken"])

    def test_each_exchange_tells_the_rules_that_it_breaks_however_many_break_them(self) -> None:
        violation, passed = Violation(expected="a", actual="b"), result(Outcome.PASSED, rule_id="sse.passes")
        evidence = [Evidence(exchange=replace(SOUND, source=f"plain/{number}")) for number in range(80)]
        findings = tuple(Finding(violation=violation, evidence=each) for each in [*evidence[:70], *evidence[:70]])
        broken = replace(result(Outcome.VIOLATED, rule_id="sse.must-break"), findings=findings, broken=70)
        document = to_document(run(passed, broken), evidence=evidence)
        played = [object_or_nothing(each) for each in array_or_nothing(document["played"])]
        assert [["sse.must-break"]] * 70 + [[]] * 10 == [each["breaks"] for each in played]

    def test_words_of_an_endpoint_are_data(self) -> None:
        body = b'data: {"error": {"message": "\\u001b[2J\\nconformant"}}\n\n'
        hostile: Exchange = replace(SOUND, reads=(Read(at_ns=1, data=body),))
        document = to_document(run(result(Outcome.VIOLATED, exchange=hostile)))
        assert () == errors("harness/report", document)
        assert "\x1b" not in json.dumps(document)
