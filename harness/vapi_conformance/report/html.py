"""What our HTML pages have in common: escaping, one style to begin with, and the policy that lets nothing else in.

Every page is one file that loads nothing. Words from an endpoint or a file pass the escaping of the templates and the
filter `plain`; the policy names our own style and script by their hashes, so that words that slipped through all the
same could still not act.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from vapi_conformance.report.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["MOST_CHARACTERS", "environment", "plain", "policy", "wire"]

MOST_CHARACTERS: Final = 8000
"""Of one text in a page; an endpoint may send a book where a word is due."""
_SIGNS: Final = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
)
"""Of U+2400 and following, as Unicode abbreviates them."""
_NAMED_SIGNS: Final = {0x2400 + at: f"<i>{name}</i>" for at, name in enumerate(_SIGNS.split())} | {0x2421: "<i>DEL</i>"}


@cache
def environment() -> "Environment":
    """Templates of ours, which escape whatever they are given and refuse names that nobody gave; parsed once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("vapi_conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    made.filters["plain"] = plain
    made.filters["wire"] = wire
    return made


def plain(value: object, most: int = MOST_CHARACTERS) -> str:
    """Text without power over who reads it: bounded, what is invisible or turns the direction of text written out."""
    text = str(value)
    rest = len(text) - most
    return printable(text) if rest <= 0 else f"{printable(text[:most])}… ({rest:,} more characters)"


def wire(value: object, most: int = MOST_CHARACTERS) -> "Markup":
    """`plain` for bytes as the report shows them: the signs of control characters, which few fonts have, by name."""
    from markupsafe import Markup, escape

    return Markup(str(escape(plain(value, most))).translate(_NAMED_SIGNS))  # noqa: S704 - escaped before signs are named


def policy(*, style: str, script: str | None = None) -> str:
    """A Content-Security-Policy for a page that has this style, this script or none, and nothing from anywhere."""
    allowed = "" if script is None else f"script-src {_hashed(script)}; "
    return f"default-src 'none'; style-src {_hashed(style)}; {allowed}base-uri 'none'; form-action 'none'"


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
