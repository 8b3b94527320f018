"""The neighbourhood of a row in numbers, as LIME wants it, and back again.

Numbers and dates are numbers. A category is the position of its value among those of
the background and the row. A text is either the row's own or that of some background
row. What is missing in the row, and what is the same in every background row, is held
as it is in the row.
"""

from __future__ import annotations

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
    background : ndarray of shape (n_background, n_columns)
        Missing numbers are the median of those that are there.
    row : ndarray of shape (n_columns,)
    coded : tuple of int
        Positions of the columns whose numbers only name values.
    held : tuple of str
        Columns that keep the row's value.
    pool : DataFrame of shape (n_background + 1, n_columns)
        The background and, last, the row.
    """

    background: Floats
    row: Floats
    coded: tuple[int, ...]
    held: tuple[str, ...]
    pool: pd.DataFrame
    kinds: tuple[str, ...]

    def decoded(self, numbers: Floats, rng: np.random.Generator) -> pd.DataFrame:
        """Return made-up rows in raw values; other texts are drawn by `rng`."""
        parts = {
            name: self._column(place, numbers[:, place], rng)
            for place, name in enumerate(self.pool.columns)
        }
        return pd.DataFrame(parts)

    def _column(
        self, place: int, numbers: Floats, rng: np.random.Generator
    ) -> pd.Series:
        name, own = self.pool.columns[place], len(self.pool) - 1
        column = self.pool[name]
        if name in self.held:
            where = np.full(len(numbers), own)
        elif self.kinds[place] in NUMERIC:
            return as_kind(numbers, column)
        elif self.kinds[place] == "text":
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
    background: pd.DataFrame, row: pd.DataFrame, schema: Schema
) -> Vicinity:
    """Return the neighbourhood of one row."""
    pool = pd.concat([background, row], ignore_index=True)
    kinds = tuple(schema.column(name).kind for name in pool.columns)
    columns, coded, held = [], [], []
    for place, (name, kind) in enumerate(zip(pool.columns, kinds, strict=True)):
        column = pool[name]
        if column.iloc[:-1].nunique(dropna=False) < 2 or column.isna().iloc[-1]:
            held.append(name)
            columns.append(np.zeros(len(pool)))
            coded.append(place)
        elif kind in NUMERIC:
            columns.append(filled_numbers(column))
        else:
            columns.append(codes_of(column, kind))
            coded.append(place)
    numbers = np.column_stack(columns)
    return Vicinity(numbers[:-1], numbers[-1], tuple(coded), tuple(held), pool, kinds)


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
