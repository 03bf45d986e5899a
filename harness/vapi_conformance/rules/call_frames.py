"""A call as Vapi's guide prints it: a frame that holds nothing but `function_call`, which its client cannot read."""

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_none

__all__ = ["bare_call"]


def bare_call(evidence: Evidence) -> Chunk | None:
    """The first chunk that has `function_call` and no `choices`."""
    if not evidence.is_success:
        return None
    return next(
        (
            chunk
            for chunk in evidence.transcript.chunks
            if (record := chunk.record) is not None
            and "choices" not in record
            and object_or_none(record.get("function_call")) is not None
        ),
        None,
    )
