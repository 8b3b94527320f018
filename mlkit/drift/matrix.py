"""Rows of two tables as numbers side by side, for what looks at all columns at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Column, Schema
from mlkit.data.conformance import conform_column

Numbers = NDArray[np.float64]

# Histogram trees have 255 bins, so no more levels of a category.
LEVELS = 255
# A date most of whose current values lie outside the reference's has moved on: only
# what recurs in it can be compared.
OUTSIDE = 0.5
MICROSECONDS_A_DAY = 86_400_000_000
DAYS_A_WEEK = 7
# Weekdays and hours are compared where no stretch of one week, or one day, holds more
# than this share of the dates: three whole cycles, with room for chance. The dates of
# one day have one weekday, however calm it is.
MOST_OF_A_CYCLE = 0.4
HOURS_A_DAY = 24
# 1970-01-01 was a Thursday; Monday is 0.
FIRST_WEEKDAY = 3
# Numbers beyond these quantiles of the reference count as those quantiles where their
# size matters: one outlier would outweigh all other rows.
TAILS = (0.001, 0.999)
# A level with a smaller share of the reference has no column of its own.
LEAST_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Side:
    """One column of numbers on both sides, NaN where a value is missing.

    Attributes
    ----------
    name : str
        The column of the table it comes from.
    reference, current : ndarray of shape (n_rows,)
        Numbers, or the codes of levels.
    levels : int
        How many codes there are; 0 where it is a number.
    """

    name: str
    reference: Numbers = field(repr=False)
    current: Numbers = field(repr=False)
    levels: int = 0

    def take(self, rows: NDArray[np.int64], current_rows: NDArray[np.int64]) -> Side:
        """Return the given rows of either side."""
        return replace(
            self, reference=self.reference[rows], current=self.current[current_rows]
        )


def sides(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
) -> list[Side]:
    """Return the features that both tables have, as numbers, by name.

    Numbers are as they are, categories codes, texts their length. A date is its days
    where the current ones lie within the reference's; its weekday where either side's
    dates go through several weeks, and its hour where through several days. Columns
    that say which row it is, or when it was (identifiers, the time column), are left
    out, and so are those without any value on one side: they are findings of their own.
    """
    found: list[Side] = []
    for name in sorted(schema.features):
        column = schema.column(name)
        tells = column.kind != "identifier" and column.role != "time"
        there = name in reference.columns and name in current.columns
        if tells and there:
            found += _sides(column, values(reference, column), values(current, column))
    return found


def values(frame: pd.DataFrame, column: Column) -> pd.Series:
    """Return a column with one entry a row; what cannot be read is missing.

    Of repeated names the first counts.
    """
    cells = frame[column.name]
    cells = cells if isinstance(cells, pd.Series) else cells.iloc[:, 0]
    return conform_column(cells.to_frame(column.name), column)[0]


def _sides(column: Column, before: pd.Series, now: pd.Series) -> list[Side]:
    if not before.notna().any() or not now.notna().any():
        return []
    if column.kind == "date":
        return _dates(column.name, *(_days(each) for each in (before, now)))
    if column.kind == "number":
        return [_side(column.name, *(_floats(each) for each in (before, now)))]
    if column.kind == "text":
        lengths = (_floats(each.str.len()) for each in (before, now))
        return [_side(column.name, *lengths)]
    return [_levels(column.name, before, now)]


def _floats(column: pd.Series) -> Numbers:
    return np.asarray(column, dtype=np.float64)


def _levels(name: str, before: pd.Series, now: pd.Series) -> Side:
    """Return codes, the most frequent level of both sides first, rare ones together."""
    counts = pd.concat([before, now]).value_counts()
    # Ties by name, so that the order of rows decides nothing.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    names = pd.Index([level for level, _ in ranked])
    codes = []
    for each in (before, now):
        found = names.get_indexer(pd.Index(each)).astype(np.float64)
        found[each.isna().to_numpy()] = np.nan
        codes.append(np.minimum(found, LEVELS - 1))
    return Side(name, codes[0], codes[1], levels=min(len(names), LEVELS))


def _days(moments: pd.Series) -> Numbers:
    micro = moments.to_numpy(dtype="datetime64[us]")
    days = micro.astype(np.int64) / MICROSECONDS_A_DAY
    return np.where(np.isnat(micro), np.nan, days)


def _dates(name: str, before: Numbers, now: Numbers) -> list[Side]:
    found = []
    if all(_recurs(each, DAYS_A_WEEK) for each in (before, now)):
        weekdays = (
            (np.floor(each) + FIRST_WEEKDAY) % DAYS_A_WEEK for each in (before, now)
        )
        found.append(_side(name, *weekdays))
    hours = [each % 1 * HOURS_A_DAY for each in (before, now)]
    timed = any(np.nanmax(each) > 0 for each in hours)
    if timed and all(_recurs(each, 1) for each in (before, now)):
        found.append(_side(name, *hours))
    first, last = np.nanmin(before), np.nanmax(before)
    there = now[~np.isnan(now)]
    if np.mean((there < first) | (there > last)) <= OUTSIDE:
        found.append(Side(name, before, now))
    return found


def _recurs(days: Numbers, cycle: float) -> bool:
    """Return whether dates go through a cycle of so many days several times."""
    there = np.sort(days[~np.isnan(days)])
    ends = np.searchsorted(there, there + cycle)
    return bool((ends - np.arange(len(there))).max() <= MOST_OF_A_CYCLE * len(there))


def _side(name: str, reference: Numbers, current: Numbers) -> Side:
    return Side(name, reference, current)


def sample_rows(n: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return at most that many of n rows, drawn without replacement, ascending."""
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False)).astype(np.int64)


