"""pytest-xdist: the controlling process plays once, and the workers judge what it stored."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from vapi_conformance.pytest_plugin.session import ConformanceSession

__all__ = ["Distributed"]


class _WorkerNode(Protocol):
    """What xdist hands over for each worker."""

    workerinput: dict[str, object]


@dataclass(eq=False)
class Distributed:
    """Hooks of the controlling process; they do nothing where no worker is started."""

    conformance: ConformanceSession
    folder: Path | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: _WorkerNode) -> None:
        """Called before each worker starts."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="vapi-conformance-"))
            self.conformance.play(self.conformance.rules)
            self.conformance.hand_over(self.folder)
        node.workerinput["vapi_conformance"] = str(self.folder)

    def pytest_unconfigure(self) -> None:
        """Nothing is left behind."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
