"""Intervals: against scipy, brute force and the share of times they hold the truth."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlkit.metrics import METRICS, Estimate, Scored, compute, estimate, estimates
from mlkit.metrics import metrics_for as all_of
from mlkit.metrics.estimates import resampler_of
from mlkit.metrics.intervals import area_spread
from mlkit.metrics.proportions import area_interval, effective_size, wilson
from mlkit.metrics.ranking import auc_influence
from mlkit.metrics.resampling import count_blocks, draws


def pairs(p: Any) -> np.ndarray:
    """Return the two columns of binary probabilities."""
    return np.column_stack([1 - np.asarray(p), p])


def noisy(n: int, *, seed: int = 0, spread: float = 0.25, **options: Any) -> Scored:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = np.clip(0.3 + 0.4 * y + spread * rng.normal(size=n), 0.01, 0.99).round(2)
    return Scored("binary", y, pairs(p), **options)


def holds(found: Estimate, truth: float) -> bool:
    return found.lower <= truth <= found.upper


@given(hits=st.integers(0, 60), n=st.integers(1, 60), level=st.floats(0.6, 0.99))
def test_wilson_is_that_of_scipy(hits: int, n: int, level: float) -> None:
    hits = min(hits, n)
    expected = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    found = wilson(hits / n, n, confidence=level)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_accuracy_precision_and_recall_are_shares_of_their_rows() -> None:
    scored = noisy(150)
    hit = scored.codes == scored.labels
    cases = {
        "accuracy": (hit.sum(), 150),
        "precision": (hit[scored.labels == 1].sum(), (scored.labels == 1).sum()),
        "recall": (hit[scored.codes == 1].sum(), (scored.codes == 1).sum()),
    }
    for name, (hits, n) in cases.items():
        expected = stats.binomtest(int(hits), int(n)).proportion_ci(method="wilson")
        found = estimate(name, scored)
        assert (found.lower, found.upper) == pytest.approx(
            (expected.low, expected.high)
        )
        assert found.method == "Wilson score interval"


def test_weights_widen_an_interval_as_the_rows_they_are_worth() -> None:
    assert effective_size(np.array([1.0, 1.0, 1.0])) == 3
    assert effective_size(np.array([1.0, 0.0, 0.0])) == 1
    weight = np.where(np.arange(400) % 2, 1.0, 3.0)
    plain, weighted = noisy(400), noisy(400, weight=weight)
    for name in ("accuracy", "roc_auc", "log_loss", "average_precision"):
        one, other = (estimate(name, each) for each in (plain, weighted))
        ratio = (other.upper - other.lower) / (one.upper - one.lower)
        assert ratio == pytest.approx(math.sqrt(400 / effective_size(weight)), rel=0.15)


def test_the_influence_on_the_area_is_that_of_delong_by_brute_force() -> None:
    scored = noisy(90, seed=4)
    p, positive = scored.prediction[:, 1], scored.y == 1
    above = p[positive][:, None] - p[~positive][None, :]
    wins = (above > 0) + 0.5 * (above == 0)
    m, n = wins.shape
    variance = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
    spread = area_spread(*auc_influence(scored))
    assert spread is not None
    assert spread[0] ** 2 == pytest.approx(variance)
    area = wins.mean()
    logit = math.log(area / (1 - area))
    half = stats.t.ppf(0.975, spread[1]) * math.sqrt(variance) / (area * (1 - area))
    found = estimate("roc_auc", scored)
    ends = [1 / (1 + math.exp(-end)) for end in (logit - half, logit + half)]
    assert [found.lower, found.upper] == pytest.approx(ends)


def test_the_spread_of_a_multiclass_area_is_that_of_its_bootstrap() -> None:
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], [60, 40, 25])
    p = rng.dirichlet([1, 1, 1], 125) + 0.4 * np.eye(3)[y]
    p /= p.sum(axis=1, keepdims=True)
    for average in ("macro", "weighted"):
        scored = Scored("multiclass", y, p, average=average)
        drawn = [
            compute("roc_auc", scored.take(np.concatenate(
                [rng.choice(np.flatnonzero(y == c), (y == c).sum()) for c in range(3)]
            )))
            for _ in range(150)
        ]  # fmt: skip
        spread = area_spread(*auc_influence(scored))
        assert spread is not None
        assert spread[0] == pytest.approx(np.std(drawn), rel=0.2)


def test_an_area_of_one_keeps_a_width() -> None:
    perfect = Scored("binary", [0] * 10 + [1] * 5, pairs(np.linspace(0.1, 0.9, 15)))
    found = estimate("roc_auc", perfect)
    assert found.upper == found.value == 1
    assert 0.5 < found.lower < 0.95
    assert found.method == "Newcombe score interval"
    theta, z = found.lower, stats.norm.ppf(0.975)
    star = 15 / 2 - 1
    variance = (
        theta * (1 - theta) / 50
        * (1 + star * (1 - theta) / (2 - theta) + star * theta / (1 + theta))
    )  # fmt: skip
    assert 1 - theta == pytest.approx(z * math.sqrt(variance), rel=1e-6)
    lower, upper = area_interval(0.0, 5, 10, confidence=0.95)
    assert (lower, upper) == pytest.approx((0, 1 - theta))


def test_perfect_predictions_keep_a_width_in_every_metric_of_labels_and_ranks() -> None:
    y = np.repeat([0, 1, 2], 12)
    sure = np.where(np.eye(3)[y] == 1, 0.9, 0.05)
    found = estimates(
        all_of("multiclass"), Scored("multiclass", y, sure, average="macro")
    )
    for name in (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "average_precision",
    ):
        assert found[name].value == pytest.approx(1), name
        assert 0.7 < found[name].lower < 0.95, name


@pytest.mark.parametrize("task", ["binary", "macro", "weighted", "regression"])
def test_a_resample_has_the_value_of_its_repeated_rows(task: str) -> None:
    """Matrix products of counts give what the metric gives for rows that repeat."""
    rng = np.random.default_rng(5)
    n = 80
    weight = rng.uniform(0.5, 2, n)
    if task == "regression":
        y = rng.normal(10, 3, n)
        scored = Scored("regression", y, y + rng.normal(size=n), weight)
    elif task == "binary":
        scored = noisy(n, seed=2, weight=weight)
    else:
        y = rng.choice(3, n, p=[0.1, 0.3, 0.6])
        p = rng.dirichlet([1, 1, 1], n).round(1) + 0.2
        p /= p.sum(axis=1, keepdims=True)
        scored = Scored("multiclass", y, p, weight, average=task)  # type: ignore[arg-type]
    counts = next(iter(count_blocks(n, 20, seed=1)))
    for name, spec in all_of(scored.task).items():
        if name in ("roc_auc", "calibration_error"):
            continue
        found = resampler_of(spec, scored)(counts)
        rows = [np.repeat(np.arange(n), row.astype(int)) for row in counts]
        expected = [compute(name, scored.take(each)) for each in rows]
        assert found == pytest.approx(np.array(expected), nan_ok=True), name


def test_undefined_resamples_are_nan_and_do_not_count() -> None:
    scored = Scored("binary", [1, 0, 0, 0], pairs([0.9, 0.1, 0.2, 0.3]))
    counts = np.array([[0.0, 2, 1, 1], [1, 1, 1, 1]])
    for name in ("recall", "precision", "f1", "average_precision"):
        lost, whole = resampler_of(METRICS[name], scored)(counts)
        assert math.isnan(lost), name
        assert whole == 1, name


def test_counts_are_bootstrap_draws_within_strata() -> None:
    strata = np.array([0] * 5 + [1] * 45)
    blocks = list(count_blocks(50, 12_000, seed=0, strata=strata))
    counts = np.concatenate(blocks)
    assert len(blocks) > 1
    assert counts.shape == (12_000, 50)
    assert (counts[:, :5].sum(axis=1) == 5).all()
    assert (counts[:, 5:].sum(axis=1) == 45).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.05)
    assert counts[:, 10].var() == pytest.approx(1 - 1 / 45, rel=0.05)


def test_a_rare_class_does_not_vanish_from_a_resample() -> None:
    y = np.array([1] * 3 + [0] * 60)
    p = np.where(y == 1, 0.7, np.linspace(0.05, 0.8, 63))
    found = estimate("average_precision", Scored("binary", y, pairs(p)))
    assert found.method == "bootstrap within classes, 1000 resamples"
    assert found.lower < found.value < found.upper
    constant = Scored("binary", y, pairs(np.full(63, 3 / 63)))
    dummy = estimate("log_loss", constant)
    assert dummy.upper - dummy.lower > 0.05


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_the_interval_of_a_mean_is_that_of_normal_theory(name: str) -> None:
    scored = noisy(2000)
    spec = METRICS[name]
    assert spec.losses is not None
    losses = spec.losses(scored)
    half = 1.96 * losses.std() / math.sqrt(2000)
    found = estimate(spec, scored, seed=1)
    assert found.lower == pytest.approx(losses.mean() - half, abs=0.15 * half)
    assert found.upper == pytest.approx(losses.mean() + half, abs=0.15 * half)


def coverage(name: str, truth: float, make: Any, *, repeats: int = 400) -> float:
    found = [estimate(name, make(i), resamples=200, seed=i) for i in range(repeats)]
    return float(np.mean([holds(each, truth) for each in found]))


def normal_scores(seed: int) -> Scored:
    rng = np.random.default_rng(seed)
    y = (np.arange(120) < 40).astype(int)
    score = stats.norm.cdf(1.5 * y + rng.normal(size=120) - 0.75)
    return Scored("binary", y, pairs(score))


def random_values(seed: int) -> Scored:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=150)
    return Scored("regression", truth + rng.normal(size=150), truth)


# 400 intervals at 95 %: the share that holds the truth has a standard error of 1.1 %;
# percentile intervals of 150 rows are known to be a little narrow.
@pytest.mark.parametrize(
    ("name", "truth", "make"),
    [
        ("roc_auc", float(stats.norm.cdf(1.5 / math.sqrt(2))), normal_scores),
        ("recall", float(stats.norm.cdf(0.75)), normal_scores),
        ("rmse", 1.0, random_values),
        ("r2", 0.5, random_values),
        ("mae", math.sqrt(2 / math.pi), random_values),
    ],
)
def test_intervals_hold_the_truth_in_about_95_percent(
    name: str, truth: float, make: Any
) -> None:
    assert 0.91 <= coverage(name, truth, make) <= 0.985


def test_f1_of_one_class_holds_the_truth() -> None:
    def make(seed: int) -> Scored:
        rng = np.random.default_rng(seed)
        y = rng.random(150) < 0.3
        called = np.where(y, rng.random(150) < 0.8, rng.random(150) < 0.1)
        return Scored("binary", y, pairs(np.where(called, 0.9, 0.1)))

    hit, missed, wrong = 0.3 * 0.8, 0.3 * 0.2, 0.7 * 0.1
    truth = 2 * hit / (2 * hit + missed + wrong)
    assert 0.92 <= coverage("f1", truth, make) <= 0.99


def test_many_rows_take_fewer_resamples_and_a_normal_interval() -> None:
    assert draws(6000, 1000) == 1000
    assert draws(400_000, 1000) == 50
    assert draws(10**9, 1000) == 50
    few = estimate("log_loss", noisy(3000), resamples=100)
    many = estimate("log_loss", noisy(3000), resamples=2000)
    assert few.method == "bootstrap, 100 resamples"
    width = many.upper - many.lower
    assert few.upper - few.lower == pytest.approx(width, rel=0.25)
    assert few.upper - few.value == pytest.approx(few.value - few.lower)


def test_1000_resamples_of_6000_rows_take_little_time_and_memory() -> None:
    scored = noisy(6000)
    started = time.process_time()
    estimates(all_of("binary"), scored, resamples=1000)
    # A twentieth of this on an idle machine of 2020.
    assert time.process_time() - started < 5
    assert max(block.nbytes for block in count_blocks(6000, 100, seed=0)) <= 2_000_000


def test_an_interval_is_reproducible_and_grows_with_confidence() -> None:
    scored = noisy(200)
    names = list(all_of("binary"))
    first, again = (estimates(names, scored, seed=5) for _ in range(2))
    assert first == again
    wide = estimates(names, scored, confidence=0.99, seed=5)
    for name in names:
        assert wide[name].lower <= first[name].lower, name
        assert wide[name].upper >= first[name].upper, name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(1, 12))
def test_few_rows_never_fail_and_an_interval_holds_its_value(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    scored = Scored("binary", y, pairs(rng.random(n).round(1)))
    values = Scored("regression", rng.normal(size=n).round(1), rng.normal(size=n))
    found = [
        *estimates(all_of("binary"), scored, resamples=200).values(),
        *estimates(all_of("regression"), values, resamples=200).values(),
    ]
    for each in found:
        if each.defined and not math.isnan(each.lower):
            assert holds(each, each.value)
