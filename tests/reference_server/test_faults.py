"""Every fault can be shown: what comes back is not what the sound server sends, and it comes in bounded time."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TypeAlias, cast

import pytest

from reference_server.conftest import KEY
from reference_server.talking import CLOCK, WEATHER, Heard, Json, Talk, called, chat, result, user
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults import all_faults, listed_faults
from vapi_reference_server.faults.call_tools import call_tool_faults
from vapi_reference_server.faults.calls import call_faults
from vapi_reference_server.faults.fault import Fault, SeenOn
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

SECONDS = 0.15
ALL = all_faults()
FAULTS = {name: fault for name, fault in ALL.items() if fault.dialect is DialectName.CHAT}
# Bytes are the same but their times are not, or nothing is seen by whoever reads to the end.
# Those of whole calls are played in `test_call_faults`.
OF_CALLS = {fault.name for fault in (*call_faults(), *call_tool_faults())}
TIMED = {fault.name for fault in FAULTS.values() if fault.seconds} - {"keeps-generating"} - OF_CALLS
OWN_TEST = {
    *("burst", "endless-body", "one-request-per-connection", "unhealthy-after-disconnect", "keeps-generating"),
    *("token-never-expires", "token-kept-for-the-call"),  # in test_oauth
    *OF_CALLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that is part of showing a fault."""

    body: Json | bytes
    path: str = "/chat/completions"
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()


Trigger: TypeAlias = "tuple[Sent, ...]"


def ask(text: str, **more: object) -> Sent:
    return Sent(body=user(text, **more))


def history(*messages: Json, **more: object) -> Sent:
    return Sent(body=chat(list(messages), **more))


def said(text: str, role: str = "user") -> Json:
    return {"role": role, "content": text}


def in_call(text: str) -> Sent:
    return Sent(body=user(text, call={"id": "call-of-test"}))


