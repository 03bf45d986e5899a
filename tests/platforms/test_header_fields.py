import pytest

from vapi_conformance.platforms.header_fields import checked_headers, checked_key
from vapi_conformance.problems import UsageError


class TestCheckedHeaders:
    def test_gives_what_can_be_sent_back(self) -> None:
        headers = {"X-A_b.c": "ä\t~", "empty": ""}
        assert headers == checked_headers(headers)

    @pytest.mark.parametrize("name", ["", "X A", "X:", "Ä", "a\n"])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        with pytest.raises(UsageError, match="is no header name"):
            checked_headers({name: "1"})

    @pytest.mark.parametrize("value", ["secret\r\nX: 1", "secret\x00", "secret\u20ac"])
    def test_refuses_a_value_that_cannot_be_sent_without_printing_it(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            checked_headers({"X-A": value})
        assert "the value of header X-A holds characters that cannot be sent (RFC 9110, 5.5)" == str(caught.value)


class TestCheckedKey:
    def test_gives_what_can_be_sent_back(self) -> None:
        assert "sk-!~" == checked_key("sk-!~")

    @pytest.mark.parametrize("key", ["", "two words", "secret\n", "schlüssel"])
    def test_refuses_what_no_header_carries_without_printing_it(self, key: str) -> None:
        with pytest.raises(UsageError) as caught:
            checked_key(key)
        assert "the API key is empty or holds characters that no Authorization header can carry" == str(caught.value)
