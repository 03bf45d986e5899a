"""Scenarios of server messages: every file follows its schema, and every message in them can be built."""

import json
from pathlib import Path

import pytest

from vapi_conformance import webhook_scenario
from vapi_conformance.data import data_dir
from vapi_conformance.json_file import read_json
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors
from vapi_conformance.webhook_scenario import WebhookStep, all_webhook_scenarios

FILES = sorted((data_dir("fixtures") / "scenarios" / "webhooks").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestFiles:
    def test_follow_the_schema(self, path: Path) -> None:
        assert () == errors("harness/webhook-scenario", read_json(path))

    def test_have_steps_of_different_names(self, path: Path) -> None:
        names = [step.name for step in all_webhook_scenarios()[f"webhooks/{path.stem}"].steps]
        assert len(names) == len(set(names))

    def test_are_named_by_a_rule(self, path: Path) -> None:
        named = {name for rule in all_rules().values() for name in rule.scenarios}
        assert f"webhooks/{path.stem}" in named


class TestCatalogue:
    def test_is_what_the_folder_holds(self) -> None:
        assert [f"webhooks/{path.stem}" for path in FILES] == list(all_webhook_scenarios())

    def test_has_every_scenario_that_a_rule_names(self) -> None:
        named = {name for rule in all_rules().values() for name in rule.scenarios if name.startswith("webhooks/")}
        assert named == set(all_webhook_scenarios())

    def test_what_a_step_does_not_say_is_the_ordinary(self) -> None:
        first = all_webhook_scenarios()["webhooks/tool-calls"].steps[0]
        assert WebhookStep(name="one", message="tool-calls") == first

    def test_what_is_to_be_refused_needs_a_key(self) -> None:
        for each in all_webhook_scenarios().values():
            refused = any(step.expects == "refusal" or step.key != "right" for step in each.steps)
            assert each.requires_key == refused


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose only fixtures are what the test writes."""
    inside = tmp_path / "scenarios" / "webhooks"
    inside.mkdir(parents=True)

    def data_dir_of_test(_: object) -> Path:
        return tmp_path

    monkeypatch.setattr(webhook_scenario, "data_dir", data_dir_of_test)
    return inside


class TestDamage:
    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ({}, "a.json: : 'scenario' is a required property"),
            (
                {"scenario": "webhooks/b", "about": "Another name.", "steps": [{"step": "s", "message": "hang"}]},
                "is called",
            ),
            ({"scenario": "webhooks/a", "about": "No steps at all.", "steps": []}, "a.json: /steps"),
        ],
    )
    def test_is_told_with_the_file(self, folder: Path, document: object, told: str) -> None:
        (folder / "a.json").write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(ValueError, match=told):
            all_webhook_scenarios.__wrapped__()
