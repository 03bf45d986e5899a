"""What Vapi does with what an endpoint did: what the caller hears, and the reason in the call's record.

Plain values in, plain values out, so that rules and reports can ask. Sources: Vapi's status table and ended-reason
enum (documented), published incidents (observed), the rest follows from there being no other value (inferred).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["HANG_S", "Consequence", "EndedReason", "Sureness", "What", "consequence", "ended_reason"]

Sureness = Literal["documented", "observed", "inferred"]
What = Literal["heard", "silence", "tool-call", "tool-lost", "call-ends"]

HANG_S = 5.0
"""After so much silence Vapi sends the message `hang`; the call goes on (observed: 5.0 s)."""

_CLIENT_FAULT = "vapifault"
_SERVER_FAULT = "providerfault"
_OWN_REASON: Mapping[int, tuple[str, str]] = {
    400: (_CLIENT_FAULT, "400-bad-request-validation-failed"),
    401: (_CLIENT_FAULT, "401-unauthorized"),
    403: (_CLIENT_FAULT, "403-model-access-denied"),
    429: (_CLIENT_FAULT, "429-exceeded-quota"),
    500: (_SERVER_FAULT, "500-server-error"),
    503: (_SERVER_FAULT, "503-server-overloaded-error"),
}
"""Statuses with a value of their own in the enum."""
_ANY_OTHER = (_SERVER_FAULT, "llm-failed")
_OBSERVED_AS_ANY_OTHER = frozenset({402})
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedReason:
    """Why a call ended, in both spellings that occur."""

    legacy: str
    """`pipeline-error-custom-llm-…`"""
    newer: str
    """`call.in-progress.error-…-custom-llm-…`"""
    sureness: Sureness
    """How we know that this status or condition has this reason."""

    @property
    def texts(self) -> tuple[str, str]:
        """Both, legacy first."""
        return (self.legacy, self.newer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What becomes of one answer in a call."""

    what: What
    text: str
    """One or two sentences for people."""
    ended_reasons: tuple[str, ...] = ()
    """What `endedReason` may say if the call ends by this; empty when it does not."""
    sureness: Sureness


def ended_reason(status: int | None, *, failed: bool = False) -> EndedReason | None:
    """The reason for an answer with this status; None when it is no reason to end a call.

    status None: no response came at all. failed: the response broke off, timed out or could not be parsed; with a
    2xx status that is what decides.
    """
    if status is not None and status in _SUCCESS and not failed:
        return None
    fault, name = _OWN_REASON.get(status or 0, _ANY_OTHER)
    sureness: Sureness = "documented" if status in _OWN_REASON else "inferred"
    if status is None or status in _SUCCESS or status in _OBSERVED_AS_ANY_OTHER:
        sureness = "observed"  # stale tunnel URLs, slow models, malformed chunks, HTTP 402
    return EndedReason(
        legacy=f"pipeline-error-custom-llm-{name}",
        newer=f"call.in-progress.error-{fault}-custom-llm-{name}",
        sureness=sureness,
    )


def consequence(  # noqa: PLR0913 - one value per thing Vapi can notice, all optional
    status: int | None,
    *,
    error: str | None = None,
    spoken: bool = False,
    tool_calls: int = 0,
    lost_tool_calls: int = 0,
    silence_s: float = 0.0,
    timeout_s: float = 20.0,
) -> Consequence:
    """What becomes of an answer.

    error: the words of the client library or the transport that failed, None when it was content.
    spoken: some text would reach text-to-speech. silence_s: the longest time without a token.
    tool_calls, lost_tool_calls: calls Vapi would run, and calls that were meant but cannot be run.
    """
    if status is None or status not in _SUCCESS or error is not None or silence_s > timeout_s:
        return _failure(status, error=error, spoken=spoken, silence_s=silence_s, timeout_s=timeout_s)
    if lost_tool_calls:
        return Consequence(
            what="tool-lost",
            text="A tool call arrives in a shape that cannot be run: the tool never runs, and nobody is told.",
            sureness="inferred",
        )
    if tool_calls:
        told = "the call is" if tool_calls == 1 else f"the {tool_calls} calls are"
        return Consequence(
            what="tool-call",
            text=f"Vapi runs the tool; {told} followed by another request with the results.",
            sureness="observed",
        )
    if spoken:
        return _heard(silence_s)
    reason = ended_reason(status, failed=True)
    return Consequence(
        what="silence",
        text="The caller hears nothing. Vapi takes an empty answer as a failure of the model or waits in silence.",
        ended_reasons=(*(reason.texts if reason else ()), "silence-timed-out"),
        sureness="observed",
    )


def _heard(silence_s: float) -> Consequence:
    if silence_s >= HANG_S:
        return Consequence(
            what="heard",
            text=f"The answer is spoken, with {silence_s:.1f} s of silence; Vapi reports a hang at {HANG_S:.0f} s.",
            sureness="observed",
        )
    return Consequence(what="heard", text="The answer is spoken.", sureness="observed")


def _failure(status: int | None, *, error: str | None, spoken: bool, silence_s: float, timeout_s: float) -> Consequence:
    reason = ended_reason(status, failed=True)
    if status is None:
        cause = "No response came" + (f" ({error})" if error else "")
    elif status not in _SUCCESS:
        cause = f"Vapi takes HTTP {status} as a failure of the model, whatever its body says"
    elif error is not None:
        cause = f"Reading the answer fails ({error})"
    else:
        cause = f"{silence_s:.1f} s without a token are more than the timeout of {timeout_s:g} s"
    heard = "half an answer" if spoken and status in _SUCCESS else "silence"
    return Consequence(
        what="call-ends",
        text=f"{cause}. The caller hears {heard}, and unless a newer request replaces this one the call ends.",
        ended_reasons=reason.texts if reason else (),
        sureness=reason.sureness if reason else "inferred",
    )
