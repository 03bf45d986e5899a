"""Replies as GenerateContentResponse objects: one for a whole answer, many for a stream."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from vapi_reference_server.dialects.gemini.names import FinishReason, Modality
from vapi_reference_server.json_values import JsonObject, as_list, as_object, decode
from vapi_reference_server.tokens import count_tokens, split_deltas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from enum import IntEnum

    from vapi_reference_server.reply import Reply
    from vapi_reference_server.request import Request

# What the thoughts were is in here for whoever made them, and for nobody else.
_SIGNATURE = base64.b64encode(b"signed by the reference server").decode()
_ENUMS: Mapping[str, type[IntEnum]] = {"finishReason": FinishReason, "modality": Modality}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One part of a candidate, and what it costs."""

    part: JsonObject
    tokens: int = 0
    thought_tokens: int = 0


def whole(request: Request, replies: Sequence[Reply]) -> JsonObject:
    """The whole answer as one object."""
    candidates = [
        _candidate(index, [piece.part for piece in _pieces(reply, whole=True)], _finish_reason(reply))
        for index, reply in enumerate(replies)
    ]
    spoken = sum(reply.tokens for reply in replies)
    thought = sum(reply.reasoning_tokens for reply in replies)
    return _response(request, candidates, _usage(request.prompt_tokens, spoken, thought))


def chunks(request: Request, replies: Sequence[Reply]) -> Iterator[JsonObject]:
    """The answer as the objects of a stream. The counts grow from one to the next; the last are those of the whole.

    Several candidates take turns, as they do when one engine generates them side by side.
    """
    response_id = _response_id()
    lanes = [_lane(index, reply) for index, reply in enumerate(replies)]
    prompt, spoken, thought = request.prompt_tokens, 0, 0  # counted once: a prompt may be long
    for row in zip_longest(*lanes):
        for step in row:
            if step is not None:
                candidate, piece = step
                spoken, thought = spoken + piece.tokens, thought + piece.thought_tokens
                usage = _usage(prompt, spoken, thought)
                yield {**_response(request, [candidate], usage), "responseId": response_id}


def with_integer_enums(value: object) -> object:
    """The same JSON with numbers for the names of enums."""
    fields, items = as_object(value), as_list(value)
    if items is not None:
        return [with_integer_enums(item) for item in items]
    if fields is None:
        return value
    return {
        # Arguments are the caller's own, and none of their names are ours.
        key: item if key == "args" else _number(key, item) if key in _ENUMS else with_integer_enums(item)
        for key, item in fields.items()
    }


def _number(key: str, name: object) -> object:
    return _ENUMS[key][name].value if isinstance(name, str) and name in _ENUMS[key].__members__ else name


def _lane(index: int, reply: Reply) -> Iterator[tuple[JsonObject, _Piece]]:
    pieces = list(_pieces(reply, whole=False))
    # A call is heard before the end is; words may come with it. Google, too, sends an empty part where nothing is left.
    if not pieces or "text" not in pieces[-1].part or pieces[-1].thought_tokens:
        counted = sum(piece.tokens for piece in pieces)
        pieces.append(_Piece(part={"text": ""}, tokens=reply.tokens - counted))
    for piece in pieces[:-1]:
        yield _candidate(index, [piece.part], None), piece
    yield _candidate(index, [pieces[-1].part], _finish_reason(reply)), pieces[-1]


def _pieces(reply: Reply, *, whole: bool) -> Iterator[_Piece]:
    """The parts of a reply; a stream cuts words into pieces, but never a call."""
    for thought in _cut(reply.reasoning, whole=whole):
        yield _Piece(part={"text": thought, "thought": True}, thought_tokens=count_tokens(thought))
    signature = {"thoughtSignature": _SIGNATURE} if reply.reasoning else {}
    for text in _cut(reply.text, whole=whole):
        yield _Piece(part={"text": text, **signature}, tokens=count_tokens(text))
        signature = {}
    for call in reply.calls:
        try:
            arguments = as_object(decode(call.arguments.encode()))
        except ValueError:
            # The limit of tokens has cut the arguments, and half an object cannot be sent.
            return
        part: JsonObject = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}, **signature}
        yield _Piece(part=part, tokens=count_tokens(call.name) + count_tokens(call.arguments))
        signature = {}


def _cut(text: str, *, whole: bool) -> Iterator[str]:
    if not whole:
        yield from split_deltas(text)
    elif text:
        yield text


def _candidate(index: int, parts: Sequence[JsonObject], finish_reason: FinishReason | None) -> JsonObject:
    content: JsonObject = {"parts": list(parts), "role": "model"} if parts else {"role": "model"}
    finish: JsonObject = {} if finish_reason is None else {"finishReason": finish_reason.name}
    return {"content": content, **finish, "index": index}


def _finish_reason(reply: Reply) -> FinishReason:
    """Calls finish STOP, too: there is no value of their own."""
    return FinishReason.MAX_TOKENS if reply.finish_reason == "length" else FinishReason.STOP


def _response(request: Request, candidates: list[JsonObject], usage: JsonObject) -> JsonObject:
    return {
        "candidates": candidates,
        "usageMetadata": usage,
        "modelVersion": request.model,
        "responseId": _response_id(),
    }


def _response_id() -> str:
    return secrets.token_urlsafe(16)


def _usage(prompt_tokens: int, spoken_tokens: int, thought_tokens: int) -> JsonObject:
    thoughts: JsonObject = {"thoughtsTokenCount": thought_tokens} if thought_tokens else {}
    return {
        "promptTokenCount": prompt_tokens,
        "candidatesTokenCount": spoken_tokens,
        **thoughts,
        "totalTokenCount": prompt_tokens + spoken_tokens + thought_tokens,
        "promptTokensDetails": [{"modality": Modality.TEXT.name, "tokenCount": prompt_tokens}],
    }
