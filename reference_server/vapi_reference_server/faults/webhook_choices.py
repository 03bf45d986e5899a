"""Faults of a backend that is asked who takes a call, where it goes, and what there is to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.faults.fault import Stage
from vapi_reference_server.faults.webhook_editing import at_stage, whole
from vapi_reference_server.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject

_edit = at_stage(Stage.COMPLETION).fault

_ASSISTANT = "assistant-request"
_TRANSFER = "transfer-destination-request"
_HANDOFF = "handoff-destination-request"
_KNOWLEDGE = "knowledge-base-request"


def webhook_choice_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_assistants(), *_destinations(), *_others())


def _assistants() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-nobody-chosen",
            "webhook.assistant-request-is-decided",
            "Nobody is chosen for the call.",
            whole(_ASSISTANT, lambda _: {"ok": True}),
        ),
        _edit(
            "webhook-two-chosen",
            "webhook.assistant-request-has-one-answer",
            "An assistant and a squad are chosen.",
            whole(_ASSISTANT, lambda record: {**record, "squadId": record.get("assistantId")}),
        ),
        _edit(
            "webhook-assistant-by-name",
            "webhook.assistant-is-an-object",
            "The assistant is a name.",
            whole(_ASSISTANT, lambda _: {"assistant": "Reception"}),
        ),
        _edit(
            "webhook-assistant-id-number",
            "webhook.chosen-id-is-a-string",
            "The assistant's id is a number.",
            whole(_ASSISTANT, lambda _: {"assistantId": 7}),
        ),
        _edit(
            "webhook-overrides-text",
            "webhook.overrides-are-an-object",
            "The overrides are a text.",
            whole(_ASSISTANT, lambda record: {**record, "assistantOverrides": "{}"}),
        ),
        _edit(
            "webhook-error-unspeakable",
            "webhook.assistant-error-is-spoken",
            "The error in place of an assistant is an object.",
            whole(_ASSISTANT, lambda _: {"error": {"code": 503}}),
        ),
    )


def _destinations() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-transfer-undecided",
            "webhook.transfer-is-decided",
            "A transfer has neither destination nor error.",
            whole(_TRANSFER, lambda _: {}),
        ),
        _edit(
            "webhook-handoff-refused",
            "webhook.handoff-names-a-destination",
            "A hand-off has an error and no destination.",
            whole(_HANDOFF, lambda _: {"error": "Nobody is there."}),
        ),
        _edit(
            "webhook-destination-text",
            "webhook.destination-has-a-type",
            "A destination is the number alone.",
            _to(_TRANSFER, lambda there: there.get("number")),
        ),
        _edit(
            "webhook-number-national",
            "webhook.destination-number-is-e164",
            "A number is written as at home.",
            _to(_TRANSFER, lambda there: {**there, "number": "(555) 010-0001"}),
        ),
        _edit(
            "webhook-sip-bare",
            "webhook.destination-sip-uri-is-one",
            "A SIP address has no scheme.",
            _to(_TRANSFER, lambda _: {"type": "sip", "sipUri": "desk@sip.example"}),
        ),
        _edit(
            "webhook-assistant-unnamed",
            "webhook.destination-names-its-assistant",
            "A hand-off goes to an assistant without a name.",
            _to(_HANDOFF, lambda _: {"type": "assistant"}),
        ),
    )


def _others() -> tuple[Fault, ...]:
    return (
        _edit(
            "webhook-documents-renamed",
            "webhook.knowledge-is-given",
            "The documents go by another name.",
            whole(_KNOWLEDGE, lambda record: {"results": record.get("documents")}),
        ),
        _edit(
            "webhook-documents-bare",
            "webhook.documents-have-content-and-similarity",
            "The documents are texts.",
            whole(_KNOWLEDGE, lambda _: {"documents": ["Open from nine to six."]}),
        ),
        _edit(
            "webhook-waits-a-minute",
            "webhook.endpointing-timeout-is-in-range",
            "A minute is to be waited for the caller.",
            whole("call.endpointing.request", lambda _: {"timeoutSeconds": 60}),
        ),
        _edit(
            "webhook-eligible-text",
            "webhook.eligibility-is-a-boolean",
            "Whether to dial is said in a word.",
            whole("campaign.predial", lambda _: {"eligible": "yes"}),
        ),
        _edit(
            "webhook-message-text",
            "webhook.spoken-message-is-an-object",
            "Words to be spoken stand alone.",
            whole(_KNOWLEDGE, lambda record: {**record, "message": "We are open from nine to six."}),
        ),
    )


def _to(kind: str, change: Callable[[JsonObject], object]) -> Edit:
    """The edit of the destination."""
    return whole(kind, lambda record: {"destination": change(as_object(record.get("destination")) or {})})
