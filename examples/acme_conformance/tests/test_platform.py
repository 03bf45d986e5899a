"""What ACME sends."""

from acme_conformance.platform import PLATFORM, make
from vapi_conformance.extending import Calling, Dialect, PlatformSettings

ACCOUNT = {"account": "a-17"}


def acme(**options: str) -> Calling:
    return make(
        PlatformSettings(
            base_url="https://llm.example/v1",
            dialect=Dialect.OPENAI_COMPATIBLE,
            model="m",
            api_key="a-key",
            headers={"X-Mine": "1"},
            options=options,
            seed=5,
        )
    )


def test_puts_the_conversation_into_an_envelope_of_its_own() -> None:
    body = acme(**ACCOUNT).in_call(1).chat_body([{"role": "user", "content": "Hello?"}], tools=[], mode=None)
    assert {"account": "a-17", "conversation": "acme-00000004", "turn": 1} == body["acme"]
    assert ("m", True, [{"role": "user", "content": "Hello?"}]) == (body["model"], body["stream"], body["messages"])


def test_says_who_calls() -> None:
    headers = dict(acme().in_call(1).headers())
    assert ("acme-voice/2", "acme-00000004", "Bearer a-key", "1") == (
        headers["User-Agent"],
        headers["X-Acme-Conversation"],
        headers["Authorization"],
        headers["X-Mine"],
    )


def test_another_number_is_another_conversation() -> None:
    platform = acme()
    numbers = (1, 1, 2)
    first, again, other = (dict(platform.in_call(each).headers())["X-Acme-Conversation"] for each in numbers)
    assert first == again != other


def test_gives_up_sooner_than_others() -> None:
    assert 8.0 == acme().timeout_s


def test_remarks_on_the_demonstration_account_only() -> None:
    assert ("info: account is ACME's demonstration; give yours",) == tuple(map(str, acme().lints()))
    assert () == acme(**ACCOUNT).lints()
    assert ACCOUNT.keys() == PLATFORM.options.keys()
