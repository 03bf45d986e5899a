import pytest

from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.vapi.url import request_url, url_lints


class TestRequestUrl:
    @pytest.mark.parametrize(
        ("base", "called"),
        [
            ("https://llm.example/v1", "https://llm.example/v1/chat/completions"),
            ("https://llm.example/v1/", "https://llm.example/v1/chat/completions"),
            ("https://llm.example", "https://llm.example/chat/completions"),
            ("https://llm.example/chat", "https://llm.example/chat/chat/completions"),
            ("https://llm.example/v1//", "https://llm.example/v1//chat/completions"),
            ("https://llm.example/v1?key=1", "https://llm.example/v1?key=1/chat/completions"),
            ("https://llm.example/chat/completions", "https://llm.example/chat/completions/chat/completions"),
        ],
    )
    def test_appends_the_path_literally_with_one_slash(self, base: str, called: str) -> None:
        assert called == request_url(base)


def lints(url: str, *, given_by_hand: bool = False) -> list[Lint]:
    return list(url_lints(url, field="model.url", given_by_hand=given_by_hand))


class TestUrlLints:
    def test_a_public_https_base_url_has_none(self) -> None:
        assert [] == lints("https://llm.acme.com/v1/")

    @pytest.mark.parametrize(
        ("url", "level", "said"),
        [
            ("https://llm.acme.com/chat/completions", "warning", "already ends in /chat/completions"),
            ("https://llm.acme.com/v1/chat/completions/", "warning", "already ends in /chat/completions"),
            ("https://llm.acme.com/v1?key=secret", "error", "has a query string"),
            ("https://llm.acme.com/v1#part", "error", "has a #fragment"),
            ("https://user:secret@llm.acme.com/v1", "error", "holds a user name or password"),
            ("http://llm.acme.com/v1", "warning", "is not https"),
            ("https://localhost/v1", "warning", "is a local or private address"),
            ("https://host/v1", "warning", "is a local or private address"),
            ("https://box.local./v1", "warning", "is a local or private address"),
            ("https://192.168.1.5/v1", "warning", "is a local or private address"),
            ("https://169.254.1.1/v1", "warning", "is a local or private address"),
            ("https://[::1]/v1", "warning", "is a local or private address"),
            ("https://[fd00::1]/v1", "warning", "is a local or private address"),
        ],
    )
    def test_says_what_is_odd_without_quoting_the_url(self, url: str, level: str, said: str) -> None:
        (lint,) = lints(url)
        assert ("model.url", level) == (lint.field, lint.level)
        assert lint.message.startswith(said)
        assert "secret" not in str(lint)

    def test_a_local_address_given_by_hand_is_a_note(self) -> None:
        assert ["info", "info"] == [each.level for each in lints("http://localhost:8000/v1", given_by_hand=True)]
        assert ["warning", "warning"] == [each.level for each in lints("http://localhost:8000/v1")]

    def test_plain_http_to_a_public_host_stays_a_warning(self) -> None:
        assert ["warning"] == [each.level for each in lints("http://llm.acme.com/v1", given_by_hand=True)]
