"""One module for each step of the schema. A step that was released is never changed: the next one mends it."""

__all__: list[str] = []
