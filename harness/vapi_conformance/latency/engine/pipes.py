"""Messages between the command and its worker processes, over plain pipes. Both ends are ours."""

import os
import pickle
import struct
from collections.abc import Iterator
from typing import Final

__all__ = ["messages", "send"]

_LENGTH: Final = struct.Struct("=Q")
_PIECE_BYTES: Final = 1 << 20


def send(descriptor: int, message: object) -> None:
    """The whole message; waits for room. Raises OSError when nobody listens any more."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    left = memoryview(_LENGTH.pack(len(data)) + data)
    while left:
        left = left[os.write(descriptor, left[:_PIECE_BYTES]) :]


def messages(descriptor: int) -> Iterator[object]:
    """All that come, until the other side closes; what it had begun to say then is dropped."""
    while (head := _exactly(descriptor, _LENGTH.size)) is not None:
        (length,) = _LENGTH.unpack(head)
        data = _exactly(descriptor, length)
        if data is None:
            return
        yield pickle.loads(data)  # noqa: S301 - a pipe to a process that we started, and nobody else


def _exactly(descriptor: int, count: int) -> bytes | None:
    """os.read, and no buffered file: a thread that waits in one would hold its lock when the interpreter ends."""
    pieces: list[bytes] = []
    while count:
        try:
            piece = os.read(descriptor, min(count, _PIECE_BYTES))
        except OSError:
            return None
        if not piece:
            return None
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
