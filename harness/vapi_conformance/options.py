"""What a user sets for a run, wherever they set it: option, then environment, then ini file.

This module is read by every pytest run in the environment that has the plugin installed: standard library only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["OPTIONS", "EndpointOption", "resolve"]

ENVIRONMENT_PREFIX: Final = "VAPI_CONFORMANCE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOption:
    """One setting: `--endpoint-NAME`, ini key `endpoint_name`, environment variable `VAPI_CONFORMANCE_NAME`."""

    name: str
    """Empty for `--endpoint` itself."""
    metavar: str
    help: str
    kind: Literal["one", "many"] = "one"

    @property
    def flag(self) -> str:
        """On the command line."""
        return f"--endpoint-{self.name}" if self.name else "--endpoint"

    @property
    def ini(self) -> str:
        """In an ini file, and as the destination."""
        return f"endpoint_{self.name.replace('-', '_')}" if self.name else "endpoint"

    @property
    def variable(self) -> str:
        """In the environment."""
        return ENVIRONMENT_PREFIX + (self.name.replace("-", "_").upper() if self.name else "ENDPOINT")


OPTIONS: Final = (
    EndpointOption(
        name="",
        metavar="URL",
        help="Base URL of the endpoint to judge, as it stands in the assistant's model.url (the path of the API is "
        "appended: URL/chat/completions, URL/responses, URL/v1/messages, ...), or `reference` for the bundled server. "
        "Without it the plugin does nothing.",
    ),
    EndpointOption(
        name="dialect",
        metavar="NAME",
        help="API shape that the endpoint claims: openai_compatible (default), openai_chat_completions, "
        "openai_responses, anthropic_messages or gemini_generate_content.",
    ),
    EndpointOption(
        name="platform",
        metavar="NAME",
        help="Who calls: vapi (default for Chat Completions), rapida, direct (the API's own client; default for "
        "the other dialects), or one that another distribution adds.",
    ),
    EndpointOption(
        name="platform-option",
        metavar="NAME=VALUE",
        kind="many",
        help="A setting of a platform that another distribution adds; repeatable. A value like $VARIABLE is taken "
        "from the environment and never printed.",
    ),
    EndpointOption(
        name="profile",
        metavar="NAME",
        help="What the verdict is measured against: vapi (what Vapi needs), rapida, or standard (the API's owner, to "
        "the letter). Default: what the platform needs.",
    ),
    EndpointOption(
        name="model",
        metavar="NAME",
        help="Model to ask for (default: the assistant's or the model options', else one that the API's owner has).",
    ),
    EndpointOption(
        name="api-key-env",
        metavar="VARIABLE",
        help="Environment variable that holds the API key; sent as the API wants it (`Authorization: Bearer ...`, "
        "`x-api-key`, `x-goog-api-key`), never printed.",
    ),
    EndpointOption(
        name="header",
        metavar="'NAME: VALUE'",
        kind="many",
        help="Header to send with every request; repeatable. A value like $VARIABLE is taken from the environment "
        "and never printed.",
    ),
    EndpointOption(
        name="assistant",
        metavar="FILE",
        help="Your assistant as JSON, the body of Vapi's POST /assistant: its model settings, prompt, tools and "
        "metadata shape the requests.",
    ),
    EndpointOption(
        name="credential",
        metavar="FILE",
        help="Your custom-llm credential as JSON. Of Vapi's the apiKey is sent, or an access token that its "
        "authenticationPlan fetches (OAuth2 client credentials); of Rapida's the API compatibility and the headers.",
    ),
    EndpointOption(
        name="model-options",
        metavar="FILE",
        help="Your model options at Rapida as JSON (model.id, model.name, model.parameters, ...).",
    ),
    EndpointOption(
        name="timeout",
        metavar="SECONDS",
        help="Seconds without a token after which the platform gives up (default: Vapi's model.timeoutSeconds, else "
        "20; 60 for rapida and direct).",
    ),
    EndpointOption(
        name="report",
        metavar="FILE",
        kind="many",
        help="Write the report to this file; repeatable. The suffix says the form: .json (schema harness/report, from "
        "which `vapi-conformance report render` makes the others), .html (a page that needs nothing else) or .md (a "
        "summary for CI).",
    ),
    EndpointOption(
        name="history",
        metavar="FILE.db|URL",
        help="Keep the run in a history: a file (SQLite), or postgresql://USER@HOST/DATABASE for a team; "
        "`vapi-conformance history` shows it. A URL with a password is taken from this option's environment variable, "
        "from another ($NAME), or from a file (@FILE).",
    ),
    EndpointOption(
        name="save-exchanges",
        metavar="DIR",
        help="Keep every exchange in this folder, one JSON each, for `vapi-conformance check` and `hear`.",
    ),
    EndpointOption(
        name="rule",
        metavar="RULE",
        kind="many",
        help="Judge this rule only; repeatable; a pattern like 'sse.*' takes a layer.",
    ),
    EndpointOption(
        name="expected-failures",
        metavar="FILE",
        help="Rules that are known to fail, one id per line, `#` starts a remark. One that passes again fails the run.",
    ),
)


def resolve(
    option: EndpointOption,
    *,
    given: Callable[[str], object],
    environment: Mapping[str, str],
    ini: Callable[[str], object],
) -> tuple[str, ...]:
    """The values in force, from the first place that has any; empty where none has.

    given and ini: called with `option.ini`; they answer a string, a list of strings, or nothing. In the environment
    several values stand on lines of their own.
    """
    variable = environment.get(option.variable, "")
    lines = [line.strip() for line in variable.splitlines() if line.strip()]
    for value in (given(option.ini), lines if option.kind == "many" else variable, ini(option.ini)):
        values = [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - pytest's options are untyped
        if values:
            return tuple(values)
    return ()
