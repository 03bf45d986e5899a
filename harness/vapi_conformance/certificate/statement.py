"""What a certificate says: an in-toto Statement v1 with the predicate test-result v0.1, made of a judged bundle.

The fields that in-toto has are filled as it defines them, and each statement is read through in-toto's own types.
What is ours (level, dates, what was not shown and what was skipped) stands in one extension field.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, cast

from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as InTotoStatement

from vapi_conformance.certificate.bundle import Bundle
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.levels import LevelResult
from vapi_conformance.certificate.strict import NotCanonical, from_canonical
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.report.printable import printable
from vapi_conformance.schema import errors

__all__ = [
    "EXTENSION",
    "MAX_VALID_DAYS",
    "PREDICATE_TYPE",
    "Statement",
    "StatementError",
    "encoded_statement",
    "instant",
    "statement_for",
    "statement_in",
]

EXTENSION: Final = "vapi-conformance"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
MAX_VALID_DAYS: Final = 730
"""An endpoint changes with every deployment; whoever dates a certificate further is not believed."""

_LONGEST_TEST: Final = timedelta(days=2)
"""From the first request to the signature: what was tested long ago is not dated anew by signing it again."""
_TYPE: Final = "https://in-toto.io/Statement/v1"
_SCHEMA: Final = "harness/certificate-statement"
_LONGEST_SENTENCE: Final = 2000
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_SHA256: Final = "sha256:"


class StatementError(UsageError):
    """No statement of a certificate, or one that contradicts itself. One sentence that names the place."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of the right form, that does not contradict itself. Who said it is another question."""

    document: Mapping[str, object] = field(repr=False)

    @property
    def predicate(self) -> Mapping[str, object]:
        """After test-result v0.1."""
        return object_or_nothing(self.document["predicate"])

    @property
    def extension(self) -> Mapping[str, object]:
        """Our own fields."""
        return object_or_nothing(self.predicate[EXTENSION])

    @property
    def result(self) -> str:
        """PASSED, WARNED or FAILED."""
        return str(self.predicate["result"])

    @property
    def target(self) -> Mapping[str, object]:
        """The endpoint's identity."""
        return object_or_nothing(self.extension["target"])

    @property
    def conditions(self) -> Mapping[str, object]:
        """By which it was judged, as far as a user may set them."""
        return object_or_nothing(self.extension["conditions"])

    @property
    def issued_at(self) -> datetime:
        """When it was signed, as the signer says."""
        return instant(str(self.extension["issued_at"]))

    @property
    def expires_at(self) -> datetime:
        """From then on it says nothing any more."""
        return instant(str(self.extension["expires_at"]))

    def subject(self, name: str) -> str:
        """SHA-256 of `bundle` or `endpoint`."""
        return _digest_named(self.document["subject"], name)

    def configured(self, kind: str) -> tuple[str, str]:
        """Name and SHA-256 of the `plan`, the `requirements` or the `levels`; the name is that of the document."""
        for each in map(object_or_nothing, array_or_nothing(self.predicate["configuration"])):
            first, _, rest = str(each["name"]).partition("/")
            if first == kind:
                return rest, str(object_or_nothing(each["digest"])["sha256"])
        raise LookupError(kind)

    def tests(self, kind: str) -> tuple[str, ...]:
        """Rule ids, and gates by their condition: of `passed`, `warned` or `failed`."""
        return tuple(str(each) for each in array_or_nothing(self.predicate[f"{kind}Tests"]))


def instant(text: str) -> datetime:
    """RFC 3339 in UTC and whole seconds. Raises ValueError for a day that no calendar has."""
    return datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)


def statement_for(
    bundle: Bundle, result: LevelResult, *, issued_at: datetime, expires_at: datetime
) -> dict[str, object]:
    """What is signed for a judged bundle. Raises StatementError where that would be no sound statement.

    issued_at, expires_at: with a time zone; cut to whole seconds.
    """
    plan = bundle.plan
    document: dict[str, object] = {
        "_type": _TYPE,
        "subject": [
            _descriptor("bundle", bundle.digest),
            _descriptor("endpoint", sha256_hex(canonical_json(plan["target"]))),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result.result,
            "configuration": [
                _descriptor("plan", sha256_hex(canonical_json(plan))),
                _reference("requirements", plan["requirements"]),
                _reference("levels", plan["levels"]),
            ],
            "passedTests": list(result.passed),
            "warnedTests": list(result.warned),
            "failedTests": list(result.failed),
            EXTENSION: {
                "version": 1,
                "level": plan["level"],
                "profile": plan["profile"],
                "target": plan["target"],
                "conditions": plan["conditions"],
                "verdict": bundle.report.get("verdict"),
                "reasons": [_sentence(each) for each in result.reasons],
                "noted": list(result.noted),
                "not_shown": _with_reasons(result.not_shown),
                "skipped": _with_reasons(result.skipped),
                "suite": plan["suite"],
                "started_at": plan["started_at"],
                "issued_at": _written(issued_at),
                "expires_at": _written(expires_at),
            },
        },
    }
    return dict(_checked(document).document)


