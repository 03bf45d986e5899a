"""A small certificate made up for tests: one exchange, the lowest level, no endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vapi_conformance import __version__
from vapi_conformance.certificate.bundle import BundleWriter, read_bundle
from vapi_conformance.certificate.conditions import Circumstances, fixed_before
from vapi_conformance.certificate.envelope import encoded, signed
from vapi_conformance.certificate.levels import current_levels, level_result
from vapi_conformance.certificate.rejudging import rejudged
from vapi_conformance.certificate.requirements import current_set
from vapi_conformance.certificate.statement import encoded_statement, statement_for
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import Exchange, Label
from vapi_conformance.specimens import base

__all__ = ["ISSUED_AT", "KEY", "OTHER_KEY", "Certificate", "Edit", "made_certificate", "public_key", "small_plan"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUED_AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

Edit = Callable[[dict[str, object]], None]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Where it lies."""

    file: Path
    bundle: Path


def public_key(folder: Path, *, of_another: bool = False) -> Path:
    """The file for whoever verifies; of somebody who signed nothing."""
    path = folder / "acme.pub"
    key = (OTHER_KEY if of_another else KEY).public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def small_plan(**changes: object) -> dict[str, object]:
    """Of the level json for an endpoint that nobody called."""
    requirements, levels, level, dialect = current_set(), current_levels(), "json", "anthropic_messages"
    return {
        "format": "vapi-conformance/certificate-plan",
        "version": 1,
        "level": level,
        "profile": "standard",
        "dialect": dialect,
        "target": {
            "name": "http://endpoint.example",
            "url": "http://endpoint.example/v1/messages",
            "platform": "direct",
            "dialect": dialect,
            "model": "m",
        },
        "requirements": requirements.reference,
        "levels": levels.reference,
        "rules": {
            name: weight.name
            for name, weight in levels.rules(level, requirements, profile="standard", dialect=dialect).items()
        },
        "shows": levels.shows(level, "standard", current_set().levels("standard", dialect)),
        "scenarios": list(levels.scenarios(level)),
        "left_out": {},
        "conditions": fixed_before(Conditions()),
        "load": None,
        "gates": [],
        "suite": __version__,
        "started_at": "2026-11-21T11:58:00+00:00",
        **changes,
    }


def exchange() -> Exchange:
    """A whole answer."""
    sound = base("anthropic-text-json")[0]
    return replace(sound, label=Label(scenario="plain-json", step="json", expects="answer", attempt=1))


def made_certificate(
    folder: Path,
    *,
    plan: Mapping[str, object] | None = None,
    issued_at: datetime = ISSUED_AT,
    valid: timedelta = timedelta(days=90),
    key: Ed25519PrivateKey = KEY,
    edit: Edit | None = None,
    report: Edit | None = None,
) -> Certificate:
    """edit: changes the statement before it is signed. report: changes the report before it joins the bundle."""
    bundle = folder / "bundle"
    bundle.mkdir(parents=True)
    writer = BundleWriter(folder=bundle)
    started_at = (issued_at - timedelta(minutes=2)).isoformat(timespec="seconds")
    writer.put("plan.json", small_plan(started_at=started_at) if plan is None else plan)
    writer.put_exchange(exchange())
    writer.put("conditions.json", Circumstances(conditions=Conditions()).to_document())
    writer.finish()
    judged = rejudged(read_bundle(bundle, is_judged=False))
    if report is not None:
        report(judged)
    writer.put("report.json", judged)
    writer.finish()
    sealed = read_bundle(bundle)
    result = level_result(sealed.plan, sealed.report, sealed.bench)
    statement = statement_for(sealed, result, issued_at=issued_at, expires_at=issued_at + valid)
    if edit is not None:
        edit(statement)
    file = folder / "certificate.json"
    file.write_bytes(encoded(signed(encoded_statement(statement), key)))
    return Certificate(file=file, bundle=bundle)
