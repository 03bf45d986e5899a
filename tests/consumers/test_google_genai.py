"""What the models of google-genai (Python) and @google/genai (Node) hear, without the real packages."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.gemini_vectors import HI, STEP_NS, VECTORS, Vector, gemini_answer, summary
from vapi_conformance.consumers import Heard, Outcome, google_genai_node, google_genai_python
from vapi_conformance.exchange import End, Exchange, Request

Hear = Callable[..., Heard]
BOTH = pytest.mark.parametrize("hear", [google_genai_python.hear, google_genai_node.hear], ids=["python", "node"])
EVENT = f"{HI}\r\n\r\n"
NAMES = [each.name for each in VECTORS]


class TestVectors:
    @pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
    def test_python(self, vector: Vector) -> None:
        assert vector.python == summary(google_genai_python.hear(vector.exchange))

    @pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
    def test_node(self, vector: Vector) -> None:
        assert vector.node == summary(google_genai_node.hear(vector.exchange))


class TestTimes:
    @BOTH
    def test_a_text_is_heard_when_its_event_is_complete(self, hear: Hear) -> None:
        heard = hear(gemini_answer(EVENT, EVENT[:30], EVENT[30:]))
        assert [0, 2 * STEP_NS] == [text.at_ns for text in heard.texts]
        assert 3 * STEP_NS == heard.ended_at_ns

    def test_python_waits_for_what_follows_a_cr(self) -> None:
        assert [STEP_NS] == [text.at_ns for text in google_genai_python.hear(gemini_answer(HI + "\r\r", "\n")).texts]
        assert [0] == [text.at_ns for text in google_genai_node.hear(gemini_answer(HI + "\r\r", "\n")).texts]

    @BOTH
    def test_an_error_has_the_time_of_its_event(self, hear: Hear) -> None:
        heard = hear(gemini_answer(EVENT, "data: [DONE]\n\n", EVENT))
        assert (STEP_NS, STEP_NS) == (heard.error_at_ns, heard.ended_at_ns)
        assert ["Hi"] == [text.text for text in heard.texts]

    @BOTH
    def test_what_never_ends_has_no_end(self, hear: Hear) -> None:
        heard = hear(gemini_answer(EVENT, end=End.TIMED_OUT))
        assert (Outcome.FAILED, None, None) == (heard.outcome, heard.ended_at_ns, heard.error_at_ns)

    @BOTH
    def test_hanging_up_is_no_error(self, hear: Hear) -> None:
        assert Outcome.SPOKEN is hear(gemini_answer(EVENT, EVENT[:30], end=End.CLOSED_BY_US)).outcome


class TestHostileAnswers:
    """Nothing raises, and neither time nor memory runs away."""

    @BOTH
    @given(reads=st.lists(st.binary(max_size=40) | st.sampled_from([EVENT.encode(), b"\r", b"\n", b"{", b"data: "])))
    def test_any_bytes_are_heard(self, hear: Hear, reads: list[bytes]) -> None:
        assert isinstance(hear(gemini_answer(*reads)), Heard)

    @BOTH
    @given(cuts=st.sets(st.integers(1, 2 * len(EVENT) - 1)))
    def test_the_same_is_heard_however_the_reads_are_cut(self, hear: Hear, cuts: set[int]) -> None:
        body = EVENT * 2
        bounds = [0, *sorted(cuts), len(body)]
        reads = [body[start:end] for start, end in pairwise(bounds)]
        assert ["Hi", "Hi"] == [text.text for text in hear(gemini_answer(*reads)).texts]

    @BOTH
    @pytest.mark.parametrize(
        "body",
        [
            b"\n" * 2_000_000,
            b"{" * 2_000_000,
            b"data: " + b"[" * 500_000 + b"\n\n",
            b'data: {"candidates":' + b'{"a":' * 200_000 + b"\n\n",
            b"data: x" * 300_000,
            b"data: {}\n" * 300_000 + b"\n",
            b'{"a":"' + b"\\" * 1_000_000,
        ],
        ids=["empty lines", "braces", "nested arrays", "nested objects", "one line", "one event", "escapes"],
    )
    def test_large_bodies_cost_little(self, hear: Hear, body: bytes) -> None:
        assert isinstance(hear(gemini_answer(body)), Heard)
        assert isinstance(hear(gemini_answer(*(body[at : at + 997] for at in range(0, len(body), 997)))), Heard)

    def test_an_error_that_cannot_be_told_is_passed_over_by_node(self) -> None:
        # Making a text of this status throws, and the library swallows whatever is no ApiError of its own.
        untold = 'data: {"error":{"code":400,"status":{"toString":1}}}\n\n'
        heard = google_genai_node.hear(gemini_answer(untold, EVENT))
        assert (Outcome.SPOKEN, "Hi", None) == (heard.outcome, heard.text, heard.error)
        told = google_genai_node.hear(gemini_answer(untold.replace('{"toString":1}', '"BAD"'), EVENT))
        assert (Outcome.FAILED, "") == (told.outcome, told.text)
        assert told.error is not None
        assert told.error.startswith("ApiError: got status: BAD. ")

    @BOTH
    def test_bounds_are_said(self, hear: Hear) -> None:
        body = hear(gemini_answer(EVENT * 10), max_body_bytes=len(EVENT))
        assert "(not followed beyond" in (body.error or "")
        event = hear(gemini_answer("data: " + "x" * 5000), max_event_bytes=1000)
        assert "was not followed)" in (event.error or "")

    @BOTH
    def test_no_answer_is_a_failure(self, hear: Hear) -> None:
        request = Request(method="POST", url="http://endpoint.example/v1beta/models/m:generateContent")
        for end in (End.NO_RESPONSE, End.TIMED_OUT, End.CLOSED_BY_US):
            assert Outcome.FAILED is hear(Exchange(request=request, response=None, end=end)).outcome
