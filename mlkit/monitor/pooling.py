"""Pooling: windows taken together, for a small change that lasts.

A change of half a standard deviation is beyond doubt in a thousand rows and lost in a
hundred. So besides each window, the last 2, 4, 8 and 16 that have ended are judged
together, by the sum of their counts. The longer the pool, the smaller its share of the
year's false alarms, so that all pools together stay within theirs. A pool speaks of a
change that lasts: when its newest rows show that the change is surely smaller by now,
it is over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlkit.data import Schema
from mlkit.drift import ColumnDrift, DriftReport, ReferenceProfile, detect
from mlkit.monitor.shifts import POOLS, Look, in_short
from mlkit.monitor.window_records import WindowDrift
from mlkit.params.models import Drift

SIZES = (2, 4, 8, 16)
# Of a 95 % interval.
ONE_SIDE = 0.025


@dataclass(frozen=True, eq=False)
class Pool:
    """The drift of several windows taken together.

    Attributes
    ----------
    windows : int
        How many there are.
    first, last : str
        Labels of the oldest and the newest of them.
    drift : WindowDrift
        What was found, in short.
    report : DriftReport
        What was found, in full.
    over : bool
        Whether the newest rows show that what has drifted is surely smaller by now.
    """

    windows: int
    first: str
    last: str
    drift: WindowDrift
    report: DriftReport
    over: bool = False

    @property
    def lasts(self) -> bool:
        """Whether the data have drifted, and nothing shows that it is over."""
        return self.report.drifted and not self.over

    @property
    def label(self) -> str:
        """What people call the windows."""
        return f"{self.windows} windows together ({self.first} to {self.last})"

    def to_dict(self) -> dict[str, Any]:
        """Return the pool in short, as plain JSON data."""
        return {
            "windows": self.windows,
            "first": self.first,
            "last": self.last,
            "over": self.over,
            **self.drift.to_dict(),
        }


def judge_pools(
    labels: Sequence[str],
    counted: Sequence[ReferenceProfile],
    reference: ReferenceProfile,
    schema: Schema,
    *,
    params: Drift,
    level: float,
    seed: int,
    importances: Mapping[str, float] | None = None,
    newest: DriftReport | None = None,
) -> tuple[Pool, ...]:
    """Return the drift of the last windows taken together.

    Parameters
    ----------
    labels : sequence of str of length n_windows
        Of the windows to pool, the oldest first.
    counted : sequence of ReferenceProfile of length n_windows
        The rows of each, counted on the bins of the reference.
    reference, schema
        What the version learned from.
    params : Drift
        The bounds.
    level : float
        The share of the year's false alarms that belongs to one window.
    seed : int
        Of the tables that are drawn where counts are small.
    importances : mapping of str to float, optional
        How far each column moves the predictions.
    newest : DriftReport, optional
        Of the newest of the windows, or of one after them.

    Returns
    -------
    tuple of Pool
        The shortest first. One that has too few rows to be judged, or no more than a
        shorter one, is not there; the longest may have fewer windows than its size.
    """
    found: list[Pool] = []
    looks = [] if newest is None else [newest]
    for doublings, total in enumerate(_totals(counted), 1):
        if total is None or total.rows < params.min_rows:
            continue
        look = Look(total.rows, POOLS * level / 2**doublings)
        report = detect(
            *(reference, total, schema),
            params=params,
            importances=importances,
            seed=seed,
            level=look.level,
        )
        over = report.drifted and any(_over(report, later, params) for later in looks)
        windows = min(SIZES[doublings - 1], len(counted))
        ends = labels[-windows], labels[-1]
        found.append(Pool(windows, *ends, in_short(report, look), report, over))
        looks.append(report)
    return tuple(found)


def _totals(counted: Sequence[ReferenceProfile]) -> Iterator[ReferenceProfile | None]:
    """Yield the counts of the last windows for each size; None if no row is added."""
    if not counted:
        return
    total = counted[-1]
    for size in SIZES:
        before = total.rows
        for each in counted[-size : max(0, len(counted) - size // 2)]:
            total = _added(total, each)
        yield total if total.rows > before else None


def _added(one: ReferenceProfile, other: ReferenceProfile) -> ReferenceProfile:
    """Add counts of which one may hold no answers, as of a day of failed requests."""
    if bool(one.predictions) == bool(other.predictions):
        return one + other
    rows = replace(one, predictions=()) + replace(other, predictions=())
    return replace(rows, predictions=one.predictions or other.predictions)


def _over(report: DriftReport, later: DriftReport, params: Drift) -> bool:
    """Return whether what made the verdict is surely smaller in the newest rows."""
    now = {each.name: each for each in (*later.columns, *later.predictions)}
    bounds = [
        *((each, params.large_effect) for each in report.columns),
        *((each, params.prediction_effect) for each in report.predictions),
    ]
    flagged = [(each, least) for each, least in bounds if each.flagged]
    decisive = [each for each, least in flagged if each.broken or _large(each, least)]
    # Else a share of the columns made it.
    chosen = decisive or [each for each, _ in flagged]
    return all(
        _smaller(each, now.get(each.name), later.current_rows) for each in chosen
    )


def _large(column: ColumnDrift, least: float) -> bool:
    return any(test.flagged and test.lower >= least for test in column.tests)


def _smaller(before: ColumnDrift, now: ColumnDrift | None, rows: int) -> bool:
    """Return whether a column's effect has fallen by more than both are unsure of."""
    if now is None or now.broken:
        return False
    if before.broken:
        return True
    return all(
        test.effect - effect > math.hypot(test.effect - test.lower, upper - effect)
        for test in before.tests
        if test.flagged
        for effect, upper in [_effect_now(now, test.subject, rows)]
    )


def _effect_now(column: ColumnDrift, subject: str, rows: int) -> tuple[float, float]:
    """Return an effect and the upper end of its interval.

    What is not there at all, such as missing values, has no test. Its share is 0 then,
    and the end is that of Clopper and Pearson (Biometrika 26 (1934), 404-413).
    """
    for test in column.tests:
        if test.subject == subject:
            return test.effect, test.upper
    if subject == "values":
        return 1.0, 1.0
    return 0.0, 1 - ONE_SIDE ** (1 / max(rows, 1))
