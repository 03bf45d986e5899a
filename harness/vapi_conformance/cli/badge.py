"""`vapi-conformance badge`: a certificate as a badge."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from vapi_conformance.certificate.badge import Badge, badge_of, checked_link, svg_of
from vapi_conformance.certificate.envelope import envelope_in, opened, taken_apart
from vapi_conformance.certificate.keys import load_public_key
from vapi_conformance.certificate.statement import Statement, statement_in
from vapi_conformance.cli.printing import complain, json_option, print_json, print_lines
from vapi_conformance.cli.result_file import check_place, write_json, write_text
from vapi_conformance.cli.verify import read_certificate
from vapi_conformance.problems import UsageError
from vapi_conformance.report.text import Line

__all__ = ["command"]

_EPILOG: Final = """\b
Examples:
  vapi-conformance badge certificate.json --key acme.pub --out badge.svg --link https://my.host/certificate.json
  vapi-conformance badge certificate.json --out badge.json     for https://img.shields.io/endpoint?url=...

\b
In a README, the picture has to lead to the certificate by itself:
  [![conformance](badge.svg)](certificate.json)

\b
A badge proves nothing and does not know when its certificate expires: make it anew when you certify anew.
Exit status: 0 written, 2 wrong usage, no certificate, or not signed by the key.
"""


@click.command(epilog=_EPILOG)
@click.argument("certificate", type=click.Path(path_type=Path), metavar="CERT")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="FILE.json for shields.io, FILE.svg for a picture; repeatable.",
)
@click.option(
    "--link",
    default="certificate.json",
    show_default=True,
    metavar="URL",
    help="Where the picture leads: an address, or a path beside it.",
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The public key of the signer; a certificate of another one gets no badge.",
)
@json_option
def command(*, certificate: Path, out: tuple[Path, ...], link: str, key_file: Path | None, as_json: bool) -> None:
    """Make a badge of CERT, a certificate.json: what it states, with counts and colours."""
    if not out and not as_json:
        raise UsageError("say where the badge goes: --out badge.svg, --out badge.json, or --json")
    for path in out:
        if path.suffix not in (".json", ".svg"):
            raise UsageError(f"{path}: a badge is a .json or a .svg")
        check_place(path)
    try:
        checked_link(link)
    except ValueError as problem:
        raise UsageError(f"--link {link}: {problem}") from None
    statement = _statement(certificate, key_file)
    if key_file is None:
        complain("the signature was not checked: give the signer's public key with --key", is_fault=False)
    badge = badge_of(statement, now=datetime.now(UTC))
    for path in out:
        _write(badge, path, link)
    if as_json:
        print_json(badge.to_document())
    else:
        print_lines([Line(badge.title), *(Line(f"  {path}") for path in out)])


def _statement(certificate: Path, key_file: Path | None) -> Statement:
    """Raises UsageError, one sentence, for what is no certificate, or none of that key's."""
    document = envelope_in(read_certificate(certificate))
    if key_file is None:
        return statement_in(taken_apart(document).payload)
    return statement_in(opened(document, load_public_key(key_file)))


def _write(badge: Badge, path: Path, link: str) -> None:
    if path.suffix == ".json":
        write_json(badge.to_document(), path)
    else:
        write_text(svg_of(badge, link=link), path)