def in_order(columns: Sequence[Side]) -> list[Side]:
    """Return the same rows in an order that does not depend on how they came."""
    if not columns:
        return []
    orders = [
        np.lexsort([getattr(each, side) for each in columns])
        for side in ("reference", "current")
    ]
    return [each.take(*orders) for each in columns]


def scaled(columns: Sequence[Side]) -> tuple[Numbers, Numbers]:
    """Return both sides in units of the reference, for methods to which size matters.

    Returns
    -------
    reference, current : ndarray of shape (n_rows, n_encoded)
        Numbers without their tails in standard deviations from the reference's mean,
        missing ones at the mean; of categories, for each frequent level, whether it is
        there, less its share. Columns that the reference does not vary are left out.
    """
    blocks = [
        _indicators(each) if each.levels else _standardised(each) for each in columns
    ]
    pairs = [pair for block in blocks for pair in block]
    sizes = [len(each) for each in (columns[0].reference, columns[0].current)]
    if not pairs:
        return np.empty((sizes[0], 0)), np.empty((sizes[1], 0))
    return (
        np.column_stack([reference for reference, _ in pairs]),
        np.column_stack([current for _, current in pairs]),
    )


def _standardised(column: Side) -> list[tuple[Numbers, Numbers]]:
    # Between the rows inside: interpolated, an outlier would take part in its bound.
    low = np.nanquantile(column.reference, TAILS[0], method="higher")
    high = np.nanquantile(column.reference, TAILS[1], method="lower")
    clipped = [np.clip(each, low, high) for each in (column.reference, column.current)]
    mean, spread = np.nanmean(clipped[0]), np.nanstd(clipped[0])
    # What rounding leaves of a constant is no spread.
    if spread <= 1e-12 * max(abs(low), abs(high)):
        return []
    one, other = (np.nan_to_num((each - mean) / spread) for each in clipped)
    return [(one, other)]


def _indicators(column: Side) -> list[tuple[Numbers, Numbers]]:
    found = []
    for code in range(column.levels):
        one, other = (
            (each == code).astype(np.float64)
            for each in (column.reference, column.current)
        )
        share = float(one.mean())
        if LEAST_SHARE <= share <= 1 - LEAST_SHARE:
            found.append((one - share, other - share))
    return found
