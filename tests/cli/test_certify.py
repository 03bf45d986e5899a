"""`certify` as a user types it: what it leaves behind, what it says, and that half a certificate is never found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from latency.streaming_apps import Answering, endpoint
from made_certificates import KEY
from vapi_conformance.certificate.bundle import read_bundle
from vapi_conformance.certificate.canonical import canonical_json, digest_of
from vapi_conformance.certificate.keys import key_files, write_key_files
from vapi_conformance.certificate.rejudging import rejudged
from vapi_conformance.certificate.verifying import Belief, verify
from vapi_conformance.cli import main
from vapi_conformance.cli.certify_folder import staged
from vapi_conformance.cli.certify_latency import load_of, measured, most_sent
from vapi_conformance.endpoint import read_endpoint
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
LOAD = {"streams": 2, "requests": 20, "warm_up": 2, "say": "Hello there."}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder with a key."""

    folder: Path
    key: Path

    def certify(self, url: str, *options: str, level: str = "json", out: str = "certificate") -> Result:
        arguments = ["certify", url, "--level", level, "--key", str(self.key), "--out", str(self.folder / out)]
        return CliRunner().invoke(main, [*arguments, *options])

    @property
    def left(self) -> set[str]:
        """What lies there beside the keys."""
        return {path.name for path in self.folder.iterdir()} - {"signing.key", "signing.pub"}


def made_desk(folder: Path) -> Desk:
    files = key_files(folder / "signing")
    write_key_files(KEY, files, passphrase=None)
    return Desk(folder=folder, key=files.private)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return made_desk(tmp_path)


@pytest.fixture
def served() -> Iterator[tuple[str, Answering]]:
    with endpoint() as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Certified:
    """The bundled server, certified once."""

    out: Path
    result: Result

    @property
    def document(self) -> Mapping[str, object]:
        return object_or_nothing(json.loads(self.result.stdout))


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    desk = made_desk(tmp_path_factory.mktemp("desk"))
    result = desk.certify("reference", "--json")
    assert 0 == result.exit_code, result.stderr
    return Certified(out=desk.folder / "certificate", result=result)


class TestACertificate:
    def test_is_believed_by_its_key_and_bundle(self, certified: Certified) -> None:
        verification = verify(
            (certified.out / "certificate.json").read_bytes(),
            key=KEY.public_key(),
            bundle=certified.out / "bundle",
            now=datetime.now(UTC),
        )
        assert (Belief.VERIFIED, ()) == (verification.belief, verification.newer), verification.sentence

    def test_stands_in_a_folder_with_its_bundle_and_its_report(self, certified: Certified) -> None:
        assert {"certificate.json", "report.html", "badge.json", "badge.svg", "bundle"} == {
            path.name for path in certified.out.iterdir()
        }
        assert {certified.out.name, "signing.key", "signing.pub"} == {
            path.name for path in certified.out.parent.iterdir()
        }

    def test_its_json_is_one_document_after_its_schema(self, certified: Certified) -> None:
        assert () == tuple(errors("harness/certify", certified.document))
        assert ("PASSED", "json", "vapi") == tuple(certified.document[name] for name in ("result", "level", "profile"))

    def test_the_digest_told_before_the_first_request_is_that_of_the_plan(self, certified: Certified) -> None:
        plan = json.loads((certified.out / "bundle" / "plan.json").read_bytes())
        assert f"fixed before the first request: {digest_of(plan)}" == certified.result.stderr.splitlines()[0]
        assert digest_of(plan) == certified.document["plan_digest"]

    def test_judging_again_gives_the_very_report(self, certified: Certified) -> None:
        bundle = read_bundle(certified.out / "bundle")
        assert canonical_json(bundle.report) == canonical_json(rejudged(bundle))
        assert f"sha256:{bundle.digest}" == certified.document["bundle_digest"]

    def test_what_was_left_out_is_listed(self, certified: Certified) -> None:
        skipped = object_or_nothing(certified.document["skipped"])
        assert "no client of this API sends such requests" == skipped["anthropic-version"]

    def test_is_believed_for_ninety_days(self, certified: Certified) -> None:
        days = datetime.fromisoformat(str(certified.document["expires_at"])) - datetime.now(UTC)
        assert timedelta(days=89) < days <= timedelta(days=90)


