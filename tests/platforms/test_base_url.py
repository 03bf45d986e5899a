from urllib.parse import urlsplit

import pytest

from vapi_conformance.platforms.base_url import broken_url_lints, checked_base_url, is_local
from vapi_conformance.problems import UsageError


class TestCheckedBaseUrl:
    @pytest.mark.parametrize(
        "url", ["http://localhost:8000", "https://llm.example/v1", "http://[::1]:80/x", "HTTPS://A.EXAMPLE"]
    )
    def test_gives_a_usable_url_back(self, url: str) -> None:
        assert url == checked_base_url(url)

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("localhost:8000", "the endpoint needs http:// or https://, got 'localhost:8000'"),
            ("", "the endpoint needs http:// or https://, got ''"),
            ("ftp://llm.example", "the endpoint is no http or https URL with a host: 'ftp://llm.example'"),
            ("https://", "the endpoint is no http or https URL with a host: 'https://'"),
            ("https://llm.example/a b", "the endpoint is no http or https URL with a host: 'https://llm.example/a b'"),
            ("https://[::1", "the endpoint is no http or https URL with a host: 'https://[::1'"),
            (
                "https://llm.example:99999/",
                "the endpoint's port is not a number from 0 to 65535: 'https://llm.example:99999/'",
            ),
            ("https://llm.example:x/", "the endpoint's port is not a number from 0 to 65535: 'https://llm.example:x/'"),
        ],
    )
    def test_says_what_is_wrong_with_another(self, url: str, said: str) -> None:
        with pytest.raises(UsageError) as caught:
            checked_base_url(url)
        assert said == str(caught.value)

    @pytest.mark.parametrize(
        "url", ["user:hunter2@llm.example", "ftp://user:hunter2@llm.example", "ftp://h/?key=hunter2"]
    )
    def test_prints_no_password_and_no_query(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            checked_base_url(url)
        assert "hunter2" not in str(caught.value)


class TestBrokenUrlLints:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("https://llm.acme.com/v1?key=secret", "has a query string; /x is appended behind it"),
            ("https://llm.acme.com/v1#part", "has a #fragment"),
            ("https://user:secret@llm.acme.com/v1", "holds a user name or password"),
        ],
    )
    def test_name_what_breaks_without_quoting_the_url(self, url: str, said: str) -> None:
        (lint,) = broken_url_lints(urlsplit(url), field="baseUrl", path="/x")
        assert ("baseUrl", "error") == (lint.field, lint.level)
        assert lint.message.startswith(said)
        assert "secret" not in str(lint)

    def test_a_plain_url_has_none(self) -> None:
        assert [] == list(broken_url_lints(urlsplit("http://localhost:8000/v1/"), field="baseUrl", path="/x"))


class TestIsLocal:
    @pytest.mark.parametrize(
        "host", ["localhost", "host", "box.local.", "db.internal", "192.168.1.5", "169.254.1.1", "[::1]", "[fd00::1]"]
    )
    def test_knows_names_and_addresses_of_the_own_network(self, host: str) -> None:
        assert is_local(urlsplit(f"https://{host}:8000/v1"))

    @pytest.mark.parametrize("host", ["llm.acme.com", "8.8.8.8", "[2606:4700::1]", "local.acme.com"])
    def test_takes_others_for_public(self, host: str) -> None:
        assert not is_local(urlsplit(f"https://{host}/v1"))
