"""Rules of Gemini's API alone."""

__all__: list[str] = []
