"""The objects around the messages as Vapi sent them between March and July 2024; every value is made up."""

from vapi_conformance.platforms.vapi import Platform

PROMPT = "You answer the phone of a bicycle workshop. Be short and friendly."
HELLO = "Hello, this is the workshop. What can I do for you?"


def _head(made: Platform) -> dict[str, object]:
    caller = made.caller
    return {"id": caller.call_id, "orgId": caller.org_id, "createdAt": caller.timestamp, "updatedAt": caller.timestamp}


def _room(made: Platform) -> str:
    return f"https://rooms.vapi.example/{made.caller.room}"


def _model(made: Platform) -> dict[str, object]:
    model = made.assistant.model
    return {
        "provider": "custom-llm",
        "url": made.base_url,
        "urlRequestMetadataEnabled": True,
        "model": model.model,
        "temperature": model.temperature,
        "maxTokens": model.max_tokens,
        "functions": [],
        "messages": [{"role": "system", "content": PROMPT}],
        "systemPrompt": "",
    }


_CLIENT_MESSAGES = ["transcript", "hang", "function-call", "speech-update", "metadata", "conversation-update"]
_SERVER_MESSAGES = ["end-of-call-report", "status-update", "hang", "function-call"]


def org(made: Platform) -> dict[str, object]:
    created = made.caller.timestamp
    return {
        "id": made.caller.org_id,
        "name": "Workshop",
        "createdAt": created,
        "updatedAt": created,
        "bill": 1.5,
        "withinBillingLimit": True,
        "activeCalls": "0",
        "withinConcurrencyLimit": True,
    }


def call_2024_03(made: Platform) -> dict[str, object]:
    return {
        "type": "webCall",
        "callId": made.caller.call_id,
        "orgId": made.caller.org_id,
        "transcriber": {
            "provider": "deepgram",
            "model": "nova-2-conversationalai",
            "keywords": [],
            "language": "en-US",
            "smartFormat": False,
        },
        "model": _model(made),
        "voice": {"provider": "deepgram", "voiceId": "aura-asteria-en"},
        "serverUrl": "https://workshop.example/vapi",
        "serverUrlSecret": "made-up-secret",
        "firstMessage": HELLO,
        "endCallMessage": "Goodbye.",
        "endCallPhrases": ["goodbye"],
        "recordingEnabled": False,
        "endCallFunctionEnabled": True,
        "hipaaEnabled": False,
        "silenceTimeoutSeconds": 30,
        "clientMessages": _CLIENT_MESSAGES,
        "serverMessages": _SERVER_MESSAGES,
        "numWordsToInterruptAssistant": 2,
        "callUrl": _room(made),
        "backgroundSound": "off",
    }


def call_2024_04(made: Platform) -> dict[str, object]:
    head = _head(made)
    record = {**head, "type": "webCall", "webCallUrl": _room(made), "status": "queued"}
    record["assistantId"] = made.caller.assistant_id
    owner = org(made)
    unset = ("CustomerId", "SubscriptionId", "SubscriptionItemId")
    full_org = {key: owner[key] for key in ("id", "name", "createdAt", "updatedAt")}
    full_org |= {f"stripe{name}": None for name in unset}
    full_org |= {"billingLimit": 10, "stripeSubscriptionCurrentPeriodStart": None, "stripeSubscriptionStatus": None}
    full_org |= {"serverUrl": None, "concurrencyLimit": 10, "serverUrlSecret": None, "zapierHookUrl": None}
    full_org |= {"hipaaEnabled": None, "toltReferral": None}
    full_org |= {key: owner[key] for key in ("bill", "withinBillingLimit", "activeCalls", "withinConcurrencyLimit")}
    return {
        "type": "webCall",
        "callId": made.caller.call_id,
        "orgId": made.caller.org_id,
        "transcriber": {"provider": "deepgram", "model": "nova-2", "keywords": [], "language": "en"},
        "model": _model(made),
        "voice": {"provider": "playht", "voiceId": "made-up-voice"},
        "credentials": [],
        "serverUrl": "",
        "serverUrlSecret": "",
        "firstMessage": HELLO,
        "endCallMessage": "",
        "endCallPhrases": [],
        "recordingEnabled": False,
        "endCallFunctionEnabled": False,
        "fillersEnabled": False,
        "hipaaEnabled": False,
        "liveTranscriptsEnabled": False,
        "silenceTimeoutSeconds": 30,
        "responseDelaySeconds": 0.4,
        "llmRequestDelaySeconds": 0.1,
        "clientMessages": _CLIENT_MESSAGES,
        "serverMessages": _SERVER_MESSAGES,
        "interruptionsEnabled": True,
        "numWordsToInterruptAssistant": 2,
        "callUrl": _room(made),
        "maxDurationSeconds": 600,
        "customerJoinTimeoutSeconds": 15,
        "backgroundSound": "off",
        "metadata": {},
        "miscellaneous": {"call": record, "org": full_org},
        "sampleRate": 48000,
        "voicemailMessage": "",
        "voicemailDetectionEnabled": True,
        "orgName": "Workshop",
        "id": made.caller.call_id,
        "createdAt": made.caller.timestamp,
        "updatedAt": made.caller.timestamp,
        "webCallUrl": _room(made),
        "status": "queued",
        "assistantId": made.caller.assistant_id,
    }


def call_2024_05(made: Platform) -> dict[str, object]:
    caller = made.caller
    record: dict[str, object] = {"id": caller.call_id, "assistantId": caller.assistant_id, "customerId": None}
    record |= {"phoneNumberId": caller.phone_number_id, "type": "inboundPhoneCall"}
    record |= dict.fromkeys(("startedAt", "endedAt", "transcript", "recordingUrl", "summary"))
    record |= {"createdAt": caller.timestamp, "updatedAt": caller.timestamp, "orgId": caller.org_id, "cost": 0}
    record |= dict.fromkeys(("twilioCallSid", "twilioCallStatus", "webCallUrl", "assistant", "phoneNumber"))
    record |= {"customer": caller.customer(), "status": "ringing"}
    unset = ("endedReason", "messages", "maxDurationSeconds", "stereoRecordingUrl", "costBreakdown", "metadata")
    record |= dict.fromkeys(unset)
    record |= {"phoneCallProvider": "twilio", "phoneCallProviderId": caller.provider_call_id}
    record |= dict.fromkeys(("webCallSipUri", "forwardedPhoneNumber")) | {"phoneCallTransport": "pstn"}
    last = ("phoneCallProviderBypassEnabled", "phoneCallProviderDetails", "assistantOverrides")
    return record | dict.fromkeys((*last, "assistantOverride", "assistants"))


def phone_number_2024_05(made: Platform) -> dict[str, object]:
    caller = made.caller
    return {
        "id": caller.phone_number_id,
        "orgId": caller.org_id,
        "assistantId": caller.assistant_id,
        "number": caller.assistant_number,
        "createdAt": caller.timestamp,
        "updatedAt": caller.timestamp,
        "stripeSubscriptionId": None,
        "twilioAccountSid": "AC" + "0" * 32,
        "twilioAuthToken": "made-up-token",
        "stripeSubscriptionStatus": None,
        "stripeSubscriptionCurrentPeriodStart": None,
        "name": "Workshop",
        "credentialId": None,
        "serverUrl": None,
        "serverUrlSecret": None,
        "twilioOutgoingCallerId": None,
    }


def call_2024_07(made: Platform) -> dict[str, object]:
    rest = {"type": "webCall", "status": "queued", "assistantId": made.caller.assistant_id, "webCallUrl": _room(made)}
    return _head(made) | rest
