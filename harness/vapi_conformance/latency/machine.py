"""The machine that measured: what one has to know to compare two results, and nothing that tells whose it is."""

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

__all__ = ["LIBRARIES", "Machine", "cpu_model", "this_machine"]

LIBRARIES: Final = ("httptools", "uvloop", "hdrhistogram")
"""Those whose version may change a figure."""

_MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """As it was when the bench began."""

    cpu: str | None
    """Model; None where the system does not tell."""
    cores: int
    """That this process may use."""
    all_cores: int
    """That the machine has."""
    system: str
    """Operating system and its release: `Linux 6.1.0`."""
    architecture: str
    python: str
    """Implementation and version."""
    libraries: tuple[tuple[str, str | None], ...]
    """Version of each of `LIBRARIES`; None where it is not installed."""
    clock: str
    """What times are read from."""
    clock_resolution_ns: float
    """As the system states it."""
    load_average: tuple[float, float, float] | None
    """Processes that were running or waiting over the last 1, 5 and 15 minutes; None where the system does not tell."""

    @property
    def is_busy(self) -> bool:
        """Whether others had work for half of the cores already. Figures are then of the company, too."""
        return self.load_average is not None and self.load_average[0] > self.cores / 2

    def differs_from(self, other: "Machine") -> tuple[str, ...]:
        """What of it would explain another figure, in words. A load average always differs, and is left out."""
        pairs = (
            ("processor", self.cpu, other.cpu),
            ("cores", self.cores, other.cores),
            ("system", self.system, other.system),
            ("Python", self.python, other.python),
            ("clock", self.clock, other.clock),
            *((name, mine, dict(other.libraries).get(name)) for name, mine in self.libraries),
        )
        return tuple(f"{name}: {mine} and {theirs}" for name, mine, theirs in pairs if mine != theirs)

    def to_document(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "cpu": self.cpu,
            "cores": self.cores,
            "all_cores": self.all_cores,
            "system": self.system,
            "architecture": self.architecture,
            "python": self.python,
            "libraries": dict(self.libraries),
            "clock": self.clock,
            "clock_resolution_ns": self.clock_resolution_ns,
            "load_average": None if self.load_average is None else list(self.load_average),
        }


def this_machine() -> Machine:
    """Asks the system; never fails, and takes no time to speak of."""
    all_cores = os.cpu_count() or 1
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cores,
        all_cores=all_cores,
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries=tuple((name, _version(name)) for name in LIBRARIES),
        clock=time.get_clock_info("monotonic").implementation,
        clock_resolution_ns=time.get_clock_info("monotonic").resolution * 1_000_000_000,
        load_average=_load_average(),
    )


def cpu_model(text: str) -> str | None:
    """The processor's name in the text of /proc/cpuinfo; None where none is told, as on ARM."""
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() in ("model name", "Model", "cpu model") and value.strip():
            return value.strip()[:_MOST_CHARACTERS]
    return None


def _cpu() -> str | None:
    try:
        return cpu_model(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")) or platform.processor()
    except OSError:
        return platform.processor() or None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _load_average() -> tuple[float, float, float] | None:
    try:
        return os.getloadavg()
    except (OSError, AttributeError):  # Windows has none
        return None
