"""`hear` as a user types it: pieces with their times, what failed, and what becomes of the call."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import hars
from call.scripted import call, said
from vapi_conformance import call_file
from vapi_conformance.cli import main
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.exchange_file import save
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.effect import effects
from vapi_conformance.schema import errors
from vapi_conformance.specimens import base

FIRST = "It is seven in the morning, and the sun is up."
SECOND = " There is no cloud in the sky, as far as one can see."


def hear(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["hear", *map(str, arguments)])


def results(result: Result) -> list[dict[str, object]]:
    """The results of a document that follows the published schema."""
    found: object = json.loads(result.stdout)
    assert () == errors("harness/hear", found)
    return [dict(object_or_nothing(each)) for each in array_or_nothing(object_or_nothing(found)["results"])]


def timed() -> Exchange:
    """Two sentences, 100 ms and 9 s after the request; the first one takes 3 s to say."""
    (sound,) = base("text-stream")
    words = [
        (100, hars.chunk({"role": "assistant", "content": FIRST})),
        (9000, hars.chunk({"content": SECOND})),
        (9100, hars.chunk({}, "stop") + "data: [DONE]\n\n"),
    ]
    reads = tuple(Read(at_ns=ms * 1_000_000, data=text.encode()) for ms, text in words)
    return replace(sound, reads=reads, timing=replace(sound.timing, end_ns=9_101_000_000))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestText:
    def test_shows_pieces_times_and_silences(self) -> None:
        save(timed(), Path("a.json"))
        (effect,) = effects(Evidence(exchange=timed()))
        result = hear("a.json")
        assert (0, "") == (result.exit_code, result.stderr)
        assert result.stdout.splitlines() == [
            "a.json",
            f"       100.0 ms  '{FIRST}'",
            "      3166.7 ms  ... 5833 ms of silence ...",
            "      9000.0 ms  ' There is no cloud in the sky,'",
            "      9101.0 ms  ' as far as one can see.'",
            "  spoken, first speech after 100.0 ms, 5833 ms of dead air",
            f"  {effect.sentence}",
            "",
        ]

    def test_a_recording_without_times_has_none(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.sound()))
        assert "a.har#0\n                 'Hello there, how are you today?'\n  spoken\n\n" == hear("a.har").stdout

    def test_what_fails_is_told_with_what_becomes_of_the_call(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), hars.response("data: {}\n\n"))))
        first, outcome, effect, ended, _ = hear("a.har").stdout.splitlines()
        assert ("a.har#0", "  failed: TypeError: chunk.choices is not iterable") == (first, outcome)
        assert "Reading the answer fails" in effect
        assert ended.startswith("  endedReason pipeline-error-custom-llm-llm-failed or ")

    def test_an_answer_to_a_request_for_no_stream_is_told_apart(self) -> None:
        asked = hars.request(body={**hars.BODY, "stream": False})
        answered = hars.response('{"choices": []}', mime="application/json")
        hars.save(Path("a.har"), hars.har(hars.entry(asked, answered)))
        assert hear("a.har").stdout.splitlines()[1:3] == [
            "  silence: nothing to say and no tool to run",
            "  the request asked for no stream, and Vapi always does: this answer is none that it would get",
        ]

    def test_what_an_endpoint_sent_cannot_paint_the_terminal(self) -> None:
        call = {"index": 0, "id": "1", "function": {"name": "\x1b[2J\nb", "arguments": "\x07"}}
        stream = hars.chunk({"content": "\x1b[31mHi.\n"}) + hars.chunk({"tool_calls": [call]}) + "data: [DONE]\n\n"
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), hars.response(stream))))
        output = hear("a.har").output
        assert set("\x1b\x07") & set(output) == set()
        assert "  calls \\x1b[2J\\nb(\\x07)\n" in output


class TestJson:
    def test_says_what_the_text_says(self) -> None:
        save(timed(), Path("a.json"))
        (heard,) = results(hear("a.json", "--json"))
        (effect,) = effects(Evidence(exchange=timed()))
        assert heard == {
            "source": "a.json",
            "client": "vapi",
            "outcome": "spoken",
            "spoken": [
                {"text": FIRST, "at_ms": 100.0},
                {"text": " There is no cloud in the sky,", "at_ms": 9000.0},
                {"text": " as far as one can see.", "at_ms": 9101.0},
            ],
            "tool_calls": [],
            "finish_reason": "stop",
            "error": None,
            "asked_for_stream": True,
            "ttft_ms": 100.0,
            "ttfs_ms": 100.0,
            "longest_gap_ms": 8900.0,
            "dead_air_ms": 5833.333,
            "effects": [
                {
                    "consumer": "vapi",
                    "what": "heard",
                    "sentence": effect.sentence,
                    "ended_reasons": [],
                    "sureness": "observed",
                    "origin": None,
                }
            ],
        }

    def test_a_recording_without_times_has_null(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.sound()))
        (heard,) = results(hear("a.har", "--json"))
        assert [{"text": "Hello there, how are you today?", "at_ms": None}] == heard["spoken"]
        assert {None} == {heard[f"{name}_ms"] for name in ("ttft", "ttfs", "longest_gap", "dead_air")}

    @pytest.mark.parametrize(
        ("stream", "outcome"),
        [
            (hars.STREAM, "spoken"),
            (hars.chunk({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f"}}]}), "tool-call"),
            (hars.chunk({"content": " "}), "silence"),
            ("data: 1\n\n", "failed"),
        ],
    )
    def test_tells_the_outcome(self, stream: str, outcome: str) -> None:
        hars.save(Path("a.har"), hars.har(hars.entry(hars.request(), hars.response(stream))))
        assert [outcome] == [each["outcome"] for each in results(hear("a.har", "--json"))]

    def test_a_file_that_cannot_be_read_is_named_and_the_others_are_heard(self) -> None:
        hars.save(Path("a.har"), hars.har(hars.page(), hars.sound()))
        result = hear("none.json", "a.har", "--json")
        assert ["a.har#1"] == [each["source"] for each in results(result)]
        assert 1 == result.exit_code
        assert 2 == hear("none.json", "--json").exit_code


class TestOptions:
    def test_the_chunk_plan_decides_about_the_pieces(self) -> None:
        save(timed(), Path("a.json"))
        short = results(hear("a.json", "--json", "--min-characters", "5"))[0]
        whole = results(hear("a.json", "--json", "--no-chunk-plan"))[0]
        texts = [
            [object_or_nothing(each)["text"] for each in array_or_nothing(heard["spoken"])] for heard in (short, whole)
        ]
        assert ["It is seven in the morning,", " and the sun is up."] == texts[0][:2]
        assert [FIRST, SECOND] == texts[1]

    def test_a_slow_voice_leaves_less_silence(self) -> None:
        save(timed(), Path("a.json"))
        assert 0 == results(hear("a.json", "--json", "--speaking-rate", "1"))[0]["dead_air_ms"]


class TestCalls:
    """A file that holds a whole call is told as one story."""

    @staticmethod
    def stored(name: str) -> str:
        call_file.save(call({"turns": [{"says": "Hello."}, {"says": "And?"}]}, [said("Yes?"), said("No.")]), Path(name))
        return name

    def test_are_told_once_with_what_they_come_to(self) -> None:
        result = hear(self.stored("a.call.json"))
        lines = result.stdout.splitlines()
        assert 0 == result.exit_code
        assert 1 == sum(line.startswith("a.call.json: the call ") for line in lines)
        assert any(" s  vapi       the call is over: " in line for line in lines)
        assert 1 == sum(line.startswith("ended after ") for line in lines)

    def test_stand_beside_their_exchanges_in_the_document(self) -> None:
        found: object = json.loads(hear(self.stored("a.call.json"), self.stored("b.call.json"), "--json").stdout)
        assert () == errors("harness/hear", found)
        record = object_or_nothing(found)
        calls = [object_or_nothing(each) for each in array_or_nothing(record["calls"])]
        assert ["a.call.json", "b.call.json"] == [each["source"] for each in calls]
        assert 4 == len(array_or_nothing(record["results"]))

    def test_one_exchange_of_a_call_is_an_exchange(self) -> None:
        save(call({"turns": [{"says": "Hello."}]}, [said("Yes?")]).exchanges[0], Path("a.json"))
        assert "first speech after" in hear("a.json").stdout
