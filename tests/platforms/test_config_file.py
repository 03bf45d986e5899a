"""What every platform's configuration files have in common."""

import json
from pathlib import Path

import pytest

from vapi_conformance.platforms.config_file import ConfigError, checked_object, dotted


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
