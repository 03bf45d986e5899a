"""Calls by keyboard whose tools are run by a server: what no file can carry as it is, and what none may hold."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cli.telephone import calling
from served_apps import serving
from timed_answers import DONE, chunk, words
from vapi_conformance.cli.main import main


async def chat(request: Request) -> Response:
    told = json.dumps(await request.json())
    answer = (
        words("Wet.") + chunk({}, "stop") + DONE if "tool_call_id" in told else calling("look_up", '{"a": "\ud83d"}')
    )
    return Response(answer, media_type="text/event-stream")


async def hook(request: Request) -> Response:
    message = (await request.json())["message"]
    results = [{"toolCallId": each["id"], "result": "Rain \ud83d."} for each in message["toolCallList"]]
    return Response(json.dumps({"results": results}), media_type="application/json")


async def telling_hook(request: Request) -> Response:
    message = (await request.json())["message"]
    results = [{"toolCallId": each["id"], "result": str(request.url)} for each in message["toolCallList"]]
    return Response(json.dumps({"results": results}), media_type="application/json")


SECRETS = ("planted%2Dsecret-77", "planted-secret-77")
ROUTES = [
    Route("/telling", telling_hook, methods=["POST"]),
    Route("/chat/completions", chat, methods=["POST"]),
    Route("/hook", hook, methods=["POST"]),
]


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_result_that_is_no_unicode_is_sent_and_kept_as_an_escape() -> None:
    with serving(Starlette(routes=ROUTES)) as url:
        tool = {"type": "function", "function": {"name": "look_up"}, "server": {"url": f"{url}/hook"}}
        model = {"provider": "custom-llm", "url": url, "model": "m", "tools": [tool]}
        Path("assistant.json").write_text(json.dumps({"model": model}), encoding="utf-8")
        arguments = ["call", url, "--assistant", "assistant.json", "--save", "kept.json"]
        held = CliRunner().invoke(main, arguments, input="Weather?\n")
        played = CliRunner().invoke(main, ["call", url, "--scenario", "kept.json"])
    assert (None, None) == tuple(
        each.exception if not isinstance(each.exception, SystemExit) else None for each in (held, played)
    )
    assert r'"returns": "Rain \ud83d."' in Path("kept.json").read_text(encoding="utf-8")
    assert r"Rain \ud83d." in played.output


def test_a_key_in_the_address_of_a_tools_server_is_kept_nowhere() -> None:
    with serving(Starlette(routes=ROUTES)) as url:
        server = {"url": f"{url}/telling?team=harbour&token=planted%2Dsecret-77"}
        tool = {"type": "function", "function": {"name": "look_up"}, "server": server}
        model = {"provider": "custom-llm", "url": url, "model": "m", "tools": [tool]}
        Path("assistant.json").write_text(json.dumps({"model": model}), encoding="utf-8")
        arguments = ["call", url, "--assistant", "assistant.json", "--save", "kept.json", "--record", "kept.call.json"]
        held = CliRunner().invoke(main, arguments, input="Weather?\n")
    kept = "".join(Path(name).read_text(encoding="utf-8") for name in ("kept.json", "kept.call.json"))
    assert "team=harbour" in kept
    assert ([], []) == ([each for each in SECRETS if each in kept], [each for each in SECRETS if each in held.output])
