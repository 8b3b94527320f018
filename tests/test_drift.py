"""Statistics of drift against scipy, and what must hold of them for any counts."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from mlkit.drift import statistics, transport
from mlkit.drift.bins import FINE, count_numbers, number_bins
from mlkit.drift.performance import Performance, compare_performance
from mlkit.drift.significance import (
    anderson_darling_p,
    corrected,
    homogeneity,
    kolmogorov_smirnov_p,
    least_p,
    pooled_cells,
)

RNG = np.random.default_rng
Rows = np.ndarray
COUNTS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=12
).filter(lambda pairs: all(sum(side) > 0 for side in zip(*pairs, strict=True)))


def sides(pairs: list[tuple[int, int]]) -> tuple[Rows, Rows]:
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    return one, other


def on_exact_bins(one: Rows, other: Rows) -> tuple[Rows, Rows]:
    """Return counts of two samples on bins that hold one value each."""
    edges = np.unique(np.concatenate([one, other]))
    return count_numbers(one, edges), count_numbers(other, edges)


@pytest.mark.parametrize("seed", range(3))
def test_kolmogorov_smirnov_is_scipys(seed: int) -> None:
    rng = RNG(seed)
    one, other = rng.poisson(9, 700).astype(float), rng.poisson(10, 300).astype(float)
    expected = stats.ks_2samp(one, other, method="asymp")
    found = statistics.kolmogorov_smirnov(*on_exact_bins(one, other))
    assert found == pytest.approx(expected.statistic)
    assert kolmogorov_smirnov_p(found, 700, 300) == pytest.approx(
        expected.pvalue, rel=0.08
    )


def test_binned_kolmogorov_smirnov_is_near_that_of_the_rows() -> None:
    rng = RNG(1)
    one, other = rng.normal(size=30_000), rng.normal(0.1, 1, 5_000)
    edges = np.array(number_bins(one).edges)
    counts = count_numbers(one, edges), count_numbers(other, edges)
    exact = stats.ks_2samp(one, other).statistic
    assert exact - 1 / FINE <= statistics.kolmogorov_smirnov(*counts) <= exact


@pytest.mark.parametrize("sizes", [(400, 400), (900, 60)])
def test_anderson_darling_is_scipys(sizes: tuple[int, int]) -> None:
    rng = RNG(4)
    one, other = rng.normal(size=sizes[0]), rng.normal(0.5, 1.3, sizes[1])
    found = statistics.anderson_darling(*on_exact_bins(one, other))
    expected = stats.anderson_ksamp(
        [one, other],
        variant="midrank",
        method=stats.PermutationMethod(n_resamples=9, rng=0),
    )
    # scipy gives the statistic less its mean (1, for two samples), by its deviation.
    deviation = math.sqrt(_variance(*sizes))
    assert (found - 1) / deviation == pytest.approx(expected.statistic)


def _variance(n: int, m: int) -> float:
    """Return the variance of the statistic: Scholz and Stephens 1987, equation 4."""
    total = n + m
    inverse = 1 / n + 1 / m
    h = sum(1 / i for i in range(1, total))
    g = sum(
        sum(1 / j for j in range(i + 1, total)) / (total - i)
        for i in range(1, total - 1)
    )
    a = (4 * g - 6) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * 4 + 8 * h * 2 + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
    c = (
        (6 * h + 2 * g - 2) * 4
        + (4 * h - 4 * g + 6) * 2
        + (2 * h - 6) * inverse
        + 4 * h
    )
    d = (2 * h + 6) * 4 - 4 * h * 2
    powers = a * total**3 + b * total**2 + c * total + d
    return powers / ((total - 1) * (total - 2) * (total - 3))


def test_anderson_darling_p_holds_its_level() -> None:
    rng = RNG(8)
    p = []
    for _ in range(600):
        one, other = rng.normal(size=300), rng.normal(size=100)
        edges = np.array(number_bins(one).edges)
        counts = count_numbers(one, edges), count_numbers(other, edges)
        p.append(anderson_darling_p(statistics.anderson_darling(*counts)))
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_anderson_darling_p_falls_all_the_way() -> None:
    p = [anderson_darling_p(z) for z in np.linspace(0.05, 60, 500)]
    assert all(after < before for before, after in itertools.pairwise(p))
    assert p[-1] > 0


def test_homogeneity_is_scipys_with_many_rows() -> None:
    table = np.array([[120, 80, 40, 60], [300, 310, 150, 90]])
    expected = stats.chi2_contingency(table, correction=False)
    statistic, p, method = homogeneity(*table, RNG(0))
    assert method == "chi-square"
    assert statistic == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue)


def test_homogeneity_of_few_rows_is_drawn_and_exact() -> None:
    one, other = np.array([3, 9]), np.array([8, 2])
    _, p, method = homogeneity(one, other, RNG(0))
    assert method == "Fisher's exact test"
    assert p == pytest.approx(stats.fisher_exact([one, other]).pvalue)
    three = np.array([3, 9, 1]), np.array([8, 2, 4])
    _, p, method = homogeneity(*three, RNG(0))
    assert method == "chi-square, Monte Carlo"
    assert p == pytest.approx(_enumerated(*three), abs=0.005)
    assert p == homogeneity(*three, RNG(0))[1]


def _enumerated(one: Rows, other: Rows) -> float:
    """Return Pearson's exact p-value, over all tables with the same margins."""
    total, size = one + other, int(one.sum())

    def pearson(first: Rows) -> float:
        return float(stats.chi2_contingency([first, total - first]).statistic)

    chances, own = 0.0, pearson(one)
    for first in itertools.product(*(range(each + 1) for each in total)):
        if sum(first) == size and pearson(np.array(first)) >= own - 1e-9:
            chances += math.prod(map(math.comb, total.tolist(), first))
    return chances / math.comb(int(total.sum()), size)


