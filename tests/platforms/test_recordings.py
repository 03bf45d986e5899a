"""What we build is compared with what Vapi was recorded to send: keys, their order and JSON types.

Every difference is explained in a table. One without explanation fails; so does an explanation that is no longer
needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import cast

import pytest

from platforms.structure import Difference, Kind, differences
from platforms.vapi_envelopes import Envelope, envelopes
from shared_data import needs_shared, vapi_recordings
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import Assistant, Conversation, Era, Platform
from vapi_conformance.platforms.vapi.assistant import Model
from vapi_conformance.schema import errors

REQUESTS = tuple(f"{number:02}" for number in range(1, 16))
SINCE_2024_12 = REQUESTS[4:]


@dataclass(frozen=True)
class Explained:
    """Differences of the listed recordings that are as they should be. `*` in the pointer stands for any text."""

    recordings: str
    pointer: str
    kind: Kind
    why: str

    def covers(self, difference: Difference) -> bool:
        return self.kind == difference.kind and fnmatchcase(difference.pointer, self.pointer)


PLATFORM: Sequence[Explained] = (
    Explained("01", "/functions", "only there", "era: functions became tools in the course of 2024"),
    Explained("01", "/org", "only there", "era: the org, with its bill, was sent in early 2024 only"),
    Explained("01 02", "/call/*", "only there", "era: until April 2024 call held every setting of the assistant"),
    Explained("03", "/call/*", "only there", "era: in May 2024 call was the whole database record, mostly null"),
    Explained("01", "/call/[acimstuw]*", "only here", "era: keys of the record that came to replace the settings"),
    Explained("02 04", "/call/[acmt]*", "only here", "era: monitor, transport, overrides (2024-12) and cost (2026)"),
    Explained("03", "/call/[mt]*", "only here", "era: monitor and transport came with 2024-12"),
    Explained("03", "/call/assistantOverrides", "type", "era: null then, an object since 2024-12"),
    Explained("01 02 03 04", "/call", "order", "era: the keys that stayed were sorted differently"),
    Explained("03", "/customer", "only here", "documented since; in May 2024 only call.customer was there"),
    Explained("03", "/phoneNumber/*", "only there", "era: carrier's account, auth token and billing are gone by 2026"),
    Explained("03", "/phoneNumber/[ps]*", "only here", "era: provider and status came by 2026"),
    Explained("01 02 03 04", "/assistant", "only here", "era: reported 2025-2026"),
    Explained("01 02 03 04", "/metadata/*", "only here", "era: the counters are reported 2025-2026"),
    Explained("01 02 03 04", "/timestamp", "only here", "era: reported 2025-2026"),
)
"""The platform's requests: of the era December 2024 for recordings of that month, else of 2026."""

TOOLS_ARE_THE_USERS = "configuration: which parameters a tool has is the assistant's business"
FIXTURES: Sequence[Explained] = (
    Explained(
        " ".join(SINCE_2024_12), "/tools/[12]/function/parameters/properties/*", "only there", TOOLS_ARE_THE_USERS
    ),
    Explained(
        " ".join(SINCE_2024_12), "/tools/[12]/function/parameters/properties/*", "only here", TOOLS_ARE_THE_USERS
    ),
    Explained("05 13 15", "/tools/2/function/parameters/required", "only here", TOOLS_ARE_THE_USERS),
    Explained("06 07 08 09 10 11 12 14", "/tools/1/function/parameters/required", "length", TOOLS_ARE_THE_USERS),
    Explained("35", "/call", "only there", "recording 35 is an experiment with the SDK, its body an arbitrary one"),
    Explained(
        "35", "/temperature", "only here", "recording 35 is an experiment with the SDK, its body an arbitrary one"
    ),
    Explained(
        "35", "/max_tokens", "only here", "recording 35 is an experiment with the SDK, its body an arbitrary one"
    ),
    Explained("35", "/messages", "length", "recording 35 is an experiment with the SDK, its body an arbitrary one"),
)
"""The files in fixtures/vapi."""


def recorded(number: str) -> Mapping[str, object]:
    (recording,) = vapi_recordings(f"{number}-")
    return recording.load()


def body(number: str) -> Mapping[str, object]:
    return object_or_nothing(recorded(number)["body"])


def unexplained(number: str, found: Iterable[Difference], table: Sequence[Explained]) -> tuple[list[str], list[str]]:
    """Differences nobody explains, and explanations nobody needs."""
    entries = [entry for entry in table if number in entry.recordings.split()]
    differing = sorted(found)
    left = [f"{each.pointer}: {each.kind}" for each in differing if not any(entry.covers(each) for entry in entries)]
    idle = [f"{entry.pointer}: {entry.kind}" for entry in entries if not any(map(entry.covers, differing))]
    return left, idle


