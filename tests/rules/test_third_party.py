"""Rules that other distributions add: taken whole or not at all, marked as theirs, and no danger to a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from made_distributions import RULES, installed, with_distribution
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules import Profile, all_rules, broken_rules, own_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base, load_specimen
from vapi_conformance.verdict import Outcome, judge_rule

THE_RULES = "the rules acme of acme-conformance 1.2 cannot be used: "


def acme(folder: Path, source: str, *, value: str = "acme_rules", **more: str) -> Path:
    return installed(folder, points={"rules": {"acme": value}}, modules={"acme_rules.py": source, **more})


@pytest.fixture
def one_rule(tmp_path: Path) -> Iterator[None]:
    with with_distribution(acme(tmp_path, RULES)):
        yield


@pytest.mark.usefixtures("one_rule")
class TestARule:
    def test_stands_behind_ours_and_is_marked(self) -> None:
        assert [*own_rules(), "acme.greets"] == list(all_rules())
        assert "acme-conformance 1.2" == str(all_rules()["acme.greets"].origin)
        assert {None} == {rule.origin for rule in own_rules().values()}
        assert () == broken_rules()

    def test_judges(self) -> None:
        rule = all_rules()["acme.greets"]
        assert MUST is rule.level(Profile.VAPI, Dialect.OPENAI_COMPATIBLE)
        found = judge_rule(rule, MUST, [Evidence(exchange=each) for each in base("text-json")])
        assert (Outcome.VIOLATED, "none") == (found.outcome, found.findings[0].violation.actual)


def test_is_gone_with_its_distribution() -> None:
    assert own_rules() == all_rules()


class TestForms:
    def test_a_list_of_rules_is_as_good_as_a_module(self, tmp_path: Path) -> None:
        with with_distribution(acme(tmp_path, RULES + "ALL = [greets]", value="acme_rules:ALL")):
            assert "acme.greets" in all_rules()

    def test_a_rule_of_two_names_is_one_rule(self, tmp_path: Path) -> None:
        with with_distribution(acme(tmp_path, RULES + "again = greets")):
            assert "acme.greets" in all_rules()

    def test_two_distributions_may_share_a_prefix(self, tmp_path: Path) -> None:
        other = installed(
            tmp_path / "other",
            name="other",
            points={"rules": {"acme": "other_rules"}},
            modules={"other_rules.py": RULES.replace("acme.greets", "acme.waves")},
        )
        with with_distribution(acme(tmp_path / "acme", RULES), other):
            assert ["acme.greets", "acme.waves"] == list(all_rules())[-2:]


class TestBroken:
    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
            ("", "it names no rule"),
            (
                RULES.replace('"acme.greets"', '"sse.greets"'),
                "the id 'sse.greets' is not of the form acme.what-holds, in lower case",
            ),
            (
                RULES.replace('"acme.greets"', '"acme.Greets"'),
                "the id 'acme.Greets' is not of the form acme.what-holds, in lower case",
            ),
            (RULES.replace('"acme.greets"', "7"), "the id 7 is not of the form acme.what-holds, in lower case"),
            (RULES + RULES.replace("def greets", "def again"), "two rules are called acme.greets"),
            (RULES.replace('source="ACME 1"', "source=None"), "acme.greets has no source"),
            (RULES.replace('remedy="Greet."', 'remedy=" "'), "acme.greets has no remedy"),
            (RULES.replace("vapi=MUST", "vapi='MUST'"), "acme.greets has a level that is none of MUST, SHOULD, MAY"),
            (
                RULES.replace("standard=MUST, vapi=MUST", "standard=None"),
                "acme.greets has a level in no profile, so it would never be judged",
            ),
            (
                RULES.replace("source=", "dialects=['chat'], source="),
                "acme.greets names no dialect that there is",
            ),
            (RULES.replace("source=", "dialects=[], source="), "acme.greets names no dialect that there is"),
            (RULES.replace("source=", "needs=['time'], source="), "acme.greets needs something that no recording has"),
            (RULES.replace('    """An answer says hello."""', ""), "TypeError: greets needs a docstring"),
        ],
    )
    def test_is_left_out_whole_and_told(self, tmp_path: Path, source: str, why: str) -> None:
        with with_distribution(acme(tmp_path, source)):
            assert own_rules() == all_rules()
            (problem,) = broken_rules()
        assert str(problem).startswith(THE_RULES + why)

    @pytest.mark.parametrize(
        ("value", "source", "why"),
        [
            ("acme_rules:greets", RULES, "it names a Rule, and not a module or a list of rules"),
            ("acme_rules:ALL", RULES + "ALL = [greets, 3]", "the list holds a int, which is no rule"),
            ("acme_rules:ALL", RULES + "ALL = []", "it names no rule"),
            ("acme_rules:NONE", RULES, "AttributeError: module 'acme_rules' has no attribute 'NONE'"),
        ],
    )
    def test_an_entry_point_that_names_something_else(self, tmp_path: Path, value: str, source: str, why: str) -> None:
        with with_distribution(acme(tmp_path, source, value=value)):
            (problem,) = broken_rules()
        assert THE_RULES + why == str(problem)

    @pytest.mark.parametrize(
        ("more", "scenario"),
        [
            ("", "of-my-own"),
            ("", "calls/of-my-own"),
            ("", "webhooks/auth"),
            ("dialects=list(Dialect), ", "plain"),
            ("dialects=[Dialect.VAPI_SERVER_MESSAGES], ", "plain"),
        ],
    )
    def test_a_scenario_that_is_not_played(self, tmp_path: Path, more: str, scenario: str) -> None:
        source = (
            "from vapi_conformance.dialects.names import Dialect\n"
            "from vapi_conformance.rules.rule import MUST, scenario_rule\n"
            f"@scenario_rule('acme.x', scenarios=['{scenario}'], {more}standard=MUST, source='x', remedy='x')\n"
            "def x(group):\n    'X.'\n    return []\n"
        )
        with with_distribution(acme(tmp_path, source)):
            (problem,) = broken_rules()
        told = f"acme.x names the scenario {scenario!r}, which is none that is played for its dialects"
        assert THE_RULES + told == str(problem)

    def test_a_prefix_of_ours_is_not_for_others(self, tmp_path: Path) -> None:
        folder = installed(
            tmp_path,
            points={"rules": {"sse": "acme_rules"}},
            modules={"acme_rules.py": RULES.replace("acme.greets", "sse.greets")},
        )
        with with_distribution(folder):
            (problem,) = broken_rules()
        assert str(problem).endswith("sse.* are rules of vapi-conformance; take a prefix of your own")

    def test_of_two_with_one_id_the_second_is_left_out(self, tmp_path: Path) -> None:
        other = installed(
            tmp_path / "other",
            name="zzz",
            points={"rules": {"acme": "other_rules"}},
            modules={"other_rules.py": RULES},
        )
        with with_distribution(acme(tmp_path / "acme", RULES), other):
            (problem,) = broken_rules()
            assert "acme-conformance 1.2" == str(all_rules()["acme.greets"].origin)
        told = "the rules acme of zzz 1.2 cannot be used: acme.greets is a rule of acme-conformance 1.2 already"
        assert told == str(problem)


class TestAtWork:
    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("    raise KeyError('x')", "KeyError: 'x'"),
            ("    return None", "TypeError: 'NoneType' object is not iterable"),
            ("    return ['bad']", "TypeError: the check gives a str in place of a Violation"),
            (
                "    yield Violation(expected='x', actual=None)",
                "TypeError: the check gives a Violation without words, or with a place that is no number",
            ),
            (
                "    yield Violation(expected='x', actual='y', start='z')",
                "TypeError: the check gives a Violation without words, or with a place that is no number",
            ),
            (
                "    yield Violation(expected='x', actual='y', step=-1)",
                "ValueError: the check gives a Violation at step -1 of 1",
            ),
        ],
    )
    def test_a_check_that_fails_is_a_bug_of_theirs(self, tmp_path: Path, body: str, why: str) -> None:
        source = RULES.partition("    if b")[0] + body + "\n"
        with with_distribution(acme(tmp_path, source)):
            rule = all_rules()["acme.greets"]
            found = judge_rule(rule, MUST, [Evidence(exchange=each) for each in base("text-json")])
        assert (Outcome.HARNESS_ERROR, f"a bug of acme-conformance 1.2: {why} (on base text-json)") == (
            found.outcome,
            found.reason,
        )


class TestSpecimens:
    SPECIMEN = '{"about": "Nobody greets.", "base": "%s", "sound": [], "broken": [{"status": 500}]}'

    def pack(self, folder: Path, **files: str) -> Path:
        return installed(
            folder,
            points={"rules": {"acme": "acme_pack.rules"}},
            modules={"acme_pack/__init__.py": "", "acme_pack/rules.py": RULES, **files},
        )

    def test_come_along_and_start_from_bases_of_ours(self, tmp_path: Path) -> None:
        files = {"acme_pack/specimens/acme.greets.json": self.SPECIMEN % "text-json"}
        with with_distribution(self.pack(tmp_path, **files)):
            assert "Nobody greets." == load_specimen("acme.greets").about

    def test_or_from_their_own(self, tmp_path: Path) -> None:
        files = {
            "acme_pack/specimens/acme.greets.json": self.SPECIMEN % "hello",
            "acme_pack/specimens/bases/hello.json": (
                '{"about": "x", "exchanges": [{"request": {}, "response": {"headers": [], "body": [[1, "hello"]]}}]}'
            ),
        }
        with with_distribution(self.pack(tmp_path, **files)):
            assert b"hello" == load_specimen("acme.greets").sound[0].body

    def test_that_are_missing_or_damaged_are_told(self, tmp_path: Path) -> None:
        with with_distribution(self.pack(tmp_path / "a")), pytest.raises(FileNotFoundError):
            load_specimen("acme.greets")
        files = {"acme_pack/specimens/acme.greets.json": self.SPECIMEN % "nowhere"}
        with (
            with_distribution(self.pack(tmp_path / "b", **files)),
            pytest.raises(ValueError, match=r"acme\.greets\.json: there is no base 'nowhere'"),
        ):
            load_specimen("acme.greets")
