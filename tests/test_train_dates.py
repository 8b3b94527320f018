"""Dates taken apart, against the standard library's calendar."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mlkit.train.dates import PARTS, DateParts

moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1))


def frame(*columns: Sequence[dt.datetime | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {f"d{i}": pd.Series(c, dtype="datetime64[us]") for i, c in enumerate(columns)}
    )


@given(st.lists(moments, min_size=1, max_size=20))
def test_parts_are_those_of_the_calendar(dates: list[dt.datetime]) -> None:
    parts = DateParts().fit_transform(frame(dates))
    first = min(dates)
    for date, row in zip(dates, parts, strict=True):
        elapsed = (date - first) / dt.timedelta(days=1)
        calendar = [date.year, date.month, date.day, date.weekday(), date.hour]
        assert row[:5].tolist() == calendar
        assert row[5] == pytest.approx(elapsed, rel=1e-12, abs=1e-9)


@given(st.lists(moments | st.none(), min_size=1, max_size=20))
def test_a_missing_date_has_missing_parts_and_no_other(
    dates: list[dt.datetime | None],
) -> None:
    parts = DateParts().fit_transform(frame(dates))
    missing = np.array([date is None for date in dates])
    assert np.isnan(parts[missing]).all()
    assert not np.isnan(parts[~missing]).any()


def test_days_are_counted_from_the_first_date_of_fit() -> None:
    fitted = DateParts().fit(frame([dt.datetime(2024, 1, 10)], [None]))
    new = frame([dt.datetime(2024, 1, 8)], [dt.datetime(1970, 1, 3)])
    parts = fitted.transform(new)
    assert parts[0, [5, 11]].tolist() == [-2.0, 2.0]
    assert list(fitted.get_feature_names_out())[4:7] == [
        "d0_hour",
        "d0_days",
        "d1_year",
    ]
    assert parts.shape == (1, 2 * len(PARTS))


def test_dates_with_a_zone_are_taken_in_utc() -> None:
    zoned = pd.DataFrame({"at": pd.to_datetime(["2024-06-01T01:00+03:00"], utc=True)})
    assert DateParts().fit_transform(zoned)[0, :5].tolist() == [2024, 5, 31, 4, 22]


def test_no_date_column_gives_no_part() -> None:
    assert DateParts().fit_transform(pd.DataFrame(index=range(3))).shape == (3, 0)


def test_it_survives_copies_and_files() -> None:
    dates = frame([dt.datetime(2024, 1, 10), dt.datetime(2024, 3, 1, 7)])
    fitted = DateParts().fit(dates)
    trusted = ["mlkit.train.dates.DateParts"]
    for copy in (
        pickle.loads(pickle.dumps(fitted)),
        skops.io.loads(skops.io.dumps(fitted), trusted=trusted),
    ):
        assert np.array_equal(copy.transform(dates), fitted.transform(dates))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(dates)
