import re
from dataclasses import fields
from datetime import datetime
from uuid import UUID

import pytest

from vapi_conformance.platforms.vapi import Caller, Era
from vapi_conformance.schema import errors

SEEDS = range(25)
FICTIONAL = re.compile(r"\+1[2-9]\d\d55501\d\d|\+447700900\d{3}|\+3363998\d{4}")


class TestCaller:
    def test_is_the_same_for_the_same_seed(self) -> None:
        assert Caller.from_seed(3) == Caller.from_seed(3)

    def test_is_another_in_everything_for_another_seed(self) -> None:
        one, other = Caller.from_seed(1, locale="en_US"), Caller.from_seed(2, locale="en_US")
        same = {each.name for each in fields(Caller) if getattr(one, each.name) == getattr(other, each.name)}
        assert {"locale"} == same

    @pytest.mark.parametrize("seed", SEEDS)
    def test_calls_from_a_number_that_is_never_assigned(self, seed: int) -> None:
        caller = Caller.from_seed(seed)
        assert FICTIONAL.fullmatch(caller.number)
        assert FICTIONAL.fullmatch(caller.assistant_number)

    @pytest.mark.parametrize(("locale", "prefix"), [("en_US", "+1"), ("en_GB", "+44"), ("fr_FR", "+33")])
    def test_has_a_number_of_the_country(self, locale: str, prefix: str) -> None:
        assert Caller.from_seed(1, locale=locale).number.startswith(prefix)

    def test_come_from_every_country(self) -> None:
        assert {"en_US", "en_GB", "fr_FR"} == {Caller.from_seed(seed).locale for seed in SEEDS}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_has_a_call_id_ordered_by_time(self, seed: int) -> None:
        caller = Caller.from_seed(seed)
        identifier = UUID(caller.call_id)
        assert (7, "specified in RFC 4122") == (identifier.version, identifier.variant)
        assert int(caller.started_at.timestamp() * 1000) == identifier.int >> 80
        assert caller.started_at == datetime.fromisoformat(caller.timestamp)

    @pytest.mark.parametrize("era", Era)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_makes_call_objects_of_the_eras_shape(self, seed: int, era: Era) -> None:
        assert () == errors("vapi/call", Caller.from_seed(seed).call(era))

    @pytest.mark.parametrize(("era", "kind"), [(Era.PHONE_2026, "inboundPhoneCall"), (Era.WEB_2026, "webCall")])
    def test_says_how_the_call_came(self, era: Era, kind: str) -> None:
        assert kind == Caller.from_seed(1).call(era)["type"]

    def test_the_number_dialled_follows_its_schema(self) -> None:
        assert () == errors("vapi/phone-number", Caller.from_seed(1).phone_number())
        assert () == errors("vapi/customer", Caller.from_seed(1).customer())

    def test_credentials_of_2024_have_38_keys_and_a_key_of_another_vendor(self) -> None:
        found = Caller.from_seed(1).credentials_2024("custom-llm")
        assert ([38, 38], ["custom-llm", "playht"]) == (
            [len(each) for each in found],
            [each["provider"] for each in found],
        )
        assert all(str(each["apiKey"]).startswith("made-up-key-") for each in found)
