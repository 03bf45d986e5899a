"""One module per API shape: what a request means, and bytes to the typed reply that rules read."""

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.transcript import Transcript

__all__ = ["Dialect", "Transcript"]
