"""Who calls: from a platform's configuration to the requests it would really send."""

__all__: list[str] = []
