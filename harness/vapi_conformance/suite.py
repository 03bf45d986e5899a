"""Which scenarios a run needs, and playing them: the platform builds each request, the client sends and records it."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from vapi_conformance.auth import MOST_WAITED_S
from vapi_conformance.call.playing import SYSTEM_PROMPT, Line, play_calls
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import ANY_CALL, CALLS, CallScenario, all_call_scenarios
from vapi_conformance.client import Client, Outgoing
from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Label
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.live_events import LiveEvents
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.calling import Calling, native_body, patched
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.rules.rule import Rule
from vapi_conformance.scenario import Scenario, Step, all_scenarios

__all__ = [
    "MOST_TIRESOME",
    "WRONG_KEY",
    "Progress",
    "be_sure_of",
    "ends_at",
    "is_enough",
    "is_tiresome",
    "needed_calls",
    "needed_scenarios",
    "play",
    "play_every",
]

Progress = Callable[[int, int, str], None]
"""Called before each scenario with its number from 1, how many there are, and its name."""

WRONG_KEY: Final = "not-the-right-key"
"""Sent where a refusal is expected. It is masked like the right one, so that an echo of it is seen."""

MOST_TIRESOME: Final = 5
"""Calls that end by waiting are costly: 44 of them took an hour and a half with an endpoint that drips."""

_MOST_ERROR_BYTES: Final = 64 * 1024

_FIRST: Final = "plain"
"""Played before all others: when it gets no answer, there is nothing to judge."""


@dataclass(frozen=True, kw_only=True)
class _Player:
    platform: Calling
    client: Client


def needed_scenarios(rules: Iterable[Rule], *, platform: Calling, has_key: bool) -> list[Scenario]:
    """Those that the rules judge; all as soon as one rule judges single exchanges. The plain turn comes first.

    Only what this platform would send to an endpoint of this dialect.
    """
    scenarios = all_scenarios()
    chosen = list(rules)
    names: Iterable[str] = {name for rule in chosen for name in rule.scenarios if not name.startswith(CALLS)}
    if any(not rule.scenarios for rule in chosen):
        names = scenarios
    ordered = sorted({*names, _FIRST}, key=lambda name: (name != _FIRST, name))
    return [
        scenario
        for name in ordered
        if (scenario := scenarios[name]).fits(platform.name, platform.dialect)
        and (has_key or not scenario.requires_key)
        and (platform.tokens is not None or not scenario.requires_token)
    ]


def needed_calls(rules: Iterable[Rule], *, platform: Calling) -> list[CallScenario]:
    """The whole calls that the rules judge. Only Vapi is known well enough to play any."""
    if not isinstance(platform, Platform):
        return []
    labels = {name for rule in rules for name in rule.scenarios if platform.dialect in rule.dialects}
    return [each for each in all_call_scenarios().values() if labels & {each.label, ANY_CALL}]


def play_every(
    calls: Sequence[CallScenario],
    *,
    platform: Calling,
    client: Client,
    conditions: Conditions,
    progress: Progress | None = None,
) -> Iterator[CallRecord]:
    """Every call, as it ends; waiting is left out, but not that for an endpoint which does not answer.

    After `MOST_TIRESOME` calls in which it was waited for in vain no more are played.
    """
    if not isinstance(platform, Platform):
        return
    line = Line(platform=platform, client=client, conditions=conditions)
    tiresome = 0
    for number, scenario in enumerate(calls, 1):
        if tiresome >= MOST_TIRESOME:
            return
        if progress is not None:
            progress(number, len(calls), scenario.label)
        for call in play_calls(scenario, line):
            tiresome += is_tiresome(call)
            yield call


def is_tiresome(call: CallRecord) -> bool:
    """Whether some answer of it was waited for until the platform, or we, gave up."""
    is_over = any(request.closed == "timeout" for request in call.requests)
    return is_over or any(exchange.end is End.TIMED_OUT for exchange in call.exchanges)


def play(
    scenarios: Sequence[Scenario],
    *,
    platform: Calling,
    client: Client,
    progress: Progress | None = None,
) -> Iterator[Exchange]:
    """Every exchange, as it ends; see `be_sure_of` for the first one."""
    player = _Player(platform=platform, client=client)
    for number, scenario in enumerate(scenarios, 1):
        if progress is not None:
            progress(number, len(scenarios), scenario.name)
        yield from _attempts(player, scenario)


def _attempts(player: _Player, scenario: Scenario) -> Iterator[Exchange]:
    for attempt in range(1, scenario.tries + 1):
        exchanges = _attempt(player, scenario, attempt)
        yield from exchanges
        if is_enough(scenario, exchanges, player.platform.dialect):
            return


def is_enough(scenario: Scenario, exchanges: Sequence[Exchange], dialect: Dialect) -> bool:
    """Whether no further attempt is made after one that brought these."""
    return scenario.until_tool_calls and all(_calls_a_tool(each, dialect) for each in exchanges)


def _calls_a_tool(exchange: Exchange, dialect: Dialect) -> bool:
    return any(choice.tool_calls for choice in Evidence(exchange=exchange, dialect=dialect).transcript.choices)


def _attempt(player: _Player, scenario: Scenario, attempt: int) -> list[Exchange]:
    if scenario.together:
        return player.client.send_all([_outgoing(player, scenario, step, attempt) for step in scenario.steps])
    exchanges: list[Exchange] = []
    tokens = player.platform.tokens
    for step in scenario.steps[: ends_at(scenario, None if tokens is None else tokens.lifetime_s)]:
        time.sleep(step.wait_s)
        exchanges.append(player.client.send(_outgoing(player, scenario, step, attempt)))
    return exchanges


def ends_at(scenario: Scenario, token_lifetime_s: float | None) -> int:
    """How many of its steps are played: all, or those before one for which no token can be waited out."""
    can_expire = token_lifetime_s is not None and token_lifetime_s <= MOST_WAITED_S
    expiring = (number for number, step in enumerate(scenario.steps) if step.expired_token and not can_expire)
    return next(expiring, len(scenario.steps))


def _outgoing(player: _Player, scenario: Scenario, step: Step, attempt: int) -> Outgoing:
    platform = _calling(player.platform, scenario, step, attempt)
    return Outgoing(
        method=step.method,
        url=_url(platform, step),
        headers=_headers(_identified(platform, step), step),
        body=None if step.method == "GET" else _body(platform, scenario, step),
        label=Label(scenario=scenario.name, step=step.name, expects=step.expects, attempt=attempt),
        hang_up=None if step.hang_up_after_events is None else _EventsSeen(step.hang_up_after_events),
        may_retry=step.may_retry,
    )


def _url(platform: Calling, step: Step) -> str:
    if step.path is not None:
        url = platform.base_url.rstrip("/") + step.path
    else:
        stream = step.body.get("stream", True) is True
        url = platform.url(model=string_or_none(step.body.get("model")), stream=stream)
    query = dict(step.query)
    if step.key_in_query is not None:
        query[step.key_in_query] = _key(platform)
    if not query:
        return url
    address = httpx.URL(url)
    for name, value in query.items():
        address = address.copy_remove_param(name) if value is None else address.copy_set_param(name, value)
    return str(address)


def _calling(platform: Calling, scenario: Scenario, step: Step, attempt: int) -> Calling:
    """The platform with a caller of its own for each attempt, and for each step of those that are sent together.

    Endpoints keep state by `call.id`: a newer request of a call supersedes the one under way (facts on Vapi, 1.7).
    """
    call = f"{scenario.name}/{attempt}" + (f"/{step.name}" if scenario.together else "")
    return platform.in_call(zlib.crc32(call.encode()))


class _EventsSeen:
    """Hangs up when so many events have come."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._events = LiveEvents()

    def __call__(self, new: bytes, at_ns: int) -> int | None:
        """See `client.HangUp`."""
        self._missing -= len(self._events.feed(new))
        return at_ns if self._missing <= 0 else None


