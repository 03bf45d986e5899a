"""Vapi's server messages: what a backend is told or asked during a call, and how it answers."""

__all__: list[str] = []
