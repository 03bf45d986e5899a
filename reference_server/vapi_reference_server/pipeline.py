"""From the bytes of a chat request to its answer. Pure but for ids and the time of day."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems, rendering
from vapi_reference_server.answer import DONE, Answer, Write, event, json_answer, stream_answer
from vapi_reference_server.brain import think
from vapi_reference_server.json_values import as_object, decode
from vapi_reference_server.request import parse_request
from vapi_reference_server.work import Stage

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import ChatRequest, Message
    from vapi_reference_server.work import Work


def read_object(raw: bytes) -> JsonObject:
    """The JSON object in a request body. Raises Problem, status 400, where there is none."""
    try:
        body = as_object(decode(raw))
    except ValueError as error:
        raise problems.malformed_json(str(error)) from error
    if body is None:
        raise problems.malformed_json("an object is wanted")
    return body


def read_request(work: Work, raw: bytes) -> ChatRequest:
    """Read and check a request body. Raises Problem where a sound endpoint refuses."""
    work.body = read_object(raw)
    work.reach(Stage.BODY)
    request = parse_request(work.body)
    route = work.route
    if route is not None and route.stream is not None:
        request = replace(request, stream=route.stream)
    if route is not None and route.rewrites_prompt:
        request = replace(request, messages=_with_rewritten_prompt(request.messages))
    if not work.settings.serves(request.model):
        raise problems.unknown_model(request.model)
    sent_tokens = rendering.prompt_tokens(request)
    if sent_tokens > work.settings.context_tokens:
        raise problems.context_overflow(work.settings.context_tokens, sent_tokens)
    return request


def rewritten(prompt: str) -> str:
    """The prompt with what the model should know about it put in front."""
    return f"On the phone, the caller said: {prompt}"


def answer_request(work: Work, request: ChatRequest) -> Answer:
    """The scripted answer, in the shape the request asked for."""
    work.request = request
    work.replies = [think(request) for _ in range(request.choices)]
    work.reach(Stage.REPLIES)
    stamp = rendering.Stamp(id=f"chatcmpl-{uuid.uuid4().hex}", created_s=int(time.time()), model=request.model)
    if request.stream:
        work.answer = stream_answer(_stream(work, request, stamp))
    else:
        work.completion = rendering.completion(request, work.replies, stamp)
        work.reach(Stage.COMPLETION)
        work.answer = json_answer(200, work.completion)
    work.reach(Stage.ANSWER)
    return work.answer


def _stream(work: Work, request: ChatRequest, stamp: rendering.Stamp) -> list[Write]:
    work.chunks = list(rendering.chunks(request, work.replies, stamp))
    work.reach(Stage.CHUNKS)
    pace_s = work.settings.pace_ms / 1000
    work.writes = [Write(data=event(chunk), after_s=pace_s) for chunk in work.chunks]
    work.writes.append(Write(data=DONE))
    work.reach(Stage.WRITES)
    return work.writes


def _with_rewritten_prompt(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with the last user prompt rewritten, as Vapi's sample does before it answers."""
    last = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    if last is None:
        return messages
    prompt = replace(messages[last], text=rewritten(messages[last].text))
    return (*messages[:last], prompt, *messages[last + 1 :])
