"""Dates taken apart into numbers a model can use."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

PARTS = ("year", "month", "day", "weekday", "hour", "days")
MICROSECONDS_A_DAY = 86_400_000_000
MISSING = np.iinfo(np.int64).min


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Turn each date column into year, month, day, weekday, hour and elapsed days.

    Elapsed days are counted, with their fraction, from the column's earliest date in
    ``fit``; Monday is weekday 0. A missing date gives missing parts.

    Attributes
    ----------
    reference_ : ndarray of shape (n_columns,), int64
        The earliest date of each column, in microseconds since 1970; columns without
        any date start at 1970.

    Examples
    --------
    >>> dates = np.array(["2024-02-28T00:00", "2024-03-01T12:00"], "datetime64[us]")
    >>> DateParts().fit_transform(pd.DataFrame({"at": dates}))[1].tolist()
    [2024.0, 3.0, 1.0, 4.0, 12.0, 2.5]
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn each column's earliest date."""
        moments = microseconds(X)
        earliest = np.where(moments == MISSING, np.iinfo(np.int64).max, moments)
        first = earliest.min(axis=0, initial=np.iinfo(np.int64).max)
        self.reference_ = np.where(first == np.iinfo(np.int64).max, 0, first)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the parts, of shape (n_rows, 6 * n_columns), column by column."""
        check_is_fitted(self)
        blocks = [
            date_parts(moments, int(reference))
            for moments, reference in zip(
                microseconds(X).T, self.reference_, strict=True
            )
        ]
        return np.hstack(blocks) if blocks else np.empty((len(X), 0))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return ``<column>_<part>`` for each output column."""
        names = [f"{name}_{part}" for name in self.feature_names_in_ for part in PARTS]
        return np.asarray(names, dtype=object)


def microseconds(frame: pd.DataFrame) -> np.ndarray:
    """Return dates as microseconds since 1970, missing ones as the smallest int64."""
    values = [
        frame.iloc[:, i].to_numpy("datetime64[us]") for i in range(frame.shape[1])
    ]
    if not values:
        return np.empty((len(frame), 0), dtype=np.int64)
    return np.column_stack(values).view(np.int64)


def date_parts(moments: np.ndarray, reference: int) -> np.ndarray:
    """Return the parts of dates given in microseconds since 1970.

    Parameters
    ----------
    moments : ndarray of shape (n_rows,), int64
    reference : int
        Where elapsed days start, in microseconds since 1970.

    Returns
    -------
    ndarray of shape (n_rows, 6), float64
        In the order of ``PARTS``; rows of missing dates are NaN.
    """
    dates = np.where(moments == MISSING, 0, moments).view("datetime64[us]")
    days = dates.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    since_1970 = days.astype(np.int64)
    parts = np.column_stack(
        [
            dates.astype("datetime64[Y]").astype(np.int64) + 1970,
            months.astype(np.int64) % 12 + 1,
            (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
            (since_1970 + 3) % 7,  # 1970-01-01 was a Thursday
            (moments // 3_600_000_000) % 24,
            (moments - np.int64(reference)) / MICROSECONDS_A_DAY,
        ]
    ).astype(np.float64)
    parts[moments == MISSING] = np.nan
    return parts
