"""The request body, key by key in Vapi's order.

Sureness of the parts, for the default era (2026):

* `model` to `max_tokens`, their order, `stream: true`, no `tools` key without tools: measured over 2024 recordings,
  and reported unchanged in 2026;
* `call`, `phoneNumber`, `customer` beside `metadata`: documented for `variable` and `destructured`;
* `assistant` and `timestamp` (epoch milliseconds): reported 2025-2026; which keys `assistant` has, and that
  `timestamp` comes last, is inferred;
* the four counters in `metadata`: reported 2025-2026; that they start at 0 is known of the two turn counters only;
* `destructured`: documented; that OpenAI's and Vapi's keys win against a metadata key of the same name is inferred;
* December 2024 (`Era.WEB_2024_12`): recorded completely.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing
from vapi_conformance.platforms.vapi.assistant import Assistant, Model
from vapi_conformance.platforms.vapi.callers import Caller, Era

__all__ = [
    "RESERVED_KEYS",
    "Envelope",
    "TurnCounters",
    "assistant_record",
    "envelope",
    "openai_part",
    "without_secrets",
]

Envelope = Literal["off", "variable", "destructured", "empty-metadata"]
"""A metadataSendMode, or `empty-metadata`: variable with `metadata: {}`, as every web call had it in 2024."""

RESERVED_KEYS = frozenset(
    {"model", "messages", "temperature", "tools", "functions", "stream", "max_tokens", "call", "phoneNumber"}
    | {"customer", "assistant", "metadata", "credentials", "timestamp"}
)
"""Top-level keys that destructured metadata does not replace here."""

_SECRET_KEYS = frozenset(
    {"apikey", "authtoken", "authorization", "clientsecret", "credentials", "headers", "password", "secret"}
    | {"serverurlsecret", "token", "accesstoken", "refreshtoken"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCounters:
    """Where in the call a request stands, as Vapi tells in `metadata`."""

    assistant_turns: int = 0
    user_turns: int = 0
    """Both 0: the model is asked for the first message, and nobody has spoken."""
    model_requests_in_turn: int = 0
    """Goes up with each further request for the same turn."""
    interrupted: bool = False
    """True when this turn was requested before and that answer was dropped."""

    @classmethod
    def of(cls, messages: Iterable[Mapping[str, object]]) -> "TurnCounters":
        """As they stand after these messages, first request of the turn. Asking for a tool is no turn."""
        roles = [message.get("role") for message in messages if "tool_calls" not in message]
        return cls(assistant_turns=roles.count("assistant"), user_turns=roles.count("user"))

    def requested_again(self) -> "TurnCounters":
        """The next request for the same turn."""
        return TurnCounters(
            assistant_turns=self.assistant_turns,
            user_turns=self.user_turns,
            model_requests_in_turn=self.model_requests_in_turn + 1,
            interrupted=True,
        )

    def metadata(self) -> dict[str, object]:
        """The undocumented keys inside `metadata`."""
        return {
            "numAssistantTurns": self.assistant_turns,
            "numUserTurns": self.user_turns,
            "numModelRequestInTurn": self.model_requests_in_turn,
            "assistantTurnInterrupted": self.interrupted,
        }


def openai_part(
    model: Model, messages: Sequence[Mapping[str, object]], tools: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    """What an OpenAI endpoint knows; with metadataSendMode `off` this is all."""
    body: dict[str, object] = {
        "model": model.model,
        "messages": [dict(message) for message in messages],
        "temperature": model.temperature,
    }
    if tools:
        body["tools"] = [dict(tool) for tool in tools]
    return body | {"stream": True, "max_tokens": model.max_tokens}


def envelope(
    assistant: Assistant, caller: Caller, *, era: Era, mode: Envelope, counters: TurnCounters
) -> dict[str, object]:
    """What Vapi adds behind it."""
    if mode == "off":
        return {}
    added: dict[str, object] = {"call": caller.call(era)}
    if era is Era.PHONE_2026:
        added |= {"phoneNumber": caller.phone_number(), "customer": caller.customer()}
    if era is not Era.WEB_2024_12:
        added["assistant"] = assistant_record(assistant, caller)
    metadata: dict[str, object] = {}
    if mode != "empty-metadata":
        metadata = dict(assistant.metadata)
        if era is not Era.WEB_2024_12:
            metadata |= counters.metadata()
    if mode == "destructured":
        added |= {key: value for key, value in metadata.items() if key not in RESERVED_KEYS}
    else:
        added["metadata"] = metadata
    if era is Era.WEB_2024_12:
        added["credentials"] = caller.credentials_2024(assistant.model.provider)
    else:
        added["timestamp"] = int(caller.started_at.timestamp() * 1000) + _elapsed_ms(counters)
    return added


def _elapsed_ms(counters: TurnCounters) -> int:
    """A plausible time into the call that only depends on the turn: bodies stay reproducible."""
    return 8_000 * (counters.assistant_turns + counters.user_turns) + 1_500 * counters.model_requests_in_turn + 2_417


def assistant_record(assistant: Assistant, caller: Caller) -> dict[str, object]:
    """`assistant`: the stored record. What may hold keys is left out; the endpoint's author has no use for it."""
    record: dict[str, object] = {
        "id": assistant.id or caller.assistant_id,
        "orgId": caller.org_id,
        "createdAt": caller.timestamp,
        "updatedAt": caller.timestamp,
    }
    model = {"provider": assistant.model.provider, "model": assistant.model.model}
    configured = object_or_nothing(without_secrets(assistant.document)) or {"name": "Demo", "model": model}
    return record | {key: value for key, value in configured.items() if key not in record}


def without_secrets(value: object) -> object:
    """A JSON value without the members that people keep keys in."""
    members = object_or_none(value)
    if members is not None:
        kept = ((key, each) for key, each in members.items() if key.lower() not in _SECRET_KEYS)
        return {key: without_secrets(each) for key, each in kept}
    elements = array_or_none(value)
    return value if elements is None else [without_secrets(each) for each in elements]
