"""False alarms are worse than misses: what first parties sent breaks no MUST, and what others break is listed."""

from collections import Counter
from collections.abc import Iterator

import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge


def judged(recording: Recording, dialect: Dialect) -> list[RuleResult]:
    evidence = [Evidence(exchange=load_wire(recording.path))]
    return judge(all_rules().values(), evidence, profile=Profile.STANDARD, dialect=dialect)


def broken(results: list[RuleResult], level: Level) -> Iterator[str]:
    yield from (each.rule.id for each in results if each.level is level and each.outcome is Outcome.VIOLATED)


# A recording that contradicts itself: the Content-Length of its request (825) is that of the recorded body without the
# stream_options that ask for usage (865 with them), so the request was edited after the answer was recorded.
EDITED = {"openai_chat_completions__openai__stream__663162596e": ["usage.stream-reports-once"]}


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", wire_recordings("openai_chat_completions__"), ids=lambda each: each.name)
    def test_breaks_no_must_and_no_rule_fails_to_run(self, recording: Recording) -> None:
        results = judged(recording, Dialect.OPENAI_CHAT_COMPLETIONS)
        assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
        assert EDITED.get(recording.name, []) == list(broken(results, Level.MUST))


# Provider and rule to how many of its recordings break it at MUST or SHOULD; above each group why that is true of them.
COMPATIBLE = {
    # A gateway in front of other vendors: its own first chunk with an id of its own, then the upstream's; the finish
    # reason comes again on the chunk that carries the usage.
    ("avian", "chat-stream.finish-reason-is-sent-once"): 3,
    ("avian", "chat-stream.id-is-constant"): 3,
    ("avian", "usage.chunk-has-empty-choices"): 3,
    # The first chunk holds prompt_filter_results and nothing else: id, model and object are empty, created is 0.
    ("azure", "chat-stream.id-is-non-empty"): 3,
    # 314 tokens out of the cache for a prompt of 262.
    ("azure", "usage.cached-within-prompt"): 3,
    # An error body sent as application/octet-stream.
    ("deepseek", "errors.media-type-is-json"): 1,
    ("deepseek", "usage.chunk-has-empty-choices"): 2,  # usage rides on the finish chunk
    # The OpenAI layer of Gemini: thoughts are in the total and not in completion_tokens.
    ("google", "usage.total-is-the-sum"): 1,
    # groq/compound joins the streams of several models, each with its own id and time; a message of calls only has no
    # content key.
    ("groq", "chat-stream.created-is-constant"): 2,
    ("groq", "chat-stream.first-delta-has-role"): 1,
    ("groq", "chat-stream.id-is-constant"): 1,
    ("groq", "chat.content-key-is-present"): 1,
    ("llama.cpp", "chat-stream.created-is-constant"): 1,  # the clock is read for each chunk
    # {"detail": ...} in place of an error object; thinking models send content as an array of parts; one old stream
    # of tool calls has neither index nor type.
    ("mistral", "auth.refusal-has-an-error-body"): 1,
    ("mistral", "chat-stream.content-is-a-string"): 2,
    ("mistral", "tools.first-fragment-has-type"): 1,
    ("mistral", "tools.index-is-an-integer"): 1,
    # The clock is read for each chunk; one stream that was asked for usage has none.
    ("ollama", "chat-stream.created-is-constant"): 4,
    ("ollama", "usage.stream-reports-once"): 1,
    # After the finish one more choice chunk carries the usage and the finish reason again; 11 reasoning tokens of 10.
    ("openrouter", "chat-stream.finish-reason-is-sent-once"): 5,
    ("openrouter", "usage.chunk-has-empty-choices"): 5,
    ("openrouter", "usage.reasoning-within-completion"): 1,
    # object is chat.completion.done on the last chunk, there is no end marker, and usage is on several chunks.
    ("perplexity", "chat-stream.ends-with-done"): 1,
    ("perplexity", "chat-stream.object-is-chunk"): 1,
    ("perplexity", "usage.chunk-has-empty-choices"): 1,
    # Usage rides on the finish chunk; 48 reasoning tokens of 5.
    ("vercel-gateway", "usage.chunk-has-empty-choices"): 4,
    ("vercel-gateway", "usage.reasoning-within-completion"): 2,
    # Reasoning is counted beside completion_tokens, not inside.
    ("xai", "usage.reasoning-within-completion"): 8,
    ("xai", "usage.total-is-the-sum"): 8,
    ("zai", "usage.chunk-has-empty-choices"): 2,  # usage rides on the finish chunk
}


@needs_shared
class TestCompatible:
    def test_breaks_what_is_listed_and_nothing_else(self) -> None:
        found: Counter[tuple[str, str]] = Counter()
        for recording in wire_recordings("openai_compatible__"):
            provider = recording.name.split("__")[1]
            results = judged(recording, Dialect.OPENAI_COMPATIBLE)
            assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
            found.update((provider, rule) for level in (Level.MUST, Level.SHOULD) for rule in broken(results, level))
        assert COMPATIBLE == dict(found)
