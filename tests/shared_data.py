"""Recordings of real traffic, where they are at hand.

They are not part of the repository. `VAPI_CONFORMANCE_SHARED` names their folder; otherwise a folder `shared`
beside the checkout is taken. Tests that need them are marked `needs_shared` and say why they were skipped.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

VARIABLE = "VAPI_CONFORMANCE_SHARED"


def shared_dir() -> Path | None:
    """The folder that holds `recordings/`, or None. A folder named by the variable must exist."""
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named)
        if not (folder / "recordings").is_dir():
            raise NotADirectoryError(f"{VARIABLE} names {folder}, which has no folder recordings")
        return folder
    beside = Path(__file__).resolve().parents[2] / "shared"
    return beside if (beside / "recordings").is_dir() else None


needs_shared = pytest.mark.skipif(
    shared_dir() is None,
    reason=f"recordings of real traffic are not here: set {VARIABLE} to the folder that holds recordings/",
)
"""Marks a test, class or parameter set that reads the recordings."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    def load(self) -> Mapping[str, object]:
        """The whole document; see README.md beside the recordings for its fields."""
        return cast("Mapping[str, object]", json.loads(self.path.read_text(encoding="utf-8")))


def wire_recordings(dialect_prefix: str = "") -> tuple[Recording, ...]:
    """Exchanges with LLM services whose file name starts so (`openai_chat_completions__openai__stream`)."""
    return _recordings("wire", dialect_prefix)


def vapi_recordings(prefix: str = "") -> tuple[Recording, ...]:
    """Requests, webhooks and timelines of Vapi whose file name starts so (`05-`)."""
    return _recordings("vapi", prefix)


def _recordings(kind: str, prefix: str) -> tuple[Recording, ...]:
    folder = shared_dir()
    if folder is None:
        return ()
    return tuple(Recording(path) for path in sorted((folder / "recordings" / kind).glob(f"{prefix}*.json")))
