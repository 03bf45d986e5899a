"""Answers that differ below the events: status, content coding, and how the body ended."""

import gzip
import zlib

from consumers.openai_node_vectors import DONE, EVENT_VECTORS, HI, THERE, Vector, answer
from vapi_conformance.exchange import End, Exchange, Request

__all__ = ["VECTORS"]

GZIP = (("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
DEFLATE = (("Content-Encoding", "deflate"), ("Transfer-Encoding", "chunked"))


def flushed(*parts: str) -> tuple[bytes, ...]:
    deflater = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    reads = [deflater.compress(part.encode()) + deflater.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return (*reads[:-1], reads[-1] + deflater.flush())


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def refused(name: str, status: int, body: str | bytes, error: str) -> Vector:
    return Vector(name=name, exchange=answer(body, status=status), outcome="failed", error=error)


STATUS = (
    refused("400", 400, '{"error":{"message":"bad"}}', "BadRequestError: 400 bad"),
    refused("401", 401, '{"error":{"message":"bad"}}', "AuthenticationError: 401 bad"),
    refused("402", 402, '{"error":{"message":"bad"}}', "APIError: 402 bad"),
    refused("403", 403, '{"error":{"message":"bad"}}', "PermissionDeniedError: 403 bad"),
    refused("404", 404, '{"error":{"message":"bad"}}', "NotFoundError: 404 bad"),
    refused("409", 409, '{"error":{"message":"bad"}}', "ConflictError: 409 bad"),
    refused("422", 422, '{"error":{"message":"bad"}}', "UnprocessableEntityError: 422 bad"),
    refused("429", 429, '{"error":{"message":"bad"}}', "RateLimitError: 429 bad"),
    refused("500", 500, '{"error":{"message":"bad"}}', "InternalServerError: 500 bad"),
    refused("an error page", 503, "<h1>no\xff</h1>".encode("latin-1"), "InternalServerError: 503 <h1>no�</h1>"),
    refused("an error without body", 404, "", "NotFoundError: 404 status code (no body)"),
    refused("an error of another shape", 404, '{"detail":"Not Found"}', "NotFoundError: 404 status code (no body)"),
    refused("an error string in the body", 404, '{"error":"bad"}', 'NotFoundError: 404 "bad"'),
    refused("an error array in the body", 404, '{"error":[1.50,{}]}', "NotFoundError: 404 [1.5,{}]"),
    refused("an empty error message", 404, '{"error":{"message":""}}', 'NotFoundError: 404 {"message":""}'),
    refused("an error body of null", 404, "null", "NotFoundError: 404 null"),
    refused("an error body after a byte order mark", 404, "\ufeff{}", "NotFoundError: 404 \ufeff{}"),
    refused("a redirect to nowhere", 301, "gone", "APIError: 301 gone"),
    Vector(name="204", exchange=answer(status=204), outcome="silence"),
    Vector(name="206", exchange=answer(HI, status=206), outcome="spoken", texts=("Hi",)),
)

CODINGS = (
    Vector(
        name="gzip, flushed",
        exchange=answer(*flushed(HI, THERE), headers=GZIP),
        outcome="spoken",
        texts=("Hi", "there"),
        reads=(0, 1),
    ),
    Vector(
        name="gzip, not flushed",
        exchange=answer(gzip.compress(HI.encode())[:5], gzip.compress(HI.encode())[5:], headers=GZIP),
        outcome="spoken",
        texts=("Hi",),
        reads=(1,),
    ),
    Vector(
        name="gzip, two members",
        exchange=answer(gzip.compress(HI.encode()), gzip.compress(THERE.encode()), headers=GZIP),
        outcome="spoken",
        texts=("Hi", "there"),
        reads=(0, 1),
    ),
    Vector(
        name="gzip, zeros after it",
        exchange=answer(gzip.compress(HI.encode()) + b"\0\0", gzip.compress(THERE.encode()), headers=GZIP),
        outcome="spoken",
        texts=("Hi",),
    ),
    Vector(
        name="gzip, rubbish after it",
        exchange=answer(gzip.compress(HI.encode()), b"rubbish", headers=GZIP),
        outcome="failed",
        texts=("Hi",),
        error="Error: incorrect header check",
    ),
    Vector(
        name="gzip, without its end",
        exchange=answer(gzip.compress(HI.encode())[:-8], headers=GZIP),
        outcome="spoken",
        texts=("Hi",),
    ),
    Vector(
        name="gzip that is none",
        exchange=answer(HI, headers=GZIP),
        outcome="failed",
        error="Error: incorrect header check",
    ),
    Vector(
        name="gzip with a wrong sum",
        exchange=answer(gzip.compress(HI.encode())[:-8] + b"12345678", headers=GZIP),
        outcome="failed",
        error="Error: incorrect data check",
    ),
    Vector(
        name="gzip in capitals",
        exchange=answer(HI, headers=(("content-encoding", "GZIP"), ("Transfer-Encoding", "chunked"))),
        outcome="spoken",
        texts=("Hi",),
    ),
    Vector(name="gzip twice", exchange=answer(HI, headers=(*GZIP, GZIP[0])), outcome="spoken", texts=("Hi",)),
    Vector(
        name="deflate", exchange=answer(zlib.compress(HI.encode()), headers=DEFLATE), outcome="spoken", texts=("Hi",)
    ),
    Vector(
        name="deflate without zlib's header",
        exchange=answer(raw_deflate(HI.encode()), headers=DEFLATE),
        outcome="spoken",
        texts=("Hi",),
    ),
    Vector(
        name="deflate without its end",
        exchange=answer(zlib.compress((HI + THERE).encode())[:-6], headers=DEFLATE),
        outcome="failed",
        texts=("Hi",),
        error="Error: unexpected end of file",
    ),
    Vector(
        name="deflate, rubbish after it",
        exchange=answer(zlib.compress(HI.encode()), b"rubbish", headers=DEFLATE),
        outcome="spoken",
        texts=("Hi",),
    ),
    Vector(name="deflate of nothing", exchange=answer(headers=DEFLATE), outcome="silence"),
    Vector(
        name="an error in gzip",
        exchange=answer(gzip.compress(b'{"error":{"message":"bad"}}'), status=500, headers=GZIP),
        outcome="failed",
        error="InternalServerError: 500 bad",
    ),
)

LENGTH = (("Content-Length", "1000"),)
URL = "http://endpoint.example/v1/chat/completions"
UNREADABLE = f"Invalid response body while trying to fetch {URL}"
WAITS = "and the library waits for ever)"

ENDS = (
    Vector(
        name="cut off",
        exchange=answer(HI, DONE, end=End.TRUNCATED),
        outcome="failed",
        texts=("Hi",),
        error="Error: Premature close",
    ),
    Vector(
        name="reset",
        exchange=answer(HI, DONE, end=End.RESET),
        outcome="failed",
        texts=("Hi",),
        error="Error: read ECONNRESET",
    ),
    Vector(
        name="cut off before Content-Length",
        exchange=answer(HI, DONE, headers=LENGTH, end=End.TRUNCATED),
        outcome="failed",
        texts=("Hi",),
        error=f"(the connection was closed before Content-Length was reached, {WAITS}",
    ),
    Vector(
        name="reset before Content-Length",
        exchange=answer(HI, headers=LENGTH, end=End.RESET),
        outcome="failed",
        texts=("Hi",),
        error="Error: read ECONNRESET",
    ),
    Vector(
        name="held open",
        exchange=answer(HI, DONE, end=End.TIMED_OUT),
        outcome="failed",
        texts=("Hi",),
        error=f"(nothing more came, {WAITS}",
    ),
    Vector(name="hung up by the caller", exchange=answer(HI, end=End.CLOSED_BY_US), outcome="spoken", texts=("Hi",)),
    Vector(
        name="hung up by the caller in the middle of an event",
        exchange=answer(HI[:-1], end=End.CLOSED_BY_US),
        outcome="silence",
    ),
    Vector(
        name="cut off before deflate began",
        exchange=answer(headers=DEFLATE, end=End.TRUNCATED),
        outcome="failed",
        error=f"(the connection was closed before the body began, {WAITS}",
    ),
    Vector(
        name="reset before deflate began",
        exchange=answer(headers=DEFLATE, end=End.RESET),
        outcome="failed",
        error="APIConnectionError: Connection error.",
    ),
    Vector(
        name="an error that is cut off",
        exchange=answer('{"error":', status=500, end=End.TRUNCATED),
        outcome="failed",
        error=f"InternalServerError: 500 {UNREADABLE}: Premature close",
    ),
    Vector(
        name="an error in broken gzip",
        exchange=answer(HI, status=500, headers=GZIP),
        outcome="failed",
        error=f"InternalServerError: 500 {UNREADABLE}: incorrect header check",
    ),
)


def no_response(end: End) -> Exchange:
    return Exchange(request=Request(method="POST", url="http://endpoint.example/v1"), response=None, end=end)


NO_RESPONSE = (
    Vector(
        name="no response",
        exchange=no_response(End.NO_RESPONSE),
        outcome="failed",
        error="APIConnectionError: Connection error.",
    ),
    Vector(
        name="no response, reset",
        exchange=no_response(End.RESET),
        outcome="failed",
        error="APIConnectionError: Connection error.",
    ),
    Vector(
        name="no response in time",
        exchange=no_response(End.TIMED_OUT),
        outcome="failed",
        error="APIConnectionTimeoutError: Request timed out.",
    ),
    Vector(
        name="no response before the caller hung up",
        exchange=no_response(End.CLOSED_BY_US),
        outcome="failed",
        error="APIUserAbortError: Request was aborted.",
    ),
)

HTTP_VECTORS = (*STATUS, *CODINGS, *ENDS, *NO_RESPONSE)
VECTORS = (*EVENT_VECTORS, *HTTP_VECTORS)
"""All of them, those of the events, too."""
