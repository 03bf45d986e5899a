"""`call` as a user types it: scenarios, lines through a pipe, a terminal with Ctrl-C; what is kept plays again."""

import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.telephone import answering, calling
from vapi_conformance.cli import main
from vapi_conformance.cli.call_keeping import scenario_name
from vapi_conformance.cli.call_stage import PieceMask
from vapi_conformance.json_file import read_json
from vapi_conformance.masking import Secrets
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi import NO_RESULT
from vapi_conformance.schema import errors

posix = pytest.mark.skipif(os.name == "nt", reason="terminals and signals of POSIX")
KEY = "sk-planted-0123456789"
TIMES = re.compile(r"\d+\.\d\d s")
TWO_TURNS = {"call": "two", "about": "Two turns.", "turns": [{"says": "Hello."}, {"says": "And now?"}]}
GREETED = "Good morning, this is the harbour office."


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, typed: str = "", **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, ["call", *arguments], input=typed)


def written(name: str, document: Mapping[str, object]) -> str:
    Path(name).write_text(json.dumps(document), encoding="utf-8")
    return name


def assistant(url: str, *tools: Mapping[str, object], **changes: object) -> str:
    messages = [{"role": "system", "content": "Be brief."}]
    model = {"provider": "custom-llm", "model": "m", "url": url, "messages": messages, "tools": list(tools)}
    return written("assistant.json", {"model": model, **changes})


def function(name: str, **changes: object) -> Mapping[str, object]:
    return {"type": "function", "function": {"name": name, "description": "It helps."}, **changes}


def told(result: Result) -> list[str]:
    """Lines with the times left out."""
    return [TIMES.sub("T", line).strip() for line in result.stdout.splitlines()]


def document(result: Result) -> Mapping[str, object]:
    found: object = json.loads(result.stdout)
    assert () == errors("harness/call-result", found)
    return object_or_nothing(found)


