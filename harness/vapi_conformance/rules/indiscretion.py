"""What an error text gives away: stack traces, paths of files, keys."""

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["indiscretions"]

_LONGEST_TEXT: Final = 256 * 1024
"""Characters looked at; an error text is a sentence, and the bound keeps a hostile one from costing time."""

# Quantifiers are bounded, so that each pattern takes linear time. They are meant for text in which the escapes of
# JSON are undone. Masked keys (`sk-...*** `) are fine, hence no asterisk in the classes.
_PATTERNS: Final = (
    ("a stack trace", re.compile(r"Traceback \(most recent call last\)")),
    ("a stack trace", re.compile(r'File "[^"\n]{1,300}", line \d{1,7}')),
    ("a stack trace", re.compile(r"[\w./-]{1,200}\.(?:js|mjs|cjs|ts|tsx):\d{1,7}:\d{1,7}\b")),
    ("a stack trace", re.compile(r"\bat [\w.$]{1,200}\([\w$]{1,100}\.(?:java|kt|scala):\d{1,7}\)")),
    ("a stack trace", re.compile(r"goroutine \d{1,9} \[[a-z ]{1,40}\]")),
    ("a path", re.compile(r"(?<![\w/.:-])/(?:home|Users|root|usr|opt|srv|etc|var|tmp)/[\w.-]{1,100}")),
    ("a path", re.compile(r"\b[A-Za-z]:\\(?:Users|Windows|Program Files|inetpub)\\[^\s\"]{1,100}")),
    ("a path", re.compile(r"\b(?:site-packages|dist-packages|node_modules)/[\w.-]{1,100}")),
    ("a key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,200}(?![*A-Za-z0-9_.…-])")),
    ("a key", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("a key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("a key", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")),
    ("a password", re.compile(r"\b[a-z][a-z0-9+]{1,20}://[^\s/:@\"]{1,100}:[^\s/@\"]{1,100}@")),
)
_SECRETS: Final = frozenset({"a key", "a password"})
_SHOWN_OF_A_SECRET: Final = 6
_ESCAPES: Final = re.compile(r'\\(?:[n"/\\]|u003[ce])')
_ESCAPED: Final = {"\\n": "\n", '\\"': '"', "\\/": "/", "\\\\": "\\", "\\u003c": "<", "\\u003e": ">"}


def indiscretions(text: str) -> Iterator[tuple[str, str]]:
    """What is given away, and the words that give it away (of a secret only the start); one of each pattern at most."""
    plain = _ESCAPES.sub(lambda match: _ESCAPED[match[0]], text[:_LONGEST_TEXT])
    for what, pattern in _PATTERNS:
        if (found := pattern.search(plain)) is not None:
            yield what, f"{found[0][:_SHOWN_OF_A_SECRET]}…" if what in _SECRETS else found[0]
