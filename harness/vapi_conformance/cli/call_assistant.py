"""An assistant of the user's as a call by keyboard needs it: what it says first, its tools, and where those are run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from vapi_conformance.call.tools import END_CALL, TRANSFER
from vapi_conformance.call_scenario import CallScenario, CallTool
from vapi_conformance.masking import is_secret_name
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.platforms.vapi import Assistant
from vapi_conformance.problems import UsageError

__all__ = ["Setup", "setup"]

_ABOUT: Final = "A call that was held by keyboard."
_LEAST_SILENCE_S: Final = 10.0
_PLACES: Final = ("number", "sipUri", "assistantName")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A call without turns, and how its tools' servers are spoken to."""

    scenario: CallScenario
    server_headers: Mapping[str, tuple[tuple[str, str], ...]] = field(repr=False)
    """Header fields by URL."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in any record."""
        fields = [each for headers in self.server_headers.values() for each in headers]
        queries = (url.partition("#")[0].partition("?")[2] for url in self.server_headers)
        pairs = (pair.partition("=") for query in queries for pair in query.split("&"))
        # As it stands in the URL and as a server reads it.
        fields += [(name, value) for name, _, text in pairs for value in dict.fromkeys((text, unquote_plus(text)))]
        return tuple(value for name, value in fields if is_secret_name(name))


def setup(assistant: Assistant, *, name: str) -> Setup:
    """Raises UsageError for a tool's server that is no http URL."""
    document = assistant.document
    headers: dict[str, tuple[tuple[str, str], ...]] = {}
    tools = [_tool(tool, document, headers) for tool in assistant.model.tools]
    silence_s = document.get("silenceTimeoutSeconds")
    phrases = (string_or_none(each) for each in array_or_nothing(document.get("endCallPhrases")))
    scenario = CallScenario(
        name=name,
        about=_ABOUT,
        document={"call": name, "about": _ABOUT, "turns": []},
        turns=(),
        first_message=assistant.first_message or None,
        first_message_mode=assistant.first_message_mode,
        end_call_phrases=tuple(each for each in phrases if each),
        silence_timeout_s=max(_LEAST_SILENCE_S, float(silence_s)) if isinstance(silence_s, int | float) else 30.0,
        tools=tuple(tool for tool in tools if tool is not None),
        expects_ended=(),
    )
    return Setup(scenario=scenario, server_headers=headers)


def _tool(
    tool: Mapping[str, object], assistant: Mapping[str, object], headers: dict[str, tuple[tuple[str, str], ...]]
) -> CallTool | None:
    """None for what only Vapi can expand; the lints of the configuration say so."""
    function = object_or_nothing(tool.get("function"))
    kind = string_or_none(tool.get("type"))
    name = string_or_none(function.get("name")) or (kind if kind in (END_CALL, TRANSFER) else None)
    if name is None:
        return None
    places = (object_or_nothing(each) for each in array_or_nothing(tool.get("destinations")))
    # The tool's own server goes before the assistant's (facts on Vapi, 3.1).
    server = object_or_nothing(tool.get("server")) or object_or_nothing(assistant.get("server"))
    url = string_or_none(server.get("url"))
    if url is not None and kind not in (END_CALL, TRANSFER):
        if not url.lower().startswith(("http://", "https://")):
            raise UsageError(f"the tool {name}: server.url needs http:// or https://")
        headers[url] = tuple(_fields(server))
    default = CallTool(name=name)
    return CallTool(
        name=name,
        description=string_or_none(function.get("description")) or "",
        parameters=object_or_nothing(function.get("parameters")) or default.parameters,
        run_by="webhook" if url is not None and kind not in (END_CALL, TRANSFER) else "vapi",
        path=url or default.path,
        is_async=tool.get("async") is True,
        after_s=0.0,
        filler=_filler(tool),
        destinations=tuple(str(place[key]) for place in places for key in _PLACES if key in place),
    )


def _fields(server: Mapping[str, object]) -> list[tuple[str, str]]:
    """`server.headers` and `server.secret`, as Vapi sends them. A credentialId cannot be looked up without Vapi."""
    given = [(name, str(value)) for name, value in object_or_nothing(server.get("headers")).items()]
    secret = string_or_none(server.get("secret"))
    return [*given, *([("X-Vapi-Secret", secret)] if secret else [])]


def _filler(tool: Mapping[str, object]) -> str | None:
    """What is said when the tool starts."""
    for each in array_or_nothing(tool.get("messages")):
        message = object_or_nothing(each)
        if message.get("type") == "request-start" and (text := string_or_none(message.get("content"))):
            return text
    return None
