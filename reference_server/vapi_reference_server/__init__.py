"""A minimal, correct custom LLM server for Vapi, which also shows any one of many faults on demand."""

__all__: list[str] = []
