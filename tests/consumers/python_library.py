"""The real Python package openai, and what a user of its Responses API hears of played answers, in this process."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

import httpx2
import openai

from vapi_conformance.consumers import Heard
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_python_responses import Way
from vapi_conformance.exchange import Exchange

__all__ = ["hear_from", "real", "shown"]

TERMINAL: Final = ("response.completed", "response.incomplete", "response.failed")


class _Reads(httpx2.SyncByteStream):
    """Gives read after read, and knows which one it gave last."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.at_ns: int | None = None

    def __iter__(self) -> Iterator[bytes]:
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            yield read.data
        self.at_ns = self._exchange.timing.end_ns


class _Ear:
    """The loop of `openai_responses_loop`, and what was heard in it."""

    def __init__(self) -> None:
        self.reads: _Reads | None = None
        self.texts: list[tuple[str, int | None]] = []
        self.calls: dict[int | None, dict[str, object]] = {}
        self.finish_reason: str | None = None

    def now(self) -> int | None:
        return self.reads.at_ns if self.reads is not None else None

    def said(self, text: object) -> None:
        if isinstance(text, str) and text:
            self.texts.append((text, self.now()))

    def item(self, value: object, item: object) -> None:
        if getattr(item, "type", None) != "function_call":
            return
        index = _index(value)
        fresh: dict[str, object] = {"index": index, "id": None, "name": None, "arguments": ""}
        call = self.calls.setdefault(index, fresh)
        call["at_ns"] = self.now()
        for key, name in (("id", "call_id"), ("name", "name"), ("arguments", "arguments")):
            said = getattr(item, name, None)
            if isinstance(said, str) and said:
                call[key] = said

    def fragment(self, event: object) -> None:
        call = self.calls.get(_index(getattr(event, "output_index", None)))
        delta = getattr(event, "delta", None)
        if call is not None and isinstance(delta, str):
            call["arguments"] = cast("str", call["arguments"]) + delta
            call["at_ns"] = self.now()

    def finished(self, response: object) -> None:
        status = getattr(response, "status", None)
        if isinstance(status, str) and status:
            self.finish_reason = status

    def listen(self, events: Iterable[object]) -> None:
        for event in events:
            kind = getattr(event, "type", None)
            if kind == "response.output_text.delta":
                self.said(getattr(event, "delta", None))
            elif kind in ("response.output_item.added", "response.output_item.done"):
                self.item(getattr(event, "output_index", None), getattr(event, "item", None))
            elif kind == "response.function_call_arguments.delta":
                self.fragment(event)
            elif kind in TERMINAL:
                self.finished(getattr(event, "response", None))


def _index(value: object) -> int | None:
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _ask(client: openai.OpenAI, way: Way, ear: _Ear) -> None:
    if way == "raw":
        with client.responses.create(model="m", input="Hello", stream=True) as stream:
            ear.listen(stream)
    elif way == "helper":
        with client.responses.stream(model="m", input="Hello") as events:
            ear.listen(events)
            events.get_final_response()
    else:
        response = client.responses.create(model="m", input="Hello")
        ear.said(response.output_text)
        for index, item in enumerate(response.output):
            ear.item(index, item)
        ear.finished(response)


def hear_from(client: openai.OpenAI, way: Way, ear: _Ear | None = None) -> dict[str, object]:
    """What is heard, with the time of the read that brought it where the reads are known."""
    ear = ear or _Ear()
    error = None
    with warnings.catch_warnings():
        # pydantic warns of what it finds in a model whose fields were not checked.
        warnings.simplefilter("ignore")
        try:
            _ask(client, way, ear)
        except Exception as raised:  # noqa: BLE001  # whatever the package raises is what is looked for
            error = f"{type(raised).__name__}: {raised}".encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # Outcomes are ours and no library's.
    listening = Listening()
    for text, _ in ear.texts:
        listening.text(text)
    for call in ear.calls.values():
        listening.call(object()).name = cast("str | None", call["name"])
    outcome = listening.heard(error, ended=True, at_ns=None).outcome.value
    return {
        "outcome": outcome,
        "texts": ear.texts,
        "tool_calls": list(ear.calls.values()),
        "finish_reason": ear.finish_reason,
        "error": error,
    }


def real(exchange: Exchange, way: Way) -> Mapping[str, object]:
    """What the package's user hears of an answer that comes whole and whose connection does not break."""
    ear = _Ear()

    def answer(_: httpx2.Request) -> httpx2.Response:
        assert exchange.response is not None
        ear.reads = _Reads(exchange)
        # The package reads the body to its end before it looks at a whole answer; a stream it iterates.
        return httpx2.Response(exchange.response.status, headers=exchange.response.headers, stream=ear.reads)

    with httpx2.Client(transport=httpx2.MockTransport(answer), follow_redirects=True) as http:
        client = openai.OpenAI(api_key="none", base_url="http://endpoint.example/v1", max_retries=0, http_client=http)
        return hear_from(client, way, ear)


def shown(heard: Heard, *, timed: bool = True) -> Mapping[str, object]:
    """What the model heard, in the same form."""
    return {
        "outcome": heard.outcome.value,
        "texts": [(part.text, part.at_ns if timed else None) for part in heard.texts],
        "tool_calls": [
            {
                "index": call.index,
                "id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                "at_ns": call.at_ns if timed else None,
            }
            for call in heard.tool_calls
        ],
        "finish_reason": heard.finish_reason,
        "error": heard.error,
    }
