"""What an answer does to a call: the cases that the facts about Vapi tell, and how sure each is."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.report.effect import Effect, effects, heard_of
from vapi_conformance.specimens import all_exchanges, base, load_specimen

S = 1_000_000_000
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
LLM_FAILED = (
    "pipeline-error-custom-llm-llm-failed",
    "call.in-progress.error-providerfault-custom-llm-llm-failed",
)
SPEAKS: Mapping[str, object] = {"choices": [{"index": 0, "delta": {"content": "We open at seven."}}]}


def asked(*, stream: bool = True) -> Request:
    body = {"model": "m", "messages": [], "stream": stream, "tools": TOOLS}
    return Request(method="POST", url="http://endpoint.example/v1/chat/completions", body=json.dumps(body).encode())


def answered(
    *pieces: bytes, status: int = 200, times_s: tuple[float, ...] = (), end_s: float | None = None, end: End = End.CLEAN
) -> Exchange:
    """Reads at these times, or 10 ms apart; the end comes with the last one unless said otherwise."""
    at_ns = [round(each * S) for each in times_s] or [number * 10_000_000 for number in range(len(pieces))]
    last_ns = at_ns[-1] if at_ns else 0
    return Exchange(
        request=asked(),
        response=Response(status=status, headers=((b"Content-Type", b"text/event-stream"),)),
        reads=tuple(Read(at_ns=at, data=data) for at, data in zip(at_ns, pieces, strict=True)),
        end=end,
        timing=Timing(end_ns=last_ns if end_s is None else round(end_s * S)),
    )


def event(payload: object) -> bytes:
    data = payload if isinstance(payload, str) else json.dumps(payload)
    return f"data: {data}\n\n".encode()


def effect(exchange: Exchange, conditions: Conditions | None = None) -> Effect:
    (only,) = effects(Evidence(exchange=exchange, conditions=conditions or Conditions()))
    assert only.sentence.startswith("Vapi, of this answer as a whole: ")
    assert only.sentence.endswith(f"({only.sureness})")
    return only


def told(exchange: Exchange) -> tuple[str, str]:
    only = effect(exchange)
    return only.what, only.sureness


class TestSpoken:
    """Facts on Vapi, 2.1: what is accepted."""

    @pytest.mark.parametrize(
        "body",
        [
            event(SPEAKS) + event("[DONE]"),
            event(SPEAKS),
            event({"object": "chat.completion", **SPEAKS}),
            event(SPEAKS) + b'data: {"choices":[{"index":0,"delta":{}}]}\n\n',
            event({**SPEAKS, "url": "http://a"}),
            b": ping\n\n" + event(SPEAKS),
            event(SPEAKS).replace(b"\n", b"\r\n"),
            event(SPEAKS).replace(b"data: ", b"data:"),
        ],
        ids=["with [DONE]", "without", "serverless example", "empty delta", "extra key", "comment", "crlf", "no space"],
    )
    def test_is_what_the_facts_say_is_spoken(self, body: bytes) -> None:
        assert ("heard", "observed") == told(answered(body))


class TestSilence:
    @pytest.mark.parametrize(
        "body",
        [
            event("[DONE]"),
            b"",
            event({"choices": []}),
            event({"choices": [{"index": 0, "delta": {"content": " \n"}}]}),
            event({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}),
            event(SPEAKS).removesuffix(b"\n"),
            b"\xef\xbb\xbf" + event(SPEAKS),
            json.dumps(SPEAKS).encode() + b"\n" + json.dumps(SPEAKS).encode(),
        ],
        ids=["only [DONE]", "no body", "no choice", "blank", "reasoning only", "last event open", "bom", "ndjson"],
    )
    def test_of_an_empty_answer_may_end_the_call(self, body: bytes) -> None:
        found = effect(answered(body))
        assert ("silence", "observed") == (found.what, found.sureness)
        assert (*LLM_FAILED, "silence-timed-out") == found.ended_reasons

    def test_of_204(self) -> None:
        assert "silence" == effect(answered(status=204)).what

    def test_of_vapis_own_sample_is_not_certain(self) -> None:
        """One JSON document with the text in `delta`: documented to work, and unheard by the client library."""
        document = json.dumps({"object": "chat.completion", **SPEAKS}).encode()
        found = effect(answered(document))
        assert ("silence", "inferred") == (found.what, found.sureness)
        assert "Sources disagree." in found.sentence

    def test_of_plain_json_was_observed_though_documented_otherwise(self) -> None:
        document = {"object": "chat.completion", "choices": [{"index": 0, "message": {"content": "We open at seven."}}]}
        found = effect(answered(json.dumps(document).encode()))
        assert ("silence", "observed") == (found.what, found.sureness)
        assert "Vapi's documentation says that plain JSON is handled." in found.sentence

    def test_of_json_without_words_is_an_empty_answer(self) -> None:
        assert "empty answer" in effect(answered(b'{"choices": [{"message": {"content": ""}}]}')).sentence


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "name", "sureness"),
        [
            (400, "vapifault-custom-llm-400-bad-request-validation-failed", "documented"),
            (401, "vapifault-custom-llm-401-unauthorized", "documented"),
            (403, "vapifault-custom-llm-403-model-access-denied", "documented"),
            (429, "vapifault-custom-llm-429-exceeded-quota", "documented"),
            (500, "providerfault-custom-llm-500-server-error", "documented"),
            (503, "providerfault-custom-llm-503-server-overloaded-error", "documented"),
            (402, "providerfault-custom-llm-llm-failed", "observed"),
            (404, "providerfault-custom-llm-llm-failed", "inferred"),
            (408, "providerfault-custom-llm-llm-failed", "inferred"),
            (502, "providerfault-custom-llm-llm-failed", "inferred"),
            (307, "providerfault-custom-llm-llm-failed", "inferred"),
        ],
    )
    def test_of_a_status_have_its_reason(self, status: int, name: str, sureness: str) -> None:
        found = effect(answered(b'{"error": {"message": "no"}}', status=status))
        assert ("call-ends", sureness) == (found.what, found.sureness)
        legacy = "pipeline-error-" + name.partition("-")[2]
        assert (legacy, f"call.in-progress.error-{name}") == found.ended_reasons

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (event({"function_call": {"name": "transferCall"}}), "chunk.choices is not iterable"),
            (event({}), "chunk.choices is not iterable"),
            (b"event: message\n" + event(SPEAKS), "chunk.choices is not iterable"),
            (event("no json"), "SyntaxError"),
            (event(SPEAKS).replace(b"\n\n", b"\n") + event(SPEAKS), "SyntaxError"),
            (event({"error": {"message": "overloaded"}}), "APIError: overloaded"),
        ],
    )
    def test_of_frames_that_the_client_cannot_read(self, body: bytes, words: str) -> None:
        found = effect(answered(body))
        assert ("call-ends", "observed", LLM_FAILED) == (found.what, found.sureness, found.ended_reasons)
        assert words in found.sentence
        assert "The caller hears silence" in found.sentence

    def test_after_some_words_are_half_an_answer(self) -> None:
        assert "The caller hears half an answer" in effect(answered(event(SPEAKS), event({}))).sentence

    @pytest.mark.parametrize("end", [End.RESET, End.TRUNCATED, End.TIMED_OUT])
    def test_of_the_connection_fail_the_answer(self, end: End) -> None:
        assert "call-ends" == effect(answered(event(SPEAKS), end=end)).what

    def test_to_respond_at_all(self) -> None:
        dead = replace(answered(), response=None, end=End.NO_RESPONSE)
        assert ("call-ends", LLM_FAILED) == (effect(dead).what, effect(dead).ended_reasons)


class TestTimes:
    def test_a_hang_does_not_end_the_call(self) -> None:
        found = effect(answered(event(SPEAKS), times_s=(6.2,)))
        assert "heard" == found.what
        assert "with 6.2 s of silence; Vapi reports a hang" in found.sentence

    @pytest.mark.parametrize(
        ("times_s", "gap", "heard"), [((25.0, 25.1), "25.0", "silence"), ((0.1, 24.4), "24.3", "half an answer")]
    )
    def test_more_silence_than_the_timeout_ends_it(self, times_s: tuple[float, ...], gap: str, heard: str) -> None:
        found = effect(answered(event(SPEAKS), event(SPEAKS), times_s=times_s))
        assert ("call-ends", LLM_FAILED) == (found.what, found.ended_reasons)
        assert f"{gap} s without a token are more than the timeout of 20 s. The caller hears {heard}," in found.sentence

    def test_so_does_a_body_that_stays_open_so_long(self) -> None:
        """The client's loop ends with the body, not with `[DONE]` (facts on Vapi, 2.2)."""
        late = answered(event(SPEAKS), event("[DONE]"), times_s=(0.1, 0.2), end_s=30)
        assert "29.9 s without a token" in effect(late).sentence

    def test_a_body_that_stays_open_for_less_is_no_silence(self) -> None:
        late = answered(event(SPEAKS), event("[DONE]"), times_s=(0.1, 0.2), end_s=12)
        assert "Vapi, of this answer as a whole: The answer is spoken. (observed)" == effect(late).sentence

    def test_the_assistants_timeout_counts(self) -> None:
        late = answered(event(SPEAKS), times_s=(8.0,))
        assert ("heard", "call-ends") == (effect(late).what, effect(late, Conditions(timeout_s=5)).what)

    def test_a_recording_without_times_has_no_silence(self) -> None:
        sound = answered(event(SPEAKS))
        untimed = replace(sound, reads=(Read(at_ns=None, data=event(SPEAKS)),), timing=Timing())
        assert ("heard", "observed") == told(untimed)


