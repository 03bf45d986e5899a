"""The schemas of server messages and of their answers."""

import json
from collections.abc import Iterator, Mapping

import jsonschema
import pytest

from vapi_conformance.data import data_dir
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors, schema
from vapi_conformance.specimens import base

ANSWERS = sorted(f"vapi/answers/{path.stem}" for path in (data_dir("schemas") / "vapi" / "answers").glob("*.json"))
NAMES = [*ANSWERS, "vapi/server-message", "vapi/webhook-assistant", "vapi/webhook-credential"]
SHARED = {"vapi/answers/destination", "vapi/answers/refusal"}


def subschemas(node: object) -> Iterator[Mapping[str, object]]:
    record = object_or_nothing(node)
    if record:
        yield record
    for below in (*record.values(), *array_or_nothing(node)):
        yield from subschemas(below)


@pytest.mark.parametrize("name", NAMES)
class TestSchemas:
    def test_follow_the_metaschema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(dict(schema(name)))

    def test_say_their_title_and_where_they_come_from(self, name: str) -> None:
        document = schema(name)
        assert document["title"]
        assert "Vapi" in f"{document.get('description')} {document.get('$comment')}"

    def test_name_rules_that_exist(self, name: str) -> None:
        named = {
            str(node[key])
            for node in subschemas(schema(name))
            for key in ("x-rule", "x-rule-missing")
            if isinstance(node.get(key), str)
        }
        assert set() == named - all_rules().keys()


def test_each_kind_that_asks_has_one() -> None:
    assert set(ANSWERS) - SHARED == {kind.answer for kind in KINDS.values() if kind.answer is not None}


@pytest.mark.parametrize(
    "name",
    [path.stem for path in sorted((data_dir("fixtures") / "specimens" / "bases").glob("webhook-*.json"))],
)
def test_sound_exchanges_follow_them(name: str) -> None:
    for exchange in base(name):
        asked = object_or_nothing(json.loads(exchange.request.body or b"{}"))
        assert () == errors("vapi/server-message", asked)
        kind = KINDS.get(str(object_or_nothing(asked["message"])["type"]))
        expects_answer = exchange.label is None or exchange.label.expects == "answer"
        if kind is not None and kind.answer is not None and expects_answer:
            assert () == errors(kind.answer, json.loads(exchange.body))
