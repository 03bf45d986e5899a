"""The bundled server: started in a process of its own, and gone afterwards."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from vapi_conformance import reference
from vapi_conformance.problems import TransportError
from vapi_conformance.reference import MODEL, reference_server


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def answered(url: str, key: str) -> int:
    message = {"role": "user", "content": "Hi"}
    return httpx.post(
        f"{url}/chat/completions",
        json={"model": MODEL, "messages": [message]},
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    ).status_code


class TestRunning:
    def test_answers_to_its_key_only_and_is_gone_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UPSTREAM_BASE_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("REFERENCE_SERVER_API_KEY", "sk-of-the-user")
        with reference_server() as server:
            assert (200, 401, 401) == (
                answered(server.url, server.key),
                answered(server.url, "sk-of-the-user"),
                answered(server.url, "other"),
            )
            assert server.key not in repr(server)
        assert not listens(server.url)

    def test_is_stopped_whatever_happens_meanwhile(self) -> None:
        seen: list[str] = []

        def fail() -> None:
            with reference_server(["--pace-ms", "0"]) as server:
                seen.append(server.url)
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert [False] == [listens(url) for url in seen]

    def test_does_not_outlive_whoever_started_it(self) -> None:
        """Killed at once, without a chance to clean up, as a CI job may be."""
        program = (
            "from vapi_conformance.reference import reference_server\n"
            "with reference_server() as server:\n    print(server.url, flush=True)\n    input()\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            url = owner.stdout.readline().decode().strip()
            assert listens(url)
            owner.kill()
        deadline = time.monotonic() + 20
        while listens(url) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not listens(url)


class TestNotRunning:
    def test_its_last_words_are_told(self) -> None:
        with (
            pytest.raises(TransportError, match=r"the reference server did not start: .*No such option.*--nonsense"),
            reference_server(["--nonsense"]),
        ):
            pytest.fail("it runs")

    @staticmethod
    def python(folder: Path, code: str) -> str:
        """An interpreter that runs this in place of the server."""
        path = folder / "python"
        path.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def test_silence_is_waited_out_and_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reference, "_START_S", 0.2)
        monkeypatch.setattr(sys, "executable", self.python(tmp_path, "import time; time.sleep(60)"))
        with (
            pytest.raises(TransportError, match="the reference server did not start: it said nothing"),
            reference_server(),
        ):
            pytest.fail("it runs")

    def test_words_that_are_no_text_are_no_problem(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        code = r"import sys; sys.stdout.buffer.write(b'\xff boom\n')"
        monkeypatch.setattr(sys, "executable", self.python(tmp_path, code))
        with pytest.raises(TransportError, match="did not start: \ufffd boom"), reference_server():
            pytest.fail("it runs")
