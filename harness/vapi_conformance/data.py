"""Where schemas and fixtures lie: inside the installed package, or beside the source roots in a checkout.

Nobody else computes a path from `__file__`.
"""

from pathlib import Path
from typing import Literal

__all__ = ["DataKind", "data_dir"]

DataKind = Literal["schemas", "fixtures"]

_PACKAGE = Path(__file__).resolve().parent


def data_dir(kind: DataKind) -> Path:
    """The folder `schemas/` or `fixtures/` of this installation.

    Raises FileNotFoundError when neither the wheel's copy nor the checkout's folder is there, which
    means that the installation is damaged.
    """
    installed = _PACKAGE / "_data" / kind
    checkout = _PACKAGE.parent.parent / kind
    for folder in (installed, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"vapi-conformance is installed without its {kind}: neither {installed} nor {checkout}")