class TestScenarios:
    def test_show_the_timeline_and_what_the_call_comes_to(self) -> None:
        with answering("We are open until six o'clock.", "Now we are closed.") as telephone:
            result = call(telephone.url, "--scenario", written("two.json", TWO_TURNS))
        assert (0, "") == (result.exit_code, result.stderr)
        assert told(result)[:18] == [
            "T  caller     Hello.",
            "T  vapi       (asks the model)",
            "T  assistant  We are open until six o'clock.",
            "T  caller     And now?",
            "T  vapi       (asks the model)",
            "T  assistant  Now we are closed.",
            "T  vapi       the call is over: customer-ended-call",
            "",
            "transcript",
            "T  caller     Hello.",
            "T  assistant  We are open until six o'clock.",
            "T  caller     And now?",
            "T  assistant  Now we are closed.",
            "turn  asked     TTFT  1st speech  dead air",
            "1     1x    T      T    T  Hello.",
            "2     1x    T      T    T  And now?",
            "ended after T: The caller hangs up.",
            "endedReason customer-ended-call (documented)",
        ]
        assert "conformant: " in result.stdout

    def test_take_no_longer_than_the_answers_do(self) -> None:
        """Speaking and waiting take ten seconds of call time here, and none of the wall's."""
        with answering(
            "We are open until six o'clock on all the days of the week, and on Sundays until noon."
        ) as telephone:
            made = document(call(telephone.url, "--scenario", written("two.json", TWO_TURNS), "--json"))
        (only,) = (object_or_nothing(each) for each in array_or_nothing(made["calls"]))
        assert "virtual" == only["clock"]

    def test_a_broken_must_is_status_one_and_told_as_by_check(self) -> None:
        with answering("data: {}\n\n") as telephone:
            result = call(telephone.url, "--scenario", written("two.json", TWO_TURNS))
        assert 1 == result.exit_code
        assert "  endedReason pipeline-error-custom-llm-llm-failed or " in result.stdout
        assert "  expected customer-ended-call" in result.stdout
        assert re.search(r"^chat-stream\.\S+  MUST  ", result.stdout, re.MULTILINE)
        assert f"  repeat    vapi-conformance call {telephone.url} --scenario two.json" in result.stdout

    def test_are_repeated_under_the_same_conditions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "sekret-key")
        options = [
            "--api-key-env",
            "MY_KEY",
            "--model",
            "mine",
            "--header",
            "x-a: hidden-a",
            "--header",
            "x-b: $MY_KEY",
        ]
        with answering("data: {}\n\n") as telephone:
            result = call(telephone.url, *options, "--timeout", "3", "--scenario", written("two.json", TWO_TURNS))
        told = "--api-key-env MY_KEY --model mine --header 'x-a: ...' --header 'x-b: $MY_KEY' --timeout 3"
        assert f"  repeat    vapi-conformance call {telephone.url} {told} --scenario two.json\n" in result.stdout
        assert "hidden-a" not in result.stdout

    def test_are_listed(self) -> None:
        listed = call("--list")
        assert 0 == listed.exit_code
        assert re.search(r"^barge-in +The caller cuts", listed.stdout, re.MULTILINE)

    def test_by_name_come_with_the_installation(self) -> None:
        with answering("We are open until six o'clock, as on every day.") as telephone:
            result = call(telephone.url, "--scenario", "barge-in")
        assert "T  caller     Tell me a long story." in told(result)

    def test_with_several_callers_tell_each_call(self) -> None:
        scenario = {**TWO_TURNS, "callers": 2, "turns": [{"says": "Say {word}."}]}
        with answering("Yes, with pleasure.") as telephone:
            result = call(telephone.url, "--scenario", written("two.json", scenario), "--record", "kept.call.json")
        assert 2 == sum(line.startswith("two, call ") for line in result.stdout.splitlines())
        assert {"kept-1.call.json", "kept-2.call.json"} == {path.name for path in Path().glob("kept*")}

    def test_that_are_none_are_usage_errors(self) -> None:
        assert (
            "Error: --scenario: 'nonsense' is no call that we know; --list names them"
            in call("http://a.example", "--scenario", "nonsense").stderr
        )
        wrong = call("http://a.example", "--scenario", written("bad.json", {"call": "bad"}))
        assert (2, "Error: bad.json is no call scenario: document: ") == (wrong.exit_code, wrong.stderr[:47])


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["localhost:1"], "URL needs http:// or https://, got 'localhost:1'"),
            (["http://a.example?key=x"], "URL must not hold a key in its query"),
            (["http://a.example", "--api-key-env", "sk-1"], "--api-key-env and --header want the name of an"),
            (["http://a.example", "--timeout", "0"], "--timeout wants seconds above 0 and up to 600, got '0'"),
            (["http://a.example", "--header", "x"], "--header wants 'Name: value'"),
            (["http://a.example", "--save", "."], "is a folder; give the name of a file"),
            (["http://a.example", "--record", "no/such/a.json"], "the folder no/such does not exist"),
            (["http://a.example", "--tool-result", "x"], "--tool-result wants NAME=TEXT, got 'x'"),
            (["http://a.example", "--tool-result", "f=x"], "--tool-result: the assistant has no tool f"),
            (["http://a.example", "--scenario", "barge-in", "--save", "a.json"], "--save and --tool-result are for"),
            (["http://a.example", "--assistant", "none.json"], "none.json does not exist"),
        ],
    )
    def test_that_are_wrong_get_one_sentence(self, arguments: Sequence[str], sentence: str) -> None:
        result = call(*arguments)
        assert (2, "") == (result.exit_code, result.stdout)
        assert sentence in result.stderr
        assert "--endpoint" not in result.stderr
        assert 1 == result.stderr.count("\n")

    def test_help_teaches(self) -> None:
        text = call("--help").stdout
        for word in ("Examples:", "Ctrl-C", "/again TEXT", "--scenario mine.json", "Exit status:"):
            assert word in text

    def test_without_a_url_is_a_usage_error(self) -> None:
        assert 2 == call().exit_code


