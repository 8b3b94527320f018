"""A check takes effect: alerts are raised and closed, it is kept, people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit import prediction_log
from mlkit.params import Params
from mlkit.pipeline.alerting import Alerted, tell

if TYPE_CHECKING:
    from mlkit.alerts import Update
    from mlkit.monitor import Check


def commit_check(
    check: Check | Mapping[str, Any],
    params: Params,
    root: Path,
    *,
    now: datetime,
    where: str = "",
) -> Alerted:
    """Keep what a check found, tell people of its alerts, and put the log in order.

    People are told whatever becomes of the rest. Old days of the log are compressed and
    removed only once the history has what was seen of them.

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

    Returns
    -------
    Alerted
        Its `failure` is what alerts, history or the textfile could not be written for.
    """
    from mlkit import monitor

    told: list[Alerted] = []

    def tell_first(update: Update) -> None:
        told.append(tell(params, root, update, now=now, where=where))

    try:
        monitor.commit(check, params, root, now=now, tell=tell_first)
    except OSError as error:
        if not told:
            raise
        return replace(told[0], failure=error)
    return replace(told[0], notes=_tidied(params, root, now))


def _tidied(params: Params, root: Path, now: datetime) -> tuple[str, ...]:
    """Keep the log small; return what kept it from being so."""
    asked = params.monitor
    tidy = partial(
        prediction_log.tidy,
        now=now,
        compress_days=asked.compress_days,
        keep_days=asked.keep_days,
        compact_mb=asked.compact_mb,
    )
    try:
        tidy(prediction_log.log_folder(params, root), params.model)
    except OSError as error:
        return (
            "old days of the prediction log could not be compressed or removed: "
            f"{error}; its lines are where they were, and the next check tries again",
        )
    return ()
