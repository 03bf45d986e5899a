"""What vendors add is known, and nothing here calls it wrong."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields

import pytest

from chunked_answers import DONE, choice, record, stream
from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.chat.api import CHUNK_SCHEMA, DOCUMENT_SCHEMA
from vapi_conformance.dialects.extensions import LEGAL_EXTENSIONS, STANDARD_KEYS, Keys
from vapi_conformance.dialects.flavours import SIGNS, Place, Vendor, flavour_of
from vapi_conformance.dialects.glance import glance
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Header, Read, Request, Response
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.schema import errors
from vapi_conformance.verdict import Outcome, judge

JsonObject = Mapping[str, object]

PLACES = ("top", "choice", "message", "usage")
OF_SIGNS = {Place.TOP: "top", Place.CHOICE: "choice", Place.MESSAGE: "message", Place.USAGE: "usage"}


def keys(of: Keys, place: str) -> tuple[str, ...]:
    return {"top": of.top, "choice": of.choice, "message": of.message, "usage": of.usage}[place]


def parts(answer: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    yield "top", answer
    yield "usage", object_or_nothing(answer.get("usage"))
    for each in array_or_nothing(answer.get("choices")):
        yield "choice", object_or_nothing(each)
        for name in ("message", "delta"):
            yield "message", object_or_nothing(object_or_nothing(each).get(name))


class TestTable:
    def test_names_no_key_of_the_standard_and_none_twice(self) -> None:
        for vendor, extensions in LEGAL_EXTENSIONS.items():
            for place in PLACES:
                listed = keys(extensions, place)
                assert (vendor, place, len(listed)) == (vendor, place, len(set(listed)))
                assert (vendor, set()) == (vendor, set(listed) & set(keys(STANDARD_KEYS, place)))

    def test_has_every_place_in_this_test(self) -> None:
        assert set(PLACES) == {each.name for each in fields(Keys)}

    def test_has_every_key_by_which_a_vendor_is_known(self) -> None:
        missing = [
            sign
            for sign in SIGNS
            if sign.place in OF_SIGNS
            and sign.key not in keys(STANDARD_KEYS, OF_SIGNS[sign.place])
            and sign.key not in keys(LEGAL_EXTENSIONS[sign.vendor], OF_SIGNS[sign.place])
        ]
        assert [] == missing


# In the table and in no recording: what these vendors document, and what those behind a gateway send.
UNRECORDED = {
    (Vendor.HUGGING_FACE, "choice"): {"text"},
    (Vendor.HUGGING_FACE, "message"): {"channel", "executed_tools", "token_id"},
    (Vendor.HUGGING_FACE, "usage"): {"cached_tokens"},
    (Vendor.LITELLM, "top"): {"stream_options"},
    (Vendor.LLAMA_CPP, "top"): {"__verbose", "prompt_progress"},
    (Vendor.LM_STUDIO, "top"): {"stats"},
    (Vendor.LM_STUDIO, "message"): {"reasoning", "reasoning_content"},
    (Vendor.PYDANTIC, "message"): {"channel", "executed_tools", "reasoning"},
    (Vendor.VLLM, "top"): {"kv_transfer_params", "metrics", "prompt_logprobs", "prompt_token_ids"},
    (Vendor.VLLM, "choice"): {"routed_experts", "token_ids"},
    (Vendor.VLLM, "message"): {"reasoning", "reasoning_content"},
}


def chat_recordings() -> tuple[Recording, ...]:
    return (*wire_recordings("openai_compatible__"), *wire_recordings("openai_chat_completions__"))


@needs_shared
class TestRecordings:
    def test_of_a_known_vendor_have_the_listed_keys_and_no_others(self) -> None:
        seen: defaultdict[tuple[object, str], set[str]] = defaultdict(set)
        for recording in chat_recordings():
            exchange = load_wire(recording.path)
            flavour = flavour_of(exchange)
            for answer in (each for each in glance(exchange).objects if "choices" in each):
                for place, part in parts(answer):
                    seen[flavour and flavour.name, place] |= part.keys() - set(keys(STANDARD_KEYS, place))
        listed = {
            (vendor, place): set(keys(extensions, place)) - UNRECORDED.get((vendor, place), set())
            for vendor, extensions in LEGAL_EXTENSIONS.items()
            for place in PLACES
        }
        assert {at: found for at, found in listed.items() if found} == {
            at: found for at, found in seen.items() if found
        }

    @pytest.mark.parametrize("recording", chat_recordings(), ids=lambda each: each.name)
    def test_break_the_schemas_no_more_with_their_extra_keys_than_without(self, recording: Recording) -> None:
        for answer in (each for each in glance(load_wire(recording.path)).objects if "choices" in each):
            name = CHUNK_SCHEMA if "__stream__" in recording.name else DOCUMENT_SCHEMA
            assert broken(name, without_extras(answer)) == broken(name, answer)

    def test_of_refusals_break_the_schema_no_more_with_their_extra_keys_than_without(self) -> None:
        refusals = [each for each in wire_recordings("openai_") if "__error__" in each.name]
        assert len(refusals) > 10
        for recording in refusals:
            for refusal in glance(load_wire(recording.path)).objects:
                error = object_or_nothing(refusal.get("error"))
                kept = {key: error[key] for key in ("message", "type", "param", "code") if key in error}
                plain = {"error": kept} if "error" in refusal else {}
                assert broken("openai/error", plain) == broken("openai/error", refusal)


def broken(schema: str, answer: JsonObject) -> set[tuple[str, str | None]]:
    """Where an answer breaks a schema, and which rule that is."""
    return {(each.pointer, each.rule) for each in errors(schema, answer)}


def standard(part: object, place: str) -> object:
    record = object_or_nothing(part)
    return {key: record[key] for key in record if key in keys(STANDARD_KEYS, place)} if record else part


def without_extras(answer: JsonObject) -> JsonObject:
    bare = dict(object_or_nothing(standard(answer, "top")))
    if "usage" in bare:
        bare["usage"] = standard(bare["usage"], "usage")
    bare["choices"] = [
        {
            key: standard(value, "message") if key in ("message", "delta") else value
            for key, value in object_or_nothing(standard(each, "choice")).items()
        }
        for each in array_or_nothing(answer.get("choices"))
    ]
    return bare


EVERY_EXTENSION = {
    place: sorted({key for extensions in LEGAL_EXTENSIONS.values() for key in keys(extensions, place)})
    for place in PLACES
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ASKED: JsonObject = {"messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": True}}


def added(place: str, value: object) -> dict[str, object]:
    return dict.fromkeys(EVERY_EXTENSION[place], value)


def streamed(value: object, *, extended: bool) -> Exchange:
    """A sound stream; with every key that any vendor adds, at each place where it may stand, or without."""

    def more(place: str) -> dict[str, object]:
        return added(place, value) if extended else {}

    def chunk(delta: JsonObject, finish: str | None = None) -> JsonObject:
        return record(choice({**delta, **more("message")}, finish) | more("choice"), usage=None, **more("top"))

    # Words of any kind on the last delta have a rule of their own: it is about their place.
    beside_the_finish = {key: each for key, each in more("message").items() if not key.startswith("reasoning")}
    return stream(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hello there."}),
        record(choice(beside_the_finish, "stop") | more("choice"), usage=None, **more("top")),
        record(usage=USAGE | more("usage"), **more("top")),
        DONE,
        request=ASKED,
    )


def documented(value: object, *, extended: bool) -> Exchange:
    def more(place: str) -> dict[str, object]:
        return added(place, value) if extended else {}

    message = {"role": "assistant", "content": "Hello there.", "refusal": None} | more("message")
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1785312000,
        "model": "reference",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"} | more("choice")],
        "usage": USAGE | more("usage"),
    } | more("top")
    headers: tuple[Header, ...] = ((b"Content-Type", b"application/json"),)
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1/chat/completions", body=b'{"messages": []}'),
        response=Response(status=200, headers=headers),
        reads=(Read(at_ns=1_000_000, data=json.dumps(whole).encode()),),
    )


def violated(exchange: Exchange, dialect: Dialect) -> set[str]:
    results = judge(all_rules().values(), [Evidence(exchange=exchange)], profile=Profile.STANDARD, dialect=dialect)
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return {each.rule.id for each in results if each.outcome is Outcome.VIOLATED}


class TestRules:
    @pytest.mark.parametrize("dialect", [Dialect.OPENAI_COMPATIBLE, Dialect.OPENAI_CHAT_COMPLETIONS])
    @pytest.mark.parametrize("value", [None, 1, 0.5, "x", [], {}, {"id": "x", "tokens": 1}, True])
    def test_call_no_extension_a_violation_at_any_level(self, dialect: Dialect, value: object) -> None:
        for answer in (streamed, documented):
            assert violated(answer(value, extended=False), dialect) == violated(answer(value, extended=True), dialect)
