"""What is published once and never changed: a file by its name, which documents refer to by name and digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

__all__ = ["Published", "checked_record", "named_by"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """An edition of something."""

    name: str
    """That of its file, without `.json`."""
    digest: str
    """`sha256:` and the SHA-256 of its canonical JSON."""

    @property
    def reference(self) -> dict[str, object]:
        """How documents name it."""
        return {"name": self.name, "digest": self.digest}


_Edition = TypeVar("_Edition", bound=Published)


def checked_record(document: object, file: str, *, schema: str) -> Mapping[str, object]:
    """The document of a file, after its schema and with the file's name. Raises ValueError: it was touched."""
    for problem in errors(schema, document)[:1]:
        raise ValueError(f"{file}: {problem.pointer}: {problem.message}")
    record = object_or_nothing(document)
    if f"{record['name']}.json" != file:
        raise ValueError(f"{file}: is called {record['name']} inside")
    return record


def named_by(
    reference: Mapping[str, object], known: Mapping[str, _Edition], *, what: str, is_one: bool = True
) -> _Edition:
    """The edition that a document names. Raises UsageError where this installation has none of that name and digest.

    what: in words, with its article. is_one: whether these words are singular.
    """
    name, digest = str(reference.get("name")), reference.get("digest")
    found = known.get(name)
    if found is None:
        raise UsageError(
            f"{what} {name} {'is' if is_one else 'are'} none of this release's ({', '.join(known)}); "
            "take the release that issued the certificate, or a later one"
        )
    if found.digest != digest:
        has = "has" if is_one else "have"
        raise UsageError(f"{what} {name} {has} another digest here ({found.digest}) than is asked for")
    return found
