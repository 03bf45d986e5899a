"""Rules of OpenAI's Responses API alone."""

__all__: list[str] = []
