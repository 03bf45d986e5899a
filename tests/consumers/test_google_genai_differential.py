"""The models of google-genai against the real packages: the same bytes over a real connection, the same words heard."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import httpx2
import pydantic
import pytest
from google import genai

from consumers.gemini_streams import gemini_answers
from consumers.gemini_vectors import VECTORS
from consumers.node_drivers import differing, played, reads_heard, reads_modelled, reads_of, run_driver, timed
from consumers.node_library import Case, needs_node_libraries
from consumers.python_drivers import Ear, compact, heard_by, needs_release, reads_heard_by
from consumers.recorded import recorded_exchanges
from shared_data import needs_shared
from vapi_conformance.consumers import google_genai_node, google_genai_python
from vapi_conformance.consumers.google_genai_errors import cut
from vapi_conformance.consumers.google_genai_types import FINISH_REASONS, MODELS, camel, fields_of
from vapi_conformance.exchange import Exchange

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
        found = {case.name: both for case, both in differing(cases, python_results(cases), google_genai_python.hear)}
        assert {} == found

    @EVERY_SET
    def test_hears_each_text_when_the_library_does(self, answers: Answers) -> None:
        cases = [case for case in timed(answers()) if is_streamed(case)]

        def asking(http: httpx2.Client) -> Callable[[Ear], None]:
            options = genai.types.HttpOptions(httpx_client=http)
            client = genai.Client(api_key="none", vertexai=False, http_options=options)
            return lambda ear: listen_to(client, genai.types.HttpOptions(), ear, streamed=True)

        assert reads_modelled(cases, google_genai_python.hear) == reads_heard_by(asking, cases)

    def test_knows_the_types_of_the_library(self) -> None:
        assert {reason.name for reason in genai.types.FinishReason} == FINISH_REASONS
        for model in MODELS:
            real_fields = getattr(genai.types, model).model_fields
            assert {name: camel(name) for name, _ in fields_of(model)} == {
                name: field.alias for name, field in real_fields.items() if name not in NOT_OF_THE_ANSWER
            }


# Set by the library itself, or by nobody: its own reader of answers does not copy them.
NOT_OF_THE_ANSWER = frozenset({"automatic_function_calling_history", "create_time", "parsed"})


def listen_to(client: genai.Client, options: genai.types.HttpOptions, ear: Ear, *, streamed: bool) -> None:
    config = genai.types.GenerateContentConfig(automatic_continuation=False, http_options=options)

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

    models = client.models
    if streamed:
        for chunk in models.generate_content_stream(  # pyright: ignore[reportUnknownMemberType]  # PIL's types
            model="m", contents="Hello", config=config
        ):
            hear(chunk)
    else:
        hear(
            models.generate_content(  # pyright: ignore[reportUnknownMemberType]  # PIL's types
                model="m", contents="Hello", config=config
            )
        )


def python_results(cases: list[Case]) -> list[Mapping[str, object]]:
    client = genai.Client(api_key="none", vertexai=False)

    def listen(base: str, case: Case, timeout_s: float | None, ear: Ear) -> None:
        timeout_ms = None if timeout_s is None else int(timeout_s * 1000)
        options = genai.types.HttpOptions(base_url=base, timeout=timeout_ms)
        listen_to(client, options, ear, streamed=is_streamed(case))

    return heard_by(listen, cases, words=python_words)


def python_words(error: Exception) -> str:
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
        again = [case for case, _ in differing(cases, node_results(cases), google_genai_node.hear)]
        slowly = [replace(case, play=replace(case.play, pause_s=0.05)) for case in again]
        results = node_results(slowly) if slowly else []
        assert {} == {case.name: both for case, both in differing(slowly, results, google_genai_node.hear)}

    @EVERY_SET
    def test_hears_each_text_when_the_library_does(self, answers: Answers) -> None:
        cases = [case for case in timed(answers()) if is_streamed(case)]
        results = run_driver("driver_genai.mjs", cases, lambda case: {"streamed": True, **reads_of(case)})
        assert reads_modelled(cases, google_genai_node.hear) == reads_heard(cases, results)


def node_results(cases: list[Case]) -> list[Mapping[str, object]]:
    return run_driver("driver_genai.mjs", cases, lambda case: {"streamed": is_streamed(case)})
