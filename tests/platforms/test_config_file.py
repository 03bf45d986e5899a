"""What every platform's configuration files have in common."""

import json
from pathlib import Path

import pytest

from vapi_conformance.platforms.config_file import ConfigError, checked_object, dotted, read_json


@pytest.fixture
def refused(tmp_path: Path) -> str:
    """What is said about a wrong credential of a platform with a name of its own."""
    path = tmp_path / "credential.json"
    document = {"provider": "nobody", "apiKey": "k"}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        checked_object(path, document, "vapi/credential", platform="Other", is_secret=lambda field: True)
    return str(caught.value).removeprefix(f"{path}: ")


class TestCheckedObject:
    def test_names_the_platform_that_takes_the_file(self, refused: str) -> None:
        expected = "provider is none of the known values. Other expects custom-llm, openrouter, anyscale or together-ai"
        assert expected == refused

    def test_gives_a_document_that_matches_back(self) -> None:
        document = {"provider": "custom-llm", "apiKey": "k"}
        assert document == checked_object(
            Path("credential.json"), document, "vapi/credential", platform="Vapi", is_secret=lambda field: True
        )


class TestReadJson:
    @pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\udfff": 1}', '["\\udc00\\ud800"]'])
    def test_refuses_half_a_character(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "config.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            read_json(path)
        said = "holds half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        assert f"{path} {said}" == str(caught.value)

    def test_takes_a_whole_one(self, tmp_path: Path) -> None:
        path = tmp_path / "config.json"
        path.write_text('{"a": "\\ud83d\\ude00"}', encoding="utf-8")
        assert {"a": "\U0001f600"} == read_json(path)


class TestDotted:
    @pytest.mark.parametrize(
        ("pointer", "written"),
        [
            ("", ""),
            ("/model/tools/0/type", "model.tools[0].type"),
            ("/model.temperature", "model.temperature"),
            ("/headers/a~1b~0c", "headers.a/b~c"),
        ],
    )
    def test_writes_pointers_as_people_do(self, pointer: str, written: str) -> None:
        assert written == dotted(pointer)
