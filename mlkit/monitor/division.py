"""Windows: how logged rows are divided, by time or by count, the empty ones included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Rows = NDArray[np.bool_]
Unit = Literal["hour", "day", "week", "month"]
LABELS: dict[Unit, str] = {
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "week": "week of %Y-%m-%d",
    "month": "%Y-%m",
}
LONGEST = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 31.0}


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
        Its place among all windows of its length since 1970; by count, among those that
        are there.
    """

    label: str
    start: datetime
    end: datetime
    complete: bool
    rows: Rows
    number: int


def begins(moment: datetime, unit: Unit) -> datetime:
    """Return the first moment of the window (UTC) that a moment lies in.

    Examples
    --------
    >>> begins(datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "week").isoformat()
    '2026-11-16T00:00:00+00:00'
    """
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return hour
    day = hour.replace(hour=0)
    if unit == "day":
        return day
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)


def ends(start: datetime, unit: Unit) -> datetime:
    """Return the first moment after the window that begins at a moment."""
    if unit == "month":
        return begins(start + timedelta(days=32), "month")
    return start + timedelta(days=LONGEST[unit])


def first_moment(now: datetime, window: Unit | int, count: int) -> datetime | None:
    """Return where the oldest of the windows begins; None for windows by count."""
    if isinstance(window, int):
        return None
    return begins(now - timedelta(days=LONGEST[window]) * (count - 1), window)


def by_time(
    moments: pd.Series, unit: Unit, *, now: datetime, most: int
) -> tuple[Window, ...]:
    """Return the windows from the first row to the present, the oldest first.

    Parameters
    ----------
    moments : Series of shape (n,)
        When the rows were logged, with a time zone.
    unit : str
        ``hour``, ``day``, ``week`` or ``month``, in UTC.
    now : datetime
        The present; a window that has not ended is not complete.
    most : int
        How many there are at most.
    """
    if not len(moments):
        return ()
    at = moments.dt.as_unit("us").dt.tz_convert("UTC")
    start = max(begins(at.min().to_pydatetime(), unit), _oldest(now, unit, most))
    last = begins(now, unit)
    found = []
    while start <= last:
        end = ends(start, unit)
        inside = ((at >= start) & (at < end)).to_numpy()
        label = start.strftime(LABELS[unit])
        found.append(
            Window(label, start, end, end <= now, inside, _number(start, unit))
        )
        start = end
    return tuple(found[-most:])


def _oldest(now: datetime, unit: Unit, most: int) -> datetime:
    start = first_moment(now, unit, most + 1)
    assert start is not None
    return start


def _number(start: datetime, unit: Unit) -> int:
    if unit == "month":
        return (start.year - 1970) * 12 + start.month - 1
    epoch = datetime(1970, 1, 5, tzinfo=UTC)
    return int((start - epoch) / timedelta(days=LONGEST[unit]))


def by_count(moments: pd.Series, size: int, *, most: int) -> tuple[Window, ...]:
    """Return windows of so many rows in a row, the oldest first.

    They are counted from the oldest row, so that the newest one may not be complete.

    Parameters
    ----------
    moments : Series of shape (n,)
        When the rows were logged, ascending, with a time zone.
    size : int
        Rows in a window.
    most : int
        How many windows there are at most.
    """
    found = []
    for number, begin in enumerate(range(0, len(moments), size)):
        end = min(begin + size, len(moments))
        inside = np.zeros(len(moments), dtype=bool)
        inside[begin:end] = True
        first, last = (
            moments.iloc[place].to_pydatetime().astimezone(UTC)
            for place in (begin, end - 1)
        )
        label = f"{begin + 1:,} to {end:,}"
        found.append(Window(label, first, last, end - begin == size, inside, number))
    return tuple(found[-most:])
