"""Whole answers and refusals for tests of rules: the sound one of a base, with another document or status."""

import json
from dataclasses import replace
from typing import cast

from vapi_conformance.exchange import Exchange, Read, Response
from vapi_conformance.specimens import base

__all__ = ["JsonObject", "choice_of", "document", "message_of", "refused", "whole"]

JsonObject = dict[str, object]


def document(name: str = "text-json") -> JsonObject:
    """A fresh copy of the document of the base's first exchange, to be changed at will."""
    return cast("JsonObject", json.loads(base(name)[0].body))


def choice_of(whole_document: JsonObject, place: int = 0) -> JsonObject:
    return cast("list[JsonObject]", whole_document["choices"])[place]


def message_of(whole_document: JsonObject, place: int = 0) -> JsonObject:
    return cast("JsonObject", choice_of(whole_document, place)["message"])


def whole(body: object, name: str = "text-json", *, at: int = 0) -> Exchange:
    """The exchange of that base with this body: bytes as they are, anything else as JSON."""
    exchange = base(name)[at]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return replace(exchange, reads=(Read(at_ns=exchange.reads[0].at_ns, data=data),) if data else ())


def refused(body: object, *, status: int = 400, headers: tuple[tuple[str, str], ...] = ()) -> Exchange:
    """A refusal without a label; its media type is JSON unless the headers say otherwise."""
    sent = {"Content-Type": "application/json", **dict(headers)}
    response = Response(status=status, headers=tuple((key.encode(), value.encode()) for key, value in sent.items()))
    return replace(whole(body, "error-json"), response=response)
