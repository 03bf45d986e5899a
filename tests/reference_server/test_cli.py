from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner

from vapi_reference_server.cli import main
from vapi_reference_server.faults import all_faults

if TYPE_CHECKING:
    from click.testing import Result


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, arguments)


class TestHelp:
    @pytest.mark.parametrize(
        "taught",
        [
            *("/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/MODEL:generateContent"),
            *("X-Fault: no-done", "UPSTREAM_BASE_URL", "REFERENCE_SERVER_API_KEY", "--model '*'"),
        ],
    )
    def test_teaches(self, taught: str) -> None:
        assert taught in run("--help").output

    def test_lists_all_faults_with_their_rules(self) -> None:
        lines = run("--list-faults").output.splitlines()
        assert [line.split()[:2] for line in lines] == [[fault.name, fault.breaks] for fault in all_faults().values()]


class TestMistakes:
    def test_an_unknown_fault(self) -> None:
        result = run("--fault", "rain")
        assert (result.exit_code, "there is no fault named 'rain'" in result.output) == (2, True)

    def test_a_variable_that_is_not_set(self) -> None:
        result = run("--api-key-env", "NOT_SET_ANYWHERE")
        assert (result.exit_code, "NOT_SET_ANYWHERE, which is not set" in result.output) == (2, True)

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            result = run("--port", str(taken.getsockname()[1]))
        assert (result.exit_code, "cannot listen on 127.0.0.1" in result.output) == (1, True)


class TestServing:
    def test_says_where_and_serves_until_it_is_stopped(self) -> None:
        command = [sys.executable, "-u", "-m", "vapi_reference_server.cli", "--port", "0", "--model", "*"]
        environment = {**os.environ, "REFERENCE_SERVER_API_KEY": "secret-of-test"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert found is not None, said
            body = {"model": "any name", "messages": [{"role": "user", "content": "Hi"}]}
            headers = {"Authorization": "Bearer secret-of-test"}
            statuses = [
                httpx.post(f"{found[0]}/chat/completions", json=body, headers=head).status_code
                for head in (headers, None)
            ]
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read().decode()
        assert statuses == [200, 401]
        assert "secret-of-test" not in said + rest
        assert "Traceback" not in rest


class TestTokens:
    @pytest.mark.parametrize("value", [None, "", "only-an-id", ":secret", "id:"])
    def test_a_variable_without_client_and_secret_is_told_and_not_shown(self, value: str | None) -> None:
        environment = {} if value is None else {"MY_CLIENT": value}
        result = run("--oauth-client-env", "MY_CLIENT", **environment)
        told = "--oauth-client-env names MY_CLIENT, which does not hold CLIENT_ID:CLIENT_SECRET"
        assert (result.exit_code, told in result.output.replace("\n", " ")) == (2, True)

    def test_help_says_where_they_come_from(self) -> None:
        assert "/oauth/token" in run("--help").output
