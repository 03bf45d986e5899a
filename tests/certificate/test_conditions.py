"""What a reader is told of the conditions by which a certificate was judged."""

import pytest

from vapi_conformance.certificate.conditions import fixed_before, unusual
from vapi_conformance.evidence import Conditions
from vapi_conformance.speech import ChunkPlan


@pytest.mark.parametrize(("platform", "timeout_s"), [("vapi", 20.0), ("rapida", 60.0), ("direct", 60.0)])
def test_nothing_is_told_of_those_that_the_platform_has(platform: str, timeout_s: float) -> None:
    assert [] == unusual(fixed_before(Conditions(timeout_s=timeout_s)), platform=platform)


def test_a_longer_patience_is_told_with_the_usual_one() -> None:
    fixed = fixed_before(Conditions(timeout_s=600.0))
    assert ["with a timeout of 600 s, where 20 s are usual for vapi"] == unusual(fixed, platform="vapi")


def test_of_platforms_that_are_not_ours_it_is_always_told() -> None:
    assert ["with a timeout of 20 s"] == unusual(fixed_before(Conditions()), platform="acme")


def test_another_chunk_plan_is_told() -> None:
    fixed = fixed_before(Conditions(chunk_plan=ChunkPlan(min_characters=80)))
    assert ["with a chunk plan of its own"] == unusual(fixed, platform="vapi")
