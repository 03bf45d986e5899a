"""Messages: the shape of a message and of its blocks, whole or as a stream begins them."""

from collections.abc import Iterator

from vapi_conformance.dialects.transcript import UsageReport
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.anthropic.view import (
    CALLS,
    MESSAGES,
    TYPES,
    blocks_in,
    has_block,
    is_answer,
    is_message,
    shape_rule,
)
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed
from vapi_conformance.rules.whole_answer import document

__all__ = [
    "blocks_have_a_type",
    "cache_counts_are_integers",
    "citations_are_a_list",
    "content_is_an_array",
    "id_is_non_empty",
    "message_matches_the_schema",
    "model_is_named",
    "redacted_thinking_has_data",
    "role_is_assistant",
    "server_results_name_their_call",
    "stop_reason_is_known",
    "stop_sequence_is_a_string_or_null",
    "text_is_a_string",
    "thinking_is_signed",
    "tool_input_is_an_object",
    "tool_use_has_id_and_name",
    "type_is_message",
    "usage_counts_are_integers",
]


def _counts_the_cache(report: UsageReport) -> bool:
    return any(key.startswith("cache_") for key in report.counts)


type_is_message = shape_rule(
    "anthropic.type-is-message",
    about="The `type` of an answer is `message`.",
    expected='"type": "message"',
    standard=MUST,
    source=f"{TYPES}/message.py, type",
    catalogue=["ANTH-01"],
    remedy='Send "type": "message" in a whole answer and in message_start; other APIs have other documents.',
    applies=lambda evidence: is_answer(evidence) or document(evidence) is not None,
)
role_is_assistant = shape_rule(
    "anthropic.role-is-assistant",
    about="The `role` of a message is `assistant`.",
    expected='"role": "assistant"',
    standard=MUST,
    source=f"{TYPES}/message.py, role",
    catalogue=["ANTH-01"],
    remedy='Send "role": "assistant".',
)
id_is_non_empty = shape_rule(
    "anthropic.id-is-non-empty",
    about="A message has an `id`, a string that is not empty.",
    expected="an id, as a string that is not empty",
    standard=MUST,
    source=f"{TYPES}/message.py, id",
    catalogue=["ANTH-01"],
    remedy="Give every answer an id of its own, such as msg_ and a random part.",
)
model_is_named = shape_rule(
    "anthropic.model-is-named",
    about="A message names its `model`, in a string that is not empty.",
    expected="the name of the model",
    standard=MUST,
    source=f"{TYPES}/message.py, model",
    catalogue=["ANTH-01"],
    remedy="Name the model that answered.",
)
content_is_an_array = shape_rule(
    "anthropic.content-is-an-array",
    about="The `content` of a whole message is an array of blocks.",
    expected="content as an array of blocks",
    standard=MUST,
    source=f"{TYPES}/message.py, content",
    catalogue=["ANTH-01"],
    remedy='Send [{"type": "text", "text": "..."}]; a bare string is understood in requests only.',
    applies=is_message,
)
blocks_have_a_type = shape_rule(
    "anthropic.blocks-have-a-type",
    about="Every content block is an object that names its `type`.",
    expected="an object with a type",
    standard=MUST,
    source=f"{TYPES}/content_block.py",
    catalogue=["ANTH-01"],
    remedy="Send the type with each block; clients tell by it what the block is.",
)
stop_reason_is_known = shape_rule(
    "anthropic.stop-reason-is-known",
    about="A `stop_reason` is one of those that the API has, and never null in a whole message.",
    expected="end_turn, max_tokens, stop_sequence, tool_use, pause_turn, refusal or model_context_window_exceeded",
    standard=MUST,
    source=f"{TYPES}/stop_reason.py",
    catalogue=["ANTH-02"],
    remedy='Translate the reason of your backend: "stop" is end_turn, "length" max_tokens, "tool_calls" tool_use.',
)
stop_sequence_is_a_string_or_null = shape_rule(
    "anthropic.stop-sequence-is-a-string-or-null",
    about="`stop_sequence` is a string or null, and the key is there in a whole message.",
    expected="the key stop_sequence with a string or null",
    standard=MUST,
    source=f"{TYPES}/message.py, stop_sequence",
    catalogue=["ANTH-01"],
    remedy='Send "stop_sequence": null where none ended the answer.',
)
usage_counts_are_integers = shape_rule(
    "anthropic.usage-counts-are-integers",
    about="`usage` counts `input_tokens` and `output_tokens`, in integers from 0.",
    expected="input_tokens and output_tokens, as integers from 0",
    standard=MUST,
    source=f"{TYPES}/usage.py",
    catalogue=["ANTH-01", "ANTH-04"],
    remedy="Send both counts with every message; clients add them up without looking.",
)
cache_counts_are_integers = shape_rule(
    "anthropic.cache-counts-are-integers",
    about="The counts of the prompt cache are integers from 0, or null.",
    expected="an integer from 0, or null",
    standard=MUST,
    source=f"{TYPES}/usage.py, cache_creation_input_tokens, cache_read_input_tokens; {TYPES}/cache_creation.py",
    catalogue=["ANTH-04"],
    remedy="Leave the cache's counts out, or send integers.",
    applies=lambda evidence: is_answer(evidence) and any(map(_counts_the_cache, evidence.transcript.usages)),
)
text_is_a_string = shape_rule(
    "anthropic.text-is-a-string",
    about="The `text` of a text block is a string.",
    expected="text as a string",
    standard=MUST,
    source=f"{TYPES}/text_block.py, text",
    catalogue=["ANTH-05"],
    remedy='Send {"type": "text", "text": "..."}; where nothing is said, send no block.',
)
citations_are_a_list = shape_rule(
    "anthropic.citations-are-a-list",
    about="The `citations` of a text block are a list of citations, null, or absent.",
    expected="a list of objects with a type, or null",
    standard=MUST,
    source=f"{TYPES}/text_block.py, citations",
    catalogue=["ANTH-05"],
    remedy="Send citations as a list, or leave the key out.",
    applies=lambda evidence: any("citations" in block.fields for block in blocks_in(evidence)),
)
tool_use_has_id_and_name = shape_rule(
    "anthropic.tool-use-has-id-and-name",
    about="A tool call has an `id` and a `name`, strings that are not empty.",
    expected="id and name, as strings that are not empty",
    standard=MUST,
    source=f"{TYPES}/tool_use_block.py, id, name",
    catalogue=["ANTH-06"],
    remedy="Give each call an id of its own and the name of the tool: the result is sent back under that id.",
    applies=has_block(*CALLS),
)
tool_input_is_an_object = shape_rule(
    "anthropic.tool-input-is-an-object",
    about="The `input` of a call in a whole message is an object, not JSON as text.",
    expected="input as an object",
    standard=MUST,
    source=f"{TYPES}/tool_use_block.py, input",
    catalogue=["ANTH-06"],
    remedy="Parse the arguments before sending them; only Chat Completions has them as text.",
    applies=lambda evidence: is_message(evidence) and has_block(*CALLS)(evidence),
)
redacted_thinking_has_data = shape_rule(
    "anthropic.redacted-thinking-has-data",
    about="A block of redacted thinking has `data`.",
    expected="data, as a string that is not empty",
    standard=MUST,
    source=f"{TYPES}/redacted_thinking_block.py, data",
    catalogue=["ANTH-08"],
    remedy="Pass the encrypted thoughts on as they came; the next request has to send them back.",
    applies=has_block("redacted_thinking"),
)


