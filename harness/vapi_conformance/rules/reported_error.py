"""An error that an endpoint reports: where it stands, and what it says in a few words."""

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_none, object_or_nothing, string_or_none
from vapi_conformance.payload import Payload, parse
from vapi_conformance.rules.quoting import quote

__all__ = ["error_of", "error_payload", "reported_error", "sent_error"]


def error_payload(evidence: Evidence) -> Payload:
    """The body of a refusal, read as JSON whatever it is."""
    return parse(evidence.body.decode(errors="replace").removeprefix("\ufeff"))


def sent_error(evidence: Evidence) -> object:
    """What stands under `error` in the body of a refusal; None where there is no such thing."""
    return object_or_nothing(error_payload(evidence).value).get("error")


def error_of(chunk: Chunk) -> object:
    """The error that a chunk of a stream reports: under `error`, in Responses also inside its response or flat."""
    record = chunk.record or {}
    if (error := record.get("error")) is not None:
        return error
    response = object_or_nothing(record.get("response"))
    return response.get("error") if response else record


def reported_error(error: object) -> str:
    """Its message where it has one, else what it is instead; never long, whatever was sent."""
    record = object_or_none(error)
    message = string_or_none(error if record is None else record.get("message"))
    if message is not None:
        return quote(message)
    if record is not None:
        return "an object without a message"
    if error is None:
        return "null"
    return f"a {type(error).__name__}"
