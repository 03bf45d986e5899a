import pytest

from vapi_conformance.platforms.vapi.headers import header_lints, request_headers

NAMES = [
    "accept",
    "content-type",
    "user-agent",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-os",
    "x-stainless-arch",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "authorization",
    "x-stainless-retry-count",
    "x-stainless-timeout",
    "accept-encoding",
    "connection",
]


class TestRequestHeaders:
    def test_are_the_sdks_in_its_order(self) -> None:
        found = dict(request_headers("key", {}))
        assert NAMES == list(found)
        assert ("application/json", "OpenAI/JS 4.91.1", "Bearer key") == (
            found["accept"],
            found["user-agent"],
            found["authorization"],
        )
        assert ("0", "600000", "gzip,deflate") == (
            found["x-stainless-retry-count"],
            found["x-stainless-timeout"],
            found["accept-encoding"],
        )

    def test_the_models_own_come_behind_authorization_as_they_are_spelled(self) -> None:
        names = [name for name, _ in request_headers("key", {"X-Tenant": "a", "x-b": "c"})]
        at = names.index("authorization")
        assert ["authorization", "X-Tenant", "x-b", "x-stainless-retry-count"] == names[at : at + 4]

    @pytest.mark.parametrize("name", ["user-agent", "User-Agent", "USER-AGENT"])
    def test_a_name_of_the_sdk_is_replaced_at_its_place_in_any_case(self, name: str) -> None:
        found = request_headers("key", {name: "mine"})
        assert NAMES == [each for each, _ in found]
        assert "mine" == dict(found)["user-agent"]

    @pytest.mark.parametrize("name", ["x-stainless-timeout", "Accept-Encoding"])
    def test_names_that_come_last_are_replaced_too(self, name: str) -> None:
        assert "mine" == dict(request_headers("key", {name: "mine"}))[name.lower()]

    @pytest.mark.parametrize("name", ["Authorization", "authorization", "Host", "Content-Length", "Transfer-Encoding"])
    def test_authorization_and_the_connections_own_cannot_be_replaced(self, name: str) -> None:
        assert request_headers("key", {}) == request_headers("key", {name: "mine"})
        (lint,) = header_lints({name: "mine"})
        assert f"model.headers.{name}" == lint.field
        assert "is not sent" in lint.message
        assert "mine" not in str(lint)

    def test_of_two_spellings_of_one_name_the_last_wins(self) -> None:
        assert ("x-a", "2") in request_headers("key", {"X-A": "1", "x-a": "2"})
        assert "1" not in dict(request_headers("key", {"X-A": "1", "x-a": "2"})).values()

    def test_an_own_accept_encoding_is_remarked(self) -> None:
        (lint,) = header_lints({"accept-encoding": "br", "x-a": "b"})
        assert "model.headers.accept-encoding" == lint.field
