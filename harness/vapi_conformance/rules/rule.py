"""What a rule is: an id, a level for each profile, a source, what to do about it, and a pure function."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Final, Literal

from vapi_conformance.additions import Origin
from vapi_conformance.dialects.names import EVERY, Dialect

if TYPE_CHECKING:
    from vapi_conformance.dialects.transcript import Chunk
    from vapi_conformance.evidence import Evidence

__all__ = ["MAY", "MUST", "SHOULD", "Level", "Need", "Profile", "Rule", "Violation", "rule", "scenario_rule"]


class Level(IntEnum):
    """RFC 2119. MUST gates, SHOULD warns, MAY informs."""

    MAY = 1
    SHOULD = 2
    MUST = 3


MAY: Final = Level.MAY
SHOULD: Final = Level.SHOULD
MUST: Final = Level.MUST


class Profile(StrEnum):
    """What a verdict is measured against."""

    STANDARD = "standard"
    """The dialect's owner, to the letter."""
    VAPI = "vapi"
    """What Vapi needs."""
    RAPIDA = "rapida"
    """What Rapida needs; where it is known to need nothing else, what the dialect's owner says."""


class Need(StrEnum):
    """What a recording must have kept for a rule to be judged on it."""

    FRAMING = "framing"
    """Event framing and end markers as sent."""
    WIRE = "wire"
    """Body bytes before content coding was undone."""
    HEADERS = "headers"
    """Response headers as sent."""
    TIMES = "times"
    """The time of each read."""
    REQUEST = "request"
    """The request body, as a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which a rule was broken: the server's fault, as a value."""

    expected: str
    actual: str
    step: int = 0
    """Which of the exchanges handed to the check; always 0 for rules on one exchange."""
    chunk: int | None = None
    start: int | None = None
    end: int | None = None
    """Byte range in the body, content coding undone."""
    at_ns: int | None = None
    """Nanoseconds since the request was written."""

    @classmethod
    def at(cls, chunk: "Chunk", *, expected: str, actual: str, step: int = 0) -> "Violation":
        """A violation that a chunk shows."""
        return cls(
            expected=expected,
            actual=actual,
            step=step,
            chunk=chunk.index,
            start=chunk.start,
            end=chunk.end,
            at_ns=chunk.at_ns,
        )


Check = Callable[["Evidence"], Iterable[Violation]]
GroupCheck = Callable[[Sequence["Evidence"]], Iterable[Violation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A requirement. Made by `rule` or `scenario_rule` only."""

    id: str
    statement: str
    """What holds, one sentence: the first paragraph of the check's docstring."""
    standard: Level | None
    vapi: Level | None
    """None: the profile does not have the rule."""
    rapida: Level | Literal["standard"] | None
    """`standard`: nothing is known of Rapida that would make it another level."""
    dialects: frozenset[Dialect]
    """Those that have the rule."""
    both: bool
    """The standard level holds for `openai_compatible` unsoftened."""
    source: str
    """Document and section."""
    catalogue: tuple[str, ...]
    """Rows of the requirement catalogue that this rule covers."""
    remedy: str
    """What to do about a violation, one sentence."""
    needs: frozenset[Need]
    scenarios: tuple[str, ...]
    """Scenarios judged as a group; empty for a rule on single exchanges."""
    optional: bool
    """About something that an endpoint may or may not offer: never shown, it is not applicable and not untestable."""
    applies: Callable[[Sequence["Evidence"]], bool]
    """Whether these exchanges show what the rule is about."""
    check: GroupCheck
    why_unjudged: Callable[[Sequence["Evidence"]], str] | None = None
    """Why exchanges that `applies` turned down show nothing, where more can be said than that."""
    origin: Origin | None = None
    """The distribution that adds it; None: it is ours."""

    def level(self, profile: Profile, dialect: Dialect) -> Level | None:
        """None: not part of that profile. A compatible server's duties are one step softer unless `both`."""
        if dialect not in self.dialects:
            return None
        level = self.level_of(profile)
        own = profile is Profile.VAPI or (profile is Profile.RAPIDA and self.rapida != "standard")
        if level is None or own or self.both or dialect is not Dialect.OPENAI_COMPATIBLE:
            return level
        return Level(max(level - 1, Level.MAY))

    def level_of(self, profile: Profile) -> Level | None:
        """Before anything is softened."""
        if profile is Profile.VAPI:
            return self.vapi
        if profile is Profile.RAPIDA and self.rapida != "standard":
            return self.rapida
        return self.standard


def _statement(check: Callable[..., object]) -> str:
    paragraph = (check.__doc__ or "").strip().split("\n\n")[0]
    if not paragraph:
        raise TypeError(f"{check.__qualname__} needs a docstring: it is the rule's statement")
    return " ".join(paragraph.split())


def rule(  # noqa: PLR0913 - a rule's facts stand in one place, by name
    rule_id: str,
    *,
    standard: Level | None,
    vapi: Level | None = None,
    rapida: Level | Literal["standard"] | None = "standard",
    dialects: Collection[Dialect] = EVERY,
    source: str,
    remedy: str,
    catalogue: Sequence[str] = (),
    both: bool = False,
    needs: Iterable[Need] = (),
    applies: Callable[["Evidence"], bool],
) -> Callable[[Check], Rule]:
    """A rule on single exchanges. `applies`: whether an exchange shows what the rule is about."""

    grouped = scenario_rule(
        rule_id,
        scenarios=(),
        standard=standard,
        vapi=vapi,
        rapida=rapida,
        dialects=dialects,
        both=both,
        source=source,
        catalogue=catalogue,
        remedy=remedy,
        needs=needs,
        optional=True,
        applies=lambda group: applies(group[0]),
    )

    def decorate(check: Check) -> Rule:
        @wraps(check)
        def on_first(group: Sequence["Evidence"]) -> Iterable[Violation]:
            return check(group[0])

        return grouped(on_first)

    return decorate


def scenario_rule(  # noqa: PLR0913 - see rule
    rule_id: str,
    *,
    scenarios: Sequence[str],
    standard: Level | None,
    vapi: Level | None = None,
    rapida: Level | Literal["standard"] | None = "standard",
    dialects: Collection[Dialect] = EVERY,
    source: str,
    remedy: str,
    catalogue: Sequence[str] = (),
    both: bool = False,
    needs: Iterable[Need] = (),
    optional: bool = False,
    applies: Callable[[Sequence["Evidence"]], bool] = bool,
    why_unjudged: Callable[[Sequence["Evidence"]], str] | None = None,
) -> Callable[[GroupCheck], Rule]:
    """A rule on the exchanges of one scenario, in the order of its steps; on those of a call for `calls/NAME`.

    `applies`: whether they show what the rule is about (a model may not have called the tool it was meant to
    call); where no attempt does, the outcome is `untestable`, or not applicable when the rule is `optional`.
    `why_unjudged` then says why, in place of general words; empty where it knows nothing better.
    """

    def decorate(check: GroupCheck) -> Rule:
        return Rule(
            id=rule_id,
            statement=_statement(check),
            standard=standard,
            vapi=vapi,
            rapida=rapida,
            dialects=frozenset(dialects),
            both=both,
            source=source,
            catalogue=tuple(catalogue),
            remedy=remedy,
            needs=frozenset(needs),
            scenarios=tuple(scenarios),
            optional=optional,
            applies=applies,
            check=check,
            why_unjudged=why_unjudged,
        )

    return decorate
