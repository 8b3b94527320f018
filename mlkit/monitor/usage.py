"""Usage: what a check takes of the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from mlkit.monitor.records import Resources

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Usage:
    """The clocks when something began."""

    cpu: float
    wall: float

    @classmethod
    def begin(cls) -> Usage:
        """Return the clocks now."""
        return cls(time.process_time(), time.perf_counter())

    def end(self) -> Resources:
        """Return what was used since."""
        return Resources(
            cpu_seconds=round(time.process_time() - self.cpu, 4),
            peak_memory_mb=round(_peak() / MEGABYTE, 1),
            seconds=round(time.perf_counter() - self.wall, 4),
        )


def _peak() -> float:
    """Return the largest resident memory of this process so far, in bytes."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):
        return float(memory.peak_wset)
    import resource
    import sys

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(largest if sys.platform == "darwin" else largest * 1024)
