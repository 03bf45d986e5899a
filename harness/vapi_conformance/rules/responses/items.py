"""Items of the output and the parts they hold, wherever they are sent: in events, and in responses."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import string_or_none
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    final_response,
    has_item,
    has_part,
    output_items,
    sent_items,
)
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "annotations_are_an_array",
    "item_has_id",
    "item_has_type",
    "item_ids_are_unique",
    "item_status_is_known",
    "item_type_is_known",
    "logprobs_are_an_array",
    "message_content_is_an_array",
    "message_has_status",
    "message_role_is_assistant",
    "part_type_is_known",
    "reasoning_is_well_formed",
    "refusal_is_a_string",
    "text_is_a_string",
]

_API: Final = "openai-openapi 2.3.0"
_KNOWN: Final = frozenset(
    {
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "computer_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "file_search_call",
        "function_call",
        "function_call_output",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "message",
        "reasoning",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    }
)


@rule(
    "responses.item-has-type",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputItem",
    catalogue=["RESP-06"],
    remedy="Say what each item is: message, function_call, reasoning.",
    applies=has_item(),
)
def item_has_type(evidence: Evidence) -> Iterator[Violation]:
    """Every item has a `type`, a string that is not empty."""
    return shape_violations(evidence, "responses.item-has-type", expected="a type, by which clients tell items apart")


@rule(
    "responses.item-type-is-known",
    dialects=RESPONSES,
    standard=MAY,
    source=f"{_API}, OutputItem; clients pass unknown items over",
    catalogue=["RESP-06"],
    remedy="Use the described types; a client does nothing with others.",
    applies=has_item(),
)
def item_type_is_known(evidence: Evidence) -> Iterator[Violation]:
    """Every item is of a described type."""
    for sent in sent_items(evidence):
        kind = string_or_none(sent.fields.get("type"))
        if kind and kind not in _KNOWN:
            yield Violation.at(sent.chunk, expected="a described type", actual=quote(kind))
            return


@rule(
    "responses.item-has-id",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.id; observed: every item has one",
    catalogue=["RESP-06"],
    remedy="Give each item an id; events name it, and the next request may refer to it.",
    applies=has_item(),
)
def item_has_id(evidence: Evidence) -> Iterator[Violation]:
    """Every item has an `id`, a string that is not empty."""
    return shape_violations(evidence, "responses.item-has-id", expected="an id, a string that is not empty")


@rule(
    "responses.item-ids-are-unique",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.id: the unique ID",
    catalogue=["RESP-06"],
    remedy="Make an id for each item; a constant one names several.",
    applies=lambda evidence: any(True for _ in output_items(final_response(evidence))),
)
def item_ids_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """No two items of a response have the same id."""
    sent, seen = final_response(evidence), set[str]()
    for item in output_items(sent):
        name = string_or_none(item.get("id"))
        if sent is not None and name and name in seen:
            yield Violation.at(sent.chunk, expected="an id of its own for each item", actual=f"{quote(name)} again")
            return
        seen.add(name or "")


@rule(
    "responses.item-status-is-known",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.status, FunctionToolCall.status",
    catalogue=["RESP-06"],
    remedy="Use in_progress, completed or incomplete; calls that the service makes itself have some more.",
    applies=lambda evidence: any("status" in sent.fields for sent in sent_items(evidence)),
)
def item_status_is_known(evidence: Evidence) -> Iterator[Violation]:
    """`status` of an item is one of the described values."""
    return shape_violations(evidence, "responses.item-status-is-known", expected="a described status")


@rule(
    "responses.message-role-is-assistant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.role",
    catalogue=["RESP-07"],
    remedy='Send "role": "assistant" with each message.',
    applies=has_item("message"),
)
def message_role_is_assistant(evidence: Evidence) -> Iterator[Violation]:
    """The role of a message is `assistant`."""
    return shape_violations(evidence, "responses.message-role-is-assistant", expected="role assistant")


@rule(
    "responses.message-has-status",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.status",
    catalogue=["RESP-07"],
    remedy="Say of each message whether it is in_progress, completed or incomplete.",
    applies=has_item("message"),
)
def message_has_status(evidence: Evidence) -> Iterator[Violation]:
    """Every message has a `status`."""
    return shape_violations(evidence, "responses.message-has-status", expected="a status")


@rule(
    "responses.message-content-is-an-array",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessage.content",
    catalogue=["RESP-07"],
    remedy="Send content as an array of parts, empty while there is none; not as a string.",
    applies=has_item("message"),
)
def message_content_is_an_array(evidence: Evidence) -> Iterator[Violation]:
    """The content of a message is an array of objects."""
    return shape_violations(evidence, "responses.message-content-is-an-array", expected="an array of parts")


@rule(
    "responses.part-type-is-known",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputMessageContent: output_text or refusal",
    catalogue=["RESP-07", "RESP-08"],
    remedy="Send text in parts of type output_text (not text, as in Chat Completions), refusals as refusal.",
    applies=has_part(),
)
def part_type_is_known(evidence: Evidence) -> Iterator[Violation]:
    """Every part has a type; in a message it is output_text or refusal."""
    return shape_violations(evidence, "responses.part-type-is-known", expected="output_text or refusal")


@rule(
    "responses.text-is-a-string",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputTextContent.text",
    catalogue=["RESP-08"],
    remedy="Send text as a string, empty while there is none.",
    applies=has_part("output_text"),
)
def text_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `text` of a part is a string."""
    return shape_violations(evidence, "responses.text-is-a-string", expected="text is a string")


@rule(
    "responses.annotations-are-an-array",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, OutputTextContent.annotations",
    catalogue=["RESP-08"],
    remedy="Send annotations as an array of objects with a type, empty where there are none.",
    applies=has_part("output_text"),
)
def annotations_are_an_array(evidence: Evidence) -> Iterator[Violation]:
    """The `annotations` of a text are an array of objects that have a type."""
    return shape_violations(evidence, "responses.annotations-are-an-array", expected="an array of typed objects")


@rule(
    "responses.logprobs-are-an-array",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_API}, OutputTextContent.logprobs; observed: absent in older answers",
    catalogue=["RESP-08"],
    remedy="Send logprobs as an array, empty unless they were asked for.",
    applies=has_part("output_text"),
)
def logprobs_are_an_array(evidence: Evidence) -> Iterator[Violation]:
    """The `logprobs` of a text are there, an array."""
    return shape_violations(evidence, "responses.logprobs-are-an-array", expected="logprobs are an array")


@rule(
    "responses.refusal-is-a-string",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, RefusalContent.refusal",
    catalogue=["RESP-07"],
    remedy="Send the words of a refusal under refusal, as a string.",
    applies=has_part("refusal"),
)
def refusal_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `refusal` of a part is a string."""
    return shape_violations(evidence, "responses.refusal-is-a-string", expected="refusal is a string")


@rule(
    "responses.reasoning-is-well-formed",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ReasoningItem: summary is required",
    catalogue=["RESP-06"],
    remedy="Send summary as an array of summary_text, empty where there is none; raw reasoning goes into content.",
    applies=has_item("reasoning"),
)
def reasoning_is_well_formed(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning has a `summary`, an array of typed texts, and its `content`, if any, is one too."""
    return shape_violations(evidence, "responses.reasoning-is-well-formed", expected="arrays of typed texts")
