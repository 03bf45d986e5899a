"""From a new key to a certificate of the reference server that is believed, and is no longer after one flipped bit."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from vapi_conformance.certificate.levels import current_levels
from vapi_conformance.cli import main

ENVIRONMENT = {"KEY_WORDS": "correct horse battery"}
FROM_ENVIRONMENT = ("--passphrase-env", "KEY_WORDS")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], env=ENVIRONMENT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With acme.key, acme.pub, and the certificate in `certificate`."""
    place = tmp_path_factory.mktemp("acme")
    made = run("keygen", "--out", place / "acme", *FROM_ENVIRONMENT)
    assert 0 == made.exit_code, made.output
    level = current_levels().names[0]
    arguments = ("--level", level, "--key", place / "acme.key", *FROM_ENVIRONMENT, "--out", place / "certificate")
    issued = run("certify", "reference", *arguments)
    assert 0 == issued.exit_code, issued.output
    return place


def verified(folder: Path) -> tuple[int, Mapping[str, object]]:
    certificate = folder / "certificate"
    result = run(
        "verify",
        certificate / "certificate.json",
        *("--bundle", certificate / "bundle", "--key", folder / "acme.pub", "--json"),
    )
    return result.exit_code, cast("Mapping[str, object]", json.loads(result.stdout))


def predicate(document: Mapping[str, object]) -> Mapping[str, object]:
    statement = cast("Mapping[str, Mapping[str, object]]", document["statement"])
    return statement["predicate"]


@pytest.mark.slow
class TestACertificate:
    def test_of_the_reference_server_is_verified_and_states_passed(self, folder: Path) -> None:
        status, document = verified(folder)
        assert (0, "verified", "PASSED", [], []) == (
            status,
            document["belief"],
            predicate(document)["result"],
            predicate(document)["failedTests"],
            document["newer"],
        )

    def test_lies_beside_what_people_look_at(self, folder: Path) -> None:
        assert ["badge.json", "badge.svg", "bundle", "certificate.json", "report.html"] == sorted(
            each.name for each in (folder / "certificate").iterdir()
        )

    def test_holds_neither_the_private_key_nor_its_passphrase(self, folder: Path) -> None:
        private = (folder / "acme.key").read_bytes().splitlines()[1]
        for file in (folder / "certificate").rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert private not in content
                assert ENVIRONMENT["KEY_WORDS"].encode() not in content

    def test_is_refused_after_one_flipped_bit_in_any_file_and_the_file_is_named(self, folder: Path) -> None:
        certificate = folder / "certificate"
        files = [certificate / "certificate.json", *sorted((certificate / "bundle").rglob("*.json"))]
        for number, file in enumerate(files):
            content = file.read_bytes()
            changed = bytearray(content)
            changed[len(content) * (number + 1) // (len(files) + 1)] ^= 1 << number % 8
            file.write_bytes(changed)
            status, document = verified(folder)
            file.write_bytes(content)
            assert (1, None) == (status, document["statement"])
            is_inside = file.parent != certificate
            names = (file.name,) if is_inside else ("The envelope", "The signature")
            assert any(name in str(document["sentence"]) for name in names), document["sentence"]
        assert 0 == verified(folder)[0]