def test_homogeneity_takes_neither_side_for_the_truth() -> None:
    # A test of fit to the first sample's shares would reject in most of these.
    rng, k = RNG(2), 20
    p = [
        homogeneity(
            rng.multinomial(400, np.ones(k) / k),
            rng.multinomial(400, np.ones(k) / k),
            rng,
        )[1]
        for _ in range(300)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.09


def test_rare_cells_are_pooled_by_both_sides_together() -> None:
    one, other = np.array([500, 1, 0, 0]), np.array([480, 0, 0, 1])
    joined = pooled_cells(one, other)
    assert [list(side) for side in joined] == [[500, 1], [480, 1]]


@given(COUNTS)
def test_every_distance_is_at_least_0_and_0_for_equal_counts(
    pairs: list[tuple[int, int]],
) -> None:
    one, other = sides(pairs)
    for function in (
        statistics.population_stability,
        statistics.kullback_leibler,
        statistics.jensen_shannon,
        statistics.excess_jensen_shannon,
        statistics.total_variation,
        statistics.excess_total_variation,
        statistics.kolmogorov_smirnov,
        statistics.anderson_darling,
    ):
        assert function(one, other) >= -1e-12
        assert function(one, one) == pytest.approx(0, abs=1e-12)
    for function in (statistics.population_stability, statistics.kullback_leibler):
        assert function(one, other) >= 0, "rounding is not shown as a sign"
        assert function(one, one) == 0


@given(COUNTS)
def test_symmetric_distances_are_symmetric(pairs: list[tuple[int, int]]) -> None:
    one, other = sides(pairs)
    for function in (
        statistics.population_stability,
        statistics.jensen_shannon,
        statistics.total_variation,
        statistics.kolmogorov_smirnov,
        statistics.anderson_darling,
    ):
        assert function(one, other) == pytest.approx(function(other, one))


@given(COUNTS)
def test_jensen_shannon_and_total_variation_are_scipys(
    pairs: list[tuple[int, int]],
) -> None:
    one, other = sides(pairs)
    p, q = one / one.sum(), other / other.sum()
    expected = distance.jensenshannon(p, q, base=2)
    assert statistics.jensen_shannon(one, other) == pytest.approx(expected, abs=1e-7)
    assert statistics.total_variation(one, other) == pytest.approx(abs(p - q).sum() / 2)


def test_kullback_leibler_and_stability_are_scipys_entropies() -> None:
    one, other = np.array([30, 50, 20]), np.array([10, 60, 30])
    p, q = (one + 0.5) / 101.5, (other + 0.5) / 101.5
    assert statistics.kullback_leibler(one, other) == pytest.approx(stats.entropy(q, p))
    both = stats.entropy(q, p) + stats.entropy(p, q)
    assert statistics.population_stability(one, other) == pytest.approx(both)


def test_wasserstein_is_scipys_of_winsorised_values_by_robust_deviation() -> None:
    rng = RNG(3)
    one, other = rng.poisson(20, 2000).astype(float), rng.poisson(23, 900).astype(float)
    edges = np.array(number_bins(one).edges)
    counts = count_numbers(one, edges), count_numbers(other, edges)
    low, high = (np.quantile(one, q, method="higher") for q in (0.005, 0.995))
    scale = np.subtract(*np.quantile(one, [0.75, 0.25])) / 1.349
    expected = stats.wasserstein_distance(
        *(np.clip(x, low, high) for x in (one, other))
    )
    found = transport.wasserstein(transport.Line.of(*counts, edges, 0.005))
    assert found == pytest.approx(expected / scale, rel=0.02)


def test_an_outlier_changes_nothing_that_matters() -> None:
    rng = RNG(5)
    one = rng.normal(size=2000)
    plain, odd = rng.normal(1, 1, 2000), np.append(one[1:], 1e9)
    for reference in (one, odd):
        edges = np.array(number_bins(reference).edges)
        counts = [count_numbers(x, edges) for x in (reference, plain)]
        assert statistics.kolmogorov_smirnov(*counts) > 0.35
        line = transport.Line.of(*counts, edges, 0.005)
        assert transport.wasserstein(line) == pytest.approx(1, rel=0.1)


def test_stability_without_drift_stays_below_its_critical_value() -> None:
    rng, tenth = RNG(6), np.ones(10) / 10
    below = []
    for _ in range(500):
        one, other = rng.multinomial(10_000, tenth), rng.multinomial(150, tenth)
        critical = statistics.critical_stability(one, other)
        below.append(statistics.population_stability(one, other) < critical)
    assert np.mean(below) == pytest.approx(0.95, abs=0.035)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400))
