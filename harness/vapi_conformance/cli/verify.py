"""`vapi-conformance verify`: whether a certificate may be believed, without the network."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from vapi_conformance.certificate.conditions import unusual
from vapi_conformance.certificate.envelope import MAX_ENVELOPE_BYTES, key_id
from vapi_conformance.certificate.keys import load_public_key
from vapi_conformance.certificate.statement import Statement
from vapi_conformance.certificate.verifying import Belief, CheckOutcome, Verification, verify
from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.report.text import Line, Style

__all__ = ["command", "read_certificate"]

_STATUS: Final = {Belief.VERIFIED: 0, Belief.REFUSED: 1, Belief.SIGNER_UNKNOWN: 3}
_STYLES: Final[Mapping[Belief, Style]] = {
    Belief.VERIFIED: "good",
    Belief.REFUSED: "bad",
    Belief.SIGNER_UNKNOWN: "warning",
}
_CHECK_STYLES: Final[Mapping[CheckOutcome, Style]] = {
    CheckOutcome.HELD: "plain",
    CheckOutcome.REFUSED: "bad",
    CheckOutcome.NOT_CHECKED: "warning",
}
_RESULT_STYLES: Final[Mapping[str, Style]] = {"PASSED": "good", "WARNED": "warning", "FAILED": "bad"}
_MEANS: Final = {
    "PASSED": "the level is reached",
    "WARNED": "the level is reached, and something that only warns is not kept or was not shown",
    "FAILED": "the level is not reached",
}
_MOST_REASONS: Final = 20

_EPILOG: Final = """\b
Examples:
  vapi-conformance verify certificate.json --bundle bundle --key acme.pub
  vapi-conformance verify certificate.json --bundle bundle --key acme.pub --json | jq -r .statement.predicate.result

\b
What is checked, in this order; the first that fails refuses the certificate in one sentence:
  envelope      one DSSE envelope with one signature, in the one spelling that there is
  signature     Ed25519, by the key that you trust (--key)
  statement     an in-toto Statement v1 with a test-result v0.1 that does not contradict itself
  bundle        every file that the manifest lists, none besides, each with its digest (--bundle)
  dates         issued, and not expired
  requirements  the frozen set of rules has the digest that it has in this release
  endpoint      the endpoint described is the one whose digest was signed
  plan          what was fixed before the first request is what the statement names (--bundle)
  levels        the published levels have the digest that they have in this release
  verdict       the bytes, judged again offline, come to the same result and the same lists (--bundle)

\b
A certificate that names its own signer proves nothing: take NAME.pub from where you trust it, not from where
the certificate lies. A genuine certificate may state FAILED: look at what it states, too, and not only at the
exit status.

\b
Exit status:
  0  verified: nothing is wrong, and the key has signed it
  1  refused
  2  wrong usage, or a file cannot be read
  3  nothing is wrong, and the signer is unknown (no --key)
"""


@click.command(epilog=_EPILOG)
@click.argument("certificate", type=click.Path(path_type=Path), metavar="CERT")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The capture bundle, to judge its bytes again. Without it the verdict is not checked.",
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The public key of the signer. Without it the signer is unknown.",
)
@json_option
def command(*, certificate: Path, bundle: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Verify CERT, a certificate.json: who signed it, and whether the bytes in the bundle say the same. No network."""
    key = None if key_file is None else load_public_key(key_file)
    if bundle is not None and not bundle.is_dir():
        raise UsageError(f"{bundle} is no folder; --bundle takes the folder with manifest.json in it")
    verification = verify(read_certificate(certificate), key=key, bundle=bundle, now=datetime.now(UTC))
    if as_json:
        trusted = None if key is None else key_id(key)
        print_json(_document(verification, certificate=certificate, bundle=bundle, trusted=trusted))
    else:
        print_lines(_lines(verification, certificate))
    sys.exit(_STATUS[verification.belief])


