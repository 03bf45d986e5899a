"""Faults of the words: formally right answers that nobody wants to hear on a phone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.faults.editing import Shelf, say
from vapi_reference_server.faults.fault import SeenOn, Stage

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_words = Shelf(SeenOn.ANY, Stage.REPLIES, everywhere=True).fault
_THOUGHT = "The caller wants a short and friendly answer."


def speech_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_silences(), *_leaks(), *_written_language(), *_lost_text())


def _silences() -> tuple[Fault, ...]:
    return (
        _words("empty-answer", "speech.answer-is-not-empty", "The text is empty.", say(lambda _text: "")),
        _words(
            "blank-answer",
            "speech.answer-is-not-blank",
            "The text is white space.",
            say(lambda _text: " \n "),
        ),
        _words(
            "reasoning-only",
            "speech.answer-is-not-only-reasoning",
            "The model's reasoning is sent, and no answer.",
            _only_reasoning,
        ),
    )


def _leaks() -> tuple[Fault, ...]:
    return (
        _words(
            "think-tags",
            "speech.no-think-tags",
            "The text starts with the model's thoughts, in tags.",
            say(lambda text: f"<think>{_THOUGHT}</think>{text}"),
        ),
        _words(
            "special-tokens",
            "speech.no-special-tokens",
            "A special token of the model ends the text.",
            say(lambda text: f"{text}<|im_end|>"),
        ),
        _words(
            "tool-syntax-aloud",
            "speech.no-tool-syntax-aloud",
            "The text holds a tool call in the model's own syntax.",
            say(lambda text: f'{text} <tool_call>{{"name": "get_weather", "arguments": {{}}}}</tool_call>'),
        ),
    )


def _written_language() -> tuple[Fault, ...]:
    return (
        _words(
            "json-aloud",
            "speech.no-json-aloud",
            "The text is a JSON object.",
            say(lambda _text: '{"response": "Certainly, I can help you with that.", "mood": "friendly"}'),
        ),
        _words(
            "markdown-aloud",
            "speech.no-markdown-aloud",
            "The text is followed by a heading and a list in Markdown.",
            say(lambda text: f"{text}\n\n## Options\n\n- **Opening hours**\n- **Prices**\n"),
        ),
        _words(
            "code-aloud",
            "speech.no-code-aloud",
            "The text is followed by a block of code.",
            say(lambda text: f'{text}\n\n```python\nprint("hello")\n```\n'),
        ),
        _words(
            "emoji-aloud",
            "speech.no-emoji-aloud",
            "The text ends with emoji.",
            say(lambda text: f"{text} 😊🎉"),
        ),
    )


def _lost_text() -> tuple[Fault, ...]:
    return (
        _words(
            "replacement-characters",
            "speech.no-replacement-characters",
            "Some letters have become U+FFFD.",
            say(lambda text: text.replace("e", "\ufffd", 1) if "e" in text else f"{text}\ufffd"),
        ),
        _words(
            "ascii-only",
            "speech.unicode-survives",
            "Letters that are not ASCII become question marks.",
            say(lambda text: text.encode("ascii", "replace").decode()),
            seen_on=SeenOn.SPECIAL,
        ),
        _words(
            "framing-words-cut",
            "speech.framing-words-survive",
            "The text ends where it holds `data:` or `[DONE]`.",
            say(_cut_at_framing),
            seen_on=SeenOn.SPECIAL,
        ),
    )


def _only_reasoning(work: Work) -> None:
    work.replies = [reply if reply.calls else replace(reply, text="", reasoning=_THOUGHT) for reply in work.replies]


def _cut_at_framing(text: str) -> str:
    return text.partition("data:")[0].partition("[DONE]")[0]
