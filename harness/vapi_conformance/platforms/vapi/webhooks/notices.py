"""The messages that only tell what happens.

Recorded: status-update, end-of-call-report (2024, 2025), conversation-update (2024-12), speech-update (2025-05).
`transcript`, `model-output`, `voice-input` and `hang` were recorded as client messages (2026-08); that the server
gets the same fields is documented. `user-interrupted` and `assistant.started` are known from Vapi's OpenAPI.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi.callers import CALL_HOST, Caller
from vapi_conformance.platforms.vapi.history import Heard, Spoken
from vapi_conformance.platforms.vapi.webhooks.artifact import artifact, elapsed_ms
from vapi_conformance.platforms.vapi.webhooks.envelope import Moment, server_message, timestamp

__all__ = ["ENDED", "notice", "notice_names"]

ENDED: Final = "customer-ended-call"


def notice_names() -> tuple[str, ...]:
    """What `notice` takes: a message's type, behind a dot a variant of it."""
    return tuple(_NOTICES)


def notice(name: str, moment: Moment) -> dict[str, object]:
    """The body of one message. Raises KeyError for a name that is none of `notice_names`."""
    return _NOTICES[name](moment)


def _plain(kind: str, fields: Mapping[str, object] | None = None) -> Callable[[Moment], dict[str, object]]:
    return lambda moment: server_message(kind, moment, fields)


def _transcript(kind: str) -> Callable[[Moment], dict[str, object]]:
    def build(moment: Moment) -> dict[str, object]:
        heard = _last(moment, Heard) or "Hello."
        words = heard if kind == "final" else " ".join(heard.split()[:2])
        return server_message("transcript", moment, {"role": "user", "transcriptType": kind, "transcript": words})

    return build


def _conversation(moment: Moment) -> dict[str, object]:
    said = artifact(moment.caller, moment.said, era=moment.era)
    fields = {"conversation": said["messagesOpenAIFormatted"], "messages": said["messages"]}
    return server_message("conversation-update", moment, fields)


def _output(moment: Moment) -> dict[str, object]:
    fields = {"output": _last(moment, Spoken) or "Hello.", "turnId": moment.caller.org_id}
    return server_message("model-output", moment, fields)


def _input(moment: Moment) -> dict[str, object]:
    return server_message("voice-input", moment, {"input": _last(moment, Spoken) or "Hello.", "turn": 1})


def _interrupted(moment: Moment) -> dict[str, object]:
    return server_message("user-interrupted", moment, {"turnId": moment.caller.org_id})


def _started(moment: Moment) -> dict[str, object]:
    """`newAssistant` is the assistant that speaks from now on (Vapi's OpenAPI)."""
    record = object_or_nothing(object_or_nothing(server_message("", moment)["message"])["assistant"])
    return server_message("assistant.started", moment, {"newAssistant": dict(record)})


def _last(moment: Moment, kind: type[Heard] | type[Spoken]) -> str | None:
    return next((each.text for each in reversed(moment.said.conversation.entries) if isinstance(each, kind)), None)


def _report(moment: Moment) -> dict[str, object]:
    """The whole call; keys and their order as in the recording of 2025-06."""
    caller = moment.caller
    lasted_ms = elapsed_ms(moment.said)
    said = artifact(caller, moment.said, era=moment.era)
    transcript = "".join(_lines(moment))
    minutes = round(lasted_ms / 60_000, 4)
    summary = "The caller asked for something, and was answered."
    urls = _recordings(caller)
    mono: dict[str, object] = dict.fromkeys(("combinedUrl", "assistantUrl", "customerUrl"), urls["recordingUrl"])
    whole: dict[str, object] = {
        "messages": said["messages"],
        "messagesOpenAIFormatted": said["messagesOpenAIFormatted"],
        "transcript": transcript,
        **urls,
        "recording": {
            "stereoUrl": urls["stereoRecordingUrl"],
            "mono": mono,
        },
        "nodes": [],
        **{key: said[key] for key in ("variables", "variableValues") if key in said},
    }
    fields: dict[str, object] = {
        "analysis": {"summary": summary, "successEvaluation": "true"},
        "artifact": whole,
        "startedAt": timestamp(caller.started_at),
        "endedAt": timestamp(_after(caller, lasted_ms)),
        "endedReason": ENDED,
        "cost": 0.0192,
        "costBreakdown": _cost_breakdown(),
        "costs": _costs(minutes),
        "durationMs": lasted_ms,
        "durationSeconds": lasted_ms / 1000,
        "durationMinutes": minutes,
        "summary": summary,
        "transcript": transcript,
        "messages": said["messages"],
        **urls,
    }
    return server_message("end-of-call-report", moment, fields)


