"""All faults the server can show on demand, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vapi_reference_server.faults.fault import Fault


def all_faults() -> Mapping[str, Fault]:
    """The table of faults, in the order of their modules."""
    return {}
