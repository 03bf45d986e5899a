"""The command `vapi-conformance`."""

from vapi_conformance.cli.main import main

__all__ = ["main"]
