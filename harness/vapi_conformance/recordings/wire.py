"""Plain recordings: `{request: {method, url, headers, body}, response: {status, headers, body_text}, capture}`.

The request's body is parsed JSON, or null where only answers were kept; headers are an object of name and value, or
of name and list of values; `capture` says what of the wire survived.
"""

import json
from collections.abc import Iterator, Mapping

from vapi_conformance.exchange import BodyFidelity, Capture, Exchange, Header, HeaderFidelity, Read, Request, Response
from vapi_conformance.narrow import array_or_none
from vapi_conformance.recordings.fields import Fields, field_line_bytes, utf8
from vapi_conformance.recordings.transfer import TRANSFER_HEADERS

__all__ = ["is_wire", "wire_exchange"]


def is_wire(record: Mapping[str, object]) -> bool:
    """Whether an object has the form, as far as one look tells."""
    return "request" in record and "response" in record


def wire_exchange(fields: Fields) -> Exchange:
    """Raises UsageError that names the field. There are no times, and the body is one read."""
    request, response = fields.part("request", required=True), fields.part("response", required=True)
    status, text = response.status(), response.text_or_none("body_text")
    if status == 0 or text is None:
        raise response.fault("a status and a body_text are needed")
    body = request.record.get("body")
    return Exchange(
        request=Request(
            method=request.text("method", "POST"),
            url=request.text("url", ""),
            headers=tuple(_headers(request.part("headers"))),
            body=None if body is None else utf8(json.dumps(body, ensure_ascii=False)),
        ),
        response=Response(
            status=status,
            headers=tuple(
                header for header in _headers(response.part("headers")) if header[0].lower() not in TRANSFER_HEADERS
            ),
        ),
        reads=(Read(at_ns=None, data=utf8(text)),) if text else (),
        capture=_capture(fields.part("capture")),
        source=fields.place,
    )


def _capture(capture: Fields) -> Capture:
    fidelity = capture.text_or_none("body")
    bodies: dict[str | None, BodyFidelity] = {"reserialized": "reserialized", "reframed": "rebuilt"}
    headers: HeaderFidelity = "assumed" if fidelity in ("headers-assumed", "reframed") else "joined"
    return Capture(recorder=capture.text("recorder", "unknown"), body=bodies.get(fidelity, "decoded"), headers=headers)


def _headers(fields: Fields) -> Iterator[Header]:
    for name, value in fields.record.items():
        for each in array_or_none(value) or [value]:
            if not isinstance(each, str | int | float):
                raise fields.fault(f"{name[:60]!r} is no header value")
            yield field_line_bytes(name), field_line_bytes(str(each))
