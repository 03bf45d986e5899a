"""Words of a stranger in GitHub's and GitLab's Markdown: seen as they are, and never obeyed."""

import re
from html import escape
from typing import Final

from vapi_conformance.report.printable import printable

__all__ = ["block", "code", "plain"]

_MEANING_SOMETHING: Final = frozenset("\\`*_{}[]<>#|~&@:$^!%")
"""Signs with which something begins in the middle of a line, in one Markdown or another: emphasis, links, tags, cells,
mentions, emoji, formulae."""
_REFERENCES: Final = frozenset("@#!$%~&")
"""Signs before a name or a number that are sought in the finished text: people, issues, merge requests."""
_WWW: Final = re.compile(r"(www)\.", re.IGNORECASE)


def plain(text: str, most: int = 400) -> str:
    """In a line that we began, or a cell of a table.

    Numbered references mean a character and never a structure (CommonMark, 2.5). A tag without a meaning keeps a sign
    and the name behind it apart.
    """
    line = printable(text[: most + 1]).replace("\n", "\\n")
    shown = line if len(line) <= most else f"{line[: most - 1]}\u2026"
    escaped = "".join(_reference(each) if each in _MEANING_SOMETHING else each for each in shown)
    return _WWW.sub(r"\1&#46;", escaped)


def _reference(sign: str) -> str:
    return f"&#{ord(sign)};<wbr>" if sign in _REFERENCES else f"&#{ord(sign)};"


def code(text: str, most: int = 400) -> str:
    """The same as code, in which nobody looks for mentions, links or emoji: for words of an endpoint."""
    return f"<code>{plain(text, most) or ' '}</code>"


def block(*parts: str | tuple[str]) -> str:
    """Lines as they are; what stands in a tuple is marked.

    Nothing but its own end tag ends such a block (CommonMark, 4.6), and none can stand in it.
    """
    shown = "".join(
        escape(printable(part)) if isinstance(part, str) else f"<mark>{escape(printable(part[0]))}</mark>"
        for part in parts
    )
    return f"<pre>{shown}</pre>"
