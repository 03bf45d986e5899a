"""Made-up words for the placeholders of a call scenario: {name}, {city}, {company}, {word}."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Final

from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["filled", "own_words", "placeholders"]

_BEGINNINGS: Final = ("bra", "dro", "fel", "gri", "klo", "mar", "nev", "pil", "quo", "sta", "tru", "vix", "wum", "zor")
_ENDINGS: Final = ("beck", "dish", "fant", "gole", "kith", "lusk", "mond", "nard", "pell", "rick", "sond", "tack")


def own_words(count: int, seed: int) -> tuple[str, ...]:
    """Words that are in no dictionary and that nobody says by chance, each once; 168 at most."""
    every = [beginning + ending for beginning in _BEGINNINGS for ending in _ENDINGS]
    return tuple(Random(seed).sample(every, count))  # noqa: S311 - reproducible, not secret


def placeholders(seed: int, locale: str, word: str) -> Mapping[str, str]:
    """What stands for each placeholder in one call; the same seed gives the same."""
    return {"{name}": _made_up(seed, locale, "name"), **_places(seed, locale), "{word}": word}


def _places(seed: int, locale: str) -> Mapping[str, str]:
    return {f"{{{kind}}}": _made_up(seed, locale, kind) for kind in ("city", "company")}


@cache
def _made_up(seed: int, locale: str, kind: str) -> str:
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(seed)
    make: Mapping[str, Callable[[], str]] = {"name": fake.name, "city": fake.city, "company": fake.company}
    return make[kind]()


def filled(value: object, values: Mapping[str, str]) -> object:
    """A JSON value with the placeholders in its strings replaced; keys stay as they are."""
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(name, text)
        return value
    members = object_or_none(value)
    if members is not None:
        return {key: filled(each, values) for key, each in members.items()}
    elements: Sequence[object] | None = array_or_none(value)
    return value if elements is None else [filled(each, values) for each in elements]
