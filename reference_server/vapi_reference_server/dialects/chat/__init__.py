"""OpenAI Chat Completions, and whatever is compatible with it."""
