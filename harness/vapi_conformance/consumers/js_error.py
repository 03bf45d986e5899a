"""Errors of a JavaScript library, as values of its model."""

__all__ = ["JsError"]


class JsError(Exception):
    """What the library throws: the class's name and the message, word for word.

    Without a name it is no error of the library's but a word of ours, in round brackets.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}" if name else message)
        self.name = name
        self.message = message
