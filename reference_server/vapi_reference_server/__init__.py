"""A minimal, correct custom LLM server for Vapi: what a sound endpoint sends, and one named fault at a time."""

__all__: list[str] = []
