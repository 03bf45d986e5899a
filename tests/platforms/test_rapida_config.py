"""Rapida's credentials and model options from files, and what is said about files that cannot be used."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from platforms.rapida_files import CREDENTIAL, MODEL, SECRET, URL, file, refusal
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.platforms.rapida import load_credential, load_model_options

Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return lambda document: file(tmp_path, "config.json", document)


class TestLoadCredential:
    @pytest.mark.parametrize("dialect", sorted(EVERY))
    @pytest.mark.parametrize(
        ("compatibility", "url"), [("apiCompatibility", "baseUrl"), ("api_compatibility", "base_url")]
    )
    def test_reads_every_api_in_both_spellings(
        self, write: Write, dialect: Dialect, compatibility: str, url: str
    ) -> None:
        found = load_credential(write({compatibility: str(dialect), url: URL}))
        assert (dialect, URL, {}) == (found.dialect, found.base_url, found.headers)

    def test_defaults_to_chat_completions(self, write: Write) -> None:
        assert Dialect.OPENAI_CHAT_COMPLETIONS is load_credential(write({"baseUrl": URL})).dialect

    def test_reads_the_headers(self, write: Write) -> None:
        headers = {"Authorization": f"Bearer {SECRET}", "X-Tenant": "a"}
        assert headers == load_credential(write({**CREDENTIAL, "headers": headers})).headers

    def test_of_two_spellings_the_forms_wins(self, write: Write) -> None:
        both = {"base_url": "https://other.acme.com", "api_compatibility": "openai_responses"}
        found = load_credential(write({**both, **CREDENTIAL}))
        assert (URL, Dialect.OPENAI_CHAT_COMPLETIONS) == (found.base_url, found.dialect)

    def test_takes_the_documented_example(self, write: Write) -> None:
        document = {
            "apiCompatibility": "openai_compatible",
            "baseUrl": "http://localhost:8000/v1",
            "headers": {"Authorization": "Bearer local-dev-key"},
        }
        assert Dialect.OPENAI_COMPATIBLE is load_credential(write(document)).dialect

    def test_nothing_secret_is_in_its_repr(self, write: Write) -> None:
        document = {"baseUrl": f"https://llm.acme.com/{SECRET}", "headers": {"Authorization": SECRET}}
        assert SECRET not in repr(load_credential(write(document)))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"baseUrl": ""}, "baseUrl is empty. Rapida expects the API's root, not empty"),
            ({"baseUrl": None}, "baseUrl is of the wrong JSON type. Rapida expects the API's root"),
            ({"baseUrl": 8000}, "baseUrl is of the wrong JSON type. Rapida expects the API's root"),
            ({"base_url": [SECRET]}, "base_url is of the wrong JSON type. Rapida expects the API's root"),
            ({"baseUrl": " "}, "baseUrl is no URL with http:// or https:// and a host. Rapida expects the API's root"),
            ({"baseUrl": f"llm.acme.com/{SECRET}"}, "baseUrl is no URL with http:// or https:// and a host."),
            ({"baseUrl": "https://llm.acme.com:99999"}, "baseUrl is no URL with http:// or https:// and a host."),
            ({"apiCompatibility": ""}, "apiCompatibility is wrong: '' is not one of ['openai_chat_completions'"),
            ({"apiCompatibility": None}, "apiCompatibility is wrong: None is not one of ["),
            ({"apiCompatibility": 1}, "apiCompatibility is wrong: 1 is not one of ["),
            ({"apiCompatibility": "openai"}, "apiCompatibility is wrong: 'openai' is not one of ["),
            ({"api_compatibility": "openai"}, "api_compatibility is wrong: 'openai' is not one of ["),
            ({"headers": [SECRET]}, "headers is of the wrong JSON type. Rapida expects a map of header names"),
            ({"headers": SECRET}, "headers is of the wrong JSON type. Rapida expects a map of header names"),
            ({"headers": None}, "headers is of the wrong JSON type. Rapida expects a map of header names"),
            ({"headers": {"X-A": 1}}, "headers.X-A is of the wrong JSON type. Rapida expects a map of header names"),
            ({"headers": {"X-A": None}}, "headers.X-A is of the wrong JSON type. Rapida expects a map of header names"),
            ({"headers": {"X-A": f"{SECRET}\n"}}, "headers.X-A has characters that are not allowed there"),
            ({"headers": {"X A": "1"}}, "headers has characters that are not allowed there"),
        ],
    )
    def test_a_wrong_key_is_named_with_what_rapida_expects(
        self, write: Write, change: Mapping[str, object], said: str
    ) -> None:
        text = refusal(load_credential, write({**CREDENTIAL, **change}))
        assert text.startswith(said), text

    def test_an_unknown_compatibility_is_told_all_five(self, write: Write) -> None:
        text = refusal(load_credential, write({**CREDENTIAL, "apiCompatibility": "openai"}))
        assert [] == [each for each in EVERY if each not in text.partition("Rapida expects")[2]]

    @pytest.mark.parametrize("document", [{}, {"apiCompatibility": "openai_responses"}, {"baseURL": URL}])
    def test_a_missing_base_url_is_named(self, write: Write, document: object) -> None:
        text = refusal(load_credential, write(document))
        assert text.startswith("baseUrl is missing. Rapida expects the API's root, not empty: https://"), text

    @pytest.mark.parametrize("document", [[SECRET], 1, "null"])
    def test_what_is_no_object_is_said(self, write: Write, document: object) -> None:
        assert refusal(load_credential, write(document)).startswith(
            "is of the wrong JSON type. Rapida expects a credential: a JSON object with baseUrl"
        )


class TestLoadModelOptions:
    @pytest.mark.parametrize(
        "document",
        [
            {"model.id": "selector", "model.name": "llama", "model.parameters": {"top_k": 1}},
            {"id": "selector", "name": "llama", "parameters": {"top_k": 1}},
            {"model": {"id": "selector", "name": "llama", "parameters": {"top_k": 1}}},
            {"model": {"id": "selector"}, "name": "llama", "model.parameters": {"top_k": 1}},
        ],
    )
    def test_reads_the_keys_with_and_without_prefix_and_inside_an_object(self, write: Write, document: object) -> None:
        found = load_model_options(write(document))
        assert ("selector", "llama", {"top_k": 1}) == (found.id, found.name, found.parameters)

    def test_of_both_spellings_the_prefixed_wins(self, write: Write) -> None:
        assert "llama" == load_model_options(write({"name": "other", **MODEL})).name

    def test_a_key_with_prefix_and_inside_an_object_is_refused(self, write: Write) -> None:
        document = {**MODEL, "model": {"name": "other"}}
        expected = "model.name is there twice: under that name, and inside the object model"
        assert expected == refusal(load_model_options, write(document))

    def test_parameters_may_be_missing(self, write: Write) -> None:
        assert {} == load_model_options(write(MODEL)).parameters

    def test_nothing_that_may_be_secret_is_in_its_repr(self, write: Write) -> None:
        document = {**MODEL, "model.parameters": {"key": SECRET}, "model.metadata": {"key": SECRET}}
        assert SECRET not in repr(load_model_options(write(document)))

    @pytest.mark.parametrize("missing", ["model.id", "model.name"])
    def test_a_missing_required_key_is_named(self, write: Write, missing: str) -> None:
        document = {key: value for key, value in MODEL.items() if key != missing}
        text = refusal(load_model_options, write(document))
        assert text.startswith(f"{missing} is missing. Rapida expects the model's {missing[6:]}, any non-empty"), text

    @pytest.mark.parametrize("spelling", ["model.{}", "{}"])
    @pytest.mark.parametrize("key", ["id", "name"])
    @pytest.mark.parametrize("value", ["", None, 1, ["llama"]])
    def test_id_and_name_are_non_empty_strings(self, write: Write, spelling: str, key: str, value: object) -> None:
        field = spelling.format(key)
        text = refusal(load_model_options, write({**MODEL, field: value}))
        assert text.startswith(f"{field} is wrong: "), text
        assert f"Rapida expects the model's {key}, any non-empty string" in text

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ([SECRET], "is of the wrong JSON type. Rapida expects a JSON object, merged last"),
            (SECRET, "is of the wrong JSON type. Rapida expects a JSON object, merged last"),
            (None, "is of the wrong JSON type. Rapida expects a JSON object, merged last"),
        ],
    )
    @pytest.mark.parametrize("field", ["model.parameters", "parameters"])
    def test_parameters_are_an_object(self, write: Write, field: str, value: object, said: str) -> None:
        text = refusal(load_model_options, write({**MODEL, field: value}))
        assert text.startswith(f"{field} {said}"), text

    @pytest.mark.parametrize(
        ("document", "said"),
        [
            (
                {"model": "gpt-4o"},
                "model is wrong: 'gpt-4o' is not of type 'object'. Rapida expects an object of the keys",
            ),
            ({"model": {"id": 1}}, "model.id is wrong: 1 is not of type 'string'."),
            ({"model": {"temperature": "hot"}}, "model.temperature is wrong: 'hot' is not of type 'number'."),
        ],
    )
    def test_an_object_in_place_of_the_prefix_is_held_to_the_same_types(
        self, write: Write, document: object, said: str
    ) -> None:
        assert refusal(load_model_options, write(document)).startswith(said)

    @pytest.mark.parametrize("document", [[SECRET], 1, "null"])
    def test_what_is_no_object_is_said(self, write: Write, document: object) -> None:
        assert refusal(load_model_options, write(document)).startswith(
            "is of the wrong JSON type. Rapida expects model options: a JSON object with model.id"
        )


@pytest.mark.parametrize("load", [load_credential, load_model_options])
class TestUnusableFiles:
    def test_are_refused_in_one_sentence(self, write: Write, load: Callable[[Path], object]) -> None:
        assert refusal(load, write('{"baseUrl": ')).startswith("is cut off: the JSON document is not complete")

    def test_a_missing_file_is_named(self, tmp_path: Path, load: Callable[[Path], object]) -> None:
        assert "does not exist" == refusal(load, tmp_path / "none.json")
