"""Credentials leave no trace in a record, and nothing else is touched."""

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read, Request, Response
from vapi_conformance.masking import Secrets, mask_exchange, mask_query

KEY = b"sk-0123456789abcdef"
STARS = b"*" * len(KEY)


def answered(*pieces: bytes, coding: bytes = b"") -> Exchange:
    """Reads 1 ms apart."""
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1/chat/completions"),
        response=Response(status=200, headers=((b"Content-Encoding", coding),) if coding else ()),
        reads=tuple(Read(at_ns=number * 1_000_000, data=piece) for number, piece in enumerate(pieces)),
    )


def masked_body(body: bytes, *secrets: bytes) -> bytes:
    return mask_exchange(answered(body), secrets or (KEY,)).body


class TestPlaces:
    def test_request_and_response_head_and_body_and_error(self) -> None:
        exchange = Exchange(
            request=Request(
                method="POST",
                url=f"http://endpoint.example/{KEY.decode()}/v1",
                headers=((b"Authorization", b"Bearer " + KEY), (b"x-" + KEY, b"1")),
                body=b'{"key": "' + KEY + b'"}',
            ),
            response=Response(status=200, headers=((b"X-Echo", b"<" + KEY + b">"), (KEY, b"1"))),
            reads=(Read(at_ns=1, data=b"data: " + KEY + b"\n\n"),),
            error=f"no route to {KEY.decode()}",
        )
        masked = mask_exchange(exchange, [KEY])
        assert KEY.decode() not in repr(masked)
        assert f"http://endpoint.example/{STARS.decode()}/v1" == masked.request.url
        assert ((b"Authorization", b"Bearer " + STARS), (b"x-" + STARS, b"1")) == masked.request.headers
        assert b'{"key": "' + STARS + b'"}' == masked.request.body
        assert masked.response is not None
        assert ((b"X-Echo", b"<" + STARS + b">"), (STARS, b"1")) == masked.response.headers
        assert b"data: " + STARS + b"\n\n" == masked.body
        assert f"no route to {STARS.decode()}" == masked.error

    def test_nothing_to_hide_leaves_the_exchange_as_it_is(self) -> None:
        exchange = answered(b"data: " + KEY + b"\n\n")
        assert exchange == mask_exchange(exchange, [])
        assert exchange == mask_exchange(exchange, [b"another-secret"])

    def test_an_unknown_request_body_stays_unknown(self) -> None:
        exchange = replace(answered(), request=Request(method="POST", url="", body=None))
        assert mask_exchange(exchange, [KEY]).request.body is None

    def test_no_response_is_no_problem(self) -> None:
        assert mask_exchange(replace(answered(), response=None), [KEY]).response is None

    def test_an_url_with_bytes_that_are_no_text_is_kept(self) -> None:
        request = Request(method="POST", url="http://endpoint.example/\udcff\ud800")
        assert request == mask_exchange(replace(answered(), request=request), [KEY]).request


class TestReads:
    @given(cuts=st.lists(st.integers(0, 40), max_size=6))
    def test_positions_and_times_stay(self, cuts: list[int]) -> None:
        body = b"data: x" + KEY + b"y\n\ndata: z\n\n"
        places = [0, *sorted(min(each, len(body)) for each in cuts), len(body)]
        exchange = answered(*(body[start:end] for start, end in pairwise(places)))
        masked = mask_exchange(exchange, [KEY])
        assert body.replace(KEY, STARS) == masked.body
        assert [(each.at_ns, len(each.data)) for each in exchange.reads] == [
            (each.at_ns, len(each.data)) for each in masked.reads
        ]

    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_under_a_content_coding(self, coding: str) -> None:
        text = b"data: " + KEY + b"\n\n"
        body = gzip.compress(text) if coding == "gzip" else zlib.compress(text)
        masked = mask_exchange(answered(body[:9], body[9:], coding=coding.encode()), [KEY])
        assert (b"data: " + STARS + b"\n\n", "decoded") == (Evidence(exchange=masked).body, masked.capture.body)
        assert [0, 1_000_000] == [read.at_ns for read in masked.reads]

    def test_a_compressed_body_without_one_stays_compressed(self) -> None:
        exchange = answered(gzip.compress(b"data: x\n\n"), coding=b"gzip")
        assert exchange == mask_exchange(exchange, [KEY])