class TestTools:
    @staticmethod
    def call(**function: object) -> Exchange:
        fragment = {"index": 0, "id": "call_1", "type": "function", "function": function}
        return answered(event({"choices": [{"index": 0, "delta": {"tool_calls": [fragment]}}]}))

    @pytest.mark.parametrize("arguments", ['{"city": "Oslo"}', "{}", "", " "])
    def test_that_can_be_run_are_run(self, arguments: str) -> None:
        assert ("tool-call", "observed") == told(self.call(name="get_weather", arguments=arguments))

    @pytest.mark.parametrize(
        "function",
        [
            {"name": "", "arguments": "{}"},
            {"arguments": "{}"},
            {"name": "get_wether", "arguments": "{}"},
            {"name": "get_weather", "arguments": '{"city": '},
            {"name": "get_weather", "arguments": "Oslo"},
            {"name": "get_weather", "arguments": {"city": "Oslo"}},
        ],
        ids=["empty name", "no name", "not offered", "cut off", "no json", "an object"],
    )
    def test_that_cannot_are_lost(self, function: dict[str, object]) -> None:
        assert ("tool-lost", "inferred") == told(self.call(**function))

    def test_nobody_knows_what_an_unknown_request_offered(self) -> None:
        unknown = replace(self.call(name="any", arguments="{}"), request=replace(asked(), body=None))
        assert "tool-call" == effect(unknown).what


