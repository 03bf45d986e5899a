"""HTTP beside the answer: odd requests, wrong addresses, connections that are kept or dropped.

Each rule judges the exchanges of one probe. Where the plain form of the same request already fails, a probe shows
nothing: that is told by `errors.well-formed-request-is-answered`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT, OPENAI
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, scenario_rule

__all__ = [
    "disconnect_leaves_the_server_healthy",
    "disconnect_stops_the_work",
    "full_url_is_served",
    "header_names_ignore_case",
    "keep_alive_serves_two_requests",
    "malformed_json_is_400",
    "metadata_modes_are_accepted",
    "minimal_request_is_answered",
    "oversized_request_is_refused",
    "stream_ignores_accept",
    "unknown_keys_are_ignored",
    "unknown_path_is_404",
    "vendor_keys_are_no_server_error",
    "wrong_method_is_refused",
]

_Group = Sequence[Evidence]

_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_REFUSED_METHOD: Final = (401, 403, 404, 405, 501)
"""405 says it best (RFC 9110, 15.5.6), 501 where the method is known nowhere; 404 hides it, 401 and 403 ask first."""
_ACTIVE_HEADER: Final = "x-generations-active"
"""Generations at work when the response began, its own not counted: evidence that an endpoint may offer."""


def _step(group: _Group, name: str) -> tuple[int, Evidence] | None:
    """Position and exchange of a step, None where the step was not played."""
    for position, evidence in enumerate(group):
        if evidence.exchange.label is not None and evidence.exchange.label.step == name:
            return position, evidence
    return None


def _is_answered(group: _Group, step: str) -> bool:
    found = _step(group, step)
    return found is not None and found[1].is_success


def _has_response(group: _Group) -> bool:
    return bool(group) and group[0].exchange.response is not None


def _what_came(evidence: Evidence) -> str:
    if evidence.status is not None:
        return f"status {evidence.status}"
    words = f": {quote(evidence.exchange.error)}" if evidence.exchange.error else ""
    return f"no response{words}"


def _shortcoming(evidence: Evidence) -> str | None:
    """What came instead of a whole answer; None for one.

    The status alone does not tell: an endpoint that streams what another API sends has sent its 200 before it fails.
    """
    if not evidence.is_success:
        return _what_came(evidence)
    if evidence.exchange.end is not End.CLEAN:
        return f"status {evidence.status} and an answer that is {evidence.exchange.end.value}"
    if evidence.transcript.errors:
        return f"status {evidence.status} and an error in the answer"
    return None if evidence.body.strip() else f"status {evidence.status} and nothing in the body"


@scenario_rule(
    "http.unknown-keys-are-ignored",
    scenarios=("unknown-keys",),
    standard=SHOULD,
    vapi=MUST,
    source="VAPI 1.3: Vapi sends call, metadata and other keys; observed: most servers ignore what they do not know",
    catalogue=["HTTP-13", "VAPI-1"],
    remedy="Ignore request keys that you do not know.",
    applies=lambda group: (
        (bare := _step(group, "bare")) is not None
        and _shortcoming(bare[1]) is None
        and _step(group, "extra") is not None
    ),
)
def unknown_keys_are_ignored(group: _Group) -> Iterator[Violation]:
    """Request keys that the API does not define are ignored."""
    found = _step(group, "extra")
    if found is not None and (shortcoming := _shortcoming(found[1])) is not None:
        yield Violation(
            expected="an answer, as to the same request without extra keys", actual=shortcoming, step=found[0]
        )


@scenario_rule(
    "http.minimal-request-is-answered",
    scenarios=("minimal",),
    dialects=OPENAI,
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest: required; inferred of Rapida: without model options "
    "nothing else is sent",
    catalogue=["RAP-02"],
    remedy="Make every key but model and messages optional.",
    applies=_has_response,
)
def minimal_request_is_answered(group: _Group) -> Iterator[Violation]:
    """A request with model, messages, stream and temperature only is answered."""
    if (shortcoming := _shortcoming(group[0])) is not None:
        yield Violation(expected="an answer", actual=shortcoming)


@scenario_rule(
    "http.vendor-keys-are-no-server-error",
    scenarios=("vendor-keys",),
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    rapida=SHOULD,
    source="RFC 9110, 15.6; Rapida's documentation: model.parameters carries keys of vendors, such as top_k",
    catalogue=["RAP-03"],
    remedy="Ignore keys that you do not know, or refuse them with 400.",
    applies=_has_response,
)
def vendor_keys_are_no_server_error(group: _Group) -> Iterator[Violation]:
    """Keys of other vendors in a request are ignored or refused; they break nothing."""
    status = group[0].status
    if status is not None and status >= _SERVER_ERROR:
        yield Violation(expected="an answer, or status 400", actual=f"status {status}")


@scenario_rule(
    "http.metadata-modes-are-accepted",
    scenarios=("metadata-modes",),
    standard=SHOULD,
    vapi=MUST,
    source="VAPI 1.4: metadataSendMode off, variable and destructured",
    catalogue=["VAPI-1"],
    remedy="Treat `call` and `metadata` as optional, and read nothing from them that may be absent.",
    applies=lambda group: any(_shortcoming(evidence) is None for evidence in group),
)
def metadata_modes_are_accepted(group: _Group) -> Iterator[Violation]:
    """A request is answered whatever metadata comes with it: none, empty, spread over the top level, or no call."""
    for position, evidence in enumerate(group):
        if (shortcoming := _shortcoming(evidence)) is not None:
            label = evidence.exchange.label
            mode = label.step if label else "this mode"
            yield Violation(expected=f"an answer also with metadata: {mode}", actual=shortcoming, step=position)


@scenario_rule(
    "http.wrong-method-is-refused",
    scenarios=("wrong-method",),
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9110, 15.5.6",
    catalogue=["HTTP-14"],
    remedy="Answer methods other than POST with 405.",
    applies=_has_response,
)
def wrong_method_is_refused(group: _Group) -> Iterator[Violation]:
    """GET on the chat path is refused with 405 or 404."""
    if group[0].status not in _REFUSED_METHOD:
        yield Violation(expected="status 405 or 404", actual=_what_came(group[0]))


@scenario_rule(
    "http.unknown-path-is-404",
    scenarios=("unknown-path",),
    standard=SHOULD,
    vapi=MAY,
    source="RFC 9110, 15.5.5",
    catalogue=["HTTP-14"],
    remedy="Answer paths that you do not serve with 404, so that a wrong base URL is noticed.",
    applies=_has_response,
)
def unknown_path_is_404(group: _Group) -> Iterator[Violation]:
    """A path that is not served gives 404."""
    if group[0].status != _NOT_FOUND:
        yield Violation(expected="status 404", actual=_what_came(group[0]))


@scenario_rule(
    "http.malformed-json-is-400",
    scenarios=("malformed-json",),
    standard=MUST,
    vapi=SHOULD,
    source="RFC 9110, 15.5.1; observed: api.openai.com",
    catalogue=["HTTP-15"],
    remedy="Catch the parser's error and answer with 400 and an error body.",
    applies=_has_response,
)
def malformed_json_is_400(group: _Group) -> Iterator[Violation]:
    """A request body that is no JSON gives 400."""
    if group[0].status != _BAD_REQUEST:
        yield Violation(expected="status 400", actual=_what_came(group[0]))


@scenario_rule(
    "http.full-url-is-served",
    scenarios=("full-url",),
    standard=MAY,
    vapi=MAY,
    source="VAPI 1.1: sources disagree whether Vapi appends /chat/completions to a URL that ends so",
    catalogue=["VAPI-1"],
    remedy="Serve /chat/completions/chat/completions too, and configure the base URL without the path.",
    applies=_has_response,
)
def full_url_is_served(group: _Group) -> Iterator[Violation]:
    """A base URL that already ends in /chat/completions is served when the path is appended again."""
    if not group[0].is_success:
        yield Violation(expected="an answer at the doubled path", actual=_what_came(group[0]))


@scenario_rule(
    "http.keep-alive-serves-two-requests",
    scenarios=("keep-alive",),
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9112, 9.3",
    catalogue=["HTTP-17"],
    remedy="Keep the connection open after a complete answer: a new one costs the caller a TLS handshake of silence.",
    applies=lambda group: (
        _is_answered(group, "first") and group[0].exchange.end is End.CLEAN and _step(group, "second") is not None
    ),
)
def keep_alive_serves_two_requests(group: _Group) -> Iterator[Violation]:
    """A second request on the same connection is answered as the first."""
    found = _step(group, "second")
    if found is None:
        return
    position, second = found
    if not second.is_success:
        yield Violation(expected="an answer to the second request", actual=_what_came(second), step=position)
    elif second.exchange.end is not End.CLEAN:
        yield Violation(
            expected="a whole answer to the second request",
            actual=f"one that is {second.exchange.end.value}",
            step=position,
        )
    elif second.exchange.connection_reused is False:
        yield Violation(
            expected="the connection of the first request, still open",
            actual="a new connection was needed",
            step=position,
        )


@scenario_rule(
    "http.header-names-ignore-case",
    scenarios=("header-case",),
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9110, 5.1",
    catalogue=["HTTP-17"],
    remedy="Compare header names without regard to case.",
    applies=_has_response,
)
def header_names_ignore_case(group: _Group) -> Iterator[Violation]:
    """Request headers are understood whatever the case of their names."""
    if not group[0].is_success:
        yield Violation(expected="an answer", actual=_what_came(group[0]))


def _was_hung_up_on(group: _Group) -> bool:
    aborted = _step(group, "aborted")
    return aborted is not None and aborted[1].exchange.end is End.CLOSED_BY_US and _step(group, "follow-up") is not None


@scenario_rule(
    "http.disconnect-leaves-the-server-healthy",
    scenarios=("disconnect",),
    standard=SHOULD,
    vapi=MUST,
    source="VAPI 1.7: Vapi closes the connection when the caller goes on speaking, and sends the next request",
    catalogue=["HTTP-18", "VAPI-6"],
    remedy="Treat a closed connection as the normal end of a request, and hold no lock or worker for it.",
    applies=_was_hung_up_on,
)
def disconnect_leaves_the_server_healthy(group: _Group) -> Iterator[Violation]:
    """After a client has hung up in mid-answer, the next request is answered in full."""
    found = _step(group, "follow-up")
    if found is None:
        return
    position, after = found
    if not after.is_success:
        yield Violation(expected="an answer to the next request", actual=_what_came(after), step=position)
    elif after.exchange.end is not End.CLEAN:
        yield Violation(
            expected="a whole answer to the next request",
            actual=f"one that is {after.exchange.end.value}",
            step=position,
        )


@scenario_rule(
    "http.disconnect-stops-the-work",
    scenarios=("disconnect",),
    standard=SHOULD,
    vapi=SHOULD,
    source="VAPI 1.7: one turn is up to six requests, all but the last abandoned; RFC 9112, 9.6",
    catalogue=["HTTP-18", "VAPI-6"],
    remedy="Stop generating when the connection closes: what goes on is paid for and takes the place of the next turn.",
    needs=[Need.HEADERS],
    optional=True,
    applies=lambda group: _was_hung_up_on(group) and _active(group) is not None,
)
def disconnect_stops_the_work(group: _Group) -> Iterator[Violation]:
    """When a client hangs up, work on its answer stops."""
    active = _active(group)
    if active is not None and active[1] > 0:
        yield Violation(
            expected="no generation at work for the connection that was closed",
            actual=f"{_ACTIVE_HEADER}: {active[1]} when the next answer began",
            step=active[0],
        )


def _active(group: _Group) -> tuple[int, int] | None:
    """Position of the follow-up, and the generations that it found at work; None where the endpoint does not say."""
    found = _step(group, "follow-up")
    values = found[1].header(_ACTIVE_HEADER) if found else ()
    if found is None or not values or not (values[0].isascii() and values[0].isdigit()):
        return None
    return found[0], int(values[0][:9])


@scenario_rule(
    "http.oversized-request-is-refused",
    scenarios=("oversized",),
    standard=SHOULD,
    vapi=SHOULD,
    source="RFC 9110, 15.5.14",
    remedy="Answer a body above your limit with 413, and read or drop the rest of it.",
)
def oversized_request_is_refused(group: _Group) -> Iterator[Violation]:
    """A very large request is answered or refused with a 4xx status: no crash, no silence."""
    status = group[0].status
    if status is None or status >= _SERVER_ERROR:
        yield Violation(expected="an answer, or a status 4xx", actual=_what_came(group[0]))


@scenario_rule(
    "http.stream-ignores-accept",
    scenarios=("accept",),
    standard=SHOULD,
    vapi=MUST,
    source="VAPI 1.2: Vapi sends Accept: application/json with stream true",
    catalogue=["VAPI-2"],
    remedy="Let `stream` in the body decide, and never the Accept header.",
    applies=lambda group: any(evidence.is_success for evidence in group),
)
def stream_ignores_accept(group: _Group) -> Iterator[Violation]:
    """`stream: true` is answered with a stream whatever the Accept header says."""
    streams = [evidence.is_success and evidence.transcript.kind == "stream" for evidence in group]
    if not any(streams):
        return  # Accept makes no difference; that there is no stream is told by http.stream-request-gets-stream
    for position, evidence in enumerate(group):
        if streams[position]:
            continue
        accept = next((value for name, value in evidence.exchange.request.headers if name.lower() == b"accept"), b"")
        came = f"a body of kind {evidence.transcript.kind}" if evidence.is_success else _what_came(evidence)
        yield Violation(
            expected="server-sent events", actual=f"{came} for Accept: {quote(accept.decode('latin-1'))}", step=position
        )
