"""Rules of Chat Completions alone."""

__all__: list[str] = []
