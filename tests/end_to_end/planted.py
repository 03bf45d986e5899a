"""Planted secrets: values that must turn up nowhere, an endpoint that repeats them everywhere, and who looks for them.

A new command joins by a line in `test_secrets.RUNS`.
"""

import base64
import binascii
import gzip
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["PLANTED", "Hostile", "Ran", "leaks", "run", "written_config"]

PLANTED: Final[Mapping[str, str]] = {
    "key": "sk-planted/key+1=a&b<c>'d",
    "stored key": "sk-planted-in-the-credential",
    "client secret": 'planted/client "secret" \\ 1é',
    "header of the environment": "planted-header/of+the=environment",
    "header with a telling name": "planted-header-with-a-name",
    "header of the assistant": "planted-header-of-the-assistant",
}
"""With signs that writers of JSON, HTML and URLs escape."""

ENVIRONMENT: Final = {"PLANTED_KEY": PLANTED["key"], "PLANTED_HEADER": PLANTED["header of the environment"]}

_STRING: Final = re.compile(r'"([A-Za-z0-9+/=]{8,})"')


def _token(number: int) -> str:
    return f"planted/access-token+{number}=&<>"


@dataclass
class Hostile:
    """An endpoint and a token endpoint. Whatever a request brought, and all that is planted, comes back with each
    answer: in the head, in the body, as it is and in each way of writing it."""

    secrets: Sequence[str] = ()
    """What is planted in this run. A tool can hide what it was told, and nothing else."""
    tokens: list[str] = field(default_factory=list[str])
    _number: Iterator[int] = field(default_factory=count)

    @property
    def planted(self) -> tuple[str, ...]:
        """All that must not be seen by now."""
        return (*self.secrets, *self.tokens)

    def plant(self, names: Sequence[str]) -> None:
        """For the next run, which knows these of `PLANTED`, and the tokens that it will fetch."""
        self.secrets = [PLANTED[name] for name in names]
        self.tokens = []
        self._number = count()  # the first answer is a good one, or the run would end there

    def app(self) -> Starlette:
        """`/token`; `/refusing/token`; `/STATUS/...` for one kind of answer, anything else for all in turn."""
        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/token", self.give, methods=methods),
                Route("/refusing/token", self.refuse_token, methods=methods),
                Route("/{kind}/{rest:path}", self.answer, methods=methods),
            ]
        )

    async def give(self, _: Request) -> Response:
        """A token that lives for two seconds."""
        self.tokens.append(_token(len(self.tokens)))
        return _json(200, {"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 2})

    async def refuse_token(self, request: Request) -> Response:
        """An error that repeats the request."""
        body = (await request.body()).decode()
        said = f"{' '.join(self.planted)} {request.headers.get('authorization')} {body}"
        return _json(400, {"error": f"odd {PLANTED['client secret']}", "error_description": said})

    async def answer(self, request: Request) -> Response:
        """See `app`."""
        kind = request.path_params["kind"]
        # What was just sent stands first: it is what a server would repeat.
        sent = " ".join(value for name, value in request.headers.items() if name not in ("host", "content-length"))
        echo = " ".join((sent, *self.planted))
        if kind in ("401", "400", "404"):
            return _json(int(kind), {"error": {"message": echo[:300] + " ".join(self.planted), "code": "x"}})
        if kind == "302":
            return Response(
                status_code=302, headers={"location": f"https://a.example/{quote(echo)}?k={quote_plus(echo)}"}
            )
        kinds = (self._stream, self._stream, self._traceback, self._escaped, self._compressed, self._redirect)
        return kinds[next(self._number) % len(kinds)](echo)

    def _stream(self, echo: str) -> Response:
        """Well-formed, so that a run goes on."""
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1785312000,
            "model": "m",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": echo}, "finish_reason": None}],
        }
        finish = {**chunk, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]}
        body = f"data: {json.dumps(chunk)}\n\ndata: {json.dumps(finish)}\n\ndata: [DONE]\n\n"
        return Response(body, media_type="text/event-stream", headers=_echoing(echo))

    def _traceback(self, echo: str) -> Response:
        text = f'Traceback (most recent call last):\n  File "llm.py", line 7, in chat\nAuthError: {echo}\n'
        return Response(text, status_code=500, media_type="text/plain", headers=_echoing(echo))

    def _escaped(self, echo: str) -> Response:
        texts = (
            json.dumps(echo),
            echo.replace("/", "\\/"),
            quote(echo),
            quote_plus(echo),
            quote(echo, safe="").lower(),
        )
        as_html = json.dumps(echo).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return Response("\n".join((*texts, as_html)), status_code=400, media_type="application/json")

    def _compressed(self, echo: str) -> Response:
        body = gzip.compress(json.dumps({"error": {"message": echo}}).encode())
        return Response(body, status_code=400, media_type="application/json", headers={"content-encoding": "gzip"})

    def _redirect(self, echo: str) -> Response:
        return Response(status_code=307, headers={"location": f"/{quote(echo)}"})


