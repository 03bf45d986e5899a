"""Asks before load goes to somebody else's machine."""

import sys

import click

from vapi_conformance.cli.printing import complain
from vapi_conformance.latency.politeness import consent_for
from vapi_conformance.latency.schedules import Schedule
from vapi_conformance.problems import UsageError

__all__ = ["be_allowed", "is_somebody_there"]


def be_allowed(schedule: Schedule, *, to: str, yes: bool) -> None:
    """One sentence, and where it matters a question. Raises UsageError where nobody may go on, or can be asked."""
    consent = consent_for(to, schedule, yes=yes)
    if consent.sentence:
        complain(consent.sentence, is_fault=False)
    if not consent.is_needed:
        return
    if not is_somebody_there():
        raise UsageError("nobody is here to agree to that; give --yes where the owner of the endpoint does")
    if not click.confirm("Go on?", err=True):
        raise UsageError("nothing was sent")


def is_somebody_there() -> bool:
    """Who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
