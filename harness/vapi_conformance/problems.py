"""What can go wrong that is neither the endpoint's fault nor ours.

    Problem
    ├── UsageError      the user asked for something that cannot be done; the text says what to change
    └── TransportError  we could not look: no name, no route, no handshake; nothing is known about the endpoint

The endpoint's fault is a value (a violation), never an exception. Any other exception is a bug of this project
and is reported as such. Subclasses live beside the code that raises them and add fields, never a new blame.
"""

__all__ = ["Problem", "TransportError", "UsageError"]


class Problem(Exception):  # noqa: N818 - the root names no error of its own; its two children do
    """Root of everything a caller of this package is expected to catch."""


class UsageError(Problem):
    """The user's mistake: an option, a file or a combination. The message is one clear text, shown as it is."""


class TransportError(Problem):
    """There was no exchange to judge. An exchange that broke off half-way is a record, not this."""
