"""Slices: the metrics repeated for parts of the test rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.metrics import (
    Estimate,
    MetricSpec,
    OwnMetricError,
    Scored,
    estimates,
)

MIN_ROWS = 30
BANDS = 4
MAX_VALUES = 20
MISSING = "missing"

Rows = NDArray[np.bool_]
Part = tuple[str, Rows]


@dataclass(frozen=True)
class SliceResult:
    """The metrics of the rows with one value, or a band of values, in one column.

    ``metrics`` is empty and ``note`` says so where there are too few rows; ``estimate``
    is the primary metric.
    """

    column: str
    value: str
    n: int
    estimate: Estimate
    metrics: Mapping[str, Estimate]
    note: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "column": self.column,
            "value": self.value,
            "n": self.n,
            "estimate": self.estimate.to_dict(),
            "metrics": {name: each.to_dict() for name, each in self.metrics.items()},
            "note": self.note,
        }


def slice_results(
    columns: pd.DataFrame,
    scored: Scored,
    specs: Sequence[MetricSpec],
    *,
    primary: str,
    masked: Sequence[str] = (),
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[SliceResult, ...]:
    """Return the metrics of each slice, in the order of the columns.

    Parameters
    ----------
    columns : DataFrame of shape (n_samples, n_columns)
        The slice columns of the scored rows. Numbers and dates of more than 10 distinct
        values are cut into 4 bands of about as many rows; of other values the 20 most
        frequent are kept and the rest taken together. Missing values are a slice.
    scored
        Truth and predictions of the same rows.
    specs
        The metrics.
    primary
        Name of the metric that stands for a slice.
    masked
        Columns whose values are not told.
    confidence, resamples, seed
        As in `mlkit.metrics.estimates`.

    Raises
    ------
    ValueError
        When ``columns`` has not one row for each row of ``scored``.
    """
    if len(columns) != scored.n:
        raise ValueError(
            f"columns must have one row for each of the {scored.n} scored rows, got "
            f"{len(columns)}. Rows of weight 0 are not scored: leave them out."
        )
    found = []
    for column in columns.columns:
        for name, rows in parts(columns[column], masked=column in masked):
            metrics, note = _metrics(
                scored.take(rows), specs, confidence, resamples, seed
            )
            found.append(
                SliceResult(
                    column=str(column),
                    value=name,
                    n=int(rows.sum()),
                    estimate=metrics.get(primary) or _absent(int(rows.sum()), note),
                    metrics=metrics,
                    note=note,
                )
            )
    return tuple(found)


def _metrics(
    scored: Scored,
    specs: Sequence[MetricSpec],
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Estimate], str | None]:
    if scored.n < MIN_ROWS:
        rows = "1 row" if scored.n == 1 else f"{scored.n} rows"
        return {}, f"not enough data: {rows}, at least {MIN_ROWS} are needed"
    options = {"confidence": confidence, "resamples": resamples, "seed": seed}
    built_in = [spec for spec in specs if spec.own is None]
    found = estimates(built_in, scored, **options)  # type: ignore[arg-type]
    for spec in specs:
        if spec.own is not None:
            try:
                found |= estimates([spec], scored, **options)  # type: ignore[arg-type]
            except OwnMetricError as error:
                found[spec.name] = _absent(scored.n, str(error))
    return found, None


def _absent(n: int, reason: str | None) -> Estimate:
    nothing = float("nan")
    return Estimate(nothing, nothing, nothing, n, "none", reason)


def parts(values: pd.Series, *, masked: bool = False) -> Iterator[Part]:
    """Yield name and rows of each slice of a column; every row is in one slice.

    The slices of a masked column are numbered instead of named.

    Examples
    --------
    >>> [(name, int(rows.sum())) for name, rows in parts(pd.Series(["b", "a", "b"]))]
    [('b', 2), ('a', 1)]
    """
    for place, (name, rows) in enumerate(_parts(values)):
        yield (f"value {place + 1}" if masked else name), rows


def _parts(values: pd.Series) -> Iterator[Part]:
    missing = values.isna().to_numpy()
    if _ordered(values) and values.nunique() > 10:
        yield from _bands(values, ~missing)
    else:
        yield from _values(values, ~missing)
    if missing.any():
        yield MISSING, missing


def _ordered(values: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    boolean = pd.api.types.is_bool_dtype(values.dtype)
    return (numeric and not boolean) or pd.api.types.is_datetime64_any_dtype(
        values.dtype
    )


def _bands(values: pd.Series, known: Rows) -> Iterator[Part]:
    given = values[known]
    edges = given.quantile(np.arange(1, BANDS) / BANDS, interpolation="lower").unique()
    band = np.full(len(values), -1)
    band[known] = np.searchsorted(np.asarray(edges), given.to_numpy(), side="left")
    for code in np.unique(band[known]):
        rows = band == code
        ends = [_text(end) for end in (values[rows].min(), values[rows].max())]
        yield " to ".join(dict.fromkeys(ends)), rows


def _values(values: pd.Series, known: Rows) -> Iterator[Part]:
    counts = values[known].value_counts()
    # Values of equal count stand in order of their text, not of their first row.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    kept = [value for value, _ in ranked[:MAX_VALUES]]
    for value in kept:
        yield _text(value), (values == value).fillna(False).to_numpy(dtype=bool)
    rest = known & ~values.isin(kept).to_numpy()
    if rest.any():
        yield f"other ({len(ranked) - len(kept)} values)", rest


def _text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, float):
        # As the data write them: a year or a postcode has no thousands.
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
    return str(value)
