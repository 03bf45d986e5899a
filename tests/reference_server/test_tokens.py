from __future__ import annotations

import pytest

from vapi_reference_server.tokens import count_tokens, first_tokens, split_deltas, split_tokens

TEXTS = [
    "",
    " ",
    "Hello.",
    "  You said: naïve café 👩‍👩‍👧 \n",
    "x" * 100,
    "时间" * 40,
    "e\u0301" * 30,
    "data: [DONE]\n\ndata: more\n",
]


class TestTokens:
    @pytest.mark.parametrize("text", TEXTS)
    def test_joined_tokens_are_the_text(self, text: str) -> None:
        assert text == "".join(split_tokens(text))

    @pytest.mark.parametrize("text", TEXTS)
    def test_joined_deltas_are_the_text(self, text: str) -> None:
        assert text == "".join(split_deltas(text))

    def test_words_and_punctuation_are_counted(self) -> None:
        assert count_tokens("Well, how are you?") == 6

    def test_a_cut_text_costs_its_limit(self) -> None:
        assert first_tokens("one two three four", 2) == "one two"

    def test_deltas_begin_at_words(self) -> None:
        assert list(split_deltas("one two three four five")) == ["one two three", " four five"]