def read_certificate(path: Path) -> bytes:
    """The bytes, as far as a certificate goes and one more. Raises UsageError where there is no file to read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_ENVELOPE_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; give the certificate.json in it") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise UsageError(f"{path} cannot be read: {reason or problem}") from None


def _document(
    verification: Verification, *, certificate: Path, bundle: Path | None, trusted: str | None
) -> dict[str, object]:
    statement = _shown(verification)
    return {
        "format": "vapi-conformance/verification",
        "version": 1,
        "certificate": str(certificate),
        "bundle": None if bundle is None else str(bundle),
        "key_id": trusted,
        "belief": verification.belief.value,
        "sentence": verification.sentence,
        "checks": [
            {"name": each.name, "outcome": each.outcome.value, "sentence": each.sentence}
            for each in verification.checks
        ],
        "statement": None if statement is None else dict(statement.document),
        "newer": list(verification.newer),
    }


def _shown(verification: Verification) -> Statement | None:
    """What a refused certificate says is not repeated: somebody might read on after the refusal."""
    return None if verification.belief is Belief.REFUSED else verification.statement


def _lines(verification: Verification, certificate: Path) -> Iterator[Line]:
    belief = verification.belief
    yield Line(f"{belief.value}  {certificate}", _STYLES[belief])
    yield Line(f"  {verification.sentence}", "plain" if belief is Belief.VERIFIED else _STYLES[belief])
    yield Line("")
    if (statement := _shown(verification)) is not None:
        yield from _stated(statement, "states" if belief is Belief.VERIFIED else "claims")
    for check in verification.checks:
        yield Line(f"  {check.outcome.value:<11}  {check.name:<12}  {check.sentence}", _CHECK_STYLES[check.outcome])
    if verification.newer:
        yield Line("")
        yield Line("Today's suite would say otherwise, which changes nothing:", "strong")
        yield from (Line(f"  {each}") for each in verification.newer)


def _stated(statement: Statement, says: str) -> Iterator[Line]:
    extension, target = statement.extension, statement.target
    yield Line(f"it {says} {statement.result}: {_MEANS[statement.result]}", _RESULT_STYLES[statement.result])
    yield Line(f"  level     {extension['level']}, profile {extension['profile']}")
    model = f", model {target['model']}" if target["model"] is not None else ""
    yield Line(f"  endpoint  {target['url'] or target['name']} ({target['platform']}, {target['dialect']}{model})")
    yield Line(
        f"  tested    {extension['started_at']}, suite {extension['suite']}; "
        f"issued {statement.issued_at:%Y-%m-%d}, expires {statement.expires_at:%Y-%m-%d}"
    )
    yield from (
        Line(f"  judged    {each}", "warning")
        for each in unusual(statement.conditions, platform=str(target["platform"]))
    )
    counts = [f"{len(statement.tests(kind))} {kind}" for kind in ("passed", "warned", "failed")]
    counts += [
        f"{len(array_or_nothing(extension[name]))} {words}"
        for name, words in (("noted", "noted"), ("not_shown", "not shown"), ("skipped", "skipped"))
    ]
    yield Line(f"  rules     {', '.join(counts)}")
    reasons = [str(each) for each in array_or_nothing(extension["reasons"])]
    yield from (Line(f"    {each}") for each in reasons[:_MOST_REASONS])
    if len(reasons) > _MOST_REASONS:
        yield Line(f"    and {len(reasons) - _MOST_REASONS} more; --json has all", "faint")
    yield from _what_was_skipped(extension)
    yield Line("")


def _what_was_skipped(extension: Mapping[str, object]) -> Iterator[Line]:
    """Skips are told by their reason, so that a long list stays readable and none is hidden."""
    by_reason: dict[str, list[str]] = {}
    for each in map(object_or_nothing, array_or_nothing(extension["skipped"])):
        by_reason.setdefault(str(each["reason"]), []).append(str(each["test"]))
    for reason, names in by_reason.items():
        yield Line(f"    skipped: {', '.join(names)}: {reason}", "faint")
