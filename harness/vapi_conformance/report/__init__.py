"""What people and scripts read of a run: text, and one JSON document after a published schema."""

from vapi_conformance.report.document import to_document
from vapi_conformance.report.run import Run, Target

__all__ = ["Run", "Target", "to_document"]
