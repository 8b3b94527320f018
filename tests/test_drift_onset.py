"""Where drift began: found where it was put, and not where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlkit.drift import drift_began

RNG = np.random.default_rng
CALM = np.array([0.25, 0.25, 0.25, 0.25])
MOVED = np.array([0.15, 0.2, 0.25, 0.4])


def counts(rng: np.random.Generator, days: int, *, began: int, rows: int) -> np.ndarray:
    """Return daily counts that change on a day; sizes of days differ."""
    return np.array(
        [
            rng.multinomial(rng.poisson(rows), MOVED if day >= began else CALM)
            for day in range(days)
        ]
    )


def brute_force(series: np.ndarray) -> tuple[int, float]:
    """Return the best cut and its chi-square, by tables of two sides each."""
    from scipy import stats

    found = [
        stats.chi2_contingency(
            [series[:cut].sum(axis=0), series[cut:].sum(axis=0)], correction=False
        ).statistic
        for cut in range(1, len(series))
    ]
    return int(np.argmax(found)) + 1, max(found)


@pytest.mark.parametrize("seed", range(4))
def test_the_onset_is_the_cut_with_the_largest_chi_square(seed: int) -> None:
    series = counts(RNG(seed), 20, began=12, rows=150)
    found = drift_began(series, labels=[f"day {i}" for i in range(20)])
    assert found is not None
    cut, statistic = brute_force(series)
    assert found.window == cut
    assert found.statistic == pytest.approx(statistic)
    assert found.first <= found.window <= found.last
    assert found.label == f"day {cut}"
    assert found.p == 0.001
    json.dumps(found.to_dict())


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = found = exact = 0
    for seed in range(40):
        onset = drift_began(counts(RNG(seed), 14, began=8, rows=40), seed=seed)
        if onset is not None:
            found += 1
            exact += onset.window == 8
            held += onset.first <= 8 <= onset.last
    assert found >= 25
    assert exact < 0.9 * found, "the day itself is not sure"
    assert held >= 0.92 * found


def test_calm_windows_have_no_onset() -> None:
    alarms = sum(
        drift_began(counts(RNG(seed), 10, began=99, rows=60), level=0.05, seed=seed)
        is not None
        for seed in range(60)
    )
    assert alarms <= 8, "with a rate of 5 %, more come in one of a hundred"


def test_effects_have_an_onset_too() -> None:
    rng = RNG(3)
    effects = np.concatenate([rng.normal(0.02, 0.01, 12), rng.normal(0.1, 0.01, 9)])
    found = drift_began(effects)
    assert found is not None
    assert found.window == 12
    assert (found.before, found.after) == pytest.approx((0.02, 0.1), abs=0.01)
    assert str(found) == "began in 12 (surely)"
    assert drift_began(rng.normal(0.02, 0.01, 20)) is None


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [[5, 5]] * 3,
        [[0, 0]] * 9,
        [[7, 0]] * 9,
        [0.1] * 9,
        [[5, 5], [0, 0], [1, 0], [0, 0], [5, 4]],
    ],
)
def test_nothing_to_tell_is_none(windows: list[object]) -> None:
    assert drift_began(windows) is None


def test_windows_without_rows_are_stepped_over() -> None:
    series = [[90, 10]] * 5 + [[0, 0]] * 3 + [[10, 90]] * 4
    found = drift_began(series)
    assert found is not None
    assert (found.window, found.first, found.last) == (8, 8, 8)


def test_the_answer_is_the_same_again() -> None:
    series = counts(RNG(1), 12, began=7, rows=80)
    assert drift_began(series, seed=5) == drift_began(series, seed=5)


@pytest.mark.parametrize(
    ("windows", "labels", "words"),
    [
        ([[1, -1]] * 5, None, "whole numbers of 0 or more, got -1"),
        ([[0.5, 1]] * 5, None, "got 0.5"),
        ([1.0, np.nan, 2.0, 3.0], None, "not finite"),
        (np.zeros((2, 2, 2)), None, r"shape \(2, 2, 2\)"),
        ([[1, 1]] * 5, ["a"], "got 1 labels for 5 windows"),
    ],
)
def test_what_is_no_series_is_refused(
    windows: object, labels: list[str] | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        drift_began(windows, labels=labels)  # type: ignore[arg-type]
