"""Every fault of the added APIs can be shown: what comes back is not what the sound server sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from reference_server.talking import Heard, Talk, inner, user
from reference_server.triggers import BY_KIND, Trigger, response, trigger
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults import all_faults
from vapi_reference_server.faults.fault import Fault, SeenOn

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHERS = (DialectName.CHAT, DialectName.SERVER_MESSAGES)
FAULTS = {name: fault for name, fault in all_faults().items() if fault.dialect not in _OTHERS}
_VARIABLE = re.compile(rb"((?:resp|msg|fc|rs|call|toolu|req)_)[0-9a-f]{24,32}")
_STAMPS = re.compile(rb'"responseId":"[\w-]{22}|"(?:created|completed)_at":\d{10}')


def seen(heard: Heard) -> tuple[object, ...]:
    """What two sound answers to the same request have in common."""
    unlike = ("date", "content-length", "request-id", "x-request-id")
    steady = {key: value for key, value in heard.headers.items() if key not in unlike}
    names = "request-id" in heard.headers
    return heard.status, steady, names, _STAMPS.sub(b"*", _VARIABLE.sub(rb"\1*", heard.body)), heard.complete


def show(talk: Talk, sent: Trigger, fault: str | None) -> list[Heard]:
    start = "" if fault is None else f"/faults/{fault}"
    return [talk.post(item.body, start + item.path, dict(item.headers)) for item in sent]


class TestEachFault:
    @pytest.mark.parametrize("name", sorted(FAULTS))
    def test_differs_from_the_sound_answer(self, talk: Talk, locked: Talk, name: str) -> None:
        fault = FAULTS[name]
        server = locked if fault.seen_on is SeenOn.KEY else talk
        sent = trigger(fault)
        sound, faulty = show(server, sent, None), show(server, sent, name)
        assert [seen(heard) for heard in sound] == [seen(heard) for heard in show(server, sent, None)]
        assert [seen(heard) for heard in sound] != [seen(heard) for heard in faulty]
        assert [heard.body for heard in faulty if heard.body == b"Internal Server Error"] == []


def kept(fault: Fault, dialect: DialectName) -> bool:
    """Whether a fault of any API can be seen in the bytes of one request to this one."""
    return fault.everywhere and not fault.seconds and fault.seen_on in BY_KIND[dialect] and fault.name not in UNSEEN


# These show only in how the bytes come, over several requests, or not at all on a connection that reads to the end.
UNSEEN = {"burst", "endless-body", "one-request-per-connection", "keeps-generating"}


class TestAFaultOfAnyApi:
    @pytest.mark.parametrize("dialect", BY_KIND)
    def test_differs_from_the_sound_answer(self, talk: Talk, locked: Talk, dialect: DialectName) -> None:
        same: list[str] = []
        for fault in all_faults().values():
            if not kept(fault, dialect):
                continue
            server = locked if fault.seen_on is SeenOn.KEY else talk
            sent = BY_KIND[dialect][fault.seen_on]
            sound, faulty = show(server, sent, None), show(server, sent, fault.name)
            assert [heard.body for heard in faulty if heard.body == b"Internal Server Error"] == []
            if [seen(heard) for heard in sound] == [seen(heard) for heard in faulty]:
                same.append(fault.name)
        assert set(same) == NOT_IN[dialect]


# What an API has no place for.
NOT_IN: Mapping[DialectName, set[str]] = {
    DialectName.RESPONSES: set(),
    DialectName.ANTHROPIC: {"bearer-refused"},
    DialectName.GEMINI: {"bearer-refused", "403-for-no-key", "no-auth-scheme", "401-without-body", "python-literals"},
}


class TestTheTable:
    def test_each_added_api_has_its_dozens(self) -> None:
        for dialect in BY_KIND:
            assert sum(fault.dialect is dialect for fault in FAULTS.values()) >= 60

    def test_names_say_whose_they_are(self) -> None:
        starts = {
            DialectName.RESPONSES: "responses-",
            DialectName.ANTHROPIC: "anthropic-",
            DialectName.GEMINI: "gemini-",
        }
        assert [name for name, fault in FAULTS.items() if not name.startswith(starts[fault.dialect])] == []


def in_order(heard: Heard) -> tuple[object, ...]:
    return heard.status, inner(heard.json, "error").get("code")


class TestAnotherApi:
    def test_is_told_when_it_asks_for_a_fault_that_is_not_its_own(self, talk: Talk) -> None:
        heard = talk.post(user("Hi"), headers={"X-Fault": "gemini-no-finish"})
        assert in_order(heard) == (400, "fault_of_another_dialect")
        heard = talk.post(response().body, "/v1/responses", {"X-Fault": "no-done"})
        assert in_order(heard) == (400, "fault_of_another_dialect")
