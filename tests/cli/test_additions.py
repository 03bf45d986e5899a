"""Rules and consumers of others on the command line: marked as theirs, and told when they are broken."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from made_distributions import RULES, installed, with_distribution
from vapi_conformance import exchange_file
from vapi_conformance.cli import main
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors
from vapi_conformance.specimens import base

SPECIMEN = '{"about": "Nobody greets.", "base": "text-json", "sound": [], "broken": [{"status": 500}]}'
BROKEN = "the rules acme of acme-conformance 1.2 cannot be used: ModuleNotFoundError: No module named 'nowhere'"
HOW_ON = "Mend or uninstall it, or choose rules without acme.*"
DEAF = "the consumer acme of acme-conformance 1.2 cannot be used: ModuleNotFoundError: No module named 'nowhere'\n"
ORIGIN = "acme-conformance 1.2"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def one_rule(tmp_path: Path) -> Iterator[None]:
    modules = {
        "acme_cli/__init__.py": "",
        "acme_cli/rules.py": RULES,
        "acme_cli/specimens/acme.greets.json": SPECIMEN,
    }
    with with_distribution(installed(tmp_path, points={"rules": {"acme": "acme_cli.rules"}}, modules=modules)):
        yield


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[None]:
    with with_distribution(installed(tmp_path, points={"rules": {"acme": "nowhere"}})):
        yield


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[None]:
    with with_distribution(installed(tmp_path, points={"consumers": {"acme": "nowhere"}})):
        yield


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "one.exchange.json"
    exchange_file.save(base("text-stream")[0], path)
    return str(path)


@pytest.mark.usefixtures("one_rule")
class TestARule:
    def test_is_listed_as_theirs(self) -> None:
        assert f"acme.greets\tMUST\tMUST\tMUST\tAn answer says hello. [{ORIGIN}]\n" == run("rules", "acme.*").stdout

    def test_has_its_origin_in_the_document(self) -> None:
        found: object = json.loads(run("rules", "--json").stdout)
        assert () == errors("harness/rules", found)
        by_id = {each["id"]: each["origin"] for each in map(object_or_nothing, array_or_nothing(rules_in(found)))}
        assert {"acme.greets"} == {name for name, origin in by_id.items() if origin is not None}
        assert ORIGIN == by_id["acme.greets"]

    def test_is_explained_with_its_example(self) -> None:
        told = run("explain", "acme.greets")
        assert (0, "") == (told.exit_code, told.stderr)
        assert f"  source    ACME 1\n  added by  {ORIGIN}\n  mend      Greet.\n" in told.stdout
        assert "A broken example\n  Nobody greets.\n" in told.stdout
        assert () == errors("harness/explain", json.loads(run("explain", "acme.greets", "--json").stdout))

    def test_judges_recordings_and_says_whose_it_is(self, recording: str) -> None:
        result = run("check", recording, "--rule", "acme.*")
        assert 1 == result.exit_code
        assert f"  requires  An answer says hello.\n  added by  {ORIGIN}\n" in result.stdout
        document: object = json.loads(run("check", recording, "--rule", "acme.*", "--json").stdout)
        assert () == errors("harness/check", document)
        (report,) = array_or_nothing(object_or_nothing(document)["results"])
        assert [ORIGIN] == [object_or_nothing(each)["origin"] for each in array_or_nothing(rules_in(report))]


def rules_in(document: object) -> object:
    return object_or_nothing(document)["rules"]


def test_a_rule_without_an_example_is_explained_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = installed(tmp_path, points={"rules": {"acme": "acme_bare"}}, modules={"acme_bare.py": RULES})
    with with_distribution(folder):
        told = run("explain", "acme.greets")
        document: object = json.loads(run("explain", "acme.greets", "--json").stdout)
    assert (0, f"{ORIGIN} brings no broken example of it.") == (told.exit_code, told.stdout.splitlines()[-1])
    assert () == errors("harness/explain", document)


def test_an_example_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    modules = {"acme_cli/__init__.py": RULES, "acme_cli/specimens/acme.greets.json": "{"}
    with with_distribution(installed(tmp_path, points={"rules": {"acme": "acme_cli"}}, modules=modules)):
        told = run("explain", "acme.greets")
    assert 2 == told.exit_code
    assert told.stderr.startswith(f"Error: the specimen of acme.greets in {ORIGIN} cannot be read: ")


@pytest.mark.usefixtures("broken")
class TestBrokenRules:
    """A catalogue goes on without them, a verdict does not."""

    def test_are_told_beside_the_catalogue(self) -> None:
        result = run("rules")
        assert (0, f"{BROKEN}\n") == (result.exit_code, result.stderr)
        assert result.stdout.startswith("http.")

    def test_are_no_matter_where_they_are_not_meant(self, recording: str) -> None:
        assert (0, "") == ((found := run("rules", "sse.*")).exit_code, found.stderr)
        assert (0, "") == ((found := run("explain", "sse.utf-8-is-valid")).exit_code, found.stderr)
        assert (0, "") == ((found := run("check", recording, "--rule", "sse.*")).exit_code, found.stderr)

    @pytest.mark.parametrize(
        "command",
        [
            ("rules", "acme.*"),
            ("explain", "acme.greets"),
            ("check", "{}"),
            ("check", "{}", "--rule", "acme.greets"),
            ("check", "{}", "--rule", "*.greets", "--rule", "sse.*"),
            ("call", "reference", "--scenario", "greeting"),
        ],
    )
    def test_stop_what_would_pass_over_them(self, recording: str, command: tuple[str, ...]) -> None:
        result = run(*(each.format(recording) for each in command))
        assert (2, "", f"Error: {BROKEN}. {HOW_ON}\n") == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.usefixtures("deaf")
class TestBrokenConsumers:
    """They change no outcome: whatever is done goes on, and says so."""

    def test_are_told_once(self, recording: str) -> None:
        for command in (("check", recording), ("hear", recording)):
            result = run(*command)
            assert (0, DEAF) == (result.exit_code, result.stderr)

    def test_are_no_matter_for_the_catalogue_but_told(self) -> None:
        result = run("rules", "sse.*")
        assert (0, DEAF) == (result.exit_code, result.stderr)
