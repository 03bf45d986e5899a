"""The model of openai-node against the real package: the same bytes over a real connection, the same words heard."""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pytest

from consumers.node_library import LINE_AND_COLUMN, Case, case_of, needs_node_libraries, real, run_node, shown
from consumers.openai_node_http_vectors import VECTORS
from consumers.openai_node_vectors import STEP_NS, answer
from consumers.streams import json_texts, streams
from shared_data import needs_shared, wire_recordings
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.openai_node import SdkVersion, hear
from vapi_conformance.consumers.v8_json import parse, stringify
from vapi_conformance.exchange import Exchange, header_values
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

pytestmark = [pytest.mark.consumers, pytest.mark.slow, needs_node_libraries]

PACKAGES: Mapping[str, SdkVersion] = {"openai": "4.91.1", "openai-4-83": "4.83.0"}
STEP_S = STEP_NS / 1e9
LEAST_FINAL_STATUS = 200
MAX_PLAYED_BYTES = 4 << 20
"""The library is busy for 20 s with an event of 16 MB; it hears it in the end."""


def playable(named: Iterable[tuple[str, Exchange]]) -> list[Case]:
    """All but redirects (the library goes on to where they lead), brotli (not modelled), and very long ones."""
    cases: list[Case] = []
    for name, exchange in named:
        head = exchange.response
        if head is not None and (head.status < LEAST_FINAL_STATUS or header_values(head.headers, "location")):
            continue
        if head is not None and header_values(head.headers, "content-encoding") == ("br",):
            continue
        if len(exchange.body) > MAX_PLAYED_BYTES:
            continue
        cases.append(case_of(name, exchange))
    return cases


def differences(package: str, cases: list[Case]) -> dict[str, object]:
    """Where model and library differ.

    A difference is looked at a second time, with nothing beside it: Node drops what it has read and not yet handed
    on when a connection breaks, so that on a busy machine the library itself does not always hear the same.
    """
    heard, _, base = run_node(package, cases)
    found = dict(_differing(package, cases, heard, base))
    for case in [each for each in cases if each.name in found]:
        alone, _, base = run_node(package, [case])
        found.pop(case.name)
        found.update(_differing(package, [case], alone, base))
    return found


def _differing(
    package: str, cases: list[Case], heard: list[Mapping[str, object]], base: str
) -> Iterator[tuple[str, object]]:
    for number, (case, result) in enumerate(zip(cases, heard, strict=True)):
        request = replace(case.exchange.request, url=f"{base}/{number}/chat/completions")
        model = shown(hear(replace(case.exchange, request=request), sdk_version=PACKAGES[package]))
        if model != real(result):
            yield case.name, {"model": model, "real": real(result)}


def specimen_exchanges() -> Iterator[tuple[str, Exchange]]:
    """Empty only as long as the module does not exist."""
    if importlib.util.find_spec("vapi_conformance.specimens") is None:
        return
    from vapi_conformance.specimens import all_exchanges

    yield from all_exchanges()


def recorded_exchanges() -> Iterator[tuple[str, Exchange]]:
    for recording in wire_recordings("openai_"):
        response = object_or_nothing(recording.load()["response"])
        status, body = response["status"], response["body_text"]
        assert isinstance(status, int)
        assert isinstance(body, str)
        yield recording.name, answer(body, status=status)


@pytest.mark.parametrize("package", PACKAGES)
class TestModel:
    def test_hears_the_vectors_as_the_library_does(self, package: str) -> None:
        assert {} == differences(package, playable((each.name, each.exchange) for each in VECTORS))

    def test_hears_every_specimen_as_the_library_does(self, package: str) -> None:
        assert {} == differences(package, playable(specimen_exchanges()))

    @needs_shared
    def test_hears_recorded_traffic_as_the_library_does(self, package: str) -> None:
        cases = playable(recorded_exchanges())
        assert cases
        assert {} == differences(package, cases)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_hears_generated_streams_as_the_library_does(self, package: str, seed: int) -> None:
        assert {} == differences(package, playable(streams(seed, 300)))

    def test_hears_each_text_when_the_library_does(self, package: str) -> None:
        timed = [each for each in VECTORS if each.reads is not None]
        warm_up = case_of("warm-up", answer("data: [DONE]\n\n"))
        cases = [warm_up, *(case_of(each.name, each.exchange, pause_s=STEP_S) for each in timed)]
        heard, _, _ = run_node(package, cases, parallel=4)
        expected: dict[str, list[int]] = {}
        actual: dict[str, list[int]] = {}
        for case, result in list(zip(cases, heard, strict=True))[1:]:
            model = hear(case.exchange, sdk_version=PACKAGES[package])
            expected[case.name] = [
                at // STEP_NS for at in [*(text.at_ns for text in model.texts), model.ended_at_ns] if at is not None
            ]
            times_ms = [*_numbers(result["textTimesMs"]), *_numbers([result["endedMs"]])]
            actual[case.name] = [int(time_ms / 1e3 / STEP_S) for time_ms in times_ms]
        assert expected == actual


class TestJson:
    def test_is_parsed_as_v8_does_and_refused_in_the_same_words(self) -> None:
        texts = [text for seed in range(3) for text in json_texts(seed, 2000)]
        _, verdicts, _ = run_node("openai", [], json_texts=texts)
        found = {
            text: (_parsed(text), verdict)
            for text, verdict in zip(texts, map(_plain, verdicts), strict=True)
            if _parsed(text) != verdict
        }
        assert {} == found


def _parsed(text: str) -> dict[str, object]:
    try:
        return {"value": stringify(parse(text))}
    except JsError as error:
        return {"error": str(error)}


def _plain(verdict: Mapping[str, object]) -> dict[str, object]:
    return {key: LINE_AND_COLUMN.sub("", str(value)) for key, value in verdict.items()}


def _numbers(values: object) -> list[float]:
    return [value for value in array_or_nothing(values) if isinstance(value, int | float)]
