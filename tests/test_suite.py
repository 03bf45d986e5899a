"""What a run plays, what each step sends, and what the first turn tells."""

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from call.scripted import Answer, ScriptedClient
from fake_tokens import FakeTokens
from vapi_conformance.call.playing import SYSTEM_PROMPT
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.client import Client, HangUp, Outgoing
from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import End, Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import Scenario, Step, all_scenarios
from vapi_conformance.specimens import base
from vapi_conformance.suite import (
    MOST_TIRESOME,
    WRONG_KEY,
    be_sure_of,
    needed_calls,
    needed_scenarios,
    play,
    play_every,
)

URL = "http://endpoint.example/v1"
POSTED = f"{URL}/chat/completions"
KEY = "sk-0123456789abcdef"
HELLO: Mapping[str, object] = {"role": "user", "content": "Hello"}
(ANSWER,) = base("text-stream")
(CALL,) = base("tool-stream")


class Fake(Client):
    """Sends nothing; keeps what it was to send, and gives the answers of a script, the last one again and again."""

    def __init__(self, *answers: Exchange) -> None:
        super().__init__()
        self.sent: list[Outgoing] = []
        self.together: list[int] = []
        self._answers = list(answers) or [ANSWER]

    def send(self, outgoing: Outgoing) -> Exchange:
        self.sent.append(outgoing)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return replace(answer, label=outgoing.label)

    def send_all(self, outgoing: Sequence[Outgoing]) -> list[Exchange]:
        self.together.append(len(outgoing))
        return [self.send(each) for each in outgoing]


@cache
def platform(**changes: object) -> Platform:
    """Made once for all tests: making up a caller takes time."""
    settings: dict[str, object] = {"base_url": URL, "api_key": KEY, **changes}
    return Platform.from_files(**settings)  # type: ignore[arg-type]  # test data


def scenario(*steps: Step, **changes: object) -> Scenario:
    return Scenario(name="probe", about="A probe.", steps=steps, **changes)  # type: ignore[arg-type]  # test data


def played(probe: Scenario, *answers: Exchange, by: Platform | None = None) -> Fake:
    with Fake(*answers) as client:
        list(play([probe], platform=by or platform(), client=client))
    return client


def sent(step: Step, *, by: Platform | None = None, system: str | None = None) -> Outgoing:
    (outgoing,) = played(scenario(step, system=system), by=by).sent
    return outgoing


def body_of(outgoing: Outgoing) -> Mapping[str, object]:
    assert outgoing.body is not None
    return cast("Mapping[str, object]", json.loads(outgoing.body))


def messages_of(outgoing: Outgoing) -> list[Mapping[str, object]]:
    return cast("list[Mapping[str, object]]", body_of(outgoing)["messages"])


def names(scenarios: Sequence[Scenario]) -> list[str]:
    return [each.name for each in scenarios]


def fitting() -> set[str]:
    """What Vapi plays with a key."""
    return {
        name
        for name, each in all_scenarios().items()
        if each.fits("vapi", Dialect.OPENAI_COMPATIBLE) and not each.requires_token
    }


class TestNeededScenarios:
    def test_one_rule_on_single_exchanges_needs_all(self) -> None:
        rules = [all_rules()["sse.last-event-is-terminated"]]
        assert fitting() == set(names(needed_scenarios(rules, platform=platform(), has_key=True)))

    def test_rules_on_scenarios_need_theirs_after_the_plain_turn(self) -> None:
        rules = [all_rules()[rule] for rule in ("turns.grown-turn-is-answered-afresh", "auth.wrong-key-is-401")]
        assert ["plain", "auth", "grown-turn"] == names(needed_scenarios(rules, platform=platform(), has_key=True))

    def test_without_a_key_nothing_about_keys_is_played(self) -> None:
        assert ["plain"] == names(
            needed_scenarios([all_rules()["auth.wrong-key-is-401"]], platform=platform(), has_key=False)
        )

    def test_the_order_is_the_same_in_every_run(self) -> None:
        chosen = names(needed_scenarios(all_rules().values(), platform=platform(), has_key=True))
        assert ["plain", *sorted(fitting() - {"plain"})] == chosen

    @pytest.mark.parametrize("dialect", sorted(EVERY - CHAT))
    def test_what_another_platform_or_api_does_not_know_is_left_out(self, dialect: Dialect) -> None:
        by = Direct.made(dialect=dialect, base_url=URL)
        chosen = set(names(needed_scenarios(all_rules().values(), platform=by, has_key=True)))
        assert {"plain", "auth", "tool-call", "max-tokens"} <= chosen
        assert (dialect is Dialect.OPENAI_RESPONSES) == ("stop" not in chosen)
        assert chosen.isdisjoint({"greeting", "metadata-modes", "tool-sentinels", "full-url", "choices", "seed"})

    def test_no_rules_need_the_plain_turn_only(self) -> None:
        assert ["plain"] == names(needed_scenarios([], platform=platform(), has_key=True))