def encoded_statement(document: Mapping[str, object]) -> bytes:
    """The payload that is signed."""
    return canonical_json(document)


def statement_in(payload: bytes) -> Statement:
    """The statement in an envelope's payload. Raises StatementError for any other form or spelling."""
    try:
        document = from_canonical(payload)
    except NotCanonical as problem:
        raise StatementError(f"the statement {problem}") from None
    return _checked(document)


def _checked(document: object) -> Statement:
    for problem in errors(_SCHEMA, document)[:1]:
        raise StatementError(
            f"the statement is none of a certificate: {problem.pointer or 'document'}: {problem.message}"
        )
    statement = Statement(document=object_or_nothing(document))
    _check_by_in_toto(statement)
    _check_dates(statement)
    _check_lists(statement)
    return statement


def _check_by_in_toto(statement: Statement) -> None:
    """in-toto's own types read it, too: what its tools would refuse is refused here."""
    # Their modules build the classes when they are imported, and have no types: no checker sees them.
    new_statement = cast("Callable[[], object]", vars(statement_pb2)["Statement"])
    new_result = cast("Callable[[], object]", vars(test_result_pb2)["TestResult"])
    wrapped = cast("Callable[[object], _Validated]", InTotoStatement.copy_from_pb)  # pyright: ignore[reportUnknownMemberType] - as above
    parsed = cast("Callable[..., object]", vars(json_format)["ParseDict"])
    unreadable = cast("type[Exception]", vars(json_format)["ParseError"])
    try:
        wrapped(parsed(dict(statement.document), new_statement())).validate()
        parsed(dict(statement.predicate), new_result(), ignore_unknown_fields=True)
    except (unreadable, ValueError) as problem:
        raise StatementError(f"the statement is none that in-toto reads: {str(problem)[:300]}") from None


class _Validated(Protocol):
    def validate(self) -> None: ...


def _check_dates(statement: Statement) -> None:
    try:
        issued, expires = statement.issued_at, statement.expires_at
        started = datetime.fromisoformat(str(statement.extension["started_at"]))
    except ValueError:
        raise StatementError("the statement has a date that is in no calendar") from None
    if expires <= issued:
        raise StatementError("the statement expires before it is issued")
    if started.replace(microsecond=0) > issued:
        raise StatementError("the statement is issued before its test began")
    if issued - started > _LONGEST_TEST:
        raise StatementError(f"the statement is issued more than {_LONGEST_TEST.days} days after its test began")
    if expires - issued > timedelta(days=MAX_VALID_DAYS):
        raise StatementError(f"the statement is dated for more than {MAX_VALID_DAYS} days")


def _check_lists(statement: Statement) -> None:
    extension = statement.extension
    told = [*statement.tests("passed"), *statement.tests("warned"), *statement.tests("failed")]
    told += [str(each) for each in array_or_nothing(extension["noted"])]
    told += [
        str(object_or_nothing(each)["test"])
        for name in ("not_shown", "skipped")
        for each in array_or_nothing(extension[name])
    ]
    seen: set[str] = set()
    for each in told:
        if each in seen:
            raise StatementError(f"the statement contradicts itself: {each} has two outcomes")
        seen.add(each)
    if statement.result == "PASSED" and (statement.tests("failed") or extension["verdict"] != "conformant"):
        raise StatementError("the statement contradicts itself: PASSED, and not everything that gates holds")


def _with_reasons(found: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"test": name, "reason": _sentence(reason)} for name, reason in found.items()]


def _descriptor(name: str, sha256: str) -> dict[str, object]:
    return {"name": name, "digest": {"sha256": sha256}}


def _reference(kind: str, reference: object) -> dict[str, object]:
    record = object_or_nothing(reference)
    return _descriptor(f"{kind}/{record['name']}", str(record["digest"]).removeprefix(_SHA256))


def _digest_named(descriptors: object, name: str) -> str:
    for each in map(object_or_nothing, array_or_nothing(descriptors)):
        if each["name"] == name:
            return str(object_or_nothing(each["digest"])["sha256"])
    raise LookupError(name)


def _sentence(words: str) -> str:
    """A reason may quote what an endpoint sent: that may be long, and no text that UTF-8 can carry."""
    text = printable(words)
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 1] + "…"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_INSTANT)