def rebuilt(number: str) -> dict[str, object]:
    """The recorded request as our platform would send it, given the same configuration and the same history."""
    sent = body(number)
    model = Model(
        model=str(sent["model"]),
        temperature=cast("float", sent["temperature"]),
        max_tokens=cast("int", sent["max_tokens"]),
    )
    metadata = object_or_nothing(sent["metadata"])
    platform = Platform(
        assistant=Assistant(model=model, metadata=metadata), base_url="https://llm.example", seed=int(number)
    )
    era = Era.WEB_2024_12 if number in SINCE_2024_12 else Era.PHONE_2026 if number == "03" else Era.WEB_2026
    tools = cast("Sequence[Mapping[str, object]]", sent.get("tools", ()))
    return platform.body(Conversation.from_messages(messages(number)), tools=tools, era=era)


def messages(number: str) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", body(number)["messages"])


@needs_shared
@pytest.mark.parametrize("number", REQUESTS)
class TestPlatform:
    def test_builds_requests_of_the_recorded_structure(self, number: str) -> None:
        found = differences(body(number), rebuilt(number))
        assert ([], []) == unexplained(number, found, PLATFORM)

    def test_builds_the_recorded_history_to_the_letter(self, number: str) -> None:
        assert messages(number) == Conversation.from_messages(messages(number)).messages()
        for there, here in zip(
            messages(number), cast("list[dict[str, object]]", rebuilt(number)["messages"]), strict=True
        ):
            assert list(there.items()) == list(here.items())

    def test_sends_what_was_configured(self, number: str) -> None:
        keys = ("model", "temperature", "stream", "max_tokens")
        assert {key: body(number)[key] for key in keys} == {key: rebuilt(number)[key] for key in keys}

    def test_follows_our_schema_as_the_recording_does(self, number: str) -> None:
        assert () == errors("vapi/chat-request", body(number))
        assert () == errors("vapi/chat-request", rebuilt(number))


@cache
def recorded_envelopes() -> dict[str, Envelope]:
    return {each.recording: each for each in envelopes() if each.recording is not None}


@needs_shared
@pytest.mark.parametrize("number", [*REQUESTS, "35"])
class TestFixtures:
    def test_have_the_recorded_structure(self, number: str) -> None:
        found = differences(body(number), recorded_envelopes()[number].body)
        assert ([], []) == unexplained(number, found, FIXTURES)

    def test_hold_no_text_of_the_recording(self, number: str) -> None:
        ours = set(texts(recorded_envelopes()[number].body))
        assert set() == {each for each in texts(body(number)) if len(each.split()) > 3} & ours


def texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, object]", value).values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from texts(each)


@needs_shared
class TestHeaders:
    def test_are_those_of_the_client_library_in_order(self) -> None:
        there = cast("Mapping[str, str]", recorded("35")["headers"])
        platform = Platform(
            assistant=Assistant(),
            base_url="https://llm.example",
            api_key="fake-custom-llm-key",
            model_headers={"x-custom": "value from model.headers"},
        )
        assert list(there.items()) == list(platform.headers())


class TestUnexplained:
    """The comparison itself can fail."""

    TABLE = (Explained("01", "/a/*", "only there", "gone"),)

    def test_names_a_difference_without_explanation(self) -> None:
        found = [Difference("/a/b", "only there"), Difference("/a/b", "type")]
        assert (["/a/b: type"], []) == unexplained("01", found, self.TABLE)

    def test_names_an_explanation_that_is_not_needed(self) -> None:
        assert ([], ["/a/*: only there"]) == unexplained("01", [], self.TABLE)

    def test_leaves_explanations_of_other_recordings_alone(self) -> None:
        assert ([], []) == unexplained("02", [], self.TABLE)

    @pytest.mark.parametrize(
        ("there", "here", "found"),
        [
            ({"a": 1}, {"a": 1.5}, []),
            ({"a": 1}, {"a": True}, [Difference("/a", "type")]),
            ({"a": None}, {"a": ""}, [Difference("/a", "type")]),
            ({"a": 1, "b": 2}, {"b": 1, "a": 2}, [Difference("", "order")]),
            ({"a": 1}, {"b": 1}, [Difference("/a", "only there"), Difference("/b", "only here")]),
            ([1, [2]], [1, ["2"], 3], [Difference("", "length"), Difference("/1/0", "type")]),
        ],
    )
    def test_sees_keys_order_types_and_lengths(self, there: object, here: object, found: list[Difference]) -> None:
        assert found == list(differences(there, here))
