"""What Vapi makes of an answer: what its client hears, and what becomes of the call."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from vapi_conformance.consumers import Heard, HeardToolCall, Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi import Consequence, consequence

__all__ = ["LONGEST_ARGUMENTS", "MOST_CALLS", "Hearing", "heard_by_vapi", "within_bounds"]

MOST_CALLS: Final = 64
"""Tool calls of one answer that are played."""
LONGEST_ARGUMENTS: Final = 64 * 1024
"""Characters of arguments in one answer that are played. They are sent back with every further request of the call."""
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One answer at Vapi."""

    heard: Heard
    calls: tuple[HeardToolCall, ...]
    """Those that can be run: offered, and with arguments that can be read."""
    consequence: Consequence


def heard_by_vapi(evidence: Evidence) -> Hearing:
    """Pure: the same exchange is always heard the same."""
    heard = hear(evidence.exchange)
    calls = tuple(call for call in heard.tool_calls if _can_be_run(call, evidence))
    outcome = consequence(
        evidence.status,
        error=heard.error,
        spoken=(heard.outcome is Outcome.SPOKEN or bool(heard.text.strip()))
        and not _all_came_late(heard, evidence.conditions.timeout_s),
        tool_calls=len(calls),
        lost_tool_calls=len(heard.tool_calls) - len(calls),
        silence_s=_longest_silence_s(heard, evidence.conditions.timeout_s),
        timeout_s=evidence.conditions.timeout_s,
    )
    if outcome.what == "silence" and evidence.transcript.kind == "json" and evidence.transcript.text.strip():
        outcome = _of_plain_json(outcome, evidence)
    return Hearing(heard=heard, calls=calls, consequence=outcome)


def within_bounds(hearing: Hearing) -> Hearing:
    """With no more tool calls than a call is played with: each is sent again and again, and costs memory every time.

    What Vapi would do with more is not known.
    """
    kept = list[HeardToolCall]()
    characters = 0
    for call in hearing.calls[:MOST_CALLS]:
        characters += len(call.arguments)
        if characters > LONGEST_ARGUMENTS:
            break
        kept.append(call)
    if len(kept) == len(hearing.calls):
        return hearing
    text = (
        f"Of {len(hearing.calls):,} tool calls in the answer {len(kept)} are run, because the harness takes "
        f"{MOST_CALLS} calls with {LONGEST_ARGUMENTS // 1024} KiB of arguments of one answer."
    )
    found = replace(hearing.consequence, text=text, sureness="inferred")
    if not kept:
        found = replace(found, what="tool-lost")
    return replace(hearing, calls=tuple(kept), consequence=found)


def _can_be_run(call: HeardToolCall, evidence: Evidence) -> bool:
    """Vapi runs tools that it offered, with arguments that it can read (inferred: nothing else could be run)."""
    if not call.name:
        return False
    if evidence.request is not None and call.name not in {tool.name for tool in evidence.request.tools}:
        return False
    return not call.arguments.strip() or object_or_none(parse(call.arguments).value) is not None


def _of_plain_json(found: Consequence, evidence: Evidence) -> Consequence:
    """The words are there, in a document: sources contradict each other (facts on Vapi, 2.1)."""
    choices = array_or_nothing((evidence.transcript.chunks[0].record or {}).get("choices"))
    has_message = any(object_or_none(object_or_nothing(choice).get("message")) is not None for choice in choices)
    if has_message:
        text = (
            "The caller hears nothing: Vapi's client finds no event in a JSON answer, and two reports of 2025 say the "
            "same. Vapi's documentation says that plain JSON is handled."
        )
        return replace(found, text=text, sureness="observed")
    text = (
        "Sources disagree. Vapi's own example answers so, a JSON document with the text in `delta`; but its client "
        "finds no event in a JSON answer, and then the caller hears nothing."
    )
    return replace(found, text=text, sureness="inferred")


def _all_came_late(heard: Heard, timeout_s: float) -> bool:
    """Whether the first words came when Vapi had given up: the caller hears none of them."""
    times = [each.at_ns for each in heard.texts if each.at_ns is not None and each.text.strip()]
    return bool(times) and min(times) > timeout_s * _NS_PER_S


def _longest_silence_s(heard: Heard, timeout_s: float) -> float:
    """Before the first token or between two, in seconds; 0 where no times are known.

    After the last one only where it breaks the timeout: the client waits for the end of the body, but what it has is
    spoken meanwhile.
    """
    times = [each.at_ns for each in heard.texts] + [each.at_ns for each in heard.tool_calls]
    stations = [0, *sorted(at_ns for at_ns in times if at_ns is not None)]
    silence_s = max((later - earlier for earlier, later in pairwise(stations)), default=0) / _NS_PER_S
    tail_s = 0.0 if heard.ended_at_ns is None else (heard.ended_at_ns - stations[-1]) / _NS_PER_S
    return max(silence_s, tail_s) if tail_s > timeout_s else silence_s
