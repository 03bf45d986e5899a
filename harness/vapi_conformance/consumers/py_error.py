"""Errors of a Python library, as values of its model."""

__all__ = ["PyError"]


class PyError(Exception):
    """What the library raises: the class's name and `str()` of the exception, word for word.

    Without a name it is no error of the library's but a word of ours, in round brackets.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}" if name else message)
        self.name = name
        self.message = message
