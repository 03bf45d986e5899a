"""Gemini's generateContent and streamGenerateContent."""

__all__: list[str] = []
