"""Rules on streams and tools before recorded traffic: OpenAI broke none; what others broke, and why that is true.

Softer levels count here too: a warning about sound traffic is as false as an error.
"""

from collections import Counter

from shared_data import needs_shared, wire_recordings
from vapi_conformance.evidence import Evidence
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.verdict import Outcome, judge_rule

RULES = [rule for rule in all_rules().values() if rule.id.startswith(("chat-stream.", "stream.", "tools."))]

# The recorder put a request without tools beside a streamed tool call; the chunks even have the usage key, which
# nobody asked for in that request.
MISMATCHED = ("openai", "tools.calls-need-an-offer")

COMPATIBLE = {
    # A gateway: the first chunk has an id of the gateway's, all others the upstream's, which repeats role and finish.
    ("avian", "chat-stream.finish-delta-is-empty"): 3,
    ("avian", "chat-stream.finish-reason-is-sent-once"): 3,
    ("avian", "chat-stream.id-is-constant"): 3,
    ("avian", "chat-stream.role-is-not-repeated"): 3,
    # The chunk with prompt_filter_results: id, model and object are empty, created is 0.
    ("azure", "chat-stream.id-is-non-empty"): 3,
    # A deployment of another vendor's model: whole calls are numbered.
    ("azure", "tools.json-calls-have-no-index"): 2,
    # content "" beside the finish reason; whole calls are numbered.
    ("deepseek", "chat-stream.finish-delta-is-empty"): 3,
    ("deepseek", "tools.json-calls-have-no-index"): 2,
    # Failed in the middle, with an event of its own name; groq/compound joins the streams of several models.
    ("groq", "stream.answer-does-not-fail"): 1,
    ("groq", "chat-stream.created-is-constant"): 2,
    ("groq", "chat-stream.first-delta-has-role"): 1,
    ("groq", "chat-stream.id-is-constant"): 1,
    ("groq", "tools.no-empty-call-list"): 1,
    ("huggingface", "tools.json-calls-have-no-index"): 1,
    ("huggingface", "tools.no-empty-call-list"): 1,
    # The clock is read for each chunk.
    ("llama.cpp", "chat-stream.created-is-constant"): 1,
    # Reasoning as parts of content; content "" beside the finish reason; one old stream has neither index nor type.
    ("mistral", "chat-stream.content-is-a-string"): 2,
    ("mistral", "chat-stream.finish-delta-is-empty"): 5,
    ("mistral", "tools.first-fragment-has-type"): 1,
    ("mistral", "tools.index-is-an-integer"): 1,
    ("mistral", "tools.json-calls-have-no-index"): 3,
    # The clock is read for each chunk; the role is on each, and content "" on the last and beside calls.
    ("ollama", "chat-stream.created-is-constant"): 4,
    ("ollama", "chat-stream.finish-delta-is-empty"): 3,
    ("ollama", "chat-stream.role-is-not-repeated"): 3,
    ("ollama", "tools.json-calls-have-no-index"): 3,
    ("ollama", "tools.no-content-beside-calls"): 1,
    # One failed in the middle; role and content "" on each chunk; the finish reason again on the chunk with usage.
    ("openrouter", "stream.answer-does-not-fail"): 1,
    ("openrouter", "chat-stream.finish-delta-is-empty"): 5,
    ("openrouter", "chat-stream.finish-reason-is-sent-once"): 5,
    ("openrouter", "chat-stream.role-is-not-repeated"): 5,
    ("openrouter", "tools.json-calls-have-no-index"): 2,
    # object chat.completion.done, no finish_reason before the last chunk, no end marker.
    ("perplexity", "chat-stream.ends-with-done"): 1,
    ("perplexity", "chat-stream.finish-delta-is-empty"): 1,
    ("perplexity", "chat-stream.finish-reason-key-is-present"): 1,
    ("perplexity", "chat-stream.object-is-chunk"): 1,
    ("perplexity", "chat-stream.role-is-not-repeated"): 1,
    # Role on each chunk, content "" on the last; an empty list of calls in messages.
    ("together", "chat-stream.finish-delta-is-empty"): 1,
    ("together", "chat-stream.role-is-not-repeated"): 1,
    ("together", "tools.json-calls-have-no-index"): 1,
    ("together", "tools.no-empty-call-list"): 1,
    # The last words come with the finish reason; an empty list of calls in messages.
    ("vllm", "chat-stream.finish-delta-is-empty"): 1,
    ("vllm", "tools.no-empty-call-list"): 2,
    # No finish_reason before the end.
    ("xai", "chat-stream.finish-reason-key-is-present"): 3,
    # Role on each chunk, content "" on the last, no finish_reason before it.
    ("zai", "chat-stream.finish-delta-is-empty"): 2,
    ("zai", "chat-stream.finish-reason-key-is-present"): 2,
    ("zai", "chat-stream.role-is-not-repeated"): 2,
    ("zai", "tools.json-calls-have-no-index"): 1,
}


def broken(prefix: str) -> dict[tuple[str, str], int]:
    """Provider and rule to the number of recordings that break it."""
    found: Counter[tuple[str, str]] = Counter()
    for recording in wire_recordings(prefix):
        evidence = [Evidence(exchange=load_wire(recording.path))]
        results = [judge_rule(rule, MUST, evidence) for rule in RULES]
        assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
        provider = recording.name.split("__")[1]
        found.update((provider, each.rule.id) for each in results if each.outcome is Outcome.VIOLATED)
    return dict(found)


@needs_shared
class TestRecordings:
    def test_of_openai_break_nothing_at_any_level(self) -> None:
        assert {MISMATCHED: 1} == broken("openai_chat_completions__")

    def test_of_others_break_what_is_listed(self) -> None:
        assert COMPATIBLE == broken("openai_compatible__")
