"""Windows of rows by time and by count, with clocks that are wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.drift import Window, windows_by_count, windows_by_time

MOMENTS = st.lists(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)) | st.none(), max_size=40
)
EVERY = ("hour", "day", "week", "month")


def shown(windows: tuple[Window, ...]) -> list[tuple[str, list[int]]]:
    return [(each.label, each.rows.tolist()) for each in windows]


@given(MOMENTS, st.sampled_from(EVERY))
@settings(max_examples=100)
def test_every_row_is_in_the_one_window_of_its_moment(
    moments: list[datetime | None], every: str
) -> None:
    found = windows_by_time(pd.Series(moments, dtype="datetime64[us]"), every)
    placed = [row for each in found for row in each.rows.tolist()]
    known = [row for row, moment in enumerate(moments) if moment is not None]
    assert sorted(placed) == known
    for each in found:
        for row in each.rows:
            moment = moments[row]
            assert moment is not None
            assert each.start <= moment.replace(tzinfo=UTC) < each.end
    starts = [each.start for each in found]
    assert starts == sorted(set(starts))


def test_a_clock_that_jumps_back_puts_rows_where_they_belong() -> None:
    moments = pd.Series(
        ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-24T23:59Z", "2026-10-25"]
    )
    assert shown(windows_by_time(moments, "day")) == [
        ("2026-10-24", [2]),
        ("2026-10-25", [0, 1, 3]),
    ]
    assert [each.label for each in windows_by_time(moments, "hour")] == [
        "2026-10-24 23:00",
        "2026-10-25 00:00",
        "2026-10-25 01:00",
    ]


def test_moments_are_taken_in_utc() -> None:
    moments = pd.Series(["2026-03-01T01:00+02:00", "2026-03-01T01:00"])
    assert shown(windows_by_time(moments, "day")) == [
        ("2026-02-28", [0]),
        ("2026-03-01", [1]),
    ]
    local = pd.Series(pd.to_datetime(["2026-03-01 01:00"]).tz_localize("Asia/Tokyo"))
    (window,) = windows_by_time(local, "month")
    assert window.label == "2026-02"
    assert window.to_dict() == {
        "label": "2026-02",
        "start": "2026-02-01T00:00:00+00:00",
        "end": "2026-03-01T00:00:00+00:00",
        "rows": 1,
    }


def test_weeks_are_those_of_the_calendar() -> None:
    moments = pd.Series(["2024-12-29", "2024-12-30", "2025-01-05", "2025-01-06"])
    assert shown(windows_by_time(moments, "week")) == [
        ("2024-W52", [0]),
        ("2025-W01", [1, 2]),
        ("2025-W02", [3]),
    ]


def test_windows_without_rows_are_shown_on_demand() -> None:
    moments = pd.Series(["2026-01-31", "2026-04-01"])
    assert len(windows_by_time(moments, "month")) == 2
    found = windows_by_time(moments, "month", empty=True)
    assert [(each.label, len(each)) for each in found] == [
        ("2026-01", 1),
        ("2026-02", 0),
        ("2026-03", 0),
        ("2026-04", 1),
    ]


def test_no_rows_and_the_end_of_all_days() -> None:
    assert windows_by_time(pd.Series([], dtype=object), "day") == ()
    assert windows_by_time(pd.Series([None, pd.NaT]), "week") == ()
    (last,) = windows_by_time(pd.Series(["9999-12-31T23:00"]), "month")
    assert last.label == "9999-12"


@pytest.mark.parametrize(
    ("moments", "every", "words"),
    [
        (["soon"], "day", "moments that can be read as dates"),
        (["2026-01-01"], "year", "one of hour, day, week, month, got 'year'"),
    ],
)
def test_what_is_no_time_is_refused(moments: list[str], every: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        windows_by_time(pd.Series(moments), every)  # type: ignore[arg-type]


@given(st.integers(0, 500), st.integers(1, 60))
def test_windows_by_count_take_every_row_once(n: int, size: int) -> None:
    found = windows_by_count(n, size)
    rows = np.concatenate([each.rows for each in found]) if found else np.array([])
    assert rows.tolist() == list(range(n))
    assert all(len(each) == size for each in found[:-1])


def test_windows_by_count_have_a_size() -> None:
    with pytest.raises(ValueError, match=r"size must be .* of 1 or more, got 0; give"):
        windows_by_count(10, 0)
    with pytest.raises(ValueError, match=r"n_rows must be .* of 0 or more, got -1"):
        windows_by_count(-1, 5)
    with pytest.raises(TypeError, match=r"n_rows must be a whole number .* got '5'"):
        windows_by_count("5", 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"size must be a whole number .* got 2.5"):
        windows_by_count(5, 2.5)  # type: ignore[arg-type]