def _lines(moment: Moment) -> list[str]:
    speakers = ((Spoken, "AI"), (Heard, "User"))
    return [
        f"{name}: {entry.text}\n"
        for entry in moment.said.conversation.entries
        for kind, name in speakers
        if isinstance(entry, kind)
    ]


def _recordings(caller: Caller) -> dict[str, object]:
    start = f"https://{CALL_HOST}/recordings/{caller.call_id}"
    return {"recordingUrl": f"{start}-mono.wav", "stereoRecordingUrl": f"{start}-stereo.wav"}


def _after(caller: Caller, milliseconds: int) -> datetime:
    return caller.started_at + timedelta(milliseconds=milliseconds)


def _costs(minutes: float) -> list[dict[str, object]]:
    """What was paid for, item by item; all of it made up."""
    writer = {"provider": "google", "model": "gemini-2.5-flash"}
    tokens: dict[str, object] = {"promptTokens": 0, "completionTokens": 0, "cost": 0}
    return [
        {
            "type": "transcriber",
            "transcriber": {"provider": "deepgram", "model": "nova-2"},
            "minutes": minutes,
            "cost": 0.0033,
        },
        {"type": "model", "model": {"provider": "custom-llm", "model": "gpt-4o"}, **tokens},
        {
            "type": "voice",
            "voice": {"provider": "vapi", "voiceId": "Elliot", "model": "eleven_turbo_v2_5"},
            "characters": 118,
            "cost": 0.0041,
        },
        {"type": "vapi", "subType": "normal", "minutes": minutes, "cost": 0.0118},
        {"type": "analysis", "analysisType": "summary", "model": writer, **tokens},
        {"type": "analysis", "analysisType": "successEvaluation", "model": writer, **tokens},
        {"type": "knowledge-base", "model": writer, **tokens},
    ]


def _cost_breakdown() -> dict[str, object]:
    analysis = ("summary", "structuredData", "successEvaluation")
    return {
        "stt": 0.0033,
        "llm": 0.0,
        "tts": 0.0041,
        "vapi": 0.0118,
        "total": 0.0192,
        "llmPromptTokens": 0,
        "llmCompletionTokens": 0,
        "ttsCharacters": 118,
        "voicemailDetectionCost": 0,
        "knowledgeBaseCost": 0,
        "analysisCostBreakdown": {
            f"{part}{count}": 0 for part in analysis for count in ("", "PromptTokens", "CompletionTokens")
        },
    }


_NOTICES: Final[Mapping[str, Callable[[Moment], dict[str, object]]]] = {
    "assistant.started": _started,
    "conversation-update": _conversation,
    "end-of-call-report": _report,
    "hang": _plain("hang"),
    "model-output": _output,
    "speech-update": _plain("speech-update", {"status": "started", "role": "assistant", "turn": 0}),
    "speech-update.stopped": _plain("speech-update", {"status": "stopped", "role": "user", "turn": 1}),
    "status-update": _plain("status-update", {"status": "in-progress"}),
    "status-update.forwarding": _plain("status-update", {"status": "forwarding"}),
    "status-update.ended": _plain("status-update", {"status": "ended", "endedReason": ENDED}),
    "transcript": _transcript("final"),
    "transcript.partial": _transcript("partial"),
    "user-interrupted": _interrupted,
    "voice-input": _input,
}
