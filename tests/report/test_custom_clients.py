"""Consumers that other distributions add: what they hear stands beside ours, and nothing that they do ends a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from made_distributions import installed, with_distribution
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.platforms.calling import PLATFORMS, PlatformName, platform_name
from vapi_conformance.report.clients import RAPIDA, VAPI, clients_of, every_client
from vapi_conformance.report.custom_clients import broken_consumers
from vapi_conformance.report.effect import effects, heard_of, hearer
from vapi_conformance.specimens import base

SOURCE = """
from vapi_conformance.consumers import Heard, HeardText, HeardToolCall, Outcome
from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.report.custom_clients import Consumer


def hear(exchange):
    text = HeardText(text=exchange.body.decode()[:7], at_ns=None)
    return Heard(outcome=Outcome.SPOKEN, texts=(text,))


CONSUMER = Consumer(library="ACME's robot 2.1", hear=hear, dialects=CHAT, known="read in its source")
"""
BROKEN = "the consumer acme of acme-conformance 1.2 cannot be used: "
ACME = platform_name("acme")
STREAM = base("text-stream")[0]
WHOLE = base("text-json")[0]
SENTENCE = "ACME's robot 2.1: 7 characters, then the end (read in its source; added by acme-conformance 1.2)"


def acme(folder: Path, source: str = SOURCE, *, name: str = "acme") -> Path:
    return installed(folder, points={"consumers": {name: "acme_ears:CONSUMER"}}, modules={"acme_ears.py": source})


def heard_at(platform: PlatformName, dialect: Dialect = Dialect.OPENAI_COMPATIBLE) -> Evidence:
    return Evidence(exchange=STREAM, dialect=dialect, conditions=Conditions(platform=platform))


@pytest.fixture
def everywhere(tmp_path: Path) -> Iterator[None]:
    with with_distribution(acme(tmp_path)):
        yield


@pytest.fixture
def at_acme(tmp_path: Path) -> Iterator[None]:
    with with_distribution(acme(tmp_path, SOURCE.replace("dialects=CHAT", "dialects=CHAT, platforms=['acme']"))):
        yield


@pytest.mark.usefixtures("everywhere")
class TestForAnybody:
    @pytest.mark.parametrize("platform", [*PLATFORMS, ACME])
    def test_its_hearing_stands_behind_ours(self, platform: PlatformName) -> None:
        ours, acme = effects(heard_at(platform))
        assert None is ours.origin
        assert ("acme", SENTENCE, "heard", "inferred", "acme-conformance 1.2") == (
            acme.consumer,
            acme.sentence,
            acme.what,
            acme.sureness,
            str(acme.origin),
        )

    def test_it_is_not_asked_about_other_dialects(self) -> None:
        assert "acme" not in {each.name for each in clients_of(Dialect.ANTHROPIC_MESSAGES)}

    def test_what_it_has_no_way_for_it_does_not_hear(self) -> None:
        assert () == effects(Evidence(exchange=WHOLE))

    def test_it_is_one_of_all_that_are_modelled(self) -> None:
        assert "acme" == every_client(Dialect.OPENAI_COMPATIBLE)[-1].name

    def test_who_hears_is_still_whoever_called(self) -> None:
        assert "Vapi" == hearer(heard_at("vapi"))
        assert {"heard": 1} == heard_of([heard_at("vapi")])


@pytest.mark.usefixtures("at_acme")
class TestForAPlatform:
    def test_it_is_the_platforms_ears(self) -> None:
        assert ["acme", "openai-node"] == [each.consumer for each in effects(heard_at(ACME))]
        assert "ACME's robot 2.1" == hearer(heard_at(ACME))

    @pytest.mark.parametrize("platform", PLATFORMS)
    def test_it_is_not_heard_at_others(self, platform: PlatformName) -> None:
        assert ["acme"] != [each.consumer for each in effects(heard_at(platform))][1:]


def test_it_does_not_come_before_ours_where_the_platform_is_ours(tmp_path: Path) -> None:
    with with_distribution(acme(tmp_path, SOURCE.replace("dialects=CHAT", "dialects=CHAT, platforms=['rapida']"))):
        assert [RAPIDA.name, "acme"] == [each.consumer for each in effects(heard_at("rapida"))]


class TestBroken:
    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
            ("CONSUMER = 3", "it names a int, and not a Consumer"),
            (SOURCE.replace("dialects=CHAT", "dialects=[]"), "it reads no dialect in which a model is asked"),
            (
                SOURCE.replace("dialects=CHAT", "dialects=[Dialect.VAPI_SERVER_MESSAGES]"),
                "it reads no dialect in which a model is asked",
            ),
            (SOURCE.replace("known=", "sureness='certain', known="), "its sureness is none of documented, observed,"),
            (SOURCE.replace("known=", "platforms=[7], known="), "its library, known and platforms are not all texts"),
            (SOURCE.replace('"read in its source"', "None"), "its library, known and platforms are not all texts"),
        ],
    )
    def test_is_left_out_and_told(self, tmp_path: Path, source: str, why: str) -> None:
        with with_distribution(acme(tmp_path, source)):
            assert ["vapi"] == [each.consumer for each in effects(heard_at("vapi"))]
            (problem,) = broken_consumers()
        assert str(problem).startswith(BROKEN + why)

    @pytest.mark.parametrize(
        "name", sorted({each.name for dialect in EVERY for each in every_client(dialect)} | {VAPI.name})
    )
    def test_a_name_of_ours_is_not_for_others(self, tmp_path: Path, name: str) -> None:
        with with_distribution(acme(tmp_path, name=name)):
            (problem,) = broken_consumers()
        assert str(problem).endswith("cannot be used: vapi-conformance has one of that name already")

    def test_of_two_with_one_name_the_second_is_left_out(self, tmp_path: Path) -> None:
        other = installed(tmp_path / "o", name="other", points={"consumers": {"acme": "nowhere"}})
        with with_distribution(acme(tmp_path / "a"), other):
            (problem,) = broken_consumers()
        told = "the consumer acme of other 1.2 cannot be used: acme-conformance 1.2 has one of that name already"
        assert told == str(problem)

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("raise KeyError('x')", "KeyError: 'x'"),
            ("return None", "TypeError: it gives a NoneType in place of a Heard"),
            ("return Heard(outcome='spoken')", "TypeError: it gives a Heard with a field of another type"),
            (
                "return Heard(outcome=Outcome.SPOKEN, texts=('a',))",
                "TypeError: it gives a Heard whose texts or tool calls are of another type",
            ),
            (
                "return Heard(outcome=Outcome.SPOKEN, texts=(HeardText(text=b'a', at_ns=None),))",
                "TypeError: it gives a Heard with a field of another type",
            ),
            ("return Heard(outcome=Outcome.FAILED, error=3)", "TypeError: it gives a Heard with a field of another"),
            (
                (
                    "call = HeardToolCall(index=0, id=1, name='x', arguments='', at_ns=None)\n"
                    "    return Heard(outcome=Outcome.TOOL_CALL, tool_calls=(call,))"
                ),
                "TypeError: it gives a Heard with a field of another type",
            ),
        ],
    )
    def test_when_it_hears_says_that_nothing_is_known(self, tmp_path: Path, body: str, why: str) -> None:
        head, _, rest = SOURCE.partition("    text = ")
        source = f"{head}    {body}\n\n\n{rest[rest.index('CONSUMER') :]}"
        with with_distribution(acme(tmp_path, source)):
            ours, acme_effect = effects(heard_at("rapida"))
        assert ("heard", "unknown") == (ours.what, acme_effect.what)
        told = f"nothing is known, because the model failed (a bug of acme-conformance 1.2: {why}"
        assert acme_effect.text.startswith(told)