class TestThroughAPipe:
    def test_each_line_is_a_turn_and_the_end_hangs_up(self) -> None:
        with answering("We are open until six.", "Now we are closed.") as telephone:
            result = call(telephone.url, typed="Hello.\n\n  And now?  \n")
        assert (0, "") == (result.exit_code, result.stderr)
        assert [("user", "Hello."), ("assistant", "We are open until six."), ("user", "And now?")] == telephone.said()
        assert "T  vapi       the call is over: customer-ended-call" in told(result)
        assert "\x1b" not in result.stdout

    def test_nothing_typed_is_no_failure(self) -> None:
        with answering("Yes?") as telephone:
            result = call(telephone.url)
            made = call(telephone.url, "--json")
        assert [] == telephone.bodies
        assert (0, 0) == (result.exit_code, made.exit_code)
        assert "the model was never asked" == object_or_nothing(document(made)["report"])["unreachable"]

    def test_the_document_is_alone_on_standard_output(self) -> None:
        with answering("We are open until six.") as telephone:
            made = document(call(telephone.url, "--json", typed="Hello.\n"))
        (only,) = (object_or_nothing(each) for each in array_or_nothing(made["calls"]))
        words = [object_or_nothing(each)["text"] for each in array_or_nothing(only["transcript"])]
        assert ["Hello.", "We are open until six."] == words
        assert "conformant" == object_or_nothing(made["report"])["verdict"]

    def test_words_can_change(self) -> None:
        with answering("Two what?", "Two teas it is.") as telephone:
            result = call(telephone.url, typed="Two\n/again Two teas\n")
        assert [("user", "Two teas")] == telephone.said()
        assert "T  vapi       (asks again: the words have changed)" in told(result)

    def test_keys_are_typed(self) -> None:
        with answering("Thank you.") as telephone:
            call(telephone.url, typed="/keys 12#\n")
        assert [("user", "User's Keypad Entry: 12#")] == telephone.said()

    def test_a_long_silence_ends_the_call(self) -> None:
        with answering("Yes?") as telephone:
            result = call(telephone.url, typed="Hello.\n/wait 40\nToo late.\n")
        assert 1 == len(telephone.bodies)
        assert "T  vapi       the call is over: silence-timed-out" in told(result)

    def test_hanging_up_ends_it(self) -> None:
        with answering("Yes?") as telephone:
            call(telephone.url, typed="Hello.\n/hang up\nToo late.\n")
        assert 1 == len(telephone.bodies)

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("/nonsense", "there is no command /nonsense; /help names them\n"),
            ("/again", "/again wants the words as they are heard now\n"),
            ("/again Two", "/again changes the words that were said last, and there are none\n"),
            ("/keys twelve", "/keys wants up to 40 of 0-9, * and #\n"),
            ("/wait long", "/wait wants seconds, up to 120\n"),
            ("/wait nan", "/wait wants seconds, up to 120\n"),
        ],
    )
    def test_a_wrong_command_is_no_speech(self, line: str, told: str) -> None:
        with answering("Yes?") as telephone:
            result = call(telephone.url, typed=line + "\n")
        assert ([], told) == (telephone.bodies, result.stderr)

    def test_help_and_tools_are_told(self) -> None:
        with answering("Yes?") as telephone:
            tools = [function("look_up", server={"url": f"{telephone.url}/hook?token=abc"}), function("ask_me")]
            file = assistant(telephone.url, *tools, {"type": "endCall"})
            text = call(telephone.url, "--assistant", file, typed="/tools\n/help\n").stdout
        assert f"  look_up: posted to {telephone.url}/hook?token=***\n" in text
        assert "  ask_me: you are asked, unless --tool-result says what it returns\n" in text
        assert "  endCall: ends the call\n" in text
        assert "  /keys 1234#   type digits" in text

    def test_a_line_that_nobody_says_is_refused(self) -> None:
        with answering("Yes?") as telephone:
            result = call(telephone.url, typed="x" * 30_000)
        assert (2, []) == (result.exit_code, telephone.bodies)
        assert "a line has more than 20,000 characters" in result.stderr

    def test_bytes_that_are_no_text_are_said_somehow(self) -> None:
        with answering("Yes?") as telephone:
            CliRunner().invoke(main, ["call", telephone.url], input=b"Gr\xfc\xdfe\n")
        assert [("user", "Gr\ufffd\ufffde")] == telephone.said()