class TestPieces:
    """A model that repeats its key says it as it says all else: token by token."""

    def stream(self, *pieces: bytes, name: bytes = b"content") -> bytes:
        return b"".join(b'data: {"id": "x", "delta": {"' + name + b'": "' + piece + b'"}}\n\n' for piece in pieces)

    @given(cuts=st.lists(st.integers(0, len(KEY) + 4), min_size=1, max_size=8))
    def test_every_piece_is_written_over_and_nothing_else(self, cuts: list[int]) -> None:
        text, stars = b"k " + KEY + b" z", b"k " + STARS + b" z"
        places = [*pairwise([0, *sorted(min(each, len(text)) for each in cuts), len(text)])]
        expected = self.stream(*(stars[start:end] for start, end in places))
        assert expected == masked_body(self.stream(*(text[start:end] for start, end in places)))

    @pytest.mark.parametrize("name", [b"text", b"partial_json", b"arguments"])
    def test_whatever_the_name_of_the_text_is(self, name: bytes) -> None:
        assert KEY[:5] not in masked_body(self.stream(KEY[:5], KEY[5:], name=name))

    def test_under_a_content_coding(self) -> None:
        body = gzip.compress(self.stream(KEY[:5], KEY[5:]))
        masked = mask_exchange(answered(body, coding=b"gzip"), [KEY])
        assert self.stream(STARS[:5], STARS[5:]) == Evidence(exchange=masked).body

    def test_strings_of_other_names_between_them_do_not_hide_it(self) -> None:
        body = self.stream(KEY[:5]) + self.stream(b"other", name=b"reasoning") + self.stream(KEY[5:])
        assert self.stream(STARS[:5]) in masked_body(body)

    def test_many_pieces_take_no_time_that_grows_with_their_square(self) -> None:
        pieces = [KEY[:9], KEY[9:]] * 20_000
        assert self.stream(*[STARS[:9], STARS[9:]] * 20_000) == masked_body(self.stream(*pieces))


class TestOverlaps:
    def test_two_secrets_that_share_letters_leave_no_rest(self) -> None:
        assert b"<************>" == masked_body(b"<12345678abcd>", b"12345678", b"5678abcd")

    def test_one_inside_the_other_leaves_no_rest(self) -> None:
        assert b"<" + STARS + b">" == masked_body(b"<" + KEY + b">", KEY[4:14], KEY)

    def test_one_that_overlaps_with_itself_leaves_no_rest(self) -> None:
        assert b"************" == masked_body(b"abababababab", b"abababab")

    @given(
        secrets=st.lists(st.text("ab", min_size=8, max_size=12).map(str.encode), min_size=1, max_size=3),
        body=st.text("ab-", max_size=60).map(str.encode),
    )
    def test_every_byte_of_every_appearance_is_covered_and_no_other(self, secrets: list[bytes], body: bytes) -> None:
        covered = {
            at + offset
            for secret in secrets
            for at in range(len(body))
            if body.startswith(secret, at)
            for offset in range(len(secret))
        }
        expected = bytes(ord("*") if at in covered else byte for at, byte in enumerate(body))
        assert expected == masked_body(body, *secrets)

    @given(
        secrets=st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=3),
        body=st.binary(max_size=60),
        data=st.data(),
    )
    def test_masking_twice_is_masking_once(self, secrets: list[bytes], body: bytes, data: st.DataObject) -> None:
        """But for secrets that hold the mask's own character."""
        kept = [secret for secret in secrets if b"*" not in secret] or [KEY]
        once = mask_exchange(answered(body + data.draw(st.sampled_from(kept)) + body), kept)
        assert once == mask_exchange(once, kept)


