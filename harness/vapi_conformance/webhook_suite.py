"""Playing server messages to a backend: each is built, signed, sent and recorded. Knows nothing of right or wrong."""

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from random import Random
from typing import Final

from vapi_conformance.client import Client, Outgoing
from vapi_conformance.dialects.server_messages.kinds import MessageKind
from vapi_conformance.dialects.server_messages.request import kind_of
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Label
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi import Assistant, Caller, Conversation, ToolCall
from vapi_conformance.platforms.vapi.webhooks import (
    QUESTIONS,
    Moment,
    Said,
    WebhookAuth,
    function_call_message,
    notice,
    notice_names,
    question,
    server_message,
    tool_calls_message,
)
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.webhook_scenario import WebhookScenario, WebhookStep

__all__ = [
    "UNKNOWN_TOOL",
    "WRONG_KEY",
    "Backend",
    "CalledTool",
    "Progress",
    "be_sure_of",
    "declined",
    "play",
]

Progress = Callable[[int, int, str], None]
"""Called before each scenario with its number from 1, how many there are, and its name."""

WRONG_KEY: Final = "not-the-right-secret"
"""Sent where a refusal is expected. It is masked like the right one, so that an echo of it is seen."""

UNKNOWN_TOOL: Final = "no_such_tool"
"""A tool that no backend has."""

_GREETING: Final = "Hello, how can I help you?"
_WISH: Final = "Could you look something up for me, please?"
_UNKNOWN_MESSAGE: Final = "webhooks/unknown-message"
_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """A tool of the backend, and with what it is called."""

    name: str
    arguments: str = "{}"
    """JSON text."""
    document: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """Vapi's tool object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Who is told and asked, and on whose behalf."""

    url: str
    tools: tuple[CalledTool, ...]
    auth: WebhookAuth | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The user's own, sent with every message."""
    assistant: Assistant = field(default_factory=Assistant)
    seed: int = 0
    """Who calls: same seed, same callers, same ids."""


def play(
    scenarios: Sequence[WebhookScenario], *, backend: Backend, client: Client, progress: Progress | None = None
) -> Iterator[Exchange]:
    """Every exchange, as it ends. What requires a key is left out where none is known."""
    fitting = [each for each in scenarios if backend.auth is not None or not each.requires_key]
    for number, scenario in enumerate(fitting, 1):
        if progress is not None:
            progress(number, len(fitting), scenario.name)
        body = b""
        for step in scenario.steps:
            body = body if step.again else _body(backend, scenario, step)
            yield client.send(_outgoing(backend, scenario, step, body))


def _outgoing(backend: Backend, scenario: WebhookScenario, step: WebhookStep, body: bytes) -> Outgoing:
    headers = (
        ("Content-Type", "application/json"),
        ("X-Call-Id", _caller(backend, scenario).call_id),
        *backend.headers,
        *_credentials(backend, step, body),
    )
    return Outgoing(
        url=backend.url,
        headers=headers,
        body=body,
        label=Label(scenario=scenario.name, step=step.name, expects=step.expects),
        may_retry=not step.again,
    )


def _credentials(backend: Backend, step: WebhookStep, body: bytes) -> tuple[tuple[str, str], ...]:
    if backend.auth is None or step.key == "none":
        return ()
    auth = backend.auth if step.key == "right" else backend.auth.with_key(WRONG_KEY)
    return auth.headers(body, url=backend.url, at_s=int(time.time()))


def _caller(backend: Backend, scenario: WebhookScenario) -> Caller:
    """Each scenario is a call of its own: backends keep state by its id."""
    return Caller.from_seed(backend.seed ^ zlib.crc32(scenario.name.encode()))


def _body(backend: Backend, scenario: WebhookScenario, step: WebhookStep) -> bytes:
    message = _message(backend, scenario, step)
    return utf8_json(message)