ROUND = [said("Weather?"), called(), result("Rain."), said("And now?")]
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
BY_KIND: dict[SeenOn, Trigger] = {
    SeenOn.ANY: (ask("I like naïve tea"),),
    SeenOn.STREAM: (ask("I like naïve tea", stream=True),),
    SeenOn.JSON: (ask("I like tea"),),
    SeenOn.TOOL_STREAM: (ask("Weather and clock", tools=[WEATHER, CLOCK], stream=True),),
    SeenOn.TOOL_JSON: (ask("Weather", tools=[WEATHER]),),
    SeenOn.USAGE_STREAM: (ask("I like tea", **USAGE),),
    SeenOn.REFUSED: (Sent(body={**user("Hi"), "model": "unknown"}),),
    SeenOn.KEY: (
        ask("Hi"),
        Sent(body=user("Hi"), headers=(("Authorization", "Bearer wrong-secret-key"),)),
        Sent(body=user("Hi"), headers=(("Authorization", f"Bearer {KEY}"), ("X-Tenant", "7"))),
    ),
}
NAMED_CHOICE = {"type": "function", "function": {"name": "get_weather"}}
SPECIAL: dict[str, Trigger] = {
    "accept-decides": (ask("Hi", stream=True),),
    "500-on-unknown-keys": (ask("Hi", call={"id": "c"}),),
    "500-without-call": (ask("Hi"),),
    "500-on-minimal": (ask("Hi", stream=True),),
    "500-on-vendor-keys": (ask("Hi", top_k=40),),
    "header-case-matters": (Sent(body=user("Hi"), headers=(("AUTHORIZATION", "Bearer any"),)),),
    "get-answers-200": (Sent(body=b"", method="GET"),),
    "unknown-path-200": (Sent(body=user("Hi"), path="/nowhere"),),
    "full-url-404": (Sent(body=user("Hi"), path="/chat/completions/chat/completions"),),
    "500-on-malformed": (Sent(body=b"{"),),
    "500-on-oversized": (ask("x" * 70_000),),
    "max-tokens-ignored": (ask("Hi", max_tokens=1),),
    "stop-ignored": (ask("Say exactly: one two", stop="two"),),
    "n-ignored": (ask("Hi", n=2),),
    "json-mode-prose": (ask("Answer in JSON", response_format={"type": "json_object"}),),
    "one-choice-unfinished": (ask("Hi", n=2, stream=True),),
    "args-empty": (ask("clock", tools=[CLOCK]),),
    "choice-none-ignored": (ask("Weather", tools=[WEATHER], tool_choice="none"),),
    "choice-required-ignored": (ask("Hi", tools=[WEATHER], tool_choice="required"),),
    "choice-named-ignored": (ask("Hi", tools=[WEATHER], tool_choice=NAMED_CHOICE),),
    "parallel-despite-false": (ask("Weather", tools=[WEATHER], parallel_tool_calls=False),),
    "stream-never-calls": (ask("Weather", tools=[WEATHER], stream=True),),
    "tool-result-ignored": (history(*ROUND[:3]),),
    "only-first-result": (history(called("a"), called("b"), result("One.", "a"), result("Two.", "b")),),
    "sentinel-read-aloud": (history(called(), result("Success.")),),
    "500-on-tool-result": (history(called(), result("Rain.")),),
    "500-on-parallel-results": (history(called("a"), called("b"), result("One.", "a"), result("Two.", "b")),),
    "500-on-sentinel": (history(called(), result("No result returned.")),),
    "unknown-result-accepted": (history(said("Hi"), result("Rain.", "call_9")),),
    "usage-above-max": (ask("Hi", max_tokens=1),),
    "500-on-wrong-types": (ask("Hi", temperature="hot"),),
    "500-on-context-overflow": (ask("word " * 2001),),
    "unknown-model-200": (Sent(body={**user("Hi"), "model": "unknown"}),),
    "empty-messages-200": (history(),),
    "ascii-only": (ask("Say exactly: naïve"),),
    "framing-words-cut": (ask("Say exactly: it says data: [DONE] here"),),
    "ignores-system": (history(said("The house word is oak.", "system"), said("What is the house word?")),),
    "ignores-history": (history(said("My code word is plum."), said("What is my code word?")),),
    "remembers-first-history": (
        Sent(body=chat([said("My code word is plum."), said("What is my code word?")], call={"id": "h"})),
        Sent(body=chat([said("My code word is pear."), said("What is my code word?")], call={"id": "h"})),
    ),
    "stale-replay": (in_call("I like"), in_call("I like tea")),
    "replaced-turn-replayed": (in_call("I like"), in_call("I like tea"), in_call("Night bee")),
    "repeated-turn-shortened": (in_call("I like tea"), in_call("I like tea")),
    "rejects-absent-content": (history(*ROUND),),
    "rejects-filler-beside-calls": (history(said("Hi"), called(content="One moment."), result("Rain.")),),
    "rejects-user-after-tool": (history(*ROUND),),
    "rejects-merged-answer": (
        history(said("Hi"), called(content="It rains."), result("Rain."), said("Bye.", "assistant"), said("Hi")),
    ),
    "needs-user-message": (history(said("Be nice.", "system")),),
    "mixes-calls": (ask("Say exactly: plum"), ask("Say exactly: pear")),
}
_VARIABLE = re.compile(rb"(chatcmpl-|call_)[0-9a-f]{24,32}")
_CREATED = re.compile(rb'"created":(\d+)')


def seen(heard: Heard) -> tuple[object, ...]:
    """What two sound answers to the same request have in common."""
    steady = {key: value for key, value in heard.headers.items() if key not in ("date", "content-length")}
    length = "content-length" in heard.headers
    created_s = [int(number) for number in _CREATED.findall(heard.body)]
    steps_s = [later - created_s[0] for later in created_s]
    stale = any(time.time() - second > 3600 for second in created_s)
    body = _CREATED.sub(b"*", _VARIABLE.sub(b"*", heard.body))
    return heard.status, steady, length, body, steps_s, stale, heard.complete


def trigger(fault: Fault) -> Trigger:
    return SPECIAL[fault.name] if fault.seen_on is SeenOn.SPECIAL else BY_KIND[fault.seen_on]


def show(talk: Talk, sent: Trigger, fault: str | None, seconds: float = SECONDS) -> list[Heard]:
    start = "" if fault is None else f"/faults/{fault}"
    timing = {} if fault is None else {"X-Fault-Seconds": str(seconds)}
    return [talk.post(item.body, start + item.path, {**timing, **dict(item.headers)}, item.method) for item in sent]


