"""What a process hands down to one that it starts, as a forked one must be given it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlkit.kernels.likeness import limits
from mlkit.kernels.place import ColdError


def inheritance(env: Mapping[str, str], cwd: str) -> dict[str, Any]:
    """Return what this process would hand down to a process that it starts.

    Parameters
    ----------
    env : mapping
        The environment of the process.
    cwd : str
        The folder to work in.

    Raises
    ------
    ColdError
        If there is no such folder.
    """
    if not os.access(cwd, os.X_OK) or not Path(cwd).is_dir():
        raise ColdError(f"there is no folder {cwd} to work in")
    ignored = [
        number
        for number in signal.valid_signals()
        if signal.getsignal(number) is signal.SIG_IGN
        # A new process gets these back, and Python ignores them by itself.
        and number not in {signal.SIGPIPE, signal.SIGXFSZ}
    ]
    lines = Path("/proc/self/status").read_text().splitlines()
    umask = next(line.split()[1] for line in lines if line.startswith("Umask:"))
    return {
        "cwd": os.path.abspath(cwd),
        "env": dict(env),
        "umask": int(umask, 8),
        "ignored": ignored,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "limits": {name: soft for name, (soft, _) in limits().items()},
    }
