"""Windows: rows taken together by when they came, or so many at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.drift.asked import check_whole

Every = Literal["hour", "day", "week", "month"]
Positions = NDArray[np.intp]

# As numpy counts months and microseconds; weeks begin on Mondays, and 1970 on a
# Thursday.
MONDAY = np.datetime64("1969-12-29", "us")
WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True, eq=False)
class Window:
    """Rows that are looked at together.

    Attributes
    ----------
    label : str
        How people call it: ``2026-03-01 14:00``, ``2026-03-01``, ``2026-W09`` (the week
        of ISO 8601), ``2026-03``; or ``rows 1 to 500``.
    start, end : datetime or int
        Its first moment, and the first that is no longer in it, in UTC; of a window by
        count, the positions of its first row and of the first that is not in it.
    rows : ndarray of int of shape (n_rows,)
        Positions of its rows, ascending.
    """

    label: str
    start: datetime | int
    end: datetime | int
    rows: Positions

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the window without its rows, as plain JSON data."""
        ends = (
            each.isoformat() if isinstance(each, datetime) else each
            for each in (self.start, self.end)
        )
        start, end = ends
        return {"label": self.label, "start": start, "end": end, "rows": len(self)}


def windows_by_time(
    moments: pd.Series, every: Every, *, empty: bool = False
) -> tuple[Window, ...]:
    """Return the windows of rows, by the moment of each.

    Rows stand in the window of their own moment wherever they stand in the table: of a
    clock that jumped back, or rows that came late, none is lost or counted twice. A
    window begins in UTC, whatever the place.

    Parameters
    ----------
    moments : Series of shape (n_rows,)
        The moment of each row: dates, or what pandas reads as such; without a time zone
        they are taken for UTC. Rows without a moment are in no window.
    every : {"hour", "day", "week", "month"}
        How long a window is.
    empty : bool
        Whether windows between the first and the last, in which there are no rows, are
        among them.

    Raises
    ------
    ValueError
        When `every` is none of the four, or a moment cannot be read.

    Examples
    --------
    >>> moments = pd.Series(["2026-03-02T01:00", "2026-03-01T23:59", "2026-03-02"])
    >>> [(each.label, each.rows.tolist()) for each in windows_by_time(moments, "day")]
    [('2026-03-01', [1]), ('2026-03-02', [0, 2])]
    """
    if every not in get_args(Every):
        raise ValueError(
            f"windows are cut by one of {', '.join(get_args(Every))}, got {every!r}"
        )
    read = _in_utc(moments)
    known = np.flatnonzero(~np.isnat(read))
    if not len(known):
        return ()
    starts = _STARTS[every](read[known])
    order = np.argsort(starts, kind="stable")
    found, first = np.unique(starts[order], return_index=True)
    parts = np.split(known[order], first[1:])
    groups = dict(zip(found.tolist(), parts, strict=True))
    nothing = np.array([], dtype=np.intp)
    start, last = min(groups), max(groups)
    moments_of_starts = _range(start, last, every) if empty else sorted(groups)
    return tuple(
        Window(
            _LABELS[every](each),
            each.replace(tzinfo=UTC),
            _after(each, every).replace(tzinfo=UTC),
            groups.get(each, nothing),
        )
        for each in moments_of_starts
    )


def windows_by_count(n_rows: int, size: int) -> tuple[Window, ...]:
    """Return windows of so many rows each, in the order of the table.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    size : int
        Rows of a window. The last one has what is left, and so may have fewer.

    Raises
    ------
    TypeError, ValueError
        When one is no whole number, `size` is below 1 or `n_rows` below 0.

    Examples
    --------
    >>> [each.label for each in windows_by_count(5, 2)]
    ['rows 1 to 2', 'rows 3 to 4', 'row 5']
    """
    check_whole("n_rows", n_rows, 0, "give the number of rows of the table")
    check_whole("size", size, 1, "give the number of rows of a window")
    found = []
    for start in range(0, n_rows, size):
        end = min(start + size, n_rows)
        alone = end - start == 1
        label = f"row {end:,}" if alone else f"rows {start + 1:,} to {end:,}"
        found.append(Window(label, start, end, np.arange(start, end, dtype=np.intp)))
    return tuple(found)


def _in_utc(moments: pd.Series) -> NDArray[np.datetime64]:
    try:
        read = pd.to_datetime(moments, utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise ValueError(
            "windows by time need moments that can be read as dates, such as "
            f"2026-03-01T14:00:00Z: {error}. Leave rows without one empty."
        ) from error
    return np.asarray(read.dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))


def _by_week(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return np.asarray(MONDAY + (moments - MONDAY) // WEEK * WEEK)


def _by_unit(
    unit: Literal["h", "D", "M"],
) -> Callable[[NDArray[np.datetime64]], NDArray[np.datetime64]]:
    def cut(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
        return moments.astype(f"datetime64[{unit}]").astype("datetime64[us]")

    return cut


def _after(start: datetime, every: Every) -> datetime:
    """Return where the window after the one that starts here begins."""
    try:
        if every == "month":
            return (start + timedelta(days=31)).replace(day=1)
        return start + _LENGTHS[every]
    except OverflowError:
        # A clock may say 9999, after which Python has no days.
        return datetime.max


def _range(start: datetime, last: datetime, every: Every) -> list[datetime]:
    found = [start]
    while found[-1] < last:
        found.append(_after(found[-1], every))
    return found


def _week(start: datetime) -> str:
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02d}"


_STARTS: dict[Every, Callable[[NDArray[np.datetime64]], NDArray[np.datetime64]]] = {
    "hour": _by_unit("h"),
    "day": _by_unit("D"),
    "week": _by_week,
    "month": _by_unit("M"),
}
_LENGTHS: dict[Every, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
_LABELS: dict[Every, Callable[[datetime], str]] = {
    "hour": lambda start: f"{start:%Y-%m-%d %H:%M}",
    "day": lambda start: f"{start:%Y-%m-%d}",
    "week": _week,
    "month": lambda start: f"{start:%Y-%m}",
}