class TestWrittenOtherwise:
    SECRET = b'a/b+c d"e\\f\xc3\xa9'

    @pytest.mark.parametrize(
        "form",
        [
            json.dumps(SECRET.decode())[1:-1],
            json.dumps(SECRET.decode(), ensure_ascii=False)[1:-1],
            json.dumps(SECRET.decode())[1:-1].replace("/", "\\/"),
            quote(SECRET, safe=""),
            quote(SECRET),
            quote_plus(SECRET),
            "a%2fb%2bc%20d%22e%5cf%c3%a9",
        ],
    )
    def test_in_json_and_urls(self, form: str) -> None:
        assert b"<" + b"*" * len(form.encode()) + b">" == masked_body(b"<" + form.encode() + b">", self.SECRET)

    @pytest.mark.parametrize(
        "form",
        [
            "key\\u0026a=b+c/d",  # as Go writes it
            "key\\u0026a\\u003db+c/d",  # as Gson does
            "key\\u0026a=b\\u002Bc/d",  # as .NET does
        ],
    )
    def test_in_json_that_may_stand_in_html(self, form: str) -> None:
        assert b"*" * len(form) == masked_body(form.encode(), b"key&a=b+c/d")

    @pytest.mark.parametrize(
        "form",
        [
            "a&amp;b&lt;c&gt;&quot;d&#x27;e\\",  # as Python writes HTML
            "a&amp;b&lt;c&gt;&quot;d&#39;e\\",  # as PHP does
            "a&amp;b&lt;c&gt;&#34;d&#39;e\\",  # as Go and Jinja do
            "a&amp;b&lt;c&gt;\"d'e\\",  # between tags, where quotes may stay
            "a&b<c>\"d\\'e\\\\",  # as Python shows a string
        ],
    )
    def test_in_html_and_tracebacks(self, form: str) -> None:
        assert b"*" * len(form) == masked_body(form.encode(), b"a&b<c>\"d'e\\")

    def test_lower_case_escapes_leave_letters_alone(self) -> None:
        assert b"*" * 13 == masked_body(b"A%2fB%2fCdefg", b"A/B/Cdefg")
        assert b"a%2fb%2fcdefg" == masked_body(b"a%2fb%2fcdefg", b"A/B/Cdefg")

    def test_of_bytes_that_are_no_text(self) -> None:
        secret = b"\xff\xfe/secret"
        assert b"<*********>" == masked_body(b"<" + secret + b">", secret)


class TestShortSecrets:
    @pytest.mark.parametrize("word", [b"data", b"null", b"content"])
    def test_words_are_masked_in_headers_we_sent_and_stay_in_bodies(self, word: bytes) -> None:
        body = b'data: {"content": null}\n\n'
        exchange = replace(
            answered(body), request=Request(method="POST", url="", headers=((b"a", b"Bearer " + word),), body=body)
        )
        masked = mask_exchange(exchange, [word])
        assert ((b"a", b"Bearer " + b"*" * len(word)),) == masked.request.headers
        assert (body, body) == (masked.request.body, masked.body)

    def test_three_letters_are_no_secret(self) -> None:
        exchange = replace(answered(b"abc"), request=Request(method="POST", url="", headers=((b"a", b"abc"),)))
        assert exchange == mask_exchange(exchange, [b"abc", b""])


class TestQuery:
    @pytest.mark.parametrize(
        ("url", "masked"),
        [
            (
                "https://llm.example/v1beta/models/m:generateContent",
                "https://llm.example/v1beta/models/m:generateContent",
            ),
            ("https://llm.example/m?key=abc&alt=sse", "https://llm.example/m?key=***&alt=sse"),
            ("https://llm.example/m?alt=sse&api_key=a%2Fb", "https://llm.example/m?alt=sse&api_key=*****"),
            ("https://llm.example/m?key", "https://llm.example/m?key"),
            ("?", "?"),
        ],
    )
    def test_what_is_named_like_a_credential_is_masked(self, url: str, masked: str) -> None:
        assert masked == mask_query(url)


class TestSecrets:
    def test_grow_and_hold_each_once(self) -> None:
        secrets = Secrets(["first-secret", "first-secret", ""])
        secrets.add("second-secret", "first-secret")
        assert (b"first-secret", b"second-secret") == secrets.values

    def test_grow_in_many_threads_and_lose_none(self) -> None:
        secrets = Secrets()
        names = [f"secret-{number}" for number in range(400)]
        with ThreadPoolExecutor(max_workers=8) as executor:
            list(executor.map(secrets.add, names))
        assert {each.encode() for each in names} == set(secrets.values)

    def test_mask_a_strangers_words(self) -> None:
        told = Secrets(["a/b c+d", KEY.decode()]).masked(f"no {KEY.decode()}, a%2Fb+c%2Bd or a\\/b c+d")
        assert f"no {STARS.decode()}, *********** or ********" == told

    def test_words_are_not_shown_where_a_secret_cannot_be_told_from_them(self) -> None:
        assert None is Secrets([KEY.decode(), "e"]).masked("no such client")

    def test_half_of_a_surrogate_pair_is_no_reason_to_fail(self) -> None:
        assert "no ******* here" == Secrets(["\ud800abcd"]).masked("no \ud800abcd here")
