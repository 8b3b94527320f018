"""Dates written as numbers: seconds and their parts since 1970, days of a spreadsheet.

Whole columns are read, never single cells, and only where the column's name speaks of
time, or the column is declared to hold dates: a number alone says nothing. All values
must lie between 1980 and 2100 in one of the units; of several units the coarsest is
taken. Spreadsheets count days from 1899-12-30 (which is right from March 1900 on).
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

EPOCHS = {
    "epoch s": 1_000_000,
    "epoch ms": 1_000,
    "epoch us": 1,
    "epoch ns": 1e-3,
    "spreadsheet days": 86_400_000_000,
}
WORDS = {
    "epoch s": "seconds since 1970",
    "epoch ms": "milliseconds since 1970",
    "epoch us": "microseconds since 1970",
    "epoch ns": "nanoseconds since 1970",
    "spreadsheet days": "days of a spreadsheet",
}
FIRST = np.datetime64("1980-01-01", "us").astype(np.int64)
LAST = np.datetime64("2100-01-01", "us").astype(np.int64)
SPREADSHEET = np.datetime64("1899-12-30", "us").astype(np.int64)
COMPACT_FIRST, COMPACT_LAST = 19_000_101, 21_001_231
TIME_WORDS = frozenset(
    {"date", "dates", "time", "timestamp", "timestamps", "datetime", "ts", "epoch"}
    | {"day", "at", "on", "created", "updated", "modified", "unixtime", "dt", "utc"}
)
DATE_WORDS = frozenset({"date", "dates", "dt"})


def name_words(name: str) -> list[str]:
    """Return the words of a column's name in lower case.

    Examples
    --------
    >>> name_words("orderDate"), name_words("created_at"), name_words("Unnamed: 0")
    (['order', 'date'], ['created', 'at'], ['unnamed'])
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [word.lower() for word in words]


def find_epoch(numbers: NDArray[np.float64], name: str | None = None) -> str | None:
    """Return the unit in which all numbers are dates from 1980 to 2100, else None.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        NaN is left out.
    name : str, optional
        The column's name: its first or last word must mean a moment, and one of its
        words a date where days are counted. None is a column declared to hold dates.
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known) or not np.isfinite(known).all():
        return None
    words = name_words(name or "")
    if name is not None and not TIME_WORDS.intersection([*words[:1], *words[-1:]]):
        return None
    low, high = float(known.min()), float(known.max())
    for unit, scale in EPOCHS.items():
        days = unit == "spreadsheet days"
        if days and name is not None and not DATE_WORDS.intersection(words):
            continue
        start = float(SPREADSHEET) if days else 0.0
        if low * scale + start >= FIRST and high * scale + start <= LAST:
            return unit
    return None


def read_epoch(numbers: NDArray[np.float64], name: str) -> NDArray[np.datetime64]:
    """Return the moments that numbers stand for, NaT where a number is missing.

    Examples
    --------
    >>> read_epoch(np.array([45000.5, np.nan]), "spreadsheet days").astype(str).tolist()
    ['2023-03-15T12:00:00.000000', 'NaT']
    """
    start = SPREADSHEET if name == "spreadsheet days" else 0
    missing = np.isnan(numbers)
    counted = np.rint(np.where(missing, 0, numbers) * EPOCHS[name]).astype(np.int64)
    moments = (counted + start).astype("datetime64[us]")
    moments[missing] = np.datetime64("NaT")
    return moments


def compact_dates(numbers: NDArray[np.float64]) -> bool:
    """Return whether whole numbers could all be dates such as 20160229."""
    known = numbers[~np.isnan(numbers)]
    within = (known >= COMPACT_FIRST) & (known <= COMPACT_LAST)
    return bool(len(known) and within.all())
