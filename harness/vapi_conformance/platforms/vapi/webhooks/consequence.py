"""What Vapi does with the answer to a server message: what becomes of the calls of a tool, or of the caller's call.

That a result is lost is documented and recorded; which ended reason stands for which mistake in the answer to
`assistant-request` is recorded for an assistant that is not valid, and follows for the others from the names of the
enum (inferred).
"""

from collections.abc import Sequence
from typing import Final

from vapi_conformance.narrow import object_or_none, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi.consequence import Consequence
from vapi_conformance.platforms.vapi.history import ToolCall
from vapi_conformance.platforms.vapi.webhooks.tool_results import tool_results

__all__ = ["webhook_consequence"]

_OK: Final = 200
_WAYS: Final = ("assistantId", "assistant", "squadId", "squad", "workflowId", "workflow", "destination")
_FAILED: Final = "assistant-request-failed"


def webhook_consequence(
    kind: str, *, status: int | None, body: bytes, calls: Sequence[ToolCall] = (), is_late: bool = False
) -> Consequence | None:
    """None where nothing is known to come of the answer. Never raises on what a server sent.

    kind: the message's type. body: with content coding undone. is_late: Vapi had given up.
    """
    match kind:
        case "tool-calls" if calls:
            return _of_tool_calls(body, status, calls, is_late=is_late)
        case "assistant-request":
            return _of_assistant_request(body, None if is_late else status)
        case _:
            return None


def _of_tool_calls(body: bytes, status: int | None, calls: Sequence[ToolCall], *, is_late: bool) -> Consequence:
    if is_late:
        text = "The model gets `No result returned…`: Vapi had given up before the answer came."
        return Consequence(what="tool-lost", text=text, sureness="inferred")
    lost = [each for each in tool_results(body, status, calls) if not each.is_found]
    if not lost:
        text = "The model gets the result of each call."
        return Consequence(what="tool-call", text=text, sureness="documented")
    of = "the call" if len(calls) == 1 else f"{len(lost)} of {len(calls)} calls"
    text = f"The model gets `No result returned…` for {of}: {lost[0].why_none}."
    return Consequence(what="tool-lost", text=text, sureness=lost[0].sureness)


def _of_assistant_request(body: bytes, status: int | None) -> Consequence | None:
    record = object_or_none(parse(body.decode(errors="replace")).value) if status == _OK else None
    if record is None:
        return _ends("The call ends before anybody has spoken: no assistant came in time.", _FAILED)
    if any(record.get(key) is not None for key in _WAYS):
        return _of_the_chosen(record.get("assistant"))
    error = record.get("error")
    if error is None:
        return _ends("The call ends: nobody was chosen.", "assistant-request-returned-no-assistant")
    if (string_or_none(error) or "").strip():
        return _ends("The caller hears the error, and the call ends.", "assistant-request-returned-error")
    return _ends("The call ends: the error cannot be spoken.", "assistant-request-returned-unspeakable-error")


def _of_the_chosen(assistant: object) -> Consequence | None:
    if assistant is None or object_or_none(assistant) is not None:
        return None  # Vapi checks far more of an assistant than we know
    reason = "assistant-request-returned-invalid-assistant"
    return Consequence(
        what="call-ends",
        text="The call ends: the assistant is not valid.",
        ended_reasons=(reason,),
        sureness="observed",
    )


def _ends(text: str, reason: str) -> Consequence:
    return Consequence(what="call-ends", text=text, ended_reasons=(reason,), sureness="inferred")
