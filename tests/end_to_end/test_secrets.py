"""Nothing secret in any output, report, exchange file or temporary file, whatever an endpoint repeats of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from end_to_end.planted import PLANTED, Hostile, Ran, leaks, run, written_config
from served_apps import serving
from vapi_conformance.certificate.keys import key_files, new_key, write_key_files

pytestmark = pytest.mark.slow

PYTEST = ("pytest", "-p", "no:cacheprovider", "-v", "-rA", "--showlocals", "--junitxml", "junit.xml")
KEPT = (
    *(part for form in ("json", "html", "md") for part in ("--endpoint-report", f"report.{form}")),
    *("--endpoint-save-exchanges", "exchanges"),
)
BY_KEY = ("--endpoint-api-key-env", "PLANTED_KEY")
HEADERS = (
    *("--endpoint-header", "X-Tenant: $PLANTED_HEADER"),
    *("--endpoint-header", f"X-Some-Token: {PLANTED['header with a telling name']}"),
)
BY_TOKEN = ("--endpoint-credential", "{config}/credential.json", "--endpoint-assistant", "{config}/assistant.json")
IN_HEADERS = ("header of the environment", "header with a telling name")
IN_CONFIG = ("stored key", "client secret", "header of the assistant")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One run: which secrets it is told, how it ends, and its command. {url} is the endpoint, {config} and {refusing}
    are folders with a configuration."""

    told: tuple[str, ...]
    code: int
    command: tuple[str, ...]


def judging(*options: str, told: tuple[str, ...], code: int, path: str = "all") -> Planned:
    """With pytest."""
    return Planned(told=told, code=code, command=(*PYTEST, *KEPT, *options, "--endpoint", f"{{url}}/{path}/v1"))


def certifying(*options: str, level: str, told: tuple[str, ...], code: int, path: str = "all") -> Planned:
    """A certificate with all that was kept for it."""
    signing = ("--level", level, "--key", "{config}/signing.key", "--out", "certificate")
    return Planned(
        told=told, code=code, command=("vapi_conformance", "certify", f"{{url}}/{path}/v1", *signing, *options)
    )


RUNS = {
    "by key": judging(*BY_KEY, *HEADERS, told=("key", *IN_HEADERS), code=1),
    "by token": judging(*BY_TOKEN, *HEADERS, told=(*IN_CONFIG, *IN_HEADERS), code=1),
    "by token in workers": judging(*BY_TOKEN, "-n", "2", "--endpoint-rule", "auth.*", told=IN_CONFIG, code=1),
    "by the key of the credential": judging(
        "--endpoint-credential", "{config}/keyed.json", told=("stored key",), code=1
    ),
    "key refused": judging(*BY_KEY, *HEADERS, told=("key", *IN_HEADERS), code=4, path="401"),
    "token refused": judging(*BY_TOKEN, told=IN_CONFIG, code=4, path="401"),
    "token refused in workers": judging(*BY_TOKEN, "-n", "2", told=IN_CONFIG, code=4, path="401"),
    "wrong path": judging(*BY_KEY, told=("key",), code=4, path="404"),
    "redirected": judging(*BY_TOKEN, told=IN_CONFIG, code=4, path="302"),
    "no token": judging(
        "--endpoint-credential", "{refusing}/credential.json", told=("stored key", "client secret"), code=4
    ),
    "key in place of a variable": judging("--endpoint-api-key-env", PLANTED["key"], told=("key",), code=4),
    "certified by key": certifying(
        *("--api-key-env", "PLANTED_KEY", *(each.replace("--endpoint-", "--") for each in HEADERS)),
        level="voice-ready",
        told=("key", *IN_HEADERS),
        code=1,
    ),
    "certified by token": certifying(
        *(each.replace("--endpoint-", "--") for each in BY_TOKEN), level="streaming", told=IN_CONFIG, code=1
    ),
    "not certified": certifying("--api-key-env", "PLANTED_KEY", level="json", told=("key",), code=2, path="401"),
    "header without a name": judging("--endpoint-header", PLANTED[IN_HEADERS[1]], told=(IN_HEADERS[1],), code=4),
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A hostile endpoint that runs, and the configuration that names it."""

    hostile: Hostile
    places: dict[str, str]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("planted")
    hostile = Hostile()
    with serving(hostile.app()) as url:
        config = written_config(folder / "config", url)
        write_key_files(new_key(), key_files(config / "signing"), passphrase=None)
        refusing = written_config(folder / "refusing", url, token_path="/refusing/token")
        yield Stage(hostile=hostile, places={"url": url, "config": str(config), "refusing": str(refusing)})


def ran(stage: Stage, folder: Path, name: str) -> Ran:
    planned = RUNS[name]
    stage.hostile.plant(planned.told)
    found = run(folder / "run", *(_filled(each, stage.places) for each in planned.command))
    assert planned.code == found.code, found.output
    return found


def _filled(argument: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        argument = argument.replace(f"{{{place}}}", value)
    return argument


@pytest.mark.parametrize("name", RUNS)
def test_nothing_planted_is_seen(stage: Stage, tmp_path: Path, name: str) -> None:
    found = ran(stage, tmp_path, name)
    # What a user typed into the command line is in no hand of ours, but it must not be repeated either.
    assert [] == leaks(found, stage.hostile.planted)
    assert "INTERNALERROR" not in found.output


def test_nor_where_stored_exchanges_are_read_again(stage: Stage, tmp_path: Path) -> None:
    folder = ran(stage, tmp_path, "by token").folder
    for command in (
        ("check", "exchanges"),
        ("check", "exchanges", "--json"),
        ("hear", "exchanges"),
        ("report", "render", "report.json", "--out", "again.html"),
        ("report", "render", "report.json", "--out", "again.md"),
    ):
        found = run(folder, "vapi_conformance", *command)
        assert found.code in (0, 1), found.output
        assert [] == leaks(found, stage.hostile.planted)


def test_echoes_are_seen_as_such(stage: Stage, tmp_path: Path) -> None:
    """They did come back, or the tests above would prove nothing."""
    for name in ("by key", "by token"):
        found = ran(stage, tmp_path / name, name)
        assert "auth.key-is-not-echoed" in found.output
        texts = [(found.folder / f"report.{form}").read_text(encoding="utf-8") for form in ("json", "html", "md")]
        assert [True] * 3 == ["the whole key in" in text for text in texts]


def test_temporary_files_are_taken_away(stage: Stage, tmp_path: Path) -> None:
    found = ran(stage, tmp_path, "by token in workers")
    assert [] == [path for path in (found.folder / "temporary").rglob("*") if path.is_file()]


class TestLooking:
    """The search finds what is there."""

    @pytest.mark.parametrize("value", PLANTED.values())
    def test_in_output_files_names_and_base64(self, tmp_path: Path, value: str) -> None:
        import base64
        import json

        (tmp_path / "a.json").write_text(json.dumps({"body": base64.b64encode(value.encode()).decode()}))
        (tmp_path / "b.txt").write_text(json.dumps(value))
        found = leaks(Ran(code=0, output=f"key {value}", folder=tmp_path), [value])
        assert {"the output", "a.json, decoded", "b.txt"} <= {each.partition(" in ")[2] for each in found}
