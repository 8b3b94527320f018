"""Reading a column of a table that may not be what the schema says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Column
from mlkit.data.conformance import TEXT, conform_column
from mlkit.data.distinct import number_text


@dataclass(frozen=True)
class Read:
    """One column as it was found.

    Attributes
    ----------
    there : bool
        Whether the table has the column.
    values : Series of shape (n_present,)
        What could be read, of the column's kind.
    missing, unreadable : int
        Rows without a value; rows whose value is not of the column's kind.
    """

    there: bool
    values: pd.Series = field(repr=False)
    missing: int
    unreadable: int

    @property
    def texts(self) -> pd.Series:
        """The values as levels."""
        return self.values

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The values as numbers: microseconds of dates, characters of texts."""
        values = self.values
        if values.dtype.kind == "M":
            moments = values.to_numpy(dtype="datetime64[us]")
            return moments.astype(np.int64).astype(np.float64)
        if values.dtype == np.float64:
            return values.to_numpy()
        return np.asarray(values.str.len(), dtype=np.float64)

    @property
    def ends(self) -> tuple[str, str] | None:
        """The first and the last moment of a time column, as people write them."""
        if not len(self.values):
            return None
        first, last = self.values.min(), self.values.max()
        if self.values.dtype.kind == "M":
            return pd.Timestamp(first).isoformat(), pd.Timestamp(last).isoformat()
        return number_text(float(first)) or "", number_text(float(last)) or ""


def read_column(raw: pd.DataFrame, column: Column) -> Read:
    """Return a column of any table; what cannot be read is counted, not refused.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
        Texts, or values of any type; of repeated names the first counts.
    column : Column
        What the values should be.
    """
    if column.name not in raw.columns:
        return Read(False, pd.Series([], dtype=TEXT), len(raw), 0)
    cells = first_of(raw, column.name)
    conformed, _ = conform_column(cells.to_frame(column.name), column)
    present = conformed.notna().to_numpy()
    blank = _blanks(cells[~present])
    unreadable = int((~present).sum()) - blank
    return Read(True, conformed[present], blank, unreadable)


def first_of(raw: pd.DataFrame, name: str) -> pd.Series:
    """Return a column by name, the first where the name is used twice."""
    found = raw[name]
    return found if isinstance(found, pd.Series) else found.iloc[:, 0]


def _blanks(cells: pd.Series) -> int:
    """Return how many cells are empty: missing, or nothing but blanks."""
    blank = cells.isna()
    worded = (pd.StringDtype, pd.CategoricalDtype)
    if cells.dtype == object or isinstance(cells.dtype, worded):
        texts = cells.astype(object)
        blank |= texts.map(lambda cell: isinstance(cell, str) and not cell.strip())
    return int(blank.sum())
