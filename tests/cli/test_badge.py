"""`badge`: a certificate as a file for shields.io, as a picture, or on standard output."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from made_certificates import Certificate, made_certificate, public_key
from vapi_conformance.cli import main
from vapi_conformance.schema import errors


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["badge", *map(str, arguments)])


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Of an hour ago."""
    return made_certificate(tmp_path / "made", issued_at=datetime.now(UTC) - timedelta(hours=1))


class TestBadge:
    def test_writes_both_forms(self, tmp_path: Path, certificate: Certificate) -> None:
        svg, shields = tmp_path / "b.svg", tmp_path / "b.json"
        arguments = (certificate.file, "--key", public_key(tmp_path), "--out", svg, "--out", shields)
        result = run(*arguments, "--link", "https://my.host/c.json")
        assert (0, "") == (result.exit_code, result.stderr), result.output
        assert () == errors("harness/badge", json.loads(shields.read_text()))
        assert ('href="https://my.host/c.json"' in svg.read_text()) is True
        assert result.stdout.startswith("conformance (standard): json not reached, ")

    def test_prints_the_document(self, certificate: Certificate) -> None:
        result = run(certificate.file, "--json")
        assert (0, ()) == (result.exit_code, errors("harness/badge", json.loads(result.stdout)))

    def test_says_where_nobody_vouches(self, certificate: Certificate) -> None:
        assert "the signature was not checked: give the signer's public key with --key\n" == (
            run(certificate.file, "--json").stderr
        )

    def test_a_certificate_of_another_signer_gets_none(self, tmp_path: Path, certificate: Certificate) -> None:
        out = tmp_path / "b.svg"
        result = run(certificate.file, "--key", public_key(tmp_path, of_another=True), "--out", out)
        assert (2, False) == (result.exit_code, out.exists())
        assert result.stderr.startswith("Error: the signature is of another key: ")

    def test_help_teaches(self) -> None:
        text = run("--help").stdout
        assert "[![conformance](badge.svg)](certificate.json)" in text


class TestMistakes:
    def test_are_told_in_a_sentence_and_write_nothing(self, tmp_path: Path, certificate: Certificate) -> None:
        no_certificate = tmp_path / "x.json"
        no_certificate.write_text("{}")
        out = tmp_path / "b.svg"
        for arguments, says in (
            ((certificate.file,), "say where the badge goes: --out badge.svg, --out badge.json, or --json"),
            ((certificate.file, "--out", tmp_path / "b.png"), f"{tmp_path}/b.png: a badge is a .json or a .svg"),
            ((certificate.file, "--out", tmp_path / "no" / "b.svg"), f"the folder {tmp_path}/no does not exist"),
            (
                (certificate.file, "--out", out, "--link", "javascript:alert(1)"),
                "--link javascript:alert(1): a link is an http or https address, or a path",
            ),
            ((no_certificate, "--out", out), "the envelope is not in its canonical form (byte 2)"),
            ((tmp_path / "none.json", "--out", out), f"{tmp_path}/none.json does not exist"),
        ):
            result = run(*arguments)
            assert (2, f"Error: {says}") == (result.exit_code, result.stderr[: len(f"Error: {says}")])
        assert not out.exists()
