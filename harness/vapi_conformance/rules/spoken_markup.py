"""What stands in the spoken text and was never meant for ears: markup, syntax, tokens.

All of it is judged on the content of the first choice, the only thing that is spoken. What the caller's side wrote
itself may be quoted: a match that stands in a message of the request is let go.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.asked import Asked
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.payload import parse
from vapi_conformance.rules.prompt_words import stands_in
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.spoken_text import spoken_text

__all__ = [
    "no_code_aloud",
    "no_emoji_aloud",
    "no_json_aloud",
    "no_markdown_aloud",
    "no_replacement_characters",
    "no_special_tokens",
    "no_think_tags",
    "no_tool_syntax_aloud",
]

_MAX_LISTED = 10

_THINK_TAG: Final = re.compile(r"(?i:</?(?:think|thinking|thought|reasoning)>)|\[/?THINK\]|◁/?think▷")

_SPECIAL_TOKEN: Final = re.compile(
    r"<\|[\w▁ /-]{1,60}\|>"  # ChatML, Llama 3, Phi, Qwen
    r"|<｜[\w▁ /-]{1,60}｜>"  # DeepSeek, with full-width bars
    r"|\[/?INST\]|<</?SYS>>"  # Llama 2, Mistral
    r"|</?s>|<(?:bos|eos|pad|unk)>|<(?:start|end)_of_turn>"  # SentencePiece, Gemma
)
_SSML_ROOT: Final = "<speak"
_SSML_SENTENCE: Final = ("<s>", "</s>")

_TOOL_SYNTAX: Final = re.compile(
    r"</?(?:tool_calls?|tool_response|function_calls?|invoke)\b[^<>]{0,200}>"  # Hermes, Qwen, Anthropic
    r"|<function=[\w.-]{1,100}>?"  # Llama 3
    r"|\[/?TOOL_CALLS\]"  # Mistral
    r"|\bfunctions\.\w{1,100}(?:\s?\(\s?\{|:\d)"  # OpenAI's and Kimi's own prompts
)

_FENCE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_PARAGRAPH: Final = re.compile(r"[^\n]+(?:\n[^\n]+)*")

_MARKDOWN: Final[Mapping[str, re.Pattern[str]]] = {
    "a heading": re.compile(r"^(?:#{2,6} |# (?!\d))[^\s#][^\n]{0,80}", re.MULTILINE),
    "bold type": re.compile(r"(?<![\w*])\*\*(?=[^\s*])[^*\n]{1,500}(?<=\S)\*\*(?![\w*])"),
    "a list": re.compile(r"^ {0,6}([-*•]) +\S[^\n]*\n(?:\s*\n)? {0,6}\1 +\S", re.MULTILINE),
    "a table": re.compile(r"^ {0,3}\|?[ :]*-{2,}[ :]*(?:\|[ :]*-{2,}[ :]*)+\|? *$", re.MULTILINE),
    "a link": re.compile(r"\[[^\[\]\n]{1,300}\]\((?:https?:|mailto:|www\.|[/#])[^()\s]{0,500}\)"),
}

# Emoji_Presentation=Yes below U+1F000 (Unicode 16, emoji-data.txt) one by one, above it by block. Signs like ©, ☎
# or ✓ are text unless U+FE0F follows them.
_EMOJI: Final = re.compile(
    "[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e"
    "\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a"
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb\U0001f90c-\U0001faff]"
    "|.\ufe0f"
)

_REPLACEMENT: Final = re.compile("\ufffd+")


def _speaks(evidence: Evidence) -> bool:
    """An answer with words in it. A refused request has none, whatever its body says."""
    return evidence.is_success and bool(evidence.transcript.text.strip())


def _found(evidence: Evidence, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Distinct matches that are not the caller's own words, a bounded number of them."""
    seen: set[str] = set()
    listed = 0
    for match in pattern.finditer(evidence.transcript.text):
        if match[0] in seen:
            continue
        seen.add(match[0])
        if stands_in(evidence.request, match[0]):
            continue
        yield match
        listed += 1
        if listed == _MAX_LISTED:
            return


