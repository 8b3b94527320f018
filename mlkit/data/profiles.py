"""A summary of each column, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlkit.data.dataset import Dataset
from mlkit.data.distinct import number_text
from mlkit.data.markup import table
from mlkit.data.records import MASK, Column, Role
from mlkit.data.wording import LONGEST
from mlkit.params.models import Kind

TOP = 5
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds.

    Attributes
    ----------
    missing : float
        Share of rows without a value.
    distinct : int
        Number of distinct values.
    quantiles : tuple of float or str or None
        Least value, quartiles and greatest value of numbers, dates as ISO texts (each a
        value that occurs); None for other kinds and for sensitive columns.
    top : tuple of (str, float)
        The most frequent values with their share of all rows, at most five, of
        categories, booleans and texts; values of sensitive columns are masked.
    """

    name: str
    kind: Kind
    role: Role
    sensitive: bool
    protected: bool
    why: str
    rows: int
    missing: float
    distinct: int
    quantiles: tuple[float | str, ...] | None
    top: tuple[tuple[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON data."""
        quantiles = None if self.quantiles is None else [*self.quantiles]
        top = [[value, share] for value, share in self.top]
        return asdict(self) | {"quantiles": quantiles, "top": top}


@dataclass(frozen=True)
class Profile:
    """Summaries of all columns, in the table's order."""

    columns: tuple[ColumnProfile, ...]

    def __iter__(self) -> Iterator[ColumnProfile]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the summaries as plain JSON data."""
        return {"columns": [column.to_dict() for column in self.columns]}

    def _repr_html_(self) -> str:
        head = ["column", "kind", "role", "missing", "distinct", "values", "why"]
        rows = [
            (
                *(column.name, column.kind, column.role, f"{column.missing:.1%}"),
                *(f"{column.distinct:,}", _values(column), column.why),
            )
            for column in self.columns
        ]
        return table("Columns of the data", head, rows)


def profile(dataset: Dataset) -> Profile:
    """Return a summary of each column of a dataset, over training and test rows."""
    columns = dataset.schema.columns
    return Profile(tuple(_profile(dataset.frame[c.name], c) for c in columns))


def _profile(values: pd.Series, column: Column) -> ColumnProfile:
    present = values.dropna()
    ordered = column.kind in ("number", "date")
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        role=column.role,
        sensitive=column.sensitive,
        protected=column.protected,
        why=column.why,
        rows=len(values),
        missing=float(values.isna().mean()) if len(values) else 0.0,
        distinct=int(present.nunique()),
        quantiles=_quantiles(present, column) if ordered else None,
        top=()
        if ordered or column.kind == "identifier"
        else _top(present, column, len(values)),
    )


def _quantiles(present: pd.Series, column: Column) -> tuple[float | str, ...] | None:
    if column.sensitive or not len(present):
        return None
    values = np.sort(present.to_numpy())
    positions = (np.array(QUANTILES) * (len(values) - 1)).round().astype(int)
    chosen = values[positions]
    if column.kind == "date":
        return tuple(pd.Timestamp(moment).isoformat() for moment in chosen)
    return tuple(float(number) for number in chosen)


def _top(
    present: pd.Series, column: Column, rows: int
) -> tuple[tuple[str, float], ...]:
    counts = present.value_counts()
    order = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return tuple(
        (MASK if column.sensitive else str(value), int(count) / rows)
        for value, count in order[:TOP]
    )


def _values(column: ColumnProfile) -> str:
    if column.quantiles is not None:
        texts = [
            mark if isinstance(mark, str) else number_text(float(f"{mark:.6g}")) or ""
            for mark in column.quantiles
        ]
        return " · ".join(texts)
    if column.kind in ("number", "date"):
        return MASK if column.sensitive and column.distinct else ""
    return ", ".join(f"{_short(value)} {share:.1%}" for value, share in column.top)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
