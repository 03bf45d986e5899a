"""The stored form: what is saved loads back equal, and what is damaged is refused with the place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.exchange import Capture, End, Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.exchange_file import dump, from_document, save, to_document
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
