"""A credential as it is stored at Rapida: where the endpoint is, which API it speaks, which headers it gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.base_url import checked_base_url
from vapi_conformance.platforms.config_file import ConfigError, checked_object, read_json
from vapi_conformance.problems import UsageError

__all__ = ["DEFAULT_DIALECT", "SPELLINGS", "Credential", "load_credential"]

DEFAULT_DIALECT: Final = Dialect.OPENAI_CHAT_COMPLETIONS
"""What Rapida's backend takes where `apiCompatibility` is left out."""

SPELLINGS: Final = (("apiCompatibility", "api_compatibility"), ("baseUrl", "base_url"))
"""Two spellings of one key each. Which wins is not documented; here the one that Rapida's form writes, the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A credential of Rapida's provider `custom-llm`."""

    base_url: str = field(repr=False)
    dialect: Dialect = DEFAULT_DIALECT
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent with every request. There is no field for a key: Authorization stands here."""
    keys: tuple[str, ...] = ()
    """The keys of the file, as they are written."""


def load_credential(path: Path) -> Credential:
    """The credential in a JSON file. Raises ConfigError, which quotes no value but the API compatibility's."""
    found = read_json(path)
    if "authenticationPlan" in object_or_nothing(found):
        expected = "a token that you fetched in headers.Authorization"
        raise ConfigError(
            path,
            "is Vapi's, which fetches tokens; Rapida fetches none",
            field="authenticationPlan",
            expected=expected,
            platform="Rapida",
        )
    document = checked_object(
        path, found, "rapida/credential", platform="Rapida", is_secret=lambda place: place not in SPELLINGS[0]
    )
    dialect, base_url = (_either(document, spellings) for spellings in SPELLINGS)
    field_name, url = base_url or ("baseUrl", "")
    try:
        _ = checked_base_url(str(url))
    except UsageError:
        what = "is no URL with http:// or https:// and a host"
        expected = "the API's root, such as https://llm.example.com/v1"
        raise ConfigError(path, what, field=field_name, expected=expected, platform="Rapida") from None
    return Credential(
        base_url=str(url),
        dialect=Dialect(str(dialect[1])) if dialect else DEFAULT_DIALECT,
        headers={name: str(value) for name, value in object_or_nothing(document.get("headers")).items()},
        keys=tuple(document),
    )


def _either(document: Mapping[str, object], spellings: tuple[str, str]) -> tuple[str, object] | None:
    return next(((key, document[key]) for key in spellings if key in document), None)
