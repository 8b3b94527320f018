"""Warm kernels: notebooks start in the time of a fork instead of seconds of imports.

One **parent** process per user and environment has imported the packages that notebooks
use, and nothing else: it never computes. A **warm kernel** is forked from it and put
into the state of a fresh process; a **cold kernel** is an ordinary one, started where a
warm one cannot be had. A **warm command** is one of mlkit's own, forked from a parent
that runs already. Jupyter finds both through a kernel provisioner that the
environment's kernelspec names, so that notebooks go on naming ``python3``.
"""

from mlkit.kernels.commands import end_as, hand_over
from mlkit.kernels.control import Parent, begin, check, status, stop
from mlkit.kernels.kernelspec import install, installed
from mlkit.kernels.place import ColdError

__all__ = [
    "ColdError",
    "Parent",
    "begin",
    "check",
    "end_as",
    "hand_over",
    "install",
    "installed",
    "status",
    "stop",
]
