"""Checks that are repeated: what each may spend, and that the verdict is held to it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift import (
    DriftReport,
    Performance,
    ReferenceProfile,
    Spending,
    detect,
    reference_profile,
)
from mlkit.params.models import Drift

RNG = np.random.default_rng
NAMES = [f"n{i}" for i in range(10)]
SCHEMA = Schema(
    (*(Column(name, "number") for name in NAMES), Column("y", "boolean", "target")),
    *("binary", "y", ("False", "True"), "True"),
)


def rows(n: int, seed: int, *, shift: float = 0.0, columns: int = 1) -> pd.DataFrame:
    values = RNG(seed).normal(size=(n, len(NAMES)))
    values[:, :columns] += shift
    return pd.DataFrame(values, columns=NAMES)


@pytest.fixture(scope="module")
def reference() -> ReferenceProfile:
    return reference_profile(rows(20_000, 0), SCHEMA)


def check(
    reference: ReferenceProfile, frame: pd.DataFrame, level: float | None
) -> DriftReport:
    return detect(reference, frame, SCHEMA, params=Drift(), level=level)


@given(st.floats(1e-6, 0.5), st.integers(1, 2000), st.integers(1, 10_000))
def test_no_year_spends_more_than_its_rate(alpha: float, a_year: int, at: int) -> None:
    spending = Spending(alpha, a_year)
    year = sum(spending.level(number) for number in range(at, at + a_year))
    assert year == pytest.approx(alpha)
    forever = Spending(alpha, a_year, forever=True)
    whole = sum(forever.level(number) for number in range(1, 5000))
    assert 0.999 * alpha < whole < alpha


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Spending(alpha=0), "alpha must be a chance between 0 and 1"),
        (lambda: Spending(alpha=1.0), "got 1.0"),
        (lambda: Spending(alpha=float("nan")), "got nan; 0.05 is a false alarm"),
        (lambda: Spending(checks_a_year=0), "a whole number of 1 or more, got 0; 365"),
        (lambda: Spending().level(0), "check_number must be .* of 1 or more, got 0"),
    ],
)
def test_spending_refuses_what_is_no_rate(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Spending("0.05"), "alpha must be a chance .*, a number, got '0.05'"),
        (lambda: Spending(checks_a_year=float("nan")), "whole number .* got nan"),
        (lambda: Spending(checks_a_year="365"), "checks_a_year must .* got '365'"),
        (lambda: Spending(checks_a_year=True), "got True"),
        (lambda: Spending().level(1.5), "check_number must be .* got 1.5; 1 is the"),
        (lambda: Spending(forever=True).level(None), "got None"),
    ],
)
def test_spending_refuses_what_is_no_number(call: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call()  # type: ignore[operator]


def test_a_count_of_numpy_is_a_number() -> None:
    assert Spending(0.05, np.int64(5)).level(np.int32(2)) == 0.01


def test_a_level_is_a_number(reference: ReferenceProfile) -> None:
    with pytest.raises(TypeError, match=r"level must be a chance .* got '0.01'; give"):
        check(reference, rows(100, 1), "0.01")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, float("nan")])
def test_a_level_is_a_chance(reference: ReferenceProfile, level: float) -> None:
    with pytest.raises(ValueError, match=r"level must be a chance between 0 and 1"):
        check(reference, rows(100, 1), level)


def test_a_series_asks_for_more_than_a_check_on_its_own(
    reference: ReferenceProfile,
) -> None:
    level = Spending().level(1)
    moved = rows(100, 12, shift=0.5)
    alone, held = (check(reference, moved, each) for each in (None, level))
    assert alone.verdict == "drift"
    assert held.verdict == "columns", "flags do not change"
    assert alone.flagged == held.flagged == ("n0",)
    assert check(reference, rows(300, 2, shift=0.6), level).verdict == "drift"


def test_a_series_finds_nothing_that_a_check_on_its_own_does_not(
    reference: ReferenceProfile,
) -> None:
    # However sure it is that there is some change, a trifle is none of the data.
    small = rows(20_000, 3, shift=0.15)
    assert check(reference, small, 0.9).verdict == "columns"
    for seed in range(20):
        moved = rows(150, seed, shift=0.45)
        held, alone = (check(reference, moved, each).verdict for each in (1e-4, None))
        assert held == alone or (held, alone) == ("columns", "drift")


def test_a_share_of_columns_is_drift_in_a_series_too(
    reference: ReferenceProfile,
) -> None:
    level = Spending().level(1)
    many = rows(3000, 3, shift=0.25, columns=5)
    held = check(reference, many, level)
    assert held.verdict == "drift"
    assert "5 of 10 columns are flagged" in held.reason
    assert "Large" not in held.reason
    few = check(reference, rows(3000, 4, shift=0.25, columns=2), level)
    assert few.verdict == "columns"
    faint = check(reference, rows(300, 4, shift=0.25, columns=5), level)
    assert faint.verdict != "drift", "flagged perhaps, and not sure enough"


def test_a_broken_schema_needs_no_level(reference: ReferenceProfile) -> None:
    broken = rows(100, 5).drop(columns="n3")
    assert check(reference, broken, 1e-9).verdict == "drift"


def sparse(n: int, seed: int, *, unreadable: float = 0.05) -> pd.DataFrame:
    """Return rows of which 3 % have a value in one column, some of them no number."""
    rng = RNG([seed, n])
    filled = rng.random(n) < 0.03
    slip = filled & (rng.random(n) < unreadable)
    values = np.where(slip, "n/k", np.where(filled, "1.5", None))
    return pd.DataFrame({"n0": rng.normal(size=n), "sparse": values})


def test_a_slip_in_a_column_that_is_rarely_filled_is_no_drift() -> None:
    columns = (Column("n0", "number"), Column("sparse", "number"), SCHEMA.columns[-1])
    narrow = Schema(columns, *("binary", "y", ("False", "True"), "True"))
    profile = reference_profile(sparse(20_000, 0), narrow)

    def judged(frame: pd.DataFrame, level: float | None) -> DriftReport:
        return detect(profile, frame, narrow, params=Drift(), level=level)

    level = Spending().level(1)
    calm = [
        judged(sparse(50, seed), each) for seed in range(60) for each in (level, None)
    ]
    assert not any(report.drifted for report in calm)
    # Without any value, by chance, as every fifth of these windows is.
    assert judged(sparse(50, 0).assign(sparse=None), level).verdict == "none"
    other = judged(sparse(3000, 1, unreadable=1.0), None)
    assert other.verdict == "drift"
    assert "'sparse'" in other.reason
    lost = sparse(3000, 2).assign(n0=["n/k"] * 3000)
    assert judged(lost, level).verdict == "drift"
    assert judged(sparse(50, 3).assign(n0=None), level).verdict == "drift"


def test_a_window_without_a_value_may_be_chance() -> None:
    columns = (Column("n0", "number"), SCHEMA.columns[-1])
    narrow = Schema(columns, *("binary", "y", ("False", "True"), "True"))
    before = rows(2000, 0)[["n0"]]
    before.loc[before.index % 8 > 0, "n0"] = np.nan
    profile = reference_profile(before, narrow)
    empty = pd.DataFrame({"n0": [np.nan] * 50})

    def verdict(level: float | None, n: int) -> str:
        now = pd.concat([empty] * n, ignore_index=True)
        return detect(profile, now, narrow, params=Drift(), level=level).verdict

    # In 0.875 to the power of 50, one of 800, of all windows of 50 rows.
    assert verdict(None, 1) == "drift"
    assert verdict(Spending().level(1), 1) == "columns"
    assert verdict(Spending().level(1), 40) == "drift"


def test_predictions_and_performance_are_held_to_the_level_too() -> None:
    def area(value: float) -> Performance:
        ends = value - 0.02, value + 0.02
        return Performance("roc_auc", "ROC AUC", True, value, *ends, 500)

    def answers(shift: float, n: int, seed: int) -> np.ndarray:
        positive = 1 / (1 + np.exp(-RNG(seed).normal(shift, 1, n)))
        return np.column_stack([1 - positive, positive])

    profile = reference_profile(
        rows(3000, 0),
        SCHEMA,
        predictions=answers(0, 3000, 1),
        performance=area(0.9),
    )

    def verdict(shift: float, value: float, level: float | None) -> str:
        return detect(
            profile,
            rows(400, 6),
            SCHEMA,
            params=Drift(),
            predictions=answers(shift, 400, 2),
            performance=area(value),
            level=level,
        ).verdict

    assert verdict(0.6, 0.9, None) == "drift"
    assert verdict(0.6, 0.9, 1e-20) == "columns", "flagged, and not sure enough"
    assert verdict(0.6, 0.9, 1e-6) == "drift"
    assert verdict(1.5, 0.9, 1e-6) == "drift"
    assert verdict(0.0, 0.86, None) == "drift"
    assert verdict(0.0, 0.86, 1e-6) == "none"
    assert verdict(0.0, 0.7, 1e-6) == "drift"


def test_the_verdict_says_how_often_it_is_wrong(reference: ReferenceProfile) -> None:
    alone = check(reference, rows(300, 7), None)
    assert alone.error_rate is not None
    assert alone.error_rate.rate == 0.03
    assert alone.error_rate.words == (
        "An upper bound: without any change, at most 3 % of checks say drift. Checks "
        "that are repeated are wrong more often, unless they share one rate, as those "
        "of a monitor do (monitor.windows_a_year)."
    )
    held = check(reference, rows(300, 7), 0.05 / 365)
    assert held.error_rate is not None
    assert held.error_rate.rate == 0.05 / 365
    assert "at most one of 7,300 checks says drift" in held.error_rate.words
    stored = json.loads(json.dumps(held.to_dict()))
    assert stored["level"] == 0.05 / 365
    assert stored["error_rate"]["rate"] == 0.05 / 365


def test_two_months_of_calm_days_raise_no_alarm(reference: ReferenceProfile) -> None:
    spending = Spending(alpha=0.05, checks_a_year=60)
    verdicts = [
        check(reference, rows(100, 100 + day), spending.level(day)).verdict
        for day in range(1, 61)
    ]
    assert "drift" not in verdicts
