"""Requirements that no rule covers, each with its reason; the others stand in some `Rule.catalogue`."""

from collections.abc import Mapping
from typing import Final

__all__ = ["EXCLUDED", "excluded_because"]

EXCLUDED: Final[Mapping[str, str]] = {
    "AUTH-10": "an Azure flavour's own header; a platform that calls by Bearer never sends it",
    "SSE-19": "a duty of this project, not of an endpoint: tests/test_sse.py holds our decoder to it",
    "CHAT-STREAM-31": "extra keys are legal: the schemas let them pass, and no rule looks at them",
    "CHAT-TOOL-17": "legal; a call in one delta is assembled like any other",
    "RAP-01": "a duty of the platform that calls: tests/platforms hold ours to it",
}


def excluded_because(requirement: str) -> str | None:
    """Why no rule covers it; None when one has to."""
    return EXCLUDED.get(requirement)
