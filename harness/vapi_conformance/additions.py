"""What other distributions add to ours: found by entry point, loaded when it is asked for, told when it is broken.

Finding reads the metadata of what is installed and imports nothing of it. What is loaded is a stranger's code and may
fail in any way; then one sentence names the distribution, and whoever asked decides whether the run can do without.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Final, Literal

from vapi_conformance.problems import UsageError

__all__ = ["Addition", "AdditionError", "Group", "Origin", "additions", "one_sentence", "shown_origin"]

Group = Literal["rules", "platforms", "consumers"]
_NOUNS: Final[dict[Group, str]] = {"rules": "rules", "platforms": "platform", "consumers": "consumer"}
_LONGEST: Final = 300
"""Characters of an error that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which distribution something comes from."""

    distribution: str
    version: str
    package: str | None
    """The importable package that the entry point's module belongs to: what comes as files lies there. None: none."""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


class AdditionError(UsageError):
    """It cannot be used; the text names the distribution, the entry point and the reason."""

    def __init__(self, name: str, sentence: str) -> None:
        self.name = name
        """Of the entry point."""
        super().__init__(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """One entry point of another distribution."""

    group: Group
    name: str
    """Of the entry point: the prefix of rule ids, the name of a platform or of a consumer."""
    distribution: str
    version: str
    _point: EntryPoint = field(repr=False)

    def __str__(self) -> str:
        """For people."""
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> object:
        """What the entry point names. Raises AdditionError, whatever its module does when it is imported."""
        try:
            return self._point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as problem:
            raise self.broken(one_sentence(problem)) from problem

    def origin(self) -> Origin:
        """Only of what could be loaded."""
        return Origin(distribution=self.distribution, version=self.version, package=_package(self._point.module))

    def broken(self, why: str) -> AdditionError:
        """To be raised. why: the end of the sentence."""
        return AdditionError(self.name, f"the {_NOUNS[self.group]} {self.name} of {self} cannot be used: {why}")


def _package(module: str) -> str | None:
    """The module itself where it is a package, else the one that it stands in, if any."""
    spec = find_spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return module if is_package else module.rpartition(".")[0] or None


def additions(group: Group) -> tuple[Addition, ...]:
    """All that are installed, by name and then by distribution: the same order on every machine."""
    return tuple(each for each in _all() if each.group == group)


@cache
def _all() -> tuple[Addition, ...]:
    """One walk over the metadata serves all groups: it takes some ten milliseconds."""
    points = entry_points()
    found = [
        Addition(group=group, name=point.name, distribution=name, version=version, _point=point)
        for group in _NOUNS
        for point in points.select(group=f"vapi_conformance.{group}")
        for name, version in [_distribution(point)]
    ]
    return tuple(sorted(found, key=lambda each: (each.group, each.name, each.distribution)))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Metadata may be damaged, too."""
    try:
        if point.dist is not None:
            return str(point.dist.name), str(point.dist.version)
    except Exception:  # noqa: BLE001, S110 - it has no name then, and that is what is told
        pass
    return f"a distribution without a name ({point.value})", ""


def shown_origin(origin: Origin | None) -> str | None:
    """For documents; None: it is ours."""
    return None if origin is None else str(origin)


def one_sentence(problem: BaseException) -> str:
    """An exception in one line of bounded length."""
    line = " ".join(f"{type(problem).__name__}: {problem}".split()).rstrip(": ")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
