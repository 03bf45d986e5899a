"""A statement says what a bundle came to, in in-toto's own form, and in words that a reader can bear."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2

from made_certificates import ISSUED_AT, made_certificate
from vapi_conformance.certificate.bundle import Bundle, read_bundle
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.levels import LevelResult, current_levels, level_result
from vapi_conformance.certificate.requirements import current_set
from vapi_conformance.certificate.statement import (
    EXTENSION,
    Statement,
    StatementError,
    encoded_statement,
    instant,
    statement_for,
    statement_in,
)
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

RESULT = LevelResult(
    result="FAILED",
    reasons=("it is not reached",),
    passed=("a.holds", "ttfs.p95 > 1000ms"),
    warned=("b.holds",),
    failed=("c.holds",),
    noted=("d.holds",),
    not_shown={"e.holds": "never seen"},
    skipped={"f.holds": "not claimed", "calls/turns": "no key"},
)
LATER = ISSUED_AT + timedelta(days=90)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return read_bundle(made_certificate(tmp_path_factory.mktemp("made")).bundle)


def stated(bundle: Bundle, result: LevelResult = RESULT, **dates: datetime) -> Statement:
    document = statement_for(bundle, result, **{"issued_at": ISSUED_AT, "expires_at": LATER, **dates})
    return statement_in(encoded_statement(document))


class TestWhatItSays:
    def test_every_list_is_there_and_nothing_is_hidden(self, bundle: Bundle) -> None:
        statement = stated(bundle)
        assert (("a.holds", "ttfs.p95 > 1000ms"), ("b.holds",), ("c.holds",)) == (
            statement.tests("passed"),
            statement.tests("warned"),
            statement.tests("failed"),
        )
        extension = statement.extension
        assert (
            ["d.holds"],
            [{"test": "e.holds", "reason": "never seen"}],
            [{"test": "f.holds", "reason": "not claimed"}, {"test": "calls/turns", "reason": "no key"}],
        ) == (extension["noted"], extension["not_shown"], extension["skipped"])

    def test_subjects_are_the_bundle_and_the_endpoint(self, bundle: Bundle) -> None:
        statement = stated(bundle)
        assert (bundle.digest, sha256_hex(canonical_json(bundle.plan["target"]))) == (
            statement.subject("bundle"),
            statement.subject("endpoint"),
        )
        with pytest.raises(LookupError):
            statement.subject("nobody")

    def test_configuration_is_plan_requirements_and_levels(self, bundle: Bundle) -> None:
        statement = stated(bundle)
        assert ("", sha256_hex(canonical_json(bundle.plan))) == statement.configured("plan")
        assert (current_set().name, current_levels().name) == (
            statement.configured("requirements")[0],
            statement.configured("levels")[0],
        )

    def test_dates_are_utc_and_whole_seconds(self, bundle: Bundle) -> None:
        east = datetime(2026, 11, 21, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
        statement = stated(bundle, issued_at=east)
        assert ("2026-11-21T12:00:00Z", ISSUED_AT) == (statement.extension["issued_at"], statement.issued_at)

    def test_it_follows_its_schema_and_is_the_same_each_time(self, bundle: Bundle) -> None:
        statement = stated(bundle)
        assert () == errors("harness/certificate-statement", statement.document)
        assert encoded_statement(statement.document) == encoded_statement(stated(bundle).document)


class TestInToto:
    def test_its_types_read_every_field_of_theirs(self, bundle: Bundle) -> None:
        """Read by the package and written again: nothing of what in-toto defines is lost or called otherwise."""
        document = dict(stated(bundle).document)
        message = vars(json_format)["ParseDict"](document, vars(statement_pb2)["Statement"]())
        assert document == vars(json_format)["MessageToDict"](message)
        predicate = dict(stated(bundle).predicate)
        made = vars(test_result_pb2)["TestResult"]()
        result = vars(json_format)["ParseDict"](predicate, made, ignore_unknown_fields=True)
        del predicate[EXTENSION]
        assert predicate == vars(json_format)["MessageToDict"](result)


class TestHostileWords:
    def test_what_an_endpoint_said_is_shown_and_cut(self, bundle: Bundle) -> None:
        reasons = ("\x1b[31mred\u202e", "half \ud83d of a pair", "x" * 10_000)
        statement = stated(bundle, replace(RESULT, reasons=reasons, skipped={"f.holds": "\x07" * 3000}))
        shown = statement.extension["reasons"]
        assert ["\\x1b[31mred\\u202e", "half \\ud83d of a pair", "x" * 1999 + "…"] == shown
        (skipped,) = map(object_or_nothing, array_or_nothing(statement.extension["skipped"]))
        assert 2000 == len(str(skipped["reason"]))

    def test_a_name_that_no_rule_has_is_not_signed(self, bundle: Bundle) -> None:
        with pytest.raises(StatementError, match="the statement is none of a certificate: /predicate/passedTests/0"):
            stated(bundle, replace(RESULT, passed=("\x1b[31m",)))

    def test_a_rule_of_two_outcomes_is_not_signed(self, bundle: Bundle) -> None:
        with pytest.raises(StatementError, match=r"contradicts itself: a\.holds has two outcomes"):
            stated(bundle, replace(RESULT, failed=("a.holds",)))

    def test_a_certificate_for_ever_is_not_signed(self, bundle: Bundle) -> None:
        with pytest.raises(StatementError, match="is dated for more than 730 days"):
            stated(bundle, expires_at=ISSUED_AT + timedelta(days=731))


def test_an_instant_that_no_calendar_has_is_refused() -> None:
    assert datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC) == instant("2028-02-29T23:59:59Z")
    with pytest.raises(ValueError, match="day is out of range"):
        instant("2026-02-29T00:00:00Z")


def test_a_report_of_a_bundle_that_was_not_judged_is_nothing_to_state(tmp_path: Path) -> None:
    made = read_bundle(made_certificate(tmp_path).bundle)
    result = level_result(made.plan, made.report, made.bench)
    with pytest.raises(StatementError, match="/predicate/vapi-conformance/verdict"):
        statement_for(replace(made, report={}), result, issued_at=ISSUED_AT, expires_at=LATER)
