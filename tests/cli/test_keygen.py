"""`keygen`: a pair of keys, asked for in every way that a passphrase can be given."""

import json
import os
import pty
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vapi_conformance.certificate.envelope import key_id
from vapi_conformance.certificate.keys import load_private_key, load_public_key
from vapi_conformance.cli import main
from vapi_conformance.schema import errors

PASSPHRASE = "correct horse battery"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["keygen", *arguments], env=environment)


def opens(folder: Path, passphrase: str | None) -> bool:
    private = load_private_key(folder / "acme.key", passphrase=lambda: passphrase)
    return private.public_key() == load_public_key(folder / "acme.pub")


class TestKeygen:
    def test_takes_the_passphrase_from_the_environment(self, tmp_path: Path) -> None:
        result = run("--out", str(tmp_path / "acme"), "--passphrase-env", "KEY_WORDS", KEY_WORDS=PASSPHRASE)
        assert 0 == result.exit_code, result.output
        assert opens(tmp_path, PASSPHRASE)
        identifier = key_id(load_public_key(tmp_path / "acme.pub"))
        assert (
            f"private key  {tmp_path}/acme.key  (encrypted, readable by you only; signs)\n"
            f"public key   {tmp_path}/acme.pub  (for everybody; verifies)\n"
            f"key id       {identifier}\n"
        ) == result.stdout

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_takes_it_from_a_file_that_only_the_owner_reads(self, tmp_path: Path, end: str) -> None:
        secret = tmp_path / "words"
        secret.write_bytes((PASSPHRASE + end).encode())
        secret.chmod(0o600)
        assert 0 == run("--out", str(tmp_path / "acme"), "--passphrase-file", str(secret)).exit_code
        assert opens(tmp_path, PASSPHRASE)

    def test_without_one_the_key_is_bare_and_says_so(self, tmp_path: Path) -> None:
        result = run("--out", str(tmp_path / "acme"), "--no-passphrase")
        assert (0, True) == (result.exit_code, "(not encrypted, readable by you only; signs)" in result.stdout)
        assert opens(tmp_path, None)

    def test_the_document_follows_its_schema_and_holds_no_secret(self, tmp_path: Path) -> None:
        result = run("--out", str(tmp_path / "acme"), "--passphrase-env", "W", "--json", W=PASSPHRASE)
        assert () == errors("harness/keygen", json.loads(result.stdout))
        assert PASSPHRASE not in result.output

    def test_help_teaches(self) -> None:
        text = run("--help").stdout
        assert "vapi-conformance keygen --out acme" in text
        assert "No file is ever written over." in text


class TestMistakes:
    def told(self, *arguments: str, **environment: str) -> str:
        result = run(*arguments, **environment)
        assert 2 == result.exit_code, result.output
        return result.stderr

    def test_no_terminal_to_ask_at(self, tmp_path: Path) -> None:
        said = self.told("--out", str(tmp_path / "acme"))
        assert (
            "Error: no terminal to ask for a passphrase; give --passphrase-env VARIABLE or --passphrase-file FILE, or "
            "--no-passphrase\n"
        ) == said
        assert [] == list(tmp_path.iterdir())

    def test_a_variable_that_is_not_there(self, tmp_path: Path) -> None:
        said = self.told("--out", str(tmp_path / "acme"), "--passphrase-env", "NO_SUCH")
        assert "Error: --passphrase-env NO_SUCH: there is no such environment variable, or it is empty\n" == said

    def test_two_places_at_once(self, tmp_path: Path) -> None:
        said = self.told("--out", str(tmp_path / "a"), "--passphrase-env", "W", "--passphrase-file", "f", W="x")
        assert "Error: give --passphrase-env or --passphrase-file, not both\n" == said

    def test_none_and_one_at_once(self, tmp_path: Path) -> None:
        said = self.told("--out", str(tmp_path / "a"), "--no-passphrase", "--passphrase-env", "W", W=PASSPHRASE)
        assert said.startswith("Error: --no-passphrase leaves nothing to do")

    def test_a_short_one_is_not_repeated(self, tmp_path: Path) -> None:
        said = self.told("--out", str(tmp_path / "acme"), "--passphrase-env", "W", W="hunter2")
        assert ("a passphrase has at least 12 characters" in said, "hunter2" in said) == (True, False)
        assert [] == list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"one\ntwo\n", "has more than one line"),
            (b"\xff\n", "is not UTF-8"),
        ],
    )
    def test_a_file_that_holds_none(self, tmp_path: Path, content: bytes, says: str) -> None:
        secret = tmp_path / "words"
        secret.write_bytes(content)
        secret.chmod(0o600)
        assert says in self.told("--out", str(tmp_path / "acme"), "--passphrase-file", str(secret))

    def test_a_file_that_others_read_is_refused_with_the_command(self, tmp_path: Path) -> None:
        secret = tmp_path / "words"
        secret.write_text(PASSPHRASE)
        secret.chmod(0o644)
        said = self.told("--out", str(tmp_path / "acme"), "--passphrase-file", str(secret))
        assert f"Error: {secret} can be read by others (mode 0644); run: chmod 600 {secret}\n" == said

    def test_a_key_that_is_there_stays(self, tmp_path: Path) -> None:
        (tmp_path / "acme.key").write_text("precious")
        assert "is never written over" in self.told("--out", str(tmp_path / "acme"), "--no-passphrase")
        assert "precious" == (tmp_path / "acme.key").read_text()


class AtATerminal:
    """The command in a terminal of its own, whose owner types these lines."""

    def __init__(self, folder: Path, *lines: str) -> None:
        program, descriptor = pty.fork()
        if program == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs tests in the background may have it ignored
            command = [sys.executable, "-m", "vapi_conformance", "keygen", "--out", str(folder / "acme")]
            os.execv(sys.executable, command)
        self.shown = ""
        for line in lines:
            self._read_until(descriptor, ":")
            os.write(descriptor, line.encode())
        self._read_until(descriptor, None)
        os.close(descriptor)
        self.status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])

    def _read_until(self, descriptor: int, mark: str | None) -> None:
        """mark: what a question ends with; None: all there is."""
        seen = ""
        while mark is None or not seen.rstrip(" ").endswith(mark):
            try:
                block = os.read(descriptor, 4096).decode()
            except OSError:  # how Linux says that nobody is at the other end any more
                break
            if not block:
                break
            seen += block
        self.shown += seen


@pytest.mark.slow
class TestAtATerminal:
    def test_asks_twice_and_shows_nothing(self, tmp_path: Path) -> None:
        session = AtATerminal(tmp_path, f"{PASSPHRASE}\n", f"{PASSPHRASE}\n")
        assert (0, False) == (session.status, PASSPHRASE in session.shown), session.shown
        assert opens(tmp_path, PASSPHRASE)

    def test_ctrl_c_ends_it_as_everywhere(self, tmp_path: Path) -> None:
        session = AtATerminal(tmp_path, "\x03")
        assert (130, []) == (session.status, list(tmp_path.iterdir())), session.shown