class TestAssistant:
    def test_speaks_first_and_has_its_prompt(self) -> None:
        with answering("Yes.") as telephone:
            call(telephone.url, "--assistant", assistant(telephone.url, firstMessage=GREETED), typed="Hello.\n")
        assert [("assistant", GREETED), ("user", "Hello.")] == telephone.said()
        assert {"role": "system", "content": "Be brief."} == array_or_nothing(telephone.bodies[0]["messages"])[0]

    def test_ends_the_call_by_its_phrase(self) -> None:
        with answering("Then good bye to you.") as telephone:
            file = assistant(telephone.url, endCallPhrases=["good bye"])
            result = call(telephone.url, "--assistant", file, typed="That is all.\nToo late.\n")
        assert "T  vapi       the call is over: assistant-said-end-call-phrase" in told(result)

    def test_ends_the_call_by_its_tool(self) -> None:
        with answering(calling("endCall")) as telephone:
            file = assistant(telephone.url, {"type": "endCall"})
            result = call(telephone.url, "--assistant", file, typed="That is all.\nToo late.\n")
        assert (0, 1) == (result.exit_code, len(telephone.bodies))
        assert "T  vapi       the call is over: assistant-ended-call" in told(result)

    def test_transfers_the_call(self) -> None:
        with answering(calling("transferCall", '{"destination": "+15550100"}')) as telephone:
            tool = {"type": "transferCall", "destinations": [{"type": "number", "number": "+15550100"}]}
            result = call(telephone.url, "--assistant", assistant(telephone.url, tool), typed="A human, please.\n")
        assert "T  vapi       the call is over: assistant-forwarded-call" in told(result)


class TestTools:
    def test_with_a_server_are_posted_to_it_with_its_secret(self) -> None:
        with answering(calling("look_up", '{"city": "Lund"}'), "It rains.") as telephone:
            server = {"url": f"{telephone.url}/hook", "secret": KEY, "headers": {"X-Team": "harbour"}}
            file = assistant(telephone.url, function("look_up", server=server))
            result = call(telephone.url, "--assistant", file, "--record", "kept.call.json", typed="Weather?\n")
        ((headers, body),) = telephone.hooks
        assert (KEY, "harbour") == (headers["x-vapi-secret"], headers["x-team"])
        assert "authorization" not in headers
        assert "tool-calls" == object_or_nothing(body["message"])["type"]
        assert ("tool", "From the server.") == telephone.said()[-1]
        assert KEY not in result.output + Path("kept.call.json").read_text(encoding="utf-8")

    def test_without_one_return_what_is_given(self) -> None:
        with answering(calling("look_up"), "It rains.") as telephone:
            server = {"url": f"{telephone.url}/hook"}
            file = assistant(telephone.url, function("look_up", server=server))
            call(telephone.url, "--assistant", file, "--tool-result", "look_up=Rain = wet.", typed="Weather?\n")
        assert ("tool", "Rain = wet.") == telephone.said()[-1]
        assert [] == telephone.hooks

    def test_without_anything_return_nothing(self) -> None:
        with answering(calling("look_up"), "It rains.") as telephone:
            file = assistant(telephone.url, function("look_up"))
            result = call(telephone.url, "--assistant", file, typed="Weather?\n")
        assert ("tool", NO_RESULT) == telephone.said()[-1]
        assert "look_up has no result: give --tool-result look_up=TEXT\n" == result.stderr

    def test_whose_server_is_no_url_are_a_usage_error(self) -> None:
        file = assistant("http://a.example", function("look_up", server={"url": "ftp://x"}))
        result = call("http://a.example", "--assistant", file)
        assert 2 == result.exit_code


