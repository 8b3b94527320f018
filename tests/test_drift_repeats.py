"""Copies of a row tell no more than the row; rows that are equal by chance do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift import Multivariate, multivariate
from mlkit.drift.matrix import Side, sides
from mlkit.drift.repeats import distinct
from mlkit.params.models import Drift

NAMES = ("a", "b", "c")
Draw = Callable[[np.random.Generator, int], pd.DataFrame]


def numbers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(rng.normal(size=(n, 3)), columns=NAMES)


def mixed(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return numbers(rng, n).assign(c=rng.choice(list("xyz"), n))


def integers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    frame = mixed(rng, n)
    return frame.assign(a=rng.integers(18, 68, n), b=rng.poisson(3, n))


def defaults(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return rows of which two in five are empty forms."""
    frame = numbers(rng, n)
    frame[rng.random(n) < 0.4] = 0.0
    return frame


def categories(rng: np.random.Generator, n: int) -> pd.DataFrame:
    drawn = rng.choice(list("wxyz"), (n, 3), p=[0.4, 0.3, 0.2, 0.1])
    return pd.DataFrame(drawn, columns=NAMES)


def schema(frame: pd.DataFrame) -> Schema:
    columns = [
        Column(
            name,
            "number" if pd.api.types.is_numeric_dtype(frame[name]) else "category",
        )
        for name in NAMES
    ]
    return Schema((*columns, Column("y", "number", "target")), "regression", "y")


def look(one: pd.DataFrame, other: pd.DataFrame) -> Multivariate:
    return multivariate(one, other, schema(one), params=Drift())


def kept(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = distinct(sides(one, other, schema(one)))
    return one.iloc[rows[0]], other.iloc[rows[1]]


def copied(draw: Draw, rng: np.random.Generator, n: int, times: int) -> pd.DataFrame:
    return pd.concat([draw(rng, n)] * times, ignore_index=True)


@pytest.mark.parametrize("draw", [numbers, mixed, integers, defaults])
@pytest.mark.parametrize("times", [2, 5])
def test_entities_that_are_logged_several_times_are_no_change(
    draw: Draw, times: int
) -> None:
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found.append(look(draw(rng, 800), copied(draw, rng, 100, times)))
    assert sum(each.flagged for each in found) <= 1
    for each in found:
        assert each.domain is not None
        assert 80 <= each.domain.current_rows <= 110


@pytest.mark.parametrize("draw", [numbers, mixed, defaults])
def test_entities_that_both_sides_repeat_are_no_change(draw: Draw) -> None:
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        both = copied(draw, rng, 300, 5), copied(draw, rng, 100, 5)
        found.append(look(*both))
        assert [len(each) for each in kept(*both)] == pytest.approx([300, 100], abs=9)
    assert sum(each.flagged for each in found) <= 1


def test_a_window_with_more_entities_than_the_reference_has_rows_is_no_exception() -> (
    None
):
    rng = np.random.default_rng(0)
    for draw in (numbers, mixed):
        one, other = kept(draw(rng, 300), copied(draw, rng, 900, 2))
        assert (len(one), len(other)) == (300, 900)


def test_copies_do_not_make_up_for_rows_that_are_too_few() -> None:
    rng = np.random.default_rng(0)
    found = look(numbers(rng, 300), copied(numbers, rng, 12, 9))
    assert not found.ran
    assert "12 rows that are no copies of one another, and 50 are" in found.reason


def test_each_rare_row_stays_once_and_frequent_ones_keep_their_share() -> None:
    rng = np.random.default_rng(0)
    once = defaults(rng, 100)
    _, other = kept(defaults(rng, 800), pd.concat([once] * 3))
    pd.testing.assert_frame_equal(
        other.sort_values([*NAMES]).reset_index(drop=True),
        once.sort_values([*NAMES]).reset_index(drop=True),
    )


@pytest.mark.parametrize("draw", [categories, integers, numbers, defaults])
def test_rows_that_are_equal_by_chance_all_stay(draw: Draw) -> None:
    rng = np.random.default_rng(1)
    for n in (60, 200, 900):
        one, other = draw(rng, 900), draw(rng, n)
        assert [len(each) for each in kept(one, other)] == [900, n]


def test_categories_that_come_to_go_together_or_no_longer_do_are_seen() -> None:
    rng = np.random.default_rng(2)
    free, other = categories(rng, 900), categories(rng, 400)
    assert look(free, other.assign(b=other["a"])).separable
    assert look(free.assign(b=free["a"]), other).separable
    assert not look(free, other).flagged
    joined = integers(rng, 400)
    joined["c"] = np.array(list("xyz"))[joined["a"].to_numpy() // 3 % 3]
    assert look(integers(rng, 2000), joined).separable


@given(
    copies=st.lists(st.integers(1, 4), min_size=1, max_size=40),
    seed=st.integers(0, 9),
)
def test_of_unlike_rows_one_of_each_stays_in_whatever_order(
    copies: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.normal(size=len(copies)), copies)
    values[values == values[0]] = np.nan
    column = Side("a", rng.normal(size=90), rng.permutation(values))
    reference, current = distinct([column])
    assert list(reference) == list(range(90))
    assert list(current) == sorted(set(current))
    left = Counter(np.nan_to_num(column.current[current], nan=9.0))
    assert left == Counter(set(np.nan_to_num(values, nan=9.0)))
