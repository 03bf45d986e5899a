"""Whether a certificate may be believed: each check in its order, and the first that fails refuses it in one sentence.

Nothing here asks the network, and nothing trusts the certificate: who signed is known by the key that the reader has,
what was sent and came by the digests, what it came to by judging the bytes again. What was not checked, because the key
or the bundle was not given, is said and never taken for checked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vapi_conformance import __version__
from vapi_conformance.certificate.bundle import Bundle, BundleError, read_bundle
from vapi_conformance.certificate.bundle_files import MANIFEST, read_file
from vapi_conformance.certificate.canonical import canonical_json, sha256_hex
from vapi_conformance.certificate.envelope import EnvelopeError, envelope_in, key_id, opened, taken_apart
from vapi_conformance.certificate.levels import level_result, levels_document
from vapi_conformance.certificate.rejudging import differences, newer, rejudged
from vapi_conformance.certificate.requirements import requirement_set
from vapi_conformance.certificate.statement import EXTENSION, Statement, StatementError, statement_for, statement_in
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError

__all__ = ["Belief", "Check", "CheckOutcome", "Verification", "verify"]

_CLOCK_SKEW: Final = timedelta(minutes=5)
"""By how much the signer's clock may be ahead of ours."""
_MOST_DIFFERENCES: Final = 3


class Belief(Enum):
    """What all checks come to."""

    VERIFIED = "verified"
    REFUSED = "refused"
    SIGNER_UNKNOWN = "signer unknown"
    """Nothing was found wrong, and anybody could have written it."""


class CheckOutcome(Enum):
    """Of one check."""

    HELD = "held"
    REFUSED = "refused"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check, with a sentence that says what was found or why nobody looked."""

    name: str
    outcome: CheckOutcome
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What became of a certificate."""

    belief: Belief
    sentence: str
    checks: tuple[Check, ...]
    """All of them in order; those after a refusal are not checked."""
    statement: Statement | None = field(repr=False)
    """What it says; None where that cannot be read, or where the signature that was to vouch for it does not hold."""
    newer: tuple[str, ...] = ()
    """What the suite of today would say differently, a sentence each. It changes nothing."""


class _RefusedError(Exception):
    """Ends the checks. The text is the sentence."""


@dataclass(kw_only=True)
class _Case:
    """What the checks have to go on."""

    content: bytes
    key: Ed25519PublicKey | None
    folder: Path | None
    now: datetime
    payload: bytes = b""
    statement: Statement | None = None
    bundle: Bundle | None = None
    newer: tuple[str, ...] = ()

    @property
    def said(self) -> Statement:
        """The statement, once it was read."""
        if self.statement is None:
            raise RuntimeError("the statement is checked before what it says")
        return self.statement


def verify(content: bytes, *, key: Ed25519PublicKey | None, bundle: Path | None, now: datetime) -> Verification:
    """Checks the bytes of a certificate. Never raises for what is in them, or in the bundle.

    key: whose signature is asked for. bundle: the folder with what was sent and came. now: with a time zone.
    """
    case = _Case(content=content, key=key, folder=bundle, now=now)
    checks: list[Check] = []
    refusal: str | None = None
    for name, check in _CHECKS.items():
        if refusal is not None:
            checks.append(Check(name=name, outcome=CheckOutcome.NOT_CHECKED, sentence="It was refused before."))
            continue
        try:
            held = check(case)
        except _RefusedError as problem:
            refusal = str(problem)
            checks.append(Check(name=name, outcome=CheckOutcome.REFUSED, sentence=_as_sentence(refusal)))
        else:
            missing = _MISSING.get(name, "") if held is None else ""
            outcome = CheckOutcome.NOT_CHECKED if held is None else CheckOutcome.HELD
            checks.append(Check(name=name, outcome=outcome, sentence=_as_sentence(held or missing)))
    return Verification(
        belief=_belief(case, refusal),
        sentence=_as_sentence(refusal) if refusal is not None else _told(case),
        checks=tuple(checks),
        statement=case.statement,
        newer=case.newer,
    )


