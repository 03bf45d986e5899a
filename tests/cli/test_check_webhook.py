"""`check-webhook` as a user types it: what it sends, its text, its exit status, and what it says of wrong usage."""

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import raw_server
from served_apps import serving
from vapi_conformance.cli import main
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors
from vapi_conformance.webhook_scenario import all_webhook_scenarios

KEY = "key-of-this-test-0123456789"
Message = Mapping[str, object]


class BackendOfTest:
    """Answers tool calls, shrugs at all else, and remembers what came."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.headers: list[Mapping[str, str]] = []
        self.result: object = "Done."
        self.key: str | None = None
        self.status = 200

    async def __call__(self, request: Request) -> Response:
        if self.key is not None and request.headers.get("x-vapi-secret") != self.key:
            return PlainTextResponse(f"no: {request.headers.get('x-vapi-secret')}", status_code=401)
        message = object_or_nothing(cast("object", (await request.json())["message"]))
        self.messages.append(message)
        self.headers.append(dict(request.headers))
        if message["type"] != "tool-calls":
            return JSONResponse({}, status_code=self.status)
        calls = map(object_or_nothing, array_or_nothing(message["toolCallList"]))
        results = [{"toolCallId": each["id"], "name": name(each), "result": self.result} for each in calls]
        return JSONResponse({"results": results}, status_code=self.status)

    @property
    def types(self) -> set[str]:
        return {str(each["type"]) for each in self.messages}

    @property
    def called(self) -> dict[str, object]:
        """Names and arguments, in the recorded form."""
        recorded = (each for each in self.messages if "toolCalls" in each)
        calls = (object_or_nothing(each) for message in recorded for each in array_or_nothing(message["toolCalls"]))
        functions = (object_or_nothing(each["function"]) for each in calls)
        return {str(each["name"]): each["arguments"] for each in functions}


def name(call: Message) -> object:
    return object_or_nothing(call.get("function")).get("name", call.get("name"))


@contextmanager
def backend() -> Generator[tuple[str, BackendOfTest]]:
    app = BackendOfTest()

    async def answer(request: Request) -> Response:
        return await app(request)

    with serving(Starlette(routes=[Route("/hook", answer, methods=["POST"])])) as url:
        yield f"{url}/hook", app


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, ["check-webhook", *map(str, arguments)])


def document(result: Result) -> Mapping[str, object]:
    found: object = json.loads(result.stdout)
    assert () == errors("harness/report", found)
    return object_or_nothing(found)


def outcomes(result: Result) -> dict[str, str]:
    rules = map(object_or_nothing, array_or_nothing(document(result)["rules"]))
    return {str(each["id"]).removeprefix("webhook."): str(each["outcome"]) for each in rules}


class TestASoundBackend:
    def test_is_conformant_though_it_answers_no_other_question(self) -> None:
        with backend() as (url, app):
            result = run(url, "--tool", "bookTable")
        assert 0 == result.exit_code, result.output
        assert set(KINDS) | {"caller-smiled"} == app.types
        lines = result.stdout.splitlines()
        assert lines[-2].startswith("conformant: every ")
        assert re.fullmatch(r"53 rules over \d+ exchanges: .* · profile vapi · dialect vapi_server_messages", lines[-1])
        assert (
            "configuration: not judged, because the backend answers them as it answers a message of no known type: "
            "assistant-request, call.endpointing.request, campaign.predial, function-call, "
            "handoff-destination-request, knowledge-base-request, transfer-destination-request; name one with "
            "--message to have it judged"
        ) in lines

    def test_a_question_that_is_named_is_judged(self) -> None:
        with backend() as (url, app):
            result = run(url, "--message", "assistant-request", "--json")
        assert {"assistant-request"} == app.types
        assert (1, "violated") == (result.exit_code, outcomes(result)["assistant-request-is-decided"])

    def test_a_rule_that_is_named_is_judged_alone(self) -> None:
        with backend() as (url, _):
            result = run(url, "--rule", "webhook.status-is-200", "--json")
        assert {"status-is-200": "passed"} == outcomes(result)

    def test_what_is_broken_is_told_with_what_becomes_of_it(self) -> None:
        with backend() as (url, app):
            app.result = {"free": True}
            result = run(url, "--message", "tool-calls", "--rule", "webhook.result-is-a-string", "--tool", 'f={"a": 1}')
        assert 1 == result.exit_code
        assert (
            "  effect    Vapi: The model gets `No result returned…` for the call: its result is no string. (documented)"
            in result.stdout
        )
        assert (
            f"  repeat    vapi-conformance check-webhook {url} --tool 'f={{\"a\": 1}}' --message tool-calls --rule "
            "webhook.result-is-a-string"
        ) in result.stdout


ASSISTANT = {
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "You book tables."}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "bookTable",
                    "parameters": {
                        "type": "object",
                        "properties": {"guests": {"type": "integer", "minimum": 2}, "date": {"type": "string"}},
                    },
                },
            },
            {"type": "function", "function": {"name": "cancel"}},
            {"type": "endCall"},
        ],
    },
    "server": {"secret": KEY, "timeoutSeconds": 7, "headers": {"X-Team": "seven-seven"}},
}


class TestWhatIsSent:
    def test_the_assistants_tools_are_called_with_arguments_of_their_schemas(self, tmp_path: Path) -> None:
        path = tmp_path / "assistant.json"
        path.write_text(json.dumps(ASSISTANT), encoding="utf-8")
        with backend() as (url, app):
            app.key = KEY
            result = run(url, "--assistant", path, "--message", "tool-calls")
        assert {"bookTable": {"guests": 2, "date": "2026-03-02"}, "cancel": {}, "no_such_tool": {}} == app.called
        assert {"seven-seven"} == {each["x-team"] for each in app.headers}
        assert "You book tables." in json.dumps(app.messages[0])
        assert KEY not in json.dumps(app.messages)
        assert "configuration: server.secret of the assistant's file is sent as X-Vapi-Secret" in result.stdout

    def test_arguments_may_be_given(self) -> None:
        with backend() as (url, app):
            run(url, "--tool", 'f={"a": [1]}', "--tool", "g", "--message", "tool-calls")
        assert {"f": {"a": [1]}, "g": {}, "no_such_tool": {}} == app.called

    def test_without_a_tool_one_is_made_up_and_that_is_said(self) -> None:
        with backend() as (url, app):
            result = run(url, "--message", "tool-calls")
        assert {"getWeather", "no_such_tool"} == set(app.called)
        assert "configuration: no tool is named: getWeather is called, which the backend may not have" in result.stdout

    def test_headers_and_secrets(self) -> None:
        with backend() as (url, app):
            app.key = KEY
            result = run(
                url, "--secret-env", "HOOK", "--header", "X-Plain: 1", "--header", "X-Env: $TEAM", HOOK=KEY, TEAM="t7"
            )
        assert [("1", "t7", KEY, "application/json")] * len(app.headers) == [
            (each["x-plain"], each["x-env"], each["x-vapi-secret"], each["content-type"]) for each in app.headers
        ]
        assert KEY not in result.output

    def test_each_message_belongs_to_a_call_and_each_run_makes_calls_of_its_own(self) -> None:
        seen: list[set[str]] = []
        for _ in range(2):
            with backend() as (url, app):
                run(url, "--message", "hang")
            seen.append({str(object_or_nothing(each["call"])["id"]) for each in app.messages})
            assert {each["x-call-id"] for each in app.headers} == seen[-1]
        assert set() == seen[0] & seen[1]


class TestSecrets:
    def test_an_echo_is_found_and_masked_everywhere(self, tmp_path: Path) -> None:
        async def tell(request: Request) -> Response:
            return JSONResponse({"results": [], "seen": request.headers["x-vapi-secret"]})

        reports, kept = [tmp_path / f"r.{form}" for form in ("json", "html", "md")], tmp_path / "kept"
        written = [part for path in reports for part in ("--report", path)]
        with serving(Starlette(routes=[Route("/hook", tell, methods=["POST"])])) as url:
            result = run(
                *(f"{url}/hook", "--secret-env", "HOOK", *written, "--save-exchanges", kept, "--json"),
                HOOK=KEY,
            )
        assert "violated" == outcomes(result)["secret-is-not-echoed"]
        texts = [path.read_text(encoding="utf-8") for path in (*reports, *kept.iterdir())]
        assert [] == [text for text in (result.output, *texts) if KEY in text]

    def test_a_backend_that_wants_one_is_told_from_one_that_refuses_it(self) -> None:
        with backend() as (url, app):
            app.key = "another-key"
            without, wrong = run(url), run(url, "--secret-env", "HOOK", HOOK=KEY)
        assert (2, 2) == (without.exit_code, wrong.exit_code)
        assert "wants to know that it is Vapi that calls (status 401): name the environment variable" in without.stderr
        assert "refuses the secret (status 401)" in wrong.stderr
        assert KEY not in wrong.output


class TestSaved:
    def test_what_is_judged_is_kept_and_judged_alike(self, tmp_path: Path) -> None:
        with backend() as (url, _):
            run(url, "--save-exchanges", tmp_path)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert "001-webhooks-tool-calls.one.1.exchange.json" == names[0]
        assert [] == [each for each in names if "assistant-request" in each]
        result = CliRunner().invoke(main, ["check", str(tmp_path)])
        assert 0 == result.exit_code, result.stdout
        heard = CliRunner().invoke(main, ["hear", str(tmp_path / names[0])])
        assert "answers a server message, and nobody hears that" in heard.stderr


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["my.host/hook"], "the endpoint needs http:// or https://"),
            (["http://"], "no http or https URL with a host"),
            (["http://me:secret@my.host/"], "URL must not hold a password"),
            (["http://my.host/?key=secret"], "URL must not hold a key in its query"),
            (["http://my.host", "--secret-env", "NOT_SET"], "the environment variable NOT_SET is not set or empty"),
            (["http://my.host", "--secret-env", "sk-123"], "want the name of an environment variable"),
            (
                ["http://my.host", "--secret-env", "A", "--bearer-env", "B"],
                "--secret-env and --bearer-env: Vapi sends one kind of credential",
            ),
            (["http://my.host", "--tool", "a b"], "'a b' is no name of a tool"),
            (["http://my.host", "--tool", "f=[1]"], "--tool f: what stands behind = is no JSON object"),
            (["http://my.host", "--timeout", "0"], "--timeout wants seconds above 0 and up to 300"),
            (["http://my.host", "--timeout", "nan"], "--timeout wants seconds above 0 and up to 300"),
            (["http://my.host", "--header", "x"], "--header wants 'Name: value'"),
            (["http://my.host", "--header", "a b: x"], "'a b' is no header name"),
            (["http://my.host", "--message", "rain"], "'rain' is not one of"),
            (["http://my.host", "--rule", "sse.*"], "none of these rules is about server messages"),
            (["http://my.host", "--assistant", "nowhere.json"], "nowhere.json"),
            (["http://my.host", "--credential", "nowhere.json"], "nowhere.json"),
        ],
    )
    def test_is_one_sentence_and_status_2(self, arguments: list[str], told: str) -> None:
        result = run(*arguments)
        assert (2, "") == (result.exit_code, result.stdout)
        assert told in " ".join(result.stderr.split())

    def test_a_tool_that_the_assistant_does_not_have(self, tmp_path: Path) -> None:
        path = tmp_path / "assistant.json"
        path.write_text(json.dumps({"model": ASSISTANT["model"]}), encoding="utf-8")
        result = run("http://my.host", "--assistant", path, "--tool", "bookTabel")
        assert "the assistant has no function 'bookTabel'; it has bookTable, cancel" in result.stderr

    @pytest.mark.parametrize(("status", "told"), [(404, "gives status 404: give the whole URL"), (302, "redirects")])
    def test_a_wrong_address(self, status: int, told: str) -> None:
        with backend() as (url, app):
            app.status = status
            result = run(url)
        assert (2, True) == (result.exit_code, told in result.stderr)


class TestNobodyThere:
    def test_is_no_verdict(self) -> None:
        result = run("http://127.0.0.1:9/hook")
        assert (1, True) == (result.exit_code, "http://127.0.0.1:9/hook cannot be reached: " in result.stdout)

    def test_as_a_document(self) -> None:
        found = document(run("http://127.0.0.1:9/hook", "--json"))
        assert ("incomplete", True) == (found["verdict"], "cannot be reached" in str(found["unreachable"]))


class TestHostileBackends:
    @pytest.mark.parametrize(
        "answer",
        [
            raw_server.head(Content_Length="2") + b"{}",
            raw_server.head(Content_Type="application/json", Content_Length="99") + b'{"results": ',
            b"HTTP/1.1 200 OK\r\n\r\n" + b"\x00\xff" * 100,
            b"HTTP/9.9 999 \xff\r\n\r\n",
            raw_server.head(Content_Encoding="gzip", Content_Length="3") + b"\x1f\x8b\x08",
            raw_server.head(Content_Length="0", X_Esc="\x1b[31mred"),
        ],
    )
    def test_never_break_the_command(self, answer: bytes) -> None:
        with raw_server.playing(raw_server.saying([answer])) as url:
            result = run(f"{url}/hook", "--message", "tool-calls", "--timeout", "1")
        assert result.exit_code in (0, 1), result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "\x1b" not in result.stdout

    def test_that_say_nothing_are_left_after_some_messages(self) -> None:
        sound = raw_server.head(Content_Length="2", Connection="close") + b"{}"
        with raw_server.playing(raw_server.saying([sound]), raw_server.saying([])) as url:
            result = run(f"{url}/hook", "--tool", "f")
        assert 1 == result.exit_code
        assert "configuration: not everything was sent: 5 messages were waited for in vain" in result.stdout
        assert "webhook.every-message-is-answered  MUST" in result.stdout


class TestHelp:
    def test_names_the_command_and_its_examples(self) -> None:
        assert (
            "check-webhook  judge a live backend that answers Vapi's server messages" in CliRunner().invoke(main).output
        )
        text = run("--help").stdout
        assert "vapi-conformance check-webhook reference" in text
        for option in (
            "--secret-env",
            "--bearer-env",
            "--hmac-env",
            "--credential",
            "--assistant",
            "--tool",
            "--message",
        ):
            assert option in text


def test_every_scenario_says_which_messages_it_sends() -> None:
    known = set(KINDS) | {"caller-smiled"}
    assert [] == [each.name for each in all_webhook_scenarios().values() if not each.types <= known]
