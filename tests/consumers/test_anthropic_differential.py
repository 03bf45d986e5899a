"""The models of Anthropic's packages against the real ones: the same bytes over a real connection, the same words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import anthropic
import httpx2
import pytest

from consumers.anthropic_streams import anthropic_answers
from consumers.anthropic_vectors import STREAMS, WHOLE
from consumers.node_drivers import differing, played, reads_heard, reads_modelled, reads_of, run_driver, timed
from consumers.node_library import Case, needs_node_libraries
from consumers.python_drivers import Ear, compact, heard_by, needs_release, reads_heard_by
from consumers.recorded import recorded_exchanges
from shared_data import needs_shared
from vapi_conformance.consumers import anthropic_node, anthropic_python
from vapi_conformance.consumers.anthropic_python import Way
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_nothing

pytestmark = [pytest.mark.consumers, pytest.mark.slow]

MAX_WORDS = 500
UNPARSED = "ValueError: Unable to parse tool parameter JSON from model."
"""Behind it and one more sentence stand the words of jiter, which are not modelled."""
WAYS: tuple[Way, ...] = ("raw", "helper", "whole")
Named = Iterable[tuple[str, Exchange]]
SETS: Mapping[str, Callable[[bool], Named]] = {
    "vectors": lambda whole: (WHOLE if whole else STREAMS).items(),
    "generated 1": lambda whole: anthropic_answers(1, 250, whole=whole),
    "generated 2": lambda whole: anthropic_answers(2, 250, whole=whole),
    "generated 3": lambda whole: anthropic_answers(3, 250, whole=whole),
}
EVERY_SET = pytest.mark.parametrize("answers", SETS.values(), ids=SETS.keys())
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def recorded(way: Way) -> Named:
    for name, exchange in recorded_exchanges("anthropic_messages"):
        if ("__stream__" in name) == (way != "whole"):
            yield name, exchange


@needs_release("anthropic", "2.12")
class TestPython:
    @EVERY_WAY
    @EVERY_SET
    def test_hears_what_the_library_hears(self, answers: Callable[[bool], Named], way: Way) -> None:
        self.compare(answers(way == "whole"), way)

    @needs_shared
    @EVERY_WAY
    def test_hears_recorded_traffic_as_the_library_does(self, way: Way) -> None:
        self.compare(recorded(way), way)

    def compare(self, named: Named, way: Way) -> None:
        cases = played(named)
        hear = partial(anthropic_python.hear, way=way)
        found = {case.name: both for case, both in differing(cases, python_results(cases, way), hear)}
        assert {} == found

    @pytest.mark.parametrize("way", ["raw", "helper"])
    @EVERY_SET
    def test_hears_each_text_when_the_library_does(self, answers: Callable[[bool], Named], way: Way) -> None:
        cases = timed(answers(False))

        def asking(http: httpx2.Client) -> Callable[[Ear], None]:
            client = anthropic.Anthropic(api_key="none", max_retries=0, http_client=http)
            return lambda ear: ask(client, way, ear)

        assert reads_modelled(cases, partial(anthropic_python.hear, way=way)) == reads_heard_by(asking, cases)


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class Listener:
    """The loop of vapi_conformance/consumers/anthropic_loop.py; keep both the same."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.call: dict[str, object] | None = None

    def heard_text(self, value: object) -> None:
        if text(value):
            self.ear.texts.append(str(value))

    def begin(self, block: object) -> None:
        self.call = None
        if getattr(block, "type", None) == "tool_use":
            call_id, name = text(getattr(block, "id", None)), text(getattr(block, "name", None))
            self.call = {"index": None, "id": call_id, "name": name, "arguments": ""}
            self.ear.calls.append(self.call)

    def listen(self, stream: Iterable[object]) -> None:
        for event in stream:
            kind, delta = getattr(event, "type", None), getattr(event, "delta", None)
            if kind == "content_block_start":
                self.begin(getattr(event, "content_block", None))
            elif kind == "content_block_delta":
                self.heard_delta(delta)
            elif kind == "message_delta":
                self.ear.finish_reason = text(getattr(delta, "stop_reason", None)) or self.ear.finish_reason

    def heard_delta(self, delta: object) -> None:
        kind = getattr(delta, "type", None)
        if kind == "text_delta":
            self.heard_text(getattr(delta, "text", None))
        elif kind == "input_json_delta" and self.call is not None:
            fragment = text(getattr(delta, "partial_json", None)) or ""
            self.call["arguments"] = f"{self.call['arguments']}{fragment}"

    def whole(self, message: object) -> None:
        for block in array_or_nothing(getattr(message, "content", None)):
            if getattr(block, "type", None) == "text":
                self.heard_text(getattr(block, "text", None))
            self.begin(block)
            if self.call is not None:
                self.call["arguments"] = compact(getattr(block, "input", None))
        self.ear.finish_reason = text(getattr(message, "stop_reason", None)) or None


def ask(client: anthropic.Anthropic, way: Way, ear: Ear) -> None:
    listener = Listener(ear)
    prompt: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]
    if way == "raw":
        listener.listen(client.messages.create(model="m", max_tokens=5, messages=prompt, stream=True))
    elif way == "helper":
        with client.messages.stream(model="m", max_tokens=5, messages=prompt) as stream:
            listener.listen(stream)
            stream.get_final_message()
    else:
        listener.whole(client.messages.create(model="m", max_tokens=5, messages=prompt))


def python_results(cases: list[Case], way: Way) -> list[Mapping[str, object]]:
    shared = anthropic.Anthropic(api_key="none", max_retries=0)

    def listen(base: str, _: Case, timeout_s: float | None, ear: Ear) -> None:
        ask(shared.with_options(base_url=base, timeout=600 if timeout_s is None else timeout_s), way, ear)

    return heard_by(listen, cases, words=python_words, gives_up="anthropic")


def python_words(error: Exception) -> str:
    words = f"{type(error).__name__}: {error}"
    if words.startswith(UNPARSED):
        words = words.partition(" Error:")[0]
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "..."


@needs_node_libraries
class TestNode:
    @EVERY_WAY
    @EVERY_SET
    def test_hears_what_the_library_hears(self, answers: Callable[[bool], Named], way: Way) -> None:
        self.compare(answers(way == "whole"), way)

    @needs_shared
    @EVERY_WAY
    def test_hears_recorded_traffic_as_the_library_does(self, way: Way) -> None:
        self.compare(recorded(way), way)

    def compare(self, named: Named, way: Way) -> None:
        """A difference is looked at again with a pause behind each read: fetch joins reads that it finds together."""
        # Its patience with a silent server is five minutes.
        cases = [case for case in played(named) if case.exchange.end is not End.TIMED_OUT]
        hear = partial(anthropic_node.hear, way=way)
        again = [case for case, _ in differing(cases, node_results(cases, way), hear)]
        slowly = [replace(case, play=replace(case.play, pause_s=0.05)) for case in again]
        results = node_results(slowly, way) if slowly else []
        assert {} == {case.name: both for case, both in differing(slowly, results, hear)}

    @EVERY_SET
    def test_hears_each_text_when_the_library_does(self, answers: Callable[[bool], Named]) -> None:
        cases = timed(answers(False))
        results = run_driver("driver_anthropic.mjs", cases, lambda case: {"way": "raw", **reads_of(case)})
        assert reads_modelled(cases, anthropic_node.hear) == reads_heard(cases, results)


def node_results(cases: list[Case], way: Way) -> list[Mapping[str, object]]:
    return run_driver("driver_anthropic.mjs", cases, lambda _: {"way": way})
