"""What kind of body came, told from the bytes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.dialects.body_kind import sniff

CHUNK = b'{"choices":[{"index":0,"delta":{"content":"Hi"}}]}'


class TestStream:
    @pytest.mark.parametrize(
        "body",
        [
            b"data: " + CHUNK + b"\n\n",
            b"data:" + CHUNK,
            b"\xef\xbb\xbfdata: x\n\n",
            b"\n\n  data: x\n\n",
            b": ping\n\n",
            b":\n\n",
            b"event: message\ndata: x\n\n",
            b"id: 1\ndata: x\n\n",
            b"retry: 100\n\n",
            b"Data: x\n\n",
            b"DATA : x\n\n",
            b"data\ndata: x\n\n",
            b"data " + CHUNK,
            b"data[DONE]",
        ],
    )
    def test_begins_with_a_field_however_misspelled(self, body: bytes) -> None:
        assert "stream" == sniff(body, "text/plain")

    @pytest.mark.parametrize(
        "before", [b"INFO: starting\n", b"<html>\n", b'{"level":"info"}\n', b"{\n", b'["log"]\r\n', b"Traceback\n\n"]
    )
    def test_may_follow_something_that_does_not_belong_there(self, before: bytes) -> None:
        assert "stream" == sniff(before + b"data: " + CHUNK + b"\n\n", "application/json")

    def test_nothing_recognizable_is_a_stream_if_the_server_says_so(self) -> None:
        assert ("stream", "other") == (sniff(b"oops", "text/event-stream"), sniff(b"oops", "text/plain"))


class TestNoStream:
    @pytest.mark.parametrize(
        "body", [b"{}", b' {"choices": []}', b"\xef\xbb\xbf{}", b"[]", b'{"a":', b'{\n "data": 1\n}', b'{\n"a": {}\n}']
    )
    def test_json_is_json_whatever_the_media_type(self, body: bytes) -> None:
        assert "json" == sniff(body, "text/event-stream")

    @pytest.mark.parametrize(
        "body",
        [
            CHUNK + b"\n" + CHUNK,
            CHUNK + b"\r\n\r\n" + CHUNK + b"\r\n",
            b"\n" + CHUNK + b" \n " + CHUNK,
            CHUNK + b"\n" + CHUNK[:10],
        ],
    )
    def test_an_object_per_line_is_ndjson_even_cut_off(self, body: bytes) -> None:
        assert "ndjson" == sniff(body, "text/event-stream")

    def test_indented_json_is_no_ndjson(self) -> None:
        assert "json" == sniff(b'{\n  "a": {"b": 1},\n  "c": {}\n}\n', "application/json")

    @pytest.mark.parametrize("body", [b"", b" \n\r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
    def test_white_space_is_nothing(self, body: bytes) -> None:
        assert "nothing" == sniff(body, "text/event-stream")

    @pytest.mark.parametrize(
        "body", [b"Internal Server Error", b"Data not found", b"data is missing", b"<html>data: x</html>", b"idea: x"]
    )
    def test_sentences_are_other(self, body: bytes) -> None:
        assert "other" == sniff(body, "text/plain")


@given(body=st.binary(max_size=100), media_type=st.sampled_from(["", "text/event-stream", "application/json"]))
def test_any_bytes_have_a_kind(body: bytes, media_type: str) -> None:
    assert sniff(body, media_type) in ("stream", "json", "ndjson", "other", "nothing")
