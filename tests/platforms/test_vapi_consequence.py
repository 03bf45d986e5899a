import pytest

from vapi_conformance.platforms.vapi import EndedReason, consequence, ended_reason


def reason(status: int | None, *, failed: bool = False) -> EndedReason:
    found = ended_reason(status, failed=failed)
    assert found is not None
    return found


class TestEndedReason:
    @pytest.mark.parametrize(
        ("status", "legacy", "newer"),
        [
            (400, "400-bad-request-validation-failed", "vapifault-custom-llm-400-bad-request-validation-failed"),
            (401, "401-unauthorized", "vapifault-custom-llm-401-unauthorized"),
            (403, "403-model-access-denied", "vapifault-custom-llm-403-model-access-denied"),
            (429, "429-exceeded-quota", "vapifault-custom-llm-429-exceeded-quota"),
            (500, "500-server-error", "providerfault-custom-llm-500-server-error"),
            (503, "503-server-overloaded-error", "providerfault-custom-llm-503-server-overloaded-error"),
        ],
    )
    def test_documented_statuses_have_their_own(self, status: int, legacy: str, newer: str) -> None:
        expected = EndedReason(
            legacy=f"pipeline-error-custom-llm-{legacy}",
            newer=f"call.in-progress.error-{newer}",
            sureness="documented",
        )
        assert expected == ended_reason(status)

    @pytest.mark.parametrize("status", [301, 404, 405, 408, 413, 422, 501, 502, 504])
    def test_every_other_status_is_inferred_to_share_one(self, status: int) -> None:
        expected = (
            "pipeline-error-custom-llm-llm-failed",
            "call.in-progress.error-providerfault-custom-llm-llm-failed",
        )
        assert (expected, "inferred") == (reason(status).texts, reason(status).sureness)

    @pytest.mark.parametrize(("status", "failed"), [(None, False), (402, False), (200, True)])
    def test_no_answer_and_a_failing_answer_were_observed_to_share_it(self, status: int | None, failed: bool) -> None:
        found = reason(status, failed=failed)
        assert ("pipeline-error-custom-llm-llm-failed", "observed") == (found.legacy, found.sureness)

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_success_ends_no_call(self, status: int) -> None:
        assert None is ended_reason(status)


class TestConsequence:
    def test_an_answer_with_text_is_heard(self) -> None:
        found = consequence(200, spoken=True)
        assert ("heard", ()) == (found.what, found.ended_reasons)

    def test_a_long_silence_within_the_timeout_is_a_hang(self) -> None:
        found = consequence(200, spoken=True, silence_s=6.04)
        assert "The answer is spoken, with 6.0 s of silence; Vapi reports a hang at 5 s." == found.text

    def test_nothing_to_say_is_silence(self) -> None:
        found = consequence(200)
        assert "silence" == found.what
        assert {"pipeline-error-custom-llm-llm-failed", "silence-timed-out"} <= set(found.ended_reasons)

    def test_a_tool_call_is_run(self) -> None:
        assert "tool-call" == consequence(200, tool_calls=1).what
        assert "the 2 calls are" in consequence(200, spoken=True, tool_calls=2).text

    def test_a_lost_tool_call_wins_over_one_that_is_run(self) -> None:
        assert ("tool-lost", ()) == (
            (found := consequence(200, tool_calls=1, lost_tool_calls=1)).what,
            found.ended_reasons,
        )

    @pytest.mark.parametrize("status", [401, 429, 500])
    def test_an_error_status_ends_the_call_whatever_was_said(self, status: int) -> None:
        found = consequence(status, spoken=True)
        assert ("call-ends", "documented") == (found.what, found.sureness)
        assert reason(status).texts == found.ended_reasons
        assert "The caller hears silence" in found.text

    def test_a_failure_in_the_middle_leaves_half_an_answer(self) -> None:
        found = consequence(200, spoken=True, error="chunk.choices is not iterable")
        assert "call-ends" == found.what
        assert found.text.startswith("Reading the answer fails (chunk.choices is not iterable). The caller hears half")

    def test_no_response_ends_the_call(self) -> None:
        found = consequence(None, error="connection refused")
        assert ("call-ends", "observed") == (found.what, found.sureness)
        assert found.text.startswith("No response came (connection refused).")

    @pytest.mark.parametrize(("silence_s", "what"), [(20.0, "heard"), (20.1, "call-ends")])
    def test_silence_beyond_the_timeout_ends_the_call(self, silence_s: float, what: str) -> None:
        assert what == consequence(200, spoken=True, silence_s=silence_s).what

    def test_the_timeout_is_the_configured_one(self) -> None:
        assert "call-ends" == consequence(200, spoken=True, silence_s=3, timeout_s=2).what
