"""Rules on the body and the headers of refusals."""

from dataclasses import replace

import pytest

from judging import outcome, streamed, told, with_header
from vapi_conformance.exchange import Label, Response
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome
from whole_answers import JsonObject, refused, whole

ERROR: JsonObject = {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
BODY_RULES = (
    "errors.body-is-json",
    "errors.error-is-an-object",
    "errors.message-is-a-string",
    "errors.fields-are-typed",
)


def broken_by(body: object, *, status: int = 400) -> list[str]:
    return [rule for rule in BODY_RULES if Outcome.VIOLATED is outcome(rule, refused(body, status=status))]


class TestBody:
    @pytest.mark.parametrize(
        ("body", "rule"),
        [
            (b"", "errors.body-is-json"),
            (b" \n", "errors.body-is-json"),
            (b"Bad Request", "errors.body-is-json"),
            (b'{"error": {"message": NaN}}', "errors.body-is-json"),
            ([], "errors.error-is-an-object"),
            ("no", "errors.error-is-an-object"),
            ({"detail": "no"}, "errors.error-is-an-object"),
            ({"error": "no"}, "errors.error-is-an-object"),
            ({"error": None}, "errors.error-is-an-object"),
            ({"error": {**ERROR, "message": ""}}, "errors.message-is-a-string"),
            ({"error": {key: ERROR[key] for key in ("type", "param", "code")}}, "errors.message-is-a-string"),
            ({"error": {**ERROR, "type": None}}, "errors.fields-are-typed"),
            ({"error": {key: ERROR[key] for key in ("message", "type", "param")}}, "errors.fields-are-typed"),
        ],
    )
    def test_each_fault_is_one_rule_s(self, body: object, rule: str) -> None:
        assert [rule] == broken_by(body)

    def test_other_keys_beside_are_fine(self) -> None:
        assert [] == broken_by({"error": {**ERROR, "innererror": {}}, "request_id": "r1"})

    def test_a_byte_order_mark_is_another_rule_s(self) -> None:
        assert [] == told("errors.body-is-json", refused(b'\xef\xbb\xbf{"error": {}}'))

    @pytest.mark.parametrize("status", [401, 405, 413])
    def test_some_statuses_owe_no_error_body(self, status: int) -> None:
        assert [] == broken_by(b"go away", status=status)

    @pytest.mark.parametrize("status", [403, 404, 422, 429, 500, 502, 503, 504, 529])
    def test_all_others_do(self, status: int) -> None:
        assert ["errors.body-is-json"] == broken_by(b"go away", status=status)

    def test_the_text_is_quoted_in_short(self) -> None:
        (found,) = told("errors.body-is-json", refused(b"<html>" + b"x" * 5000))
        assert len(found) < 150

    def test_a_page_is_called_no_json_and_broken_json_is_explained(self) -> None:
        assert ["'404 Not Found', which is no JSON"] == told("errors.body-is-json", refused(b"404 Not Found"))
        (found,) = told("errors.body-is-json", refused(b'{"error": {}'))
        assert "character" in found

    @pytest.mark.parametrize("scenario", ["unknown-path", "full-url"])
    def test_the_404_of_a_path_that_need_not_exist_is_the_routers(self, scenario: str) -> None:
        label = Label(scenario=scenario, step="post", expects="anything")
        page = replace(refused(b"<!doctype html>", status=404), label=label)
        assert Outcome.NOT_APPLICABLE is outcome("errors.body-is-json", page)
        assert Outcome.NOT_APPLICABLE is outcome("errors.error-is-an-object", page)


class TestMediaType:
    RULE = "errors.media-type-is-json"

    @pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
    def test_parameters_and_case_do_not_matter(self, media_type: str) -> None:
        assert [] == told(self.RULE, with_header(base("error-json")[0], "Content-Type", media_type))

    def test_a_page_is_rightly_called_so(self) -> None:
        page = refused(b"<html></html>", headers=(("Content-Type", "text/html"),))
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, page)

    def test_none_is_told(self) -> None:
        exchange = with_header(with_header(base("error-json")[0], "Content-Type", None), "Server", "s")
        assert ["no Content-Type"] == told(self.RULE, exchange)

    def test_a_record_without_any_header_lost_them(self) -> None:
        exchange = replace(base("error-json")[0], response=Response(status=400))
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, exchange)


class TestRetryHints:
    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize("header", ["Retry-After", "retry-after-ms"])
    def test_either_header_says_when(self, status: int, header: str) -> None:
        assert [] == told(
            "errors.retry-after-is-sent", refused({"error": ERROR}, status=status, headers=((header, "2"),))
        )

    @pytest.mark.parametrize("key", ["code", "type"])
    def test_waiting_does_not_help_who_has_no_money_left(self, key: str) -> None:
        exchange = refused({"error": {**ERROR, key: "insufficient_quota"}}, status=429)
        assert Outcome.NOT_APPLICABLE is outcome("errors.retry-after-is-sent", exchange)

    @pytest.mark.parametrize("hint", [("Retry-After", "2"), ("retry-after-ms", "20"), ("x-should-retry", "TRUE")])
    def test_what_fails_again_invites_nobody(self, hint: tuple[str, str]) -> None:
        exchange = refused({"error": ERROR}, status=404, headers=(hint,))
        assert 1 == len(told("errors.no-retry-hint-on-4xx", exchange))

    def test_the_advice_not_to_retry_is_welcome(self) -> None:
        exchange = refused({"error": ERROR}, headers=(("x-should-retry", "false"),))
        assert [] == told("errors.no-retry-hint-on-4xx", exchange)

    @pytest.mark.parametrize("status", [408, 409, 413, 425, 429, 500])
    def test_what_may_pass_later_may_say_so(self, status: int) -> None:
        exchange = refused({"error": ERROR}, status=status, headers=(("Retry-After", "2"),))
        assert Outcome.NOT_APPLICABLE is outcome("errors.no-retry-hint-on-4xx", exchange)


class TestTextIsDiscreet:
    RULE = "errors.text-is-discreet"

    def test_errors_on_streams_are_read_too(self) -> None:
        body = b'data: {"error":{"message":"no such file: /srv/bakery/model.bin"}}\n\n'
        assert ["a path: '/srv/bakery'"] == told(self.RULE, streamed(body))

    def test_answers_may_speak_of_files(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, base("text-json")[0])

    def test_an_error_of_status_200_is_one(self) -> None:
        exchange = whole({"error": {"message": 'File "/opt/app.py", line 3'}})
        assert 2 == len(told(self.RULE, exchange))

    def test_a_key_is_not_shown_again(self) -> None:
        secret = "sk-abcdefghijklmnopqrstuvwxyz012345"
        (found,) = told(self.RULE, refused({"error": {**ERROR, "message": f"bad key {secret}"}}))
        assert "a key: 'sk-abc…'" == found