class TestKept:
    """What was typed plays again: the endpoint is asked the same."""

    TYPED = "Hello.\n/again Hello there.\n/keys 12#\n/wait 2\nWeather?\n"

    def test_calls_play_again(self) -> None:
        answers = ("Hello to you.", "Hello to you too.", "Thank you.", calling("look_up"), "It rains.")
        with answering(*answers) as telephone:
            file = assistant(telephone.url, function("look_up"), firstMessage=GREETED)
            arguments = ["--assistant", file, "--tool-result", "look_up=Rain.", "--save", "My call.json"]
            held = call(telephone.url, *arguments, typed=self.TYPED)
        with answering(*answers) as again:
            played = call(again.url, "--assistant", file, "--scenario", "My call.json")
        with answering(*answers) as alone:
            call(alone.url, "--scenario", "My call.json")
        assert (0, 0) == (held.exit_code, played.exit_code)
        assert [each["messages"] for each in telephone.bodies] == [each["messages"] for each in again.bodies]
        assert [telephone.said(at) for at in range(5)] == [alone.said(at) for at in range(5)]
        assert [each.get("tools") for each in telephone.bodies] == [each.get("tools") for each in alone.bodies]
        assert "what was typed is in My call.json; --scenario My call.json plays it again\n" == held.stderr

    def test_calls_follow_the_schema_and_say_what_is_expected(self) -> None:
        with answering(calling("endCall")) as telephone:
            file = assistant(telephone.url, {"type": "endCall"})
            call(telephone.url, "--assistant", file, "--save", "bye.json", typed="That is all.\n")
        kept = object_or_nothing(read_json(Path("bye.json")))
        assert () == errors("harness/call-scenario", kept)
        assert {"ended": ["assistant-ended-call"], "tools": ["endCall"]} == kept["expects"]

    def test_that_cannot_be_written_lose_no_call(self) -> None:
        Path("kept.json.part").mkdir()
        with answering("Good bye.") as telephone:
            held = call(telephone.url, "--save", "kept.json", "--record", "kept.call.json", typed="Bye.\n")
        assert "kept.json cannot be written: Is a directory\nthe call is in kept.call.json\n" == held.stderr
        assert "Good bye." in held.stdout
        assert Path("kept.call.json").exists()

    @pytest.mark.parametrize(
        ("file", "name"),
        [("My call!.json", "my-call"), ("a.call.json", "a"), ("...", "by-keyboard"), ("x" * 80, "x" * 60)],
    )
    def test_are_named_by_their_file(self, file: str, name: str) -> None:
        assert name == scenario_name(Path(file))

    def test_calls_owe_nothing_that_they_did_not_show(self) -> None:
        """Rules over any call want an answer that was heard; who hangs up before shows none, and that is no fault."""
        with answering(500) as telephone:
            held = call(telephone.url, "--record", "kept.call.json", "--json", typed="Hello.\n")
        checked = CliRunner().invoke(main, ["check", "kept.call.json", "--json"])
        for found in (document(held)["report"], array_or_nothing(json.loads(checked.stdout)["results"])[-1]):
            assert 0 == object_or_nothing(object_or_nothing(found)["counts"])["untestable"]

    def test_records_are_whole(self) -> None:
        with answering("We are open until six.") as telephone:
            result = call(telephone.url, "--record", "kept.call.json", typed="Hello.\n")
        kept = object_or_nothing(read_json(Path("kept.call.json")))
        assert () == errors("harness/call", kept)
        assert () == errors("harness/call-scenario", kept["scenario"])
        assert "the call is in kept.call.json\n" == result.stderr


