"""Who takes the call: answers to `assistant-request`, and the destinations of transfers and hand-offs."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import MUST, SHOULD, Violation
from vapi_conformance.rules.webhook.question import answers, claimed, document, webhook_rule

__all__ = [
    "assistant_error_is_spoken",
    "assistant_is_an_object",
    "assistant_request_has_one_answer",
    "assistant_request_is_decided",
    "chosen_id_is_a_string",
    "destination_has_a_type",
    "destination_names_its_assistant",
    "destination_number_is_e164",
    "destination_sip_uri_is_one",
    "handoff_names_a_destination",
    "overrides_are_an_object",
    "transfer_is_decided",
]

_ASSISTANT_REQUEST: Final = "Vapi OpenAPI of 2026-08-20, ServerMessageResponseAssistantRequest; Vapi, server events"
_TRANSFER: Final = "Vapi OpenAPI of 2026-08-20, ServerMessageResponseTransferDestinationRequest"
_HANDOFF: Final = "Vapi OpenAPI of 2026-08-20, ServerMessageResponseHandoffDestinationRequest"
_WAYS: Final = ("assistantId", "assistant", "squadId", "squad", "workflowId", "workflow", "destination", "error")

_assistant_request = answers("assistant-request")
_transfer = answers("transfer-destination-request")
_handoff = answers("handoff-destination-request")


def _goes_somewhere(evidence: Evidence) -> bool:
    asks = _assistant_request(evidence) or _transfer(evidence) or _handoff(evidence)
    return asks and (document(evidence) or {}).get("destination") is not None


def _ways(evidence: Evidence) -> list[str]:
    record = document(evidence) or {}
    return [key for key in _WAYS if record.get(key) is not None]


@webhook_rule(
    "webhook.assistant-request-is-decided",
    level=MUST,
    source=_ASSISTANT_REQUEST,
    remedy="Answer with assistantId, assistant, squadId, squad, workflowId, workflow, destination or error.",
    applies=_assistant_request,
)
def assistant_request_is_decided(evidence: Evidence) -> Iterator[Violation]:
    """The answer to `assistant-request` says who takes the call, or why nobody does."""
    if not _ways(evidence):
        keys = ", ".join(sorted(document(evidence) or {})[:8]) or "none"
        yield Violation(expected=f"one of {', '.join(_WAYS)}", actual=f"other keys: {keys[:200]}")


@webhook_rule(
    "webhook.assistant-request-has-one-answer",
    level=SHOULD,
    source=f"{_ASSISTANT_REQUEST}: one of them; which of two wins is not said",
    remedy="Send one of them; settings of your own for it go into assistantOverrides.",
    applies=lambda evidence: _assistant_request(evidence) and bool(_ways(evidence)),
)
def assistant_request_has_one_answer(evidence: Evidence) -> Iterator[Violation]:
    """The answer to `assistant-request` names one way and not several."""
    ways = _ways(evidence)
    if len(ways) > 1:
        yield Violation(expected="one way to go on", actual=" and ".join(ways))


@webhook_rule(
    "webhook.assistant-is-an-object",
    level=MUST,
    source=f"{_ASSISTANT_REQUEST}; recorded: an assistant that is not valid ends the call with "
    "assistant-request-returned-invalid-assistant",
    remedy="Send a whole assistant, squad or workflow as an object, its model with a provider; an id goes into "
    "assistantId, squadId or workflowId.",
    applies=_assistant_request,
)
def assistant_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """`assistant`, `squad` and `workflow` are objects: a model has its provider, a squad its members."""
    yield from claimed(evidence, "webhook.assistant-is-an-object", "an object as POST /assistant takes it")


@webhook_rule(
    "webhook.chosen-id-is-a-string",
    level=MUST,
    source=_ASSISTANT_REQUEST,
    remedy="Send the id as a string; leave the key out where there is none.",
    applies=_assistant_request,
)
def chosen_id_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """`assistantId`, `squadId` and `workflowId` are strings that are not empty."""
    yield from claimed(evidence, "webhook.chosen-id-is-a-string", "an id")


@webhook_rule(
    "webhook.overrides-are-an-object",
    level=MUST,
    source=_ASSISTANT_REQUEST,
    remedy="Send overrides as an object, such as {variableValues: {...}}.",
    applies=_assistant_request,
)
def overrides_are_an_object(evidence: Evidence) -> Iterator[Violation]:
    """`assistantOverrides`, `squadOverrides` and `workflowOverrides` are objects."""
    yield from claimed(evidence, "webhook.overrides-are-an-object", "an object")


@webhook_rule(
    "webhook.assistant-error-is-spoken",
    level=MUST,
    source=f"{_ASSISTANT_REQUEST}: error is spoken to the caller; the ended reasons know an unspeakable one",
    remedy="Make `error` a sentence for the caller.",
    applies=_assistant_request,
)
def assistant_error_is_spoken(evidence: Evidence) -> Iterator[Violation]:
    """`error` in the answer to `assistant-request` is a sentence that can be spoken."""
    yield from claimed(evidence, "webhook.assistant-error-is-spoken", "a sentence")


@webhook_rule(
    "webhook.transfer-is-decided",
    level=MUST,
    source=_TRANSFER,
    remedy="Answer with a destination, or with an error that says why there is none.",
    applies=_transfer,
)
def transfer_is_decided(evidence: Evidence) -> Iterator[Violation]:
    """`transfer-destination-request` is answered by a `destination` or an `error`."""
    record = document(evidence) or {}
    if record.get("destination") is None and record.get("error") is None:
        keys = ", ".join(sorted(record)[:8]) or "none"
        yield Violation(expected="destination or error", actual=f"other keys: {keys[:200]}")


@webhook_rule(
    "webhook.handoff-names-a-destination",
    level=MUST,
    source=f"{_HANDOFF}: destination is required",
    remedy="Answer with a destination; an error may stand beside it.",
    applies=_handoff,
)
def handoff_names_a_destination(evidence: Evidence) -> Iterator[Violation]:
    """`handoff-destination-request` is answered by a `destination`."""
    yield from claimed(evidence, "webhook.handoff-names-a-destination", "a destination")


@webhook_rule(
    "webhook.destination-has-a-type",
    level=MUST,
    source=f"{_TRANSFER}, {_HANDOFF}",
    remedy="Make `destination` an object whose type is number, sip or assistant; of a hand-off, assistant or squad.",
    applies=_goes_somewhere,
)
def destination_has_a_type(evidence: Evidence) -> Iterator[Violation]:
    """A destination is an object with a type that there is."""
    yield from claimed(evidence, "webhook.destination-has-a-type", "an object with a known type")


@webhook_rule(
    "webhook.destination-number-is-e164",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, TransferDestinationNumber: E.164 unless numberE164CheckEnabled is false",
    remedy="Write the number as + and digits, without spaces; or switch the check off.",
    applies=_goes_somewhere,
)
def destination_number_is_e164(evidence: Evidence) -> Iterator[Violation]:
    """The number of a destination is in E.164 form, unless the destination switches that check off."""
    yield from claimed(evidence, "webhook.destination-number-is-e164", "a number such as +15550100001")


@webhook_rule(
    "webhook.destination-sip-uri-is-one",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, TransferDestinationSip; RFC 3261, 19.1",
    remedy="Write sipUri as sip:user@host.",
    applies=_goes_somewhere,
)
def destination_sip_uri_is_one(evidence: Evidence) -> Iterator[Violation]:
    """The address of a SIP destination is a SIP URI."""
    yield from claimed(evidence, "webhook.destination-sip-uri-is-one", "a URI such as sip:desk@sip.example")


@webhook_rule(
    "webhook.destination-names-its-assistant",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, TransferDestinationAssistant, HandoffDestinationAssistant, "
    "HandoffDestinationSquad",
    remedy="Name the assistant by assistantName or assistantId, the squad by squadId.",
    applies=_goes_somewhere,
)
def destination_names_its_assistant(evidence: Evidence) -> Iterator[Violation]:
    """A destination of the type assistant or squad says which one."""
    yield from claimed(evidence, "webhook.destination-names-its-assistant", "a name or an id")
