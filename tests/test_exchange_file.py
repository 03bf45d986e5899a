"""The stored form: what is saved loads back equal, and what is damaged is refused with the place."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.exchange import Capture, End, Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.exchange_file import dump, from_document, save, store, to_document
from vapi_conformance.problems import UsageError

HEADERS = st.lists(st.tuples(st.binary(min_size=1, max_size=8), st.binary(max_size=8)), max_size=4).map(tuple)
TIMES = st.none() | st.integers(0, 10**12)
EXCHANGES = st.builds(
    Exchange,
    request=st.builds(
        Request, method=st.just("POST"), url=st.text(), headers=HEADERS, body=st.none() | st.binary(max_size=40)
    ),
    response=st.none() | st.builds(Response, status=st.integers(100, 599), headers=HEADERS),
    reads=st.lists(st.builds(Read, at_ns=TIMES, data=st.binary(max_size=20)), max_size=4).map(tuple),
    end=st.sampled_from(End),
    error=st.none() | st.text(),
    timing=st.builds(Timing, dns_ns=TIMES, end_ns=TIMES, started_at=st.none() | st.text()),
    connection_reused=st.none() | st.booleans(),
    capture=st.builds(Capture, body=st.sampled_from(["wire", "decoded", "reserialized", "rebuilt"])),
    label=st.none() | st.builds(Label, scenario=st.text(), step=st.text(), attempt=st.integers(1, 9)),
    source=st.text(min_size=1),
)


class TestRoundTrip:
    @given(exchange=EXCHANGES)
    def test_loads_back_equal(self, exchange: Exchange) -> None:
        assert exchange == from_document(json.loads(dump(exchange)))

    def test_save_leaves_one_whole_file(self, tmp_path: Path) -> None:
        exchange = Exchange(request=Request(method="POST", url="http://a.example"), response=None, source="here")
        save(exchange, tmp_path / "a.json")
        assert ["a.json"] == [path.name for path in tmp_path.iterdir()]
        assert exchange == from_document(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")))


class TestStore:
    def test_names_sort_in_the_order_of_play_and_hold_no_slash(self, tmp_path: Path) -> None:
        folder = tmp_path / "made"
        plain = Exchange(request=Request(method="POST", url="http://a.example"), response=None)
        labels = (Label(scenario="webhooks/auth", step="right"), Label(scenario="plain", step="one", attempt=2))
        store([plain, *(replace(plain, label=label) for label in labels)], folder)
        names = sorted(path.name for path in folder.iterdir())
        assert [
            "001-exchange.exchange.json",
            "002-webhooks-auth.right.1.exchange.json",
            "003-plain.one.2.exchange.json",
        ] == names

    def test_takes_away_what_an_earlier_run_left_and_nothing_else(self, tmp_path: Path) -> None:
        (tmp_path / "009-old.exchange.json").write_text("{}")
        (tmp_path / "notes.json").write_text("{}")
        store([], tmp_path)
        assert ["notes.json"] == [path.name for path in tmp_path.iterdir()]


class TestDamage:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"format": "other"}, "is no stored exchange"),
            ({"version": 99}, "exchange version 99; this release reads up to 1"),
            ({"reads": [[0]]}, "/reads/0"),
            ({"reads": [[0, "%%%"]]}, "base64"),
            ({"end": "sideways"}, "/end"),
        ],
    )
    def test_is_refused_with_the_place(self, change: dict[str, object], words: str) -> None:
        exchange = Exchange(request=Request(method="POST", url="http://a.example"), response=None)
        with pytest.raises(UsageError, match=words):
            from_document({**to_document(exchange), **change}, source="a.json")
