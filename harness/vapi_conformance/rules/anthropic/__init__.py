"""Rules of Anthropic's Messages API alone."""

__all__: list[str] = []
