"""Exchanges out of files: what browsers, proxies and test suites write, and what strangers may put into a file."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hars
from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.call_file import to_document as call_to_document
from vapi_conformance.exchange import End, Exchange, Read, Request, Response
from vapi_conformance.exchange_file import to_document
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings import Unread, load_call, load_exchanges, load_wire
from vapi_conformance.specimens import load_specimen

WIRE: Mapping[str, object] = {
    "request": {"method": "POST", "url": hars.URL, "headers": {"a": "b"}, "body": hars.BODY},
    "response": {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "body_text": hars.STREAM},
    "capture": {"recorder": "vcr", "body": "verbatim"},
}
SOUND = Exchange(
    request=Request(method="POST", url=hars.URL, body=b"{}"),
    response=Response(status=200),
    reads=(Read(at_ns=5, data=b"data: [DONE]\n\n"),),
    source="elsewhere",
)
STORED = to_document(SOUND)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([0, 200, -1, 10**250, 1.5]) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def load(path: Path, document: object) -> list[Exchange | Unread]:
    return list(load_exchanges(hars.save(path, document)))


def exchanges(path: Path, document: object) -> list[Exchange]:
    found = load(path, document)
    assert [] == [each for each in found if isinstance(each, Unread) and each.is_fault]
    return [each for each in found if isinstance(each, Exchange)]


def reasons(path: Path, document: object) -> list[str]:
    """Why nothing was read, without the name of the file."""
    found = load(path, document)
    assert [] == [each for each in found if isinstance(each, Exchange)]
    return [each.reason.replace(str(path), "FILE") for each in found if isinstance(each, Unread)]


def answered(**changes: object) -> dict[str, object]:
    """A HAR of one entry whose response is changed."""
    return hars.har(hars.entry(hars.request(), {**hars.response(), **changes}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.json"


class TestHar:
    def test_an_entry_becomes_an_exchange(self, path: Path) -> None:
        (exchange,) = exchanges(path, hars.har(hars.sound()))
        assert f"{path}#0" == exchange.source
        assert ("POST", hars.URL) == (exchange.request.method, exchange.request.url)
        assert json.dumps(hars.BODY).encode() == exchange.request.body
        assert (Read(at_ns=None, data=hars.STREAM.encode()),) == exchange.reads
        assert ("HAR", "decoded", "joined") == (
            exchange.capture.recorder,
            exchange.capture.body,
            exchange.capture.headers,
        )
        assert "2025-01-01T00:00:00.000Z" == exchange.timing.started_at
        assert (End.CLEAN, None, None) == (exchange.end, exchange.error, exchange.label)

    def test_what_is_no_longer_true_of_the_body_is_no_header(self, path: Path) -> None:
        (exchange,) = exchanges(path, hars.har(hars.sound()))
        assert exchange.response is not None
        assert ((b"content-type", b"text/event-stream"),) == exchange.response.headers

    def test_credentials_are_written_over(self, path: Path) -> None:
        (exchange,) = exchanges(path, hars.har(hars.sound()))
        assert (b"authorization", b"Bearer **************") in exchange.request.headers

    def test_a_body_in_base64_is_decoded(self, path: Path) -> None:
        text = base64.encodebytes(hars.STREAM.encode()).decode()  # with line breaks, as some proxies write it
        content = {"size": 9, "mimeType": "text/event-stream", "text": text, "encoding": "base64"}
        (exchange,) = exchanges(path, hars.har(hars.entry(hars.request(), hars.response(content=content))))
        assert hars.STREAM.encode() == exchange.body

    @pytest.mark.parametrize("status", [0, -1])
    def test_an_entry_without_a_response_is_an_exchange_without_one(self, path: Path, status: int) -> None:
        answer = hars.response(None, status=status, _error="net::ERR_CONNECTION_REFUSED")
        (exchange,) = exchanges(path, hars.har(hars.entry(hars.request(), answer)))
        assert (None, (), End.NO_RESPONSE) == (exchange.response, exchange.reads, exchange.end)
        assert "net::ERR_CONNECTION_REFUSED" == exchange.error

    @pytest.mark.parametrize(
        ("error", "end"), [("net::ERR_ABORTED", End.CLOSED_BY_US), ("net::ERR_CONNECTION_RESET", End.TRUNCATED)]
    )
    def test_a_body_that_broke_off_tells_who_hung_up(self, path: Path, error: str, end: End) -> None:
        answer = hars.response(hars.STREAM[:40], _error=error)
        (exchange,) = exchanges(path, hars.har(hars.entry(hars.request(), answer)))
        assert (end, error) == (exchange.end, exchange.error)

    def test_a_request_without_its_body_is_unknown_and_not_empty(self, path: Path) -> None:
        (exchange,) = exchanges(path, hars.har(hars.entry(hars.request(body=None), hars.response())))
        assert exchange.request.body is None

    @pytest.mark.parametrize(
        "content", [{"size": 1234}, {"size": 1234, "text": ""}, {"size": -1}, {}, {"mimeType": "text/event-stream"}]
    )
    def test_a_body_that_was_not_saved_is_no_empty_body(self, path: Path, content: object) -> None:
        entry = hars.entry(hars.request(), hars.response(content=content))
        told = "FILE#0: response: the HAR was saved without this body; save it again with content"
        assert [told] == reasons(path, hars.har(entry))

    @pytest.mark.parametrize(("status", "content"), [(200, {"size": 0}), (204, {})])
    def test_a_body_that_is_empty_is_one(self, path: Path, status: int, content: object) -> None:
        entry = hars.entry(hars.request(), hars.response(status=status, content=content))
        assert [()] == [each.reads for each in exchanges(path, hars.har(entry))]

    def test_what_asks_no_model_is_left_out_and_counted(self, path: Path) -> None:
        preflight = hars.entry(hars.request(method="OPTIONS", body=None), hars.response(None, status=204))
        beacon = hars.entry(hars.request("https://t.example/", body={"a": 1}), hars.response("ok", mime="text/plain"))
        own_path = hars.entry(hars.request("https://llm.example/answer?x=1"), hars.response())
        found = load(path, hars.har(hars.page(), preflight, hars.sound(), beacon, own_path))
        assert [f"{path}#2", f"{path}#4"] == [each.source for each in found if isinstance(each, Exchange)]
        told = f"{path}: 3 of 5 entries ask no model and were left out"
        assert [Unread(reason=told, is_fault=False)] == found[2:]

    @pytest.mark.parametrize(
        ("url", "body"),
        [
            ("https://llm.example/v1/responses", None),
            ("https://llm.example/v1/messages", None),
            ("https://llm.example/v1beta/models/m:generateContent?key=secret", None),
            ("https://llm.example/own", {"contents": []}),
            ("https://llm.example/own", {"input": "Hi"}),
        ],
    )
    def test_every_api_is_known_by_its_path_or_its_body(self, path: Path, url: str, body: object) -> None:
        answer = hars.response("{}", mime="application/json")
        (exchange,) = exchanges(path, hars.har(hars.entry(hars.request(url, body=body), answer)))
        assert url.replace("secret", "******") == exchange.request.url

    def test_a_faulty_entry_does_not_hide_those_after_it(self, path: Path) -> None:
        bad = hars.entry(hars.request(), hars.response(None, content={"size": 9}))
        found = load(path, hars.har(hars.sound(), bad, 7, hars.sound()))
        assert [Exchange, Unread, Unread, Exchange] == [type(each) for each in found]

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ({"log": 1}, "FILE: log is no object"),
            ({"log": {}}, "FILE: a HAR without log.entries"),
            (hars.har(), "FILE: the HAR holds no entries"),
            (
                hars.har(hars.page()),
                "FILE: none of its entries asks a model: no POST to the path of an API, or with messages",
            ),
            (hars.har(None), "FILE#0: the entry is no object"),
            (hars.har({"request": hars.request()}), "FILE#0: response is missing"),
            (hars.har(hars.entry([], hars.response())), "FILE#0: request is no object"),
            (answered(status="200"), "FILE#0: response: status is no integer"),
            (answered(status=10**30), f"FILE#0: response: status {10**19} is none of HTTP"),
            (answered(headers={}), "FILE#0: response: headers is no array"),
            (answered(headers=[{"name": 1}]), "FILE#0: response.headers: name is no string"),
            (
                answered(content={"text": "%", "encoding": "base64"}),
                "FILE#0: response.content: text is no base64: Only base64 data is allowed",
            ),
            (
                hars.har(hars.entry({**hars.request(), "postData": {"text": 1}}, hars.response())),
                "FILE#0: request.postData: text is no string",
            ),
        ],
    )  # fmt: skip
    def test_a_fault_is_told_with_its_place(self, path: Path, document: object, told: str) -> None:
        assert [told] == reasons(path, document)


class TestWire:
    def test_becomes_an_exchange_without_times(self, path: Path) -> None:
        (exchange,) = exchanges(path, WIRE)
        assert exchange == load_wire(path)
        assert (Read(at_ns=None, data=hars.STREAM.encode()),) == exchange.reads
        assert (str(path), "vcr", "decoded") == (exchange.source, exchange.capture.recorder, exchange.capture.body)

    @pytest.mark.parametrize(
        ("fidelity", "body", "headers"),
        [
            ("verbatim", "decoded", "joined"),
            ("decompressed", "decoded", "joined"),
            ("reserialized", "reserialized", "joined"),
            ("headers-assumed", "decoded", "assumed"),
            ("reframed", "rebuilt", "assumed"),
        ],
    )
    def test_what_survived_the_recorder_is_kept(self, path: Path, fidelity: str, body: str, headers: str) -> None:
        (exchange,) = exchanges(path, {**WIRE, "capture": {"body": fidelity}})
        assert (body, headers) == (exchange.capture.body, exchange.capture.headers)

    def test_an_unknown_request_stays_unknown(self, path: Path) -> None:
        (exchange,) = exchanges(path, {**WIRE, "request": {"method": None, "url": None, "body": None}})
        assert (None, "") == (exchange.request.body, exchange.request.url)

    def test_half_a_surrogate_pair_becomes_the_replacement_character(self, path: Path) -> None:
        answer = {"status": 200, "body_text": "a\ud800b"}
        (exchange,) = exchanges(path, {**WIRE, "response": answer})
        assert "a\ufffdb".encode() == exchange.body

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"request": None}, "FILE: request is missing"),
            ({"request": {"method": []}}, "FILE: request: method is no string"),
            ({"request": {"headers": {"a": {}}}}, "FILE: request.headers: 'a' is no header value"),
            ({"response": {"status": 200}}, "FILE: response: a status and a body_text are needed"),
            ({"response": {"status": True, "body_text": ""}}, "FILE: response: status is no integer"),
            ({"response": {"status": 42, "body_text": ""}}, "FILE: response: status 42 is none of HTTP"),
            ({"capture": "verbatim"}, "FILE: capture is no object"),
        ],
    )
    def test_a_fault_is_told_with_its_place(self, path: Path, change: Mapping[str, object], told: str) -> None:
        assert [told] == reasons(path, {**WIRE, **change})
        with pytest.raises(UsageError):
            load_wire(path)

    @needs_shared
    @pytest.mark.parametrize("recording", wire_recordings()[::7], ids=lambda recording: recording.name)
    def test_reads_recorded_traffic(self, recording: Recording) -> None:
        (exchange,) = load_exchanges(recording.path)
        assert isinstance(exchange, Exchange)
        assert exchange.response is not None


class TestStored:
    def test_is_known_by_its_file_from_then_on(self, path: Path) -> None:
        assert [str(path)] == [each.source for each in exchanges(path, STORED)]

    def test_a_fault_is_told_with_its_place(self, path: Path) -> None:
        (reason,) = reasons(path, {**STORED, "end": "sideways"})
        assert reason.startswith("FILE: /end: 'sideways' is not one of ['clean', 'truncated', 'reset'")
        told = ["FILE: exchange version 2; this release reads up to 1"]
        assert told == reasons(path, {**STORED, "version": 2})


STRANGE: Sequence[object] = (None, 5, "x", list[object](), dict[str, object]())


class TestStoredCalls:
    @staticmethod
    def call() -> dict[str, object]:
        call = load_specimen("call.every-turn-is-answered").sound_call
        assert call is not None
        return call_to_document(call)

    def test_hold_their_exchanges(self, path: Path) -> None:
        found = exchanges(path, self.call())
        assert [f"{path}: exchanges[{number}]" for number in range(3)] == [each.source for each in found]
        assert ["turn-1.1", "turn-2.1", "turn-3.1"] == [each.label.step for each in found if each.label]
        assert tuple(found) == load_call(path).exchanges

    def test_a_fault_is_told_with_its_place(self, path: Path) -> None:
        (reason,) = reasons(path, {**self.call(), "requests": []})
        assert "FILE: as many requests as exchanges are wanted" == reason
        (reason,) = reasons(path, {**self.call(), "clock": "sundial"})
        assert reason.startswith("FILE: /clock: 'sundial' is not one of")

    def test_no_change_of_one_value_raises_anything(self, path: Path) -> None:
        document = json.loads(json.dumps(self.call()))
        for place in _places({key: value for key, value in document.items() if key != "exchanges"})[1:]:
            for value in STRANGE:
                found = load(path, _changed(document, place, value))
                assert all(isinstance(each, Exchange | Unread) for each in found)

    def test_an_answer_that_is_none_keeps_the_whole_from_being_judged(self, path: Path) -> None:
        document = self.call()
        endless = Read(at_ns=5, data=b"data: {}\n\n" * 250_001)
        exchange = {**STORED, "reads": to_document(replace(SOUND, reads=(endless,)))["reads"]}
        document["exchanges"] = [exchange, *array_or_nothing(document["exchanges"])[1:]]
        first, *others = load(path, document)
        assert isinstance(first, Unread)
        assert 2 == len(others)
        with pytest.raises(UsageError, match=r"exchanges\[0\]: the body has more than 250,000 blank lines"):
            load_call(path)


class TestAnythingElse:
    @pytest.mark.parametrize("document", [[], "text", 1, None, {}, {"messages": []}])
    def test_is_told_what_would_be_read(self, path: Path, document: object) -> None:
        (reason,) = reasons(path, document)
        assert reason.startswith(
            "FILE is no recording: neither an exchange file nor a whole call (pytest --endpoint-save"
        )

    def test_a_file_that_is_no_json_is_told_so(self, path: Path) -> None:
        path.write_bytes(b'{"log": {"entries": [')
        told = f"{path} is cut off: the JSON document is not complete (line 1, column 22)"
        assert [Unread(reason=told)] == list(load_exchanges(path))

    @given(content=st.binary(max_size=80))
    @example(content=b'{"log": {"entries": [{"request": {"url": "http://[", "method": "\xff"}}]}}')
    def test_no_bytes_raise_anything(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        path = tmp_path_factory.getbasetemp() / "fuzz.json"
        path.write_bytes(content)
        assert all(isinstance(each, Exchange | Unread) for each in load_exchanges(path))

    @given(document=JSON)
    def test_no_document_raises_anything(self, tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
        assert load(tmp_path_factory.getbasetemp() / "fuzz.json", document)


def _places(document: object) -> list[tuple[str | int, ...]]:
    """The way to every value of a document."""
    inside: list[tuple[str | int, object]] = [*object_or_nothing(document).items()]
    inside += enumerate(array_or_nothing(document))
    return [(), *((key, *rest) for key, value in inside for rest in _places(value))]


def _changed(document: object, place: tuple[str | int, ...], value: object) -> object:
    if not place:
        return value
    key, *rest = place
    record = object_or_none(document)
    if record is not None:
        return {**record, str(key): _changed(record[str(key)], tuple(rest), value)}
    items = enumerate(array_or_nothing(document))
    return [_changed(each, tuple(rest), value) if at == key else each for at, each in items]


class TestWrongTypesAnywhere:
    """One value of a sound file is replaced by something else: the file is read, or it is told why not."""

    @pytest.mark.parametrize(
        "form", [hars.har(hars.sound()), json.loads(json.dumps(WIRE)), STORED], ids=["har", "wire", "stored"]
    )
    @given(data=st.data(), value=JSON)
    def test_give_an_exchange_or_a_reason(
        self, tmp_path_factory: pytest.TempPathFactory, form: object, data: st.DataObject, value: object
    ) -> None:
        place = data.draw(st.sampled_from(_places(form)))
        found = load(tmp_path_factory.getbasetemp() / "fuzz.json", _changed(form, place, value))
        assert found
        assert all(isinstance(each, Exchange | Unread) for each in found)
