"""`prove` is what authors of rules rest on: it lets pass what it should, and says what is wrong with the rest."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from vapi_conformance import extending
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.extending import MUST, Rule, Violation, rule
from vapi_conformance.specimens import base
from vapi_conformance.testing import prove

SOUND = base("text-stream")[0]


def evidence(exchange: Exchange, dialect: Dialect = Dialect.OPENAI_COMPATIBLE) -> list[Evidence]:
    return [Evidence(exchange=exchange, dialect=dialect)]


def saying(new: bytes) -> list[Evidence]:
    reads = tuple(replace(read, data=read.data.replace(b"seven", new)) for read in SOUND.reads)
    return evidence(replace(SOUND, reads=reads))


def made(
    check: Callable[[Evidence], Iterable[Violation]], *, rule_id: str = "acme.no-noon", applies: bool = True
) -> Rule:
    def checked(evidence: Evidence) -> Iterable[Violation]:
        """Nothing opens at noon."""
        return check(evidence)

    return rule(rule_id, standard=MUST, source="ACME", remedy="Open later.", applies=lambda _: applies)(checked)


def no_noon(evidence: Evidence) -> Iterable[Violation]:
    if "noon" in evidence.transcript.text:
        yield Violation(expected="another hour", actual="noon")


def everything(_: Evidence) -> Iterable[Violation]:
    return [Violation(expected="nothing", actual="something")]


def told(found: Rule, broken: list[Evidence], sound: list[Evidence]) -> str:
    with pytest.raises(AssertionError) as caught:
        prove(found, broken, sound)
    return str(caught.value)


class TestProve:
    def test_a_rule_that_catches_and_does_not_cry_wolf(self) -> None:
        prove(made(no_noon), saying(b"noon"), evidence(SOUND))

    def test_a_rule_that_does_not_catch(self) -> None:
        assert "acme.no-noon: the broken example is passed" == told(made(no_noon), evidence(SOUND), evidence(SOUND))

    def test_a_rule_that_cries_wolf(self) -> None:
        found = told(made(everything), saying(b"noon"), evidence(SOUND))
        assert "acme.no-noon: the sound example is violated: something" == found

    def test_a_rule_that_never_applies(self) -> None:
        found = told(made(no_noon, applies=False), saying(b"noon"), evidence(SOUND))
        told_why = "no exchange shows what the rule is about"
        assert f"acme.no-noon: the broken example is not applicable: {told_why}" == found

    def test_a_rule_that_fails(self) -> None:
        found = told(made(lambda each: [each.header("x")[0]]), saying(b"noon"), evidence(SOUND))  # type: ignore[list-item]  # what is tested
        assert found.startswith("acme.no-noon: the broken example is harness error: IndexError: tuple index out of")

    def test_a_rule_that_could_not_be_installed(self) -> None:
        found = told(made(no_noon, rule_id="noon"), saying(b"noon"), evidence(SOUND))
        assert "it cannot be installed: the id 'noon' is not of the form noon.what-holds, in lower case" == found

    def test_an_example_without_an_exchange(self) -> None:
        assert "acme.no-noon: the broken example has no exchange" == told(made(no_noon), [], evidence(SOUND))

    def test_an_example_of_another_dialect(self) -> None:
        found = told(
            replace(made(no_noon), dialects=frozenset({Dialect.OPENAI_COMPATIBLE})),
            evidence(SOUND, Dialect.ANTHROPIC_MESSAGES),
            evidence(SOUND),
        )
        assert "acme.no-noon is not about anthropic_messages, which the broken example is" == found

    def test_an_example_that_shows_something_else_as_well(self) -> None:
        broken = saying(b"noon <think>")
        found = told(made(no_noon), broken, evidence(SOUND))
        assert "acme.no-noon: the broken example breaks speech.no-think-tags, too" == found
        prove(made(no_noon), broken, evidence(SOUND), also={"speech.no-think-tags"})

    def test_a_sound_example_that_is_not(self) -> None:
        found = told(made(no_noon), saying(b"noon"), saying(b"<think>"))
        assert "acme.no-noon: the sound example breaks speech.no-think-tags, too" == found


def test_every_name_that_is_promised_is_there() -> None:
    assert [] == [name for name in extending.__all__ if not hasattr(extending, name)]
