"""Gathering: the rows of the prediction log that a check is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import sources
from mlkit.data.wording import counted
from mlkit.monitor.division import looked_back
from mlkit.monitor.records import LogState
from mlkit.params import Params
from mlkit.prediction_log import (
    Logged,
    join_outcomes,
    log_folder,
    read_predictions,
)

Rows = NDArray[np.bool_]

# Clocks of machines are a little apart.
AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Rows of the log, with the outcomes that are known.

    Attributes
    ----------
    frame : DataFrame of shape (n, n_columns)
        ``id``, ``at``, ``version``, ``prediction``, ``probability``, ``actual``,
        ``latency_ms`` and ``error``, in order of time.
    features : DataFrame of shape (n, n_features)
        What the rows were.
    log : LogState
        The state of the log.
    notes : tuple of str
        What was left out.
    problem : str
        Why outcomes could not be read; empty where they could.
    """

    frame: pd.DataFrame
    features: pd.DataFrame
    log: LogState
    notes: tuple[str, ...] = ()
    problem: str = ""

    @cached_property
    def failed(self) -> Rows:
        """Requests that were not answered, shape (n,)."""
        return np.asarray(self.frame["error"].notna().to_numpy(), dtype=bool)

    def of(self, version: str | None) -> Rows:
        """Return the rows of a version, shape (n,)."""
        if version not in self._known:
            found = (self.frame["version"] == version).to_numpy()
            self._known[version] = np.asarray(found, dtype=bool)
        return self._known[version]

    @cached_property
    def _known(self) -> dict[str | None, Rows]:
        return {}


def gather(params: Params, root: Path, *, now: datetime) -> Gathered:
    """Return what was logged of a model in the windows that are looked back.

    Parameters
    ----------
    params : Params
        The case: where its log and its outcomes are.
    root : Path
        The workspace.
    now : datetime
        The present, with a time zone.

    Raises
    ------
    ParamsError
        When ``monitor.log`` is a file.
    OSError
        When a file of the log cannot be read.
    """
    asked = params.monitor
    since = looked_back(now, asked.window, asked.windows)
    logged = read_predictions(log_folder(params, root), params.model, start=since)
    logged, problem, notes = _with_outcomes(logged, params, root)
    late = (logged.frame["at"] > now + AHEAD).to_numpy()
    frame, features = logged.frame, logged.features
    if late.any():
        frame, features = (
            rows[~late].reset_index(drop=True) for rows in (frame, features)
        )
        said = (
            f"{counted(int(late.sum()), 'row')} of the log "
            f"{'is' if late.sum() == 1 else 'are'} later than now and left out: a "
            "clock was wrong."
        )
        notes = (*notes, said)
    return Gathered(
        frame=frame,
        features=features,
        log=_state(logged),
        notes=notes,
        problem=problem,
    )


def _with_outcomes(
    logged: Logged, params: Params, root: Path
) -> tuple[Logged, str, tuple[str, ...]]:
    """Return what was logged with the outcomes of the case's file, if it has one."""
    path, key = params.monitor.outcomes, params.monitor.outcome_key
    if path is None:
        return logged, "", ()
    try:
        table = sources.read_table(path, params.data, root=root, every_row=True)
        joined = join_outcomes(logged, table, key=key, target=params.data.target)
    except (sources.SourceError, ValueError) as error:
        problem = f"the outcomes of {path} could not be read: {error}"
        return logged, problem, ()
    n_rows = len(table[[key, params.data.target]].dropna())
    n_ids = n_rows - (joined.duplicate_outcomes or 0)
    if n_ids and n_ids == joined.unknown_outcomes and len(logged.frame):
        told = counted(n_ids, "outcome")
        problem = (
            f"{'the' if n_ids == 1 else 'not one of'} {told} of {path} "
            f"{'is not' if n_ids == 1 else 'is'} of a prediction that was looked at; "
            f"column {key!r} must hold the ids that the log gave (monitor.outcome_key)"
        )
        return joined, problem, ()
    return joined, "", _left_out(joined, path)


def _left_out(joined: Logged, path: str) -> tuple[str, ...]:
    """Say which rows of a file of outcomes changed nothing."""
    notes = []
    if unknown := joined.unknown_outcomes:
        notes.append(
            f"{counted(unknown, 'outcome')} of {path} "
            f"{'belongs' if unknown == 1 else 'belong'} to no prediction that was "
            "looked at."
        )
    if replaced := joined.duplicate_outcomes:
        by = (
            "was replaced by a later one"
            if replaced == 1
            else ("were replaced by later ones")
        )
        notes.append(f"{counted(replaced, 'row')} of {path} {by} of the same id.")
    return tuple(notes)


def _state(logged: Logged) -> LogState:
    return LogState(
        garbage=logged.garbage.count,
        lost=logged.lost,
        clock_jumps=logged.clock_jumps,
        where=logged.garbage.where,
        files=logged.garbage.files,
    )
