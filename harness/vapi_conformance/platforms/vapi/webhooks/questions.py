"""The messages that want an answer, `tool-calls` apart.

`assistant-request` is recorded (2024-07). The others are built from Vapi's OpenAPI description and its pages: no
recording of them is in public.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi.callers import Caller
from vapi_conformance.platforms.vapi.webhooks.envelope import Moment, server_message, timestamp

__all__ = ["QUESTIONS", "question"]

QUESTIONS: Final = (
    "assistant-request",
    "transfer-destination-request",
    "handoff-destination-request",
    "knowledge-base-request",
    "call.endpointing.request",
    "campaign.predial",
)


def question(kind: str, moment: Moment) -> dict[str, object]:
    """The body of a message of one of `QUESTIONS`. Raises KeyError for any other."""
    match kind:
        case "assistant-request":
            return server_message(kind, moment, has_assistant=False)
        case "campaign.predial":
            return _predial(kind, moment)
        case "transfer-destination-request":
            return server_message(kind, moment)
        case "handoff-destination-request":
            return server_message(kind, moment, {"parameters": {"destination": "dynamic"}})
        case "knowledge-base-request" | "call.endpointing.request":
            whole = server_message(kind, moment)
            return {"message": _with_messages(object_or_nothing(whole["message"]))}
        case _:
            raise KeyError(kind)


def _with_messages(message: Mapping[str, object]) -> dict[str, object]:
    """Both lists of the artifact stand in the message itself, too, behind its type."""
    said = object_or_nothing(message["artifact"])
    head = {key: message[key] for key in ("timestamp", "type")}
    lists = {key: list(array_or_nothing(said[key])) for key in ("messages", "messagesOpenAIFormatted")}
    return {**head, **lists, **{key: value for key, value in message.items() if key not in head}}


def _predial(kind: str, moment: Moment) -> dict[str, object]:
    """A campaign asks before there is a call: it names the campaign and the contact (Vapi's page on its webhooks)."""
    caller = moment.caller
    contact = {
        "id": caller.assistant_id,
        "campaignId": _campaign(caller),
        "orgId": caller.org_id,
        "number": caller.number,
        "name": caller.name.split()[0],
        "createdAt": timestamp(caller.started_at - timedelta(days=1)),
    }
    fields = {"timestamp": moment.timestamp_ms, "type": kind, "campaignId": _campaign(caller), "contact": contact}
    return {"message": fields}


def _campaign(caller: Caller) -> str:
    return caller.phone_number_id
