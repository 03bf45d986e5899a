"""Conformance harness and mock Vapi client for LLM endpoints behind voice agents."""

__all__ = ["__version__"]

__version__ = "0.1.0"
