"""JSON as bytes, of whatever text there is: what an endpoint said goes into the next request, and into files."""

import json

__all__ = ["utf8_json"]


def utf8_json(value: object, *, indent: int | None = None) -> bytes:
    """UTF-8 text, in one line unless indented. Half of a surrogate pair, which UTF-8 cannot carry, is written as an
    escape: so does `JSON.stringify` (ECMA-262, 25.5.2.3), and thus Vapi."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    # In a JSON text they stand within strings only, and Python's escape for them is JSON's.
    return text.encode(errors="backslashreplace")