class TestHostileEndpoints:
    def test_cannot_paint_the_terminal(self) -> None:
        with answering(":smile: [bold]\x1b[2J\x1b]0 owned\x07 \u202e and so on.") as telephone:
            result = call(telephone.url, typed="Hello.\n")
        assert not set("\x1b\x07\u202e") & set(result.output)
        assert ":smile: [bold]\\x1b[2J\\x1b]0 owned\\x07 \\u202e and so on." in result.stdout

    def test_that_refuse_get_advice(self) -> None:
        with answering(401) as telephone:
            result = call(telephone.url, typed="Hello.\n")
        assert 1 == result.exit_code
        assert "  endedReason pipeline-error-custom-llm-401-unauthorized or " in result.stdout
        assert (
            "wants a key (status 401): name the environment variable that holds it with --api-key-env" in result.stderr
        )
        assert "\x1b" not in result.output

    def test_that_are_not_there_are_told_in_a_sentence(self) -> None:
        result = call("http://127.0.0.1:9", typed="Hello.\n")
        assert 1 == result.exit_code
        assert "http://127.0.0.1:9/chat/completions gave no response: " in result.stdout

    def test_that_never_answer_are_waited_for_as_long_as_vapi_does(self) -> None:
        with answering(None) as telephone:
            made = document(call(telephone.url, "--timeout", "0.2", "--json", typed="Hello.\n"))
        (only,) = (object_or_nothing(each) for each in array_or_nothing(made["calls"]))
        ended = object_or_nothing(only["ended"])
        assert "pipeline-error-custom-llm-llm-failed" == array_or_nothing(ended["reasons"])[0]
        at_ms = ended["at_ms"]
        assert isinstance(at_ms, float)
        assert 1000 + 200 < at_ms

    def test_that_echo_the_key_show_it_to_nobody(self) -> None:
        with answering("The key is {key} and nothing else, believe me.") as telephone:
            arguments = ["--api-key-env", "MY_KEY", "--record", "kept.call.json", "--save", "kept.json"]
            text = call(telephone.url, *arguments, typed="Hello.\n", MY_KEY=KEY)
            made = call(telephone.url, "--api-key-env", "MY_KEY", "--json", typed="Hello.\n", MY_KEY=KEY)
        files = "".join(path.read_text(encoding="utf-8") for path in Path().glob("kept*"))
        assert KEY not in text.output + made.output + files
        assert "Bearer " + "*" * len(KEY) in text.stdout


class TestPieces:
    """What is shown while an answer comes is masked before the record is."""

    def test_hide_a_secret(self) -> None:
        assert f"It is {'*' * len(KEY)}." == PieceMask(Secrets([KEY])).shown(f"It is {KEY}.")

    @pytest.mark.parametrize("cut", range(4, len(KEY)))
    def test_hide_one_that_is_cut_in_two(self, cut: int) -> None:
        mask = PieceMask(Secrets([KEY]))
        shown = mask.shown(f"It is {KEY[:cut]}") + mask.shown(f"{KEY[cut:]}.")
        assert f"It is {'*' * len(KEY)}." == shown

    def test_leave_the_rest_as_it_is(self) -> None:
        mask = PieceMask(Secrets([KEY, "short"]))
        assert "A short one, sk-p*, and so on." == "".join(map(mask.shown, ["A short one, ", "sk-p*, ", "and so on."]))


@contextmanager
def terminal(*arguments: str) -> Generator["Terminal"]:
    """The program with a terminal of its own, which is what Ctrl-C needs to reach it."""
    import fcntl
    import pty
    import termios

    pid, ours = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-m", "vapi_conformance", "call", *arguments])
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    made = Terminal(pid, ours)
    try:
        yield made
    finally:
        if made.status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(ours)


