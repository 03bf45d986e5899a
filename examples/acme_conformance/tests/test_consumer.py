"""What ACME's switchboard hears."""

from dataclasses import replace

import pytest

from acme_conformance.consumer import hear
from vapi_conformance.extending import Exchange, HeardOutcome
from vapi_conformance.testing import load_specimen

SOUND = load_specimen("acme.no-shouting", "acme_conformance").sound[0]


def changed(old: bytes, new: bytes) -> Exchange:
    return replace(SOUND, reads=tuple(replace(read, data=read.data.replace(old, new)) for read in SOUND.reads))


def test_hears_a_sound_answer_when_it_comes() -> None:
    heard = hear(SOUND)
    assert HeardOutcome.SPOKEN is heard.outcome
    assert heard.text.startswith("We open at seven in the morning,")
    assert 220_000_000 == heard.texts[0].at_ns


def test_is_deaf_to_other_ends_of_lines() -> None:
    heard = hear(changed(b"\n", b"\r\n"))
    assert (HeardOutcome.SILENCE, "") == (heard.outcome, heard.text)


def test_puts_a_tool_call_together() -> None:
    pieces = (
        b'{"index":0,"id":"c1","function":{"name":"book","arguments":"{\\"at\\""}}',
        b'{"index":0,"function":{"arguments":":7}"}}',
    )
    body = b"".join(b'data: {"choices":[{"delta":{"tool_calls":[%s]}}]}\n\n' % piece for piece in pieces)
    heard = hear(replace(SOUND, reads=(replace(SOUND.reads[0], data=body),)))
    assert HeardOutcome.TOOL_CALL is heard.outcome
    assert [(0, "c1", "book", '{"at":7}')] == [(c.index, c.id, c.name, c.arguments) for c in heard.tool_calls]


def test_passes_over_chunks_without_choices() -> None:
    assert HeardOutcome.SILENCE is hear(changed(b'"choices":[{', b'"choices":[],"not":[{')).outcome


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b'"choices":[', b'"choices":3,"not":[', "TypeError"),
        (b'{"id"', b'{"id', "JSONDecodeError"),
        (b'{"id"', b"[" * 100_000, "RecursionError"),
    ],
)
def test_gives_up_on_what_it_cannot_read(old: bytes, new: bytes, error: str) -> None:
    heard = hear(changed(old, new))
    assert (HeardOutcome.FAILED, f"AcmeStreamError: {error}") == (heard.outcome, heard.error)
