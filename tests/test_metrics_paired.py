"""Champion against challenger: oracles, level, power and the rows that would decide."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from mlkit.metrics import (
    METRICS,
    MetricSpec,
    PairedTest,
    Scored,
    compute,
    metrics_for,
    own_metric,
    paired_test,
)
from mlkit.metrics.proportions import difference_quantile, sign_quantile

Pair = tuple[Scored, Scored]


def sigmoid(odds: Any) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(odds))))


def binary(y: Any, odds: Any, **options: Any) -> Scored:
    p = sigmoid(odds)
    return Scored("binary", y, np.column_stack([1 - p, p]), **options)


def models(n: int, rng: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """Return two models that see the true log-odds through noise of their own."""
    odds = 1.5 * rng.normal(size=n)
    y = rng.random(n) < sigmoid(odds)
    first, second = (binary(y, odds + s * rng.normal(size=n)) for s in noise)
    return first, second


def regressions(n: int, rng: np.random.Generator, noise: tuple[float, float]) -> Pair:
    signal = rng.normal(size=n)
    y = signal + rng.normal(size=n)
    first, second = (
        Scored("regression", y, signal + s * rng.normal(size=n)) for s in noise
    )
    return first, second


def pair(name: str, n: int = 120, seed: int = 0, **noise: float) -> Pair:
    make = regressions if METRICS[name].tasks == ("regression",) else models
    spread = (noise.get("champion", 0.6), noise.get("challenger", 0.6))
    return make(n, np.random.default_rng(seed), spread)


def shown(y: np.ndarray) -> np.ndarray:
    """Return values that are never 0, for MAPE."""
    return np.where(np.abs(y) < 0.05, 0.05, y)


# --- oracles -----------------------------------------------------------------


def test_the_area_is_tested_as_delong_does_by_brute_force() -> None:
    old, new = pair("roc_auc", 90)
    positive = old.y == 1
    parts = []
    for each in (old, new):
        p = each.prediction[:, 1]
        above = p[positive][:, None] - p[~positive][None, :]
        parts.append((above > 0) + 0.5 * (above == 0))
    wins = parts[1] - parts[0]
    m, n = wins.shape
    by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
    error = math.sqrt(by_positive.var(ddof=1) / m + by_negative.var(ddof=1) / n)
    found = paired_test("roc_auc", old, new)
    assert found.gain == pytest.approx(wins.mean())
    assert (found.upper - found.lower) / 2 == pytest.approx(1.645 * error, rel=0.02)
    assert found.p_value == pytest.approx(stats.norm.sf(wins.mean() / error), abs=0.01)
    assert found.method == "DeLong"


def test_a_mean_of_losses_is_tested_by_paired_t_where_nothing_is_skewed() -> None:
    rng = np.random.default_rng(1)
    half = rng.normal(size=100)
    difference = np.concatenate([half, -half]) + 0.2
    y = np.zeros(200)
    old = Scored("regression", y, 10 + difference)
    new = Scored("regression", y, np.full(200, 10.0))
    found = paired_test("mae", old, new)
    expected = stats.ttest_rel(np.abs(old.prediction), np.abs(new.prediction))
    one_sided = expected.confidence_interval(0.90)
    assert found.gain == pytest.approx(difference.mean())
    assert (found.lower, found.upper) == pytest.approx(one_sided, rel=1e-6)
    assert found.interval == pytest.approx(expected.confidence_interval(0.95))
    assert found.p_value == pytest.approx(expected.pvalue / 2)


def test_skewness_makes_the_bounds_more_cautious_as_hall_says() -> None:
    rng = np.random.default_rng(2)
    difference = 1 - rng.exponential(size=60) ** 1.5
    old = Scored("regression", np.zeros(60), 50 + difference)
    new = Scored("regression", np.zeros(60), np.full(60, 50.0))
    found = paired_test("mae", old, new)
    t = stats.t.ppf(0.95, 59)
    skew = stats.skew(difference)
    root = np.cbrt(1 + skew * (t / math.sqrt(60) - skew / 360))
    hall = difference.mean() - stats.sem(difference) * math.sqrt(60) * 3 / skew * (
        root - 1
    )
    assert skew < -1
    assert found.lower == pytest.approx(hall)
    assert found.lower < difference.mean() - t * stats.sem(difference)


def tango(better: int, worse: int, n: int, delta: float) -> float:
    """Return the score statistic, its likelihood maximised numerically under delta."""

    def loss(q: float) -> float:
        p = q + delta
        return -(
            better * math.log(p) + worse * math.log(q)
            + (n - better - worse) * math.log(1 - p - q)
        )  # fmt: skip

    low, high = max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12
    q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded",
                                 options={"xatol": 1e-12}).x  # fmt: skip
    return (better - worse - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))


@pytest.mark.parametrize(
    ("better", "worse", "n"), [(12, 4, 100), (7, 1, 21), (30, 33, 200)]
)
def test_bounds_of_accuracy_are_tangos(better: int, worse: int, n: int) -> None:
    for probability in (0.025, 0.05, 0.95):
        delta = difference_quantile(better, worse, n, probability=probability)
        statistic = tango(better, worse, n, delta)
        assert statistic == pytest.approx(-stats.norm.ppf(probability), abs=1e-4)


@given(better=st.integers(0, 15), worse=st.integers(0, 15))
def test_accuracy_is_promoted_only_where_the_exact_sign_test_agrees(
    better: int, worse: int
) -> None:
    assume(better + worse > 0)
    split = better + worse
    exact = stats.binomtest(better, split, alternative="greater").pvalue
    assert (sign_quantile(better, worse, 100, probability=0.05) > 0) == (exact < 0.05)
    y = np.zeros(60)
    wrong, right = [0.2, 0.8], [0.8, 0.2]
    old = [wrong] * better + [right] * (60 - better)
    new = [right] * better + [wrong] * worse + [right] * (60 - split)
    found = paired_test("accuracy", Scored("binary", y, old), Scored("binary", y, new))
    assert found.gain == pytest.approx((better - worse) / 60)
    assert found.p_value >= exact - 1e-9
    assert (found.lower > 0) == (found.p_value < 0.05)


def test_no_difference_in_labels_is_no_proof_of_equal_accuracy() -> None:
    one = binary([0, 1] * 20, [-1, 1] * 20)
    found = paired_test("accuracy", one, one, min_gain=0.01)
    assert (found.gain, found.p_value) == (0, 1)
    # No disagreement in 40 rows leaves room for z^2 / (n + z^2).
    assert found.upper == pytest.approx(1.645**2 / (40 + 1.645**2), rel=1e-3)
    assert not found.better
    assert not found.not_better


def test_rmse_and_r2_are_tested_by_squared_errors_in_their_own_units() -> None:
    old, new = pair("rmse", 300, champion=0.9, challenger=0.5)
    d = (old.y - old.prediction) ** 2 - (new.y - new.prediction) ** 2
    error = stats.sem(d)
    total = compute("rmse", old) + compute("rmse", new)
    for name, scale in (("rmse", total), ("r2", old.y.var())):
        found = paired_test(name, old, new)
        sign = METRICS[name].sign
        assert found.gain == pytest.approx(
            sign * (compute(name, new) - compute(name, old))
        )
        assert found.gain - found.lower == pytest.approx(1.65 * error / scale, rel=0.15)
    assert paired_test("rmse", old, new).p_value == paired_test("r2", old, new).p_value


@pytest.mark.parametrize("name", ["f1", "average_precision"])
def test_resampled_bounds_are_those_of_a_plain_paired_bootstrap(name: str) -> None:
    old, new = pair(name, 250, champion=1.5, challenger=0.3)
    found = paired_test(name, old, new, resamples=1000, seed=1)
    rng = np.random.default_rng(8)
    drawn = []
    for _ in range(500):
        rows = rng.integers(0, 250, 250)
        drawn.append(compute(name, new.take(rows)) - compute(name, old.take(rows)))
    width = np.quantile(drawn, 0.95) - np.quantile(drawn, 0.05)
    assert found.gain == pytest.approx(compute(name, new) - compute(name, old))
    assert found.lower <= np.quantile(drawn, 0.05) + 0.1 * width
    assert 0.85 * width < found.upper - found.lower < 1.6 * width


def test_swapping_rows_guards_where_models_differ_on_few() -> None:
    y = np.array([1] * 40 + [0] * 60)
    odds = np.where(y == 1, 2.0, -2.0)
    odds[[0, 1, 2, 50, 51]] *= -1
    champion = binary(y, odds)
    better = odds.copy()
    better[[0, 1, 2]] *= -1
    found = paired_test("f1", champion, binary(y, better))
    # Three rows, all won: 1 in 8 by chance.
    assert found.gain > 0
    assert found.p_value == pytest.approx(1 / 8, abs=0.04)
    assert found.lower <= 0


# --- invariants --------------------------------------------------------------


@pytest.mark.parametrize("name", [*metrics_for("binary"), *metrics_for("regression")])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 5000))
def test_swapping_the_models_flips_the_gain(name: str, seed: int) -> None:
    old, new = pair(name, 40, seed, champion=1.2, challenger=0.4)
    if name == "mape":
        old, new = (Scored("regression", shown(m.y), m.prediction) for m in (old, new))
    assume(len(np.unique(old.y)) > 1)
    there = paired_test(name, old, new, resamples=200)
    back = paired_test(name, new, old, resamples=200)
    if not there.defined:
        assert not back.defined
        return
    assert back.gain == pytest.approx(-there.gain, abs=1e-12)
    assert not (there.lower > 0 and back.lower > 0)
    assert there.lower <= there.gain <= there.upper or name == "calibration_error"
    if METRICS[name].compare != "resampling":
        assert back.lower == pytest.approx(-there.upper, abs=1e-9)


@pytest.mark.parametrize("name", ["f1", "log_loss", "accuracy", "roc_auc", "r2"])
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(30)))
def test_the_order_of_rows_changes_nothing(name: str, order: list[int]) -> None:
    old, new = pair(name, 30)
    rows = np.array(order)
    first = paired_test(name, old, new, resamples=200)
    again = paired_test(name, old.take(rows), new.take(rows), resamples=200)
    assert again.p_value == pytest.approx(first.p_value)
    assert (again.lower, again.upper) == pytest.approx((first.lower, first.upper))


@pytest.mark.parametrize("name", [*metrics_for("binary"), *metrics_for("regression")])
def test_identical_predictions_are_never_better(name: str) -> None:
    one, _ = pair(name)
    if name == "mape":
        one = Scored("regression", shown(one.y), one.prediction)
    found = paired_test(name, one, one)
    assert found.gain == 0
    assert found.lower <= 0 <= found.upper
    assert found.p_value > 0.4
    assert not found.better


def test_equal_weights_change_nothing_and_weights_decide() -> None:
    old, new = pair("log_loss", 200, champion=1.2, challenger=0.4)
    for name in ("accuracy", "roc_auc", "log_loss", "f1"):
        plain = paired_test(name, old, new, resamples=300)
        weighted = paired_test(
            name, *(weigh(m, np.full(200, 2.0)) for m in (old, new)), resamples=300
        )
        assert weighted.gain == pytest.approx(plain.gain)
        assert weighted.lower == pytest.approx(plain.lower, abs=1e-9)
        won = (new.labels == new.codes) & (old.labels != old.codes)
        light = np.where(won, 0.01, 1.0)
        against = paired_test(
            name, *(weigh(m, light) for m in (old, new)), resamples=300
        )
        assert against.gain < plain.gain


def weigh(scored: Scored, weight: np.ndarray) -> Scored:
    return Scored(scored.task, scored.y, scored.prediction, weight)


# --- level: of equally good models at most 5 % are promoted -------------------


def promoted(
    name: str | MetricSpec,
    make: Callable[[np.random.Generator], Pair],
    *,
    repeats: int,
    min_gain: float = 0.0,
    resamples: int = 200,
) -> int:
    rng = np.random.default_rng(2024)
    count = 0
    for seed in range(repeats):
        found = paired_test(
            name, *make(rng), min_gain=min_gain, resamples=resamples, seed=seed
        )
        count += found.better
    return count


def at_most_5_percent(count: int, repeats: int) -> bool:
    """Allow what a test of level 5 % exceeds in 1 of 1,000 simulations."""
    return bool(count <= stats.binom.ppf(0.999, repeats, 0.05))


CLOSED = ("roc_auc", "log_loss", "brier", "accuracy")


@pytest.mark.parametrize("n", [100, 500, 2000])
@pytest.mark.parametrize("name", CLOSED)
def test_at_most_5_percent_of_equally_good_models_are_promoted(
    name: str, n: int
) -> None:
    def make(rng: np.random.Generator) -> Pair:
        return models(n, rng, (0.6, 0.6))

    repeats = 300 if n < 2000 else 150
    count = promoted(name, make, repeats=repeats)
    assert at_most_5_percent(count, repeats)
    # Not by refusing everything: accuracy alone is cautious by more than half.
    assert count >= (1 if name == "accuracy" else 3)
    assert promoted(name, make, repeats=60, min_gain=0.01) <= 9


@pytest.mark.parametrize("n", [100, 500, 2000])
@pytest.mark.parametrize("name", ["rmse", "r2", "mae"])
def test_at_most_5_percent_of_equally_good_regressions_are_promoted(
    name: str, n: int
) -> None:
    def make(rng: np.random.Generator) -> Pair:
        return regressions(n, rng, (0.6, 0.6))

    assert at_most_5_percent(promoted(name, make, repeats=200), 200)


@pytest.mark.parametrize(
    ("name", "n", "repeats"),
    [
        ("f1", 100, 200),
        ("f1", 500, 120),
        ("f1", 2000, 40),
        ("average_precision", 100, 120),
        ("average_precision", 500, 40),
        ("average_precision", 2000, 15),
        ("calibration_error", 100, 200),
        ("calibration_error", 500, 100),
        ("calibration_error", 2000, 30),
    ],
)
def test_at_most_5_percent_where_resampling_is_needed(
    name: str, n: int, repeats: int
) -> None:
    def make(rng: np.random.Generator) -> Pair:
        return models(n, rng, (0.6, 0.6))

    assert at_most_5_percent(promoted(name, make, repeats=repeats), repeats)


def test_a_lower_floor_alone_promotes_nobody() -> None:
    """Both are perfectly calibrated; the sharp one has the lower error by chance."""

    def make(rng: np.random.Generator) -> Pair:
        odds = 3 * rng.normal(size=300)
        y = rng.random(300) < sigmoid(odds)
        return binary(y, np.full(300, 0.0)), binary(y, odds)

    def flat(rng: np.random.Generator) -> Pair:
        old, new = make(rng)
        p = np.clip(0.5 + 0.001 * rng.normal(size=300), 0, 1)
        return Scored("binary", old.y, np.column_stack([1 - p, p])), new

    assert at_most_5_percent(promoted("calibration_error", flat, repeats=150), 150)


def test_heavy_tails_and_rare_classes_keep_the_level() -> None:
    def tails(rng: np.random.Generator) -> Pair:
        y = rng.standard_t(3, size=200)
        return (
            Scored("regression", y, 0.3 * rng.standard_t(4, size=200)),
            Scored("regression", y, 0.3 * rng.standard_t(4, size=200)),
        )

    def rare(rng: np.random.Generator) -> Pair:
        odds = 1.3 * rng.normal(size=400) - 3.2
        y = rng.random(400) < sigmoid(odds)
        y[:2] = True
        first, second = (binary(y, odds + 0.5 * rng.normal(size=400)) for _ in "ab")
        return first, second

    assert at_most_5_percent(promoted("rmse", tails, repeats=300), 300)
    assert at_most_5_percent(promoted("roc_auc", rare, repeats=300), 300)
    assert at_most_5_percent(promoted("log_loss", rare, repeats=300), 300)


def test_a_higher_score_alone_would_promote_half() -> None:
    rng = np.random.default_rng(1)
    gains = [
        paired_test("roc_auc", *models(200, rng, (0.6, 0.6))).gain for _ in range(100)
    ]
    assert 0.35 < np.mean(np.array(gains) > 0) < 0.65


# --- power -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "accuracy", "f1"])
def test_power_grows_with_the_rows(name: str) -> None:
    shares = []
    for n in (100, 500, 2000):

        def make(rng: np.random.Generator, n: int = n) -> Pair:
            return models(n, rng, (1.2, 0.3))

        shares.append(promoted(name, make, repeats=40, min_gain=0.005) / 40)
    assert shares[0] < shares[1] <= shares[2]
    assert shares[2] > 0.9


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_the_rows_to_decide_decide_in_about_80_percent(name: str) -> None:
    rng = np.random.default_rng(3)
    large = paired_test(name, *models(200_000, rng, (0.9, 0.6)))
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.80)
    error = (large.upper - large.lower) / (2 * stats.norm.ppf(0.95))
    needed = math.ceil(200_000 * (z * error / large.gain) ** 2)

    def make(rng: np.random.Generator) -> Pair:
        return models(needed, rng, (0.9, 0.6))

    # 120 runs: 80 % with a standard error of 3.7 %.
    assert promoted(name, make, repeats=120) / 120 == pytest.approx(0.80, abs=0.12)


def test_rows_to_decide_follow_the_documented_formula() -> None:
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(60):
        found = paired_test("log_loss", *models(150, rng, (0.8, 0.75)), min_gain=0.02)
        z95, z80 = stats.norm.ppf(0.95), stats.norm.ppf(0.80)
        reach = (z95 + z80) * (found.upper - found.lower) / (2 * z95)
        if found.better or found.not_better:
            assert found.rows_to_decide is None
            seen.add("decided")
        elif found.gain >= 0.02:
            assert found.rows_to_decide == math.ceil(150 * (reach / found.gain) ** 2)
            assert found.rows_to_decide > 150
            seen.add("gain")
        else:
            assert found.rows_to_decide is not None
            assert found.rows_to_decide > 150
            if 150 * (reach / 0.02) ** 2 > 150:
                assert found.rows_to_decide == math.ceil(150 * (reach / 0.02) ** 2)
            seen.add("min_gain")
    assert seen >= {"gain", "min_gain"}


def test_a_gain_just_below_min_gain_needs_rows_that_tell_the_two_apart() -> None:
    rng = np.random.default_rng(0)
    noise = np.tile([1.0, -1.0], 5000) * 0.1
    y = np.zeros(10_000)
    old = Scored("regression", y, 1 + 0.0099 + noise)
    new = Scored("regression", y, np.ones(10_000))
    found = paired_test("mae", old, new, min_gain=0.01)
    assert found.lower > 0
    assert not found.better
    assert not found.not_better
    assert found.rows_to_decide is not None
    expected = 10_000 * (2.486 * 0.1 / math.sqrt(10_000) / (0.01 - found.gain)) ** 2
    assert found.rows_to_decide == pytest.approx(expected, rel=0.01)
    assert rng is not None


def test_a_loss_names_the_rows_that_prove_it_and_no_difference_names_none() -> None:
    old, new = pair("log_loss", 60, champion=0.5, challenger=0.55)
    found = paired_test("log_loss", old, new, min_gain=0.0)
    back = paired_test("log_loss", new, old, min_gain=0.0)
    worse = min(found, back, key=lambda test: test.gain)
    assert worse.gain < 0 < worse.upper
    assert worse.rows_to_decide is not None
    assert worse.rows_to_decide > 60
    one = binary([0, 1] * 20, np.tile([-1, 1], 20))
    assert paired_test("accuracy", one, one).rows_to_decide is None


# --- edges -------------------------------------------------------------------


def test_a_perfect_area_on_few_rows_is_not_certain() -> None:
    y = [0, 0, 1, 1]
    dummy = Scored("binary", y, [[0.5, 0.5]] * 4)
    perfect = binary(y, [-2, -1, 1, 2])
    found = paired_test("roc_auc", dummy, perfect)
    assert found.gain == 0.5
    assert found.lower <= 0.1
    assert found.method == "Newcombe score intervals"
    many = paired_test(
        "roc_auc",
        Scored("binary", y * 20, [[0.5, 0.5]] * 80),
        binary(y * 20, [-2, -1, 1, 2] * 20),
    )
    assert many.lower > 0.4
    assert many.p_value < 1e-4


@pytest.mark.parametrize(
    ("name", "y", "reason"),
    [
        ("roc_auc", [1, 1, 1], "only one class has rows"),
        ("roc_auc", [0, 0, 1], "a class has only one row"),
        ("recall", [0, 0, 0], "no row is positive"),
    ],
)
def test_an_undefined_metric_gives_an_undefined_test(
    name: str, y: list[int], reason: str
) -> None:
    one = Scored("binary", y, [[0.5, 0.5], [0.3, 0.7], [0.6, 0.4]])
    found = paired_test(name, one, one)
    assert found.reason == reason
    assert not found.defined
    assert not found.better
    assert not found.not_better
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["gain"] is None
    assert record["interval"] == [None, None]
    back = PairedTest.from_dict(record)
    assert (back.metric, back.n, back.reason) == (name, 3, reason)
    assert math.isnan(back.gain)


def test_mape_with_a_zero_target_is_undefined_not_wrong() -> None:
    one = Scored("regression", [0, 1, 2], [1, 1, 1])
    assert "which is 0 in 1 of 3 rows" in str(paired_test("mape", one, one).reason)


def test_a_test_survives_json() -> None:
    found = paired_test("log_loss", *pair("log_loss"), min_gain=0.01)
    assert PairedTest.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_other_rows_are_refused() -> None:
    old, _ = pair("roc_auc", 50)
    other, _ = pair("roc_auc", 50, 1)
    with pytest.raises(
        ValueError, match=r"same rows in the same order.*50 and 50 rows"
    ):
        paired_test("roc_auc", old, other)
    with pytest.raises(ValueError, match="50 and 20 rows"):
        paired_test("roc_auc", old, old.take(np.arange(20)))
    weighted = weigh(old, np.linspace(1, 2, 50))
    with pytest.raises(ValueError, match="same truth, weights and classes"):
        paired_test("roc_auc", old, weighted)


def test_a_multiclass_challenger_is_tested_in_every_metric() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)

    def model(skill: float) -> Scored:
        p = rng.dirichlet([1, 1, 1], 150) + skill * np.eye(3)[y]
        p /= p.sum(axis=1, keepdims=True)
        return Scored("multiclass", y, p, average="macro")

    old, new = model(0.2), model(2.0)
    for name in metrics_for("multiclass").keys() - {"calibration_error"}:
        found = paired_test(name, old, new, resamples=200)
        assert found.better, name
        assert not paired_test(name, new, old, resamples=200).better, name


def lowest(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the share of rows whose error is above 1."""
    return float(np.mean(np.abs(y_true - y_pred) > 1))


def test_an_own_metric_is_tested_by_resampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import types

    module = types.ModuleType("own_paired")
    module.lowest = lowest  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "own_paired", module)
    spec = own_metric(
        "far", "own_paired:lowest", needs="value", greater_is_better=False
    )
    old, new = pair("rmse", 300, champion=2.0, challenger=0.1)
    found = paired_test(spec, old, new)
    assert found.better
    assert found.gain == pytest.approx(compute(spec, old) - compute(spec, new))
    assert not paired_test(spec, new, old).better

    def make(rng: np.random.Generator) -> Pair:
        return regressions(60, rng, (0.6, 0.6))

    assert at_most_5_percent(promoted(spec, make, repeats=60, resamples=100), 60)
