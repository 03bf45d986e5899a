"""The exchanges as the report tells them: what came and when, what is heard, in a bounded space, without secrets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from made_calls import answer, in_call
from made_runs import SOUND, VIOLATED, run
from timed_answers import DONE, ask, chunk, streamed, user, words
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Label, Read, Response, Timing
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.document import to_document
from vapi_conformance.report.played import Ids, played_documents
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.schema import errors
from vapi_conformance.specimens import all_specimens, base
from vapi_conformance.verdict import Finding, Outcome, RuleResult

MS = 1_000_000


def told(
    *exchanges: Exchange, violated: Sequence[Exchange] = (), conditions: Conditions | None = None
) -> list[dict[str, object]]:
    evidence = [Evidence(exchange=each, conditions=conditions or Conditions()) for each in exchanges]
    return played_documents(evidence, Ids(evidence), violated=violated)


def in_full(exchange: Exchange) -> dict[str, object]:
    (found,) = told(exchange, violated=[exchange])
    return found


def rows(found: Mapping[str, object], key: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", found[key])


TWO_SENTENCES = streamed(
    (100, chunk({"role": "assistant", "content": "Good morning, this is the hotel."})),
    (4000, words(" Which room would you like to book?")),
    (4010, chunk({}, "stop")),
    (4020, DONE),
)


class TestSchema:
    @pytest.mark.parametrize(
        "exchange",
        [
            SOUND,
            TWO_SENTENCES,
            replace(SOUND, response=None, reads=(), end=End.NO_RESPONSE, error="refused"),
            replace(SOUND, reads=()),
            replace(SOUND, label=Label(scenario="plain", step="stream", expects="refusal", attempt=2)),
            replace(SOUND, reads=tuple(replace(read, at_ns=None) for read in SOUND.reads), timing=Timing()),
            replace(SOUND, request=replace(SOUND.request, body=None)),
            replace(SOUND, response=Response(status=204, headers=()), reads=(Read(at_ns=1, data=b"\xff\x00"),)),
        ],
    )
    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_holds_whatever_it_is_read_as(self, exchange: Exchange, dialect: Dialect) -> None:
        evidence = [Evidence(exchange=exchange, dialect=dialect)]
        document = to_document(run(), evidence=evidence)
        assert () == errors("harness/report", document)
        assert document == json.loads(json.dumps(document))

    def test_holds_for_every_specimen_at_length(self) -> None:
        for specimen in all_specimens():
            evidence = specimen.broken_evidence()
            violation = Violation(expected="a", actual="b", start=3, end=9)
            findings = tuple(Finding(violation=violation, evidence=each) for each in evidence)
            result = replace(VIOLATED, findings=findings)
            assert () == errors("harness/report", to_document(run(result), evidence=evidence)), specimen.rule


class TestNames:
    def test_an_exchange_is_called_by_its_source_and_a_violation_names_it(self) -> None:
        exchange = replace(SOUND, source="plain/stream")
        twin = replace(exchange, error="the second")
        evidence = [Evidence(exchange=exchange), Evidence(exchange=twin)]
        finding = Finding(violation=Violation(expected="a", actual="b"), evidence=evidence[1])
        result: RuleResult = replace(VIOLATED, findings=(finding,))
        document = to_document(run(result), evidence=evidence)
        assert ["plain/stream", "plain/stream #2"] == [each["id"] for each in rows(document, "played")]
        (rule,) = rows(document, "rules")
        assert "plain/stream #2" == rows(rule, "violations")[0]["exchange"]

    def test_one_without_a_source_has_a_name_too(self) -> None:
        assert ["an exchange", "an exchange #2"] == [
            each["id"] for each in told(replace(SOUND, source=""), TWO_SENTENCES)
        ]


class TestTimes:
    def test_events_with_what_they_bring(self) -> None:
        found = in_full(TWO_SENTENCES)
        assert [
            (100, "message", "Good morning, this is the hotel."),
            (4000, "message", " Which room would you like to book?"),
            (4010, "message", None),
            (4020, "message", None),
        ] == [(each["at_ms"], each["name"], each["brings"]) for each in rows(found, "events")]
        assert "data: [DONE]" == str(rows(found, "events")[-1]["text"]).rstrip("\u240a\n")

    def test_comments_and_what_is_unfinished(self) -> None:
        found = in_full(streamed((1, ": alive\n\n"), (2, "event: ping\ndata: {}\n\n"), (3, "\n"), (4, "data: x\n")))
        names = [str(each["name"]) for each in rows(found, "events")]
        assert ["(comment)", "ping", "(nothing)", "(unfinished)"] == names

    def test_reads_of_a_body_that_is_no_stream(self) -> None:
        reads = (Read(at_ns=5 * MS, data=b'{"error": '), Read(at_ns=9 * MS, data=b'"no"}'))
        plain = replace(SOUND, response=Response(status=500, headers=()), reads=reads)
        assert [(5, "read", 0, 10), (9, "read", 10, 5)] == [
            (each["at_ms"], each["name"], each["start_byte"], each["bytes"]) for each in rows(in_full(plain), "events")
        ]

    def test_stations_in_milliseconds(self) -> None:
        timing = Timing(dns_ns=1_500_000, connect_ns=2_000_000, first_header_byte_ns=3_000_000, end_ns=4_000_000)
        stations = object_or_nothing(in_full(replace(SOUND, timing=timing))["timing"])
        names = ("dns_ms", "connect_ms", "tls_ms", "headers_ms", "end_ms")
        assert [1.5, 2, None, 3, 4] == [stations[name] for name in names]


class TestHearing:
    def test_pieces_follow_each_other_and_silence_is_between(self) -> None:
        found = in_full(TWO_SENTENCES)
        first, second = rows(found, "pieces")
        assert ("Good morning, this is the hotel.", 100, 100) == tuple(
            first[key] for key in ("text", "at_ms", "from_ms")
        )
        assert 100 + round(32 / 15 * 1000, 3) == first["until_ms"]
        assert 4000 == second["from_ms"]
        (silence,) = rows(found, "dead_air")
        assert (first["until_ms"], 4000) == (
            silence["from_ms"],
            cast("float", silence["from_ms"]) + cast("float", silence["ms"]),
        )

    def test_a_piece_waits_for_the_one_before(self) -> None:
        at_once = streamed(
            (10, words("This sentence is long enough to be spoken.")),
            (20, words(" And this is the next one, too.")),
            (30, DONE),
        )
        first, second = rows(in_full(at_once), "pieces")
        assert (20, first["until_ms"]) == (second["at_ms"], second["from_ms"])

    def test_each_consumer_tells_what_it_makes_of_the_bytes(self) -> None:
        found = rows(in_full(TWO_SENTENCES), "consumers")
        assert ["vapi", "openai-node", "rapida"] == [each["name"] for each in found]
        text = "Good morning, this is the hotel. Which room would you like to book?"
        assert {("heard", text)} == {(each["what"], each["text"]) for each in found}

    @pytest.mark.parametrize(
        ("dialect", "name", "consumers"),
        [
            (Dialect.OPENAI_RESPONSES, "responses-text-stream", 4),
            (Dialect.ANTHROPIC_MESSAGES, "anthropic-text-stream", 4),
            (Dialect.GEMINI_GENERATE_CONTENT, "gemini-text-stream", 2),
        ],
    )
    def test_of_another_api_the_official_clients(self, dialect: Dialect, name: str, consumers: int) -> None:
        (exchange,) = base(name)
        evidence = [Evidence(exchange=exchange, dialect=dialect, conditions=Conditions(platform="direct"))]
        (found,) = played_documents(evidence, Ids(evidence))
        assert (consumers, True) == (len(rows(found, "consumers")), bool(found["pieces"]))

    def test_nobody_speaks_an_error(self) -> None:
        failed = (
            replace(TWO_SENTENCES, response=Response(status=500, headers=TWO_SENTENCES.response.headers))
            if TWO_SENTENCES.response
            else SOUND
        )
        assert [] == in_full(failed)["pieces"]


class TestCalls:
    def test_an_exchange_of_a_call_has_its_place_in_it(self) -> None:
        evidence = in_call("two-turns", {"turn-1.1": answer("One.", "a"), "turn-2.1": answer("Two.", "b")})
        found = played_documents(evidence, Ids(evidence))
        places = [object_or_nothing(each["call"]) for each in found]
        assert [("two-turns", "heard")] * 2 == [(each["name"], each["why"]) for each in places]
        assert None is told(SOUND)[0]["call"]


class TestSecrets:
    def test_what_a_name_calls_a_credential_is_hidden_whoever_recorded_it(self) -> None:
        headers = ((b"Authorization", b"Bearer planted-1"), (b"x-api-key", b"planted-2"), (b"Cookie", b"a=planted-3"))
        request = replace(SOUND.request, headers=headers, url="https://a.example/v1?key=planted-4")
        response = Response(status=200, headers=((b"Set-Cookie", b"sid=planted-5; Path=/"),))
        text = json.dumps(in_full(replace(SOUND, request=request, response=response)))
        assert "planted" not in text
        assert "Bearer ********" in text
        assert "sid=*********; Path=/" in text


class TestHostile:
    @pytest.mark.parametrize(
        "data",
        [
            b"\x1b[2J\x00\xff" * 1000,
            "\u202edata: x\n\n".encode() * 1000,
            b"data: " + b"x" * 5_000_000,
            b"data: {}\n\n" * 20_000,
            b": x\n\n" * 20_000,
            b"\n" * 500_000,
            b"[" * 100_000,
            b'{"choices": [{"delta": {"content": "' + b"\\ud800" * 1000 + b'"}}]}',
        ],
    )
    @pytest.mark.parametrize("kind", [b"text/event-stream", b"application/json", b"text/html"])
    def test_a_body_takes_a_bounded_room_and_nothing_in_it_acts(self, data: bytes, kind: bytes) -> None:
        response = Response(status=200, headers=((b"content-type", kind), *[(b"x-a\xff", b"\x1b" * 5000)] * 500))
        hostile = replace(SOUND, response=response, reads=(Read(at_ns=1, data=data),))
        found = in_full(hostile)
        text = json.dumps(found, ensure_ascii=False)
        assert len(text) < 400_000
        assert () == errors("harness/report", to_document(run(), evidence=[Evidence(exchange=hostile)]))
        assert not {"\x1b", "\u202e", "\x00", "\ud800"} & set(text)

    def test_the_last_events_are_told_and_those_in_the_middle_counted(self) -> None:
        many = streamed(*((number, words(f"w{number} ")) for number in range(300)), (400, DONE))
        found = in_full(many)
        shown = rows(found, "events")
        assert 301 == len(shown) + cast("int", found["events_left_out"])
        assert "data: [DONE]" in str(shown[-1]["text"])
        assert "w0 " == shown[0]["brings"]

    def test_a_very_long_answer_is_heard_by_nobody_and_says_so(self) -> None:
        found = in_full(streamed((1, words("x" * 300_000)), (2, DONE)))
        assert (None, []) == (found["pieces_left_out"], found["consumers"])

    def test_a_request_that_is_too_long_has_no_command(self) -> None:
        long = streamed((1, DONE), request=ask(user("x" * 9000)))
        found = in_full(long)
        assert None is found["curl"]
        body = object_or_nothing(object_or_nothing(found["request"])["body"])
        assert (6000, 9000) < (len(str(body["text"])), cast("int", body["bytes"]))


class TestRoom:
    def test_sound_exchanges_are_told_in_short(self) -> None:
        asked = streamed((1, words("x" * 2000)), (2, DONE), request=ask(user("y" * 2000)))
        sound, violated = told(asked, replace(asked), violated=[])[0], in_full(asked)
        assert len(json.dumps(sound)) < 0.6 * len(json.dumps(violated))
        assert (None, True) == (sound["curl"], isinstance(violated["curl"], str))

    def test_a_run_in_which_everything_is_broken_stays_small(self) -> None:
        """Three hundred exchanges with long requests and answers, each of which breaks a hundred rules."""
        exchanges = [
            replace(
                streamed(*((at, words("word " * 20)) for at in range(80)), (90, DONE), request=ask(user("z" * 4000))),
                source=f"scenario/step-{number}",
            )
            for number in range(300)
        ]
        evidence = [Evidence(exchange=each) for each in exchanges]
        findings = tuple(
            Finding(violation=Violation(expected="this " * 10, actual="that " * 10, start=100, end=400), evidence=each)
            for each in evidence
        )
        result = replace(VIOLATED, outcome=Outcome.VIOLATED, level=MUST, findings=findings)
        document = to_document(run(*[result] * 100), evidence=evidence)
        assert len(json.dumps(document)) < 11_000_000
        assert 50 == sum(each["curl"] is not None for each in rows(document, "played"))

    def test_the_first_violation_of_each_rule_is_told_at_length(self) -> None:
        exchanges = [replace(SOUND, source=f"s/{number}") for number in range(200)]
        evidence = [Evidence(exchange=each) for each in exchanges]

        def broken(rule_id: str, *positions: int) -> RuleResult:
            violation = Violation(expected="a", actual="b")
            found = tuple(Finding(violation=violation, evidence=evidence[at]) for at in positions)
            return replace(VIOLATED, rule=replace(VIOLATED.rule, id=rule_id), findings=found)

        document = to_document(run(broken("sse.first", *range(100)), broken("sse.second", 199)), evidence=evidence)
        at_length = {str(each["id"]) for each in rows(document, "played") if each["curl"] is not None}
        assert {"s/0", "s/199"} < at_length
