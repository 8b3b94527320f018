"""Profiles: counts on fixed bins, which add up exactly and outlive their rows."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlkit.data import Column, Schema
from mlkit.drift import (
    Performance,
    ReferenceProfile,
    count_rows,
    reference_profile,
)
from mlkit.drift.bins import MOST_LEVELS, count_numbers, number_bins
from mlkit.drift.moments import Grid, Moments, grid_of, moments_of
from mlkit.drift.reading import read_column
from mlkit.drift.tallies import LEVELS, Tally, ends, tally_column, tally_read

RNG = np.random.default_rng
TASK: Any = ("binary", "bought", ("no", "yes"), "yes")
SCHEMA = Schema(
    (
        Column("age", "number"),
        Column("income", "number", sensitive=True),
        Column("region", "category"),
        Column("member", "boolean"),
        Column("since", "date"),
        Column("note", "text"),
        Column("code", "identifier"),
        Column("at", "date", "time"),
        Column("bought", "category", "target"),
    ),
    *TASK,
)


def table(n: int = 300, *, seed: int = 0) -> pd.DataFrame:
    rng = RNG(seed)
    days = rng.integers(0, 1000, n).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 12, n)),
            "income": rng.lognormal(10, 1, n),
            "region": rng.choice(["north", "south", "east", " "], n),
            "member": rng.choice(["True", "no", "1", "what"], n),
            "since": np.datetime64("2020-01-01", "us") + days,
            "note": ["word " * k for k in rng.integers(0, 9, n)],
            "code": [f"K{i:05d}" for i in range(n)],
            "at": np.datetime64("2024-01-01", "us")
            + np.arange(n) * np.timedelta64(1, "h"),
            "bought": rng.choice(["no", "yes"], n),
        }
    )


def answers(n: int, *, seed: int = 0) -> np.ndarray:
    positive = 1 / (1 + np.exp(-RNG(seed).normal(0, 1, n)))
    return np.column_stack([1 - positive, positive])


REFERENCE = reference_profile(table(), SCHEMA, predictions=answers(200))


def odd(n: int, seed: int) -> pd.DataFrame:
    """Return rows with new levels, values of another kind, infinities and outliers."""
    rng, frame = RNG(seed), table(n, seed=seed).astype(object)
    for name, value in (
        ("age", math.inf),
        ("age", -1e30),
        ("age", "old"),
        ("age", "41"),
        ("region", "west"),
        ("region", "far west "),
        ("since", "2031-05-05"),
        ("note", None),
        ("code", ""),
    ):
        frame[name] = frame[name].mask(rng.random(n) < 0.05, value)
    return frame


@given(
    seed=st.integers(0, 2**32 - 1),
    part=st.lists(st.integers(0, 4), min_size=60, max_size=60).map(np.array),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_profiles_of_any_parts_in_any_order_are_that_of_all_rows(
    seed: int, part: np.ndarray, order: Any
) -> None:
    frame, given_answers = odd(60, seed), answers(60, seed=seed)
    whole = count_rows(REFERENCE, frame, SCHEMA, predictions=given_answers)
    rows = [np.flatnonzero(part == i) for i in range(5)]
    parts = [
        count_rows(REFERENCE, frame.iloc[own], SCHEMA, predictions=given_answers[own])
        for own in rows
    ]
    assert sum(parts) == whole
    while len(parts) > 1:
        one = parts.pop(order.randrange(len(parts)))
        other = parts.pop(order.randrange(len(parts)))
        parts.append(one + other)
    assert parts == [whole]
    assert whole == ReferenceProfile.from_dict(json.loads(json.dumps(whole.to_dict())))


def test_current_rows_are_counted_on_the_edges_of_the_reference() -> None:
    # A third of the values are edges themselves.
    frame = pd.concat([table(60, seed=1), table().head(30)], ignore_index=True)
    frame["at"] = table(90)["at"]
    current = count_rows(REFERENCE, frame, SCHEMA, predictions=answers(90))
    assert current.rows == 90
    assert [each.bins for each in current.columns] == [
        each.bins for each in REFERENCE.columns
    ]
    age, region = current.columns[0], current.columns[2]
    present = frame["age"].dropna()
    places = [sum(value > edge for edge in age.bins.edges) for value in present]
    assert list(age.counts.cells) == [places.count(i) for i in range(age.bins.size)]
    assert age.counts.missing == 90 - len(present)
    expected = frame["region"].value_counts()
    assert region.counts.cells == (*expected[list(region.bins.levels)], 0)
    assert region.counts.missing == (frame["region"] == " ").sum()
    assert current.predictions[0].counts.rows == 90
    assert current.period == ("2024-01-01T00:00:00", "2024-01-04T17:00:00")


@pytest.mark.parametrize("seed", range(6))
def test_bins_cost_no_more_than_is_stated(seed: int) -> None:
    rng = RNG(seed)
    one, other = rng.normal(size=9000), rng.normal(0.1 * seed, 1 + 0.1 * seed, 700)
    if seed % 2:
        one, other = one.round(1), other.round(1)
    bins = number_bins(one)
    shares = [
        np.array(count_numbers(x, bins.edge_array)) / len(x) for x in (one, other)
    ]
    binned = np.abs(np.cumsum(shares[0]) - np.cumsum(shares[1])).max()
    exact = stats.ks_2samp(one, other).statistic
    assert binned <= exact + 1e-12
    assert exact <= binned + np.minimum(*shares).max() + 1e-12
    if len(np.unique(one)) <= 128:
        assert binned == pytest.approx(exact)


def test_a_reference_counted_on_itself_is_itself() -> None:
    again = count_rows(REFERENCE, table(), SCHEMA, predictions=answers(200))
    assert again == REFERENCE


def test_rows_of_an_absent_column_are_missing_and_known_to_be_so() -> None:
    lacking = count_rows(REFERENCE, table(40).drop(columns="age"), SCHEMA)
    (age, *_) = lacking.columns
    assert age.counts.all_absent
    assert (age.counts.missing, age.counts.absent, age.counts.present) == (40, 40, 0)
    assert not lacking.columns[1].counts.all_absent
    both = lacking + count_rows(REFERENCE, table(60), SCHEMA)
    assert not both.columns[0].counts.all_absent
    assert both.columns[0].counts.absent == 40
    none = count_rows(REFERENCE, table(0), SCHEMA)
    assert not none.columns[0].counts.all_absent
    assert none + lacking == lacking


def test_columns_that_the_schema_does_not_know_are_named() -> None:
    one = count_rows(REFERENCE, table(9).assign(shoe=1, hat=2), SCHEMA)
    other = count_rows(REFERENCE, table(9).assign(coat=1, hat=2), SCHEMA)
    assert one.extra == ("hat", "shoe")
    assert (one + other).extra == ("coat", "hat", "shoe")


def test_profiles_on_other_edges_do_not_add_up() -> None:
    other = reference_profile(table(seed=5), SCHEMA, predictions=answers(200))
    with pytest.raises(ValueError, match=r"'age' has .* edges.*on one reference"):
        REFERENCE + other
    fewer = replace(REFERENCE, columns=REFERENCE.columns[1:])
    with pytest.raises(ValueError, match=r"of the same columns, got .*age.* and "):
        REFERENCE + fewer
    with pytest.raises(ValueError, match=r"of the same predictions, got .* and none"):
        REFERENCE + count_rows(REFERENCE, table(), SCHEMA)


def test_a_metric_does_not_add_up_and_is_left_out() -> None:
    area = Performance("roc_auc", "ROC AUC", True, 0.9, 0.88, 0.92, 200)
    known = replace(REFERENCE, performance=area)
    assert (known + known).performance is None
    assert known == ReferenceProfile.from_dict(json.loads(json.dumps(known.to_dict())))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (("9", "10"), ("10", "1e+22"), ("9", "1e+22")),
        (("-3", "2"), None, ("-3", "2")),
        (
            ("2024-01-01T00:00:00", "2024-01-01T00:00:00.5"),
            ("2023-12-31T23:00:00", "2024-01-01T00:00:00"),
            ("2023-12-31T23:00:00", "2024-01-01T00:00:00.5"),
        ),
    ],
)
def test_the_period_of_both_is_from_the_first_to_the_last_moment(
    one: Any, other: Any, both: Any
) -> None:
    profiles = [replace(REFERENCE, period=each) for each in (one, other)]
    assert (profiles[0] + profiles[1]).period == both
    assert (profiles[1] + profiles[0]).period == both


def test_single_levels_are_counted_again_after_adding() -> None:
    frame = pd.DataFrame({"region": ["a", "a", "b", "c"]})
    schema = Schema((SCHEMA.column("region"), SCHEMA.column("bought")), *TASK)
    profile = reference_profile(frame, schema)
    (region,) = profile.columns
    assert (region.singletons, region.lists_all) == (2, True)
    (twice,) = (profile + profile).columns
    assert (twice.singletons, twice.lists_all) == (0, True)
    new = count_rows(profile, pd.DataFrame({"region": ["b", "new"]}), schema)
    (more,) = (profile + new).columns
    # Of rows in the last cell nobody knows how many levels they have.
    assert (more.singletons, more.lists_all) == (1, False)


def test_single_levels_of_many_are_told_of_the_listed_ones() -> None:
    levels = [*(["a"] * 3), *(f"k{i:05d}" for i in range(MOST_LEVELS + 10))]
    schema = Schema((SCHEMA.column("region"), SCHEMA.column("bought")), *TASK)
    (region,) = reference_profile(pd.DataFrame({"region": levels}), schema).columns
    assert not region.bins.complete
    assert not region.lists_all
    assert region.singletons == MOST_LEVELS - 1


VALUES = st.one_of(
    st.floats(-100, 100),
    st.floats(allow_nan=False, allow_infinity=False).map(
        lambda x: max(-1e38, min(1e38, x))
    ),
    st.sampled_from([0.0, -0.0, 1e38, -1e38, 5e-324, 1.0]),
)


@given(st.lists(VALUES, min_size=1, max_size=60), st.lists(VALUES, max_size=60))
@settings(max_examples=100, deadline=None)
def test_moments_are_the_exact_sums_of_rounded_values(
    known: list[float], values: list[float]
) -> None:
    grid = grid_of(np.sort(np.array(known)))
    assert grid is not None
    found = moments_of(np.sort(np.array(values, dtype=np.float64)), grid)
    steps = [int(np.rint((x - grid.origin) / grid.unit)) for x in values]
    assert found.total == sum(steps)
    assert found.squares == sum(step * step for step in steps)
    assert (found.least, found.most) == (
        min(values, default=None),
        max(values, default=None),
    )


def spread(values: np.ndarray, name: str) -> np.ndarray:
    return {
        "normal": values,
        "far from zero": 1e9 + values,
        "tiny": 1e-12 * values,
        "heavy": np.exp(3 * values),
        "mostly zero": np.where(values < 1, 0.0, values),
    }[name]


@pytest.mark.parametrize(
    "name", ["normal", "far from zero", "tiny", "heavy", "mostly zero"]
)
def test_mean_and_deviation_are_within_half_a_step(name: str) -> None:
    schema = Schema((SCHEMA.column("age"), SCHEMA.column("bought")), *TASK)
    rng = RNG(3)
    frames = [
        pd.DataFrame({"age": spread(rng.normal(size=5000), name)}) for _ in range(2)
    ]
    profile = reference_profile(frames[0], schema)
    (column,) = (profile + count_rows(profile, frames[1], schema)).columns
    grid, values = column.bins.grid, np.concatenate([f["age"] for f in frames])
    assert grid is not None
    exact = sum(map(Fraction, values.tolist())) / len(values)
    rounding = 1e-15 * float(np.abs(values).max())
    assert column.mean is not None
    assert column.deviation is not None
    assert abs(column.mean - float(exact)) <= grid.unit / 2 + rounding
    spreads = sum((Fraction(x) - exact) ** 2 for x in values.tolist()) / len(values)
    expected = math.sqrt(spreads)
    assert abs(column.deviation - expected) <= grid.unit / 2 + rounding
    # What is stated is small beside what the values are like.
    distance = np.abs(values - np.median(values))
    assert grid.unit <= np.median(distance[distance > 0]) / 2**15


def test_a_constant_has_moments_too() -> None:
    for constant in (0.0, 1.5, -3e30, 1e-300):
        grid = grid_of(np.full(4, constant))
        assert grid is not None
        found = moments_of(np.full(4, constant), grid)
        assert found.mean(grid, 4) == constant
        assert found.deviation(grid, 4) == 0


def test_no_values_have_no_moments() -> None:
    assert grid_of(np.empty(0)) is None
    grid = Grid(0.0, 1.0)
    assert moments_of(np.empty(0), grid) == Moments()
    assert Moments().mean(grid, 0) is None
    assert Moments().deviation(grid, 0) is None


def test_of_sensitive_columns_no_exact_number_is_kept() -> None:
    income = REFERENCE.columns[1]
    assert income.bins.grid is None
    assert income.counts.moments is None
    hidden = REFERENCE.hiding(["age", "note"])
    for column in (hidden.columns[0], hidden.columns[5]):
        assert column.bins.grid is None
        assert column.counts.moments is None
        assert column.mean is None
    current = count_rows(hidden, table(50), SCHEMA, predictions=answers(50))
    assert current.columns[0].counts.moments is None
    assert hidden + current == current + hidden


def cases() -> list[tuple[str, Any]]:
    """Return columns of every type that a table can hold, and what they should be."""
    numbers = [1.5, -0.0, 0.0, math.nan, math.inf, -math.inf, 3e38, -1e39, 2**53 + 2.0]
    words = ["a", " a", "b ", "", " ", "\t", None, "A", "é", "1", "1.0", "yes", "nan"]
    mixed = [
        1,
        1.0,
        True,
        None,
        math.nan,
        "1",
        " x ",
        b"y",
        pd.NaT,
        pd.NA,
        "2020-01-02",
    ]
    days = pd.to_datetime(["2020-01-02", None, "1969-12-31 23:59:59.9999999", "2020"],
                          format="mixed")  # fmt: skip
    whole = [3, 1, 1, -(2**62), 2**62]
    return [
        ("floats", numbers),
        ("floats of 32 bits", np.array(numbers[:6], dtype=np.float32)),
        ("no rows", np.array([], dtype=np.float64)),
        ("whole", np.array(whole)),
        ("bytes", np.array([1, 0, 255], dtype=np.uint8)),
        ("large", np.array([2**64 - 1, 0], dtype=np.uint64)),
        ("truth", np.array([True, False, True])),
        ("gaps", pd.array([1, None, 3], dtype="Int64")),
        ("truth with gaps", pd.array([True, None], dtype="boolean")),
        ("words", pd.Series(words, dtype="str")),
        ("objects", pd.Series(words, dtype=object)),
        ("mixed", pd.Series(mixed, dtype=object)),
        ("categories", pd.Series(pd.Categorical(words))),
        ("unused categories", pd.Series(pd.Categorical(["a"], categories=["b", "a"]))),
        ("whole categories", pd.Series(pd.Categorical([1, 2, 2, None]))),
        ("days", days),
        ("days of seconds", days.as_unit("s")),
        ("zoned", days.tz_localize("Asia/Tokyo")),
        ("arrow", pd.Series(["a ", None], dtype=pd.ArrowDtype(pa.string()))),
        ("nothing", pd.Series([None, None], dtype=object)),
    ]  # fmt: skip


KINDS: tuple[Any, ...] = ("number", "date", "category", "boolean", "text", "identifier")


def same(one: Tally, other: Tally, column: Column) -> None:
    for name in ("there", "missing", "unreadable", "present"):
        assert getattr(one, name) == getattr(other, name), name
    assert levels(one) == levels(other)
    if column.kind != "identifier":
        assert one.numbers.dtype == other.numbers.dtype == np.float64
        assert list(one.numbers) == list(other.numbers)


def levels(tally: Tally) -> dict[str, int]:
    found: dict[str, int] = {}
    for text, often in zip(tally.texts.to_pylist(), tally.often.tolist(), strict=True):
        found[text] = found.get(text, 0) + often
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "values"), cases())
def test_columns_are_read_at_once_as_they_are_read_cell_by_cell(
    name: str, values: Any, kind: Any
) -> None:
    column = Column("x", kind)
    frame = pd.DataFrame({"x": values})
    slow = tally_read(read_column(frame, column), kind in LEVELS)
    same(tally_column(frame, column), slow, column)
    repeated = pd.concat([frame, frame], axis=1)
    same(tally_column(repeated, column), slow, column)


ODD = st.one_of(
    st.floats(),
    st.sampled_from(["", " ", "a", " a ", "yes", "TRUE", "0", "1e3", "2021-03-04"]),
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=3),
)
TYPES = ("object", "str", "category", "float64", "int64", "bool", "datetime64[us]")


@given(st.lists(ODD, max_size=12), st.sampled_from(TYPES), st.sampled_from(KINDS))
@settings(max_examples=120, deadline=None)
def test_odd_values_of_any_type_are_read_alike(
    values: list[Any], dtype: str, kind: Any
) -> None:
    try:
        cells = pd.Series(values, dtype=object).astype(dtype)
    except (ValueError, TypeError, OverflowError):
        return
    column, frame = Column("x", kind), pd.DataFrame({"x": cells})
    slow = tally_read(read_column(frame, column), kind in LEVELS)
    same(tally_column(frame, column), slow, column)


def test_the_moments_of_a_time_column_are_told_alike_for_all_types() -> None:
    day = pd.Series(["2024-02-03 04:05", None, "2024-01-02", "2024-02-03 04:05:06"])
    stamps = pd.to_datetime(day, format="mixed")
    number = pd.Series([3.0, math.nan, -0.0, 2.5])
    for kind, columns in (
        ("date", (day, stamps, stamps.astype("datetime64[ns]"),
                  stamps.dt.tz_localize("UTC"))),
        ("number", (number, number.astype(str), number.astype(object))),
    ):  # fmt: skip
        column = Column("x", kind, "time")
        expected = read_column(pd.DataFrame({"x": columns[0]}), column).ends
        assert expected is not None
        for values in columns:
            assert ends(pd.DataFrame({"x": values}), column) == expected
    empty = pd.DataFrame({"x": np.array([math.nan])})
    assert ends(empty, Column("x", "number", "time")) is None
    gone = pd.DataFrame({"x": pd.to_datetime([None])})
    assert ends(gone, Column("x", "date", "time")) is None


FORMAT_1 = {
    "format": 1,
    "rows": 4,
    "columns": [
        {
            "name": "age",
            "kind": "number",
            "sensitive": False,
            "measure": "number",
            "bins": {
                "edges": [1.0, 2.0],
                "cuts": [0, 1],
                "levels": [],
                "complete": True,
                "masked": False,
            },
            "counts": {"cells": [1, 1, 1], "missing": 1, "unreadable": 0},
            "singletons": 0,
        },
        {
            "name": "region",
            "kind": "category",
            "sensitive": False,
            "measure": "level",
            "bins": {
                "edges": [],
                "cuts": [],
                "levels": ["north", "south"],
                "complete": True,
                "masked": False,
            },
            "counts": {"cells": [3, 1, 0], "missing": 0, "unreadable": 0},
            "singletons": 1,
        },
    ],
    "predictions": [],
    "performance": None,
    "period": ["2024-01-01T00:00:00", "2024-02-01T00:00:00"],
}


def test_a_profile_of_format_1_is_read_and_counted_on() -> None:
    profile = ReferenceProfile.from_dict(FORMAT_1)
    age, region = profile.columns
    assert (age.counts.present, age.counts.missing, age.mean) == (3, 1, None)
    assert (region.singletons, region.lists_all) == (1, True)
    assert profile.period == ("2024-01-01T00:00:00", "2024-02-01T00:00:00")
    current = count_rows(profile, table(60), SCHEMA)
    assert current.columns[0].counts.moments is None
    assert current + current == count_rows(profile, pd.concat([table(60)] * 2), SCHEMA)
    stored = profile.to_dict()
    assert stored["format"] == 2
    assert ReferenceProfile.from_dict(stored) == profile