class Terminal:
    """What somebody sees and types."""

    def __init__(self, pid: int, ours: int) -> None:
        self.pid, self.ours = pid, ours
        self.seen = ""
        self.read_to = 0
        self.status: int | None = None

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self.ours, text.encode())

    def press_ctrl_c(self) -> None:
        """At a prompt. The library that edits lines loses a signal that comes before it waits for keys."""
        time.sleep(0.3)
        self.type("\x03")

    def wait_for(self, text: str) -> None:
        """Until it is on the screen, after what was waited for before."""
        until = time.monotonic() + 60
        while (at := self.seen.find(text, self.read_to)) < 0:
            assert self.more(until - time.monotonic()), f"no {text!r} in {self.seen[self.read_to :]!r}"
        self.read_to = at + len(text)

    def more(self, seconds: float) -> bool:
        """False at the end, or when nothing comes."""
        if not select.select([self.ours], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self.ours, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def end(self) -> int:
        """The rest, and the exit status."""
        while self.more(60):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status


def children(pid: int) -> list[int]:
    """Processes that it started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(own) for own, parent in map(str.split, listed.splitlines()) if parent == str(pid)]


@posix
class TestTerminal:
    def test_an_answer_is_spoken_interrupted_and_the_call_ended(self) -> None:
        story = "Once upon a time there was a clock, and nobody had ever heard it strike, not even once."
        with answering(story, "As you wish.") as telephone, terminal(telephone.url, "--save", "kept.json") as screen:
            screen.wait_for("caller> ")
            screen.type("Tell me a story.\r")
            screen.wait_for("Once upon ...")
            screen.type("\x03")
            screen.wait_for("-- interrupts; heard so far: Once upon")
            screen.wait_for("caller> ")
            screen.type("Stop.\r")
            screen.wait_for("As you wish.")
            screen.wait_for("caller> ")
            screen.type("never mind")
            screen.wait_for("never mind")
            screen.press_ctrl_c()
            screen.wait_for("caller> ")
            screen.press_ctrl_c()
            screen.wait_for("the call is over: customer-ended-call")
            assert 0 == screen.end()
        (first, said, last) = telephone.said()
        assert [("user", "Tell me a story."), ("user", "Stop.")] == [first, last]
        assert said[1].startswith("Once upon")
        assert len(story) > len(said[1])
        kept = object_or_nothing(read_json(Path("kept.json")))
        _, stop = (object_or_nothing(each) for each in array_or_nothing(kept["turns"]))
        assert {"says", "after_s", "interrupts_after_s"} == set(stop)
        with answering(story, "As you wish.") as again:
            assert 0 == call(again.url, "--scenario", "kept.json").exit_code
        assert again.said()[1][1].startswith("Once upon")
        assert len(story) > len(again.said()[1][1])

    def test_an_endpoint_that_says_nothing_can_be_interrupted(self) -> None:
        with answering(None, "Yes, I am here.") as telephone, terminal(telephone.url, "--save", "kept.json") as screen:
            screen.wait_for("caller> ")
            screen.type("Hello\r")
            screen.wait_for("assistant  ... ")
            telephone.wait_for(1)
            screen.type("\x03")
            screen.wait_for("(closes the connection: the caller speaks)")
            screen.wait_for("caller> ")
            screen.type("are you there?\r")
            screen.wait_for("Yes, I am here.")
            screen.wait_for("caller> ")
            screen.type("\x04")
            assert 0 == screen.end()
        assert [("user", "Hello are you there?")] == telephone.said()
        (turn,) = array_or_nothing(object_or_nothing(read_json(Path("kept.json")))["turns"])
        texts = [object_or_nothing(each)["text"] for each in array_or_nothing(object_or_nothing(turn)["heard"])]
        assert ["Hello", "Hello are you there?"] == texts

    def test_somebody_says_what_a_tool_returns(self) -> None:
        with answering(calling("look_up", '{"city": "Lund"}'), "It rains, I hear.") as telephone:
            file = assistant(telephone.url, function("look_up"))
            with terminal(telephone.url, "--assistant", file) as screen:
                screen.wait_for("caller> ")
                screen.type("Weather?\r")
                screen.wait_for("look_up returns (Enter: nothing)> ")
                screen.type("Rain.\r")
                screen.wait_for("It rains, I hear.")
                screen.wait_for("caller> ")
                screen.type("/hang up\r")
                assert 0 == screen.end()
        assert ("tool", "Rain.") == telephone.said()[-1]

    def test_closing_it_ends_the_bundled_server(self) -> None:
        with terminal("reference") as screen:
            screen.wait_for("caller> ")
            (server,) = children(screen.pid)
            os.kill(screen.pid, signal.SIGHUP)
            assert 128 + signal.SIGHUP == screen.end()
        with pytest.raises(ProcessLookupError):
            os.kill(server, 0)

    def test_nothing_of_an_endpoint_paints_it(self) -> None:
        words = "\x1b[31mRed\x07 and [bold]loud[/bold] is what I am."
        with answering(words) as telephone, terminal(telephone.url, "--virtual") as screen:
            screen.wait_for("caller> ")
            screen.type("Hello\r")
            screen.wait_for("\\x1b[31mRed\\x07 and [bold]loud[/bold] is what I am.")
            screen.wait_for("caller> ")
            screen.type("\x04")
            assert 0 == screen.end()
        assert "\x1b[31m" not in screen.seen
        assert "\x07" not in screen.seen