class TestAnEndpointThatFails:
    def test_is_certified_honestly(self, desk: Desk, served: tuple[str, Answering]) -> None:
        """It streams whatever it is asked, and refuses nothing."""
        result = desk.certify(served[0], "--valid-days", "7")
        assert 1 == result.exit_code, result.output
        lines = result.stdout.splitlines()
        assert f"FAILED  level json not reached by {served[0]}" == lines[0]
        assert "  a whole answer in JSON was never shown" == lines[2]
        verification = verify(
            (desk.folder / "certificate" / "certificate.json").read_bytes(),
            key=KEY.public_key(),
            bundle=desk.folder / "certificate" / "bundle",
            now=datetime.now(UTC),
        )
        assert Belief.VERIFIED is verification.belief, verification.sentence
        assert verification.statement is not None
        assert ("FAILED", True) == (
            verification.statement.result,
            "http.malformed-json-is-400" in verification.statement.tests("warned"),
        )

    def test_is_told_of_with_the_patience_that_was_asked_for(self, desk: Desk, served: tuple[str, Answering]) -> None:
        asked = desk.certify(served[0], "--timeout", "600").stdout.splitlines()
        usual = desk.certify(served[0], out="usual").stdout.splitlines()
        assert ("judged with a timeout of 600 s, where 20 s are usual for vapi", "  a whole answer in JSON") == (
            asked[2],
            usual[2][:24],
        )


class TestWhatIsRefusedBeforeAnythingIsSent:
    @pytest.mark.parametrize("name", ["certificate/a file", "certificate/.hidden"])
    def test_a_folder_that_is_not_empty(self, desk: Desk, served: tuple[str, Answering], name: str) -> None:
        (desk.folder / "certificate").mkdir()
        (desk.folder / name).write_text("mine")
        result = desk.certify(served[0])
        assert (2, "mine", []) == (result.exit_code, (desk.folder / name).read_text(), served[1].bodies)
        assert "is not empty; a certificate gets a folder of its own" in result.stderr

    def test_a_file_or_a_link_in_place_of_the_folder(self, desk: Desk, served: tuple[str, Answering]) -> None:
        (desk.folder / "file").write_text("mine")
        (desk.folder / "link").symlink_to(desk.folder / "nowhere")
        for name in ("file", "link"):
            result = desk.certify(served[0], out=name)
            assert (2, True) == (result.exit_code, "is no folder" in result.stderr)
        assert [] == served[1].bodies

    def test_a_folder_that_cannot_be_made(self, desk: Desk) -> None:
        result = desk.certify("reference", out="not/there/certificate")
        assert (2, True) == (result.exit_code, "does not exist" in result.stderr)

    def test_a_level_that_there_is_not(self, desk: Desk) -> None:
        result = desk.certify("reference", level="excellent")
        assert (
            2,
            "Error: there is no level 'excellent'; the levels are: json, streaming, tools, calls, voice-ready\n",
        ) == (result.exit_code, result.stderr)

    def test_a_key_that_is_none(self, desk: Desk, served: tuple[str, Answering]) -> None:
        desk.key.write_text("no key")
        result = desk.certify(served[0])
        assert (2, [], set()) == (result.exit_code, served[1].bodies, desk.left)

    def test_load_to_a_host_of_somebody_else_without_a_yes(self, desk: Desk) -> None:
        result = desk.certify("https://host.example/v1", level="voice-ready")
        assert (2, set()) == (result.exit_code, desk.left)
        assert "This sends up to 208 requests to host.example, 4 at once." in result.stderr
        assert "give --yes" in result.stderr

    def test_mistakes_in_the_endpoint_are_told_in_the_options_of_this_command(self, desk: Desk) -> None:
        result = desk.certify("host.example")
        assert (2, "Error: URL needs http:// or https://, got 'host.example'\n") == (result.exit_code, result.stderr)