def _belief(case: _Case, refusal: str | None) -> Belief:
    if refusal is not None:
        return Belief.REFUSED
    return Belief.SIGNER_UNKNOWN if case.key is None else Belief.VERIFIED


def _told(case: _Case) -> str:
    if case.key is None:
        return "The signer is unknown: no key was given, and a certificate that names its own signer proves nothing."
    if case.folder is None:
        return "It is signed by this key; what it says was not checked, because the bundle was not given."
    return "It is signed by this key, and the bytes in the bundle, judged again, come to what it says."


def _as_sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", ")")) else ".")


# --- the checks -------------------------------------------------------------------------------------------------------


def _check_envelope(case: _Case) -> str:
    try:
        parts = taken_apart(envelope_in(case.content))
    except EnvelopeError as problem:
        raise _RefusedError(str(problem)) from None
    case.payload = parts.payload
    return "one statement, one signature, in the one spelling that there is"


def _check_signature(case: _Case) -> str | None:
    if case.key is None:
        return None
    try:
        case.payload = opened(envelope_in(case.content), case.key)
    except EnvelopeError as problem:
        raise _RefusedError(str(problem)) from None
    return f"Ed25519, by the key {key_id(case.key)}"


def _check_statement(case: _Case) -> str:
    try:
        case.statement = statement_in(case.payload)
    except StatementError as problem:
        raise _RefusedError(str(problem)) from None
    return "an in-toto Statement v1 with a test-result v0.1, that does not contradict itself"


def _check_bundle(case: _Case) -> str | None:
    """The manifest is known by its digest before anything in the bundle is looked at."""
    if case.folder is None:
        return None
    expected = case.said.subject("bundle")
    try:
        if sha256_hex(read_file(case.folder, MANIFEST)) != expected:
            raise _RefusedError(f"the bundle is another one: its {MANIFEST} is not what the statement is about")
        case.bundle = read_bundle(case.folder)
    except BundleError as problem:
        raise _RefusedError(f"the bundle is not what was signed: {problem}") from None
    if case.bundle.digest != expected:
        raise _RefusedError(f"the bundle is another one: its {MANIFEST} changed while it was read")
    return f"every file is there, none besides, and each has its digest; {MANIFEST} is {expected}"


def _check_dates(case: _Case) -> str:
    issued, expires = case.said.issued_at, case.said.expires_at
    if issued > case.now + _CLOCK_SKEW:
        raise _RefusedError(
            f"the certificate is dated in the future: it says it was issued on {issued:%Y-%m-%d %H:%M} UTC"
        )
    if expires <= case.now:
        raise _RefusedError(f"the certificate has expired on {expires:%Y-%m-%d %H:%M} UTC")
    return f"issued on {issued:%Y-%m-%d}, expires on {expires:%Y-%m-%d}"


def _check_requirements(case: _Case) -> str:
    reference = _reference(case.said, "requirements")
    try:
        found = requirement_set(reference)
    except UsageError as problem:
        raise _RefusedError(str(problem)) from None
    _same_in_plan(case, "requirements", reference)
    return f"{found.name}, with the digest that it has in this release"


def _check_levels(case: _Case) -> str:
    reference = _reference(case.said, "levels")
    try:
        found = levels_document(reference)
        found.up_to(str(case.said.extension["level"]))
    except UsageError as problem:
        raise _RefusedError(str(problem)) from None
    _same_in_plan(case, "levels", reference)
    return f"{found.name}, with the digest that they have in this release"


def _reference(statement: Statement, kind: str) -> dict[str, object]:
    name, digest = statement.configured(kind)
    return {"name": name, "digest": f"sha256:{digest}"}


def _same_in_plan(case: _Case, name: str, expected: object) -> None:
    if case.bundle is not None and case.bundle.plan[name] != expected:
        raise _RefusedError(f"the plan in the bundle differs from the statement in its {name}")


def _check_endpoint(case: _Case) -> str:
    target = case.said.target
    if sha256_hex(canonical_json(target)) != case.said.subject("endpoint"):
        raise _RefusedError("the endpoint that the statement describes is not the one whose digest it has")
    _same_in_plan(case, "target", target)
    return f"the one described is the one whose digest was signed: {target['url'] or target['name']}"


