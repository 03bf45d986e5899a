"""A certificate in the width of a thumb: the document that shields.io draws badges from, and an SVG of our own.

A badge proves nothing; it says what the certificate states, with counts and the day of expiry, and leads there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vapi_conformance.certificate.statement import Statement
from vapi_conformance.narrow import array_or_nothing
from vapi_conformance.report.html import environment
from vapi_conformance.report.printable import printable

__all__ = ["Badge", "badge_of", "checked_link", "svg_of"]

_COLOURS: Final[Mapping[str, str]] = {"PASSED": "#2a7a2a", "WARNED": "#8a6100", "FAILED": "#b3261e"}
"""White words on any of them have a contrast of 4.5 to 1 and more (WCAG 2.2, 1.4.3)."""
_EXPIRED: Final = "#5f6368"
_PADDING: Final = 7
_NARROW: Final = frozenset("fijlrtI.,:;'|!()[]/-` ")
_WIDE: Final = frozenset("mwMW%@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What stands on it."""

    label: str
    message: str
    colour: str
    """`#rrggbb`."""
    title: str
    """The whole of it, for those who cannot see it, and for whoever points at it."""

    def to_document(self) -> dict[str, object]:
        """The endpoint schema of shields.io, version 1."""
        return {"schemaVersion": 1, "label": self.label, "message": self.message, "color": self.colour}


def badge_of(statement: Statement, *, now: datetime) -> Badge:
    """now: with a time zone; an expired certificate says nothing but that."""
    extension = statement.extension
    held, asked = _counts(statement)
    label, level = f"conformance ({extension['profile']})", str(extension["level"])
    if statement.expires_at <= now:
        message, colour = f"expired {statement.expires_at:%Y-%m-%d}", _EXPIRED
    else:
        message = {
            "PASSED": f"{level}, {held} of {asked}",
            "WARNED": f"{level} with warnings, {held} of {asked}",
            "FAILED": f"{level} not reached, {held} of {asked}",
        }[statement.result]
        colour = _COLOURS[statement.result]
    title = (
        f"{label}: {message}. {statement.result}: {held} of {asked} rules are kept. "
        f"Certificate of {statement.issued_at:%Y-%m-%d}, expires {statement.expires_at:%Y-%m-%d}"
    )
    return Badge(label=label, message=message, colour=colour, title=printable(title))


def _counts(statement: Statement) -> tuple[int, int]:
    """How many were kept, of how many that were asked for: with what was not shown, without what was skipped."""
    others = ("noted", "not_shown")
    asked = sum(len(statement.tests(kind)) for kind in ("passed", "warned", "failed"))
    asked += sum(len(array_or_nothing(statement.extension[name])) for name in others)
    return len(statement.tests("passed")), asked


def svg_of(badge: Badge, *, link: str) -> str:
    """A picture that loads nothing and runs nothing. link: where the certificate is, see `checked_link`."""
    label, message = _width(badge.label), _width(badge.message)
    return (
        environment()
        .get_template("badge.svg")
        .render(
            badge=badge,
            link=link,
            label_width=label,
            message_width=message,
            label_text=label - 2 * _PADDING,
            message_text=message - 2 * _PADDING,
            width=label + message,
            padding=_PADDING,
        )
    )


def checked_link(link: str) -> str:
    """An http or https address, or a path. Raises ValueError for what would run in a browser instead of leading on."""
    if not link or not link.isprintable() or any(each.isspace() for each in link):
        raise ValueError("a link has no blanks and no control characters")
    scheme, colon, _ = link.partition(":")
    if colon and "/" not in scheme and scheme.lower() not in ("http", "https"):
        raise ValueError("a link is an http or https address, or a path")
    return link


def _width(text: str) -> int:
    """Pixels of the box. The words are set to fit it, whatever font is there (`textLength`)."""
    return round(sum(3.9 if each in _NARROW else 10.2 if each in _WIDE else 7.0 for each in text)) + 2 * _PADDING