class TestNothingIsLeft:
    def test_of_an_endpoint_that_cannot_be_reached(self, desk: Desk) -> None:
        result = desk.certify("http://127.0.0.1:9/v1")
        assert (2, set()) == (result.exit_code, desk.left)
        assert "cannot be reached" in result.stderr

    @posix
    def test_of_one_that_was_interrupted(self, desk: Desk, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: time.sleep(0.2)  # so that it is not over before the interrupt comes
        out = desk.folder / "certificate"
        command = [sys.executable, "-m", "vapi_conformance", "certify", url, "--level", "calls"]
        process = subprocess.Popen(
            [*command, "--key", str(desk.key), "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
        )
        until = time.monotonic() + 60
        while len(app.bodies) < 3:
            assert time.monotonic() < until, "nothing is sent"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert (130, set()) == (process.returncode, desk.left)

    @posix
    def test_that_looks_like_a_certificate_when_it_was_killed(self, desk: Desk, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: time.sleep(0.2)
        command = [sys.executable, "-m", "vapi_conformance", "certify", url, "--level", "calls"]
        process = subprocess.Popen(
            [*command, "--key", str(desk.key), "--out", str(desk.folder / "certificate")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while len(app.bodies) < 3:
            assert time.monotonic() < until, "nothing is sent"
            time.sleep(0.05)
        process.kill()
        process.communicate(timeout=60)
        assert not (desk.folder / "certificate").exists()
        assert [] == [
            path.name for path in desk.folder.rglob("*") if path.name in ("certificate.json", "manifest.json")
        ]


class TestStaging:
    def test_a_folder_appears_when_it_is_whole(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        with staged(out) as folder:
            (folder / "file").write_text("whole")
            assert not out.exists()
        assert ("whole", [out]) == ((out / "file").read_text(), list(tmp_path.iterdir()))

    def test_an_empty_one_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        with staged(tmp_path / "out") as folder:
            (folder / "file").write_text("whole")
        assert "whole" == (tmp_path / "out" / "file").read_text()

    @pytest.mark.parametrize("problem", [RuntimeError("a bug"), KeyboardInterrupt()])
    def test_nothing_stays_when_the_work_ends_badly(self, tmp_path: Path, problem: BaseException) -> None:
        def work() -> None:
            with staged(tmp_path / "out") as folder:
                (folder / "file").write_text("half")
                raise problem

        with pytest.raises(type(problem)):
            work()
        assert [] == list(tmp_path.iterdir())

    def test_what_somebody_put_there_meanwhile_is_not_touched(self, tmp_path: Path) -> None:
        def work() -> None:
            with staged(tmp_path / "out"):
                (tmp_path / "out").mkdir()
                (tmp_path / "out" / "file").write_text("theirs")

        with pytest.raises(UsageError, match="is not empty"):
            work()
        assert ["theirs"] == [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]


class TestLatency:
    def test_is_measured_under_the_load_of_the_plan(
        self, served: tuple[str, Answering], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, app = served
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        bench = measured({"load": LOAD}, endpoint=read_endpoint({"": [url]}))
        assert () == tuple(errors("harness/bench", bench))
        assert (20, 2, {**LOAD, "nodes": 1}) == (bench["requests"], bench["warm_up"], bench["settings"])
        assert {"Hello there."} == {str(messages[-1]["content"]) for messages in app.messages}
        assert cast("dict[str, object]", bench["ttfs_ms"])["histogram"] is not None
        assert False is object_or_nothing(bench["calibration"])["is_from_cache"]

    def test_a_client_that_was_the_bottleneck_measures_once_more(
        self,
        served: tuple[str, Answering],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

        def busy(*_: object, **__: object) -> Iterator[str]:
            return iter(["it was busy"])

        monkeypatch.setattr("vapi_conformance.latency.running.reasons", busy)
        bench = measured({"load": LOAD}, endpoint=read_endpoint({"": [served[0]]}))
        assert (44, True) == (len(served[1].bodies), bench["client_was_bottleneck"])
        told = capsys.readouterr().err
        assert "the client was the bottleneck (it was busy); it is measured once more\n" in told
        assert 2 == told.count("it was busy")

    def test_both_attempts_are_in_what_is_agreed_to(self) -> None:
        planned = load_of({"load": LOAD})
        assert planned is not None
        assert (44, 2) == (most_sent(planned).requests, most_sent(planned).streams)

    def test_a_plan_without_a_load_measures_nothing(self) -> None:
        assert None is load_of({"load": None})


def test_help_teaches_with_an_example() -> None:
    result = CliRunner().invoke(main, ["certify", "--help"])
    assert 0 == result.exit_code
    assert "vapi-conformance certify https://my.host/v1 --api-key-env MY_KEY --level calls" in result.output
