"""HAR 1.2, as browsers and proxies write it: far more entries than the few that asked a model, and seldom all bodies.

http://www.softwareishard.com/blog/har-12-spec/. Beyond it, Chromium's `response._error` is read.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.exchange import Capture, End, Exchange, Header, Read, Request, Response, Timing
from vapi_conformance.masking import mask_query
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings.fields import Fields, field_line_bytes, utf8
from vapi_conformance.recordings.transfer import TRANSFER_HEADERS
from vapi_conformance.recordings.unread import Unread

__all__ = ["har_exchanges"]

_CREDENTIALS: Final = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key", b"x-goog-api-key", b"x-vapi-secret"}
)
_PATHS: Final = ("/chat/completions", "/responses", "/v1/messages", ":generateContent", ":streamGenerateContent")
_CONVERSATIONS: Final = ('"messages"', '"contents"', '"input"')
"""What the history is called in a request of each API."""
_SERVER_MESSAGE: Final = re.compile(r'\s*\{\s*"message"\s*:\s*\{')
"""How Vapi's messages to a backend begin: they ask no model, and are judged too."""
_BODILESS: Final = frozenset({204, 304})


def har_exchanges(fields: Fields) -> Iterator[Exchange | Unread]:
    """The entries that asked a model, in their order, and at the end how many others were left out.

    An entry that cannot be read comes as its reason. Raises UsageError when there are no entries at all.
    """
    log = fields.part("log", required=True)
    entries = array_or_none(log.record.get("entries"))
    if entries is None:
        raise fields.fault("a HAR without log.entries")
    if not entries:
        raise fields.fault("the HAR holds no entries")
    left_out = 0
    for position, entry in enumerate(entries):
        place = f"{fields.place}#{position}"
        record = object_or_none(entry)
        if record is None:
            yield Unread(reason=f"{place}: the entry is no object")
        elif not _asks_a_model(record):
            left_out += 1
        else:
            try:
                yield _exchange(Fields(place, record))
            except UsageError as problem:
                yield Unread(reason=str(problem))
    if left_out == len(entries):
        raise fields.fault("none of its entries asks a model: no POST to the path of an API, or with messages")
    if left_out:
        reason = f"{fields.place}: {left_out} of {len(entries)} entries ask no model and were left out"
        yield Unread(reason=reason, is_fault=False)


def _asks_a_model(entry: Mapping[str, object]) -> bool:
    """Not the pages, pictures, preflights and beacons of a browser's session. In doubt, yes."""
    request = object_or_nothing(entry.get("request"))
    method = (string_or_none(request.get("method")) or "POST").upper()
    path = (string_or_none(request.get("url")) or "").partition("#")[0].partition("?")[0].rstrip("/")
    if path.endswith(_PATHS):
        return method != "OPTIONS"
    if method != "POST":
        return False
    posted = string_or_none(object_or_nothing(request.get("postData")).get("text"))
    content = object_or_nothing(object_or_nothing(entry.get("response")).get("content"))
    is_stream = (string_or_none(content.get("mimeType")) or "").lower().startswith("text/event-stream")
    if posted is None or is_stream or _SERVER_MESSAGE.match(posted):
        return True
    return any(key in posted for key in _CONVERSATIONS)


def _exchange(entry: Fields) -> Exchange:
    request, response = entry.part("request", required=True), entry.part("response", required=True)
    status = response.status()
    posted = request.part("postData").text_or_none("text")
    failure = response.text_or_none("_error")
    return Exchange(
        request=Request(
            method=request.text("method", "POST"),
            url=mask_query(request.text("url", "")),
            headers=tuple(_masked(header) for header in _headers(request)),
            body=None if posted is None else utf8(posted),
        ),
        response=None
        if status == 0
        else Response(
            status=status,
            http_version=response.text("httpVersion", "HTTP/1.1"),
            headers=tuple(header for header in _headers(response) if header[0].lower() not in TRANSFER_HEADERS),
        ),
        reads=() if status == 0 else _reads(response, status, failure),
        end=_end(status, failure),
        error=failure,
        timing=Timing(started_at=entry.text_or_none("startedDateTime")),
        capture=Capture(recorder="HAR", body="decoded", headers="joined"),
        source=entry.place,
    )


def _end(status: int, failure: str | None) -> End:
    """`net::ERR_ABORTED` and `NS_BINDING_ABORTED`: the page went away or hung up; the server is not at fault."""
    if status == 0:
        return End.NO_RESPONSE
    if not failure:
        return End.CLEAN
    return End.CLOSED_BY_US if "ABORTED" in failure else End.TRUNCATED


def _reads(response: Fields, status: int, failure: str | None) -> tuple[Read, ...]:
    """One read without a time: a HAR keeps when a body began and ended, not when its parts came."""
    content = response.part("content")
    text, size = content.text_or_none("text"), content.integer_or_none("size")
    if not text:
        # A text may be left out when it is not at hand (HAR 1.2, content); only a size of 0 says that there was none.
        unknown = text is None and size is None
        if (unknown or (size or 0) != 0) and status not in _BODILESS and not failure:
            raise response.fault("the HAR was saved without this body; save it again with content")
        return ()
    if content.text_or_none("encoding") == "base64":
        try:
            body = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as problem:
            raise content.fault(f"text is no base64: {problem}") from None
    else:
        body = utf8(text)
    return (Read(at_ns=None, data=body),) if body else ()


def _headers(message: Fields) -> Iterator[Header]:
    """Without HTTP/2's pseudo-fields (RFC 9113, 8.3), which browsers list among the others."""
    for each in message.items("headers"):
        record = object_or_none(each)
        if record is None:
            raise message.fault("headers holds something that is no object")
        field = Fields(message.inside("headers"), record)
        name = field.text("name", "")
        if not name.startswith(":"):
            yield field_line_bytes(name), field_line_bytes(field.text("value", ""))


def _masked(header: Header) -> Header:
    """A HAR holds the credentials of whoever saved it."""
    name, value = header
    if name.lower() not in _CREDENTIALS:
        return header
    scheme, space, rest = value.partition(b" ")
    return name, scheme + space + b"*" * len(rest) if rest else b"*" * len(value)
