# pyright: reportPrivateUsage=false
# The slow validator is compared with the fast one, and caches are emptied around made-up schemas.
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FrameType
from typing import ClassVar

import pytest

from shared_data import Recording, needs_shared, vapi_recordings, wire_recordings
from vapi_conformance import schema as subject
from vapi_conformance.data import data_dir
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.schema import SchemaError, errors, is_valid, schema

MADE_UP: dict[str, object] = {
    "made-up/answer": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "An answer.",
        "x-rule": "root",
        "required": ["id", "choices"],
        "properties": {
            "id": {"type": "string", "x-rule": "id-is-a-string", "x-rule-missing": "id-is-there"},
            "choices": {"type": "array", "items": {"$ref": "parts.json#/$defs/choice"}},
            "url": {"type": "string", "format": "http-url"},
            "extra": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["inside"]}]},
            "nested": {"$ref": "#"},
            "score": {"type": "number"},
            "code": {"pattern": "^\\d+$"},
            "word": {"pattern": "^\\S+$"},
            "legacy": {"x-rule": "legacy", "not": {}, "description": "Gone."},
        },
    },
    "made-up/parts": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {
            "choice": {
                "type": "object",
                "x-rule": "choice",
                "required": ["index"],
                "properties": {"index": {"$ref": "#/$defs/index", "minimum": 0}},
            },
            "index": {"type": "integer", "x-rule": "index", "description": "0 for the first."},
        },
    },
}
NOTHING: dict[str, object] = {}
NO_CHOICES: list[object] = []
SOUND: dict[str, object] = {"id": "a", "choices": NO_CHOICES}


@pytest.fixture
def _made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, content in MADE_UP.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def here(_kind: str) -> Path:
        return tmp_path

    monkeypatch.setattr(subject, "data_dir", here)
    caches = (subject._document, subject._fast_at, subject._slow, subject._item_places)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def only_error(instance: object) -> SchemaError:
    (error,) = errors("made-up/answer", instance)
    return error


@pytest.mark.usefixtures("_made_up")
class TestErrors:
    def test_a_valid_instance_has_none(self) -> None:
        assert () == errors("made-up/answer", SOUND)
        assert is_valid("made-up/answer", SOUND)

    def test_pointers_are_escaped_and_sorted_with_indexes_by_number(self) -> None:
        choices: list[object] = [{"index": 0} for _ in range(11)]
        choices[2] = choices[10] = 1
        found = errors("made-up/answer", {"id": 1, "choices": choices})
        assert ["/choices/2", "/choices/10", "/id"] == [each.pointer for each in found]

    def test_long_values_are_shortened(self) -> None:
        error = only_error({**SOUND, "score": "x" * 10_000})
        assert "'" + "x" * 58 + "… is not of type 'number'" == error.message

    def test_an_error_belongs_to_the_deepest_rule_behind_a_reference(self) -> None:
        error = only_error({"id": "a", "choices": [{"index": "first"}]})
        assert ("index", "0 for the first.") == (error.rule, error.expected)
        assert "/properties/choices/items/properties/index/type" == error.schema_pointer

    def test_a_keyword_beside_a_reference_belongs_to_the_place_of_the_reference(self) -> None:
        assert "choice" == only_error({"id": "a", "choices": [{"index": -1}]}).rule

    def test_a_missing_property_belongs_to_its_own_annotation_first(self) -> None:
        assert "id-is-there" == only_error({"choices": NO_CHOICES}).rule

    def test_a_missing_property_without_annotation_is_looked_up_behind_its_reference(self) -> None:
        error = only_error({"id": "a", "choices": [NOTHING]})
        assert ("/choices/0", "index") == (error.pointer, error.rule)

    def test_a_missing_property_nobody_annotated_belongs_to_the_enclosing_rule(self) -> None:
        assert "root" == only_error({"id": "a"}).rule

    def test_alternatives_are_one_error_that_names_the_nearest_failure(self) -> None:
        error = only_error({**SOUND, "extra": {"outside": 1}})
        assert "/properties/extra/anyOf" == error.schema_pointer
        assert "is not valid under any of the given schemas; nearest: " in error.message

    def test_a_forbidden_property_belongs_to_its_own_annotation(self) -> None:
        error = only_error({**SOUND, "legacy": 1})
        assert ("/legacy", "legacy", "Gone.") == (error.pointer, error.rule, error.expected)

    @pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/", "http://", "https:///path", "http://[::1"])
    def test_our_formats_are_asserted(self, url: str) -> None:
        assert "/url" == only_error({**SOUND, "url": url}).pointer

    @pytest.mark.parametrize("wrong", [{"code": "12\n"}, {"code": "١٢"}, {"word": "a\n"}, {"word": "a\u00a0b"}])
    def test_patterns_mean_what_they_mean_in_javascript(self, wrong: dict[str, object]) -> None:
        assert "does not match" in only_error({**SOUND, **wrong}).message

    def test_standard_formats_are_unknown_so_that_both_validators_agree(self) -> None:
        assert {"http-url"} == set(subject.FORMATS)


