"""What pydantic 2 in its lax mode accepts of a value out of JSON, and the code of the error where it does not.

Kinds are named as in `google_genai_types`. Behaviour taken from pydantic 2.14: numbers may come as strings, with
underscores; true is 1; base64 may be of either alphabet and without its padding.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["scalar_error", "truth"]

_INTEGER: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*(?:\.0+)?\Z")
_FLOAT: Final = re.compile(r"[+-]?(?:inf|infinity|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)\Z", re.IGNORECASE)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(={0,2})\Z")
_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "off", "f", "false", "n", "no"})
_MAX_INTEGER_DIGITS: Final = 4300
_INT64_BOUND: Final = 2**63


def scalar_error(kind: str, value: object) -> str | None:
    """The `type` of the error in pydantic's list, or None for a value that is accepted.

    Of a datetime no more is looked at than whether it could be one.
    """
    return _CHECKS[kind](value)


def truth(value: object) -> bool:
    """The boolean that an accepted value becomes."""
    return value.lower() in _TRUE if isinstance(value, str) else bool(value)


def _string(value: object) -> str | None:
    return None if isinstance(value, str) else "string_type"


def _integer(value: object) -> str | None:
    if isinstance(value, int):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "finite_number"
        if not value.is_integer():
            return "int_from_float"
        return None if abs(value) < _INT64_BOUND else "int_parsing_size"
    return _integer_text(value) if isinstance(value, str) else "int_type"


def _integer_text(value: str) -> str | None:
    if not _has_utf8(value):
        return "string_unicode"
    text = value.strip()
    if len(text) > _MAX_INTEGER_DIGITS:
        return "int_parsing_size"
    return None if _INTEGER.match(text) else "int_parsing"


def _float(value: object) -> str | None:
    if isinstance(value, int):
        return None if _fits_double(value) else "float_type"
    if isinstance(value, float):
        return None
    if not isinstance(value, str):
        return "float_type"
    if not _has_utf8(value):
        return "string_unicode"
    text = value.strip()
    if text.startswith("_") or text.endswith("_") or "__" in text:
        return "float_parsing"
    return None if _FLOAT.match(text.replace("_", "")) else "float_parsing"


def _fits_double(value: int) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _boolean(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _has_utf8(value):
            return "string_unicode"
        return None if value.lower() in _TRUE | _FALSE else "bool_parsing"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        if value in (0, 1):
            return None
        return "bool_parsing" if abs(value) < _INT64_BOUND else "bool_type"
    return "bool_type"


def _bytes(value: object) -> str | None:
    if not isinstance(value, str):
        return "bytes_type"
    if not _has_utf8(value):
        return "string_unicode"
    return None if _is_base64(value) else "bytes_invalid_encoding"


def _is_base64(text: str) -> bool:
    match = _BASE64.match(text)
    if match is None:
        return False
    digits = text[: match.start(1)]
    missing = -len(digits) % 4
    if len(match[1]) > missing:
        return False
    standard = digits.replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(standard + "=" * missing, validate=True)
    except binascii.Error:
        return False
    # Bits behind the last byte have to be zero.
    return base64.b64encode(decoded).rstrip(b"=") == standard.encode()


def _datetime(value: object) -> str | None:
    could_be = isinstance(value, int | float | str) and not isinstance(value, bool)
    return None if could_be else "datetime_type"


def _literal(value: object) -> str | None:
    return None if value == "NULL_VALUE" else "literal_error"


def _enumeration(value: object) -> str | None:
    return None if isinstance(value, str) and _has_utf8(value) else "string_unicode"


def _dictionary(value: object) -> str | None:
    return None if isinstance(value, dict) else "dict_type"


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_CHECKS: Final[Mapping[str, Callable[[object], str | None]]] = MappingProxyType(
    {
        "bool": _boolean,
        "bytes": _bytes,
        "datetime": _datetime,
        "enum": _enumeration,
        "float": _float,
        "int": _integer,
        "literal": _literal,
        "str": _string,
        "{}": _dictionary,
    }
)