class TestRequest:
    def test_is_what_the_platform_sends(self) -> None:
        outgoing = sent(Step(name="stream", messages=[HELLO]))
        assert ("POST", POSTED, True) == (outgoing.method, outgoing.url, outgoing.may_retry)
        assert platform().headers() == outgoing.headers
        assert body_of(outgoing)["stream"] is True
        assert "tools" not in body_of(outgoing)
        assert outgoing.hang_up is None

    def test_carries_its_label(self) -> None:
        assert Label(scenario="probe", step="s", expects="refusal") == sent(Step(name="s", expects="refusal")).label

    @pytest.mark.parametrize(("url", "path"), [(URL, "/nowhere"), (URL + "/", "/nowhere")])
    def test_to_another_path_stays_below_the_base(self, url: str, path: str) -> None:
        assert URL + path == sent(Step(name="s", path=path), by=platform(base_url=url)).url

    def test_get_has_no_body(self) -> None:
        outgoing = sent(Step(name="s", method="GET", messages=[HELLO]))
        assert ("GET", None) == (outgoing.method, outgoing.body)

    def test_a_dead_connection_is_not_replaced_where_it_is_the_point(self) -> None:
        assert not sent(Step(name="s", may_retry=False)).may_retry


class TestHeaders:
    @staticmethod
    def changed(**changes: object) -> list[tuple[str, str]]:
        return list(sent(Step(name="s", **changes)).headers)  # type: ignore[arg-type]  # test data

    def test_are_replaced_at_their_place_whatever_their_case(self) -> None:
        before = platform().headers()
        after = self.changed(headers={"ACCEPT": "text/event-stream"})
        at = [name for name, _ in before].index("accept")
        assert ("ACCEPT", "text/event-stream") == after[at]
        assert [each for each in before if each[0] != "accept"] == [each for each in after if each[0] != "ACCEPT"]

    def test_are_taken_away(self) -> None:
        after = self.changed(headers={"Authorization": None, "x-unheard-of": None})
        assert [each for each in platform().headers() if each[0] != "authorization"] == after

    def test_new_ones_stand_behind(self) -> None:
        assert [*platform().headers(), ("x-new", "1")] == self.changed(headers={"x-new": "1"})

    def test_may_be_in_capitals(self) -> None:
        after = self.changed(upper_case_headers=True, headers={"x-new": "a"})
        assert [(name.upper(), value) for name, value in (*platform().headers(), ("x-new", "a"))] == after

    def test_leave_the_key_to_the_query_where_it_goes_there(self) -> None:
        outgoing = sent(Step(name="only", key_in_query="key"))
        assert ("authorization" in dict(outgoing.headers), f"{POSTED}?key={KEY}") == (False, outgoing.url)

    @pytest.mark.parametrize(("api_key", "query"), [(KEY, f"?alt=sse&key={KEY}"), (None, "?alt=sse")])
    def test_a_query_gets_a_key_where_there_is_one(self, api_key: str | None, query: str) -> None:
        caller = Direct(dialect=Dialect.GEMINI_GENERATE_CONTENT, base_url=URL, model="m", api_key=api_key)
        with Fake() as client:
            list(play([scenario(Step(name="only", key_in_query="key"))], platform=caller, client=client))
        (outgoing,) = client.sent
        assert f"{URL}/models/m:streamGenerateContent{query}" == outgoing.url
        assert KEY not in str(outgoing.headers)

    def test_carry_a_wrong_key_where_a_refusal_is_meant(self) -> None:
        assert f"Bearer {WRONG_KEY}" == dict(self.changed(wrong_key=True))["authorization"]
        assert f"Bearer {KEY}" == dict(self.changed())["authorization"]