def _check_plan(case: _Case) -> str | None:
    if case.bundle is None:
        return None
    _, digest = case.said.configured("plan")
    if sha256_hex(canonical_json(case.bundle.plan)) != digest:
        raise _RefusedError("the plan in the bundle is not the one whose digest the statement has")
    for name in ("level", "profile", "conditions", "suite", "started_at"):
        _same_in_plan(case, name, case.said.extension[name])
    return "fixed before the first request, and the one that the statement names"


def _check_verdict(case: _Case) -> str | None:
    """The bytes are judged again; the whole statement has to come out of them, and the report in the bundle, too."""
    if case.bundle is None:
        return None
    said = case.said
    try:
        report = rejudged(case.bundle)
        again = replace(case.bundle, report=report)
        result = level_result(case.bundle.plan, report, case.bundle.bench)
        anew = statement_for(again, result, issued_at=said.issued_at, expires_at=said.expires_at)
    except UsageError as problem:
        raise _RefusedError(f"the bundle cannot be judged again: {problem}") from None
    if anew != said.document:
        difference = _first_difference(said, Statement(document=anew))
        raise _RefusedError(f"the verdict differs: {difference}{_by_another_suite(said)}")
    if found := differences(case.bundle.report, report):
        raise _RefusedError(
            "the report in the bundle is not what its bytes come to: "
            + "; ".join(found[:_MOST_DIFFERENCES])
            + _by_another_suite(said)
        )
    case.newer = tuple(newer(case.bundle))
    return f"the bytes, judged again without a network, come to {said.result}, with the same lists"


def _by_another_suite(said: Statement) -> str:
    """Levels are frozen, and the code of a rule is not: where it was mended, the changelog says what that changes."""
    issuer = str(said.extension["suite"])
    if issuer == __version__:
        return ""
    return f" (it was issued by suite {issuer}, this is {__version__}: see the verdict changes in CHANGELOG.md)"


def _first_difference(said: Statement, again: Statement) -> str:
    if said.result != again.result:
        return f"judged again, the bytes come to {again.result}, and the statement says {said.result}"
    for where, one, other in _parts(said, again):
        if one != other:
            return f"judged again, {where} {_compared(one, other)}"
    return "judged again, the statement would read otherwise"


def _parts(said: Statement, again: Statement) -> Iterator[tuple[str, object, object]]:
    for name in ("failedTests", "warnedTests", "passedTests"):
        yield name, said.predicate[name], again.predicate[name]
    for name in sorted(set(said.extension) | set(again.extension)):
        yield f"{EXTENSION}.{name}", said.extension.get(name), again.extension.get(name)


def _compared(said: object, again: object) -> str:
    """What is in one list and not in the other, where they are lists."""
    one, other = array_or_nothing(said), array_or_nothing(again)
    lacking = [each for each in other if each not in one]
    surplus = [each for each in one if each not in other]
    if lacking:
        return f"has {_named(lacking)}, which the statement does not have"
    if surplus:
        return f"has no {_named(surplus)}, which the statement has"
    return "is not what the statement says"


def _named(entries: Sequence[object]) -> str:
    names = [str(object_or_nothing(each).get("test", each)) for each in entries[:_MOST_DIFFERENCES]]
    more = len(entries) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


_CHECKS: Final[Mapping[str, Callable[[_Case], str | None]]] = {
    "envelope": _check_envelope,
    "signature": _check_signature,
    "statement": _check_statement,
    "bundle": _check_bundle,
    "dates": _check_dates,
    "requirements": _check_requirements,
    "endpoint": _check_endpoint,
    "plan": _check_plan,
    "levels": _check_levels,
    "verdict": _check_verdict,
}
_MISSING: Final = {
    "signature": "who signed is not known: give the signer's public key with --key, from a place where you trust it",
    "bundle": "what was sent and came is not there: give the folder with --bundle",
    "plan": "it is in the bundle",
    "verdict": "the bytes that it rests on were not judged again: they are in the bundle",
}
