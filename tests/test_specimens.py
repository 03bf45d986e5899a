"""Specimens as files: their published forms, and what each edit does. What they prove is tested with the rules."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from vapi_conformance import call_file, specimens
from vapi_conformance.call_record import CallEvent
from vapi_conformance.call_scenario import CALLER_ENDED, CALLS, all_call_scenarios
from vapi_conformance.data import data_dir
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Label, header_values
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import Scenario, Step, all_scenarios
from vapi_conformance.schema import errors, schema
from vapi_conformance.specimens import Specimen, all_exchanges, all_specimens, base, load_specimen
from vapi_conformance.webhook_scenario import WebhookScenario, WebhookStep, all_webhook_scenarios

SPECIMENS = sorted((data_dir("fixtures") / "specimens").glob("*.json"))
BASES = sorted((data_dir("fixtures") / "specimens" / "bases").glob("*.json"))
(TEXT,) = base("text-stream")
(JSON,) = base("text-json")


def edited(*edits: object, of: Exchange = TEXT) -> Exchange:
    (exchange,) = specimens.edited((of,), edits)
    return exchange


def texts(exchange: Exchange) -> list[str]:
    return [read.data.decode() for read in exchange.reads]


def times_ms(exchange: Exchange) -> list[float | None]:
    return [None if read.at_ns is None else read.at_ns / 1_000_000 for read in exchange.reads]


class TestFiles:
    @pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
    def test_specimens_follow_their_schema(self, path: Path) -> None:
        assert () == errors("harness/specimen", read_json(path))

    @pytest.mark.parametrize("path", BASES, ids=lambda path: path.stem)
    def test_bases_follow_theirs(self, path: Path) -> None:
        assert () == errors("harness/specimen-base", read_json(path))

    def test_the_schema_has_the_operations_that_there_are(self) -> None:
        edits = array_or_nothing(
            object_or_nothing(object_or_nothing(schema("harness/specimen")["$defs"])["edit"])["oneOf"]
        )
        assert {*specimens.OPERATIONS, "call"} == {
            str(array_or_nothing(object_or_nothing(each)["required"])[0]) for each in edits
        }

    @pytest.mark.parametrize(
        "edit",
        [
            {},
            {"replace": "a"},
            {"replace": "a", "with": "b", "with_hex": "00"},
            {"replace": "", "with": "b"},
            {"replace": "a", "with_hex": "0"},
            {"drop": "a", "status": 200},
            {"surprise": 1},
            {"status": "200"},
            {"header": ["Name"]},
            {"end": "soon", "error": "x"},
        ],
    )
    def test_a_form_that_there_is_not_is_refused(self, edit: Mapping[str, object]) -> None:
        document = {"about": "A test's edit.", "base": "text-stream", "sound": [], "broken": [edit]}
        assert errors("harness/specimen", document)

    def test_every_base_is_used(self) -> None:
        assert {path.stem for path in BASES} == {str(object_or_nothing(read_json(path))["base"]) for path in SPECIMENS}

    def test_excuses_name_rules(self) -> None:
        assert [] == [(each.rule, also) for each in all_specimens() for also in each.also if also not in all_rules()]

    @pytest.mark.parametrize("path", BASES, ids=lambda path: path.stem)
    def test_bases_are_steps_of_the_scenarios_that_are_played(self, path: Path) -> None:
        for exchange in base(path.stem):
            label = exchange.label
            if label is None:
                continue
            name = label.scenario
            if name.startswith(CALLS):
                assert name.removeprefix(CALLS) in all_call_scenarios()
                continue
            played: Mapping[str, Scenario | WebhookScenario] = {**all_scenarios(), **all_webhook_scenarios()}
            steps: Sequence[Step | WebhookStep] = played[name].steps
            assert [label.expects] == [step.expects for step in steps if step.name == label.step]


class TestReading:
    def test_all_specimens_are_there_by_rule(self) -> None:
        assert [path.stem for path in SPECIMENS] == [each.rule for each in all_specimens()]

    def test_all_exchanges_have_names_of_their_own(self) -> None:
        names = [name for name, _ in all_exchanges()]
        assert len(names) == len(set(names))
        assert "sse.no-byte-order-mark/broken/0" in names

    def test_one_by_its_rule(self) -> None:
        found = load_specimen("sse.no-byte-order-mark")
        assert found.sound == (TEXT,)
        assert found.broken[0].body.startswith(b"\xef\xbb\xbfdata: ")
        assert ("specimen sse.no-byte-order-mark", "base text-stream") == (
            found.broken[0].source,
            found.sound[0].source,
        )
        assert [{"replace": "data: ", "with_hex": "efbbbf646174613a20"}] == list(found.edits)

    def test_none_for_a_rule_that_is_none(self) -> None:
        with pytest.raises(FileNotFoundError):
            load_specimen("sse.nothing")

    def test_a_base_says_what_was_asked_and_when_it_ended(self) -> None:
        first, *_ = base("auth")
        assert Label(scenario="auth", step="missing", expects="refusal") == first.label
        assert ("POST", "http://endpoint.example/v1/chat/completions") == (first.request.method, first.request.url)
        assert first.timing.end_ns == (first.reads[-1].at_ns or 0) + 1_000_000
        assert json.loads(first.request.body or b"")["stream"] is True

    def test_a_file_that_cannot_be_applied_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        bases = tmp_path / "specimens" / "bases"
        bases.mkdir(parents=True)
        document = {"about": "x", "base": "text-stream", "broken": [{"drop": "not there"}]}
        (tmp_path / "specimens" / "sse.x.json").write_text(json.dumps(document))
        (bases / "text-stream.json").write_text((BASES[0].parent / "text-stream.json").read_text())

        def data_dir_of_test(_: object) -> Path:
            return tmp_path

        monkeypatch.setattr(specimens, "data_dir", data_dir_of_test)
        with pytest.raises(ValueError, match=r"sse\.x\.json: 'not there' is in no read of the base"):
            load_specimen("sse.x")


class TestCalls:
    """Of a call, the short form says what is not as usual."""

    BASE: ClassVar[Mapping[str, object]] = {
        "about": "A call of two turns.",
        "call": {
            "requests": {"turn-1.1": {"closed": "superseded"}, "turn-1.3": {"why": "tool-results", "at_ms": 2500}},
            "tools": [{"step": "turn-1.2", "id": "call_1", "name": "get_weather", "result": "Rain."}],
            "events": [{"kind": "speech", "text": "Hi.", "at_ms": 1.5, "until_ms": 2, "step": "turn-1.2"}],
            "caller_data": ["+15550100"],
        },
        "exchanges": [
            {
                "scenario": "calls/tool-at-vapi",
                "step": step,
                "request": {},
                "response": {"headers": [], "body": [[1, "data: {}\n\n"]]},
            }
            for step in ("turn-1.1", "turn-1.2", "turn-1.3")
        ],
    }

    def loaded(
        self, specimen: Mapping[str, object], folder: Path, monkeypatch: pytest.MonkeyPatch, base: object = BASE
    ) -> Specimen:
        (folder / "specimens" / "bases").mkdir(parents=True)
        (folder / "specimens" / "call.x.json").write_text(json.dumps({"about": "x", "base": "made", **specimen}))
        (folder / "specimens" / "bases" / "made.json").write_text(json.dumps(base))

        def data_dir_of_test(_: object) -> Path:
            return folder

        monkeypatch.setattr(specimens, "data_dir", data_dir_of_test)
        return load_specimen("call.x")

    def test_the_form_is_published(self) -> None:
        assert () == errors("harness/specimen-base", self.BASE)
        assert () != errors("harness/specimen-base", {**self.BASE, "call": {"surprise": 1}})

    def test_makes_a_record(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.loaded({"broken": [{"status": 500}]}, tmp_path, monkeypatch)
        call = found.sound_call
        assert call is not None
        assert ("tool-at-vapi", found.sound) == (call.name, call.exchanges)
        assert [
            (0, 1, 0, "heard", "superseded"),
            (1_000_000_000, 1, 1, "heard-again", None),
            (2_500_000_000, 1, 2, "tool-results", None),
        ] == [(each.at_ns, each.turn, each.number, each.why, each.closed) for each in call.requests]
        assert [("call_1", "get_weather", "{}", "Rain.", 1, False)] == [
            (each.id, each.name, each.arguments, each.result, each.exchange, each.superseded) for each in call.tools
        ]
        assert [CallEvent(at_ns=1_500_000, kind="speech", text="Hi.", until_ns=2_000_000, exchange=1)] == list(
            call.events
        )
        assert ("caller", (CALLER_ENDED,), ("+15550100",)) == (call.ended.by, call.ended.reasons, call.caller_data)
        assert [call] * 3 == [each.call for each in found.sound_evidence()]

    def test_the_record_has_the_published_form(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        call = self.loaded({"broken": [{"status": 500}]}, tmp_path, monkeypatch).sound_call
        assert call is not None
        assert () == errors("harness/call", json.loads(json.dumps(call_file.to_document(call))))

    def test_edits_change_the_story(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        edits = [{"call": {"ended": {"by": "endpoint"}, "requests": {"turn-1.1": {"closed": None}}}}, {"status": 500}]
        found = self.loaded({"sound": [{"call": {"word": "plum"}}], "broken": edits}, tmp_path, monkeypatch)
        sound, broken = found.sound_call, found.broken_call
        assert sound is not None
        assert broken is not None
        assert ("plum", "caller", "superseded") == (sound.word, sound.ended.by, sound.requests[0].closed)
        assert ("plum", "endpoint", None) == (broken.word, broken.ended.by, broken.requests[0].closed)
        assert found.broken == broken.exchanges
        assert [500, 200, 200] == [each.response.status for each in found.broken if each.response]

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            ({"call": {"requests": {"turn-9.1": {}}}}, "no step 'turn-9.1'"),
            ({"call": {"tools": [{"step": "turn-9.1", "id": "a", "name": "b"}]}}, "no step 'turn-9.1'"),
        ],
    )
    def test_a_place_that_there_is_not_is_told(
        self, edit: object, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ValueError, match=told):
            self.loaded({"broken": [edit]}, tmp_path, monkeypatch)

    def test_steps_of_a_call_say_their_turns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        exchange = object_or_nothing(array_or_nothing(self.BASE["exchanges"])[0])
        made: dict[str, object] = {"call": dict[str, object](), "exchanges": [{**exchange, "step": "stream"}]}
        with pytest.raises(ValueError, match=r"step 'stream' of a call is no turn-N\.K"):
            self.loaded({"broken": []}, tmp_path, monkeypatch, made)

    def test_there_is_no_story_to_change_where_there_is_no_call(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = {key: value for key, value in self.BASE.items() if key != "call"}
        with pytest.raises(ValueError, match="the base is no call"):
            self.loaded({"broken": [{"call": {"word": "plum"}}]}, tmp_path, monkeypatch, made)


class TestEdits:
    FIRST = TEXT.reads[0].data.decode()

    def test_replace_touches_the_first_that_has_it(self) -> None:
        after = edited({"replace": "data: ", "with": "data:"})
        assert self.FIRST.replace("data: ", "data:", 1) == texts(after)[0]
        assert texts(TEXT)[1:] == texts(after)[1:]

    def test_replace_all_touches_every_one(self) -> None:
        assert [each.replace("data: ", "DATA: ") for each in texts(TEXT)] == texts(
            edited({"replace": "data: ", "with": "DATA: ", "all": True})
        )

    def test_replace_writes_bytes_and_repeats(self) -> None:
        after = edited({"replace": "data: ", "with_hex": "ff", "times": 3})
        assert after.body.startswith(b"\xff\xff\xff")

    def test_insert_and_drop(self) -> None:
        after = edited({"insert_after": "[DONE]", "reads": [[999, ": bye\n\n"]]})
        assert [*texts(TEXT), ": bye\n\n"] == texts(after)
        assert TEXT.reads == edited({"drop": ": bye"}, of=after).reads
        assert 999 == times_ms(after)[-1]

    def test_join_comes_with_the_last(self) -> None:
        after = edited({"join": "data: ", "to": "[DONE]"})
        assert ["".join(texts(TEXT))] == texts(after)
        assert times_ms(TEXT)[-1:] == times_ms(after)

    def test_body_and_its_end(self) -> None:
        after = edited({"body": [[5, "a"], [7, "b"]]})
        assert (["a", "b"], [5, 7], 8_000_000) == (texts(after), times_ms(after), after.timing.end_ns)
        assert ['{"a": "é"}'] == texts(edited({"body": {"at_ms": 1, "json": {"a": "é"}}}))
        assert ["no json"] == texts(edited({"body": {"at_ms": 1, "json": "no json"}}))

    def test_json_is_merged(self) -> None:
        after = json.loads(edited({"json": {"id": None, "model": "other", "usage": {"total_tokens": 0}}}, of=JSON).body)
        before = json.loads(JSON.body)
        assert "id" not in after
        assert ("other", {**before["usage"], "total_tokens": 0}) == (after["model"], after["usage"])

    @pytest.mark.parametrize("kind", ["flushed", "unflushed"])
    def test_gzip_keeps_the_text_and_the_number_of_reads(self, kind: str) -> None:
        after = edited({"gzip": kind})
        assert TEXT.body == gzip.decompress(after.body)
        assert times_ms(TEXT) == times_ms(after)
        first = Evidence(exchange=after).decoded.reads[0].data
        assert (self.FIRST.encode() if kind == "flushed" else b"") == first

    def test_gzip_again_is_compressed_once(self) -> None:
        assert TEXT.body == gzip.decompress(edited({"gzip": "flushed"}, {"gzip": "unflushed"}).body)

    def test_status_and_headers(self) -> None:
        after = edited({"status": 201}, {"header": ["X-New", "1"]}, {"header": ["cache-control", None]})
        assert after.response is not None
        assert (201, ("1",), ()) == (
            after.response.status,
            header_values(after.response.headers, "x-new"),
            header_values(after.response.headers, "cache-control"),
        )

    def test_later_moves_the_rest_and_the_end(self) -> None:
        after = edited({"later_ms": 100, "from": "[DONE]"})
        assert times_ms(TEXT)[:-1] == times_ms(after)[:-1]
        assert (times_ms(TEXT)[-1] or 0) + 100 == times_ms(after)[-1]
        assert (TEXT.timing.end_ns or 0) + 100_000_000 == after.timing.end_ns
        assert [(each or 0) + 5 for each in times_ms(TEXT)] == times_ms(edited({"later_ms": 5}))

    def test_ends(self) -> None:
        broken = edited({"end": "reset", "error": "boom"})
        assert (End.RESET, "boom") == (broken.end, broken.error)
        assert 7_000_000 == edited({"end_ms": 7}).timing.end_ns
        dead = edited({"no_response": "refused"})
        assert (None, (), End.NO_RESPONSE, "refused") == (dead.response, dead.reads, dead.end, dead.error)

    def test_connection_and_request(self) -> None:
        after = edited(
            {"reused": True},
            {"request_header": ["accept-encoding", "identity"]},
            {"request": {"stream": False, "max_tokens": None}},
        )
        body = json.loads(after.request.body or b"")
        assert after.connection_reused
        assert ("identity",) == header_values(after.request.headers, "accept-encoding")
        assert (False, False) == (body["stream"], "max_tokens" in body)
        assert b"{" == edited({"request_body": "{"}).request.body

    def test_find_their_step(self) -> None:
        pair = tuple(replace(TEXT, label=Label(scenario="s", step=name)) for name in "ab")
        after = specimens.edited(pair, [{"step": "b", "status": 500}, {"status": 201}])
        assert [201, 500] == [each.response.status for each in after if each.response]

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            ({"surprise": 1}, 'no such edit: {"surprise": 1}'),
            ({"step": "c", "status": 1}, "no step 'c'"),
            ({"replace": "nowhere", "with": ""}, "'nowhere' is in no read of the base"),
            ({"end": "soon"}, "'soon' is not a valid End"),
        ],
    )
    def test_that_cannot_be_made_are_told(self, edit: object, told: str) -> None:
        with pytest.raises(ValueError, match="^" + told.replace("{", r"\{")):
            edited(edit)
