"""Events that the accumulator of the Python package openai takes or trips over; each is played to the package too."""

from consumers.openai_node_vectors import answer
from consumers.responses_vectors import event
from vapi_conformance.exchange import Exchange

__all__ = ["STATE_VECTORS"]

Json = dict[str, object]
NOTHING: list[object] = []


def response(**fields: object) -> Json:
    return {"id": "resp_1", **fields}


def lifecycle(kind: str, *output: object, **fields: object) -> str:
    return event(f"response.{kind}", response=response(output=list(output), **fields))


def added(item: object, index: object = 0) -> str:
    return event("response.output_item.added", output_index=index, item=item)


def done(item: object, index: object = 0) -> str:
    return event("response.output_item.done", output_index=index, item=item)


def at(kind: str, **fields: object) -> str:
    return event(f"response.{kind}", **{"output_index": 0, "content_index": 0, **fields})


CREATED = lifecycle("created")
MESSAGE: Json = {"type": "message", "id": "msg_1", "content": NOTHING}
OTHER: Json = {**MESSAGE, "id": "msg_2"}
CALL: Json = {"type": "function_call", "call_id": "call_1", "name": "end", "arguments": "{}"}
NAMED_CALL: Json = {**CALL, "id": "fc_1"}
PART = at("content_part.added", part={"type": "output_text", "text": ""})
WITHOUT_OUTPUT = event("response.completed", response=response())

GOOD = {
    "created again": CREATED + CREATED + lifecycle("queued") + lifecycle("in_progress"),
    "an item that is null": CREATED + added(None) + added(MESSAGE) + done(MESSAGE),
    "an item that gains its id when it is done": CREATED + added(CALL) + done(NAMED_CALL),
    "an item done twice": CREATED + added(MESSAGE) + done(MESSAGE) + done(MESSAGE),
    "an item done and never begun": CREATED + done(MESSAGE, 5),
    "a finished item repeated by the response": CREATED
    + added(CALL)
    + done(CALL)
    + lifecycle("in_progress", NAMED_CALL),
    "an item of the first event": lifecycle("created", MESSAGE)
    + PART
    + at("output_text.delta", delta="Hi")
    + done(MESSAGE),
    "a response without output": event("response.created", response=response()) + added(MESSAGE) + done(MESSAGE),
    "another reasoning part": CREATED
    + added({"type": "reasoning"})
    + at("content_part.added", part={"type": "x"})
    + done({"type": "reasoning"}),
    "a text that is a list": CREATED
    + added(MESSAGE)
    + at("content_part.added", part={"type": "output_text", "text": NOTHING})
    + at("output_text.delta", delta=NOTHING)
    + done(MESSAGE),
    "the second part from behind": CREATED
    + added(MESSAGE)
    + PART
    + at("output_text.delta", content_index=-1, delta="Hi")
    + done(MESSAGE),
}
BAD = {
    "RuntimeError: Lifecycle response identity changed.": CREATED + event("response.in_progress", response={"id": "x"}),
    "AttributeError: 'NoneType' object has no attribute 'to_dict'": event("response.created"),
    "AttributeError: 'list' object has no attribute 'to_dict'": event("response.created", response=NOTHING),
    "TypeError: 'int' object is not iterable": event("response.created", response=response(output=5)),
    "AttributeError: 'str' object has no attribute 'append'": event("response.created", response=response(output=""))
    + added(MESSAGE),
    "AttributeError: 'int' object has no attribute 'type'": CREATED + added(5),
    "RuntimeError: Expected to have received `response.created` before `{'a': 1}`": 'data: {"type":{"a":1}}\n\n',
    "TypeError: unhashable type: 'list'": CREATED + added(MESSAGE, NOTHING),
    "TypeError: unhashable type: 'dict'": CREATED + done({"type": "message", "id": {}}),
    "RuntimeError: Response snapshot has conflicting output identities.": CREATED
    + lifecycle("in_progress", MESSAGE, MESSAGE),
    "RuntimeError: Completed output item identity changed.": CREATED + added(MESSAGE) + done(CALL),
    "RuntimeError: Completed response output identity changed.": CREATED
    + done(NAMED_CALL)
    + lifecycle("completed", {**NAMED_CALL, "id": "fc_2"}),
    "RuntimeError: Cannot complete response with unfinished output items.": CREATED
    + added(MESSAGE)
    + lifecycle("completed", OTHER),
    "AttributeError: 'NoneType' object has no attribute 'append'": CREATED + added({"type": "message"}) + PART,
    "AttributeError: 'str' object has no attribute 'to_dict'": CREATED
    + added(MESSAGE)
    + at("content_part.added", part="x"),
    'TypeError: can only concatenate str (not "int") to str': CREATED
    + added(MESSAGE)
    + PART
    + at("output_text.delta", delta=5),
    "TypeError: unsupported operand type(s) for +=: 'NoneType' and 'str'": CREATED
    + added({"type": "function_call"})
    + at("function_call_arguments.delta", delta="{}"),
    "TypeError: list indices must be integers or slices, not NoneType": CREATED
    + added(MESSAGE)
    + PART
    + at("output_text.delta", content_index=None, delta="Hi"),
    "TypeError: 'NoneType' object is not subscriptable": CREATED
    + added({"type": "message"})
    + at("output_text.delta", delta="Hi"),
    "AssertionError: ": CREATED + added(CALL) + at("output_text.delta", delta="Hi"),
    "AttributeError: 'str' object has no attribute 'type'": lifecycle("created", "x")
    + at("function_call_arguments.delta", delta="{}"),
    "AttributeError: 'NoneType' object has no attribute 'output'": event("response.created", response={})
    + event("response.failed"),
    "AttributeError: 'NoneType' object has no attribute 'model_copy'": event("response.created", response={})
    + event("response.completed"),
    "TypeError: '<' not supported between instances of 'int' and 'NoneType'": CREATED
    + done(MESSAGE, None)
    + done(OTHER, 1)
    + WITHOUT_OUTPUT,
}
MORE_BAD = {
    "another item of the same name": (
        CREATED + done(MESSAGE) + done(MESSAGE, 1),
        "RuntimeError: Response snapshot has conflicting output identities.",
    ),
    "a finished item of another id in the response": (
        CREATED + done(NAMED_CALL) + lifecycle("in_progress", {**NAMED_CALL, "id": "fc_2"}),
        "RuntimeError: Response snapshot has conflicting output identities.",
    ),
    "a done text in a call": (CREATED + added(CALL) + at("output_text.done", text="Hi"), "AssertionError: "),
    "arguments in a message": (
        CREATED + added(MESSAGE) + at("function_call_arguments.delta", delta="{}"),
        "AssertionError: ",
    ),
    "a part of another type": (
        CREATED
        + added(MESSAGE)
        + at("content_part.added", part={"type": "refusal"})
        + at("output_text.delta", delta=""),
        "AssertionError: ",
    ),
    "a message whose content is a text, when completed": (
        CREATED + lifecycle("completed", {**MESSAGE, "content": "Hi"}),
        "AttributeError: 'str' object has no attribute 'type'",
    ),
}
STATE_VECTORS: dict[str, tuple[Exchange, str | None]] = {
    **{name: (answer(body + WITHOUT_OUTPUT), None) for name, body in GOOD.items()},
    **{error: (answer(body), error) for error, body in BAD.items()},
    **{name: (answer(body), error) for name, (body, error) in MORE_BAD.items()},
}
