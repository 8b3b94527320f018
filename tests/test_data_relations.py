"""Columns that together are the target: products, ratios, dates and pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.data import prepare
from mlkit.data.relations import parts_of_target
from mlkit.data.strengths import make_folds
from mlkit.params.models import Params

N = 800
CHANCE = np.random.default_rng(9)
WIDE = pd.DataFrame(CHANCE.gamma(2, 3, (N, 6)), columns=[*"abcdef"])


def parts(frame: pd.DataFrame, target: Any, **options: Any) -> dict[str, str]:
    values = np.asarray(target, dtype=float)
    return parts_of_target(frame, values, make_folds(values), **options)


@pytest.mark.parametrize(
    ("target", "found", "said"),
    [
        (WIDE.a * WIDE.b, "ab", "'a' x 'b' but for a scale"),
        (WIDE.a / WIDE.c, "ac", "'a' x 'c' to the -1 but for a scale"),
        (703 * WIDE.a / WIDE.b**2, "ab", "'a' x 'b' to the -2"),
        (WIDE.a * WIDE.b * WIDE.f, "abf", "'a' x 'b' x 'f'"),
        ((WIDE.a * WIDE.b).round(2), "ab", "'a' x 'b'"),
        (WIDE.a - WIDE.d, "ad", "add up to the target: 'a' - 'd'"),
        (2 * WIDE.a - 3 * WIDE.d, "ad", "which is 2 x 'a' - 3 x 'd'"),
    ],
)
def test_products_and_differences_are_found(
    target: pd.Series, found: str, said: str
) -> None:
    reasons = parts(WIDE, target)
    assert [*reasons] == [*found]
    assert said in reasons["a"]


def test_products_with_zeros_are_found() -> None:
    frame = WIDE.assign(qty=CHANCE.poisson(1, N), unit=CHANCE.integers(1, 60, N))
    frame = frame.astype(float)
    assert [*parts(frame, frame.qty * frame.unit)] == ["qty", "unit"]
    ratio = frame.qty / frame.unit
    assert "'qty' / 'unit'" in parts(frame, ratio)["qty"]


def test_pairs_with_many_missing_values_are_found() -> None:
    frame = WIDE.copy()
    frame.loc[CHANCE.random(N) < 0.4, "a"] = np.nan
    assert [*parts(frame, WIDE.a + WIDE.b)] == ["a", "b"]


def test_a_difference_of_dates_is_found() -> None:
    start = pd.Timestamp("2016-01-01") + pd.to_timedelta(CHANCE.random(N) * 300, "D")
    start = pd.Series(start).dt.round("min")
    hours = CHANCE.gamma(2, 20, N).round(1)
    frame = WIDE.assign(opened=start, closed=start + pd.to_timedelta(hours, "h"))
    reasons = parts(frame, hours)
    assert [*reasons] == ["opened", "closed"]
    assert "- 24 x 'opened' + 24 x 'closed'" in reasons["opened"]


def test_chance_noise_and_one_huge_row_are_no_relation() -> None:
    target = CHANCE.gamma(2, 3, N)
    assert parts(WIDE, target) == {}
    assert parts(WIDE, WIDE.a * WIDE.b + CHANCE.normal(size=N)) == {}
    huge = WIDE.copy()
    huge.loc[5, ["a", "b"]] = 1e9
    target[5] = 1e18
    assert parts(huge, target) == {}


def test_what_is_nearly_the_target_makes_no_pair() -> None:
    frame = WIDE.assign(copy=WIDE.a + 1e-4 * CHANCE.normal(size=N), tiny=1e-4 * WIDE.b)
    assert parts(frame, WIDE.a, alone=frozenset({"a", "copy"})) == {}


def test_texts_constants_and_no_rows_are_passed_over() -> None:
    frame = pd.DataFrame({"x": ["u"] * N, "k": np.ones(N), "a": WIDE.a})
    assert parts(frame, WIDE.a * 2) == {}
    assert parts(WIDE, np.ones(N)) == {}
    assert parts(WIDE.iloc[:0], []) == {}


def test_factors_are_suspected_by_the_data_step() -> None:
    params = Params.model_validate(
        {"case": "c", "task": "regression", "data": {"source": "t", "target": "y"}}
    )
    dataset = prepare(WIDE.assign(y=WIDE.a * WIDE.b), params)
    assert {check.column for check in dataset.leakage} == {"a", "b"}