class TestBody:
    def test_a_raw_one_is_sent_as_it_is(self) -> None:
        assert "{né".encode() == sent(Step(name="s", raw_body="{né", messages=[HELLO], body={"n": 1})).body

    def test_keys_are_set_and_taken_away(self) -> None:
        body = body_of(sent(Step(name="s", messages=[HELLO], body={"n": 2, "temperature": None, "unheard_of": None})))
        assert 2 == body["n"]
        assert not {"temperature", "unheard_of"} & set(body)

    def test_a_nested_null_stays(self) -> None:
        assert {"a": None} == body_of(sent(Step(name="s", body={"metadata": {"a": None}})))["metadata"]

    def test_tools_are_those_of_the_step(self) -> None:
        tool = {"type": "function", "function": {"name": "f"}}
        assert [tool] == body_of(sent(Step(name="s", tools=[tool])))["tools"]

    def test_the_last_message_can_be_long(self) -> None:
        messages = messages_of(sent(Step(name="s", messages=[HELLO, HELLO], repeat_content=3)))
        assert ["Hello", "HelloHelloHello"] == [each["content"] for each in messages[1:]]

    @pytest.mark.parametrize("message", [{"role": "user"}, {"role": "user", "content": None}])
    def test_a_message_without_content_gets_no_longer(self, message: Mapping[str, object]) -> None:
        assert "" == messages_of(sent(Step(name="s", messages=[message], repeat_content=3)))[1]["content"]

    def test_text_in_other_scripts_is_not_escaped(self) -> None:
        """JSON.stringify does not either."""
        assert "grüß 日本".encode() in (sent(Step(name="s", messages=[{**HELLO, "content": "grüß 日本"}])).body or b"")

    @pytest.mark.parametrize("mode", ["off", "variable", "destructured", "empty-metadata"])
    def test_has_the_envelope_of_the_step(self, mode: str) -> None:
        body = body_of(sent(Step(name="s", messages=[HELLO], envelope=mode)))  # type: ignore[arg-type]  # test data
        assert ("metadata" in body) == (mode in ("variable", "empty-metadata"))
        assert ("call" in body) == (mode != "off")


class TestSystemPrompt:
    @staticmethod
    def assistant(folder: Path, *messages: object) -> Platform:
        path = folder / "assistant.json"
        model = {"provider": "custom-llm", "model": "m", "url": URL, "messages": list(messages)}
        path.write_text(json.dumps({"model": model}), encoding="utf-8")
        return platform(assistant=path)

    def test_is_ours_where_there_is_no_other(self) -> None:
        assert [{"role": "system", "content": SYSTEM_PROMPT}, HELLO] == messages_of(
            sent(Step(name="s", messages=[HELLO]))
        )

    def test_is_the_scenarios_where_it_has_one(self) -> None:
        assert (
            "The house word is oak." == messages_of(sent(Step(name="s"), system="The house word is oak."))[0]["content"]
        )

    def test_stands_behind_the_assistants_own_in_one_message(self, tmp_path: Path) -> None:
        said = [("system", "I am Ada."), ("user", "x"), ("system", "Be brief.")]
        by = self.assistant(tmp_path, *({"role": role, "content": content} for role, content in said))
        (only,) = messages_of(sent(Step(name="s"), by=by, system="Ours."))
        assert {"role": "system", "content": "I am Ada.\n\nBe brief.\n\nOurs."} == only

    @pytest.mark.parametrize("message", [{"role": "system"}, {"role": "system", "content": None}])
    def test_an_assistants_message_without_content_says_nothing(
        self, tmp_path: Path, message: Mapping[str, object]
    ) -> None:
        (only,) = messages_of(sent(Step(name="s"), by=self.assistant(tmp_path, message), system="Ours."))
        assert {"role": "system", "content": "Ours."} == only


