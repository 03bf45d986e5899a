"""Text for an issue tracker: everything that is known, and nothing in it is markup but ours."""

from made_reports import HOSTILE, rule, violation
from vapi_conformance.report.page.issue_text import issue_text

CURL = "curl -sSN http://endpoint.example/v1/chat/completions"


def test_tells_all_that_is_known() -> None:
    told = issue_text(rule("sse.last-event-is-terminated", "violated"), violation(), "Suite: 0.1.0", CURL)
    assert (
        told
        == """### `sse.last-event-is-terminated` is broken (MUST)

**Required**

    What is required holds.

**Source**

    HTML Living Standard, 9.2.6

**Expected**

    an empty line after the last event

**Actual**

    the body ends inside an event

**Where**

    plain/stream, byte 213

**Bytes, the offending ones between ⟦ and ⟧**

    data: {}␊
    ␊
    ⟦data: [DONE]⟧

**What follows**

    Vapi, of this answer as a whole: The answer is spoken. (observed)

**How to mend it**

    End every event with an empty line.

**Repeat the request**

    curl -sSN http://endpoint.example/v1/chat/completions

**Repeat the check**

    pytest --endpoint http://endpoint.example/v1 --endpoint-rule sse.last-event-is-terminated

**Judged**

    Suite: 0.1.0"""
    )


def test_words_of_others_stand_in_blocks_that_they_cannot_leave() -> None:
    words = f"```\n@everyone # heading\r\n{HOSTILE}\n\n- item"
    told = issue_text(
        rule("a.b", "violated", statement=words, source=words, remedy=words, level="MUST"),
        violation(expected=words, actual=words, exchange=words, repeat=words),
        words,
        words,
    )
    ours = [line for line in told.split("\n") if line and not line.startswith("    ")]
    assert "### `a.b` is broken (MUST)" == ours[0]
    assert set() == {each for each in ours[1:] if not (each.startswith("**") and each.endswith("**"))}
    assert ("\u202e" in told, "\r" in told, "\x00" in told) == (False, False, False)


def test_an_id_with_backticks_does_not_end_its_code() -> None:
    assert issue_text(rule("a`@b\n# c"), violation(), "", "").startswith("### `a@b # c` is broken")


def test_a_command_is_not_cut_off() -> None:
    assert f"    {CURL}{'x' * 6000}\n" in issue_text(rule(), violation(), "", CURL + "x" * 6000)
