"""The verdict on the data: which columns count towards their share, and who is told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from mlkit.data import Column, Schema
from mlkit.drift import DriftReport, Spending, detect, reference_profile
from mlkit.params.models import Drift

NAMES = [f"n{i}" for i in range(10)]
TASK: tuple[Any, ...] = ("binary", "y", ("False", "True"), "True")
SCHEMA = Schema(
    (*(Column(name, "number") for name in NAMES), Column("y", "boolean", "target")),
    *TASK,
)


def rows(n: int, seed: int, shift: float = 0.0, columns: int = 10) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(n, len(NAMES)))
    values[:, :columns] += shift
    return pd.DataFrame(values, columns=NAMES)


def found(
    shift: float, *, columns: int = 10, level: float | None = None, **bounds: object
) -> DriftReport:
    reference = reference_profile(rows(20_000, 0), SCHEMA)
    current = rows(20_000, 1, shift, columns)
    return detect(
        reference, current, SCHEMA, params=Drift.model_validate(bounds), level=level
    )


@pytest.mark.parametrize("level", [None, Spending().level(1)])
def test_a_share_of_tiny_changes_is_no_drift_of_the_data(level: float | None) -> None:
    # A shift by 0.1 standard deviations is one of 0.04, by 0.16 one of 0.064.
    tiny = found(0.1, level=level)
    assert len(tiny.flagged) == 10
    assert tiny.verdict == "columns"
    assert ", none of them with an effect of 0.05 or more: too few" in tiny.reason
    small = found(0.16, level=level)
    assert small.verdict == "drift"
    assert small.reason == (
        "10 of 10 columns are flagged with an effect of 0.05 or more, at least the 30 "
        "% that make drift of the data."
    )


def test_only_changes_of_some_size_count_towards_the_share() -> None:
    current = rows(20_000, 1, 0.1)
    for columns, verdict in ((2, "columns"), (3, "drift")):
        moved = current.copy()
        moved.iloc[:, :columns] += 0.06
        reference = reference_profile(rows(20_000, 0), SCHEMA)
        report = detect(reference, moved, SCHEMA, params=Drift())
        assert len(report.flagged) == 10
        assert report.verdict == verdict
        said = "3 of 10 columns" if verdict == "drift" else ", 2 of them with an effect"
        assert said in report.reason


def test_the_size_that_counts_is_a_bound_of_the_case() -> None:
    assert found(0.1, share_effect=0.03).verdict == "drift"
    assert found(0.16, share_effect=0.08).verdict == "columns"


@pytest.mark.parametrize("n", [1, 49])
def test_a_reference_of_few_rows_judges_nothing(n: int) -> None:
    reference = reference_profile(rows(n, 0), SCHEMA)
    report = detect(reference, rows(1000, 1, 3.0), SCHEMA, params=Drift())
    assert report.verdict == "too_few"
    assert report.columns == ()
    number = "1 row" if n == 1 else f"{n} rows"
    assert report.reason == (
        f"Too few reference rows: the reference has {number}, and at least 50 are "
        "needed to say what is usual (drift.min_rows)."
    )
    enough = reference_profile(rows(50, 0), SCHEMA)
    assert detect(enough, rows(50, 1, 3.0), SCHEMA, params=Drift()).drifted


@pytest.mark.parametrize("n", [50, 60])
def test_a_value_that_stays_at_the_highest_of_a_small_reference_is_drift(
    n: int,
) -> None:
    reference = rows(n, 0)
    stuck = rows(300, 1).assign(n0=reference["n0"].max())
    profile = reference_profile(reference, SCHEMA)
    report = detect(profile, stuck, SCHEMA, params=Drift())
    assert report.verdict == "drift"
    assert report.flagged[0] == "n0"
    (test,) = (each for each in report.columns[0].tests if each.flagged)
    assert test.p < 1e-9


def first(reference: np.ndarray, current: np.ndarray) -> float:
    return 1.0


def test_a_statistic_of_ones_own_counts_whatever_the_effect() -> None:
    own = {"name": "mine", "path": f"{__name__}:first", "threshold": 0.5}
    assert found(0.0, statistics=[own]).verdict == "drift"


@pytest.mark.parametrize("wrong", [0.02, 0.11])
def test_the_size_that_counts_lies_between_its_neighbours(wrong: float) -> None:
    with pytest.raises(ValidationError, match=r"from 0\.03 to 0\.1, got 0\.") as caught:
        Drift(share_effect=wrong)
    assert "share_effect that is not below min_effect" in str(caught.value)


@pytest.mark.parametrize("given", [{"min_effect": 0.06}, {"large_effect": 0.04}])
def test_a_neighbour_is_moved_without_the_size_that_counts(
    given: dict[str, float],
) -> None:
    drift = Drift.model_validate(given)
    assert drift.share_effect == 0.05
    assert Drift.model_validate(json.loads(drift.model_dump_json())) == drift


def test_the_effect_of_levels_is_what_is_left_beyond_chance() -> None:
    rng, levels, n, m = np.random.default_rng(5), 40, 1000, 400
    schema = Schema((Column("c", "category"), SCHEMA.column("y")), *TASK)
    before = np.full(levels, 1 / levels)
    now = before + np.repeat([0.005, -0.005], levels // 2)
    counts = [rng.multinomial(size, p) for size, p in ((n, before), (m, now))]
    frames = [
        pd.DataFrame({"c": np.repeat(np.arange(levels), each).astype(str)})
        for each in counts
    ]
    profile = reference_profile(frames[0], schema)
    (column,) = detect(profile, frames[1], schema, params=Drift()).columns
    plain = np.abs(counts[0] / n - counts[1] / m).sum() / 2
    pooled = (counts[0] + counts[1]) / (n + m)
    drawn = [
        np.abs(rng.multinomial(n, pooled) / n - rng.multinomial(m, pooled) / m).sum()
        for _ in range(2000)
    ]
    chance = np.mean(drawn) / 2
    (effect,) = (test.effect for test in column.tests if test.subject == "values")
    assert effect == pytest.approx(np.sqrt(plain**2 - chance**2), abs=0.005)
    # The levels moved by 0.1 in truth.
    assert effect == pytest.approx(0.1, abs=0.03)
    assert plain > 0.15


def test_dates_are_apart_by_days() -> None:
    schema = Schema((Column("d", "date"), SCHEMA.column("y")), *TASK)
    days = np.random.default_rng(6).integers(0, 400, 2000)
    first = np.datetime64("2020-01-01", "us")
    frames = [
        pd.DataFrame({"d": first + each.astype("timedelta64[D]")})
        for each in (days[:1200], days[1200:] + 30)
    ]
    profile = reference_profile(frames[0], schema)
    (column,) = detect(profile, frames[1], schema, params=Drift()).columns
    expected = stats.wasserstein_distance(days[:1200], days[1200:] + 30)
    assert expected == pytest.approx(30, abs=5)
    assert column.statistics["wasserstein_plain"] == pytest.approx(expected, rel=0.03)
