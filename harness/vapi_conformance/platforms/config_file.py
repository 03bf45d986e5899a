"""A user's configuration held to its schema, so that every way it can be wrong ends in one clear sentence.

Values are quoted only where none can be a secret: keys, tokens and the values of headers are never printed.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from vapi_conformance import json_file
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import SchemaError, errors

__all__ = ["MAX_BYTES", "ConfigError", "checked_object", "dotted", "read_json"]

MAX_BYTES = 4 * 1024 * 1024
"""A file larger than this is something else, given by mistake; a large assistant has some 100 kB."""

_SAID_WITHOUT_VALUE: Mapping[str, str] = {
    "type": "is of the wrong JSON type",
    "enum": "is none of the known values",
    "const": "is not the only known value",
    "format": "is no such URL",
    "pattern": "has characters that are not allowed there",
    "minLength": "is empty",
    "maxLength": "is too long",
}


class ConfigError(UsageError):
    """A configuration file cannot be used. The text names the file, the field, what is wrong and what the platform
    expects."""

    def __init__(
        self, path: Path, what: str, *, field: str = "", expected: str | None = None, platform: str = "The platform"
    ) -> None:
        self.path = path
        self.field = field
        """Dotted path, `model.tools[0].function.name`; empty where the whole file is meant."""
        self.what = what
        self.expected = expected
        """What the platform takes there, in words, where known."""
        place = f"{path}: {field}" if field else str(path)
        hint = f". {platform} expects {expected}" if expected else ""
        super().__init__(f"{place} {what}{hint}")


def read_json(path: Path) -> object:
    """The parsed document. Raises ConfigError for a file that is missing, unreadable, too large or no JSON, and for
    text that no request can carry."""
    try:
        document = json_file.read_json(path, max_bytes=MAX_BYTES)
        _ = json.dumps(document, ensure_ascii=False).encode()
    except json_file.JsonFileError as problem:
        raise ConfigError(path, problem.what) from None
    except UnicodeEncodeError:
        raise ConfigError(path, "holds half of a surrogate pair (\\ud800 to \\udfff), which is no character") from None
    return document


def checked_object(
    path: Path, document: object, schema_name: str, *, platform: str, is_secret: Callable[[str], bool]
) -> Mapping[str, object]:
    """The document, if it matches the schema. Raises ConfigError for the first field that does not.

    platform: who takes such files, as named in the error.
    is_secret: tells of a dotted path whether its value must not be quoted there.
    """
    found = errors(schema_name, document)
    if found:
        # A field that is there and wrong says more than one that is missing because of it.
        error = min(found, key=lambda each: (each.pointer == "", each.schema_pointer.endswith("/required")))
        field = dotted(error.pointer)
        what = _what(error, platform, may_quote=bool(field) and not is_secret(field))
        raise ConfigError(path, what, field=_with_missing(field, error), expected=error.expected, platform=platform)
    return object_or_nothing(document)


def _what(error: SchemaError, platform: str, *, may_quote: bool) -> str:
    keyword = error.schema_pointer.rpartition("/")[2]
    if keyword == "required":
        return "is missing"
    if may_quote:
        return f"is wrong: {error.message}"
    return _SAID_WITHOUT_VALUE.get(keyword, f"is not what {platform} takes")


def _with_missing(field: str, error: SchemaError) -> str:
    if not error.schema_pointer.endswith("/required"):
        return field
    name = error.message.split("'")[1]
    return f"{field}.{name}" if field else name


def dotted(pointer: str) -> str:
    """`/model/tools/0/type` as people write it: `model.tools[0].type`."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts).removeprefix(".")