def _message(backend: Backend, scenario: WebhookScenario, step: WebhookStep) -> dict[str, object]:
    caller, assistant = _caller(backend, scenario), backend.assistant
    said = _conversation(assistant)
    moment = Moment(caller=caller, assistant=assistant, said=Said(conversation=said))
    if step.message == "tool-calls":
        calls = _calls(backend, scenario, step)
        tools = [_tool(backend, each) for each in backend.tools]
        return tool_calls_message(caller, assistant, calls, said, lists=step.lists, tools=tools)
    if step.message == "function-call":
        return function_call_message(caller, assistant, _calls(backend, scenario, step)[0], said)
    if step.message in QUESTIONS:
        return question(step.message, moment)
    if step.message in notice_names():
        return notice(step.message, moment)
    return server_message(step.message, moment)


def _conversation(assistant: Assistant) -> Conversation:
    prompts = [str(each["content"]) for each in assistant.model.messages if each.get("role") == "system"]
    begun = Conversation()
    for prompt in prompts or ["You are on the telephone with a caller."]:
        begun = begun.system(prompt)
    return begun.assistant(assistant.first_message or _GREETING).user(_WISH)


def _calls(backend: Backend, scenario: WebhookScenario, step: WebhookStep) -> list[ToolCall]:
    """One after the other of the backend's tools, each call with an id of its own."""
    random = Random(f"{backend.seed} {scenario.name} {step.name}")  # noqa: S311 - reproducible, not secret
    unknown = CalledTool(name=UNKNOWN_TOOL)
    called = islice(cycle([unknown] if step.unknown_tool else backend.tools), step.calls)
    return [
        ToolCall(id=f"call_{random.getrandbits(96):024x}", name=tool.name, arguments=tool.arguments) for tool in called
    ]


def _tool(backend: Backend, tool: CalledTool) -> dict[str, object]:
    """As it stands in the assistant; where nobody said more than its name, a function that is called there."""
    return {
        "type": "function",
        "function": {"name": tool.name},
        "server": {"url": backend.url},
        **tool.document,
    }


def declined(exchanges: Sequence[Exchange], *, kept: frozenset[str] = frozenset()) -> dict[str, str]:
    """Questions that the backend answered exactly as a message of a type that there is not: it has no answer to them.

    Scenario to the message's type. kept: types that are judged all the same. A backend that takes part in tool calls
    alone need not choose assistants.
    """
    by_scenario: dict[str, list[Exchange]] = {}
    for each in exchanges:
        if each.label is not None:
            by_scenario.setdefault(each.label.scenario, []).append(each)
    unknown = by_scenario.get(_UNKNOWN_MESSAGE, [])
    if not unknown or unknown[0].response is None:
        return {}
    shrugged = _answer(unknown[0])
    found: dict[str, str] = {}
    for scenario, asked in by_scenario.items():
        kind = _kind(asked[0])
        is_optional = kind.asks and kind.name != "tool-calls" and kind.name not in kept
        if is_optional and all(_answer(each) == shrugged for each in asked):
            found[scenario] = kind.name
    return found


def _answer(exchange: Exchange) -> tuple[int | None, bytes]:
    return exchange.response.status if exchange.response else None, Evidence(exchange=exchange).body


def _kind(exchange: Exchange) -> MessageKind:
    """Of our own message, in which a secret may be written over."""
    body = parse((exchange.request.body or b"").decode(errors="replace")).value
    return kind_of(object_or_nothing(body))


def be_sure_of(exchange: Exchange, *, has_key: bool) -> None:
    """The first message tells whether the rest is worth while.

    Raises TransportError when the backend cannot be reached, and UsageError when the run is not set up right: one
    sentence in place of fifty failures.
    """
    url, response = exchange.request.url, exchange.response
    if response is None:
        raise TransportError(f"{url} cannot be reached: {exchange.error or exchange.end.value}")
    match response.status:
        case 401 | 403 if not has_key:
            raise UsageError(
                f"{url} wants to know that it is Vapi that calls (status {response.status}): name the environment "
                "variable of its secret with --secret-env, --bearer-env or --hmac-env, or give --credential"
            )
        case 401 | 403:
            raise UsageError(f"{url} refuses the secret (status {response.status}): is it the right one?")
        case 404 | 405:
            raise UsageError(
                f"POST {url} gives status {response.status}: give the whole URL, as it stands in the assistant's "
                "server.url"
            )
        case status if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
            raise UsageError(f"{url} redirects (status {status}); give the URL it redirects to")
        case _:
            return
