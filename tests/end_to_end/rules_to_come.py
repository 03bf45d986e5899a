"""Faults that the reference server shows already, and no rule of the harness looks for yet.

Delete a line when its rule is there: a test insists on it.
"""

RULES_TO_COME = frozenset(
    {
        "call.barge-in-is-answered",
        "call.barge-in-stops-the-work",
        "call.caller-data-is-not-read-out",
        "call.concurrent-calls-keep-apart",
        "call.edited-history-is-read",
        "call.end-call-is-asked-for",
        "call.every-turn-is-answered",
        "call.grown-turn-is-answered-afresh",
        "call.handoff-follows-the-new-prompt",
        "call.native-tool-runs-once",
        "call.no-answer-ends-the-call",
        "call.placeholder-is-not-read-out",
        "call.repeated-turn-is-answered-in-full",
        "call.replaced-turn-is-answered-afresh",
        "call.tool-is-asked-for-once",
        "call.tool-result-is-told",
        "call.tool-rounds-come-to-an-end",
        "call.transfer-is-a-tool-call",
        "call.transfer-names-a-destination",
    }
)
