"""The example of a distribution by somebody else: built, installed and used as its README says, beside ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from raw_server import chunked, head, playing, saying
from vapi_conformance.exchange_file import from_document
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "acme-conformance 0.1.0"
ACME = ("--endpoint-platform", "acme", "--endpoint-platform-option", "account=a-17")
SHOUTING = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1785312000,"model":"m","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"WELCOME to ACME."},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("source") / "acme_conformance"
    shutil.copytree(ROOT / "examples" / "acme_conformance", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return folder


@pytest.fixture(scope="module")
def target(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed; nothing is fetched."""
    folder = tmp_path_factory.mktemp("target")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, "--target", str(folder), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


class User:
    """Somebody with both distributions, in a folder of their own."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self._target = target
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def run(self, module: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """python -m."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd or self.folder,
            env={**os.environ, "PYTHONPATH": str(self._target)},
            capture_output=True,
            text=True,
            check=False,
        )

    def report(self) -> Mapping[str, object]:
        """What the last run wrote."""
        document: object = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        assert () == errors("harness/report", document)
        return object_or_nothing(document)


@pytest.fixture
def user(tmp_path: Path, target: Path) -> User:
    return User(tmp_path, target)


def rules_in(report: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return [object_or_nothing(each) for each in array_or_nothing(report["rules"])]


def test_its_own_tests_pass(user: User, source: Path) -> None:
    result = user.run("pytest", "-q", cwd=source)
    assert result.returncode == 0, result.stdout + result.stderr


def test_its_rule_stands_in_the_catalogue(user: User) -> None:
    listed = user.run("vapi_conformance", "rules", "acme.*")
    says = "No word of four letters or more is written in capitals: ACME's voices spell it."
    assert (0, f"acme.no-shouting\tSHOULD\tMUST\tSHOULD\t{says} [{ORIGIN}]\n", "") == (
        listed.returncode,
        listed.stdout,
        listed.stderr,
    )
    explained = user.run("vapi_conformance", "explain", "acme.no-shouting").stdout
    assert "A broken example\n  A word is written in capitals.\n" in explained
    assert "  actual    the word 'SEVEN'\n" in explained


def test_a_sound_endpoint_is_conformant_as_acme_calls_it(user: User) -> None:
    options = [*ACME, "--endpoint-report", "report.json", "--endpoint-save-exchanges", "kept"]
    result = user.run("pytest", "--endpoint", "reference", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "platform acme, profile standard, dialect openai_compatible, " in result.stdout
    assert f" rules, 1 of them added by {ORIGIN}\n" in result.stdout
    report = user.report()
    assert ("conformant", "acme", "ACME's switchboard 2.4") == (
        report["verdict"],
        object_or_nothing(report["target"])["platform"],
        report["hearer"],
    )
    assert [("acme.no-shouting", "passed", ORIGIN)] == [
        (rule["id"], rule["outcome"], rule["origin"]) for rule in rules_in(report) if rule["origin"] is not None
    ]
    sends_its_own_envelope(user.folder / "kept")


def sends_its_own_envelope(folder: Path) -> None:
    document: object = json.loads((folder / "001-plain.stream.1.exchange.json").read_text(encoding="utf-8"))
    request = from_document(document).request
    headers = {name.decode(): value.decode() for name, value in request.headers}
    body: object = json.loads(request.body or b"")
    envelope = object_or_nothing(object_or_nothing(body)["acme"])
    assert {"account", "conversation", "turn"} == envelope.keys()
    assert ("acme-voice/2", envelope["conversation"]) == (headers["User-Agent"], headers["X-Acme-Conversation"])
    assert set() == {"call", "metadata", "temperature"} & object_or_nothing(body).keys()  # what Vapi sends


def test_its_rule_gates_in_every_run_and_its_ears_hear_for_its_platform(user: User) -> None:
    answer = head(Content_Type="text/event-stream", Transfer_Encoding="chunked") + chunked(SHOUTING)
    options = ["--endpoint-rule", "acme.*", "--endpoint-report", "report.json"]
    with playing(saying([answer])) as url:
        as_vapi = user.run("pytest", "--endpoint", url, *options)
        by_vapi = user.report()
        user.run("pytest", "--endpoint", url, *ACME, *options)
    assert 1 == as_vapi.returncode
    assert "MUST violated: the word 'WELCOME'" in as_vapi.stdout
    assert f"  added by  {ORIGIN}\n" in as_vapi.stdout
    assert [("vapi", None)] == effects_in(by_vapi)
    assert [("acme", ORIGIN), ("openai-node", None)] == effects_in(user.report())
    assert {"silence": 1} == {name: min(number, 1) for name, number in heard_in(user.report()).items()}


def effects_in(report: Mapping[str, object]) -> list[tuple[object, object]]:
    """Who made something of the first violation."""
    (rule,) = rules_in(report)
    first = object_or_nothing(array_or_nothing(rule["violations"])[0])
    return [(each["consumer"], each["origin"]) for each in map(object_or_nothing, array_or_nothing(first["effects"]))]


def heard_in(report: Mapping[str, object]) -> Mapping[str, int]:
    return {name: int(str(number)) for name, number in object_or_nothing(report["heard"]).items()}


def test_a_setting_that_it_does_not_have_is_told(user: User) -> None:
    result = user.run("pytest", "--endpoint", "reference", *ACME, "--endpoint-platform-option", "colour=red")
    assert 4 == result.returncode
    assert "ERROR: --endpoint-platform-option: 'colour' is no setting of acme, which has account" in result.stderr


def test_it_works_where_others_judge_for_us(user: User) -> None:
    """pytest-xdist: each worker finds it by itself."""
    options = [*ACME, "--endpoint-rule", "acme.*", "-n", "2"]
    result = user.run("pytest", "--endpoint", "reference", *options)
    assert result.returncode == 0, result.stdout + result.stderr
