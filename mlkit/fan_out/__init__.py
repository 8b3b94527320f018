"""Many at once: all cases, or one model for each value of a column, side by side.

A *unit* is one whole retrain: of a case, or of a *segment*, the rows of a case that
have one value in the column ``segments``. A *crew* works units off: processes of this
machine, or the workers of a Dask cluster, both by way of one
``concurrent.futures.Executor``. What became of each unit is a *member* of a run of kind
``fan_out``, whose page is a league table.

:func:`retrain_many` does all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlkit import lazy

if TYPE_CHECKING:
    from mlkit.fan_out.crews import check_executor
    from mlkit.fan_out.errors import ExecutorError, SegmentsError, WorkspaceError
    from mlkit.fan_out.retraining import FannedOut, retrain_many

__all__ = [
    "ExecutorError",
    "FannedOut",
    "SegmentsError",
    "WorkspaceError",
    "check_executor",
    "retrain_many",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "ExecutorError": "errors",
        "FannedOut": "retraining",
        "SegmentsError": "errors",
        "WorkspaceError": "errors",
        "check_executor": "crews",
        "retrain_many": "retraining",
    },
)
