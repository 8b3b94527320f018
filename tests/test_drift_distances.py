"""Distances and exact tests of drift, beside scipy, brute force and known truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlkit.drift import DriftTest, statistics, transport
from mlkit.drift.bins import count_numbers, number_bins
from mlkit.drift.bounds import least_effect
from mlkit.drift.significance import (
    beyond_p,
    cramer_von_mises_p,
    homogeneity,
    likelihood_ratio_p,
    vanished_p,
)
from mlkit.metrics import fisher_exact

RNG = np.random.default_rng
Rows = np.ndarray
VALUES = st.lists(st.integers(-50, 50), min_size=5, max_size=80)


def binned(one: Rows, other: Rows) -> tuple[Rows, Rows, Rows]:
    """Return both counts on the bins of the first sample, and their edges."""
    edges = np.array(number_bins(one).edges)
    return count_numbers(one, edges), count_numbers(other, edges), edges


def winsorised(one: Rows, other: Rows, edges: Rows) -> tuple[Rows, Rows]:
    """Return both samples as the line has them, drawn in and scaled, by hand."""
    below = np.cumsum(count_numbers(one, edges))[:-1] / len(one)
    low, quarter, upper, high = (
        edges[min(np.searchsorted(below, q), len(edges) - 1)]
        for q in (0.005, 0.25, 0.75, 0.995)
    )
    scale = (upper - quarter) / 1.349 or (high - low) / 2
    first, second = (np.clip(x, low, high) / scale for x in (one, other))
    return first, second


def discrepancy(one: Rows, other: Rows) -> float:
    """Return the maximum mean discrepancy, pair by pair."""

    def kernel(a: Rows, b: Rows) -> float:
        return float(np.exp(-np.abs(a[:, None] - b)).mean())

    square = kernel(one, one) + kernel(other, other) - 2 * kernel(one, other)
    return math.sqrt(max(0.0, square))


@pytest.mark.parametrize(
    ("n", "m", "shift"), [(300, 100, 0.3), (900, 900, 0.05), (50, 700, 0.4)]
)
def test_cramer_von_mises_is_scipys(n: int, m: int, shift: float) -> None:
    rng = RNG(n)
    one, other = rng.normal(size=n), rng.normal(shift, 1, m)
    edges = np.unique(np.concatenate([one, other]))
    found = statistics.cramer_von_mises(
        count_numbers(one, edges), count_numbers(other, edges)
    )
    expected = stats.cramervonmises_2samp(one, other, method="asymptotic")
    assert found == pytest.approx(expected.statistic)
    assert cramer_von_mises_p(found, n, m) == pytest.approx(expected.pvalue, rel=0.01)


def test_cramer_von_mises_p_falls_all_the_way() -> None:
    p = [cramer_von_mises_p(z, 900, 900) for z in np.linspace(0.001, 30, 400)]
    assert all(after <= before for before, after in itertools.pairwise(p))
    assert p[0] == 1
    assert 0 < p[-1] < 1e-50


def test_binned_cramer_von_mises_is_near_that_of_the_rows() -> None:
    rng = RNG(2)
    one, other = rng.normal(size=4000), rng.normal(0.15, 1, 3000)
    found = statistics.cramer_von_mises(*binned(one, other)[:2])
    expected = stats.cramervonmises_2samp(one, other).statistic
    assert found == pytest.approx(expected, rel=0.05)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=2))
def test_hellinger_and_g_are_those_of_their_definitions(
    pairs: list[tuple[int, int]],
) -> None:
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    one, other = one + (one.sum() == 0), other + (other.sum() == 0)
    p, q = one / one.sum(), other / other.sum()
    found = statistics.hellinger(one, other)
    assert found**2 == pytest.approx(1 - np.sqrt(p * q).sum(), abs=1e-9)
    assert 0 <= found <= 1
    used = (one + other) > 0
    if used.sum() > 1:
        expected = stats.chi2_contingency(
            [one[used], other[used]], correction=False, lambda_="log-likelihood"
        )
        ratio = statistics.likelihood_ratio(one, other)
        assert ratio == pytest.approx(expected.statistic, abs=1e-8)


def test_the_g_test_says_nothing_where_counts_are_small() -> None:
    one, other = np.array([400, 300, 90]), np.array([130, 90, 41])
    expected = stats.chi2_contingency([one, other], lambda_="log-likelihood")
    ratio = statistics.likelihood_ratio(one, other)
    found = likelihood_ratio_p(ratio, one, other)
    assert found == pytest.approx(expected.pvalue)
    assert likelihood_ratio_p(ratio, one, np.array([13, 9, 4])) is None


def test_fishers_test_is_scipys() -> None:
    rng = RNG(0)
    for _ in range(150):
        n, m = rng.integers(1, 60, 2).tolist()
        a, b = int(rng.integers(0, n + 1)), int(rng.integers(0, m + 1))
        expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert fisher_exact(a, n, b, m) == pytest.approx(expected)
    far = fisher_exact(20, 50, 3_000_000, 10_000_000)
    assert far == pytest.approx(
        stats.fisher_exact([[20, 30], [3_000_000, 7_000_000]]).pvalue, rel=1e-4
    )


def test_no_tables_are_drawn_where_they_could_not_matter() -> None:
    one, other = np.array([30, 5, 4]), np.array([12, 2, 2])
    rng = RNG(0)
    before = rng.bit_generator.state
    _, p, method = homogeneity(one, other, rng)
    assert (method, p > 0.2) == ("chi-square", True)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("draw", "near"),
    [("normal", 0.003), ("exponential", 0.005), ("standard_cauchy", 0.02)],
)
def test_distances_of_bins_are_those_of_the_rows_within_their_bounds(
    draw: str, near: float
) -> None:
    rng = RNG(7)
    one = getattr(rng, draw)(size=3000)
    other = getattr(rng, draw)(size=800) * 1.2 + 0.2
    counts = binned(one, other)
    line = transport.Line.of(*counts)
    assert line is not None
    rows = winsorised(one, other, counts[2])
    for found, bound, expected in (
        (
            transport.wasserstein,
            transport.wasserstein_bound,
            stats.wasserstein_distance,
        ),
        (transport.energy, transport.energy_bound, stats.energy_distance),
        (transport.mean_discrepancy, transport.discrepancy_bound, discrepancy),
    ):
        off = abs(found(line) - expected(*rows))
        assert off <= min(bound(line), near)


@given(VALUES, VALUES)
@settings(max_examples=100)
def test_no_rows_are_off_by_more_than_the_bounds(
    first: list[int], second: list[int]
) -> None:
    one, other = np.array(first, dtype=float), np.array(second, dtype=float)
    edges = np.linspace(one.min(), one.max(), 7)
    counts = count_numbers(one, edges), count_numbers(other, edges)
    ends = min(one.min(), other.min()), max(one.max(), other.max())
    plain, off = transport.carried(*counts, edges, ends)
    assert abs(plain - stats.wasserstein_distance(one, other)) <= off + 1e-9
    line = transport.Line.of(*counts, edges)
    if line is None:
        return
    rows = winsorised(one, other, edges)
    for found, bound, expected in (
        (
            transport.wasserstein,
            transport.wasserstein_bound,
            stats.wasserstein_distance,
        ),
        (transport.energy, transport.energy_bound, stats.energy_distance),
        (transport.mean_discrepancy, transport.discrepancy_bound, discrepancy),
    ):
        assert abs(found(line) - expected(*rows)) <= bound(line) + 1e-9


def test_the_plain_distance_is_scipys_and_feels_an_outlier() -> None:
    rng = RNG(1)
    one, other = rng.gamma(2, 3, 5000), rng.gamma(2, 4, 900)
    counts = binned(one, other)
    ends = min(one.min(), other.min()), max(one.max(), other.max())
    found, _ = transport.carried(*counts, ends)
    assert found == pytest.approx(stats.wasserstein_distance(one, other), rel=0.04)
    odd = np.append(other[1:], 1e6)
    far, _ = transport.carried(*binned(one, odd), (ends[0], 1e6))
    assert far > 100 * found


def test_steep_sums_are_taken_pair_by_pair() -> None:
    one = np.concatenate([np.zeros(500), np.ones(2000), np.full(40, 2000.0)])
    other = np.concatenate([np.zeros(100), np.ones(600), np.full(30, 1999.0)])
    edges = np.array([-1e-9, 0.0, 0.5, 1.0, 1999.0 - 1e-9, 1999.0, 2000.0])
    counts = count_numbers(one, edges), count_numbers(other, edges)
    line = transport.Line.of(*counts, edges)
    assert line is not None
    assert np.isfinite(transport.mean_discrepancy(line))


def test_levels_vanish_by_chance_as_often_as_cards_are_dealt() -> None:
    # One level with 8 of 100 rows in the reference and none of 40 current ones.
    p, surely = vanished_p(np.array([0, 8]), np.array([132, 8]), 100, 40)
    expected = math.comb(132, 40) / math.comb(140, 40)
    assert expected > 0.05
    assert (p, surely.tolist()) == (1, [0, 0])
    p, surely = vanished_p(np.array([0, 20]), np.array([120, 20]), 100, 40)
    expected = math.comb(120, 40) / math.comb(140, 40)
    assert p == pytest.approx(2 * expected), "two levels could be told"
    assert surely.tolist() == [0, 20]


def test_vanished_levels_keep_their_level() -> None:
    rng, alarms = RNG(3), 0
    shares = rng.dirichlet(np.ones(40))
    for _ in range(400):
        one, other = rng.multinomial(500, shares), rng.multinomial(150, shares)
        gone = np.where(other == 0, one, 0)
        alarms += vanished_p(gone, one + other, 500, 150)[0] <= 0.05
    assert alarms <= 32


def test_rows_beyond_all_others_are_as_rare_as_draws_without_return() -> None:
    k, n, m = 4, 30, 20
    exact = math.prod((m - i) / (n + m - i) for i in range(k))
    assert beyond_p(0, k, n, m) == pytest.approx(2 * exact)
    assert beyond_p(k, 1, n, m) == pytest.approx(2 * exact)
    assert beyond_p(0, 0, n, m) == 1
    rng = RNG(5)
    tops = [rng.permutation(n + m)[:m] for _ in range(4000)]
    seen = np.mean([np.all(np.isin(np.arange(n + m - k, n + m), top)) for top in tops])
    assert seen == pytest.approx(exact, abs=0.006)


def largest_gap(n: int, m: int, effect: float) -> DriftTest:
    return DriftTest(
        *("values", "Anderson-Darling", 1.0, 0.01, effect, 0.0, 1.0), rows=(n, m)
    )


@pytest.mark.parametrize(("n", "m"), [(20, 20), (60, 11), (400, 30)])
@pytest.mark.parametrize("level", [0.05, 1e-3, 1e-6])
def test_the_bound_of_the_largest_gap_holds_for_few_rows(
    n: int, m: int, level: float
) -> None:
    # The least gap whose bound is above 0 must be rarer than the level, exactly.
    gap = math.sqrt(math.log(math.e / level) / 2 * (1 / n + 1 / m))
    assert least_effect(largest_gap(n, m, gap - 1e-9), level) == 0
    assert least_effect(largest_gap(n, m, gap + 0.01), level) == pytest.approx(0.01)
    if gap < 1:
        steps = math.lcm(n, m)
        reached = math.ceil(gap * steps) / steps
        exact = stats._stats_py._attempt_exact_2kssamp  # the test of scipy, by size
        done, _, p = exact(n, m, math.gcd(n, m), reached, "two-sided")
        assert done
        assert p <= level


def test_the_bound_of_levels_holds_in_the_far_tail() -> None:
    rng, level, above = RNG(6), 0.02, 0
    shares = rng.dirichlet(np.ones(60))
    for _ in range(1500):
        one, other = rng.multinomial(2000, shares), rng.multinomial(200, shares)
        test = DriftTest(
            *("values", "chi-square", 1.0, 1.0),
            effect=statistics.excess_total_variation(one, other),
            lower=0.0,
            upper=1.0,
            rows=(2000, 200),
            chance=statistics.chance_total_variation(one, other),
        )
        above += least_effect(test, level) > 0
    assert above <= 0.02 * 1500
