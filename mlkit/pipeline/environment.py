"""The environment of a kernel: its workspace, and its share of the cores."""

from __future__ import annotations

import os
from pathlib import Path

# What the numerical libraries read when they are loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kernel_environment(root: Path, *, share: int) -> dict[str, str]:
    """Return the environment of a kernel.

    It finds the workspace that the runner works in, and where it shares the cores with
    other kernels, its libraries are told how many of them are its own: threads that
    wait for a core spin. What the user has set stands.

    Parameters
    ----------
    root : Path
        The workspace.
    share : int
        How many kernels share the cores of the machine.
    """
    folders = [os.environ.get("PYTHONPATH"), str(root)]
    given = {
        **os.environ,
        "MLKIT_ROOT": str(root),
        # A workspace's own metrics, statistics and estimators are modules in it.
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
    }
    if share == 1:
        return given
    threads = str(max(1, cores() // share))
    return dict.fromkeys(THREADS, threads) | given
