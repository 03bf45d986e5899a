"""Scenarios: every file follows its schema, and says what the rules that name it count on."""

import json
from pathlib import Path

import pytest

from vapi_conformance import scenario
from vapi_conformance.data import data_dir
from vapi_conformance.json_file import read_json
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import Scenario, Step, all_scenarios
from vapi_conformance.schema import errors
from vapi_conformance.webhook_scenario import all_webhook_scenarios

FILES = sorted((data_dir("fixtures") / "scenarios").glob("*.json"))
NAMES = [path.stem for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
class TestFiles:
    def test_follow_the_schema(self, path: Path) -> None:
        assert () == errors("harness/scenario", read_json(path))

    def test_are_named_as_they_are_called(self, path: Path) -> None:
        assert path.stem == all_scenarios()[path.stem].name

    def test_have_steps_of_different_names(self, path: Path) -> None:
        names = [step.name for step in all_scenarios()[path.stem].steps]
        assert len(names) == len(set(names))


class TestCatalogue:
    def test_is_what_the_folder_holds(self) -> None:
        assert NAMES == list(all_scenarios())

    def test_has_every_scenario_that_a_rule_names(self) -> None:
        assert [] == [
            (rule.id, name)
            for rule in all_rules().values()
            for name in rule.scenarios
            if name not in all_scenarios() and name not in all_webhook_scenarios() and not name.startswith("calls/")
        ]

    def test_tools_are_offered_in_the_shape_of_the_api(self) -> None:
        tools = [tool for each in all_scenarios().values() for step in each.steps for tool in step.tools]
        assert tools
        for tool in tools:
            assert {"type", "function"} == set(tool)
            assert "function" == tool["type"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose only fixtures are what the test writes."""
    (tmp_path / "scenarios").mkdir()

    def data_dir_of_test(_: object) -> Path:
        return tmp_path

    monkeypatch.setattr(scenario, "data_dir", data_dir_of_test)
    return tmp_path / "scenarios"


def loaded(folder: Path, name: str = "probe", /, **document: object) -> Scenario:
    (folder / "probe.json").write_text(json.dumps({"scenario": name, "about": "A probe of a test.", **document}))
    return all_scenarios.__wrapped__()["probe"]


class TestReading:
    def test_a_bare_step_is_a_post_that_is_to_be_answered(self, folder: Path) -> None:
        probe = loaded(folder, steps=[{"step": "only"}])
        assert Scenario(name="probe", about="A probe of a test.", steps=(Step(name="only"),)) == replaced(probe)

    def test_every_key_has_its_place(self, folder: Path) -> None:
        message = {"role": "user", "content": "Hi"}
        probe = loaded(
            folder,
            system="Be kind.",
            tries=3,
            until="tool_calls",
            together=True,
            requires=["key"],
            steps=[
                {
                    "step": "all",
                    "expects": "refusal",
                    "messages": [message],
                    "tools": [{"type": "function"}],
                    "body": {"n": 2, "stop": None},
                    "raw_body": "{",
                    "method": "GET",
                    "path": "/nowhere",
                    "headers": {"accept": None, "x": "y"},
                    "header_case": "upper",
                    "wrong_key": True,
                    "key_in_query": "key",
                    "envelope": "off",
                    "repeat_content": 3,
                    "hang_up_after_events": 4,
                    "wait_s": 0.5,
                    "may_retry": False,
                }
            ],
        )
        step = Step(
            name="all",
            expects="refusal",
            messages=[message],
            tools=[{"type": "function"}],
            body={"n": 2, "stop": None},
            raw_body="{",
            method="GET",
            path="/nowhere",
            headers={"accept": None, "x": "y"},
            upper_case_headers=True,
            wrong_key=True,
            key_in_query="key",
            envelope="off",
            repeat_content=3,
            hang_up_after_events=4,
            wait_s=0.5,
            may_retry=False,
        )
        assert step == probe.steps[0]
        assert ("Be kind.", 3, True, True, True) == (
            probe.system,
            probe.tries,
            probe.until_tool_calls,
            probe.together,
            probe.requires_key,
        )

    @pytest.mark.parametrize(
        ("document", "problem"),
        [
            ({"steps": []}, "/steps"),
            ({"steps": [{"step": "a", "expects": "pity"}]}, "/steps/0/expects"),
            ({"steps": [{"step": "a", "surprise": 1}]}, "surprise"),
            ({"steps": [{"step": "a"}], "tries": 3}, "tries"),
            ({}, "steps"),
        ],
    )
    def test_what_does_not_follow_the_schema_is_named(
        self, folder: Path, document: dict[str, object], problem: str
    ) -> None:
        with pytest.raises(ValueError, match=r"probe\.json: ") as caught:
            loaded(folder, "probe", **document)
        assert problem in str(caught.value)

    def test_so_is_a_file_of_another_name(self, folder: Path) -> None:
        with pytest.raises(ValueError, match=r"probe\.json: is called 'other' inside"):
            loaded(folder, "other", steps=[{"step": "a"}])


def replaced(probe: Scenario) -> Scenario:
    """With its sequences as tuples, to be compared."""
    steps = tuple(Step(name=each.name, messages=tuple(each.messages), tools=tuple(each.tools)) for each in probe.steps)
    return Scenario(name=probe.name, about=probe.about, steps=steps)
