"""The ASGI app: finds the route and the fault of a request, checks its key, reads it, answers it."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.routing import Mount

from vapi_reference_server import problems
from vapi_reference_server.answer import Answer, json_answer
from vapi_reference_server.delivery import deliver, raw_head, with_transport
from vapi_reference_server.dialects import DialectName, all_dialects
from vapi_reference_server.dialects.dialect import bearer_token
from vapi_reference_server.faults import all_faults
from vapi_reference_server.oauth import answer_token_request
from vapi_reference_server.pipeline import answer_request, read_request
from vapi_reference_server.problems import Problem
from vapi_reference_server.routes import Kind, find_route, nearest_dialect
from vapi_reference_server.tokens_issued import Standing
from vapi_reference_server.upstream import Upstream
from vapi_reference_server.work import Memory, Stage, Work

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.oauth import OAuthClient
    from vapi_reference_server.routes import Route
    from vapi_reference_server.settings import Settings

_FAULT_PREFIX = "/faults/"


def create_app(settings: Settings) -> ASGIApp:
    """The server as an ASGI app. ValueError when the settings name an unknown fault."""
    upstream = Upstream(settings) if settings.upstream_base_url else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        if upstream is not None:
            await upstream.aclose()

    front = _Front(settings, upstream)
    return with_transport(Starlette(routes=[Mount("/", app=front)], lifespan=lifespan))


class _Front:
    """Everything that happens to a request before and after it is answered."""

    def __init__(self, settings: Settings, upstream: Upstream | None) -> None:
        self._settings = settings
        self._upstream = upstream
        self._memory = Memory()
        # Where only tokens let callers in, the key is one that nobody knows.
        self._key = settings.api_key or (secrets.token_urlsafe(32) if settings.oauth_client else None)
        self._faults = all_faults()
        self._dialects = all_dialects()
        if settings.fault is not None and settings.fault not in self._faults:
            raise ValueError(f"there is no fault named '{settings.fault}'; --list-faults shows all")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        work = Work(
            settings=self._settings,
            memory=self._memory,
            method=str(scope["method"]),
            path=str(scope["path"]),
            headers=headers,
            dialect=self._dialects[nearest_dialect(str(scope["path"]), headers)],
            query=QueryParams(scope["query_string"]),
            client=str(scope.get("client")),
            raw_head=raw_head(scope),
        )
        try:
            answer = await self._answer(work, receive)
        except Problem as problem:
            answer = _refusal(work, problem)
        # A token is no generation: it must not show in the header that counts them.
        is_token = work.route is not None and work.route.kind is Kind.TOKEN
        memory = Memory() if is_token else self._memory
        if not await deliver(answer, memory, scope, receive, send):
            memory.hung_up = True

    async def _answer(self, work: Work, receive: Receive) -> Answer:
        self._find_fault(work)
        work.route = self._route(work)
        if work.route is not None:
            work.dialect = self._dialects[work.route.dialect]
        self._leave_others_alone(work)
        work.reach(Stage.ARRIVED)
        if work.answer is not None:
            return work.answer
        if work.route is None:
            raise problems.unknown_path(work.path)
        if work.method != work.route.method:
            raise problems.wrong_method(work.route.method)
        return await self._answer_at(work.route, work, receive)

    async def _answer_at(self, route: Route, work: Work, receive: Receive) -> Answer:
        if route.kind is Kind.HEALTH:
            counts = {"generations": self._memory.generations, "cancelled": self._memory.cancelled}
            return json_answer(200, {"status": "ok", **counts})
        if route.kind is Kind.FAULTS:
            return json_answer(200, {"faults": [_listed(fault) for fault in self._faults.values()]})
        if route.kind is Kind.TOKEN and self._settings.oauth_client is not None:
            return await self._token(self._settings.oauth_client, work, receive)
        if work.checks_key:
            self._check_key(work)
        if route.kind is Kind.STORED:
            return json_answer(200, work.dialect.stored(work), work.dialect.headers(work))
        raw = await _read_body(work, receive, self._settings.max_body_bytes)
        if self._upstream is not None:
            if work.dialect.name is not DialectName.CHAT:
                raise problems.unknown_path(work.path)
            return await self._upstream.answer(raw, route)
        return answer_request(work, read_request(work, raw))

    def _route(self, work: Work) -> Route | None:
        """Faults are of answers, and leave the token endpoint alone; where nobody may fetch tokens, there is none."""
        route = find_route(work.path)
        if route is None or route.kind is not Kind.TOKEN:
            return route
        work.fault = None
        return None if self._settings.oauth_client is None else route

    async def _token(self, client: OAuthClient, work: Work, receive: Receive) -> Answer:
        body = await _read_body(work, receive, self._settings.max_body_bytes)
        return answer_token_request(
            work.headers,
            body,
            client=client,
            tokens=self._memory.tokens,
            seconds=self._settings.token_seconds,
        )

    def _check_key(self, work: Work) -> None:
        """Lets an access token in on every API, and else what the API itself takes for a key."""
        if self._key is None:
            return
        standing = self._memory.tokens.standing(bearer_token(work.headers.get("authorization")))
        if standing is Standing.EXPIRED:
            raise problems.expired_token()
        if standing is Standing.UNKNOWN:
            work.dialect.check_key(self._key, work)

    def _find_fault(self, work: Work) -> None:
        name = work.headers.get("x-fault", self._settings.fault)
        if work.path.startswith(_FAULT_PREFIX):
            name, _, rest = work.path.removeprefix(_FAULT_PREFIX).partition("/")
            work.path = f"/{rest}"
        if name is None:
            return
        if name not in self._faults:
            raise Problem(status=404, message=f"There is no fault named '{name[:80]}'.", code="unknown_fault")
        work.fault = self._faults[name]
        asked = work.headers.get("x-fault-seconds")
        try:
            work.seconds = work.fault.seconds if asked is None else float(asked)
        except ValueError as error:
            raise problems.bad_value("X-Fault-Seconds", "a number of seconds is wanted") from error

    def _leave_others_alone(self, work: Work) -> None:
        """A fault of one API does not show in another. Whoever asks for it there is told."""
        if work.fault is None or work.fault.spoils(work.dialect.name):
            return
        name, owner = work.fault.name, work.fault.dialect.value
        asked, work.fault = name != self._settings.fault, None
        if asked:
            raise Problem(
                status=400, message=f"The fault '{name}' belongs to {owner}.", code="fault_of_another_dialect"
            )


def _listed(fault: Fault) -> dict[str, object]:
    return {
        "name": fault.name,
        "sentence": fault.sentence,
        "breaks": fault.breaks,
        "seen_on": fault.seen_on.value,
        "seconds": fault.seconds,
        "dialect": fault.dialect.value,
        "everywhere": fault.everywhere,
    }


def _refusal(work: Work, problem: Problem) -> Answer:
    work.problem = problem
    work.reach(Stage.PROBLEM)
    work.answer = work.dialect.refusal(work.problem, work)
    work.reach(Stage.REFUSAL)
    return work.answer


async def _read_body(work: Work, receive: Receive, limit_bytes: int) -> bytes:
    declared = work.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise problems.body_too_large(limit_bytes)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise problems.body_too_large(limit_bytes)
        if not message.get("more_body", False):
            return bytes(body)
