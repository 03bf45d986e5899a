"""Fixtures that several files use."""

from history.places import maker, postgresql

__all__ = ["maker", "postgresql"]
