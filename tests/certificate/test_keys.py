"""Keys: written where nobody else reads them, never over a file, not taken from where others could have read them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from vapi_conformance.certificate.keys import (
    KeyFileError,
    KeyFiles,
    checked_passphrase,
    key_files,
    load_private_key,
    load_public_key,
    new_key,
    read_secret_file,
    write_key_files,
)
from vapi_conformance.problems import UsageError

PASSPHRASE = "correct horse battery"


def made(folder: Path, *, passphrase: str | None = PASSPHRASE) -> KeyFiles:
    files = key_files(folder / "acme")
    write_key_files(new_key(), files, passphrase=None if passphrase is None else passphrase.encode())
    return files


def never() -> str:
    raise AssertionError("nobody is to be asked for a passphrase")


def refusal(load: Callable[[], object]) -> str:
    with pytest.raises(KeyFileError) as caught:
        load()
    return str(caught.value)


class TestWrittenKeys:
    def test_what_was_written_is_a_pair(self, tmp_path: Path) -> None:
        files = made(tmp_path)
        private = load_private_key(files.private, passphrase=lambda: PASSPHRASE)
        assert private.public_key() == load_public_key(files.public)

    def test_only_the_owner_reads_the_private_one(self, tmp_path: Path) -> None:
        files = made(tmp_path)
        assert 0o600 == files.private.stat().st_mode & 0o777

    @pytest.mark.skipif(which("openssl") is None, reason="the program openssl is not installed")
    def test_it_is_encrypted_pkcs8_that_openssl_reads(self, tmp_path: Path) -> None:
        files = made(tmp_path)
        assert files.private.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        derived = subprocess.run(
            ["openssl", "pkey", "-in", str(files.private), "-passin", f"pass:{PASSPHRASE}", "-pubout"],
            capture_output=True,
            check=True,
        )
        assert files.public.read_bytes() == derived.stdout

    def test_without_a_passphrase_nobody_is_asked(self, tmp_path: Path) -> None:
        files = made(tmp_path, passphrase=None)
        assert files.private.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
        assert load_private_key(files.private, passphrase=never).public_key() == load_public_key(files.public)

    def test_two_keys_are_two(self) -> None:
        assert new_key().public_key() != new_key().public_key()


class TestNothingIsWrittenOver:
    @pytest.mark.parametrize("suffix", [".key", ".pub"])
    def test_a_file_that_is_there_is_named(self, tmp_path: Path, suffix: str) -> None:
        (tmp_path / f"acme{suffix}").write_text("precious")
        assert f"{tmp_path}/acme{suffix} exists, and a key is never written over; take another name" == refusal(
            lambda: key_files(tmp_path / "acme")
        )

    def test_a_link_to_nowhere_counts_as_there(self, tmp_path: Path) -> None:
        (tmp_path / "acme.key").symlink_to(tmp_path / "elsewhere")
        assert "acme.key exists" in refusal(lambda: key_files(tmp_path / "acme"))

    def test_a_file_that_came_in_between_stays_and_half_a_pair_is_taken_away(self, tmp_path: Path) -> None:
        files = key_files(tmp_path / "acme")
        files.public.write_text("precious")
        assert "acme.pub exists" in refusal(lambda: write_key_files(new_key(), files, passphrase=None))
        assert ["acme.pub"] == [each.name for each in tmp_path.iterdir()]
        assert "precious" == files.public.read_text()

    def test_a_link_that_came_in_between_is_not_followed(self, tmp_path: Path) -> None:
        files = key_files(tmp_path / "acme")
        files.private.symlink_to(tmp_path / "stolen")
        assert "acme.key exists" in refusal(lambda: write_key_files(new_key(), files, passphrase=None))
        assert not (tmp_path / "stolen").exists()

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        assert f"the folder {tmp_path}/no does not exist" == refusal(lambda: key_files(tmp_path / "no" / "acme"))


class TestPrivateKeysOfOthers:
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o601])
    def test_a_file_that_others_may_open_is_refused_with_the_command_that_mends_it(
        self, tmp_path: Path, mode: int
    ) -> None:
        files = made(tmp_path)
        files.private.chmod(mode)
        assert (f"{files.private} can be read by others (mode {mode:04o}); run: chmod 600 {files.private}") == refusal(
            lambda: load_private_key(files.private, passphrase=never)
        )

    def test_the_command_can_be_pasted_whatever_the_name_is(self, tmp_path: Path) -> None:
        file = tmp_path / "a key; rm -rf"
        file.write_text("x")
        file.chmod(0o644)
        assert refusal(lambda: read_secret_file(file)).endswith(f"run: chmod 600 '{file}'")

    def test_a_wrong_passphrase_is_told_and_never_shown(self, tmp_path: Path) -> None:
        files = made(tmp_path)
        said = refusal(lambda: load_private_key(files.private, passphrase=lambda: "wrong horse battery"))
        assert f"{files.private} cannot be opened: the passphrase is wrong, or the file is damaged" == said

    @pytest.mark.parametrize("given", [None, ""])
    def test_no_passphrase_is_told(self, tmp_path: Path, given: str | None) -> None:
        files = made(tmp_path)
        assert "is protected by a passphrase, and none was given" in refusal(
            lambda: load_private_key(files.private, passphrase=lambda: given)
        )

    def test_a_key_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        other = generate_private_key(SECP256R1())
        private, public = tmp_path / "x.key", tmp_path / "x.pub"
        private.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        private.chmod(0o600)
        public.write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        kind = "holds a key of another kind; certificates are signed with Ed25519"
        assert f"{private} {kind}" == refusal(lambda: load_private_key(private, passphrase=never))
        assert f"{public} {kind}" == refusal(lambda: load_public_key(public))

    @pytest.mark.parametrize("content", [b"", b"\0" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n", b"x" * 70_000])
    def test_what_is_no_key_is_refused(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "x.key"
        file.write_bytes(content)
        file.chmod(0o600)
        said = refusal(lambda: load_private_key(file, passphrase=never))
        assert said.startswith(f"{file} ")

    def test_an_endless_file_is_read_no_further_than_needed(self) -> None:
        assert "is longer than 4,096 bytes" in refusal(lambda: read_secret_file(Path("/dev/zero")))

    def test_a_pipe_has_no_mode_to_mend(self, tmp_path: Path) -> None:
        reading, writing = os.pipe()
        os.write(writing, b"secret")
        os.close(writing)
        try:
            assert b"secret" == read_secret_file(Path(f"/dev/fd/{reading}"))
        finally:
            os.close(reading)

    def test_what_is_not_there_or_is_a_folder_is_told(self, tmp_path: Path) -> None:
        assert f"{tmp_path}/no does not exist" == refusal(lambda: load_public_key(tmp_path / "no"))
        assert f"{tmp_path} is a folder, not a file" == refusal(lambda: load_public_key(tmp_path))


class TestPublicKeys:
    def test_a_private_key_is_not_taken_for_one(self, tmp_path: Path) -> None:
        files = made(tmp_path)
        assert "is a private key; verifying takes the public one" in refusal(lambda: load_public_key(files.private))

    @pytest.mark.parametrize("content", [b"", b"ssh-ed25519 AAAA me", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
    def test_what_is_no_key_is_refused(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "x.pub"
        file.write_bytes(content)
        assert refusal(lambda: load_public_key(file)).startswith(f"{file} ")


class TestPassphrases:
    @pytest.mark.parametrize("passphrase", ["", "short", "elevenchars"])
    def test_a_short_one_is_refused_and_not_repeated(self, passphrase: str) -> None:
        with pytest.raises(UsageError, match="a passphrase has at least 12 characters") as caught:
            checked_passphrase(passphrase)
        assert not passphrase or passphrase not in str(caught.value)

    def test_one_that_the_library_would_not_take_is_refused(self) -> None:
        with pytest.raises(UsageError, match="a passphrase has 1 to 1023 bytes, this one has 1024"):
            checked_passphrase("x" * 1024)

    def test_one_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(UsageError, match="the passphrase is not UTF-8 text"):
            checked_passphrase("\udcff" * 20)

    def test_a_long_one_is_taken_in_any_script(self, tmp_path: Path) -> None:
        passphrase = "ключ ключ ключ"
        files = key_files(tmp_path / "acme")
        write_key_files(new_key(), files, passphrase=checked_passphrase(passphrase))
        assert load_private_key(files.private, passphrase=lambda: passphrase).public_key() == load_public_key(
            files.public
        )
