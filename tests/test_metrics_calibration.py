"""Calibration: the error by hand, its floor by simulation, its test by repetition."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from mlkit.metrics import Scored, calibration, compute, estimate


def scored(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Scored:
    return Scored("binary", y, np.column_stack([1 - p, p]), weight)


def drawn(n: int, seed: int, *, stretch: float = 1.0) -> Scored:
    """Return outcomes of true probabilities that are told with stretched log-odds."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n)
    y = rng.random(n) < 1 / (1 + np.exp(-odds))
    return scored(1 / (1 + np.exp(-stretch * odds)), y.astype(float))


def naive(p: np.ndarray, y: np.ndarray, bins: int) -> float:
    """Return the calibration error over bins of equally many rows, all p different."""
    parts = np.array_split(np.argsort(p), bins)
    return sum(
        abs(y[rows].mean() - p[rows].mean()) * len(rows) for rows in parts
    ) / len(p)


def test_the_error_is_the_mean_gap_over_bins_of_equal_mass() -> None:
    rng = np.random.default_rng(0)
    p, y = rng.random(1000), rng.integers(0, 2, 1000)
    assert compute("calibration_error", scored(p, y)) == pytest.approx(naive(p, y, 10))
    few = slice(0, 50)
    assert compute("calibration_error", scored(p[few], y[few])) == pytest.approx(
        naive(p[few], y[few], 5)
    )


def test_equal_probabilities_share_a_bin() -> None:
    p = np.repeat([0.2, 0.8], [300, 100])
    y = np.tile([1, 0, 0, 1], 100)
    found = calibration(scored(p, y))
    assert [each.n for each in found.bins] == [300, 100]
    assert found.error == pytest.approx((300 * 0.3 + 100 * 0.3) / 400)
    assert found.bins[0].observed == pytest.approx(0.5)
    expected = stats.binomtest(150, 300).proportion_ci(method="wilson")
    assert (found.bins[0].lower, found.bins[0].upper) == pytest.approx(
        (expected.low, expected.high)
    )


def test_weights_move_bins_and_gaps() -> None:
    p = np.repeat([0.2, 0.8], 100)
    y = np.tile([1, 0], 100)
    weight = np.where(y == 1, 3.0, 1.0)
    found = compute("calibration_error", scored(p, y, weight))
    assert found == pytest.approx((0.55 + 0.05) / 2)


def test_the_floor_is_what_a_perfect_model_shows_on_average() -> None:
    one = drawn(500, 1)
    p = one.prediction[:, 1]
    rng = np.random.default_rng(9)
    by_hand = [naive(p, (rng.random(500) < p).astype(float), 10) for _ in range(1000)]
    found = calibration(one)
    # 1,000 simulated errors with a standard deviation of about 0.011.
    assert found.floor == pytest.approx(np.mean(by_hand), abs=0.002)
    assert found.floor == calibration(one).floor
    repeats = [calibration(drawn(500, seed)).error for seed in range(200)]
    assert np.mean(repeats) == pytest.approx(found.floor, abs=0.004)


def test_the_floor_falls_with_the_root_of_the_rows() -> None:
    small, large = (calibration(drawn(n, 2)).floor for n in (400, 6400))
    assert small / large == pytest.approx(4, rel=0.15)


def test_a_perfect_model_is_suspected_in_5_percent_and_a_bad_one_always() -> None:
    p_values = [calibration(drawn(300, seed)).p_value for seed in range(300)]
    # 300 draws at 5 %: at most 27 in 999 of 1,000 repetitions.
    assert np.sum(np.array(p_values) < 0.05) <= stats.binom.ppf(0.999, 300, 0.05)
    assert calibration(drawn(1000, 3, stretch=2.5)).p_value < 0.01


def test_the_interval_reaches_down_to_0_for_a_perfect_model() -> None:
    found = [estimate("calibration_error", drawn(300, seed)) for seed in range(100)]
    assert np.mean([each.lower == 0 for each in found]) > 0.93
    bad = estimate("calibration_error", drawn(3000, 1, stretch=2.5))
    truth = calibration(drawn(200_000, 2, stretch=2.5)).error
    assert 0.02 < bad.lower < truth < bad.upper


def test_a_multiclass_model_is_judged_by_its_predicted_class() -> None:
    rng = np.random.default_rng(4)
    p = rng.dirichlet([1, 1, 1], 2000)
    y = np.array([rng.choice(3, p=row) for row in p])
    found = calibration(Scored("multiclass", y, p, average="macro"))
    top = p.max(axis=1)
    by_hand = naive(top, (p.argmax(axis=1) == y).astype(float), 10)
    assert found.error == pytest.approx(by_hand)
    assert found.of == "predicted class"
    assert found.p_value > 0.01
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(record["bins"]) == 10
    assert sum(each["n"] for each in record["bins"]) == 2000
