"""What all pages share: bounded and harmless words, and a policy that knows our own style and script by hash."""

from base64 import b64encode
from hashlib import sha256

from vapi_conformance.report.html import environment, plain, policy, wire


class TestPlain:
    def test_words_are_left_alone(self) -> None:
        assert "Guten Tag, 你好 🙂\nsecond line" == plain("Guten Tag, 你好 🙂\nsecond line")

    def test_what_turns_text_around_is_written_out(self) -> None:
        assert "a\\u202eb\\x00" == plain("a\u202eb\x00")

    def test_is_bounded_before_anything_else_is_done(self) -> None:
        assert "\\x00\\x00… (9,999,998 more characters)" == plain("\x00" * 10_000_000, 2)


class TestWire:
    def test_names_the_signs_of_control_characters(self) -> None:
        assert "data: {}<i>LF</i>\n<i>CR</i><i>NUL</i><i>US</i><i>DEL</i>" == wire("data: {}␊\n␍␀␟␡")

    def test_escapes_everything_else(self) -> None:
        assert "&lt;i&gt;LF&lt;/i&gt;<i>LF</i>\\u202e" == wire("<i>LF</i>␊\u202e")


class TestPolicy:
    def test_allows_this_style_and_nothing_else(self) -> None:
        hashed = b64encode(sha256(b"p { color: red }").digest()).decode()
        assert f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'" == policy(
            style="p { color: red }"
        )

    def test_allows_one_script_where_there_is_one(self) -> None:
        hashed = b64encode(sha256(b"go()").digest()).decode()
        assert f"; script-src 'sha256-{hashed}'; base-uri" in policy(style="", script="go()")


class TestEnvironment:
    def test_escapes_in_every_place(self) -> None:
        told = environment().from_string('<a title="{{ it | plain }}">{{ it | plain }}</a>').render(it="\"'<&")
        assert '<a title="&#34;&#39;&lt;&amp;">&#34;&#39;&lt;&amp;</a>' == told
