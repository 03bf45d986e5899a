"""Events that the accumulator of openai 6.x for Node takes or trips over; the differential test proves each of them."""

from consumers.openai_node_vectors import answer
from consumers.responses_vectors import CREATED, event
from vapi_conformance.exchange import Exchange

__all__ = ["STATE_VECTORS"]

Json = dict[str, object]
NOTHING: list[object] = []


def added(item_type: str, **fields: object) -> str:
    return event("response.output_item.added", output_index=0, item={"type": item_type, **fields})


def at(kind: str, **fields: object) -> str:
    return event(f"response.{kind}", output_index=0, content_index=0, summary_index=0, **fields)


def part(kind: str, **fields: object) -> str:
    return at("content_part.added", part={"type": kind, **fields})


MESSAGE = added("message", content=NOTHING)
REASONING = added("reasoning", summary=NOTHING)
TEXT = MESSAGE + part("output_text", text="", annotations=NOTHING)
REFUSAL = MESSAGE + part("refusal", refusal="")
THOUGHT = REASONING + part("reasoning_text", text="")
SUMMARY = REASONING + at("reasoning_summary_part.added", part={"type": "summary_text", "text": ""})
UNSTRINGABLE: Json = {"toString": 1}

GOOD = {
    "a text": TEXT
    + at("output_text.delta", delta="a")
    + at("output_text.annotation.added", annotation_index=0, annotation={"type": "x"})
    + at("output_text.done", text="a")
    + at("content_part.done", part={"type": "output_text", "text": "a"})
    + at("output_item.done", item={"type": "message", "content": NOTHING}),
    "a refusal": REFUSAL + at("refusal.delta", delta="No") + at("refusal.done", refusal="No"),
    "a refusal that is done": REFUSAL + at("content_part.done", part={"type": "refusal", "refusal": "No"}),
    "thoughts": THOUGHT
    + at("reasoning_text.delta", delta="a")
    + at("reasoning_text.done", text="a")
    + at("content_part.done", part={"type": "reasoning_text", "text": "a"}),
    "a summary": SUMMARY
    + at("reasoning_summary_text.delta", delta="a")
    + at("reasoning_summary_text.done", text="a")
    + at("reasoning_summary_part.done", part={"type": "summary_text", "text": "a"}),
    "a call": added("function_call", arguments="")
    + at("function_call_arguments.delta", delta="{}")
    + at("function_call_arguments.done", arguments="{}"),
    "a custom call": added("custom_tool_call", input="")
    + at("custom_tool_call_input.delta", delta="x")
    + at("custom_tool_call_input.done", input="x"),
    "code": added("code_interpreter_call")
    + at("code_interpreter_call.in_progress")
    + at("code_interpreter_call_code.delta", delta="x")
    + at("code_interpreter_call_code.done", code="x"),
    "events without state": event("response.mcp_list_tools.in_progress") + event("keepalive"),
    "a delta for an item of another type": added("web_search_call")
    + "".join(
        at(kind, delta="x", part={"type": "refusal"})
        for kind in (
            "output_text.delta",
            "output_text.done",
            "output_text.annotation.added",
            "refusal.delta",
            "refusal.done",
            "content_part.added",
            "content_part.done",
            "reasoning_text.delta",
            "reasoning_text.done",
            "reasoning_summary_part.added",
            "reasoning_summary_part.done",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "function_call_arguments.delta",
        )
    ),
    "a thought in a message": MESSAGE
    + part("reasoning_text")
    + at("content_part.done", part={"type": "reasoning_text"}),
    "a text in a reasoning item": REASONING + part("output_text"),
    "an index in a string": TEXT + event("response.output_text.delta", output_index="0", content_index="0", delta="a"),
}
BAD = {
    "Cannot convert undefined or null to object": event("response.in_progress"),
    "rsp.output is not iterable": event("response.in_progress", response={"output": 5}),
    "output.content is not iterable": added("message"),
    "Cannot read properties of null (reading 'type')": event("response.in_progress", response={"output": [None]}),
    "Cannot read properties of undefined (reading 'type')": event("response.output_item.added"),
    "snapshot.output.push is not a function": event("response.in_progress", response={"output": "", "output_text": ""})
    + MESSAGE,
    "Cannot read properties of undefined (reading 'push')": event("response.in_progress", response={"output_text": ""})
    + MESSAGE,
    "Cannot read properties of undefined (reading 'map')": event("response.in_progress", response={"output_text": ""}),
    "response.output.map is not a function": event("response.in_progress", response={"output": "", "output_text": ""}),
    "Cannot read properties of undefined (reading '0')": event("response.in_progress", response={"output_text": "a"})
    + at("refusal.delta"),
    "missing output at index 0": at("refusal.delta"),
    "missing output at index undefined": event("response.refusal.delta"),
    "missing content at index 0": REASONING + at("reasoning_text.delta", delta="a"),
    "missing content at index undefined": TEXT + event("response.output_text.delta", output_index=0, delta="a"),
    "missing content at index 1": TEXT + event("response.output_text.delta", output_index=0, content_index=1),
    "missing content at index [object Object]": REASONING
    + event("response.content_part.done", output_index=0, content_index={}, part={"type": "reasoning_text"}),
    "expected content to be 'output_text', got refusal": REFUSAL + at("output_text.done", text=""),
    "expected content to be 'refusal', got output_text": TEXT + at("refusal.done", refusal=""),
    "expected content to be 'refusal', got undefined": MESSAGE + at("content_part.added", part={}) + at("refusal.done"),
    "expected content to be 'reasoning_text', got null": added("reasoning", content=[{"type": None}])
    + at("reasoning_text.done", text=""),
    "Cannot set properties of undefined (setting '0')": MESSAGE
    + part("output_text")
    + at("output_text.annotation.added", annotation_index=0),
    "Cannot create property '0' on number '5'": MESSAGE
    + part("output_text", annotations=5)
    + at("output_text.annotation.added", annotation_index=0),
    "Cannot create property '0' on boolean 'true'": MESSAGE
    + part("output_text", annotations=True)
    + at("output_text.annotation.added", annotation_index=0),
    "Cannot assign to read only property '0' of string 'abc'": MESSAGE
    + part("output_text", annotations="abc")
    + at("output_text.annotation.added", annotation_index=0),
    "Cannot create property 'text' on string 'abc'": added("reasoning", summary=["abc"])
    + at("reasoning_summary_text.done", text=""),
    "output.summary.push is not a function": added("reasoning", summary={}) + at("reasoning_summary_part.added"),
    "output.content.push is not a function": added("reasoning", content={}) + part("reasoning_text"),
    "Cannot convert object to primitive value": TEXT + at("output_text.delta", delta=UNSTRINGABLE),
    "item.content.map is not a function": added("message", content=""),
    'Unhandled response stream event: {"type":null}': 'data: {"type":null}\n\n',
    "no": event("error", message="no"),
}
NOT_CREATED = "OpenAIError: When snapshot hasn't been set yet, expected 'response.created' event, got undefined"
STATE_VECTORS: dict[str, tuple[Exchange, str | None]] = {
    **{name: (answer(CREATED + body), None) for name, body in GOOD.items()},
    **{
        said: (answer(CREATED + body), f"{'Object' if said == 'no' else 'OpenAIError'}: {said}")
        for said, body in BAD.items()
    },
    "an event that is a number": (answer("data: 5\n\n"), NOT_CREATED),
    "an array in place of the response": (
        answer('data: {"type":"response.created","response":[]}\n\n'),
        "OpenAIError: rsp.output is not iterable",
    ),
}
