"""The model options of an assistant at Rapida: which model, with which parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vapi_conformance.narrow import object_or_none, object_or_nothing
from vapi_conformance.platforms.config_file import ConfigError, checked_object, read_json
from vapi_conformance.platforms.rapida.mapping import PREFIX, spelled

__all__ = ["ModelOptions", "load_model_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Model options with what Rapida requires of them."""

    id: str
    """Selects the model at Rapida; not sent."""
    name: str
    """Sent as `model`."""
    direct: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """The whole file as one flat object, keys as they are written (those inside `model` with the prefix)."""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """`model.parameters`: merged last into the body as it is sent, so that its keys win."""


def load_model_options(path: Path) -> ModelOptions:
    """The options in a JSON file. Raises ConfigError, which quotes no value that could be a secret."""
    document = checked_object(path, read_json(path), "rapida/model-options", platform="Rapida", is_secret=_is_secret)
    options = _flat(path, document)
    written = spelled(options)
    return ModelOptions(
        id=str(options[written["id"]]),
        name=str(options[written["name"]]),
        direct=options,
        parameters=object_or_nothing(options.get(written.get("parameters", ""))),
    )


def _flat(path: Path, document: Mapping[str, object]) -> Mapping[str, object]:
    """An object `model` stands for the prefix. Raises ConfigError for a key that is there in both forms."""
    nested = object_or_none(document.get("model"))
    if nested is None:
        return document
    inside = {PREFIX + key: value for key, value in nested.items()}
    twice = next((key for key in inside if key in document), None)
    if twice is not None:
        raise ConfigError(path, "is there twice: under that name, and inside the object model", field=twice)
    return {key: value for key, value in document.items() if key != "model"} | inside


def _is_secret(field_path: str) -> bool:
    # Vendors' own keys and metadata may hold anything.
    return "parameters" in field_path or "metadata" in field_path
