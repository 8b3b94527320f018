"""Looking: the rows, windows and measures that one check works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.drift.sequential import Spending
from mlkit.evaluate import metric_specs
from mlkit.metrics import MetricSpec, metrics_for
from mlkit.monitor.answers import Answers, Asked, read_answers
from mlkit.monitor.division import Window, by_count, by_time
from mlkit.monitor.figures import Measures
from mlkit.monitor.gathering import Gathered
from mlkit.monitor.shifts import ALPHA
from mlkit.monitor.watched import Watched
from mlkit.params import Params

Rows = NDArray[np.bool_]

# Windows in a year.
A_YEAR = {"hour": 8766, "day": 365, "week": 52, "month": 12}


@dataclass(frozen=True, eq=False)
class Look:
    """What one check works with.

    Attributes
    ----------
    params : Params
        The case.
    root : Path
        The workspace.
    now : datetime
        The present.
    gathered : Gathered
        The rows of the log.
    watched : Watched
        The version that is judged.
    answers : Answers
        The predictions and outcomes of the rows.
    windows : tuple of Window
        The oldest first.
    measures : Measures
        What is measured in each.
    spec : MetricSpec
        The primary metric.
    """

    params: Params
    root: Path
    now: datetime
    gathered: Gathered
    watched: Watched
    answers: Answers
    windows: tuple[Window, ...]
    measures: Measures
    spec: MetricSpec

    @property
    def frame(self) -> pd.DataFrame:
        """The rows, in order of time."""
        return self.gathered.frame

    @cached_property
    def mine(self) -> Rows:
        """The rows of the version in the windows, failed ones included, shape (n,)."""
        inside = np.zeros(len(self.frame), dtype=bool)
        for window in self.windows:
            inside |= window.rows
        return np.asarray(inside & self.gathered.of(self.watched.version))

    @cached_property
    def answered(self) -> Rows:
        """Those of them that were answered, shape (n,)."""
        return np.asarray(self.mine & ~self.gathered.failed)

    @property
    def spending(self) -> Spending:
        """How much chance of a false alarm each window may take."""
        asked = self.params.monitor
        known = A_YEAR.get(str(asked.window), A_YEAR["day"])
        return Spending(ALPHA, asked.windows_a_year or known)

    @property
    def level(self) -> float:
        """Chance of a false alarm of one look."""
        return self.spending.level(1)

    def rows_of(self, window: Window) -> tuple[Rows, str | None]:
        """Return the rows that the figures of a window are of, and their version.

        Before the version was there they are those of the version that was asked most.
        """
        version = self.watched.version
        mine = self.gathered.of(version)
        if (window.rows & mine).any() or not window.rows.any():
            return mine, version
        named = self.frame["version"][window.rows].dropna()
        if not len(named):
            return mine, version
        other = str(named.value_counts().index[0])
        return self.gathered.of(other), other


def look(
    params: Params,
    root: Path,
    gathered: Gathered,
    watched: Watched,
    asked: Asked,
    *,
    now: datetime,
    before: int,
) -> Look:
    """Return what a check works with.

    Parameters
    ----------
    params, root
        The case and the workspace.
    gathered : Gathered
        The rows of the log.
    watched : Watched
        The version that is judged.
    asked : Asked
        What it is asked for.
    now : datetime
        The present.
    before : int
        Rows of the version that were logged earlier and are no longer there.
    """
    # A version outside the registry may be of another task than the params say.
    same = asked.task == params.task
    specs = metric_specs(params) if same else metrics_for(asked.task)
    fitting = params.model_copy(update={"task": asked.task})
    primary = watched.primary if watched.primary in specs else fitting.primary
    return Look(
        params=params,
        root=root,
        now=now,
        gathered=gathered,
        watched=watched,
        answers=read_answers(gathered.frame, asked),
        windows=_windows(params, gathered, watched, now=now, before=before),
        measures=Measures.of(fitting, specs, primary),
        spec=specs[primary],
    )


def _windows(
    params: Params, gathered: Gathered, watched: Watched, *, now: datetime, before: int
) -> tuple[Window, ...]:
    asked = params.monitor
    moments = gathered.frame["at"]
    if not isinstance(asked.window, int):
        return by_time(moments, asked.window, now=now, most=asked.windows)
    mine = np.flatnonzero(gathered.of(watched.version))
    own = moments.iloc[mine].reset_index(drop=True)
    windows = by_count(own, asked.window, most=asked.windows, before=before)
    return tuple(_placed(window, mine, len(moments)) for window in windows)


def _placed(window: Window, places: NDArray[np.intp], n: int) -> Window:
    """Return a window of some rows as one of all rows."""
    rows = np.zeros(n, dtype=bool)
    rows[places[window.rows]] = True
    return Window(**{**vars(window), "rows": rows})
