"""Frozen shapes of scenarios: that they are those of today, and that a change is told."""

from dataclasses import replace

import pytest

from vapi_conformance.call_scenario import CALLS, all_call_scenarios
from vapi_conformance.certificate import requirements
from vapi_conformance.certificate.levels import current_levels
from vapi_conformance.certificate.requirements import current_set, known_sets
from vapi_conformance.certificate.shapes import frozen_shapes, read_shapes, shape_drift, text_digest
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.scenario import all_scenarios


def changed(kind: str, place: int, **changes: object) -> dict[str, object]:
    """The document of today, with one scenario or call changed."""
    document = frozen_shapes("2031-01")
    records = [object_or_nothing(each) for each in array_or_nothing(document[kind])]
    records[place] = {**records[place], **changes}
    return {**document, kind: records}


def test_the_newest_shapes_are_those_of_today() -> None:
    """Where not: freeze a new set before the release (`tests/freeze_requirements.py`), and tell the changelog."""
    newest = current_set()
    assert [] == list(shape_drift(newest.shapes, frozen_shapes(newest.name)))


def test_every_scenario_of_the_newest_levels_has_one() -> None:
    levels = current_levels()
    planned = {name for level in levels.names for name in levels.scenarios(level)}
    shapes = current_set().shapes
    assert set() == planned - set(shapes.scenarios) - {CALLS + name for name in shapes.calls}


def test_what_a_scenario_asks_of_a_bundle_is_read_back() -> None:
    shapes = current_set().shapes
    for name, known in all_scenarios().items():
        steps = tuple((each.name, each.expects, each.expired_token) for each in known.steps)
        found = shapes.scenarios[name]
        assert (
            replace(known, about="", steps=(), system=None, together=False),
            steps,
        ) == (
            replace(found, steps=()),
            tuple((each.name, each.expects, each.expired_token) for each in found.steps),
        )


def test_what_a_call_asks_of_a_bundle_is_read_back() -> None:
    shapes = current_set().shapes
    for name, known in all_call_scenarios().items():
        found = shapes.calls[name]
        assert (
            known.callers,
            known.tries,
            known.expects_ended,
            known.expects_tools,
            known.expects_words,
            text_digest(known.document),
        ) == (
            found.callers,
            found.tries,
            found.expects_ended,
            found.expects_tools,
            found.expects_words,
            shapes.texts[name],
        )


def test_what_is_told_about_a_call_is_not_its_text() -> None:
    assert text_digest({"call": "a", "about": "one"}) == text_digest({"call": "a", "about": "other"})
    assert text_digest({"call": "a", "turns": [1]}) != text_digest({"call": "a", "turns": [2]})


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (changed("scenarios", 0, tries=7), "the scenario accept has another tries"),
        (changed("scenarios", 0, steps=[], platforms=["x"]), "the scenario accept has another steps, platforms"),
        (changed("calls", 0, text="sha256:"), f"the call {min(all_call_scenarios())} has another text"),
    ],
    ids=["tries", "several", "call"],
)
def test_a_change_is_told(document: dict[str, object], told: str) -> None:
    assert [told] == list(shape_drift(current_set().shapes, document))


def test_one_that_is_new_and_one_that_is_gone_are_told() -> None:
    document = changed("scenarios", 0, scenario="brand-new")
    assert ["the scenario brand-new is new", "the scenario accept is gone"] == list(
        shape_drift(current_set().shapes, document)
    )


def test_shapes_of_another_form_are_a_damaged_installation() -> None:
    with pytest.raises(ValueError, match="/calls"):
        read_shapes({**frozen_shapes("2031-01"), "calls": []})


def test_so_are_shapes_that_the_set_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed file beside an unchanged set is seen, although certificates name the set alone."""

    def another(_: object) -> str:
        return "sha256:" + "0" * 64

    monkeypatch.setattr(requirements, "digest_of", another)
    with pytest.raises(ValueError, match=r"scenarios/2026-11\.json: is not what 2026-11\.json names"):
        known_sets.__wrapped__()