class TestHangingUp:
    EVENTS = (b"data: 1\n\n", b": comment\n\n", b"\n", b"data: 2\r\n\r\n", b"data: 3\n\n")

    @staticmethod
    def hang_up(events: int = 2) -> HangUp:
        found = sent(Step(name="s", hang_up_after_events=events)).hang_up
        assert found is not None
        assert found(b"", 0) is None
        return found

    def told(self, body: bytes, size: int, events: int = 2) -> int:
        """How many bytes had come when it said so, 0 for never."""
        hang_up = self.hang_up(events)
        cuts = range(size, len(body) + size, size)
        return next((at for at in cuts if hang_up(body[at - size : at], at) == at), 0)

    @pytest.mark.parametrize("size", [1, 2, 3, 5])
    def test_after_so_many_events_and_not_comments(self, size: int) -> None:
        body = b"".join(self.EVENTS)
        second = body.index(b"data: 2\r\n\r") + len(b"data: 2\r\n\r")  # a CR ends the line at once
        assert second <= self.told(body, size) < second + size

    @pytest.mark.parametrize("window_bits", [31, 15])
    @pytest.mark.parametrize("size", [1, 7])
    def test_under_a_content_coding(self, window_bits: int, size: int) -> None:
        """Vapi's client accepts gzip; a barge-in must not wait until the end of a compressed answer."""
        deflater = zlib.compressobj(wbits=window_bits)
        pieces = [deflater.compress(each) + deflater.flush(zlib.Z_SYNC_FLUSH) for each in self.EVENTS]
        until_second, body = len(b"".join(pieces[:4])), b"".join(pieces)
        assert until_second - 8 <= self.told(body, size) <= until_second + size

    @pytest.mark.parametrize("body", [b"", b'{"choices": []}', b"\x1f\x8bno gzip", b"xno zlib", b"data: 1\n\n"])
    def test_never_without_them(self, body: bytes) -> None:
        assert 0 == self.told(body, 3)

    def test_a_bomb_does_not_fill_our_memory(self) -> None:
        assert 0 == self.told(gzip.compress(b"data: x" + b"\0" * 50_000_000), 1 << 20)


class TestCallers:
    """Endpoints keep state by call: what is another attempt, or comes at the same time, is another call."""

    @staticmethod
    def calls(*scenarios: Scenario) -> list[str]:
        with Fake() as client:
            list(play(scenarios, platform=platform(), client=client))
        return [str(cast("Mapping[str, object]", body_of(each)["call"])["id"]) for each in client.sent]

    def test_the_steps_of_a_scenario_are_one_call(self) -> None:
        assert 1 == len(set(self.calls(scenario(Step(name="a"), Step(name="b")))))

    def test_steps_that_are_sent_together_are_calls_of_their_own(self) -> None:
        assert 2 == len(set(self.calls(scenario(Step(name="a"), Step(name="b"), together=True))))

    def test_so_are_attempts_and_scenarios(self) -> None:
        tried = scenario(Step(name="a"), tries=3, until_tool_calls=True)
        assert 4 == len(set(self.calls(tried, replace(scenario(Step(name="a")), name="other"))))

    def test_the_same_run_makes_the_same_calls_again(self) -> None:
        probe = scenario(Step(name="a"), Step(name="b"), together=True)
        assert self.calls(probe) == self.calls(probe)


