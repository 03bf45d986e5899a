"""What judging depends on besides the bytes, as a document: the platform's limits, and remarks on the set-up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast

from vapi_conformance.evidence import Conditions
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.calling import PlatformName
from vapi_conformance.speech import ChunkPlan

__all__ = ["Circumstances"]

_FORMAT: Final = "vapi-conformance/conditions"


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
        plan = self.conditions.chunk_plan
        return {
            "format": _FORMAT,
            "version": 1,
            **{name: value for name, value in found.items() if name not in ("platform", "chunk_plan")},
            "chunk_plan": {
                "enabled": plan.enabled,
                "minCharacters": plan.min_characters,
                "punctuationBoundaries": list(plan.punctuation_boundaries),
            },
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
