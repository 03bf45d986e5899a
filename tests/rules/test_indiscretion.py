"""What counts as giving away inner workings, and what does not."""

import time

import pytest

from vapi_conformance.rules.indiscretion import indiscretions


class TestIndiscretions:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("Traceback (most recent call last)", "a stack trace"),
            ('File "main.py", line 12', "a stack trace"),
            (r"File \"main.py\", line 12", "a stack trace"),
            ("at handler (index.js:10:5)", "a stack trace"),
            ("at com.bakery.Chat(Chat.java:41)", "a stack trace"),
            ("goroutine 17 [running]:", "a stack trace"),
            ("open /etc/bakery.conf: no such file", "a path"),
            (r"open \/home\/baker: no such file", "a path"),
            (r"C:\\Users\\baker\\model.bin", "a path"),
            ("in site-packages/fastapi", "a path"),
            ("key sk-proj-abcdefghijklmnopqrstuvwxyz", "a key"),
            ("AKIAABCDEFGHIJKLMNOP", "a key"),
            ("-----BEGIN RSA PRIVATE KEY-----", "a key"),
            ("postgres://baker:secret@db.example/orders", "a password"),
        ],
    )
    def test_are_found(self, text: str, what: str) -> None:
        assert what in [found for found, _ in indiscretions(text)]

    @pytest.mark.parametrize(
        "text",
        [
            "Incorrect API key provided: sk-abcd************************wxyz. See https://host.example/home/keys.",
            "No route for POST /v1/chat/completions",
            "The model `bakery/large-2` does not exist",
            "messages.0.content: wanted text, at line 3",
            "https://docs.example/usr/errors#path",
            "and/or, 24/7, text/event-stream",
            "",
        ],
    )
    def test_plain_errors_give_nothing_away(self, text: str) -> None:
        assert [] == list(indiscretions(text))

    @pytest.mark.parametrize("piece", ["at a.", "sk-", "/home/", "a://b:", 'File "', "-", "x"])
    def test_a_hostile_text_takes_no_longer_than_a_plain_one(self, piece: str) -> None:
        started = time.process_time()
        list(indiscretions(piece * 100_000))
        assert time.process_time() - started < 5
