"""Which API shape a recorded exchange follows, and how that can be seen.

Signs are asked in the order in which they can be trusted: where the request went, what its headers said, the headers
that came back, what was asked for, and the bytes of the answer. The first that names an API decides.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from vapi_conformance.dialects.glance import MAX_GLANCE_BYTES, Glance, begun_object, glance
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.exchange import Exchange, Header, header_values
from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_nothing, string_or_none

__all__ = ["Recognised", "host_of", "port_of", "recognise"]

_COMPATIBLE: Final = Dialect.OPENAI_COMPATIBLE
_RESPONSES: Final = Dialect.OPENAI_RESPONSES
_ANTHROPIC: Final = Dialect.ANTHROPIC_MESSAGES
_GEMINI: Final = Dialect.GEMINI_GENERATE_CONTENT
_SERVER_MESSAGES: Final = Dialect.VAPI_SERVER_MESSAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The dialect of an exchange."""

    dialect: Dialect
    because: str
    """How it was known, in words that follow "because": `the URL ends in /v1/messages`."""


_URL: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#\[]*)(?::([0-9]*))?")
_MOST_URL_CHARACTERS: Final = 16 * 1024

_PATHS: Final[tuple[tuple[re.Pattern[str], Dialect, str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), dialect, words)
    for pattern, dialect, words in (
        # Chat first: Gemini's OpenAI layer is /v1beta/openai/chat/completions, Vertex's /endpoints/openapi/….
        (r"/chat/completions/*\Z", _COMPATIBLE, "the URL ends in /chat/completions"),
        (r"/responses(?:/resp_[^/]*)?/*\Z", _RESPONSES, "the URL ends in /responses"),
        (r"/v1/messages/*\Z", _ANTHROPIC, "the URL ends in /v1/messages"),
        (r":streamGenerateContent/*\Z", _GEMINI, "the URL ends in :streamGenerateContent"),
        (r":generateContent/*\Z", _GEMINI, "the URL ends in :generateContent"),
        # The clouds put the model into the path, and its vendor's API into the body.
        (
            r"/publishers/anthropic/models/[^/]*:(?:streamR|r)awPredict\Z",
            _ANTHROPIC,
            "the URL is Vertex's for models of Anthropic",
        ),
        (r"/model/(?=[^/]*anthropic)[^/]*/invoke", _ANTHROPIC, "the URL is Bedrock's for models of Anthropic"),
        (r"/model/(?=[^/]*openai\.)[^/]*/invoke", _COMPATIBLE, "the URL is Bedrock's for models of OpenAI"),
    )
)

_REQUEST_HEADERS: Final = (
    ("anthropic-version", "", _ANTHROPIC, "the request has the header anthropic-version"),
    ("x-goog-api-key", "", _GEMINI, "the request has the header x-goog-api-key"),
    ("x-goog-api-client", "google-genai-sdk", _GEMINI, "the request comes from the SDK google-genai"),
)
"""Name, what its value contains, what that means. Not x-api-key: gateways of all kinds ask for it."""

_RESPONSE_HEADERS: Final = (
    ("anthropic-ratelimit-", _ANTHROPIC, "the answer has headers named anthropic-ratelimit-…"),
    ("anthropic-organization-id", _ANTHROPIC, "the answer has the header anthropic-organization-id"),
    ("x-gemini-", _GEMINI, "the answer has headers named x-gemini-…"),
)
"""How the name begins, what that means."""

_CHAT_REQUEST_KEYS: Final = ("max_completion_tokens", "stream_options", "frequency_penalty", "presence_penalty", "n")
_CHAT_ROLES: Final = frozenset({"system", "developer", "tool", "function"})
"""Anthropic's newest models take a system turn too, so their own keys are asked first."""
_ANTHROPIC_REQUEST_KEYS: Final = ("anthropic_version", "system", "stop_sequences")
"""Not thinking: Z.ai and DeepSeek take it beside chat messages."""
_MOST_MEMBERS: Final = 1000
_LONGEST_KIND: Final = 40

_ANTHROPIC_EVENTS: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)


def recognise(exchange: Exchange) -> Recognised:
    """The dialect and how it was known. Never raises; looks at the beginning of the bodies only (`glance`)."""
    seen = glance(exchange)
    for look in (_by_message, _by_url, _by_request_headers, _by_response_headers, _by_request_body):
        found = look(exchange)
        if found is not None:
            return found
    for judge in (_by_event, _by_object, _by_error):
        found = judge(seen)
        if found is not None:
            return _owned(exchange, found)
    return _in_doubt(exchange)


