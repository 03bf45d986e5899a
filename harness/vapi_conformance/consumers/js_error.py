"""Errors of a JavaScript library, as values of its model."""

__all__ = ["JsError"]


class JsError(Exception):
    """What the library throws: the class's name and the message, word for word."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
