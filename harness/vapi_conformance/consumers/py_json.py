"""Python's `json` as its libraries use it, with its errors as values of a model."""

import json
from typing import cast

from vapi_conformance.consumers.py_error import PyError

__all__ = ["dumps", "loads", "type_name"]


def loads(text: str | bytes) -> object:
    """`json.loads`: NaN and Infinity are numbers there, and bytes may be UTF-8, UTF-16 or UTF-32.

    Raises:
        PyError: JSONDecodeError, UnicodeDecodeError (bytes), ValueError (an integer of more than 4300 digits) or
            RecursionError, in Python's words. How deep is too deep depends on who calls, here as there.
    """
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise PyError(type(error).__name__, str(error)) from None


def dumps(value: object) -> str:
    """The value as compact JSON text, characters as they are.

    Raises:
        PyError: a RecursionError.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise PyError("RecursionError", str(error)) from None


def type_name(value: object) -> str:
    """The name under which Python's errors speak of a value out of JSON."""
    return "NoneType" if value is None else type(value).__name__
