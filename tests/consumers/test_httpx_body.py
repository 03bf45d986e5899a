"""What httpx makes of bodies, and of the charsets that servers name."""

import gzip
import zlib

import pytest

from vapi_conformance.consumers.httpx_body import Body, text_of
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.exchange import Exchange, Read, Request, Response

MEGABYTE = 1 << 20


def answer(*reads: bytes, coding: str = "", content_type: str = "text/plain") -> Exchange:
    headers = ((b"Content-Encoding", coding.encode()), (b"Content-Type", content_type.encode()))
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/"),
        response=Response(status=200, headers=headers),
        reads=tuple(Read(at_ns=number, data=data) for number, data in enumerate(reads)),
    )


def whole(exchange: Exchange, *, max_body_bytes: int = MEGABYTE) -> bytes:
    return Body(exchange, max_body_bytes=max_body_bytes, read_timeout=True).whole()


class TestBody:
    @pytest.mark.parametrize(
        ("coding", "data"),
        [
            ("", b"Hi"),
            ("identity", b"Hi"),
            ("br", b"Hi"),
            ("gzip", gzip.compress(b"Hi", mtime=0)),
            ("GZIP", gzip.compress(b"Hi", mtime=0) + b"and more"),
            ("deflate", zlib.compress(b"Hi")),
            ("deflate", zlib.compress(b"Hi", wbits=-15)),
            ("deflate, gzip", gzip.compress(zlib.compress(b"Hi"), mtime=0)),
        ],
    )
    def test_undoes_codings(self, coding: str, data: bytes) -> None:
        assert b"Hi" == whole(answer(data, coding=coding))
        assert b"Hi" == whole(answer(data[:3], data[3:], coding=coding))

    def test_fails_on_a_broken_coding(self) -> None:
        with pytest.raises(PyError, match="DecodingError: Error -3 while decompressing data: incorrect header check"):
            whole(answer(b"Hi there", coding="gzip"))
        with pytest.raises(PyError, match="more than 5 content encodings"):
            whole(answer(b"Hi", coding="gzip," * 6))

    def test_gives_up_on_a_body_that_grows_too_large(self) -> None:
        bomb = gzip.compress(bytes(64 * MEGABYTE))
        with pytest.raises(PyError, match="not followed beyond 1048576 bytes"):
            whole(answer(bomb, coding="gzip"))


class TestTextOf:
    @pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "no-such-charset", ""])
    def test_is_utf_8_unless_another_one_is_known(self, charset: str) -> None:
        assert "é\ufffd" == text_of(answer(content_type=f"text/plain; charset={charset}"), b"\xc3\xa9\xff")

    def test_takes_the_charset(self) -> None:
        assert "é" == text_of(answer(content_type="text/plain; charset=latin-1"), b"\xe9")

    @pytest.mark.parametrize("charset", ["zlib", "hex", "bz2", "rot13", "undefined"])
    def test_a_codec_that_is_no_charset_is_no_way_in(self, charset: str) -> None:
        with pytest.raises(PyError, match="names no encoding of text"):
            text_of(answer(content_type=f"text/plain; charset={charset}"), zlib.compress(b"Hi"))
