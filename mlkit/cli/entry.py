"""Where the command ``mlkit`` starts: in a warm process if there is one."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

# The commands that import what takes seconds.
WARM = {
    "check",
    "diff",
    "drift",
    "health",
    "monitor",
    "new",
    "predict",
    "predictions",
    "reports",
    "reproduce",
    "retrain",
    "run",
}
# What makes a command last: it must not end with the parent, nor keep it.
LASTING = {"--watch"}


def main(*, warm: bool = True) -> NoReturn:
    """Run the command line and exit with one of the documented codes.

    Parameters
    ----------
    warm : bool
        Let a process that the parent of kernels forks do it, if a parent runs.
    """
    if warm and _imports_much():
        from mlkit import kernels

        code = kernels.hand_over(sys.argv)
        if code is not None:
            kernels.end_as(code)
    _have_streams()
    modules: dict[str, Any] = sys.modules
    # For it, jsonschema builds a grammar whenever it is imported: longer than all other
    # imports of a run, and no schema of Jupyter's has such addresses.
    modules.setdefault("rfc3987_syntax", None)
    from mlkit.cli.app import serve

    serve()


def _imports_much() -> bool:
    # Options of Python itself, and `python -m`, ask for this very process.
    if sys.orig_argv[1:] != sys.argv or LASTING & {*sys.argv[1:]}:
        return False
    return next((a for a in sys.argv[1:] if not a.startswith("-")), None) in WARM


def _have_streams() -> None:
    """Read nothing and write nowhere where a stream was closed: Python has None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))
