from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reference_server.conftest import KEY
from reference_server.talking import user
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from reference_server.talking import Heard, Talk

HI = user("Hi")


def post(locked: Talk, authorization: str | None) -> Heard:
    return locked.post(HI, headers={} if authorization is None else {"Authorization": authorization})


class TestKey:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
    def test_the_right_key_is_accepted(self, locked: Talk, scheme: str) -> None:
        assert post(locked, f"{scheme} {KEY}").status == 200

    @pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong-secret-key", KEY, f"Basic {KEY}"])
    def test_anything_else_gets_401(self, locked: Talk, sent: str | None) -> None:
        heard = post(locked, sent)
        assert (heard.status, heard.headers["www-authenticate"], list(heard.json)) == (401, "Bearer", ["error"])

    def test_a_refusal_does_not_repeat_the_key(self, locked: Talk) -> None:
        assert b"wrong-secret-key" not in post(locked, "Bearer wrong-secret-key").body

    def test_settings_do_not_print_keys(self) -> None:
        shown = repr(Settings(api_key=KEY, upstream_api_key=f"up-{KEY}"))
        assert KEY not in shown

    def test_without_a_key_any_header_will_do(self, talk: Talk) -> None:
        assert talk.post(HI, headers={"Authorization": "Bearer whatever"}).status == 200
