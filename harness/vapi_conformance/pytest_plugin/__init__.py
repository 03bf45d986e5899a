"""The pytest plugin at work; imported when there is an endpoint."""

from vapi_conformance.pytest_plugin.register import register

__all__ = ["register"]
