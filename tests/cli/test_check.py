"""`check` as a user types it: its text, its documents, its exit status, and what it says of files it cannot read."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import hars
from vapi_conformance import call_file
from vapi_conformance.cli import main
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Label
from vapi_conformance.exchange_file import save
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_exchanges
from vapi_conformance.report.effect import effects
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors
from vapi_conformance.specimens import base, load_specimen

MISTAKE = hars.entry(hars.request(), hars.response(hars.STREAM.removesuffix("\n")))
VAPI = "· profile vapi · dialect openai_compatible"
READ = "read as openai_compatible: the URL ends in /chat/completions"


def check(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def document(result: Result) -> dict[str, object]:
    """Everything on standard output, which has to follow the published schema."""
    found: object = json.loads(result.stdout)
    assert () == errors("harness/check", found)
    return dict(object_or_nothing(found))


def verdicts(found: dict[str, object]) -> dict[object, object]:
    reports = [object_or_nothing(each) for each in array_or_nothing(found["results"])]
    return {report["source"]: report["verdict"] for report in reports}


def save_scenario(folder: Path, exchanges: Sequence[Exchange]) -> None:
    folder.mkdir(exist_ok=True)
    for number, exchange in enumerate(exchanges):
        save(exchange, folder / f"{number}.exchange.json")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files have short names, and texts can be compared whole."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestText:
    def test_a_sound_exchange_takes_one_line(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.sound()))
        result = check("a.har", "--rule", "sse.*")
        assert (0, "") == (result.exit_code, result.stderr)
        assert result.stdout == (f"a.har#0: no violation: 25 rules held · {READ}\n1 judged, no MUST is broken {VAPI}\n")

    def test_a_violation_ends_the_investigation(self) -> None:
        hars.save(Path("a.har"), hars.har(MISTAKE, hars.sound()))
        result = check("a.har", "--rule", "sse.last-event-is-terminated", "--rule", "sse.utf-8-is-valid")
        rule = all_rules()["sse.last-event-is-terminated"]
        exchange = next(iter(load_exchanges(Path("a.har"))))
        assert isinstance(exchange, Exchange)
        (heard,) = effects(Evidence(exchange=exchange))
        assert 1 == result.exit_code
        assert result.stdout.splitlines() == [
            "a.har#0",
            f"  {READ}",
            "",
            f"sse.last-event-is-terminated  MUST  {rule.source}",
            f"  requires  {rule.statement}",
            "  expected  an empty line after the last event",
            "  actual    the body ends inside an event, which a client then discards",
            f"  at        a.har#0, byte {hars.STREAM.index('data: [DONE]')}",
            f"  effect    {heard.sentence}",
            f"  mend      {rule.remedy}",
            "  repeat    vapi-conformance check a.har --rule sse.last-event-is-terminated",
            "",
            "a.har#0: violated: 1 MUST broken, 1 rule held",
            "",
            f"a.har#1: no violation: 2 rules held · {READ}",
            "broken most often",
            "      1 x  MUST    sse.last-event-is-terminated",
            f"2 judged, 1 with a MUST that is broken or was not shown {VAPI}",
        ]

    def test_an_exchange_that_no_rule_is_about_has_not_failed(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.sound()))
        result = check("a.har", "--rule", "chat.choices-is-non-empty")
        assert 0 == result.exit_code
        assert result.stdout.splitlines() == [
            f"a.har#0: nothing to judge: no rule that was asked for is about this exchange · {READ}",
            f"0 judged, 1 with nothing to judge {VAPI}",
        ]

    def test_why_there_was_no_response_is_told(self) -> None:
        answer = hars.response(None, status=0, _error="net::ERR_CONNECTION_REFUSED")
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), answer), hars.sound()))
        result = check("a.har")
        assert 0 == result.exit_code
        assert "a.har#0: nothing to judge: no response came (net::ERR_CONNECTION_REFUSED)" in result.stdout
        assert "1 judged, 1 with nothing to judge, no MUST is broken" in result.stdout

    def test_when_no_response_came_at_all_nothing_was_shown(self) -> None:
        answer = hars.response(None, status=0)
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), answer)))
        result = check("a.har")
        assert 1 == result.exit_code
        assert result.stdout.splitlines() == [
            f"a.har#0: nothing to judge: no response came · {READ}",
            f"0 judged, 1 with nothing to judge {VAPI}",
        ]

    def test_what_informs_is_named_and_told_in_full_when_asked(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), hars.response("", status=401))))
        brief = check("a.har", "--rule", "auth.refusal-names-its-scheme")
        assert "no violation: 1 MAY informs (auth.refusal-names-its-scheme), 0 rules held" in brief.stdout
        assert "  expected  " not in brief.stdout
        assert "  expected  " in check("a.har", "--rule", "auth.refusal-names-its-scheme", "-v").stdout

    def test_a_repeated_command_says_the_same_again(self) -> None:
        hars.save(Path("it's {rule}.har"), hars.har(hars.entry(hars.request(), hars.response("data: {}\n\n"))))
        options = ["--profile", "standard", "--dialect", "openai_chat_completions"]
        result = check(*options, "--rule", "chat-stream.ends-with-done", "it's {rule}.har")
        (repeat,) = [line for line in result.stdout.splitlines() if line.startswith("  repeat")]
        quoted = """'it'"'"'s {rule}.har'"""
        told = f"vapi-conformance check {quoted} {' '.join(options)} --rule chat-stream.ends-with-done"
        assert f"  repeat    {told}" == repeat

    def test_is_plain_when_piped(self) -> None:
        hars.save(Path("a.har"), hars.har(MISTAKE))
        assert "\x1b" not in check("a.har").output


class TestJson:
    def test_is_one_document_with_a_report_for_each_exchange(self) -> None:
        hars.save(Path("a.har"), hars.har(MISTAKE, hars.page(), hars.sound()))
        hars.save(Path("b.json"), {"request": {}, "response": {"status": 200, "body_text": ""}})
        Path("cut.json").write_text('{"log":', encoding="utf-8")
        result = check("a.har", "none.json", "b.json", "cut.json", "--json")
        found = document(result)
        assert 1 == result.exit_code
        assert {"a.har#0": "violated", "a.har#2": "conformant", "b.json": "violated"} == verdicts(found)
        assert found["left_out"] == ["a.har: 1 of 3 entries ask no model and were left out"]
        assert found["unread"] == [
            "none.json does not exist",
            "cut.json is cut off: the JSON document is not complete (line 1, column 8)",
        ]
        assert result.stderr.splitlines() == [
            "a.har: 1 of 3 entries ask no model and were left out",
            "not read: none.json does not exist",
            "not read: cut.json is cut off: the JSON document is not complete (line 1, column 8)",
        ]

    def test_without_a_readable_file_there_is_a_document_all_the_same(self) -> None:
        result = check("none.json", "--json")
        assert {"results": [], "unread": ["none.json does not exist"], "left_out": []} == document(result)
        assert 2 == result.exit_code

    def test_half_a_surrogate_pair_is_carried_as_an_escape(self) -> None:
        answer = {"status": 200, "body_text": 'data: {"a": "\\ud800"}\n\n', "headers": {"x": "ü"}}
        hars.save(Path("a.json"), {"request": {}, "response": answer})
        document(check("a.json", "--json"))


class TestScenarios:
    """Rules over several exchanges need all steps of a scenario; `auth` has three."""

    def scenario(self, *, broken: bool) -> list[Exchange]:
        specimen = load_specimen("auth.wrong-key-is-401")
        return list(specimen.broken if broken else specimen.sound)

    def test_are_judged_together_by_folder(self) -> None:
        save_scenario(Path("one"), self.scenario(broken=False))
        save_scenario(Path("two"), self.scenario(broken=True))
        result = check("one", "two", "--json")
        found = verdicts(document(result))
        assert ("conformant", "violated", 1) == (found["one"], found["two"], result.exit_code)
        assert 8 == len(found)

    def test_the_sum_names_the_folder(self) -> None:
        save_scenario(Path("two"), self.scenario(broken=True))
        result = check("two", "--rule", "auth.wrong-key-is-401")
        assert 1 == result.exit_code
        assert "two, 3 exchanges together: violated: 1 MUST broken, 0 rules held\n" in result.stdout
        assert "  repeat    vapi-conformance check two --rule auth.wrong-key-is-401\n" in result.stdout

    def test_half_a_scenario_shows_nothing(self) -> None:
        save_scenario(Path("half"), self.scenario(broken=True)[:2])
        result = check("half", "--json")
        assert {"half/0.exchange.json", "half/1.exchange.json"} == set(verdicts(document(result)))

    def test_a_rule_over_scenarios_alone_needs_one(self) -> None:
        save_scenario(Path("half"), self.scenario(broken=True)[:2])
        result = check("half", "--rule", "auth.wrong-key-is-401")
        told = "Error: auth.wrong-key-is-401: judged over a whole scenario, and the files hold none\n"
        assert (2, "", told) == (result.exit_code, result.stdout, result.stderr)

    def test_a_scenario_that_nobody_knows_is_judged_exchange_by_exchange(self) -> None:
        (sound,) = base("text-stream")
        save(replace(sound, label=Label(scenario="home-made", step="only")), Path("a.json"))
        assert {"a.json": "conformant"} == verdicts(document(check("a.json", "--json")))


class TestCalls:
    """A file that holds a whole call is judged by exchange, and then by the rules over calls."""

    @staticmethod
    def stored(path: Path, rule_id: str = "call.every-turn-is-answered", *, broken: bool = True) -> Path:
        specimen = load_specimen(rule_id)
        call = specimen.broken_call if broken else specimen.sound_call
        assert call is not None
        call_file.save(call, path)
        return path

    @pytest.mark.parametrize(("broken", "verdict"), [(False, "conformant"), (True, "violated")])
    def test_are_judged_whole(self, broken: bool, verdict: str) -> None:
        result = check(self.stored(Path("a.call.json"), broken=broken), "--json")
        found = verdicts(document(result))
        assert (verdict, int(broken)) == (found["a.call.json"], result.exit_code)
        assert [f"a.call.json: exchanges[{number}]" for number in range(3)] == list(found)[:3]

    def test_the_text_names_the_file_and_the_answer(self) -> None:
        result = check(self.stored(Path("a.call.json")), "--rule", "call.every-turn-is-answered")
        assert 1 == result.exit_code
        assert "a.call.json, 3 exchanges together: violated: 1 MUST broken, 0 rules held\n" in result.stdout
        assert "  at        a.call.json: exchanges[2]\n" in result.stdout
        assert "  repeat    vapi-conformance check a.call.json --rule call.every-turn-is-answered\n" in result.stdout

    def test_each_file_is_a_call_of_its_own(self) -> None:
        first = self.stored(Path("a.call.json"), broken=False)
        second = self.stored(Path("b.call.json"), "call.tool-result-is-told")
        found = verdicts(document(check(first, second, "--json", "--rule", "call.*")))
        assert {"a.call.json": "conformant", "b.call.json": "conformant"} == found  # a SHOULD warns

    def test_one_exchange_of_a_call_shows_nothing_of_it(self) -> None:
        save(load_specimen("call.every-turn-is-answered").broken[2], Path("a.json"))
        result = check("a.json", "--rule", "call.*")
        assert 2 == result.exit_code
        assert "judged over a whole scenario, and the files hold none" in result.stderr


class TestFiles:
    def test_a_folder_stands_for_its_recordings(self) -> None:
        Path("folder").mkdir()
        hars.save(Path("folder/b.har"), hars.har(hars.sound()))
        hars.save(Path("folder/A.JSON"), hars.har(hars.sound()))
        Path("folder/notes.txt").touch()
        assert ["folder/A.JSON#0", "folder/b.har#0"] == list(verdicts(document(check("folder", "--json"))))

    def test_a_folder_without_recordings_is_named(self, here: Path) -> None:
        (here / "folder").mkdir()
        result = check("folder")
        assert (2, "") == (result.exit_code, result.stdout)
        assert "not read: folder is a folder without .json and .har files\n" == result.stderr

    def test_what_a_stranger_wrote_cannot_paint_the_terminal(self) -> None:
        name = "a\x1b[31m\nconformant.har"
        hars.save(Path(name), hars.har(hars.entry(hars.request("http://\x1b]0;x\x07"), hars.response("\x1b[2J\u202e"))))
        output = check(name, "\x1b[2Jnone.json", "-v").output
        assert set("\x1b\x07\u202e") & set(output) == set()
        assert "not read: \\x1b[2Jnone.json does not exist\n" in output
        assert [] == [line for line in output.splitlines() if line.startswith("conformant")]


class TestDialects:
    """Each exchange is read as what it is, and it is said how that was known."""

    BODY = '{"type":"error","error":{"type":"not_found_error","message":"no such model"}}'

    def save(self) -> None:
        request: dict[str, object] = {"url": "https://llm.example/v1/messages", "body": {"max_tokens": 1}}
        answer = {"status": 404, "headers": {"content-type": "application/json"}, "body_text": self.BODY}
        hars.save(Path("a.json"), {"request": request, "response": answer})
        hars.save(Path("b.har"), hars.har(hars.sound()))

    def test_are_recognised_one_by_one(self) -> None:
        self.save()
        result = check("a.json", "b.har", "--rule", "errors.body-is-json", "--rule", "sse.utf-8-is-valid")
        against = "1 anthropic_messages by profile standard · 1 openai_compatible by profile vapi"
        assert result.stdout.splitlines() == [
            (
                "a.json: no violation: 1 rule held, 1 do not apply · "
                "read as anthropic_messages: the URL ends in /v1/messages"
            ),
            f"b.har#0: no violation: 1 rule held, 1 do not apply · {READ}",
            f"2 judged, no MUST is broken · {against}",
        ]

    def test_that_vapi_does_not_speak_are_judged_by_their_owner(self) -> None:
        self.save()
        result = check("a.json", "--profile", "vapi", "--rule", "errors.body-is-json")
        assert "1 judged, no MUST is broken · profile standard · dialect anthropic_messages\n" in result.stdout
        refused = check("a.json", "--profile", "vapi", "--dialect", "anthropic_messages")
        told = "the profile vapi is about Chat Completions; for anthropic_messages take standard or rapida\n"
        assert (2, f"Error: {told}") == (refused.exit_code, refused.stderr)

    def test_are_named_in_the_document(self) -> None:
        self.save()
        results = array_or_nothing(document(check("a.json", "b.har", "--json"))["results"])
        first, second = map(object_or_nothing, results)
        assert ("anthropic_messages", "the URL ends in /v1/messages", "direct", "standard") == (
            first["dialect"],
            first["recognised"],
            object_or_nothing(first["target"])["platform"],
            first["profile"],
        )
        assert ("openai_compatible", "vapi") == (second["dialect"], second["profile"])

    def test_may_be_given(self) -> None:
        self.save()
        result = check("a.json", "--dialect", "openai_compatible", "--rule", "errors.body-is-json")
        assert result.stdout.startswith("a.json: no violation: 1 rule held\n")

    def test_a_flavour_is_told_beside_it(self) -> None:
        vllm = hars.STREAM.replace('"finish_reason": null', '"finish_reason": null, "stop_reason": null')
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), hars.response(vllm))))
        assert "; looks like vLLM: `stop_reason` in its choices\n" in check("a.har", "--rule", "sse.*").stdout


class TestUsage:
    def test_help_teaches_examples_and_exit_status(self) -> None:
        text = check("--help").stdout
        assert "  Examples:\n    vapi-conformance check exchanges/\n" in text
        assert "  Exit status:\n    0  every file was read, and no MUST is broken\n" in text

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "Error: Missing argument 'FILES...'.\n"),
            (["a", "--profile", "x"], "'x' is not one of 'standard', 'vapi', 'rapida'.\n"),
            (["a", "--rule", "sse.x"], "Error: no rule is called 'sse.x'; `vapi-conformance rules` lists them\n"),
            (
                ["a", "--rule", "ends-with-done"],
                "`vapi-conformance rules` lists them. Did you mean chat-stream.ends-with-done?\n",
            ),
        ],
    )
    def test_a_mistake_is_told_on_standard_error(self, arguments: Sequence[str], told: str) -> None:
        result = check(*arguments)
        assert (2, "") == (result.exit_code, result.stdout)
        assert result.stderr.endswith(told)
