"""The command that repeats a request: exactly that request, and nothing else that a shell could do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vapi_conformance.exchange import Header, Request
from vapi_conformance.report.curl import curl, shown_headers

URL = "https://endpoint.example/v1/chat/completions"
FAKE = f"""#!{sys.executable}
import json, sys
sent = sys.stdin.buffer.read().decode("latin-1") if "@-" in sys.argv else None
print(json.dumps({{"arguments": sys.argv[1:], "sent": sent}}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a curl that tells what it was given."""
    path = tmp_path_factory.mktemp("curl")
    (path / "curl").write_text(FAKE, encoding="utf-8")
    (path / "curl").chmod(0o755)
    return path


def given_to_curl(folder: Path, command: str) -> tuple[list[str], bytes | None]:
    bash = shutil.which("bash")
    assert bash is not None
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "API_KEY": "the key", "X_TENANT": "mine"}
    done = subprocess.run(
        [bash, "-c", command], cwd=folder, env=environment, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    told = json.loads(done.stdout)
    return told["arguments"], None if told["sent"] is None else told["sent"].encode("latin-1")


def body_of(arguments: list[str], sent: bytes | None) -> bytes:
    if "--data-raw" in arguments:
        return arguments[arguments.index("--data-raw") + 1].encode()
    assert "@-" == arguments[arguments.index("--data-binary") + 1]
    assert sent is not None
    return sent


def request(*headers: Header, body: bytes | None = b"{}", method: str = "POST", url: str = URL) -> Request:
    return Request(method=method, url=url, headers=headers, body=body)


def command(asked: Request) -> str:
    made = curl(asked, most_bytes=10_000)
    assert made is not None
    return made


class TestRepeats:
    def test_url_headers_and_body(self) -> None:
        asked = request((b"Host", b"a"), (b"Content-Type", b"application/json"), (b"Content-Length", b"2"))
        assert f"curl -sSN {URL} -H 'Content-Type: application/json' --data-raw '{{}}'" == command(asked)

    def test_another_method_and_no_body(self) -> None:
        assert f"curl -sSN -X GET {URL}" == command(request(method="GET", body=b""))

    def test_asks_for_compression_where_it_was_asked_for(self) -> None:
        assert command(request((b"accept-encoding", b"gzip,deflate"))).endswith(" --compressed --data-raw '{}'")

    def test_credentials_are_variables(self, folder: Path) -> None:
        made = command(
            request(
                (b"authorization", b"Bearer ****************"),
                (b"x-tenant", b"*****"),
                (b"x-api-key", b"not masked by whoever recorded it"),
            )
        )
        assert "not masked" not in made
        arguments, _ = given_to_curl(folder, made)
        assert {"authorization: Bearer the key", "x-tenant: mine", "x-api-key: the key"} < set(arguments)

    def test_a_key_in_the_query_too(self) -> None:
        assert """'https://a.example/m?key='"$KEY" """ in command(request(url="https://a.example/m?key=planted"))

    @pytest.mark.parametrize("body", [None, b"x" * 10_001])
    def test_not_what_is_not_known_or_too_long(self, body: bytes | None) -> None:
        assert None is curl(request(body=body), most_bytes=10_000)

    @pytest.mark.parametrize(
        "body",
        [
            b"""{"a": "'; touch done; '"}""",
            b'{"a": "$(touch done) `touch done` $HOME \\\\ !"}',
            b'{"a": "line\\n"}\n',
            b"\xff\xfe\x00\x1b[2J",
            '{"a": "\u202e\u2028\ufeffx"}'.encode(),
            b"@curl",
            b"@-",
            b"",
        ],
    )
    def test_the_very_bytes(self, folder: Path, body: bytes) -> None:
        made = command(request(body=body))
        arguments, sent = given_to_curl(folder, made)
        assert body == (body_of(arguments, sent) if body else b"")
        assert ["curl"] == sorted(path.name for path in folder.iterdir())
        assert made.isprintable()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(min_size=1, max_size=60).filter(lambda body: b"\0" not in body), st.binary(max_size=20))
    def test_any_bytes(self, folder: Path, body: bytes, value: bytes) -> None:
        made = command(request((b"x-a", value), body=body))
        assert made.isprintable()
        arguments, sent = given_to_curl(folder, made)
        assert body == body_of(arguments, sent)

    def test_a_header_without_a_value_and_what_is_no_header(self) -> None:
        made = command(request((b"x-empty", b""), (b"@curl", b""), (b"x a", b"b"), (b"", b"c")))
        assert f"curl -sSN {URL} -H 'x-empty;' --data-raw '{{}}'" == made


class TestShownHeaders:
    def test_keeps_the_scheme_and_hides_the_rest(self) -> None:
        headers = ((b"Authorization", b"Bearer abc"), (b"Cookie", b"a=b"), (b"accept", b"*/*"))
        assert [("Authorization", "Bearer ****"), ("Cookie", "****"), ("accept", "*/*")] == list(shown_headers(headers))
