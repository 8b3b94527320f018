"""Windows of the log: by time up to the present, or by count over all that was logged.

By time, the windows without a row are there as well: that nothing was asked is worth
knowing. By count, rows are numbered from the first that was ever logged, so that a
window stays what it is when old rows leave the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.drift.windows import Every, windows_by_count, windows_by_time

Rows = NDArray[np.bool_]

DAYS: dict[Every, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 31.0}
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Window:
    """A window and the rows in it.

    Attributes
    ----------
    label : str
        What people call it.
    start, end : datetime
        Its first moment and the first one after it; by count, the moments of its first
        and last row.
    complete : bool
        Whether it has ended.
    rows : ndarray of bool of shape (n,)
        The rows in it.
    number : int
        Its place among all windows there can be, from 1.
    """

    label: str
    start: datetime
    end: datetime
    complete: bool
    rows: Rows
    number: int


def named(window: Every | int) -> str:
    """Return what a window is, in words."""
    return f"{window:,} predictions" if isinstance(window, int) else window


def looked_back(now: datetime, window: Every | int, most: int) -> datetime | None:
    """Return a moment before the oldest of the windows; None for windows by count."""
    if isinstance(window, int):
        return None
    return now - timedelta(days=DAYS[window] * (most + 1))


def by_time(
    moments: pd.Series, every: Every, *, now: datetime, most: int
) -> tuple[Window, ...]:
    """Return the windows from the first row to the present, the oldest first.

    Parameters
    ----------
    moments : Series of shape (n,)
        When the rows were logged.
    every : str
        ``hour``, ``day``, ``week`` or ``month``, in UTC.
    now : datetime
        The present; a window that has not ended is not complete, and rows that are
        later are in no window.
    most : int
        How many windows there are at most.
    """
    since = looked_back(now, every, most)
    inside = ((moments >= since) & (moments <= now)).to_numpy()
    places = np.flatnonzero(inside)
    if not len(places):
        return ()
    present = pd.Series([pd.Timestamp(now)])
    known = pd.concat([moments.iloc[places], present], ignore_index=True)
    found = []
    for each in windows_by_time(known, every, empty=True)[-most:]:
        assert isinstance(each.start, datetime)
        assert isinstance(each.end, datetime)
        rows = np.zeros(len(moments), dtype=bool)
        rows[places[each.rows[each.rows < len(places)]]] = True
        number = 1 + int((each.start - MONDAY) / timedelta(days=DAYS[every]))
        over = each.end <= now
        found.append(Window(each.label, each.start, each.end, over, rows, number))
    return tuple(found)


def by_count(
    moments: pd.Series, size: int, *, most: int, before: int = 0
) -> tuple[Window, ...]:
    """Return windows of so many rows in a row, the oldest first.

    Parameters
    ----------
    moments : Series of shape (n,)
        When the rows were logged, ascending.
    size : int
        Rows in a window; the newest may have fewer, and is not complete then.
    most : int
        How many windows there are at most.
    before : int
        Rows that were logged earlier and are no longer there. What is left of a window
        that they were in is in none.
    """
    found = []
    for number, each in enumerate(windows_by_count(before + len(moments), size), 1):
        places = each.rows[each.rows >= before] - before
        if len(places) < len(each.rows) or not len(places):
            continue
        rows = np.zeros(len(moments), dtype=bool)
        rows[places] = True
        start, end = (
            pd.Timestamp(moments.iloc[place]).to_pydatetime().astimezone(UTC)
            for place in (places[0], places[-1])
        )
        over = len(places) == size
        found.append(Window(each.label, start, end, over, rows, number))
    return tuple(found[-most:])