class TestAttempts:
    TRIED = scenario(Step(name="a"), tries=3, until_tool_calls=True)

    @staticmethod
    def attempts(client: Fake) -> list[int]:
        return [each.label.attempt for each in client.sent if each.label is not None]

    def test_end_with_the_first_that_shows_a_call(self) -> None:
        assert [1, 2] == self.attempts(played(self.TRIED, ANSWER, CALL))

    def test_end_when_there_were_enough(self) -> None:
        assert [1, 2, 3] == self.attempts(played(self.TRIED, ANSWER))

    def test_go_on_until_every_step_shows_a_call(self) -> None:
        both = scenario(Step(name="a"), Step(name="b"), tries=3, until_tool_calls=True)
        assert [1, 1, 2, 2] == self.attempts(played(both, CALL, ANSWER, CALL, CALL))

    def test_are_one_where_nothing_else_is_said(self) -> None:
        assert [1] == self.attempts(played(scenario(Step(name="a"))))

    def test_a_step_without_a_response_calls_no_tool(self) -> None:
        dead = replace(ANSWER, response=None, reads=(), end=End.NO_RESPONSE)
        assert [1, 2, 3] == self.attempts(played(self.TRIED, dead))


def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long would have been slept, in seconds; nobody sleeps."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


class TestPlaying:
    def test_steps_follow_each_other_after_their_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept = waits(monkeypatch)
        client = played(scenario(Step(name="a"), Step(name="b", wait_s=0.3)))
        assert [0.0, 0.3] == slept
        assert (["a", "b"], []) == ([each.label.step for each in client.sent if each.label], client.together)

    def test_or_go_out_together(self) -> None:
        assert [3] == played(scenario(*(Step(name=name) for name in "abc"), together=True)).together

    def test_progress_is_told_before_each_scenario(self) -> None:
        told: list[tuple[int, int, str]] = []

        def tell(number: int, total: int, name: str) -> None:
            told.append((number, total, name))

        chosen = [replace(scenario(Step(name="a")), name=name) for name in ("one", "two")]
        with Fake() as client:
            exchanges = play(chosen, platform=platform(), client=client, progress=tell)
            assert [] == told
            next(iter(exchanges))
            assert [(1, 2, "one")] == told
            list(exchanges)
        assert [(1, 2, "one"), (2, 2, "two")] == told

    @pytest.mark.parametrize("name", sorted(all_scenarios()))
    def test_every_stored_scenario_can_be_sent(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        waits(monkeypatch)
        chosen = all_scenarios()[name]
        client = played(chosen, by=replace(platform(), tokens=FakeTokens(2.0)) if chosen.requires_token else None)
        assert len(client.sent) == len(chosen.steps) * chosen.tries
        assert {step.name for step in chosen.steps} == {each.label.step for each in client.sent if each.label}
        for step, outgoing in zip(chosen.steps, client.sent, strict=False):
            if step.method == "POST" and step.raw_body is None:
                assert step.body.get("model", platform().model) == body_of(outgoing)["model"]


class TestWholeCalls:
    @staticmethod
    def played(answers: Sequence[Answer]) -> list[str]:
        client = ScriptedClient(answers=answers)
        calls = [each for each in all_call_scenarios().values() if each.callers == each.tries == 1]
        records = play_every(calls, platform=platform(), client=client, conditions=Conditions())
        return [record.name for record in records]

    def test_end_when_too_many_were_waited_for_in_vain(self) -> None:
        endless = Answer(events=[(1000, ": ping\n\n")], end_ms=90_000)
        assert MOST_TIRESOME == len(set(self.played([endless])))

    def test_are_all_played_where_the_endpoint_fails_at_once(self) -> None:
        assert MOST_TIRESOME < len(set(self.played([Answer(status=500)])))

    def test_are_played_for_vapi_only(self) -> None:
        direct = Direct.made(dialect=Dialect.OPENAI_RESPONSES, base_url=URL, model=None, headers={}, api_key=None)
        rules = all_rules().values()
        assert [] == needed_calls(rules, platform=direct)
        assert set(all_call_scenarios()) == {each.name for each in needed_calls(rules, platform=platform())}


def first(status: int | None, body: object = b"", **headers: str) -> Exchange:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(
        request=Request(method="POST", url=POSTED),
        response=None
        if status is None
        else Response(status=status, headers=tuple((name.encode(), value.encode()) for name, value in headers.items())),
        reads=(Read(at_ns=1, data=data),),
        end=End.NO_RESPONSE if status is None else End.CLEAN,
    )


NO_KEY = (
    f"{POSTED} wants a key (status 401): name the environment variable that holds it with --endpoint-api-key-env, or "
    "give --endpoint-credential"
)
WRONG_PATH = (
    f"POST {POSTED} gives status {{status}}: --endpoint takes the base URL, to which the path of the API is appended; "
    "--endpoint-dialect says which API"
)


class TestFirstTurn:
    @pytest.mark.parametrize("status", [200, 201, 204, 400, 402, 422, 429, 500, 503])
    def test_what_rules_can_judge_goes_on(self, status: int) -> None:
        be_sure_of(first(status), has_key=False)

    @pytest.mark.parametrize(("error", "words"), [("refused", "refused"), (None, "no response")])
    def test_out_of_reach(self, error: str | None, words: str) -> None:
        with pytest.raises(TransportError) as caught:
            be_sure_of(replace(first(None), error=error), has_key=False)
        assert f"{POSTED} cannot be reached: {words}" == str(caught.value)

    def test_who_took_the_request_was_reached(self) -> None:
        silent = replace(first(None), end=End.TIMED_OUT, error="no byte for 8 s", timing=Timing(end_ns=8))
        with pytest.raises(TransportError) as caught:
            be_sure_of(silent, has_key=False)
        assert f"{POSTED} was reached, but gives no answer: no byte for 8 s" == str(caught.value)

    @pytest.mark.parametrize(
        ("status", "has_key", "told"),
        [
            (
                401,
                False,
                NO_KEY,
            ),
            (403, True, f"{POSTED} refuses the key (status 403): is it the right one for this endpoint?"),
            (
                404,
                True,
                WRONG_PATH.format(status=404),
            ),
            (
                405,
                True,
                WRONG_PATH.format(status=405),
            ),
            (307, True, f"{POSTED} redirects (status 307); give the URL it redirects to"),
        ],
    )
    def test_a_wrong_set_up_is_one_sentence(self, status: int, has_key: bool, told: str) -> None:
        with pytest.raises(UsageError) as caught:
            be_sure_of(first(status), has_key=has_key)
        assert told == str(caught.value)

    @pytest.mark.parametrize(
        ("body", "ending"),
        [
            ({"error": {"message": "no such user"}}, " (it says 'no such user')"),
            ({"error": "no such user"}, " (it says 'no such user')"),
            ({"detail": "Unauthorized\x1b[2J"}, " (it says 'Unauthorized\\x1b[2J')"),
            ({"error": {"message": "x" * 500}}, f" (it says {'x' * 160!r})"),
            ({"error": {"message": 1}}, "endpoint?"),
            ([], "endpoint?"),
            (b"<html>", "endpoint?"),
            (b"\xff" * 100, "endpoint?"),
        ],
    )
    def test_the_refusals_own_words_are_quoted(self, body: object, ending: str) -> None:
        with pytest.raises(UsageError) as caught:
            be_sure_of(first(401, body), has_key=True)
        assert str(caught.value).endswith(ending)

    def test_no_file_is_asked_for_where_none_is_taken(self) -> None:
        with pytest.raises(UsageError) as caught:
            be_sure_of(first(401), has_key=False, takes_credential=False)
        assert NO_KEY.removesuffix(", or give --endpoint-credential") == str(caught.value)

    @pytest.mark.parametrize("status", [404, 400])
    def test_a_model_that_is_not_there_is_no_wrong_path(self, status: int) -> None:
        error = {"error": {"message": "The model `gpt-4o` does not exist", "code": "model_not_found"}}
        with pytest.raises(UsageError) as caught:
            be_sure_of(first(status, error), has_key=True)
        assert (
            f"POST {POSTED} gives status {status}: name a model that it has with --endpoint-model "
            "(it says 'The model `gpt-4o` does not exist')"
        ) == str(caught.value)