@settings(max_examples=100)
def test_bins_count_every_value_once_whatever_the_order(values: list[float]) -> None:
    numbers = np.array(values)
    bins = number_bins(numbers)
    edges = np.array(bins.edges)
    counts = count_numbers(numbers, edges)
    assert counts.sum() == len(values)
    assert bins.coarse(counts).sum() == len(values)
    assert len(counts) == bins.size
    assert number_bins(numbers[::-1]) == bins
    assert type(bins).from_dict(json.loads(json.dumps(bins.to_dict()))) == bins


@pytest.mark.parametrize("other", [0.5, 1.5])
def test_a_constant_that_changes_is_seen(other: float) -> None:
    edges = np.array(number_bins(np.ones(50)).edges)
    counts = count_numbers(np.ones(50), edges), count_numbers(np.full(9, other), edges)
    assert statistics.kolmogorov_smirnov(*counts) == 1


def test_a_value_that_many_rows_share_has_a_bin_of_its_own() -> None:
    rng = RNG(7)
    values = np.where(rng.random(5000) < 0.6, 0.0, rng.normal(0, 5, 5000))
    bins = number_bins(values)
    coarse = bins.coarse(count_numbers(values, np.array(bins.edges)))
    assert coarse.max() == (values == 0).sum()


def test_correction_is_benjamini_and_hochbergs() -> None:
    p = RNG(0).random(40) ** 3
    assert corrected(list(p)) == pytest.approx(stats.false_discovery_control(p))
    assert corrected([]) == []


def test_a_test_that_cannot_reject_is_known() -> None:
    exact = stats.fisher_exact([[4, 96], [0, 50]], alternative="greater").pvalue
    assert least_p(4, 50, 100) <= exact
    assert least_p(4, 50, 100) == pytest.approx(
        stats.fisher_exact([[4, 46], [0, 100]], alternative="greater").pvalue
    )


def area(value: float, n: int, *, half: float = 0.02) -> Performance:
    return Performance("roc_auc", "ROC AUC", True, value, value - half, value + half, n)


def error(value: float, n: int, low: float, high: float) -> Performance:
    return Performance("rmse", "RMSE", False, value, value - low, value + high, n)


@pytest.mark.parametrize(
    ("before", "now", "dropped", "words"),
    [
        (area(0.9, 900), area(0.8, 900), True, "beyond chance and 0.02"),
        (area(0.9, 900), area(0.88, 900), False, "may be chance"),
        (area(0.9, 900), area(0.95, 900), False, "not worse"),
        (area(0.9, 900, half=0.001), area(0.89, 900, half=0.001), False, "is allowed"),
        (area(0.9, 900), area(0.5, 20), False, "20 current rows have labels"),
        (error(10, 900, 0.2, 0.2), error(11, 900, 0.2, 0.2), True, "beyond chance"),
        (error(10, 900, 0.2, 2.0), error(11, 900, 0.2, 0.2), False, "may be chance"),
        (error(10, 900, 2.0, 0.2), error(11, 900, 0.2, 2.0), True, "beyond chance"),
    ],
)
def test_performance_is_worse_only_beyond_chance_and_tolerance(
    before: Performance, now: Performance, dropped: bool, words: str
) -> None:
    found = compare_performance(before, now, max_loss=0.02, min_rows=50)
    assert found.dropped is dropped
    assert words in found.reason
    assert found.to_dict()["dropped"] is dropped


def test_performance_without_a_value_says_why() -> None:
    nothing = Performance(
        "roc_auc", "ROC AUC", True, None, None, None, 90, "one class only"
    )
    found = compare_performance(area(0.9, 900), nothing, max_loss=0.02, min_rows=50)
    assert not found.dropped
    assert "one class only" in found.reason