@rule(
    "anthropic.thinking-is-signed",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/thinking_block.py, signature",
    catalogue=["ANTH-08"],
    remedy="Send the signature, on a stream by a signature_delta; without it the thought cannot be sent back.",
    applies=has_block("thinking"),
)
def thinking_is_signed(evidence: Evidence) -> Iterator[Violation]:
    """A thinking block has a `signature`."""
    yield from shape_violations(evidence, "anthropic.thinking-is-signed", expected="thinking and signature, as strings")
    if evidence.transcript.kind == "json":
        return
    yield from at_most(
        Violation.at(
            evidence.transcript.chunks[block.start],
            expected="a signature before the block stops",
            actual="none came",
        )
        for block in blocks_in(evidence)
        # Without its stop the rest of the block is missing, and that is a fault of its own.
        if block.kind == "thinking" and block.stop is not None
        if not (block.fields.get("signature") or block.joined("signature_delta", "signature"))
    )


@rule(
    "anthropic.server-results-name-their-call",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/web_search_tool_result_block.py, tool_use_id",
    catalogue=["ANTH-STREAM-20"],
    remedy="Send in tool_use_id the id of the server_tool_use block that the result belongs to.",
    applies=lambda evidence: any(block.kind.endswith("_tool_result") for block in blocks_in(evidence)),
)
def server_results_name_their_call(evidence: Evidence) -> Iterator[Violation]:
    """The result of a tool that the server ran names the call that it answers."""
    yield from shape_violations(
        evidence, "anthropic.server-results-name-their-call", expected="tool_use_id and content"
    )
    seen: set[object] = set()
    for block in blocks_in(evidence):
        call = block.fields.get("tool_use_id")
        if block.kind in ("server_tool_use", "mcp_tool_use", "tool_use") and isinstance(block.fields.get("id"), str):
            seen.add(block.fields["id"])
        # A turn that was paused goes on in the next answer, with results of calls that stand in the request.
        elif block.kind.endswith("_tool_result") and isinstance(call, str) and call and call not in seen:
            if evidence.request is None or call.encode() in (evidence.exchange.request.body or b""):
                continue
            yield Violation.at(
                evidence.transcript.chunks[block.start],
                expected="the id of a call before it",
                actual=f"tool_use_id {quote(call)}",
            )


@rule(
    "anthropic.message-matches-the-schema",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{TYPES}/message.py",
    remedy="Send the keys and types that the API describes.",
    applies=is_message,
)
def message_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """A whole message has the described shape in everything that no other rule is about."""
    return unclaimed(evidence)
