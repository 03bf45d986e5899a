"""The envelope of every server message: `{"message": {"timestamp", "type", …, "artifact", "call", …}}`.

Keys stand in the order that was recorded since late 2024. Secrets of the configuration (`server.secret`, which Vapi
was seen to send along, headers, keys) are left out: the backend's author has no use for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vapi_conformance.platforms.vapi.assistant import Assistant
from vapi_conformance.platforms.vapi.body import assistant_record
from vapi_conformance.platforms.vapi.callers import Caller, Era
from vapi_conformance.platforms.vapi.history import Conversation
from vapi_conformance.platforms.vapi.webhooks.artifact import Said, artifact, elapsed_ms

__all__ = ["Moment", "server_message", "timestamp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a call stands when a message is sent."""

    caller: Caller
    assistant: Assistant
    said: Said
    era: Era = Era.PHONE_2026
    at_ms: int | None = None
    """Milliseconds since the call began; worked out from the words where None."""

    @classmethod
    def begun(cls, caller: Caller, assistant: Assistant, *, era: Era = Era.PHONE_2026) -> "Moment":
        """Before a word is spoken."""
        return cls(caller=caller, assistant=assistant, said=Said(conversation=Conversation()), era=era)

    @property
    def timestamp_ms(self) -> int:
        """Epoch milliseconds: Vapi writes a number since late 2024 (an ISO string before)."""
        elapsed = elapsed_ms(self.said) if self.at_ms is None else self.at_ms
        return int(self.caller.started_at.timestamp() * 1000) + elapsed


def server_message(
    kind: str, moment: Moment, fields: Mapping[str, object] | None = None, *, has_assistant: bool = True
) -> dict[str, object]:
    """A whole body.

    fields: what this kind has of its own, perhaps an artifact with more in it.
    has_assistant: False where none is chosen yet; then there is no conversation either.
    """
    caller, era = moment.caller, moment.era
    message: dict[str, object] = {"timestamp": moment.timestamp_ms, "type": kind, **(fields or {})}
    if has_assistant and "artifact" not in message:
        message["artifact"] = artifact(caller, moment.said, era=era)
    message["call"] = _call(moment, has_assistant=has_assistant)
    if era is Era.PHONE_2026:
        number = caller.phone_number()
        message |= {
            "phoneNumber": number if has_assistant else {**number, "assistantId": None},
            "customer": caller.customer(),
        }
    if has_assistant:
        message["assistant"] = assistant_record(moment.assistant, caller)
    return {"message": message}


def timestamp(at: datetime) -> str:
    """A time as Vapi writes it into records: milliseconds and Z."""
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _call(moment: Moment, *, has_assistant: bool) -> dict[str, object]:
    call = moment.caller.call(moment.era)
    if has_assistant:
        return call
    return {key: value for key, value in call.items() if key != "assistantOverrides"} | {
        "assistantId": None,
        "squadId": None,
    }
