"""Content coding undone: whatever the cuts, the same bytes come out, each with the time at which it could be read."""

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance import content_coding
from vapi_conformance.content_coding import MAX_DECODED_BYTES, Decoded, decode_content
from vapi_conformance.exchange import Capture, Exchange, Read, Request, Response

TEXT = b"".join(b'data: {"choices":[{"index":0,"delta":{"content":"word %d"}}]}\n\n' % number for number in range(40))


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


ENCODED = {"gzip": gzip.compress(TEXT), "x-gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT)}


def exchange(coding: str, *pieces: bytes) -> Exchange:
    """Reads 1 ms apart."""
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1/chat/completions"),
        response=Response(status=200, headers=((b"Content-Encoding", coding.encode()),)),
        reads=tuple(Read(at_ns=number * 1_000_000, data=piece) for number, piece in enumerate(pieces)),
    )


def decoded(coding: str, *pieces: bytes) -> Decoded:
    return decode_content(exchange(coding, *pieces))


def joined(result: Decoded) -> bytes:
    return b"".join(read.data for read in result.reads)


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


class TestCodings:
    @pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZip", " gzip ", "identity, gzip"])
    def test_asked_for_ones_are_undone(self, coding: str) -> None:
        name = coding.lower().replace("identity,", "").strip()
        result = decoded(coding, ENCODED[name])
        assert (TEXT, name, None) == (joined(result), result.coding, result.error)

    def test_deflate_may_lack_its_frame(self) -> None:
        assert (TEXT, None) == (joined(decoded("deflate", raw_deflate(TEXT))), None)

    @pytest.mark.parametrize("coding", ["", "identity", "Identity"])
    def test_no_coding_leaves_the_reads_as_they_are(self, coding: str) -> None:
        plain = exchange(coding, b"a", b"b")
        assert Decoded(reads=plain.reads) == decode_content(plain)

    @pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "utf-8"])
    def test_others_are_an_error_and_no_bytes(self, coding: str) -> None:
        error = f"content coding {coding!r} was never asked for"
        assert Decoded(reads=(), coding=coding, error=error) == decoded(coding, b"...")

    def test_two_field_lines_are_two_codings(self) -> None:
        twice = exchange("gzip", b"")
        assert twice.response is not None
        response = replace(twice.response, headers=((b"content-encoding", b"deflate"), *twice.response.headers))
        assert "deflate, gzip" == decode_content(replace(twice, response=response)).coding

    def test_what_a_recorder_decoded_is_not_decoded_again(self) -> None:
        recorded = replace(exchange("gzip", TEXT), capture=Capture(body="decoded"))
        assert Decoded(reads=recorded.reads) == decode_content(recorded)

    def test_no_response_has_no_coding(self) -> None:
        assert Decoded(reads=()) == decode_content(replace(exchange("gzip"), response=None))

    @pytest.mark.parametrize("pieces", [(), (b"",), (b"", b"")])
    def test_an_empty_body_is_no_broken_one(self, pieces: tuple[bytes, ...]) -> None:
        assert (b"", None) == (joined(decoded("gzip", *pieces)), decoded("gzip", *pieces).error)

    @pytest.mark.parametrize(("coding", "body"), [("gzip", ENCODED["deflate"]), ("gzip", TEXT), ("deflate", TEXT)])
    def test_a_body_in_another_coding_is_an_error(self, coding: str, body: bytes) -> None:
        """httpx and Node's zlib refuse zlib's frame under the name gzip, too."""
        assert decoded(coding, body).error is not None


class TestCuts:
    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_at_any_byte_give_the_same(self, coding: str) -> None:
        body = ENCODED[coding]
        for at in range(len(body) + 1):
            result = decoded(coding, body[:at], body[at:])
            assert (TEXT, None) == (joined(result), result.error)

    @pytest.mark.parametrize("body", [*ENCODED.values(), raw_deflate(TEXT)], ids=["gzip", "x-gzip", "zlib", "raw"])
    def test_at_every_byte_give_the_same(self, body: bytes) -> None:
        coding = "gzip" if body[:2] == b"\x1f\x8b" else "deflate"
        pieces = [b"", *(bytes([byte]) for byte in body), b""]
        result = decoded(coding, *pieces)
        assert (TEXT, None, len(pieces)) == (joined(result), result.error, len(result.reads))

    @given(
        data=st.data(),
        fault=st.integers(10, len(ENCODED["gzip"]) - 1),
        bits=st.integers(1, 255),
    )
    def test_of_broken_data_give_the_same_up_to_the_fault(self, data: st.DataObject, fault: int, bits: int) -> None:
        body = bytearray(ENCODED["gzip"])
        body[fault] ^= bits
        cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
        whole, pieces = decoded("gzip", bytes(body)), decoded("gzip", *cut(bytes(body), cuts))
        assert (joined(whole), whole.error) == (joined(pieces), pieces.error)

    @given(body=st.binary(max_size=200), coding=st.sampled_from(["gzip", "deflate"]), data=st.data())
    def test_of_noise_give_the_same(self, body: bytes, coding: str, data: st.DataObject) -> None:
        cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
        whole, pieces = decoded(coding, body), decoded(coding, *cut(body, cuts))
        assert (joined(whole), whole.error) == (joined(pieces), pieces.error)


