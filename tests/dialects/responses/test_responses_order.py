"""The order of a Responses stream: what the tables have a place for, and what is told where they have none."""

import pytest

from responses_answers import (
    BEGIN,
    CALL,
    MESSAGE,
    JsonObject,
    added,
    arguments,
    event,
    item_done,
    lifecycle,
    message,
    of_part,
    said,
    story,
    streamed,
)
from vapi_conformance.dialects.responses.order import EVENT_TYPES, TRANSITIONS, Signal, State, after, place_of

END = lifecycle("completed")
PART, DELTA, TEXT_DONE, PART_DONE = said("Hello")


def faults(*payloads: object) -> list[tuple[str, str]]:
    """State and signal of each; the same as the transcript tells."""
    transcript = streamed(*payloads)
    told = [(str(each.state), str(each.signal)) for each in story(transcript).faults]
    assert told == [(each.state, each.signal) for each in transcript.out_of_order]
    return told


class TestTables:
    def test_lead_to_states_that_have_a_row(self) -> None:
        assert set() == {state for row in TRANSITIONS.values() for state in row.values()} - TRANSITIONS.keys()
        assert set(State) == TRANSITIONS.keys()

    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("signal", Signal)
    def test_recovery_stays_at_the_same_table(self, state: State, signal: Signal) -> None:
        following, _ = after(state, signal)
        assert following in TRANSITIONS

    def test_know_59_described_types_and_keepalive(self) -> None:
        assert 60 == len(EVENT_TYPES)

    @pytest.mark.parametrize("event_type", ["", "?", "response.", "response.mcp_call.searching", "response.text.delta"])
    def test_leave_unknown_types_to_their_item(self, event_type: str) -> None:
        assert "unknown" == place_of(event_type).scope


class TestSoundStreams:
    @pytest.mark.parametrize(
        "body",
        [
            [],
            message("Hel", "lo"),
            message(),
            [*message("One"), *message("Two", at=1)],
            [
                added(MESSAGE),
                PART,
                DELTA,
                of_part("output_text.annotation.added"),
                TEXT_DONE,
                PART_DONE,
                item_done(MESSAGE),
            ],
            [added(CALL), *arguments("{", "}"), item_done(CALL)],
            [added(CALL), item_done(CALL)],
            [
                added(CALL),
                added(CALL, 1),
                *arguments("{}", at=1),
                *arguments("{}", at=0),
                item_done(CALL),
                item_done(CALL, 1),
            ],
        ],
    )
    def test_have_no_fault(self, body: list[object]) -> None:
        assert [] == faults(*BEGIN, *body, END)

    def test_may_be_queued(self) -> None:
        assert [] == faults(BEGIN[0], lifecycle("queued"), BEGIN[1], END)

    def test_may_fail_after_an_error(self) -> None:
        assert [] == faults(*BEGIN, added(MESSAGE), event("error", message="Sorry"), lifecycle("failed"))

    def test_may_send_reasoning_with_a_part_or_without(self) -> None:
        item: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": []}
        bare = [of_part("reasoning_text.delta", delta="Hm"), of_part("reasoning_text.done", text="Hm")]
        part = of_part("content_part.added", part={"type": "reasoning_text"})
        assert [] == faults(*BEGIN, added(item), *bare, item_done(item), END)
        assert [] == faults(*BEGIN, added(item), part, *bare, of_part("content_part.done"), item_done(item), END)

    def test_may_repeat_the_progress_of_a_hosted_call(self) -> None:
        item: JsonObject = {"type": "mcp_call", "id": "mcp_1"}
        steps = ["in_progress", "in_progress", "completed"]
        body = [added(item), *(event(f"mcp_call.{step}", output_index=0) for step in steps), item_done(item)]
        assert [] == faults(*BEGIN, *body, END)

    def test_may_keep_the_line_alive_at_any_time(self) -> None:
        assert [] == faults({"type": "keepalive"}, *BEGIN, {"type": "keepalive"}, *message("Hello"), END)


class TestFaults:
    def test_no_created(self) -> None:
        assert [("before response.created", "response.in_progress")] == faults(BEGIN[1])

    def test_created_twice(self) -> None:
        assert [("response in progress", "response.created")] == faults(*BEGIN, BEGIN[0], END)

    @pytest.mark.parametrize("late", [DELTA, BEGIN[0], event("error"), END])
    def test_after_the_end(self, late: object) -> None:
        ((state, _),) = faults(*BEGIN, *message("Hello"), END, late)
        assert "after the terminal event" == state

    def test_after_an_error(self) -> None:
        assert [("after an error", "output")] == faults(
            *BEGIN, added(MESSAGE), event("error"), PART, lifecycle("failed")
        )

    def test_before_its_item(self) -> None:
        assert [("before its item", "an event of the item")] == faults(*BEGIN, PART, END)

    def test_item_added_twice(self) -> None:
        assert [("item open", "output_item.added")] == faults(
            *BEGIN, added(MESSAGE), added(MESSAGE), item_done(MESSAGE)
        )

    def test_item_done_twice(self) -> None:
        assert [("item done", "output_item.done")] == faults(*BEGIN, *message("Hello"), item_done(MESSAGE), END)

    def test_after_its_item(self) -> None:
        assert [("item done", "an event of the item")] == faults(*BEGIN, *message("Hello"), DELTA, END)

    def test_before_its_part(self) -> None:
        body = [added(MESSAGE), DELTA, DELTA, TEXT_DONE, PART_DONE, item_done(MESSAGE)]
        told = faults(*BEGIN, *body, END)
        assert [("before its part", "delta"), ("before its part", "delta"), ("before its part", "done")] == told

    def test_text_that_is_not_done(self) -> None:
        assert [("part open", "part.done")] == faults(
            *BEGIN, added(MESSAGE), PART, DELTA, PART_DONE, item_done(MESSAGE)
        )
        assert [("part open", "output_item.done")] == faults(*BEGIN, added(MESSAGE), PART, DELTA, item_done(MESSAGE))

    def test_part_that_is_not_done(self) -> None:
        assert [("text done", "output_item.done")] == faults(
            *BEGIN, added(MESSAGE), PART, DELTA, TEXT_DONE, item_done(MESSAGE)
        )

    def test_after_the_text(self) -> None:
        body = [added(MESSAGE), PART, DELTA, TEXT_DONE, DELTA, PART_DONE, item_done(MESSAGE)]
        assert [("text done", "delta")] == faults(*BEGIN, *body, END)

    def test_arguments_that_are_not_done(self) -> None:
        body = [added(CALL), arguments("{}")[0], item_done(CALL)]
        assert [("in the middle of it", "output_item.done")] == faults(*BEGIN, *body, END)

    def test_hosted_call_that_never_ends(self) -> None:
        item: JsonObject = {"type": "web_search_call", "id": "ws_1"}
        body = [added(item), event("web_search_call.in_progress", output_index=0), item_done(item)]
        assert [("call in progress", "output_item.done")] == faults(*BEGIN, *body, END)


class TestItems:
    def test_without_an_index_are_known_by_their_id(self) -> None:
        nameless = {key: value for key, value in DELTA.items() if key != "output_index"}
        assert [] == faults(*BEGIN, added(MESSAGE), PART, nameless, TEXT_DONE, PART_DONE, item_done(MESSAGE), END)

    def test_that_cannot_be_told_are_left_out(self) -> None:
        stray = event("output_text.delta", delta="Hello")
        transcript = streamed(*BEGIN, *message("Hello"), stray, END)
        assert (1, "Hello") == (len(story(transcript).items), transcript.text)
