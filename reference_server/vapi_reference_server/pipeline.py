"""From the bytes of a request to its answer. Pure but for ids, the time of day and what a dialect remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import own_tools, problems
from vapi_reference_server.answer import Answer, json_answer
from vapi_reference_server.brain import think
from vapi_reference_server.json_values import as_object, decode
from vapi_reference_server.work import Stage

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Request
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


def read_request(work: Work, raw: bytes) -> Request:
    """Read and check a request body. Raises Problem where a sound endpoint refuses."""
    work.raw_body = raw
    work.body = read_object(raw)
    work.reach(Stage.BODY)
    request = work.dialect.read(work)
    if not work.settings.serves(request.model):
        raise work.dialect.unknown_model(request.model)
    if request.prompt_tokens > work.settings.context_tokens:
        raise problems.context_overflow(work.settings.context_tokens, request.prompt_tokens)
    work.request = request
    if work.call is not None:
        work.call.requests += 1
    work.reach(Stage.REQUEST)
    return work.asked


def answer_request(work: Work, request: Request) -> Answer:
    """The scripted answer, in the shape the request asked for."""
    # Without a call there is nothing to tell a repetition by, and nothing to count in.
    run = own_tools.run if work.call is None else work.call.own_tools.run
    work.replies = [think(request, run) for _ in range(request.choices)]
    work.reach(Stage.REPLIES)
    if request.stream:
        work.chunks = list(work.dialect.objects(work))
        work.reach(Stage.CHUNKS)
        work.writes = work.dialect.writes(work)
        work.reach(Stage.WRITES)
        work.answer = work.dialect.stream(work)
    else:
        work.completion = work.dialect.document(work)
        work.reach(Stage.COMPLETION)
        work.answer = json_answer(200, work.completion, work.dialect.headers(work))
    if work.call is not None:
        evidence = {own_tools.RUNS_HEADER: str(work.call.own_tools.runs)}
        work.answer = replace(work.answer, headers={**work.answer.headers, **evidence})
    work.reach(Stage.ANSWER)
    return work.answer
