"""The load engine: worker processes that send requests on time and stamp what comes back, and do nothing else."""

from vapi_conformance.latency.engine.health import Health
from vapi_conformance.latency.engine.raw import NOT_SENT
from vapi_conformance.latency.engine.shots import Bounds, Measured, Prepared, Settings, Shot, prepared
from vapi_conformance.latency.engine.workers import Engine

__all__ = ["NOT_SENT", "Bounds", "Engine", "Health", "Measured", "Prepared", "Settings", "Shot", "prepared"]