def _identified(platform: Calling, step: Step) -> Iterable[tuple[str, str]]:
    """The platform's headers with the right key, a wrong one, an expired token, or none."""
    expired = platform.tokens.expired() if step.expired_token and platform.tokens is not None else None
    headers = platform.headers(bearer=WRONG_KEY if step.wrong_key else expired)
    if not step.without_key and step.key_in_query is None:
        return headers
    bearers = _bearers(platform)
    return [(name, value) for name, value in headers if name.lower() not in bearers]


def _bearers(platform: Calling) -> frozenset[str]:
    """The header fields that may carry the key, in lower case."""
    api = api_of(platform.dialect)
    about_keys = dict(api.headers("key")).keys() - dict(api.headers(None)).keys()
    return frozenset({"authorization", *map(str.lower, about_keys)})


def _key(platform: Calling) -> str | None:
    """The key itself, out of the first header field that carries one; None where none does."""
    bearers = _bearers(platform)
    return next(
        (value.removeprefix("Bearer ") for name, value in platform.headers() if name.lower() in bearers),
        None,
    )


def _headers(headers: Iterable[tuple[str, str]], step: Step) -> tuple[tuple[str, str], ...]:
    """The platform's headers with those of the step in their place, and new ones behind."""
    changed = {name.lower(): (name, value) for name, value in step.headers.items()}
    kept = [changed.pop(name.lower(), (name, value)) for name, value in headers]
    present = [(name, value) for name, value in (*kept, *changed.values()) if value is not None]
    return tuple((name.upper() if step.upper_case_headers else name, value) for name, value in present)


