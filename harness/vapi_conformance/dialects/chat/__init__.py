"""Chat Completions, OpenAI's own and everybody else's."""

__all__: list[str] = []
