"""A check takes effect: alerts are raised and closed, it is kept, people are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit.params import Params
from mlkit.pipeline.alerting import Alerted, tell

if TYPE_CHECKING:
    from mlkit.monitor import Check


def commit_check(
    check: Check | Mapping[str, Any],
    params: Params,
    root: Path,
    *,
    now: datetime,
    where: str = "",
) -> Alerted:
    """Keep what a check found, and tell people of its alerts.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    params : Params
        The checked params.
    root : Path
        The workspace.
    now : datetime
        With a time zone.
    where : str
        Where to look, for those who are told.

    Raises
    ------
    OSError
        When alerts, history or the textfile cannot be written. A message that could
        not be sent raises nothing.
    """
    from mlkit import monitor

    update = monitor.commit(check, params, root, now=now)
    return tell(params, root, update, now=now, where=where)
