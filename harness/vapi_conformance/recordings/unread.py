"""What of a file did not become an exchange."""

from dataclasses import dataclass

__all__ = ["Unread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file or an entry that was not read, and why, in one sentence that names the place."""

    reason: str
    is_fault: bool = True
    """False where nothing is wrong: the entry has nothing to do with a chat endpoint."""
