"""The JSON Schemas of `schemas/`: a fast answer, and an explanation for the instances that fail.

A schema is named by its path below `schemas/` without `.json`: `openai/chat-completion-chunk`. All are draft
2020-12. They refer to each other by relative path (`"$ref": "chat-usage.json#/$defs/tokens"`), which editors
follow too, and therefore carry no `$id`: here each is known by a URI of its own (`_ROOT`) in a reserved domain.

Two annotations give errors an owner:

* `"x-rule": "<rule id>"` on a subschema claims every error below it that no deeper `x-rule` claims;
* `"x-rule-missing": "<rule id>"` on a property claims the `required` error about it, before its `x-rule` does.

A forbidden property is written `{"not": {}}`, not `false`: jsonschema says neither where a `false` failed nor why.

Answers come from jsonschema_rs; only an invalid instance pays for jsonschema and its words. Schemas of others (a
user's tool, say) are not this module's business.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urldefrag, urljoin, urlsplit

import jsonschema
import jsonschema_rs
from jsonschema import exceptions, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from vapi_conformance.data import data_dir
from vapi_conformance.narrow import (
    array_or_nothing,
    is_deeper_than,
    object_or_none,
    object_or_nothing,
    string_or_none,
)

__all__ = ["FORMATS", "SchemaError", "errors", "is_valid", "schema"]

_ROOT = "https://vapi-conformance.invalid/schemas/"  # never fetched: both libraries ask our retriever
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LONGEST_VALUE = 60
_LONGEST_MESSAGE = 400
_DEEPEST = 64
"""Levels of nesting that are looked into. Both libraries recurse, and jsonschema_rs ends the process, not the call,
when its stack is used up. No payload of these APIs comes near."""
_LONG_ARRAY = 64
"""Elements. In a longer array those that the fast validator takes are not walked through to explain another."""
_MOST_ERRORS = 1000
"""Faults of one instance that are explained, each in half a millisecond; a document with more is told by these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaError:
    """One place where an instance breaks its schema."""

    pointer: str
    """Where in the instance, RFC 6901; empty for the whole document."""
    message: str
    """jsonschema's sentence, long values shortened."""
    schema_pointer: str
    """Which keyword, as a pointer along the evaluation (references followed silently)."""
    rule: str | None
    """The rule that claims this error, by the deepest `x-rule` on the way to the keyword."""
    expected: str | None = None
    """The deepest `description` on that way: what the schema's author says belongs there."""


def schema(name: str) -> Mapping[str, object]:
    """The parsed schema, without `$schema`. Raises FileNotFoundError when there is none of that name."""
    return _document(_ROOT + name + ".json")


def is_valid(name: str, instance: object) -> bool:
    """Whether parsed JSON matches the schema. Never raises for an instance, however hostile."""
    if is_deeper_than(instance, _DEEPEST):
        return False
    try:
        return _fast(name).is_valid(instance)
    except ValueError:
        # jsonschema_rs takes no lone surrogates; the slow one decides then.
        return not _explained(name, instance)


def errors(name: str, instance: object) -> tuple[SchemaError, ...]:
    """What is wrong with the instance, sorted by pointer, the first thousand faults at most; empty when it is valid."""
    if is_deeper_than(instance, _DEEPEST):
        message = f"nested more than {_DEEPEST} levels deep"
        return (SchemaError(pointer="", message=message, schema_pointer="", rule=None),)
    try:
        if _fast(name).is_valid(instance):
            return ()
        fast_decided = True
    except ValueError:
        fast_decided = False
    found = _explained(name, instance)
    if not found and fast_decided:
        # Must not happen (a test compares the two); an invalid instance is never passed off as valid.
        return (SchemaError(pointer="", message="does not match its schema", schema_pointer="", rule=None),)
    return found


def _is_absolute_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


FORMATS: Mapping[str, Callable[[str], bool]] = {"http-url": _is_absolute_http_url}
"""Formats asserted by both validators with this one implementation. Standard formats are not used: the two
libraries disagree about them. `http-url`: an absolute http or https URL with a host."""


@cache
def _document(uri: str) -> Mapping[str, object]:
    if not uri.startswith(_ROOT):
        raise LookupError(f"schemas refer to each other by relative path only, not to {uri}")
    path = data_dir("schemas") / Path(*uri.removeprefix(_ROOT).split("/"))
    document: object = json.loads(path.read_text(encoding="utf-8"))
    found = object_or_none(document)
    if found is None or found.get("$schema", _DIALECT) != _DIALECT:
        raise TypeError(f"{path} holds no schema of {_DIALECT}")
    # jsonschema would take `$schema` as an order to go on with its own class, without our patterns and numbers.
    return {key: value for key, value in found.items() if key != "$schema"}


