"""What goes wrong with a history is never the endpoint's fault, and never the run's."""

from vapi_conformance.problems import UsageError

__all__ = ["HistoryError"]


class HistoryError(UsageError):
    """The history cannot be used as it is. One sentence on what is wrong and what to do; it holds no password."""