@pytest.mark.usefixtures("_made_up")
class TestHostileInstances:
    @pytest.mark.parametrize("levels", [70, 3_000, 100_000])
    @pytest.mark.parametrize("innermost", [SOUND, {"id": 1}])
    def test_deep_nesting_is_one_error(self, levels: int, innermost: object) -> None:
        instance: object = innermost
        for _ in range(levels):
            instance = {"id": "a", "choices": NO_CHOICES, "nested": instance}
        assert "nested more than 64 levels deep" == only_error(instance).message
        assert not is_valid("made-up/answer", instance)

    def test_deep_nesting_within_the_bound_is_looked_into(self) -> None:
        instance: dict[str, object] = {"id": "a"}
        for _ in range(60):
            instance = {"id": "a", "choices": NO_CHOICES, "nested": instance}
        assert "/nested" * 60 == only_error(instance).pointer

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_what_json_cannot_say_is_no_number(self, number: float) -> None:
        assert "/score" == only_error({**SOUND, "score": number}).pointer

    def test_lone_surrogates_are_text(self) -> None:
        assert is_valid("made-up/answer", {"id": "\ud800", "choices": NO_CHOICES, "\udfff": 1})
        assert "/choices" == only_error({"id": "\ud800", "choices": "\ud800"}).pointer

    def test_numbers_of_any_size_are_numbers(self) -> None:
        assert is_valid("made-up/answer", {**SOUND, "score": 10**400})


class TestManyFaults:
    def test_are_told_by_the_first_thousand(self) -> None:
        wrong = {"choices": [{"index": "x"} for _ in range(2000)]}
        assert 1000 == len(errors("openai/chat-completion-chunk", wrong))


class TestLongArrays:
    CHOICE: ClassVar = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}

    def _chunk(self, length: int, **wrong: object) -> dict[str, object]:
        sound = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return {**sound, "choices": [*([self.CHOICE] * length), {**self.CHOICE, **wrong}]}

    def test_are_explained_as_short_ones_are(self) -> None:
        (short,) = errors("openai/chat-completion-chunk", self._chunk(3, index="0"))
        (long,) = errors("openai/chat-completion-chunk", self._chunk(3000, index="0"))
        assert "/choices/3000/index" == long.pointer
        assert replace(short, pointer=long.pointer) == long

    def test_hide_no_fault_behind_text_that_is_no_unicode(self) -> None:
        wrong = self._chunk(100, index="0", delta={"content": "\ud800"})
        assert ["/choices/100/index"] == [each.pointer for each in errors("openai/chat-completion-chunk", wrong)]

    def test_are_not_walked_through_for_one_fault(self) -> None:
        """11 seconds for a stored call with 100,000 events, a dozen steps and more for each."""
        wrong = self._chunk(2000, index="0")
        assert 1 == len(errors("openai/chat-completion-chunk", wrong))  # everything is compiled now
        steps = 0

        def step(frame: FrameType, event: str, _: object) -> None:
            nonlocal steps
            steps += event == "call" and Path(frame.f_code.co_filename).parent.name == "jsonschema"

        before = sys.getprofile()
        sys.setprofile(step)
        try:
            errors("openai/chat-completion-chunk", wrong)
        finally:
            sys.setprofile(before)
        assert steps < 2000


