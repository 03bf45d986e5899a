"""openai-node, as a consumer: what a `for await` loop over a streamed chat completion hears.

Vapi's requests carry the header set of openai-node 4.83.0 to 4.91.1, and it speaks streams which the library's own
accumulating helper would refuse; so it most likely iterates the raw chunks (inferred). This is the loop that is
modelled, character for character the one in `tests/consumers/node/driver.mjs`, which runs the real package:

```js
for await (const chunk of stream) {
  for (const choice of chunk.choices) {
    const delta = choice?.delta;
    const text = delta?.content;
    if (typeof text === 'string' && text) heardText(text);
    for (const call of delta?.tool_calls ?? []) heardCall(call);
    const reason = choice?.finish_reason;
    if (typeof reason === 'string' && reason) finishReason = reason;
  }
}
```

How Vapi puts tool calls together is unknown. As in the library's own helper, fragments belong together when their
`index` is the same key of a JavaScript Map (absent ones share `undefined`), arguments are appended with `+=`, and the
last `id` and `name` that are not empty win:

```js
function heardCall(fragment) {
  const key = fragment?.index;
  if (!calls.has(key)) calls.set(key, { index: key, id: null, name: null, arguments: '' });
  const call = calls.get(key);
  const fn = fragment?.function;
  if (typeof fragment?.id === 'string' && fragment.id) call.id = fragment.id;
  if (typeof fn?.name === 'string' && fn.name) call.name = fn.name;
  if (fn?.arguments) call.arguments += fn.arguments;
}
```

Retries are off, as `x-stainless-retry-count` is 0 on every request that was seen of Vapi.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from vapi_conformance.consumers import node_http, openai_node_errors, v8_json
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.js_loop import iterated
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_node_sse import NodeEventDecoder, NodeSseEvent, SdkVersion
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_none, integer_or_none, object_or_nothing, string_or_none

__all__ = ["SdkVersion", "hear"]

_DONE: Final = "[DONE]"
_UNWRAPPED_EVENT_PREFIXES: Final[Mapping[SdkVersion, tuple[str, ...]]] = {
    "4.83.0": (),
    "4.91.1": ("response.", "transcript."),
}


def hear(
    exchange: Exchange,
    *,
    sdk_version: SdkVersion = "4.91.1",
    max_body_bytes: int = 64 << 20,
    max_event_bytes: int = 16 << 20,
) -> Heard:
    """What the loop above hears of this answer, and how it ends.

    Never raises on what a server sent. `max_body_bytes` (content coding undone) and `max_event_bytes` (one event's
    data) bound memory and time; beyond them the outcome is `FAILED`, with our words in round brackets.
    """
    body = node_http.Body(exchange, max_body_bytes=max_body_bytes)
    loop = _Loop(sdk_version=sdk_version, max_event_bytes=max_event_bytes)
    thrown: JsError | None = None
    try:
        openai_node_errors.raise_for_status(exchange, body)
        for piece in body.pieces():
            loop.take(piece, body.at_ns)
        if exchange.end is End.CLEAN:
            loop.end(body.at_ns)
    except JsError as error:
        thrown = error
    return loop.heard(thrown, body.at_ns)


class _Loop:
    """The loop of the module's docstring, fed with bytes and their times."""

    def __init__(self, *, sdk_version: SdkVersion, max_event_bytes: int) -> None:
        self._listening = Listening()
        self._decoder = NodeEventDecoder(sdk_version=sdk_version)
        self._unwrapped = _UNWRAPPED_EVENT_PREFIXES[sdk_version]
        self._max_event_bytes = max_event_bytes
        self._done = False

    def take(self, data: bytes, at_ns: int | None) -> None:
        self._listening.at_ns = at_ns
        self._events(self._decoder.feed(data))

    def end(self, at_ns: int | None) -> None:
        self._listening.at_ns = at_ns
        self._events(self._decoder.end())

    def heard(self, thrown: JsError | None, at_ns: int | None) -> Heard:
        """`at_ns` is when the loop ended, well or not."""
        ended = not isinstance(thrown, node_http.NeverEndsError)
        return self._listening.heard(None if thrown is None else str(thrown), ended=ended, at_ns=at_ns)

    def _events(self, events: Iterable[NodeSseEvent]) -> None:
        for event in events:
            if self._done:
                # The library reads on until the body closes and looks at nothing any more.
                continue
            if event.data.startswith(_DONE):
                self._done = True
                continue
            if len(event.data) > self._max_event_bytes:
                raise JsError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
            self._payload(event, v8_json.parse(event.data))

    def _payload(self, event: NodeSseEvent, payload: object) -> None:
        if event.event is None or event.event.startswith(self._unwrapped):
            error = object_or_nothing(payload).get("error")
            if v8_json.is_truthy(error):
                raise openai_node_errors.api_error(error)
            self._chunk(payload)
        elif event.event == "error":
            raise openai_node_errors.api_error_of_event(payload)
        else:
            # It reaches the loop as `{event, data}`, whose `choices` is undefined.
            self._chunk({})

    def _chunk(self, chunk: object) -> None:
        if chunk is None:
            raise JsError("TypeError", "Cannot read properties of null (reading 'choices')")
        choices = object_or_nothing(chunk).get("choices")
        if isinstance(choices, str):
            return  # its characters are iterated, and none of them has a delta
        items = array_or_none(choices)
        if items is None:
            raise JsError("TypeError", "chunk.choices is not iterable")
        for item in items:
            self._choice(object_or_nothing(item))

    def _choice(self, choice: Mapping[str, object]) -> None:
        delta = object_or_nothing(choice.get("delta"))
        text = string_or_none(delta.get("content"))
        if text is not None:
            self._listening.text(text)
        for call in iterated(delta.get("tool_calls")):
            self._call(call)
        listening = self._listening
        listening.finish_reason = string_or_none(choice.get("finish_reason")) or listening.finish_reason

    def _call(self, value: object) -> None:
        fragment = object_or_nothing(value)
        key, index = _map_key(fragment)
        call = self._listening.call(key, index=index)
        function = object_or_nothing(fragment.get("function"))
        call.id = string_or_none(fragment.get("id")) or call.id
        call.name = string_or_none(function.get("name")) or call.name
        arguments = function.get("arguments")
        if v8_json.is_truthy(arguments):
            call.arguments.append(v8_json.to_string(arguments))


def _map_key(fragment: Mapping[str, object]) -> tuple[Hashable, int | None]:
    """The key under which a Map would find the fragment's call (SameValueZero), and the index when it is one.

    1 and 1.0 are one key there as in Python, but 1 and true are not; objects are equal to nothing but themselves.
    """
    if "index" not in fragment:
        return (), None
    value = fragment["index"]
    if isinstance(value, dict | list):
        return object(), None
    index = int(value) if isinstance(value, float) and value.is_integer() else integer_or_none(value)
    return (isinstance(value, bool), value), index