class TestTimes:
    def test_each_event_has_the_time_of_the_read_that_completed_it(self) -> None:
        deflater = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        pieces = [deflater.compress(part) + deflater.flush(zlib.Z_SYNC_FLUSH) for part in (b"one", b"two")]
        result = decoded("gzip", *pieces, deflater.flush())
        assert [(0, b"one"), (1_000_000, b"two"), (2_000_000, b"")] == [
            (each.at_ns, each.data) for each in result.reads
        ]

    def test_text_held_back_by_the_compressor_comes_when_it_is_let_go(self) -> None:
        deflater = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        pieces = [deflater.compress(part) for part in (b"one", b"two")]
        result = decoded("gzip", *pieces, deflater.flush())
        assert [b"", b"", b"onetwo"] == [each.data for each in result.reads]


class TestMembers:
    def test_follow_each_other(self) -> None:
        body = gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two")
        for at in range(len(body)):
            result = decoded("gzip", body[:at], body[at:])
            assert (b"onetwo", None) == (joined(result), result.error)

    def test_a_member_per_event_keeps_the_times(self) -> None:
        result = decoded("gzip", gzip.compress(b"one"), gzip.compress(b"two"))
        assert [b"one", b"two"] == [each.data for each in result.reads]

    def test_padding_with_zeros_is_the_end(self) -> None:
        result = decoded("gzip", gzip.compress(b"one") + b"\0\0junk", b"junk")
        assert (b"one", None) == (joined(result), result.error)

    def test_anything_else_behind_is_an_error_as_it_is_to_node(self) -> None:
        result = decoded("gzip", gzip.compress(b"one") + b"junk")
        assert b"one" == joined(result)
        assert result.error is not None

    def test_behind_zlib_data_nothing_counts(self) -> None:
        result = decoded("deflate", zlib.compress(b"one") + b"junk", b"junk")
        assert (b"one", None) == (joined(result), result.error)

    def test_thousands_of_tiny_ones_in_one_read_cost_linear_time(self) -> None:
        started = time.process_time()
        result = decoded("gzip", gzip.compress(b"x") * 50_000)
        assert 50_000 == len(joined(result))
        assert time.process_time() - started < 5


class TestBrokenData:
    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_a_missing_end_is_told_and_the_rest_kept(self, coding: str) -> None:
        result = decoded(coding, ENCODED[coding][:-12])
        assert f"the {coding} data stops before its end" == result.error
        assert TEXT.startswith(joined(result))
        assert len(joined(result)) > len(TEXT) // 2

    def test_a_missing_trailer_is_a_missing_end(self) -> None:
        result = decoded("gzip", ENCODED["gzip"][:-1])
        assert (TEXT, "the gzip data stops before its end") == (joined(result), result.error)

    def test_a_wrong_checksum_keeps_all_text(self) -> None:
        result = decoded("gzip", ENCODED["gzip"][:-8] + b"\0" * 8)
        assert TEXT == joined(result)
        assert "incorrect data check" in (result.error or "")

    def test_reads_behind_the_fault_are_not_looked_at(self) -> None:
        result = decoded("gzip", b"no gzip", ENCODED["gzip"])
        assert (b"", 1) == (joined(result), len(result.reads))


class TestBombs:
    @pytest.mark.parametrize("pieces", [1, 500])
    def test_are_cut_off_and_told(self, pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(content_coding, "MAX_DECODED_BYTES", 1_000_000)
        body = gzip.compress(b"\0" * 20_000_000, 9)
        size = -(-len(body) // pieces)
        result = decoded("gzip", *(body[start : start + size] for start in range(0, len(body), size)))
        assert "more than 1000000 bytes once decoded, a line counting for 500, a comma in JSON for 200" == result.error
        assert result.is_past_bound
        assert 1_000_000 == len(joined(result))

    @pytest.mark.parametrize(("start", "tiny"), [(b"", b"data: {}\n\n"), (b"[", b"{},")])
    def test_of_small_things_are_cut_off_before_they_fill_our_memory(
        self, start: bytes, tiny: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(content_coding, "MAX_DECODED_BYTES", 1_000_000)
        result = decoded("gzip", gzip.compress(start + tiny * 90_000))
        assert result.is_past_bound
        assert len(joined(result)) < 100_000

    def test_a_fault_in_the_data_is_no_bound(self) -> None:
        assert not decoded("gzip", b"no gzip").is_past_bound

    def test_a_body_of_just_the_bound_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(content_coding, "MAX_DECODED_BYTES", 1_000_000)
        assert decoded("gzip", gzip.compress(b"\0" * 1_000_000)).error is None

    def test_memory_stays_within_the_bound(self) -> None:
        body = gzip.compress(b"\0" * 100_000_000, 1)
        tracemalloc.start()
        try:
            result = decoded("gzip", body)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert MAX_DECODED_BYTES == sum(len(read.data) for read in result.reads)
        assert peak_bytes < 4 * MAX_DECODED_BYTES


def test_a_hundred_thousand_reads_take_little_time() -> None:
    noise = random.Random(1).randbytes(1_000_000)
    body = gzip.compress(noise)
    pieces = [body[start : start + 10] for start in range(0, len(body), 10)]
    started = time.process_time()
    assert noise == joined(decoded("gzip", *pieces))
    assert time.process_time() - started < 4
