"""The fields of a foreign JSON object: each of the type that its format says, or an error that names the place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vapi_conformance.narrow import array_or_none, integer_or_none, object_or_none
from vapi_conformance.problems import UsageError

__all__ = ["Fields", "field_line_bytes", "utf8"]

_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Fields:
    """An object and where it stands. A field that is null counts as absent: recorders write both."""

    place: str
    """`call.har#3: request`, or the file alone."""
    record: Mapping[str, object]

    def fault(self, what: str) -> UsageError:
        """To be raised: the place and what is wrong there."""
        return UsageError(f"{self.place}: {what}")

    def inside(self, name: str) -> str:
        """The place of a field."""
        return f"{self.place}.{name}" if ": " in self.place else f"{self.place}: {name}"

    def part(self, name: str, *, required: bool = False) -> "Fields":
        """An object; an empty one where it is absent and not required."""
        value = self.record.get(name)
        if value is None and not required:
            return Fields(self.inside(name), _NOTHING)
        record = object_or_none(value)
        if record is None:
            raise self.fault(f"{name} is missing" if value is None else f"{name} is no object")
        return Fields(self.inside(name), record)

    def items(self, name: str) -> Sequence[object]:
        """An array; an empty one where it is absent."""
        value = self.record.get(name)
        array = () if value is None else array_or_none(value)
        if array is None:
            raise self.fault(f"{name} is no array")
        return array

    def text_or_none(self, name: str) -> str | None:
        """A string."""
        value = self.record.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.fault(f"{name} is no string")

    def text(self, name: str, default: str) -> str:
        """A string; the default where it is absent or empty."""
        return self.text_or_none(name) or default

    def integer_or_none(self, name: str) -> int | None:
        """An integer."""
        value = self.record.get(name)
        integer = integer_or_none(value)
        if integer is None and value is not None:
            raise self.fault(f"{name} is no integer")
        return integer

    def status(self) -> int:
        """An HTTP status; 0 and below is how some recorders write that there was none."""
        status = self.integer_or_none("status")
        if status is None:
            raise self.fault("status is missing")
        if status > 0 and not 100 <= status <= 999:  # noqa: PLR2004 - RFC 9110, 15
            raise self.fault(f"status {str(status)[:20]} is none of HTTP")
        return max(status, 0)


def utf8(text: str) -> bytes:
    """A recorder's text as the bytes it once was. Half a surrogate pair came from no UTF-8: it becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def field_line_bytes(text: str) -> bytes:
    """Part of a field line. latin-1 keeps each byte (RFC 9110, 5.5); what it cannot hold becomes `?`."""
    return text.encode("latin-1", errors="replace")
