"""Intervals of many rows: the value of all of them, as wide as they make it."""

from __future__ import annotations

import numpy as np
import pytest

from mlkit.metrics import METRICS, Scored, estimates
from mlkit.monitor import intervals
from mlkit.monitor.intervals import estimated, evenly

OPTIONS = {"confidence": 0.95, "resamples": 400, "seed": 1}
BINARY = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss")
AMOUNTS = ("mae", "rmse", "r2")


def binary(n: int, *, slope: float = 1.0) -> Scored:
    rng = np.random.default_rng(3)
    x = slope * rng.normal(size=n)
    p = 1 / (1 + np.exp(-x))
    return Scored("binary", rng.random(n) < p, np.column_stack([1 - p, p]))


def amounts(n: int) -> Scored:
    rng = np.random.default_rng(3)
    x = rng.normal(size=n)
    return Scored("regression", x + rng.standard_t(5, size=n), x)


@pytest.mark.parametrize(
    ("names", "scored"), [(BINARY, binary(40_000)), (AMOUNTS, amounts(40_000))]
)
def test_intervals_of_a_part_are_those_of_all_rows(
    names: tuple[str, ...], scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [METRICS[name] for name in names]
    whole = estimates(specs, scored, **OPTIONS)
    assert estimated(specs, scored, **OPTIONS) == whole
    monkeypatch.setattr(intervals, "MOST_ROWS", 5_000)
    part = estimated(specs, scored, **OPTIONS)
    assert list(part) == list(names)
    for name, found in part.items():
        assert found.value == whole[name].value
        assert found.n == scored.n
        assert found.method.endswith(", of 5,000 of the rows")
        wide = whole[name].upper - whole[name].lower
        assert found.lower < found.value < found.upper
        assert (found.upper - found.lower) == pytest.approx(wide, rel=0.25)
        assert found.lower == pytest.approx(whole[name].lower, abs=0.15 * wide)


def test_the_truth_is_inside_as_often_as_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "MOST_ROWS", 500)
    rng, inside = np.random.default_rng(5), 0
    for seed in range(300):
        errors = rng.exponential(size=2_000)
        scored = Scored("regression", errors, np.zeros(2_000))
        options = OPTIONS | {"seed": seed, "resamples": 200}
        found = estimated([METRICS["mae"]], scored, **options)["mae"]
        inside += found.lower <= 1 <= found.upper
    assert 0.90 <= inside / 300 <= 0.985


def test_of_a_share_near_its_end_all_rows_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "MOST_ROWS", 1_000)
    y = np.arange(10_000) % 2
    p = np.where(y == 1, 0.9, 0.1)
    p[7] = 0.2
    scored = Scored("binary", y, np.column_stack([1 - p, p]))
    specs = [METRICS["accuracy"], METRICS["log_loss"]]
    found = estimated(specs, scored, **OPTIONS)
    whole = estimates(specs, scored, **OPTIONS)
    assert found["accuracy"] == whole["accuracy"]
    assert found["accuracy"].lower < 1 - 1 / 10_000 < found["accuracy"].upper


def test_a_metric_without_a_meaning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MOST_ROWS", 100)
    scored = Scored("binary", np.zeros(500), np.full((500, 2), 0.5))
    found = estimated([METRICS["roc_auc"]], scored, **OPTIONS)["roc_auc"]
    assert not found.defined
    assert found.reason
    assert found.n == 500


def test_a_part_is_spread_over_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MOST_ROWS", 100)
    scored = Scored("regression", np.arange(1000.0), np.zeros(1000))
    part = evenly(scored).y
    assert len(part) == 100
    assert (part[0], part[-1]) == (0, 999)
    assert set(np.diff(part)) <= {10, 11}
    few = evenly(amounts(100))
    assert few.n == 100