def _fast(name: str) -> jsonschema_rs.Draft202012Validator:
    return _fast_at(f"{_ROOT}{name}.json")


@cache
def _fast_at(place: str) -> jsonschema_rs.Draft202012Validator:
    def retrieve(uri: str) -> dict[str, object]:
        return dict(_document(uri))

    formats: dict[str, Callable[..., bool]] = dict(FORMATS)
    return jsonschema_rs.Draft202012Validator(
        {"$ref": place},
        retriever=retrieve,
        formats=formats,
        validate_formats=True,
        ignore_unknown_formats=False,
    )


def _is_number(_checker: object, instance: object) -> bool:
    # JSON has no NaN and no infinity (RFC 8259, 6); Python's parser lets both through.
    if isinstance(instance, float):
        return isfinite(instance)
    return isinstance(instance, int) and not isinstance(instance, bool)


def _pattern(_validator: object, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    # Patterns are ECMA-262's, where a final $ is the very end and \d an ASCII digit; Python's differ.
    strict = pattern[:-1] + r"\Z" if pattern.endswith("$") and not pattern.endswith(r"\$") else pattern
    flags = 0 if r"\s" in pattern.lower() else re.ASCII
    if isinstance(instance, str) and not re.search(strict, instance, flags):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


class _Explaining(Protocol):
    """What we use of a jsonschema validator; its stubs are untyped where it matters."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...

    def descend(self, instance: object, schema: object, path: int) -> Iterator[ValidationError]: ...


_Keyword = Callable[[_Explaining, object, object, Mapping[str, object]], Iterable[ValidationError]]


def _items(
    validator: _Explaining, items: object, instance: object, schema: Mapping[str, object]
) -> Iterator[ValidationError]:
    elements = array_or_nothing(instance)
    _, place = _item_places().get(id(items), (None, None)) if len(elements) > _LONG_ARRAY else (None, None)
    if place is None or "prefixItems" in schema:
        every = cast("Mapping[str, _Keyword]", jsonschema.Draft202012Validator.VALIDATORS)["items"]
        yield from every(validator, items, instance, schema)
        return
    for at, element in enumerate(elements):
        if not _is_taken(place, element):
            yield from validator.descend(instance=element, schema=items, path=at)


def _is_taken(place: str, element: object) -> bool:
    try:
        return _fast_at(place).is_valid(element)
    except ValueError:
        return False


@cache
def _item_places() -> Mapping[int, tuple[object, str]]:
    """Where each schema of an array's elements stands, by its identity, which lasts as long as it is kept here."""
    folder = data_dir("schemas")
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))
    found = (each for name in names for each in _places_of_items(_document(_ROOT + name), f"{_ROOT}{name}#"))
    return {id(items): (items, place) for items, place in found}


def _places_of_items(value: object, place: str) -> Iterator[tuple[object, str]]:
    for key, below in object_or_nothing(value).items():
        below_place = place + _pointer((key,))
        if key == "items" and object_or_none(below) is not None:
            yield below, below_place
        yield from _places_of_items(below, below_place)
    for at, below in enumerate(array_or_nothing(value)):
        yield from _places_of_items(below, f"{place}/{at}")


@cache
def _slow(name: str) -> _Explaining:
    def retrieve(uri: str) -> object:
        return DRAFT202012.create_resource(_document(uri))

    checker = jsonschema.FormatChecker(formats=())
    for format_name, check in FORMATS.items():
        checker.checks(format_name)(_for_strings(check))
    base = jsonschema.Draft202012Validator
    extend = cast("Callable[..., Callable[..., _Explaining]]", getattr(validators, "extend"))  # noqa: B009 - untyped
    validator = extend(
        base, {"pattern": _pattern, "items": _items}, type_checker=base.TYPE_CHECKER.redefine("number", _is_number)
    )
    # mypy does not see through attrs' alias of the private field that `retrieve=` sets.
    registry = cast("Callable[..., object]", Registry)(retrieve=retrieve)
    return validator({"$ref": f"{_ROOT}{name}.json"}, registry=registry, format_checker=checker)


