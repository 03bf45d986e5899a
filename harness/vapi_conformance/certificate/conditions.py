"""What judging depends on besides the bytes, as a document: the platform's limits, and remarks on the set-up.

Two of them a user may set: how long is waited for a token, and what is handed to text-to-speech when. They are known
before the first request, so they stand in the plan, and whoever reads a certificate is told where they are unusual.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast

from vapi_conformance.evidence import Conditions
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.rapida.platform import TIMEOUT_S as RAPIDA_TIMEOUT_S
from vapi_conformance.platforms.vapi.assistant import DEFAULT_TIMEOUT_S as VAPI_TIMEOUT_S
from vapi_conformance.speech import ChunkPlan

__all__ = ["Circumstances", "fixed_before", "unusual"]

_FORMAT: Final = "vapi-conformance/conditions"
_TIMEOUTS_S: Final[Mapping[str, float]] = {
    "vapi": VAPI_TIMEOUT_S,
    "rapida": RAPIDA_TIMEOUT_S,
    "direct": Direct.timeout_s,
}
"""Where the user sets none. What platforms of other distributions have is theirs to know."""


def fixed_before(conditions: Conditions) -> dict[str, object]:
    """Those that a user may set, and that are known before the first request; as `conditions.json` has them."""
    plan = conditions.chunk_plan
    return {
        "timeout_s": conditions.timeout_s,
        "chunk_plan": {
            "enabled": plan.enabled,
            "minCharacters": plan.min_characters,
            "punctuationBoundaries": list(plan.punctuation_boundaries),
        },
    }


def unusual(fixed: Mapping[str, object], *, platform: str) -> list[str]:
    """What a reader should know of them, in words: where they are not those of the platform itself.

    fixed: after `fixed_before`.
    """
    found: list[str] = []
    timeout_s, usual_s = cast("float", fixed["timeout_s"]), _TIMEOUTS_S.get(platform)
    if timeout_s != usual_s:
        usual = "" if usual_s is None else f", where {usual_s:g} s are usual for {platform}"
        found.append(f"with a timeout of {timeout_s:g} s{usual}")
    if fixed["chunk_plan"] != fixed_before(Conditions())["chunk_plan"]:
        found.append("with a chunk plan of its own")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The conditions of every exchange, and what was remarked while they were made."""

    conditions: Conditions
    lints: Sequence[str] = ()
    """On the user's configuration, and on what was not played."""
    duration_s: float | None = None

    def to_document(self) -> dict[str, object]:
        """Every figure is written out: a later release may have other defaults."""
        found = asdict(self.conditions)
        return {
            "format": _FORMAT,
            "version": 1,
            **{name: value for name, value in found.items() if name not in ("platform", "chunk_plan")},
            **fixed_before(self.conditions),
            "lints": list(self.lints),
            "duration_s": self.duration_s,
        }

    @classmethod
    def of_document(cls, fields: Mapping[str, object], *, platform: PlatformName) -> "Circumstances":
        """The schema `harness/certificate-conditions` has been checked; casts say what it guarantees."""
        plan = object_or_nothing(fields["chunk_plan"])
        return cls(
            conditions=Conditions(
                timeout_s=cast("float", fields["timeout_s"]),
                hang_s=cast("float", fields["hang_s"]),
                prompt_speech_s=cast("float", fields["prompt_speech_s"]),
                dead_air_s=cast("float", fields["dead_air_s"]),
                characters_per_second=cast("float", fields["characters_per_second"]),
                platform=platform,
                token_lifetime_s=cast("float | None", fields["token_lifetime_s"]),
                chunk_plan=ChunkPlan(
                    enabled=plan["enabled"] is True,
                    min_characters=cast("int", plan["minCharacters"]),
                    punctuation_boundaries=tuple(str(each) for each in array_or_nothing(plan["punctuationBoundaries"])),
                ),
            ),
            lints=[str(each) for each in array_or_nothing(fields["lints"])],
            duration_s=cast("float | None", fields["duration_s"]),
        )