def _by_message(exchange: Exchange) -> Recognised | None:
    """Before the URL: a backend may have any path. A message of a type that we do not know has to name a call."""
    asked = _asked(exchange)
    message = object_or_nothing(asked.get("message"))
    kind = string_or_none(message.get("type")) or ""
    # One that is longer than what is looked at is null here; nothing else has but this one key.
    is_cut = list(asked) == ["message"] and asked["message"] is None
    if kind in KINDS or (kind and object_or_nothing(message.get("call"))):
        because = f"the request is a server message of Vapi's, {kind[:_LONGEST_KIND]}"
    elif is_cut and len(exchange.request.body or b"") > MAX_GLANCE_BYTES:
        because = "the request is a long server message of Vapi's"
    else:
        return None
    return Recognised(dialect=_SERVER_MESSAGES, because=because)


def host_of(url: str) -> str:
    """The host of a URL in lower case, without user and port; empty where it has none."""
    match = _URL.match(url[:_MOST_URL_CHARACTERS])
    return "" if match is None else match[1].lower().rstrip(".")


def port_of(url: str) -> str:
    """The port that a URL names, in figures; empty where it names none."""
    match = _URL.match(url[:_MOST_URL_CHARACTERS])
    return "" if match is None else match[2] or ""


def _path_of(url: str) -> str:
    """Empty for a URL longer than what is looked at: where it would be cut is not its end."""
    if len(url) > _MOST_URL_CHARACTERS:
        return ""
    match = _URL.match(url)
    path = url if match is None else url[match.end() :]
    return unquote(path.partition("?")[0].partition("#")[0]).rstrip()


def _by_url(exchange: Exchange) -> Recognised | None:
    path = _path_of(exchange.request.url)
    for pattern, dialect, words in _PATHS:
        if pattern.search(path):
            return _owned(exchange, Recognised(dialect=dialect, because=words))
    return None


def _owned(exchange: Exchange, found: Recognised) -> Recognised:
    """OpenAI itself is held to the letter; the same shape from everybody else is `openai_compatible`."""
    if found.dialect is not _COMPATIBLE:
        return found
    if _is_at_openai(exchange):
        because = f"{found.because}, and its host is OpenAI's"
        return Recognised(dialect=Dialect.OPENAI_CHAT_COMPLETIONS, because=because)
    headers: tuple[Header, ...] = () if exchange.response is None else exchange.response.headers
    # Gateways hand this header on, so it counts only where nobody knows whom was asked.
    if not host_of(exchange.request.url) and header_values(headers, "openai-version"):
        because = f"{found.because}, and the answer has the header openai-version"
        return Recognised(dialect=Dialect.OPENAI_CHAT_COMPLETIONS, because=because)
    return found


def _is_at_openai(exchange: Exchange) -> bool:
    """Also at its regional hosts, `eu.api.openai.com`."""
    return f".{host_of(exchange.request.url)}".endswith(".api.openai.com")


def _by_request_headers(exchange: Exchange) -> Recognised | None:
    for name, part, dialect, words in _REQUEST_HEADERS:
        if any(part in value for value in header_values(exchange.request.headers, name)):
            return Recognised(dialect=dialect, because=words)
    return None


def _by_response_headers(exchange: Exchange) -> Recognised | None:
    headers: tuple[Header, ...] = () if exchange.response is None else exchange.response.headers
    for start, dialect, words in _RESPONSE_HEADERS:
        if any(name.lower().startswith(start.encode("ascii")) for name, _ in headers):
            return Recognised(dialect=dialect, because=words)
    return None


def _asked(exchange: Exchange) -> Mapping[str, object]:
    """The request's JSON object, as far as its beginning goes."""
    beginning = (exchange.request.body or b"")[:MAX_GLANCE_BYTES].decode(errors="replace")
    return begun_object(beginning.removeprefix("\ufeff")) or {}


def _by_request_body(exchange: Exchange) -> Recognised | None:
    """None for a bare model and messages: two APIs are asked so, and the answer knows better."""
    asked = _asked(exchange)
    if "contents" in asked:
        return Recognised(dialect=_GEMINI, because="the request has contents")
    if "messages" in asked:
        found = _by_messages(asked)
        return None if found is None else _owned(exchange, found)
    of_responses = next((key for key in ("input", "instructions", "previous_response_id") if key in asked), None)
    if of_responses is None:
        return None
    return Recognised(dialect=_RESPONSES, because=f"the request has {of_responses} and no messages")