def _for_strings(check: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or check(value)


def _explained(name: str, instance: object) -> tuple[SchemaError, ...]:
    found = [_translated(name, error) for error in islice(_slow(name).iter_errors(instance), _MOST_ERRORS)]
    return tuple(sorted(found, key=lambda each: (_sort_key(each.pointer), each.schema_pointer)))


def _translated(name: str, error: ValidationError) -> SchemaError:
    nodes = _way(name, tuple(error.absolute_schema_path), error)
    missing = _missing_property(error, nodes[-1]) if nodes else ()
    annotated = [*(each.schema.get("x-rule") for each in nodes)]
    for node in reversed(missing):
        annotated += [node.schema.get("x-rule"), node.schema.get("x-rule-missing")]
    described = [each.schema.get("description") for each in (*nodes, *reversed(missing))]
    return SchemaError(
        pointer=_pointer(tuple(error.absolute_path)),
        message=_message(error),
        schema_pointer=_pointer(tuple(error.absolute_schema_path)),
        rule=_last_string(annotated),
        expected=_last_string(described),
    )


def _last_string(values: Sequence[object]) -> str | None:
    return next((value for value in reversed(values) if isinstance(value, str)), None)


_BestMatch = Callable[[Iterable[ValidationError]], ValidationError | None]


def _message(error: ValidationError) -> str:
    message = _shortened(error)
    if error.validator in {"anyOf", "oneOf"} and error.context:
        best_match = cast("_BestMatch", getattr(exceptions, "best_match"))  # noqa: B009 - untyped
        nearest = best_match(error.context)
        if nearest is not None:
            where = _pointer(tuple(nearest.relative_path))
            message += f"; nearest: {_shortened(nearest)}" + (f" (at {where})" if where else "")
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE - 1] + "…"
    return message


def _shortened(error: ValidationError) -> str:
    whole = repr(cast("object", error.instance))
    if len(whole) <= _LONGEST_VALUE:
        return error.message
    return error.message.replace(whole, whole[: _LONGEST_VALUE - 1] + "…", 1)


def _pointer(path: Sequence[object]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _sort_key(pointer: str) -> tuple[tuple[bool, int, str], ...]:
    """Array indexes in numeric order (the shorter numeral is the smaller number), before names."""
    return tuple((not part.isdecimal(), len(part) if part.isdecimal() else 0, part) for part in pointer.split("/"))


# --- from an error back to the subschemas on its way -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Node:
    """A subschema and the file it stands in, which its references are relative to."""

    uri: str
    schema: Mapping[str, object]


def _way(name: str, path: tuple[object, ...], error: ValidationError) -> tuple[_Node, ...]:
    """The subschemas from the root to the one whose keyword failed, outermost first.

    jsonschema leaves `$ref` out of its paths, and a keyword may stand beside a `$ref` as well as behind it; the
    right way is the one that ends at the very object jsonschema was in.
    """
    uri = f"{_ROOT}{name}.json"
    target = cast("object", error.schema)
    for way in _ways(_Node(uri, _document(uri)), path):
        if way[-1].schema is target:
            return way
    return ()


def _ways(node: _Node, path: tuple[object, ...]) -> Iterator[tuple[_Node, ...]]:
    if len(path) <= 1:
        yield (node,)
    if path and isinstance(path[0], str) and path[0] in node.schema:
        for following, rest in _stepped(node, path):
            for way in _ways(following, rest):
                yield (node, *way)
    referred = _referred(node)
    if referred is not None:
        for way in _ways(referred, path):
            yield (node, *way)


def _stepped(node: _Node, path: tuple[object, ...]) -> Iterator[tuple[_Node, tuple[object, ...]]]:
    """Subschemas directly below: the value of a keyword, or an entry of it (`properties`, `anyOf`, ...)."""
    below = node.schema[str(path[0])]
    direct = object_or_none(below)
    if direct is not None:
        yield _Node(node.uri, direct), path[1:]
    key = path[1] if len(path) > 1 else None
    entry: object = None
    if isinstance(key, str):
        entry = object_or_nothing(below).get(key)
    elif isinstance(key, int):
        entries = array_or_nothing(below)
        entry = entries[key] if key < len(entries) else None
    subschema = object_or_none(entry)
    if subschema is not None:
        yield _Node(node.uri, subschema), path[2:]


def _referred(node: _Node) -> _Node | None:
    reference = string_or_none(node.schema.get("$ref"))
    if reference is None:
        return None
    uri, fragment = urldefrag(urljoin(node.uri, reference) if not reference.startswith("#") else node.uri + reference)
    found: object = _document(uri)
    for part in fragment.split("/")[1:]:
        found = object_or_nothing(found).get(part.replace("~1", "/").replace("~0", "~"))
    subschema = object_or_none(found)
    return None if subschema is None else _Node(uri, subschema)


def _missing_property(error: ValidationError, holder: _Node) -> tuple[_Node, ...]:
    """Where the property that a `required` error is about is described: there, then what it refers to."""
    if error.validator != "required":
        return ()
    required = array_or_nothing(cast("object", error.validator_value))
    missing = next((each for each in required if error.message.startswith(f"{each!r} is ")), None)
    described = object_or_none(object_or_nothing(holder.schema.get("properties")).get(str(missing)))
    node = None if described is None else _Node(holder.uri, described)
    found: list[_Node] = []
    while node is not None:
        found.append(node)
        node = _referred(node)
    return tuple(found)
