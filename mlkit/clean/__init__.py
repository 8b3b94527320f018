"""Keeping house: old runs go, what anything still leans on stays.

Of each case the newest runs are *kept*. An older run *stays* as well when the
registry's log, the manifest of a version or an export names it, or when the page of a
run that stays links to it. Everything else that is old *goes*: runs, the draft, run
folders whose record cannot be read, and what killed processes left behind. What is not
mlkit's is left alone and named.

:func:`find_old` says what would go; :func:`remove` does it. A folder is first renamed,
inside the lock of its case, to a name that no reader takes for a run, and only then
deleted: whoever kills it leaves no half of a run, and the next clean ends the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlkit import lazy

if TYPE_CHECKING:
    from mlkit.clean.plan import Item, Kept, Plan, find_old
    from mlkit.clean.removal import Cleaned, remove

__all__ = ["KEEP", "Cleaned", "Item", "Kept", "Plan", "find_old", "remove"]

# How many of the newest runs a case keeps unless somebody says otherwise. It stands
# here, beside imports that wait: the help of the command line names it.
KEEP = 20
__getattr__, __dir__ = lazy(
    __name__,
    {
        "Cleaned": "removal",
        "Item": "plan",
        "Kept": "plan",
        "Plan": "plan",
        "find_old": "plan",
        "remove": "removal",
    },
)