class TestEachFault:
    @pytest.mark.parametrize("name", sorted(FAULTS.keys() - OWN_TEST - TIMED))
    def test_differs_from_the_sound_answer(self, talk: Talk, locked: Talk, name: str) -> None:
        fault = FAULTS[name]
        server = locked if fault.seen_on is SeenOn.KEY else talk
        sent = trigger(fault)
        sound, faulty = show(server, sent, None), show(server, sent, name)
        assert [seen(heard) for heard in sound] != [seen(heard) for heard in faulty]
        assert all(heard.took_s < 2 for heard in faulty)

    @pytest.mark.parametrize("name", sorted(TIMED))
    def test_of_time_takes_its_time(self, talk: Talk, name: str) -> None:
        (heard,) = show(talk, trigger(FAULTS[name]), name)
        assert SECONDS <= heard.took_s < SECONDS + 1.5
        assert heard.payloads[-1] == "[DONE]"

    @pytest.mark.parametrize("name", ["one-request-per-connection", "json-truncated", "truncated", "reset-midstream"])
    def test_of_the_connection_leaves_the_body_incomplete(self, server_url: str, name: str) -> None:
        talk = Talk(server_url)
        with talk.client:
            answers = show(talk, (ask("I like tea", stream="stream" in name or name == "truncated"),) * 2, name)
        assert not answers[1].complete

    def test_burst_leaves_in_one_read(self, talk: Talk) -> None:
        (sound,), (faulty,) = (show(talk, BY_KIND[SeenOn.STREAM], name) for name in (None, "burst"))
        assert len(sound.reads) > 3 > len(faulty.reads)
        assert seen(faulty) == seen(sound)

    def test_endless_body_goes_on_for_megabytes(self, talk: Talk) -> None:
        body = json.dumps(user("Hi", stream=True))
        taken = 0
        with talk.client.stream("POST", "/faults/endless-body/chat/completions", content=body) as response:
            for data in response.iter_raw():
                taken += len(data)
                if taken > 2 * 1024 * 1024:
                    break
        assert taken > 2 * 1024 * 1024


class TestTheTable:
    def test_names_a_rule_for_each_of_many_faults(self) -> None:
        general = "http|auth|sse|stream|sampling|usage|tools|errors|timing|speech|turns|call|webhook"
        layers = f"{general}|chat|chat-stream|(responses|anthropic|gemini)(-stream|-tools)?"
        rules = [fault.breaks for fault in ALL.values()]
        assert [rule for rule in rules if not re.fullmatch(rf"({layers})\.[a-z0-9-]+", rule)] == []
        assert len(ALL) >= 400

    def test_has_no_name_twice(self) -> None:
        assert [name for name in ALL if not re.fullmatch(r"[a-z0-9-]{3,}", name)] == []
        assert [fault.name for fault in listed_faults()] == list(ALL)

    def test_says_what_each_does_in_a_sentence(self) -> None:
        assert [fault.name for fault in ALL.values() if not fault.sentence.endswith(".")] == []

    def test_is_served(self, talk: Talk) -> None:
        listed = cast("list[Json]", talk.post(b"", "/faults", method="GET").json["faults"])
        assert [item["name"] for item in listed] == list(ALL)


class TestChoosing:
    def test_by_header(self, talk: Talk) -> None:
        heard = talk.post(user("Hi", stream=True), headers={"X-Fault": "no-done"})
        assert heard.payloads[-1] != "[DONE]"

    def test_by_path_of_any_route(self, talk: Talk) -> None:
        heard = talk.post(user("Hi"), "/faults/vapi-basic-delta/basic/chat/completions")
        assert b'"delta":{' in heard.body

    def test_for_the_whole_server(self) -> None:
        with running(Settings(fault="no-done", pace_ms=0)) as url:
            talk = Talk(url)
            with talk.client:
                assert talk.stream(user("Hi")).payloads[-1] != "[DONE]"
                other = talk.post(user("Hi", stream=True), headers={"X-Fault": "bom"})
        assert other.payloads[-1] == "[DONE]"

    def test_an_unknown_name_gets_404(self, talk: Talk) -> None:
        assert talk.post(user("Hi"), headers={"X-Fault": "rain"}).status == 404

    def test_a_time_that_is_no_number_gets_400(self, talk: Talk) -> None:
        heard = talk.post(user("Hi"), headers={"X-Fault": "late-end", "X-Fault-Seconds": "soon"})
        assert heard.status == 400

    def test_other_answers_stay_sound(self, talk: Talk) -> None:
        sound, faulty = (show(talk, BY_KIND[SeenOn.JSON], name)[0] for name in (None, "no-done"))
        assert seen(sound) == seen(faulty)
