"""The models of google-genai against the real packages: the same bytes over a real connection, the same words heard."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import pytest

from consumers.gemini_streams import gemini_answers
from consumers.gemini_vectors import VECTORS
from consumers.node_drivers import run_driver
from consumers.node_library import Case, case_of, needs_node_libraries, real, shown
from consumers.python_drivers import Ear, compact, heard_by, needs_release
from consumers.recorded import recorded_exchanges
from consumers.wire_server import head_fields
from shared_data import needs_shared
from vapi_conformance.consumers import Heard, google_genai_node, google_genai_python
from vapi_conformance.consumers.google_genai_errors import cut
from vapi_conformance.consumers.google_genai_types import FINISH_REASONS, MODELS, camel, fields_of
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_nothing

pytestmark = [pytest.mark.consumers, pytest.mark.slow]

needs_google_genai = needs_release("google-genai", "3.4")
Answers = Callable[[], Iterable[tuple[str, Exchange]]]
SETS: Mapping[str, Answers] = {
    "vectors": lambda: ((each.name, each.exchange) for each in VECTORS),
    "generated 1": lambda: gemini_answers(1, 300),
    "generated 2": lambda: gemini_answers(2, 300),
    "generated 3": lambda: gemini_answers(3, 300),
}
EVERY_SET = pytest.mark.parametrize("answers", SETS.values(), ids=SETS.keys())


def is_streamed(case: Case) -> bool:
    return ":streamGenerateContent" in case.exchange.request.url


def differing(
    cases: list[Case], results: Iterable[Mapping[str, object]], hear: Callable[[Exchange], Heard]
) -> Iterator[Case]:
    for case, result in zip(cases, results, strict=True):
        if shown(hear(case.exchange)) != real(result):
            yield case


def played(named: Iterable[tuple[str, Exchange]]) -> list[Case]:
    """Every second broken connection is one of which the server had not said that it would close it."""
    cases: list[Case] = []
    for number, (name, exchange) in enumerate(named):
        case = case_of(name, exchange)
        if number % 2 and exchange.end in (End.TRUNCATED, End.RESET) and case.exchange.response is not None:
            play = replace(case.play, announces_close=False)
            response = replace(case.exchange.response, headers=head_fields(play))
            case = replace(case, play=play, exchange=replace(case.exchange, response=response))
        cases.append(case)
    assert cases
    return cases


@needs_google_genai
class TestPython:
    @EVERY_SET
    def test_hears_what_the_library_hears(self, answers: Answers) -> None:
        self.compare(answers())

    @needs_shared
    def test_hears_recorded_traffic_as_the_library_does(self) -> None:
        self.compare(recorded_exchanges("gemini_generate_content"))

    def compare(self, named: Iterable[tuple[str, Exchange]]) -> None:
        cases = played(named)
        results = python_results(cases)
        found = {
            case.name: {"model": shown(google_genai_python.hear(case.exchange)), "real": real(results[case.name])}
            for case in differing(cases, results.values(), google_genai_python.hear)
        }
        assert {} == found

    def test_knows_the_types_of_the_library(self) -> None:
        from google.genai import types

        assert {reason.name for reason in types.FinishReason} == FINISH_REASONS
        for model in MODELS:
            real_fields = getattr(types, model).model_fields
            assert {name: camel(name) for name, _ in fields_of(model)} == {
                name: field.alias for name, field in real_fields.items() if name not in NOT_OF_THE_ANSWER
            }


# Set by the library itself, or by nobody: its own reader of answers does not copy them.
NOT_OF_THE_ANSWER = frozenset({"automatic_function_calling_history", "create_time", "parsed"})


def python_results(cases: list[Case]) -> dict[str, Mapping[str, object]]:
    from google import genai

    client = genai.Client(api_key="none", vertexai=False)

    def listen(base: str, case: Case, timeout_s: float | None, ear: Ear) -> None:
        timeout_ms = None if timeout_s is None else int(timeout_s * 1000)
        config = genai.types.GenerateContentConfig(
            automatic_continuation=False, http_options=genai.types.HttpOptions(base_url=base, timeout=timeout_ms)
        )

        # The loop of vapi_conformance/consumers/google_genai_python.py; keep both the same.
        def hear(response: genai.types.GenerateContentResponse) -> None:
            candidate = response.candidates[0] if response.candidates else None
            content = candidate.content if candidate else None
            for part in (content.parts if content else None) or ():
                if part.text and not part.thought:
                    ear.texts.append(part.text)
                if part.function_call is not None:
                    call = part.function_call
                    arguments = "" if call.args is None else compact(call.args)
                    ear.calls.append({"index": None, "id": call.id, "name": call.name, "arguments": arguments})
            if candidate and candidate.finish_reason:
                ear.finish_reason = candidate.finish_reason.value

        if is_streamed(case):
            for chunk in client.models.generate_content_stream(model="m", contents="Hello", config=config):
                hear(chunk)
        else:
            hear(client.models.generate_content(model="m", contents="Hello", config=config))

    results = heard_by(listen, cases, words=python_words)
    return {case.name: result for case, result in zip(cases, results, strict=True)}


def python_words(error: Exception) -> str:
    import pydantic

    name = type(error).__name__
    if not isinstance(error, pydantic.ValidationError):
        return f"{name}: {cut(str(error))}"
    found = error.errors(include_input=False, include_url=False)
    first_line = str(error).partition("\n")[0]
    shown_errors = (f"{'.'.join(str(step) for step in each['loc'])}: {each['type']}" for each in found[:3])
    return f"{name}: {first_line} ({', '.join(shown_errors)})"


@needs_node_libraries
class TestNode:
    @EVERY_SET
    def test_hears_what_the_library_hears(self, answers: Answers) -> None:
        self.compare(answers())

    @needs_shared
    def test_hears_recorded_traffic_as_the_library_does(self) -> None:
        self.compare(recorded_exchanges("gemini_generate_content"))

    def compare(self, named: Iterable[tuple[str, Exchange]]) -> None:
        """A difference is looked at again with a pause behind each read: fetch joins reads that it finds together."""
        cases = played(named)
        again = list(differing(cases, node_results(cases), google_genai_node.hear))
        slowly = [replace(case, play=replace(case.play, pause_s=0.05)) for case in again]
        found = {
            case.name: {"model": shown(google_genai_node.hear(case.exchange)), "real": real(result)}
            for case, result in zip(slowly, node_results(slowly) if slowly else (), strict=True)
            if shown(google_genai_node.hear(case.exchange)) != real(result)
        }
        assert {} == found

    def test_hears_each_text_when_the_library_does(self) -> None:
        cases = [case_of(each.name, each.exchange, pause_s=0.2) for each in VECTORS if len(each.exchange.reads) > 1]
        cases = [case for case in cases if case.exchange.end is End.CLEAN]
        actual = {
            case.name: [int(at // 200) for at in array_or_nothing(result["textTimesMs"]) if isinstance(at, int | float)]
            for case, result in zip(cases, node_results(cases), strict=True)
        }
        expected = {
            case.name: [text.at_ns // 200_000_000 for text in heard.texts if text.at_ns is not None]
            for case, heard in ((case, google_genai_node.hear(case.exchange)) for case in cases)
        }
        assert expected == actual


def node_results(cases: list[Case]) -> list[Mapping[str, object]]:
    return run_driver("driver_genai.mjs", cases, lambda case: {"streamed": is_streamed(case)})
