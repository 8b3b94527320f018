"""Two samples: differences against published values and slow computations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlkit.metrics import compare_means, compare_shares, holm, mean_interval
from mlkit.metrics.proportions import wilson

COUNTS = st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=40)


@pytest.mark.parametrize(
    ("hits", "n", "other", "other_n", "ends"),
    [
        # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
        (56, 70, 48, 80, (0.0524, 0.3339)),
        (9, 10, 3, 10, (0.1705, 0.8090)),
        (6, 7, 2, 7, (0.0582, 0.8062)),
        (5, 56, 0, 29, (-0.0381, 0.1926)),
        (0, 10, 0, 20, (-0.1611, 0.2775)),
        (0, 10, 0, 10, (-0.2775, 0.2775)),
        (10, 10, 0, 20, (0.6791, 1.0)),
        (10, 10, 0, 10, (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_of_shares_is_newcombes(
    hits: int, n: int, other: int, other_n: int, ends: tuple[float, float]
) -> None:
    found = compare_shares(hits, n, other, other_n, confidence=0.95)
    assert (found.lower, found.upper) == pytest.approx(ends, abs=5e-5)


def test_the_interval_of_a_difference_of_shares_is_built_of_score_bounds() -> None:
    def bounds(share: float, n: int) -> list[float]:
        """Return where (share - p)^2 = z^2 p (1 - p) / n, by the roots of its terms."""
        z2 = stats.norm.ppf(0.95) ** 2
        return sorted(np.roots([1 + z2 / n, -2 * share - z2 / n, share**2]).real)

    low, high = bounds(30 / 90, 90)
    other_low, other_high = bounds(100 / 400, 400)
    found = compare_shares(30, 90, 100, 400, confidence=0.9)
    gap = 30 / 90 - 100 / 400
    assert found.value == pytest.approx(gap)
    assert found.lower == pytest.approx(
        gap - math.sqrt((30 / 90 - low) ** 2 + (other_high - 0.25) ** 2)
    )
    assert found.upper == pytest.approx(
        gap + math.sqrt((high - 30 / 90) ** 2 + (0.25 - other_low) ** 2)
    )
    assert wilson(30 / 90, 90, confidence=0.9) == pytest.approx((low, high))


def test_the_test_of_two_shares_is_the_chi_square_without_correction() -> None:
    found = compare_shares(45, 150, 400, 1000, confidence=0.95)
    counts = [[45, 105], [400, 600]]
    expected = stats.chi2_contingency(counts, correction=False).pvalue
    assert found.p_value == pytest.approx(expected)
    assert found.method.endswith("pooled z test")


def test_where_little_is_expected_the_test_is_exact() -> None:
    found = compare_shares(2, 40, 6, 900, confidence=0.95)
    assert found.method.endswith("Fisher's exact test")
    # Every table with these margins that is at most as likely as the one seen.
    chances = [
        math.comb(40, k) * math.comb(900, 8 - k) / math.comb(940, 8) for k in range(9)
    ]
    expected = sum(c for c in chances if c <= chances[2] * (1 + 1e-9))
    assert found.p_value == pytest.approx(expected)


@pytest.mark.parametrize("hits", [0, 1])
def test_where_all_rows_are_alike_nothing_differs(hits: int) -> None:
    found = compare_shares(40 * hits, 40, 300 * hits, 300, confidence=0.95)
    assert (found.value, found.p_value) == (0, 1)
    assert found.lower <= 0 <= found.upper


@given(COUNTS, COUNTS)
def test_shares_changed_over_turn_the_sign(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    there = compare_shares(*one, *two, confidence=0.95)
    back = compare_shares(*two, *one, confidence=0.95)
    assert (there.value, there.lower, there.upper) == pytest.approx(
        (-back.value, -back.upper, -back.lower)
    )
    assert there.p_value == pytest.approx(back.p_value)
    assert -1 <= there.lower <= there.value <= there.upper <= 1


def test_newcombes_interval_holds_what_it_says() -> None:
    # Exact coverage, summed over every outcome, not simulated.
    for (n, p), (other_n, other_p) in [
        ((30, 0.2), (60, 0.2)),
        ((30, 0.05), (90, 0.1)),
        ((40, 0.9), (35, 0.7)),
    ]:
        ends = bounds(n), bounds(other_n)
        held = sum(
            float(stats.binom.pmf(a, n, p) * stats.binom.pmf(b, other_n, other_p))
            for a, b in itertools.product(range(n + 1), range(other_n + 1))
            if holds(a / n, b / other_n, ends[0][a], ends[1][b], p - other_p)
        )
        assert held == pytest.approx(0.95, abs=0.02)


def bounds(n: int) -> list[tuple[float, float]]:
    return [wilson(hits / n, n, confidence=0.95) for hits in range(n + 1)]


def holds(
    one: float,
    two: float,
    ends: tuple[float, float],
    other: tuple[float, float],
    gap: float,
) -> bool:
    below = math.hypot(one - ends[0], other[1] - two)
    above = math.hypot(ends[1] - one, two - other[0])
    return one - two - below <= gap <= one - two + above


def test_means_are_compared_as_scipy_does() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(1, 2, 37), rng.normal(0, 1, 210)
    found = compare_means(one, two, confidence=0.9)
    welch = stats.ttest_ind(one, two, equal_var=False)
    student = stats.ttest_ind(one, two)
    ends = welch.confidence_interval(0.9)
    assert found.value == pytest.approx(one.mean() - two.mean())
    assert (found.lower, found.upper) == pytest.approx((ends.low, ends.high))
    assert found.p_value == pytest.approx(max(welch.pvalue, student.pvalue))
    assert mean_interval(one, confidence=0.9) == pytest.approx(
        tuple(stats.ttest_1samp(one, 0).confidence_interval(0.9))
    )


def test_means_of_constants_differ_for_certain_or_not_at_all() -> None:
    same = compare_means(np.full(37, 0.1), np.full(90, 0.1), confidence=0.95)
    assert (same.value, same.p_value) == (0, 1)
    other = compare_means(np.full(32, 1.0), np.full(64, 2.0), confidence=0.95)
    assert (other.value, other.lower, other.upper, other.p_value) == (-1, -1, -1, 0)


@given(VALUES, VALUES)
def test_means_changed_over_turn_the_sign(one: list[float], two: list[float]) -> None:
    there = compare_means(np.array(one), np.array(two), confidence=0.95)
    back = compare_means(np.array(two), np.array(one), confidence=0.95)
    assert (there.value, there.lower, there.upper) == pytest.approx(
        (-back.value, -back.upper, -back.lower)
    )
    assert there.p_value == pytest.approx(back.p_value)
    assert 0 <= there.p_value <= 1


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], []),
        ([0.2], [0.2]),
        # 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 raised to the one before.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.0, 1.0], [0.0, 1.0]),
    ],
)
def test_holm_by_hand(given_: list[float], expected: list[float]) -> None:
    assert holm(given_) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_stepping_down_rejects(
    p_values: list[float], alpha: float
) -> None:
    ordered, rejected = sorted(p_values), 0
    while (
        rejected < len(ordered)
        and (len(ordered) - rejected) * ordered[rejected] <= alpha
    ):
        rejected += 1
    assert sum(p <= alpha for p in holm(p_values)) == rejected
    assert all(c >= p for c, p in zip(holm(p_values), p_values, strict=True))
