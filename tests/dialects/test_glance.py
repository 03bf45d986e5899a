"""What is seen of the beginning of an answer, wherever it is cut and whatever it is."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.dialects.glance import MAX_GLANCE_BYTES, begun_object, glance
from vapi_conformance.exchange import Exchange, Read, Request, Response

DOCUMENT = {"id": "a", "x": {"y": [1, {"z": '}"'}]}, "choices": [{"index": 0}], "created": 1}


def answered(body: bytes, coding: str = "") -> Exchange:
    headers = ((b"content-encoding", coding.encode()),) if coding else ()
    return Exchange(
        request=Request(method="POST", url=""),
        response=Response(status=200, headers=headers),
        reads=(Read(at_ns=None, data=body),),
    )


class TestBegunObject:
    def test_is_the_object_where_it_is_whole(self) -> None:
        assert begun_object(json.dumps(DOCUMENT)) == DOCUMENT
        assert begun_object(f" \n{json.dumps(DOCUMENT)} and more") == DOCUMENT

    def test_is_the_first_of_an_array(self) -> None:
        assert begun_object('[{"candidates": []},\n{"usageMetadata": 1}]') == {"candidates": []}

    @given(cut=st.integers(1, len(json.dumps(DOCUMENT))))
    def test_has_whole_keys_and_true_values_wherever_it_is_cut(self, cut: int) -> None:
        begun = begun_object(json.dumps(DOCUMENT)[:cut])
        assert begun is not None
        assert list(begun) == list(DOCUMENT)[: len(begun)]
        assert [value for value in begun.values() if value is not None] == [
            DOCUMENT[key] for key, value in begun.items() if value is not None
        ]

    def test_names_the_key_whose_value_is_cut(self) -> None:
        assert begun_object('{"object": "response", "output": [{"type": "mess') == {
            "object": "response",
            "output": None,
        }
        assert begun_object('{"candidates": [{"conte') == {"candidates": None}

    @pytest.mark.parametrize("text", ["", "{]", '"text"', "[1, {}]", "<html>", "null", '{"a" 1}', "[[{}]]"])
    def test_is_none_where_no_object_begins(self, text: str) -> None:
        assert begun_object(text) is None

    @pytest.mark.parametrize(
        "text", ["{" * 200_000, '{"a": ' * 50_000, '{"' + "\\" * 200_001, '{"a": "' + "x" * 200_000]
    )
    def test_of_hostile_text_is_an_object_with_one_key_or_none(self, text: str) -> None:
        assert begun_object(text) in ({}, {"a": None})

    @given(text=st.text(alphabet='{}[]",:\\a1 \n'))
    def test_never_raises(self, text: str) -> None:
        assert begun_object(text) is None or isinstance(begun_object(text), dict)


class TestGlance:
    def test_of_a_stream_has_objects_event_types_and_comments(self) -> None:
        seen = glance(answered(b': busy\n\nevent: ping\ndata: {"type": "ping"}\n\ndata: [DONE]\n\ndata: {"a": [1'))
        assert ({"type": "ping"}, {"a": None}) == seen.objects
        assert ("ping",) == seen.event_types
        assert ("busy",) == seen.comments

    def test_of_a_document_has_one_object(self) -> None:
        assert ({"a": 1},) == glance(answered(b'\xef\xbb\xbf\n{"a": 1}')).objects

    def test_says_that_a_document_is_a_list(self) -> None:
        assert glance(answered(b'[{"a": 1}]')).is_list
        assert not glance(answered(b'{"a": [1]}')).is_list

    def test_undoes_gzip_also_where_it_is_cut(self) -> None:
        body = gzip.compress(b'data: {"a": 1}\n\n' * 1000, mtime=0)
        assert {"a": 1} == glance(answered(body[:-9], "gzip")).objects[0]

    def test_stops_at_the_bound_in_one_long_object(self) -> None:
        body = b'{"object": "chat.completion", "choices": "' + b"x" * (4 * MAX_GLANCE_BYTES) + b'", "late": 1}'
        assert ({"object": "chat.completion", "choices": None},) == glance(answered(body)).objects

    def test_stops_at_the_bound_in_what_a_small_gzip_holds(self) -> None:
        body = gzip.compress(b'{"a": 1, "b": "' + b"x" * (4 * MAX_GLANCE_BYTES) + b'", "late": 1}', mtime=0)
        assert len(body) < MAX_GLANCE_BYTES
        assert ({"a": 1, "b": None},) == glance(answered(body, "gzip")).objects

    def test_keeps_some_of_very_many_events(self) -> None:
        body = gzip.compress(b'data: {"a": 1}\n\n' * 400_000, mtime=0)
        assert 0 < len(glance(answered(body, "gzip")).objects) <= MAX_GLANCE_BYTES

    def test_of_a_hundred_thousand_blank_lines_stops_early(self) -> None:
        seen = glance(answered(b"data: {}\n\n" + b"\n" * 100_000 + b'data: {"late": 1}\n\n'))
        assert ({},) == seen.objects

    @pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\x00", b"null", b"[DONE]"])
    def test_of_anything_else_is_empty(self, body: bytes) -> None:
        assert () == glance(answered(body)).objects

    @given(body=st.binary(max_size=300), coding=st.sampled_from(["", "gzip", "deflate", "br", "gzip, br"]))
    def test_never_raises(self, body: bytes, coding: str) -> None:
        assert isinstance(glance(answered(body, coding)).objects, tuple)
        assert isinstance(glance(answered(b'data: {"a": ' + body, coding)).objects, tuple)
