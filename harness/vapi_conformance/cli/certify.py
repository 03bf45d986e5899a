"""`vapi-conformance certify`: a signed statement of what an endpoint does, with everything that shows it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vapi_conformance.certificate.badge import badge_of, svg_of
from vapi_conformance.certificate.envelope import encoded, signed
from vapi_conformance.certificate.issuing import Issued, Issuer
from vapi_conformance.certificate.keys import load_private_key
from vapi_conformance.certificate.levels import current_levels
from vapi_conformance.certificate.statement import MAX_VALID_DAYS, encoded_statement, statement_for, statement_in
from vapi_conformance.cli.bench_consent import be_allowed
from vapi_conformance.cli.certify_folder import check_folder, staged
from vapi_conformance.cli.certify_latency import load_of, measured, most_sent
from vapi_conformance.cli.certify_progress import CertifyProgress
from vapi_conformance.cli.certify_text import certified_document, certified_lines
from vapi_conformance.cli.endpoint_options import endpoint_options, endpoint_settings, in_own_words
from vapi_conformance.cli.passphrase import given_passphrase, passphrase_options
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.cli.result_file import write_json, write_text
from vapi_conformance.endpoint import Endpoint, opened, read_endpoint
from vapi_conformance.report.writing import write_report

__all__ = ["command"]

_CERTIFICATE: Final = "certificate.json"
_VALID_DAYS: Final = 90
_EPILOG: Final = """\b
Examples:
  vapi-conformance keygen --out acme
  vapi-conformance certify https://my.host/v1 --api-key-env MY_KEY --level calls --key acme.key --out certificate
  vapi-conformance certify reference --level voice-ready --key acme.key --out certificate
  vapi-conformance verify certificate/certificate.json --bundle certificate/bundle --key acme.pub

\b
Levels, each with all that those before it ask for:
  json         whole answers and refusals have the right form
  streaming    answers come as a stream, event by event, to the end
  tools        tools are called as platforms run them, and results are answered
  calls        whole calls hold: changing turns, barge-ins, tools, several callers at once
  voice-ready  the first words come in time and speech does not run dry, under load
What they ask for exactly is published in schemas/harness/levels, and the rules in fixtures/requirements.

\b
DIR gets certificate.json (a DSSE envelope around an in-toto statement), the bundle with every exchange,
report.html, and a badge (badge.json for shields.io, badge.svg). A result that is not what one hoped for
is certified, too: PASSED, WARNED or FAILED.

\b
Exit status:
  0  the level is reached (PASSED, or WARNED where a SHOULD is broken)
  1  it is not reached (FAILED); the certificate says why
  2  wrong usage, or the endpoint cannot be reached: nothing is written
  130  interrupted: nothing is written
"""


@click.command(epilog=_EPILOG)
@click.argument("url")
@click.option("--level", required=True, metavar="LEVEL", help="json, streaming, tools, calls or voice-ready.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The private key that signs; `vapi-conformance keygen` makes one.",
)
@passphrase_options
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A new folder, or an empty one."
)
@click.option(
    "--valid-days",
    type=click.IntRange(1, MAX_VALID_DAYS),
    default=_VALID_DAYS,
    show_default=True,
    metavar="N",
    help="How long the certificate is believed.",
)
@click.option("--yes", is_flag=True, help="The owner of the endpoint agrees to the load: do not ask (voice-ready).")
@endpoint_options
@json_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    url: str,
    level: str,
    key_file: Path,
    passphrase_env: str | None,
    passphrase_file: Path | None,
    out: Path,
    valid_days: int,
    yes: bool,
    as_json: bool,
    **endpoint_given: object,
) -> None:
    """Certify the endpoint at URL: play what LEVEL asks for, keep every exchange, judge, and sign the result.

    URL is the base URL as in the assistant's model.url, or `reference` for the bundled server. Rules, scenarios and
    thresholds are fixed and hashed before the first request. What is judged is what was kept, so that whoever has the
    bundle can judge it again, offline, and has to come to the same result.
    """
    current_levels().up_to(level)  # a name that there is not is told before a passphrase is asked for
    check_folder(out)
    with in_own_words():
        endpoint = read_endpoint(endpoint_settings(url, endpoint_given))
    key = load_private_key(
        key_file, passphrase=lambda: given_passphrase(env=passphrase_env, file=passphrase_file, prompt="Passphrase")
    )
    certifying = _Certifying(endpoint=endpoint, level=level, progress=CertifyProgress(), yes=yes)
    with in_own_words(), staged(out) as folder:
        issued = certifying.issue(folder)
        issued_at = datetime.now(UTC)
        expires_at = issued_at + timedelta(days=valid_days)
        _seal(issued, key, folder, issued_at=issued_at, expires_at=expires_at)
    document = certified_document(issued, out=out, plan_digest=certifying.plan_digest, expires_at=expires_at)
    if as_json:
        print_json(document)
    else:
        print_lines(certified_lines(issued, document))
    sys.exit(0 if issued.result.is_reached else 1)


@dataclass(kw_only=True)
class _Certifying:
    """One certification, up to what is signed."""

    endpoint: Endpoint
    level: str
    progress: CertifyProgress
    yes: bool
    plan_digest: str = ""

    def issue(self, folder: Path) -> Issued:
        """Into an empty folder. Raises Problem where there is nothing to certify, and lets an interrupt through."""
        bundle = folder / "bundle"
        bundle.mkdir()
        issuer = Issuer(endpoint=self.endpoint, folder=bundle)
        try:
            with opened(self.endpoint) as live:
                self.plan_digest = issuer.fix(live, level=self.level)
                self._ask(issuer.plan, live.platform.url())
                complain(f"fixed before the first request: {self.plan_digest}", is_fault=False)
                issuer.play(live, self.progress.playing)
            if load_of(issuer.plan) is not None:
                self.progress.end()
                self.progress.say("measuring latency")
                issuer.measure(lambda plan: measured(plan, endpoint=self.endpoint))
            self.progress.say("judging what was kept")
            return issuer.judge()
        finally:
            self.progress.end()

    def _ask(self, plan: Mapping[str, object], url: str) -> None:
        """Load goes to nobody who does not want it."""
        planned = load_of(plan)
        if planned is not None:
            be_allowed(most_sent(planned), to=url, yes=self.yes)


def _seal(issued: Issued, key: Ed25519PrivateKey, folder: Path, *, issued_at: datetime, expires_at: datetime) -> None:
    """What stands beside the bundle; the certificate comes last."""
    document = statement_for(issued.bundle, issued.result, issued_at=issued_at, expires_at=expires_at)
    payload = encoded_statement(document)
    write_report(issued.bundle.report, folder / "report.html")
    badge = badge_of(statement_in(payload), now=issued_at)
    write_json(badge.to_document(), folder / "badge.json")
    write_text(svg_of(badge, link="certificate.json"), folder / "badge.svg")
    (folder / "certificate.json").write_bytes(encoded(signed(payload, key)))
