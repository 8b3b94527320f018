"""The neighbourhood of a row in numbers, as LIME wants it, and back again.

Numbers and dates are numbers. A category is the position of its value among those of
the background and the row. A text is either the row's own or that of some background
row. What is missing in the row, what is the same in every background row, and what is
not among the columns that are to move, is held as it is in the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Schema

Floats = NDArray[np.float64]

MICROSECONDS_A_DAY = 86_400_000_000
NUMERIC = ("number", "date")


@dataclass(frozen=True, eq=False)
class Vicinity:
    """A row and a background in numbers.

    Attributes
    ----------
    background : ndarray of shape (n_background, n_moved)
        Missing numbers are the median of those that are there.
    row : ndarray of shape (n_moved,)
    moved : tuple of str
        The columns that move; all others keep the row's value.
    coded : tuple of int
        Positions of the moved columns whose numbers only name values.
    pool : DataFrame of shape (n_background + 1, n_columns)
        The background and, last, the row.
    kinds : mapping of str to str
        Kind of each column.
    """

    background: Floats
    row: Floats
    moved: tuple[str, ...]
    coded: tuple[int, ...]
    pool: pd.DataFrame
    kinds: Mapping[str, str]

    def decoded(self, numbers: Floats, rng: np.random.Generator) -> pd.DataFrame:
        """Return made-up rows in raw values; other texts are drawn by `rng`."""
        own = np.full(len(numbers), len(self.pool) - 1)
        rows = self.pool.take(own).reset_index(drop=True)
        parts = {
            name: self._column(name, numbers[:, place], rng)
            for place, name in enumerate(self.moved)
        }
        return rows.assign(**parts)

    def _column(
        self, name: str, numbers: Floats, rng: np.random.Generator
    ) -> pd.Series:
        column, own = self.pool[name], len(self.pool) - 1
        if self.kinds[name] in NUMERIC:
            return as_kind(numbers, column)
        if self.kinds[name] == "text":
            other = rng.integers(0, own, len(numbers))
            where = np.where(numbers == 1, own, other)
        else:
            codes = pd.factorize(column, use_na_sentinel=False)[0]
            where = np.unique(codes, return_index=True)[1][numbers.astype(np.int64)]
        return column.take(where).reset_index(drop=True)


def as_kind(numbers: Floats, like: pd.Series) -> pd.Series:
    """Return numbers as numbers, or as dates where the column holds dates."""
    if not pd.api.types.is_datetime64_any_dtype(like.dtype):
        return pd.Series(numbers)
    moments = np.round(numbers * MICROSECONDS_A_DAY).astype(np.int64)
    return pd.Series(moments.view("datetime64[us]")).astype(like.dtype)


def make_vicinity(
    background: pd.DataFrame,
    row: pd.DataFrame,
    schema: Schema,
    *,
    among: Collection[str],
) -> Vicinity:
    """Return the neighbourhood of one row, in which some columns may move."""
    pool = pd.concat([background, row], ignore_index=True)
    kinds = {name: schema.column(name).kind for name in pool.columns}
    columns = [np.empty((len(pool), 0))]
    moved: list[str] = []
    coded: list[int] = []
    for name, kind in kinds.items():
        column = pool[name]
        same = column.iloc[:-1].nunique(dropna=False) < 2
        if name not in among or same or column.isna().iloc[-1]:
            continue
        if kind in NUMERIC:
            columns.append(filled_numbers(column))
        else:
            columns.append(codes_of(column, kind))
            coded.append(len(moved))
        moved.append(name)
    numbers = np.column_stack(columns)
    return Vicinity(numbers[:-1], numbers[-1], tuple(moved), tuple(coded), pool, kinds)


def filled_numbers(column: pd.Series) -> Floats:
    """Return numbers, or dates as days since 1970, with the median where missing."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.to_numpy("datetime64[us]")
        days = moments.view(np.int64) / MICROSECONDS_A_DAY
        numbers = np.where(np.isnat(moments), np.nan, days)
    else:
        numbers = column.to_numpy(dtype=np.float64)
    return np.where(np.isnan(numbers), np.nanmedian(numbers), numbers)


def codes_of(column: pd.Series, kind: str) -> Floats:
    """Return positions of values; of texts whether it is the row's own, half so."""
    if kind == "text":
        codes = np.arange(len(column)) % 2
        codes[-1] = 1
    else:
        codes = pd.factorize(column, use_na_sentinel=False)[0]
    return np.asarray(codes, dtype=np.float64)
