"""The command `vapi-reference-server`."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

import click

from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import uvicorn

    from vapi_reference_server.oauth import OAuthClient

_KEY_VARIABLE = "REFERENCE_SERVER_API_KEY"
_GRACE_S = 3
_EPILOG = """\b
Try it:
  vapi-reference-server --model '*'
  curl -N localhost:8000/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "reference", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'

\b
What is served, streamed or whole:
  POST /chat/completions, /v1/chat/completions      OpenAI Chat Completions, and what is compatible
  POST /v1/responses, GET /v1/responses/ID          OpenAI Responses
  POST /v1/messages                                 Anthropic Messages
  POST /v1beta/models/MODEL:generateContent         Gemini; :streamGenerateContent?alt=sse streams events,
                                                    without alt=sse a JSON array
  POST /webhook, /chat/completions/custom-tool      answers to Vapi's server messages: tools, who takes a call, ...
  POST /oauth/token                                 access tokens (--oauth-client-env), taken on every path above
  GET  /faults, /healthz                            the faults as JSON; whether the server is up, how many
                                                    answers it works on, how many it gave up

\b
One fault for one request, by header or by path:
  curl ... -H 'X-Fault: no-done'
  curl localhost:8000/faults/no-done/chat/completions ...

\b
Environment:
  REFERENCE_SERVER_API_KEY  callers must send it, where their API wants it (a bearer token, x-api-key,
                            x-goog-api-key, x-vapi-secret)
  UPSTREAM_BASE_URL         an OpenAI-compatible API that answers Chat Completions in place of the script
  UPSTREAM_API_KEY          the bearer token for that API
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="A model name to serve; repeatable; '*' serves every name, as a Vapi assistant needs it whose "
    "model is called otherwise.  [default: reference]",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help=f"Environment variable with the key that callers must send.  [default: {_KEY_VARIABLE}, if set]",
)
@click.option(
    "--oauth-client-env",
    metavar="NAME",
    help="Environment variable with CLIENT_ID:CLIENT_SECRET of who may fetch access tokens at /oauth/token (OAuth2 "
    "client credentials); callers send a token as `Authorization: Bearer`, in place of the key.",
)
@click.option(
    "--token-seconds",
    type=click.IntRange(min=1),
    default=3600,
    show_default=True,
    metavar="S",
    help="How long an access token lives.",
)
@click.option("--fault", metavar="NAME", help="Show this fault on every answer.")
@click.option(
    "--pace-ms",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="MS",
    help="Milliseconds before each piece of a stream.",
)
@click.option(
    "--context-tokens",
    type=click.IntRange(min=1),
    default=32_000,
    show_default=True,
    metavar="N",
    help="The longest prompt that is accepted, counted in words and punctuation.",
)
@click.option(
    "--ends-with-stdin",
    is_flag=True,
    help="Stop when standard input is closed: for whoever starts the server as a child, and may be killed.",
)
@click.option("--list-faults", is_flag=True, help="List all faults and the rule each one breaks, and exit.")
def main(  # noqa: PLR0913 - one parameter per option
    *,
    host: str,
    port: int,
    models: tuple[str, ...],
    api_key_env: str | None,
    oauth_client_env: str | None,
    token_seconds: int,
    fault: str | None,
    pace_ms: float,
    context_tokens: int,
    ends_with_stdin: bool,
    list_faults: bool,
) -> None:
    """Serve a small, correct custom LLM for Vapi, which needs no model and no network.

    It answers Chat Completions as the OpenAI API does, streamed or whole, and the three routes of Vapi's sample
    server: /basic, /openai-sse and /openai-advanced. It also answers as the Responses, the Anthropic Messages and
    the Gemini API do. On demand it makes exactly one mistake, so that you can see what your tests, your proxy or
    your client do about it.
    """
    if list_faults:
        _print_faults()
        return
    settings = Settings(
        models=models or ("reference",),
        api_key=_key_from(os.environ, api_key_env),
        oauth_client=_client_from(os.environ, oauth_client_env),
        token_seconds=token_seconds,
        fault=fault,
        pace_ms=pace_ms,
        context_tokens=context_tokens,
        upstream_base_url=os.environ.get("UPSTREAM_BASE_URL") or None,
        upstream_api_key=os.environ.get("UPSTREAM_API_KEY") or None,
    )
    _serve(settings, host, port, ends_with_stdin=ends_with_stdin)


def _key_from(environment: Mapping[str, str], variable: str | None) -> str | None:
    key = environment.get(variable or _KEY_VARIABLE)
    if variable is not None and not key:
        raise click.UsageError(f"--api-key-env names {variable}, which is not set")
    return key or None


def _client_from(environment: Mapping[str, str], variable: str | None) -> OAuthClient | None:
    if variable is None:
        return None
    from vapi_reference_server.oauth import OAuthClient

    client_id, _, secret = environment.get(variable, "").partition(":")
    if not client_id or not secret:
        raise click.UsageError(f"--oauth-client-env names {variable}, which does not hold CLIENT_ID:CLIENT_SECRET")
    return OAuthClient(id=client_id, secret=secret)


def _print_faults() -> None:
    from vapi_reference_server.faults import all_faults

    for fault in all_faults().values():
        click.echo(f"{fault.name:<28} {fault.breaks:<42} {fault.sentence}")


def _serve(settings: Settings, host: str, port: int, *, ends_with_stdin: bool) -> None:
    import uvicorn

    from vapi_reference_server.serving import listen_on, server_config

    try:
        config = server_config(settings, grace_s=_GRACE_S)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        listener = listen_on(host, port)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    shown = f"[{host}]" if ":" in host else host
    behind = " for the API in UPSTREAM_BASE_URL" if settings.upstream_base_url else ""
    click.echo(f"Serving{behind} on http://{shown}:{listener.getsockname()[1]} - stop with Ctrl+C")
    server = uvicorn.Server(config)
    if ends_with_stdin:
        threading.Thread(target=_stop_at_the_end_of_stdin, args=(server,), daemon=True).start()
    with listener, contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped by then, and raises it once more
        server.run([listener])


def _stop_at_the_end_of_stdin(server: uvicorn.Server) -> None:
    """Whoever holds the other end of the pipe has closed it, or was killed."""
    while os.read(0, 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