class TestSchema:
    def test_an_unknown_name_is_our_mistake(self) -> None:
        with pytest.raises(FileNotFoundError):
            schema("nobody/has-this")

    def test_a_reference_out_of_the_folder_is_not_fetched(self) -> None:
        with pytest.raises(LookupError, match="by relative path only"):
            subject._document("https://example.com/schema.json")


def all_schemas() -> list[str]:
    """What lies below `harness/levels` are documents, which follow the schema of that name."""
    root = data_dir("schemas")
    names = (path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.json"))
    return sorted(name for name in names if not name.startswith("harness/levels/"))


def keywords(node: object, keyword: str) -> Iterator[object]:
    """Values of a keyword anywhere in a schema; names under `properties` are no keywords."""
    described = object_or_none(node)
    if described is not None:
        for key, value in described.items():
            if key == keyword:
                yield value
            if key in {"properties", "patternProperties", "$defs"}:
                for below in object_or_nothing(value).values():
                    yield from keywords(below, keyword)
            elif key not in {"const", "enum", "examples", "default"}:
                yield from keywords(value, keyword)
    for below in array_or_nothing(node):
        yield from keywords(below, keyword)


@pytest.mark.parametrize("name", all_schemas())
class TestEverySchema:
    def test_uses_our_formats_only(self, name: str) -> None:
        assert set(keywords(schema(name), "format")) <= set(subject.FORMATS)

    def test_forbids_no_property_by_the_schema_false(self, name: str) -> None:
        maps = [*keywords(schema(name), "properties"), *keywords(schema(name), "patternProperties")]
        assert not [each for each in maps if False in object_or_nothing(each).values()]

    def test_has_no_id_and_is_compiled_by_both_validators(self, name: str) -> None:
        assert "$id" not in schema(name)
        instances: tuple[object, ...] = (None, {}, [], "", 0)
        for instance in instances:
            assert is_valid(name, instance) == (not subject._explained(name, instance))


@needs_shared
class TestBothValidators:
    """The fast one decides and the slow one explains, so they must not disagree about real traffic."""

    @pytest.mark.parametrize("name", all_schemas())
    def test_give_the_same_answer(self, name: str) -> None:
        slow = subject._slow(name)
        for instance in json_bodies():
            assert is_valid(name, instance) == (next(iter(slow.iter_errors(instance)), None) is None)


@cache
def json_bodies() -> tuple[object, ...]:
    """One of each kind: the slow validator takes its time, and most chunks differ by an id only."""
    return tuple({json.dumps(kind): kind for kind in map(_kind, _json_bodies())}.values())


def _kind(value: object) -> object:
    """The value with everything but words and small numbers replaced."""
    if isinstance(value, str):
        return value if len(value) < 32 and not re.search(r"[0-9\s]", value) else "Some text."
    if isinstance(value, int | float) and not isinstance(value, bool):
        return type(value)(min(value, 3))
    members = object_or_none(value)
    if members is not None:
        return {key: _kind(each) for key, each in members.items()}
    elements = array_or_none(value)
    return value if elements is None else [_kind(each) for each in elements]


def _json_bodies() -> Iterator[object]:
    for recording in wire_recordings():
        content = recording.load()
        for side in ("request", "response"):
            yield from _bodies_of(content.get(side))
    for recording in vapi_recordings():
        yield recording.load().get("body")


def _bodies_of(side: object) -> Iterator[object]:
    message = object_or_nothing(side)
    if "body" in message:
        yield message["body"]
    text = string_or_none(message.get("body_text"))
    if text is None:
        return
    lines = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")][:3]
    for piece in lines or [text]:
        try:
            yield json.loads(piece)
        except ValueError:
            continue


@needs_shared
def test_recordings_are_found() -> None:
    assert all(isinstance(each, Recording) for each in wire_recordings())
    assert len(wire_recordings("openai_chat_completions__openai__")) > 10
    assert {"01", "35"} <= {each.name[:2] for each in vapi_recordings()}
