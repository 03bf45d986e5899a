"""Credentials leave no trace in a record: every appearance is written over, byte for byte, so positions stay true."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vapi_conformance.content_coding import decode_content
from vapi_conformance.exchange import MASK, Exchange, Header, Read

__all__ = ["MIN_SECRET_BYTES", "mask_exchange"]

MIN_SECRET_BYTES: Final = 4
"""A shorter value would blot out ordinary text."""


def mask_exchange(exchange: Exchange, secrets: Sequence[bytes]) -> Exchange:
    """The same exchange without the secrets, in request and response, head and body, across reads and under gzip."""
    wanted = sorted({each for each in secrets if len(each) >= MIN_SECRET_BYTES}, key=len, reverse=True)
    if not wanted:
        return exchange
    request, response = exchange.request, exchange.response
    decoded = decode_content(exchange)
    hidden = decoded.coding is not None and any(each in b"".join(r.data for r in decoded.reads) for each in wanted)
    reads = decoded.reads if hidden else exchange.reads
    capture = replace(exchange.capture, body="decoded") if hidden else exchange.capture
    return replace(
        exchange,
        request=replace(
            request,
            url=_mask_text(request.url, wanted),
            headers=_mask_headers(request.headers, wanted),
            body=None if request.body is None else _mask(request.body, wanted),
        ),
        response=None if response is None else replace(response, headers=_mask_headers(response.headers, wanted)),
        reads=_mask_reads(reads, wanted),
        capture=capture,
        error=None if exchange.error is None else _mask_text(exchange.error, wanted),
    )


def _mask(data: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        data = data.replace(secret, MASK * len(secret))
    return data


def _mask_text(text: str, secrets: Sequence[bytes]) -> str:
    return _mask(text.encode(errors="surrogateescape"), secrets).decode(errors="surrogateescape")


def _mask_headers(headers: tuple[Header, ...], secrets: Sequence[bytes]) -> tuple[Header, ...]:
    return tuple((_mask(name, secrets), _mask(value, secrets)) for name, value in headers)


def _mask_reads(reads: tuple[Read, ...], secrets: Sequence[bytes]) -> tuple[Read, ...]:
    """Masked as one, cut as before: a secret may lie across two reads."""
    whole = b"".join(read.data for read in reads)
    masked = _mask(whole, secrets)
    if masked == whole:
        return reads
    cut: list[Read] = []
    position = 0
    for read in reads:
        cut.append(replace(read, data=masked[position : position + len(read.data)]))
        position += len(read.data)
    return tuple(cut)
