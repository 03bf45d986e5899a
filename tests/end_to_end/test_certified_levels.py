"""What the reference server is certified for, and what it is not with one mistake: each level sees its own."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from made_certificates import KEY
from vapi_conformance.certificate.keys import key_files, write_key_files
from vapi_conformance.cli import main
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

pytestmark = pytest.mark.slow


def certified(folder: Path, level: str, *options: str) -> tuple[int, Mapping[str, object]]:
    """Exit status and document."""
    files = key_files(folder / "signing")
    write_key_files(KEY, files, passphrase=None)
    arguments = ("certify", "reference", "--level", level, "--key", str(files.private), "--json")
    result = CliRunner().invoke(main, [*arguments, "--out", str(folder / "certificate"), *options])
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, object_or_nothing(json.loads(result.stdout))


def untimed(document: Mapping[str, object], kind: str) -> list[str]:
    """Without the rules that a busy machine may break."""
    return [str(each) for each in array_or_nothing(document[kind]) if not str(each).startswith("timing.")]


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ((), []),
        (("--platform", "rapida"), ["rapida.one-call-in-a-turn"]),
        (("--dialect", "openai_chat_completions", "--profile", "standard"), []),
        (("--dialect", "openai_responses"), []),
        (("--dialect", "anthropic_messages"), []),
        (("--dialect", "gemini_generate_content"), []),
    ],
)
def test_the_reference_server_is_certified_for_calls(
    tmp_path: Path, options: tuple[str, ...], warned: list[str]
) -> None:
    status, document = certified(tmp_path, "calls", *options)
    assert (0, [], {}) == (status, document["failed"], document["not_shown"]), document["reasons"]
    assert warned == untimed(document, "warned")


@pytest.mark.parametrize(
    ("fault", "level", "expected", "rule"),
    [
        ("error-html", "json", "WARNED", "errors.body-is-json"),
        ("no-done", "json", "PASSED", None),
        ("no-done", "streaming", "WARNED", "chat-stream.ends-with-done"),
        ("args-not-json", "streaming", "PASSED", None),
        ("args-not-json", "tools", "FAILED", "tools.arguments-are-json"),
        ("call-goes-silent", "tools", "PASSED", None),
        ("call-goes-silent", "calls", "FAILED", "call.every-turn-is-answered"),
    ],
)
def test_a_mistake_is_seen_by_its_level_and_by_none_before_it(
    tmp_path: Path, fault: str, level: str, expected: str, rule: str | None
) -> None:
    status, document = certified(tmp_path, level, "--header", f"X-Fault: {fault}")
    assert (expected == "FAILED") == (status == 1), document["reasons"]
    failed, warned = untimed(document, "failed"), untimed(document, "warned")
    if rule is None:
        assert [] == [*failed, *warned]
    else:
        assert rule in (failed if expected == "FAILED" else warned)
