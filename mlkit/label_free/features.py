"""Features as plain numbers, for what is kept of labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Column, Schema
from mlkit.data.conformance import conform_column

Numbers = NDArray[np.float64]

# A category's rarer levels are one.
MOST_LEVELS = 50
MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Feature:
    """A column and how it becomes a number.

    Attributes
    ----------
    levels : tuple of str
        Of a category or boolean column the levels that have a code each, in its order.
    """

    name: str
    kind: Any
    format: str | None
    levels: tuple[str, ...] = ()

    def numbers(self, frame: pd.DataFrame) -> Numbers:
        """Return one number a row; NaN where a value is missing or unreadable."""
        if self.name not in frame.columns:
            return np.full(len(frame), np.nan)
        found = _values(frame, Column(self.name, self.kind, format=self.format))
        if self.kind == "number":
            return found.to_numpy(dtype=np.float64)
        if self.kind == "date":
            micro = found.to_numpy(dtype="datetime64[us]")
            days = micro.astype(np.int64) / MICROSECONDS_A_DAY
            return np.where(np.isnat(micro), np.nan, days)
        if self.kind == "text":
            return np.asarray(found.str.len().astype(np.float64))
        codes = pd.Index(self.levels).get_indexer(pd.Index(found)).astype(np.float64)
        codes[codes < 0] = len(self.levels)
        codes[found.isna().to_numpy()] = np.nan
        return codes

    def to_dict(self) -> dict[str, Any]:
        """Return the feature as plain JSON data."""
        return asdict(self) | {"levels": list(self.levels)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the feature that `to_dict` wrote."""
        return cls(**{**stored, "levels": tuple(stored["levels"])})


def features_of(
    frame: pd.DataFrame | None, schema: Schema | None, most_levels: int = MOST_LEVELS
) -> tuple[tuple[Feature, ...], int]:
    """Return the columns that may be looked at, and how many are sensitive.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns) or None
    schema : Schema or None
    most_levels : int
        So many levels of a category have a code of their own, the most frequent ones.
    """
    if frame is None or schema is None:
        return (), 0
    columns = [schema.column(name) for name in schema.features if name in frame.columns]
    open_ones = [column for column in columns if not column.sensitive]
    told = [column for column in open_ones if column.kind != "identifier"]
    found = tuple(
        Feature(
            column.name,
            column.kind,
            column.format,
            _levels(frame, column)[:most_levels],
        )
        for column in told
    )
    return found, len(columns) - len(open_ones)


def _levels(frame: pd.DataFrame, column: Column) -> tuple[str, ...]:
    if column.kind not in ("category", "boolean"):
        return ()
    counts = _values(frame, column).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(str(level) for level, _ in ranked)


def _values(frame: pd.DataFrame, column: Column) -> pd.Series:
    cells = frame[column.name]
    cells = cells if isinstance(cells, pd.Series) else cells.iloc[:, 0]
    return conform_column(cells.to_frame(column.name), column)[0]


def matrix_of(
    features: Sequence[Feature],
    frame: pd.DataFrame | None,
    prediction: Numbers | None = None,
) -> NDArray[np.float32]:
    """Return the prediction, if given, and the features; NaN is a missing number."""
    found = [] if prediction is None else [prediction]
    if frame is not None:
        found += [each.numbers(frame) for each in features]
    elif prediction is not None:
        found += [np.full(len(prediction), np.nan)] * len(features)
    largest = float(np.finfo(np.float32).max)
    # Trees compare in single precision.
    return np.clip(np.column_stack(found), -largest, largest).astype(np.float32)
