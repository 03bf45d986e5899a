"""A JSON file, or one sentence on what is wrong with it."""

import json
from pathlib import Path
from typing import Final

from vapi_conformance.problems import UsageError

__all__ = ["MAX_FILE_BYTES", "read_json"]

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""A larger file is refused before it is read: JSON cannot be judged piece by piece."""


def read_json(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> object:
    """A JSON file. Raises UsageError in one sentence for whatever is wrong with it."""
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; name the files in it")
        size = path.stat().st_size
        if size > max_bytes:
            raise UsageError(f"{path}: {size:,} bytes; files up to {max_bytes:,} bytes are read")
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"{path}: byte {problem.start} is no UTF-8") from problem
    except json.JSONDecodeError as problem:
        cut = problem.pos >= len(problem.doc.rstrip())
        hint = "the file is cut off" if cut else problem.msg
        raise UsageError(f"{path}: line {problem.lineno}, column {problem.colno}: {hint}") from problem
    except RecursionError as problem:
        raise UsageError(f"{path}: nested too deeply to be read") from problem
    except ValueError as problem:
        raise UsageError(f"{path}: {problem}") from problem
