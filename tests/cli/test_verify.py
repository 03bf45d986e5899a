"""`verify`: what is printed, in which order, and how scripts know."""

import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn, cast

import pytest
from click.testing import CliRunner, Result

from made_certificates import KEY, Certificate, made_certificate, public_key
from vapi_conformance.certificate import verifying
from vapi_conformance.certificate.bundle import Bundle
from vapi_conformance.certificate.envelope import encoded, key_id, signed
from vapi_conformance.cli import main
from vapi_conformance.schema import errors


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Of an hour ago."""
    return made_certificate(tmp_path / "made", issued_at=datetime.now(UTC) - timedelta(hours=1))


def document_of(result: Result) -> Mapping[str, object]:
    found: object = json.loads(result.stdout)
    assert () == errors("harness/verification", found)
    return cast("Mapping[str, object]", found)


class TestText:
    def test_tells_first_whether_it_is_believed_and_then_what_it_states(
        self, tmp_path: Path, certificate: Certificate
    ) -> None:
        result = run(certificate.file, "--bundle", certificate.bundle, "--key", public_key(tmp_path))
        assert 0 == result.exit_code, result.output
        lines = result.stdout.splitlines()
        assert [
            f"verified  {certificate.file}",
            "  It is signed by this key, and the bytes in the bundle, judged again, come to what it says.",
            "",
            "it states FAILED: the level is not reached",
            "  level     json, profile standard",
            "  endpoint  http://endpoint.example/v1/messages (direct, anthropic_messages, model m)",
        ] == lines[:6]
        assert 10 == len([line for line in lines if line.startswith("  held  ")])

    def test_tells_a_patience_that_is_not_the_usual_one(self, tmp_path: Path, certificate: Certificate) -> None:
        text = run(certificate.file, "--key", public_key(tmp_path)).stdout
        assert "  judged    with a timeout of 20 s, where 60 s are usual for direct\n" in text

    def test_lists_why_and_what_was_skipped(self, tmp_path: Path, certificate: Certificate) -> None:
        text = run(certificate.file, "--key", public_key(tmp_path)).stdout
        assert (
            "auth.wrong-key-is-401 (MUST) was not shown to be kept: untestable: auth was planned and not played" in text
        )
        assert "    skipped: " in text

    def test_without_a_key_it_only_claims(self, certificate: Certificate) -> None:
        result = run(certificate.file, "--bundle", certificate.bundle)
        assert (3, f"signer unknown  {certificate.file}") == (result.exit_code, result.stdout.splitlines()[0])
        assert "it claims FAILED: the level is not reached" in result.stdout
        assert "  not checked  signature     Who signed is not known: give the signer's public key" in result.stdout

    def test_a_refused_one_is_not_repeated(self, tmp_path: Path, certificate: Certificate) -> None:
        result = run(certificate.file, "--key", public_key(tmp_path, of_another=True))
        assert (1, False) == (result.exit_code, "anthropic_messages" in result.stdout)
        assert result.stdout.splitlines()[1].startswith("  The signature is of another key: it names ")

    def test_what_today_would_say_is_told_apart(
        self, tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def newer(_: Bundle) -> list[str]:
            return ["sse.something (MUST) is new since 2026-11: it would be violated, in 1 of 1"]

        monkeypatch.setattr(verifying, "newer", newer)
        result = run(certificate.file, "--bundle", certificate.bundle, "--key", public_key(tmp_path))
        assert 0 == result.exit_code
        assert (
            "\nToday's suite would say otherwise, which changes nothing:\n"
            "  sse.something (MUST) is new since 2026-11: it would be violated, in 1 of 1\n"
        ) in result.stdout

    def test_help_teaches(self) -> None:
        text = run("--help").stdout
        assert "vapi-conformance verify certificate.json --bundle bundle --key acme.pub" in text
        assert "nothing is wrong, and the signer is unknown (no --key)" in text


class TestDocuments:
    def test_of_a_verified_one_holds_the_statement(self, tmp_path: Path, certificate: Certificate) -> None:
        result = run(certificate.file, "--bundle", certificate.bundle, "--key", public_key(tmp_path), "--json")
        document = document_of(result)
        assert (0, "verified", key_id(KEY.public_key())) == (result.exit_code, document["belief"], document["key_id"])
        assert document["statement"] is not None

    def test_of_a_refused_one_holds_none_but_a_sentence(self, tmp_path: Path, certificate: Certificate) -> None:
        (certificate.bundle / "plan.json").write_bytes(b"{}")
        result = run(certificate.file, "--bundle", certificate.bundle, "--key", public_key(tmp_path), "--json")
        document = document_of(result)
        assert (1, "refused", None) == (result.exit_code, document["belief"], document["statement"])
        assert (
            "The bundle is not what was signed: plan.json is not as long as the manifest says."
            == (document["sentence"])
        )

    def test_of_one_that_nobody_signed_says_so(self, certificate: Certificate) -> None:
        document = document_of(run(certificate.file, "--json"))
        assert ("signer unknown", None) == (document["belief"], document["key_id"])


class TestOffline:
    def test_no_socket_is_opened(
        self, tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> NoReturn:
            raise AssertionError("verifying needs no network")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        result = run(certificate.file, "--bundle", certificate.bundle, "--key", public_key(tmp_path))
        assert 0 == result.exit_code, result.output


class TestMistakes:
    def test_what_is_not_there_is_wrong_usage(self, tmp_path: Path, certificate: Certificate) -> None:
        for arguments, says in (
            ((tmp_path / "no.json",), f"Error: {tmp_path}/no.json does not exist\n"),
            ((tmp_path,), f"Error: {tmp_path} is a folder; give the certificate.json in it\n"),
            (
                (certificate.file, "--bundle", tmp_path / "no"),
                f"Error: {tmp_path}/no is no folder; --bundle takes the folder with manifest.json in it\n",
            ),
            ((certificate.file, "--key", tmp_path / "no.pub"), f"Error: {tmp_path}/no.pub does not exist\n"),
        ):
            result = run(*arguments)
            assert (2, says) == (result.exit_code, result.stderr)

    def test_the_private_key_is_not_for_verifying(self, tmp_path: Path, certificate: Certificate) -> None:
        private = tmp_path / "acme.key"
        private.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        result = run(certificate.file, "--key", private)
        assert (2, True) == (result.exit_code, "is a private key; verifying takes the public one" in result.stderr)


class TestHostileFiles:
    @pytest.mark.parametrize(
        "content",
        [b"\x1b]0;owned\x07\x1b[31m", b"\0" * 5_000_000, b"[" * 100_000, b'{"payload":"\\u202e"}\n', b""],
        ids=["control", "large", "deep", "turned", "empty"],
    )
    def test_are_refused_and_paint_nothing(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "certificate.json"
        path.write_bytes(content)
        result = run(path)
        assert (1, True) == (result.exit_code, result.stdout.startswith(f"refused  {path}\n  The envelope "))
        assert not set(result.output) & {"\x1b", "\x07", "\u202e", "\0"}

    def test_signed_names_cannot_paint_either(self, tmp_path: Path) -> None:
        """Of a target's name anything is allowed but power over the terminal."""
        path = tmp_path / "certificate.json"
        path.write_bytes(encoded(signed(b'{"\\u001b[31m":1}\n', KEY)))
        result = run(path, "--key", public_key(tmp_path))
        assert (1, False) == (result.exit_code, "\x1b" in result.output)

    def test_a_file_name_cannot_paint(self, tmp_path: Path) -> None:
        path = tmp_path / "a\x1b[31mb.json"
        path.write_bytes(b"{}")
        result = run(path)
        assert (1, False) == (result.exit_code, "\x1b" in result.output)

    def test_an_endless_file_is_read_no_further_than_a_certificate_goes(self) -> None:
        result = run("/dev/zero")
        assert (1, "refused  /dev/zero\n  The envelope is larger than 4 MiB.\n") == (
            result.exit_code,
            result.stdout[: len("refused  /dev/zero\n  The envelope is larger than 4 MiB.\n")],
        )
