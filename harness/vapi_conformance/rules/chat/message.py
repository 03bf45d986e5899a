"""The message of a whole answer: role, content, refusal, tool calls. Its shapes come from where those of `chat` do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, object_or_none, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations
from vapi_conformance.rules.whole_answer import (
    choices,
    has_message,
    messages,
    violation,
)

__all__ = [
    "content_is_not_an_array",
    "content_key_is_present",
    "null_content_has_a_reason",
    "refusal_key_is_present",
    "role_is_assistant",
    "tool_calls_are_complete",
]

_MESSAGE: Final = "openai-openapi 2.3.0, ChatCompletionResponseMessage"


def _has_in_message(key: str) -> Callable[[Evidence], bool]:
    return lambda evidence: any(key in message for _, message in messages(evidence))


@rule(
    "chat.role-is-assistant",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=f"{_MESSAGE}.role",
    catalogue=["CHAT-08"],
    remedy='Send "role": "assistant" in the message.',
    applies=has_message,
)
def role_is_assistant(evidence: Evidence) -> Iterator[Violation]:
    """The role of the message is `assistant`."""
    yield from shape_violations(evidence, "chat.role-is-assistant", expected='"role": "assistant"')


@rule(
    "chat.content-key-is-present",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_MESSAGE}.content",
    catalogue=["CHAT-09"],
    remedy="Always send content; null where the answer is a tool call or a refusal.",
    applies=has_message,
)
def content_key_is_present(evidence: Evidence) -> Iterator[Violation]:
    """The message has the key `content`, be it null."""
    yield from shape_violations(
        evidence, "chat.content-key-is-present", expected="the key content, null where there is no text"
    )


@rule(
    "chat.content-is-not-an-array",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"{_MESSAGE}.content",
    catalogue=["CHAT-10"],
    remedy="Send the text as one string; parts are for requests.",
    applies=_has_in_message("content"),
)
def content_is_not_an_array(evidence: Evidence) -> Iterator[Violation]:
    """`content` is a string or null, never an array of parts."""
    yield from shape_violations(evidence, "chat.content-is-not-an-array", expected="content as a string, or null")


def _says_why_it_is_silent(choice: Mapping[str, object], message: Mapping[str, object]) -> bool:
    return (
        bool(array_or_none(message.get("tool_calls")))
        or object_or_none(message.get("function_call")) is not None
        or bool(string_or_none(message.get("refusal")))
        or object_or_none(message.get("audio")) is not None
        or choice.get("finish_reason") == "content_filter"
    )


@rule(
    "chat.null-content-has-a-reason",
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    source=f"{_MESSAGE}.content; observed: every null content of the first party has such a reason",
    catalogue=["CHAT-11"],
    remedy="Send text, or say by tool_calls, refusal or the finish reason content_filter why there is none.",
    applies=_has_in_message("content"),
)
def null_content_has_a_reason(evidence: Evidence) -> Iterator[Violation]:
    """`content` is null only beside a tool call, a function call, a refusal, audio or a content filter."""

    yield from at_most(
        violation(
            evidence,
            "text, or a tool call, a refusal, audio or a content filter in its place",
            f"choice {place} has content null and nothing else to say",
        )
        for place, choice in choices(evidence)
        if (message := object_or_none(choice.get("message"))) is not None
        and message.get("content", "") is None
        and not _says_why_it_is_silent(choice, message)
    )


@rule(
    "chat.refusal-key-is-present",
    dialects=CHAT,
    standard=MAY,
    vapi=MAY,
    source=f"{_MESSAGE}.refusal; observed: older first-party answers leave it out",
    catalogue=["CHAT-13"],
    remedy="Send refusal in each message: null, or the words of the refusal.",
    applies=has_message,
)
def refusal_key_is_present(evidence: Evidence) -> Iterator[Violation]:
    """The message has the key `refusal`, be it null."""
    yield from at_most(
        violation(evidence, "the key refusal", f"the message of choice {place} has none")
        for place, message in messages(evidence)
        if "refusal" not in message
    )


def _has_call(evidence: Evidence) -> bool:
    return any(message.get("tool_calls") not in (None, []) for _, message in messages(evidence))


@rule(
    "chat.tool-calls-are-complete",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, ChatCompletionMessageToolCall",
    catalogue=["CHAT-TOOL-03", "CHAT-TOOL-06"],
    remedy='Give each call an id, "type": "function", function.name, and function.arguments as JSON in a string.',
    applies=_has_call,
)
def tool_calls_are_complete(evidence: Evidence) -> Iterator[Violation]:
    """Each tool call of a whole answer has an id, its type, and a function with a name and arguments as a string."""
    expected = "id, type, and function with a name and arguments as a string"
    yield from shape_violations(evidence, "chat.tool-calls-are-complete", expected=expected)