def _by_messages(asked: Mapping[str, object]) -> Recognised | None:
    for keys, dialect in ((_CHAT_REQUEST_KEYS, _COMPATIBLE), (_ANTHROPIC_REQUEST_KEYS, _ANTHROPIC)):
        key = next((each for each in keys if each in asked), None)
        if key is not None:
            return Recognised(dialect=dialect, because=f"the request has messages and {key}")
    if any(True for _ in _members(asked.get("tools"), "input_schema")):
        return Recognised(dialect=_ANTHROPIC, because="the request's tools have an input_schema")
    role = next((each for each in _members(asked["messages"], "role") if each in _CHAT_ROLES), None)
    if role is None:
        return None
    return Recognised(dialect=_COMPATIBLE, because=f"the request has a message of the role {role}")


def _members(value: object, key: str) -> Iterator[str]:
    """What the objects of an array hold under a key: strings as they are, of anything else that it is there."""
    for each in array_or_nothing(value)[:_MOST_MEMBERS]:
        record = object_or_nothing(each)
        if key in record:
            yield string_or_none(record[key]) or ""


def _by_event(seen: Glance) -> Recognised | None:
    names = (*seen.event_types, *(string_or_none(each.get("type")) or "" for each in seen.objects))
    for name in names:
        if name in _ANTHROPIC_EVENTS:
            return Recognised(dialect=_ANTHROPIC, because=f"its events are named {name}, as Anthropic's are")
        if name.startswith("response."):
            because = "its events are named response.…, as those of the Responses API are"
            return Recognised(dialect=_RESPONSES, because=because)
    return None


_SHAPES: Final[tuple[tuple[tuple[tuple[str, str], ...], Dialect, str], ...]] = (
    ((("object", "chat.completion"),), _COMPATIBLE, "the answer's object is named chat.completion"),
    ((("choices", ""),), _COMPATIBLE, "the answer has choices"),
    ((("object", "response"),), _RESPONSES, "the answer's object is named response"),
    ((("output", ""), ("status", "")), _RESPONSES, "the answer has an output and a status"),
    ((("type", "message"), ("content", "")), _ANTHROPIC, "the answer's type is message"),
    ((("content", ""), ("stop_reason", "")), _ANTHROPIC, "the answer has content and a stop_reason"),
    ((("candidates", ""),), _GEMINI, "the answer has candidates"),
    ((("usageMetadata", ""),), _GEMINI, "the answer has usageMetadata"),
    ((("promptFeedback", ""),), _GEMINI, "the answer has promptFeedback"),
)
"""Keys that an answer's object has all of, each with how its value begins (nothing: whatever it is)."""


def _by_object(seen: Glance) -> Recognised | None:
    for record in seen.objects:
        for keys, dialect, words in _SHAPES:
            if all(_has(record, key, start) for key, start in keys):
                return Recognised(dialect=dialect, because=words)
    return None


def _has(record: Mapping[str, object], key: str, start: str) -> bool:
    return key in record and (not start or (string_or_none(record[key]) or "").startswith(start))


def _by_error(seen: Glance) -> Recognised | None:
    """OpenAI's own form belongs to two of its APIs and to all who follow it: no sign."""
    for record in seen.objects:
        error = object_or_nothing(record.get("error"))
        if record.get("type") == "error" and "sequence_number" in record:
            because = "its error is an event with a sequence_number, as in the Responses API"
            return Recognised(dialect=_RESPONSES, because=because)
        if record.get("type") == "error" and error:
            because = "the error is wrapped in an object of the type error, as Anthropic's are"
            return Recognised(dialect=_ANTHROPIC, because=because)
        if integer_or_none(error.get("code")) is not None and isinstance(error.get("status"), str):
            because = "the error has a code in figures and a status in words, as Google's have"
            return Recognised(dialect=_GEMINI, because=because)
    return None


def _in_doubt(exchange: Exchange) -> Recognised:
    """What is left when neither place nor shape told: a key's header, a list of messages, or nothing at all."""
    asked = _asked(exchange)
    has_messages = array_or_none(asked.get("messages")) is not None
    if has_messages and "max_tokens" in asked and header_values(exchange.request.headers, "x-api-key"):
        because = "the request has messages, max_tokens and the header x-api-key"
        return Recognised(dialect=_ANTHROPIC, because=because)
    if has_messages:
        return _owned(exchange, Recognised(dialect=_COMPATIBLE, because="the request has messages"))
    if _is_at_openai(exchange):
        because = "nothing but its host names it, and that is OpenAI's"
        return Recognised(dialect=Dialect.OPENAI_CHAT_COMPLETIONS, because=because)
    return Recognised(dialect=_COMPATIBLE, because="nothing names it: read as openai_compatible")