def _json(status: int, document: object) -> Response:
    return Response(json.dumps(document), status_code=status, media_type="application/json")


def _echoing(echo: str) -> dict[str, str]:
    return {"x-echo": echo.encode("ascii", "replace").decode(), "x-quoted": quote(echo)}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command left behind."""

    code: int
    output: str
    folder: Path


def written_config(folder: Path, base_url: str, *, token_path: str = "/token") -> Path:
    """A folder with `credential.json`, `keyed.json` and `assistant.json`; nobody looks for secrets there."""
    folder.mkdir()
    plan = {
        "type": "oauth2",
        "url": base_url + token_path,
        "clientId": "planted",
        "clientSecret": PLANTED["client secret"],
    }
    stored = {"provider": "custom-llm", "apiKey": PLANTED["stored key"]}
    model = {
        "provider": "custom-llm",
        "model": "m",
        "url": f"{base_url}/all/v1",
        "headers": {"X-Api-Key": PLANTED["header of the assistant"]},
    }
    for name, document in (
        ("credential", {**stored, "authenticationPlan": plan}),
        ("keyed", stored),
        ("assistant", {"model": model}),
    ):
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> Ran:
    """`python -m ...` in a new folder, with temporary files of its own; secrets in the environment."""
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **ENVIRONMENT, "TMPDIR": str(temporary), "COLUMNS": "200", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
        check=False,
    )
    return Ran(code=done.returncode, output=done.stdout + done.stderr, folder=folder)


def leaks(ran: Ran, planted: Sequence[str]) -> list[str]:
    """Where one of the values stands, in any of the ways in which it may be written; bodies in base64 are looked
    into."""
    wanted = {form: value for value in planted for form in _forms(value)}
    places = [("the output", ran.output)]
    for path in sorted(ran.folder.rglob("*")):
        places.append(("a file name", str(path.relative_to(ran.folder))))
        if path.is_file():
            text = path.read_bytes().decode(errors="replace")
            places.append((str(path.relative_to(ran.folder)), text))
            places += [(f"{path.relative_to(ran.folder)}, decoded", each) for each in _decoded(text)]
    return [f"{value!r} in {place}" for place, text in places for form, value in wanted.items() if form in text]


def _forms(value: str) -> set[str]:
    json_texts = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    escaped = {text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e") for text in json_texts}
    urls = {quote(value), quote(value, safe=""), quote_plus(value), quote(value, safe="").lower()}
    return {value, html.escape(value), *json_texts, *escaped, *urls}


def _decoded(text: str) -> Iterator[str]:
    for found in _STRING.findall(text):
        try:
            raw = base64.b64decode(found, validate=True)
        except binascii.Error:
            continue
        yield raw.decode(errors="replace")
        if raw[:2] == b"\x1f\x8b":
            yield gzip.decompress(raw).decode(errors="replace")
