"""A JSON file of the user's, or one sentence on what is wrong with it.

One reader for whoever takes a file: assistants, credentials, recordings. A file may be a pipe or a device, may be
cut off, may be something else altogether; reading it takes bounded memory, and what it holds is bounded too, so
that nobody further up meets a number without a float or a document that exhausts the stack.
"""

import json
import stat
from math import isfinite
from os import fstat
from pathlib import Path
from typing import Final

from vapi_conformance.narrow import is_deeper_than
from vapi_conformance.problems import UsageError

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "MAX_VALUES", "JsonFileError", "parsed_json", "read_json"]

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
"""JSON cannot be judged piece by piece. A browser's session with all its pictures has some 50 MB."""
MAX_VALUES: Final = 5_000_000
"""Bytes alone bound no memory: `[],[],[]` takes 25 times its size once it is parsed."""
MAX_DEPTH: Final = 100
"""Levels of nesting. Recordings and configurations have some 20; what walks through them later recurses."""
_MAX_DIGITS: Final = 300
"""Of one integer. With more, there is no float of that size, and times are divided."""
_BLOCK_BYTES: Final = 1024 * 1024
_OTHER_KINDS: Final = (
    (b"\x1f\x8b", "is compressed (gzip); unpack it first"),
    (b"PK\x03\x04", "is a ZIP archive; unpack it first"),
    (b"\xff\xfe", "is not UTF-8 text (byte 0) but UTF-16; save it as UTF-8"),  # PowerShell's > writes that
    (b"\xfe\xff", "is not UTF-8 text (byte 0) but UTF-16; save it as UTF-8"),
)


class JsonFileError(UsageError):
    """A file cannot be used as JSON. The text names the file, what is wrong with it and where."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        """The sentence without its subject, the file."""
        super().__init__(f"{path} {what}")


def read_json(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> object:
    """The parsed document, without NaN, infinite numbers and numbers of hundreds of digits. Raises JsonFileError."""
    return parsed_json(_content(path, max_bytes), path)


def parsed_json(content: bytearray, path: Path, *, unique_names: bool = False) -> object:
    """`read_json` for bytes that were read already; they are taken away when they are text. Raises JsonFileError.

    unique_names: an object that has a name twice is refused (RFC 8259, 4: what it means is unpredictable), where
    another reader of the same bytes must not see another document.
    """
    try:
        text = content.decode("utf-8-sig")  # editors on Windows put a byte order mark in front
    except UnicodeDecodeError as problem:
        raise JsonFileError(path, f"is not UTF-8 text (byte {problem.start})") from None
    if not text or text.isspace():
        raise JsonFileError(path, "is empty")
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MAX_VALUES:
        raise JsonFileError(path, f"holds more than {MAX_VALUES:,} values; leave out what is not needed")
    content.clear()
    return _parsed(path, text, unique_names=unique_names)


def _content(path: Path, max_bytes: int) -> bytearray:
    content = bytearray()
    try:
        with path.open("rb", buffering=0) as file:
            status = fstat(file.fileno())
            # A size is a hint to stop early and no promise: a pipe and a device have none, and a file may grow.
            if stat.S_ISREG(status.st_mode) and status.st_size > max_bytes:
                raise JsonFileError(path, f"is larger than {_mebibytes(max_bytes)}")
            while block := file.read(_BLOCK_BYTES):
                _refuse_other_kinds(path, block, is_first=not content)
                content += block
                if len(content) > max_bytes:
                    raise JsonFileError(path, f"is larger than {_mebibytes(max_bytes)}")
    except FileNotFoundError:
        raise JsonFileError(path, "does not exist") from None
    except IsADirectoryError:
        raise JsonFileError(path, "is a directory, not a JSON file") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise JsonFileError(path, f"cannot be read: {reason or problem}") from None
    return content


def _mebibytes(count: int) -> str:
    return f"{count // 1024 // 1024} MiB"


def _refuse_other_kinds(path: Path, block: bytes, *, is_first: bool) -> None:
    for magic, what in _OTHER_KINDS if is_first else ():
        if block.startswith(magic):
            raise JsonFileError(path, what)
    if b"\0" in block:  # a disk image, /dev/zero: no need to read it to its end
        raise JsonFileError(path, "is not JSON: it holds NUL bytes")


def _parsed(path: Path, text: str, *, unique_names: bool) -> object:
    pairs = _unique if unique_names else None
    try:
        document: object = json.loads(
            text, parse_constant=_constant, parse_float=_float, parse_int=_integer, object_pairs_hook=pairs
        )
    except json.JSONDecodeError as problem:
        raise JsonFileError(path, _mistake(text, problem)) from None
    except RecursionError:
        raise JsonFileError(path, "is nested too deeply") from None
    except ValueError as problem:
        raise JsonFileError(path, f"is not JSON: {problem}") from None
    if is_deeper_than(document, MAX_DEPTH):
        raise JsonFileError(path, f"is nested too deeply: more than {MAX_DEPTH} levels")
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"an object in it has the name {name[:40]!r} twice")
        found[name] = value
    return found


def _mistake(text: str, problem: json.JSONDecodeError) -> str:
    where = f"line {problem.lineno}, column {problem.colno}"
    if not text[problem.pos :].strip() or problem.msg.startswith("Unterminated"):
        return f"is cut off: the JSON document is not complete ({where})"
    if problem.msg == "Extra data":
        return f"is not one JSON document: another begins at {where}; put each into a file of its own"
    return f"is not JSON: {problem.msg} ({where})"


def _constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:20]} is a number too large for a computer")
    return value


def _integer(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > _MAX_DIGITS:
        raise ValueError(f"it holds a number of {digits} digits")
    return int(text)