def _body(platform: Calling, scenario: Scenario, step: Step) -> bytes:
    if step.raw_body is not None:
        return step.raw_body.encode()
    messages = list(step.messages)
    if step.repeat_content > 1 and messages:
        last = messages[-1]
        messages[-1] = {**last, "content": (string_or_none(last.get("content")) or "") * step.repeat_content}
    chat = platform.chat_body(_history(platform, scenario, messages), tools=step.tools, mode=step.envelope)
    body = patched(native_body(platform, chat, step.body), step.native_body)
    return utf8_json(body)


def _history(
    platform: Calling, scenario: Scenario, messages: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    """The configuration's own prompt first, then what the scenario needs; one system message, as Vapi sends it."""
    system = "\n\n".join([*platform.system_prompts, scenario.system or SYSTEM_PROMPT])
    return [{"role": "system", "content": system}, *messages]


def be_sure_of(exchange: Exchange, *, has_key: bool, takes_credential: bool = True, sends_token: bool = False) -> None:
    """The first plain turn tells whether the rest is worth while.

    Raises TransportError when the endpoint cannot be reached, and UsageError when the run is not set up right (no
    key, wrong path): one sentence in place of a hundred failures.

    takes_credential: whether a key may also stand in `--endpoint-credential`. sends_token: in place of a key.
    """
    url, response = exchange.request.url, exchange.response
    if response is None:
        # Where the time of the end is known, it counts from the request's last byte: somebody took it.
        was_reached = exchange.timing.end_ns is not None
        words = "was reached, but gives no answer" if was_reached else "cannot be reached"
        raise TransportError(f"{url} {words}: {exchange.error or exchange.end.value}")
    words = _words(exchange)
    said = f" (it says {words[:160]!r})" if words else ""
    match response.status:
        case 401 | 403 if not has_key:
            other = ", or give --endpoint-credential" if takes_credential else ""
            raise UsageError(
                f"{url} wants a key (status {response.status}): name the environment variable that holds it with "
                f"--endpoint-api-key-env{other}{said}"
            )
        case 401 | 403 if sends_token:
            raise UsageError(
                f"{url} refuses the access token (status {response.status}): is authenticationPlan of the credential "
                f"the one for this endpoint, with the scope that it wants?{said}"
            )
        case 401 | 403:
            raise UsageError(
                f"{url} refuses the key (status {response.status}): is it the right one for this endpoint?{said}"
            )
        case 404 if "model" in words.lower():
            raise UsageError(f"POST {url} gives status 404: name a model that it has with --endpoint-model{said}")
        case 400 if _error(exchange).get("code") == "model_not_found":  # so OpenAI's Responses
            raise UsageError(f"POST {url} gives status 400: name a model that it has with --endpoint-model{said}")
        case 400 if "api key" in words.lower():
            hint = "is it the right one for this endpoint?" if has_key else "name it with --endpoint-api-key-env"
            raise UsageError(f"{url} says that the key is not valid (status 400): {hint}{said}")
        case 404 | 405:
            raise UsageError(
                f"POST {url} gives status {response.status}: --endpoint takes the base URL, to which the path of the "
                f"API is appended; --endpoint-dialect says which API{said}"
            )
        case status if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
            raise UsageError(f"{url} redirects (status {status}); give the URL it redirects to")
        case _:
            return


def _words(exchange: Exchange) -> str:
    """What the error in a refusal says; empty where it holds none."""
    record = _record(exchange)
    error = record.get("error", record.get("detail"))
    return string_or_none(error) or string_or_none(object_or_nothing(error).get("message")) or ""


def _error(exchange: Exchange) -> Mapping[str, object]:
    return object_or_nothing(_record(exchange).get("error"))


def _record(exchange: Exchange) -> Mapping[str, object]:
    body = Evidence(exchange=exchange).body[:_MOST_ERROR_BYTES]
    return object_or_nothing(parse(body.decode(errors="replace")).value)
