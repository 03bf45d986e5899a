"""What real client libraries make of an answer: the same bytes in, what was heard out.

Each consumer decodes by itself, with the habits and mistakes of its library; none uses `vapi_conformance.sse`.
A fault in our own decoder therefore cannot hide what a caller would hear.
"""

from vapi_conformance.consumers.heard import Heard, HeardText, HeardToolCall, Outcome

__all__ = ["Heard", "HeardText", "HeardToolCall", "Outcome"]