class TestScope:
    def test_nothing_is_told_of_an_answer_that_we_cut_off(self) -> None:
        assert () == effects(Evidence(exchange=answered(event(SPEAKS), end=End.CLOSED_BY_US)))

    def test_nor_of_a_refusal_that_was_asked_for(self) -> None:
        refused = replace(answered(status=401), label=Label(scenario="auth", step="missing", expects="refusal"))
        assert () == effects(Evidence(exchange=refused))

    def test_nor_of_an_answer_that_was_not_to_be_streamed(self) -> None:
        assert () == effects(Evidence(exchange=replace(answered(b"{}"), request=asked(stream=False))))

    def test_every_specimen_has_an_effect_in_words_or_none(self) -> None:
        for name, exchange in all_exchanges():
            for each in effects(Evidence(exchange=exchange)):
                assert each.sureness in ("documented", "observed", "inferred"), name
                assert (each.what == "call-ends") <= bool(each.ended_reasons), name
                assert each.sentence.endswith(f"({each.sureness})"), name

    def test_answers_are_counted_by_what_becomes_of_them(self) -> None:
        probe = Label(scenario="oversized", step="post", expects="anything")
        ordinary = Label(scenario="plain", step="stream")
        exchanges = [
            *base("text-stream"),
            replace(answered(event(SPEAKS)), label=ordinary),
            replace(answered(status=500), label=ordinary),
            replace(answered(status=500), label=probe),
        ]
        assert {"heard": 2, "call-ends": 1} == heard_of(Evidence(exchange=each) for each in exchanges)


class TestServerMessages:
    def told(self, name: str, timeout_s: float = 20.0) -> list[tuple[str, str, tuple[str, ...]]]:
        evidence = load_specimen(f"webhook.{name}").broken_evidence()
        return [
            (each.what, each.text, each.ended_reasons)
            for one in evidence
            for each in effects(replace(one, conditions=Conditions(timeout_s=timeout_s)))
        ]

    def test_a_result_that_vapi_cannot_read_is_lost(self) -> None:
        text = "The model gets `No result returned…` for 1 of 2 calls: its result holds a line break."
        assert [("tool-lost", text, ())] == self.told("result-is-one-line")

    def test_all_are_lost_where_the_answer_comes_too_late(self) -> None:
        (found,) = self.told("results-name-the-tool", timeout_s=0.001)
        text = "The model gets `No result returned…`: Vapi had given up before the answer came."
        assert ("tool-lost", text, ()) == found

    def test_a_call_without_an_assistant_ends(self) -> None:
        text = "The call ends before anybody has spoken: no assistant came in time."
        assert [("call-ends", text, ("assistant-request-failed",))] == self.told("answers-in-time")

    def test_what_is_refused_on_purpose_or_only_told_does_nothing(self) -> None:
        assert [] == self.told("notice-is-accepted")
        assert ["tool-call"] == [what for what, _, _ in self.told("missing-secret-is-refused")]
