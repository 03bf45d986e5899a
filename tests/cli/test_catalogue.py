"""`rules` and `explain`: the catalogue as text and as documents."""

import json

import pytest
from click.testing import CliRunner, Result

from vapi_conformance.cli import main
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


class TestRules:
    def test_lists_one_rule_a_line_when_piped(self) -> None:
        result = run("rules", "sse.utf-8-is-valid")
        assert (0, "sse.utf-8-is-valid\tMUST\tMUST\tMUST\tThe stream is valid UTF-8.\n") == (
            result.exit_code,
            result.stdout,
        )

    def test_lists_all_without_a_pattern_and_a_layer_with_one(self) -> None:
        assert len(all_rules()) == len(run("rules").stdout.splitlines())
        names = [line.split("\t")[0] for line in run("rules", "tools.*").stdout.splitlines()]
        assert [name for name in all_rules() if name.startswith("tools.")] == names

    def test_none_of_these_is_told(self) -> None:
        result = run("rules", "responses.*", "--dialect", "gemini_generate_content")
        assert (2, "Error: gemini_generate_content has none of these rules\n") == (result.exit_code, result.stderr)

    @pytest.mark.parametrize("dialect", sorted(EVERY))
    def test_lists_those_of_one_api(self, dialect: Dialect) -> None:
        names = [line.split("\t")[0] for line in run("rules", "--dialect", dialect.value).stdout.splitlines()]
        assert [name for name, rule in all_rules().items() if dialect in rule.dialects] == names

    def test_the_document_follows_its_schema(self) -> None:
        found: object = json.loads(run("rules", "--json").stdout)
        assert () == errors("harness/rules", found)
        assert len(all_rules()) == len(array_or_nothing(object_or_nothing(found)["rules"]))


class TestExplain:
    def test_ends_the_question(self) -> None:
        rule = all_rules()["sse.last-event-is-terminated"]
        text = run("explain", rule.id).stdout
        assert text.startswith(
            f"{rule.id}\n  {rule.statement}\n  standard  MUST\n  vapi      MUST\n  rapida    MUST\n"
            f"  source    {rule.source}\n  mend      {rule.remedy}\n\nA broken example\n"
        )
        assert f"\nWhat is said about it\n{rule.id}  MUST  {rule.source}\n" in text
        assert f"  repeat    vapi-conformance check FILE --rule {rule.id}\n" in text

    def test_tells_what_is_softer_for_compatible_endpoints(self) -> None:
        text = run("explain", "chat-stream.ends-with-done").stdout
        assert "  standard  MUST (one step softer for openai_compatible)\n  vapi      SHOULD\n" in text

    def test_says_nothing_of_compatible_endpoints_where_they_do_not_have_the_rule(self) -> None:
        text = run("explain", "anthropic.error-says-its-type").stdout
        assert "\n  standard  MUST\n" in text

    def test_tells_which_scenario_shows_it(self) -> None:
        text = run("explain", "auth.wrong-key-is-401").stdout
        assert "  shown by  the scenario auth, which pytest --endpoint plays\n" in text
        text = run("explain", "webhook.wrong-secret-is-refused").stdout
        assert "  shown by  the messages auth, which check-webhook sends\n" in text

    @pytest.mark.parametrize("rule_id", sorted(all_rules())[::10])
    def test_the_document_follows_its_schema(self, rule_id: str) -> None:
        found: object = json.loads(run("explain", rule_id, "--json").stdout)
        assert () == errors("harness/explain", found)
        assert rule_id == object_or_nothing(found)["id"]

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("nonsense", ""),
            ("ends-with-done", " Did you mean chat-stream.ends-with-done?"),
            ("sse.utf8-is-valid", " Did you mean sse.utf-8-is-valid?"),
        ],
    )
    def test_a_name_that_is_none_is_told_with_what_may_be_meant(self, name: str, meant: str) -> None:
        result = run("explain", name)
        told = f"Error: no rule is called {name!r}; `vapi-conformance rules` lists them{'.' if meant else ''}{meant}\n"
        assert (2, "", told) == (result.exit_code, result.stdout, result.stderr)

    def test_a_pattern_for_many_is_told(self) -> None:
        result = run("explain", "sse.*")
        told = "Error: 'sse.*' names 25 rules, from sse.utf-8-is-valid to sse.decoders-agree; name one\n"
        assert (2, "", told) == (result.exit_code, result.stdout, result.stderr)
