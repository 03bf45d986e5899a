"""What was true of the transfer and is no longer of a body that a recorder decoded."""

from typing import Final

__all__ = ["TRANSFER_HEADERS"]

TRANSFER_HEADERS: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""Names in lower case."""
