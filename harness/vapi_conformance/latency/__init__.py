"""Latency that can be trusted: an engine for load, and what is made of its records."""

__all__: list[str] = []
