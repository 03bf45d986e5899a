"""Recorded traffic as exchanges that can be played: the body in one piece, its content coding undone."""

from collections.abc import Iterator

from shared_data import wire_recordings
from vapi_conformance.exchange import Capture, Exchange, Read, Request, Response
from vapi_conformance.narrow import object_or_nothing

__all__ = ["recorded_exchanges"]


def recorded_exchanges(prefix: str) -> Iterator[tuple[str, Exchange]]:
    """Named answers; header lines other than the media type are left out, as recorders drop or change them."""
    for recording in wire_recordings(prefix):
        document = recording.load()
        request, response = object_or_nothing(document["request"]), object_or_nothing(document["response"])
        status, body, url = response["status"], response["body_text"], request["url"]
        assert isinstance(status, int)
        assert isinstance(body, str)
        assert isinstance(url, str)
        media_type = _media_type(object_or_nothing(response["headers"]))
        yield (
            recording.name,
            Exchange(
                request=Request(method="POST", url=url),
                response=Response(status=status, headers=((b"Content-Type", media_type.encode()),)),
                reads=(Read(at_ns=None, data=body.encode()),),
                capture=Capture(body="decoded"),
            ),
        )


def _media_type(headers: object) -> str:
    for name, value in object_or_nothing(headers).items():
        if name.lower() == "content-type" and isinstance(value, str):
            return value
    return "application/json"
