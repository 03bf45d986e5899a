"""`vapi-conformance keygen`: a pair of keys, one to sign certificates with, one to give away."""

from pathlib import Path

import click

from vapi_conformance.certificate.envelope import key_id
from vapi_conformance.certificate.keys import checked_passphrase, key_files, new_key, write_key_files
from vapi_conformance.cli.passphrase import given_passphrase, passphrase_options
from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.problems import UsageError
from vapi_conformance.report.text import Line

__all__ = ["command"]

_EPILOG = """\b
Examples:
  vapi-conformance keygen --out acme                 asks for a passphrase; writes acme.key and acme.pub
  vapi-conformance keygen --out acme --passphrase-env KEY_PASSPHRASE
  vapi-conformance certify https://my.host/v1 --level calls --key acme.key --out certificate
  vapi-conformance verify certificate/certificate.json --bundle certificate/bundle --key acme.pub

\b
NAME.key signs: Ed25519 in PKCS#8, encrypted with the passphrase, readable by you only. Keep it; whoever has
it can sign in your name. NAME.pub verifies: publish it where your customers already trust you, and not only
beside the certificate. No file is ever written over.
"""


@click.command(epilog=_EPILOG)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="NAME", help="NAME.key and NAME.pub.")
@passphrase_options
@click.option(
    "--no-passphrase", is_flag=True, help="Leave the private key unencrypted; whoever copies the file can sign."
)
@json_option
def command(
    *, out: Path, passphrase_env: str | None, passphrase_file: Path | None, no_passphrase: bool, as_json: bool
) -> None:
    """Make a pair of keys: NAME.key to sign certificates with, NAME.pub for those who verify them."""
    if no_passphrase and (passphrase_env is not None or passphrase_file is not None):
        raise UsageError("--no-passphrase leaves nothing to do for --passphrase-env and --passphrase-file")
    files = key_files(out)
    passphrase = None
    if not no_passphrase:
        asked = given_passphrase(env=passphrase_env, file=passphrase_file, prompt="Passphrase", is_new=True)
        passphrase = checked_passphrase(asked)
    key = new_key()
    write_key_files(key, files, passphrase=passphrase)
    identifier = key_id(key.public_key())
    if as_json:
        print_json(
            {
                "format": "vapi-conformance/keygen",
                "version": 1,
                "private_key": str(files.private),
                "public_key": str(files.public),
                "key_id": identifier,
                "is_encrypted": passphrase is not None,
            }
        )
        return
    protected = "not encrypted" if passphrase is None else "encrypted"
    print_lines(
        [
            Line(f"private key  {files.private}  ({protected}, readable by you only; signs)"),
            Line(f"public key   {files.public}  (for everybody; verifies)"),
            Line(f"key id       {identifier}"),
        ]
    )