def _violation(evidence: Evidence, offset: int, text: str, *, expected: str, what: str = "") -> Violation:
    return Violation.at(
        spoken_text(evidence).chunk_at(offset), expected=expected, actual=f"{what}{quote(text)} is spoken"
    )


def _violations(evidence: Evidence, pattern: re.Pattern[str], expected: str) -> Iterator[Violation]:
    for match in _found(evidence, pattern):
        yield _violation(evidence, match.start(), match[0], expected=expected)


@rule(
    "speech.no-think-tags",
    standard=MAY,
    vapi=MUST,
    source="observed: reasoning models whose server does not part reasoning from content",
    catalogue=["SEM-07", "VAPI-12", "CHAT-STREAM-28"],
    remedy="Switch on the server's reasoning parser, or cut everything up to `</think>` before sending.",
    applies=_speaks,
)
def no_think_tags(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning does not stand in the content between tags like `<think>`."""
    yield from _violations(evidence, _THINK_TAG, "reasoning outside of the content, or not sent")


@rule(
    "speech.no-special-tokens",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: LightLLM issue 130, template markers in the text",
    catalogue=["SEM-06"],
    remedy="Serve the model with its own chat template and stop tokens, and skip special tokens when decoding.",
    applies=_speaks,
)
def no_special_tokens(evidence: Evidence) -> Iterator[Violation]:
    """Special tokens and template markers do not leak into the content."""
    text = evidence.transcript.text
    for match in _found(evidence, _SPECIAL_TOKEN):
        if match[0] in _SSML_SENTENCE and _SSML_ROOT in text:
            continue  # a sentence of speech markup, meant for the synthesiser
        yield _violation(evidence, match.start(), match[0], expected="words only")


@rule(
    "speech.no-tool-syntax-aloud",
    standard=SHOULD,
    vapi=SHOULD,
    source="observed: tool calls in a model's own syntax when the server has no parser for it",
    remedy="Switch on the server's tool parser for this model, so that calls arrive in `tool_calls`.",
    applies=_speaks,
)
def no_tool_syntax_aloud(evidence: Evidence) -> Iterator[Violation]:
    """Tool calls are sent as tool calls, not written into the content."""
    expected = "calls in `tool_calls`"
    tagged = False
    for match in _found(evidence, _TOOL_SYNTAX):
        tagged = True
        yield _violation(evidence, match.start(), match[0], expected=expected)
    if tagged or evidence.request is None or not evidence.request.tools:
        return  # the tag and what stands in it are one call
    for offset, text, value in _json_aloud(evidence):
        if _is_bare_call(value):
            yield _violation(evidence, offset, text, expected=expected)
    yield from _violations(evidence, _call_of_offered(evidence.request), expected)


def _call_of_offered(request: Asked) -> re.Pattern[str]:
    """`get_weather(city=` or `get_weather({`, as no sentence has it."""
    names = "|".join(re.escape(tool.name) for tool in request.tools)
    return re.compile(rf"(?<![\w.])(?:{names})\(\s?(?:\{{|\w{{1,100}}\s?=)")


def _is_bare_call(value: object) -> bool:
    """`{"name": ..., "arguments": ...}` or a list of such; Llama calls them `parameters`."""
    items = array_or_nothing(value) or (value,)
    first = object_or_nothing(items[0])
    call = object_or_nothing(first.get("function")) or first
    return isinstance(call.get("name"), str) and ("arguments" in call or "parameters" in call)


def _json_aloud(evidence: Evidence) -> Iterator[tuple[int, str, object]]:
    """Offset, text and value of each paragraph that is JSON, the whole text first. Fenced code has its own rule."""
    text = _FENCE.sub(lambda match: " " * len(match[0]), evidence.transcript.text)
    whole = text.strip()
    for offset, part in [
        (text.find(whole), whole),
        *((match.start(), match[0].strip()) for match in _PARAGRAPH.finditer(text)),
    ]:
        if part[:1] not in ("{", "[") or part[-1:] not in ("}", "]"):
            continue
        payload = parse(part)
        if payload.error is None and _is_data(payload.value) and not stands_in(evidence.request, part):
            yield offset, part, payload.value
            if part == whole:
                return


def _is_data(value: object) -> bool:
    """An object, or a list with more in it than numbers: `[1]` is how some models cite."""
    return isinstance(value, dict) or any(isinstance(item, dict | list | str) for item in array_or_nothing(value))


def _no_json_was_asked_for(evidence: Evidence) -> bool:
    request = evidence.request
    return (
        _speaks(evidence)
        and request is not None
        and request.response_format.get("type") not in ("json_object", "json_schema")
        and not stands_in(request, "json")
    )


@rule(
    "speech.no-json-aloud",
    standard=MAY,
    vapi=SHOULD,
    source="observed: content is handed to text-to-speech as it is",
    remedy="Send sentences; if the model answers in JSON inside, take the sentence out of it first.",
    needs=[Need.REQUEST],
    applies=_no_json_was_asked_for,
)
def no_json_aloud(evidence: Evidence) -> Iterator[Violation]:
    """The content is no JSON, unless JSON was asked for.

    JSON that calls an offered tool is `speech.no-tool-syntax-aloud`.
    """
    offers_tools = evidence.request is not None and bool(evidence.request.tools)
    for listed, (offset, text, value) in enumerate(_json_aloud(evidence)):
        if listed == _MAX_LISTED:
            return
        if not (offers_tools and _is_bare_call(value)):
            yield _violation(evidence, offset, text, expected="sentences")


@rule(
    "speech.no-markdown-aloud",
    standard=MAY,
    vapi=MAY,
    source="Vapi documentation, voice formatting plan: markdown is taken out of speech where the plan is on",
    remedy="Tell the model that it is on the telephone: plain sentences, no headings, lists, tables or links.",
    applies=_speaks,
)
def no_markdown_aloud(evidence: Evidence) -> Iterator[Violation]:
    """The content is plain text without headings, bold type, lists, tables and links."""
    for kind, pattern in _MARKDOWN.items():
        for match in _found(evidence, pattern):
            yield _violation(evidence, match.start(), match[0], expected="plain text", what=f"{kind}, ")
            break  # one of each kind is enough to say so


@rule(
    "speech.no-code-aloud",
    standard=MAY,
    vapi=SHOULD,
    source="observed: content is handed to text-to-speech as it is",
    remedy="Tell the model that it is on the telephone, where code cannot be read out.",
    applies=_speaks,
)
def no_code_aloud(evidence: Evidence) -> Iterator[Violation]:
    """The content holds no fenced code."""
    fence = evidence.transcript.text.find("```")
    if fence >= 0 and not stands_in(evidence.request, "```"):
        yield _violation(evidence, fence, evidence.transcript.text[fence : fence + 81], expected="words only")


@rule(
    "speech.no-emoji-aloud",
    standard=MAY,
    vapi=MAY,
    source="observed: voices read an emoji's name aloud, or stumble over it",
    remedy="Tell the model not to use emoji, or take them out before sending.",
    applies=_speaks,
)
def no_emoji_aloud(evidence: Evidence) -> Iterator[Violation]:
    """The content holds no emoji."""
    yield from _violations(evidence, _EMOJI, "words only")


def _speaks_valid_text(evidence: Evidence) -> bool:
    """Bytes that are no UTF-8 become replacement characters in every decoder, which other rules tell of."""
    if evidence.stream is not None:
        return _speaks(evidence) and not evidence.stream.invalid_utf8_at
    return _speaks(evidence) and evidence.body.decode(errors="ignore").encode() == evidence.body


@rule(
    "speech.no-replacement-characters",
    standard=MUST,
    vapi=SHOULD,
    source="Unicode Standard 16, 23.8: U+FFFD stands for what could not be decoded; RFC 8259, 8.1",
    catalogue=["SSE-18"],
    remedy="Decode the model's bytes over the whole stream: a character may be cut between two tokens.",
    applies=_speaks_valid_text,
)
def no_replacement_characters(evidence: Evidence) -> Iterator[Violation]:
    """No character of the content was lost on the way to the endpoint's answer (U+FFFD stands for one that was)."""
    yield from _violations(evidence, _REPLACEMENT, "the character itself")
