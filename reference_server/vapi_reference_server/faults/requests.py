"""Faults of the server behind the answers: its connections, and what it does with odd requests."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import Ending, json_answer
from vapi_reference_server.faults.editing import Shelf, with_answer
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import as_object
from vapi_reference_server.routes import Kind, Route

if TYPE_CHECKING:
    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_arrival = Shelf(SeenOn.SPECIAL, Stage.ARRIVED, everywhere=True).fault
_body = Shelf(SeenOn.SPECIAL, Stage.BODY, everywhere=True).fault
_problem = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, everywhere=True).fault
_any = Shelf(SeenOn.ANY, Stage.ANSWER, everywhere=True).fault
_stream = Shelf(SeenOn.STREAM, Stage.ANSWER, everywhere=True).fault
_json = Shelf(SeenOn.JSON, Stage.ANSWER, everywhere=True).fault

_STANDARD_KEYS = frozenset(
    (
        *("model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "stop", "seed", "user"),
        *("max_tokens", "max_completion_tokens", "tools", "tool_choice", "parallel_tool_calls"),
        *("response_format", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"),
        *("logit_bias", "metadata", "store"),
        *("input", "instructions", "previous_response_id", "max_output_tokens", "reasoning", "text", "include"),
        *("system", "stop_sequences", "top_k", "thinking", "output_config"),
        *("contents", "systemInstruction", "toolConfig", "generationConfig", "safetySettings"),
    )
)
_HEADER_NAME = re.compile(r"\r\n([^:\s]+):")


def request_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_connections(), *_odd_requests())


def _connections() -> tuple[Fault, ...]:
    complete = "http.body-is-complete"
    return (
        _stream("truncated", complete, "The connection closes in the middle of an event.", with_answer(_cut)),
        _stream("reset-midstream", complete, "The connection is reset in the middle.", with_answer(_reset)),
        _json("json-truncated", complete, "The connection closes in the middle of the JSON.", with_answer(_cut)),
        _arrival(
            "one-request-per-connection",
            "http.keep-alive-serves-two-requests",
            "The second request on a connection is cut off.",
            _one_request,
        ),
        _arrival(
            "unhealthy-after-disconnect",
            "http.disconnect-leaves-the-server-healthy",
            "After a client hung up, the next request gets status 500.",
            _unhealthy,
        ),
        _any(
            "keeps-generating",
            "http.disconnect-stops-the-work",
            "Work on an answer goes on after the client has hung up.",
            with_answer(_keep_generating),
            seen_on=SeenOn.SPECIAL,
            seconds=6.0,
        ),
    )


def _odd_requests() -> tuple[Fault, ...]:
    return (
        _body(
            "500-on-unknown-keys",
            "http.unknown-keys-are-ignored",
            "A key that the standard does not know gets status 500.",
            _unknown_keys,
        ),
        _body(
            "500-without-call",
            "http.metadata-modes-are-accepted",
            "A request without Vapi's `call` object gets status 500.",
            _without_call,
            everywhere=False,
        ),
        _arrival(
            "header-case-matters",
            "http.header-names-ignore-case",
            "Header names are known in lower case and in Title-Case; others get status 400.",
            _header_case,
        ),
        _arrival(
            "get-answers-200",
            "http.wrong-method-is-refused",
            "GET on the chat path is answered with 200.",
            _get_answers,
        ),
        _arrival(
            "unknown-path-200",
            "http.unknown-path-is-404",
            "Every path answers 200.",
            _any_path,
            everywhere=False,
        ),
        _arrival(
            "full-url-404",
            "http.full-url-is-served",
            "The doubled path of a full URL is not served.",
            _full_url,
            everywhere=False,
        ),
        _problem(
            "500-on-malformed",
            "http.malformed-json-is-400",
            "A body that is not JSON gets status 500.",
            fails_on("malformed_json"),
        ),
        _problem(
            "500-on-oversized",
            "http.oversized-request-is-refused",
            "A body above the limit gets status 500.",
            fails_on("request_too_large"),
        ),
        _body(
            "500-on-minimal",
            "http.minimal-request-is-answered",
            "A request with model, messages, stream and temperature only gets status 500.",
            _minimal,
            everywhere=False,
        ),
        _body(
            "500-on-vendor-keys",
            "http.vendor-keys-are-no-server-error",
            "Keys of other vendors get status 500.",
            _vendor_keys,
            everywhere=False,
        ),
    )


def fails_on(code: str) -> Edit:
    """The edit that turns one kind of refusal into a server error."""

    def edit(work: Work) -> None:
        if work.problem is not None and work.problem.code == code:
            work.problem = problems.server_error("Internal server error.")

    return edit


def is_chat(work: Work) -> bool:
    """Whether this request posts to a chat route."""
    return work.method == "POST" and work.route is not None and work.route.kind is Kind.ANSWER


def _cut(answer: Answer, _work: Work) -> Answer:
    writes = list(answer.writes)
    middle = len(writes) // 2
    last = replace(writes[middle], data=writes[middle].data[: len(writes[middle].data) // 2])
    return replace(answer, writes=[*writes[:middle], last], ending=Ending.CUT)


def _reset(answer: Answer, work: Work) -> Answer:
    return replace(_cut(answer, work), ending=Ending.RESET)


def _one_request(work: Work) -> None:
    seen = work.memory.requests_of.get(work.client, 0)
    work.memory.requests_of[work.client] = seen + 1
    if seen:
        whole = json_answer(200, {"detail": "never sent"})
        work.answer = replace(whole, writes=(), ending=Ending.CUT)


def _unhealthy(work: Work) -> None:
    if work.memory.hung_up and is_chat(work):
        work.memory.hung_up = False
        raise problems.server_error("The worker has died.")


def _keep_generating(answer: Answer, work: Work) -> Answer:
    return replace(answer, lingers_s=work.seconds)


def _unknown_keys(work: Work) -> None:
    if not work.body.keys() <= _STANDARD_KEYS:
        raise problems.server_error("Unexpected keyword argument.")


def _without_call(work: Work) -> None:
    if as_object(work.body.get("call")) is None:
        raise problems.server_error("'call'")


def _minimal(work: Work) -> None:
    if work.body.keys() <= {"model", "messages", "stream", "temperature"}:
        raise problems.server_error("'max_tokens'")


def _vendor_keys(work: Work) -> None:
    if not work.body.keys().isdisjoint({"top_k", "min_p", "chat_template_kwargs"}):
        raise problems.server_error("Unexpected keyword argument.")


def _get_answers(work: Work) -> None:
    if work.method == "GET" and work.route is not None and work.route.kind is Kind.ANSWER:
        work.answer = json_answer(200, {"status": "ok"})


def _any_path(work: Work) -> None:
    if work.route is None and work.method == "POST":
        work.route = Route(kind=Kind.ANSWER)
    elif work.route is None:
        work.answer = json_answer(200, {"status": "ok"})


def _full_url(work: Work) -> None:
    if work.path.count("/chat/completions") > 1:
        work.route = None


def _header_case(work: Work) -> None:
    names = _HEADER_NAME.findall(work.raw_head.decode("latin-1"))
    if any(name not in (name.lower(), name.title()) for name in names if not name.lower().startswith("x-")):
        raise problems.Problem(status=400, message="Unknown header.", code="unknown_header")
