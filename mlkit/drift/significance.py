"""Significance: how likely a difference is without drift, among many looked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Counted = NDArray[np.int64]

# Below this expected count in any cell the chi-square distribution is not trusted.
EXPECTED = 10.0
MOST_CELLS = 100
UNLIKELY = 1e-3
TAIL_FROM = 6.0
BELOW_2 = (2.00012, 0.247105, -0.0649821, 0.0347962, -0.011672, 0.00168691)
ABOVE_2 = (1.0776, -2.30695, 0.43424, -0.082433, 0.008056, -0.0003146)
DRAWS = (999, 9_000)
# So many draws as extreme as the table say that there is no drift; no more are needed.
ENOUGH = 10


def kolmogorov_smirnov_p(statistic: float, n: int, m: int) -> float:
    """Return how likely a two-sample statistic this large is without drift.

    Notes
    -----
    The exact one-sample distribution at the effective number of rows, as
    ``scipy.stats.ks_2samp(method="asymp")`` takes it. Values that occur more than once
    make it larger than it need be, never smaller.
    """
    effective = max(round(n * m / (n + m)), 1)
    return float(np.clip(stats.kstwo.sf(statistic, effective), 0.0, 1.0))


def anderson_darling_p(statistic: float) -> float:
    """Return how likely a two-sample statistic this large is without drift.

    Values that many rows share make it smaller than it should be.

    Notes
    -----
    The limiting distribution by Marsaglia and Marsaglia, Journal of Statistical
    Software 9 (2004), 2; beyond a statistic of 6, where their digits end, it goes on
    like its known tail erfc(sqrt(z)) (Zolotarev, Theory of Probability and its
    Applications 6 (1961), 201-204).

    Examples
    --------
    >>> round(anderson_darling_p(2.492), 4), round(anderson_darling_p(3.857), 4)
    (0.05, 0.0102)
    """
    z = statistic
    if z <= 0:
        return 1.0
    if z > TAIL_FROM:
        start = anderson_darling_p(TAIL_FROM) / special.erfc(math.sqrt(TAIL_FROM))
        return float(start * special.erfc(math.sqrt(z)))
    powers = z ** np.arange(6)
    if z < 2:
        head = math.exp(-1.2337141 / z) / math.sqrt(z)
        return max(0.0, min(1.0, 1 - head * float(powers @ BELOW_2)))
    return -math.expm1(-math.exp(float(powers @ ABOVE_2)))


def pooled_cells(one: Counted, other: Counted) -> tuple[Counted, Counted]:
    """Return the counts with rare cells joined into the last one.

    Whether a cell is rare is decided by the rows of both sides together: choosing by
    one side would make its counts too large, and the test wrong. Kept are only levels
    that, without drift, would not be wanting in the reference: those that are wanting
    are in the last cell already, where they would weigh on one side alone.

    Parameters
    ----------
    one, other : ndarray of int64 of shape (n_cells,)
        Counts of the reference, and current ones; the last cell holds all levels that
        are not listed.
    """
    total = one + other
    rows = max(int(total.sum()), 1)
    smaller = min(int(one.sum()), int(other.sum())) / rows
    wanting = max(int(other.sum()), 1) / rows
    kept = (total * smaller >= 1) & (wanting**total <= UNLIKELY)
    kept[-1] = False
    if kept.sum() >= MOST_CELLS:
        kept &= total > np.sort(total)[-MOST_CELLS]
    joined = [
        np.append(counts[kept], counts[~kept].sum()).astype(np.int64)
        for counts in (one, other)
    ]
    used = (joined[0] + joined[1]) > 0
    return joined[0][used], joined[1][used]


def homogeneity(
    one: Counted, other: Counted, rng: np.random.Generator
) -> tuple[float, float, str]:
    """Test whether two samples come from the same shares.

    Parameters
    ----------
    one, other : ndarray of int64 of shape (n_cells,)
        Counts of the two samples. Neither is taken for the truth: a test of fit to the
        shares of a sample would reject without drift in most cases.
    rng : numpy.random.Generator
        Draws tables where expected counts are small.

    Returns
    -------
    statistic, p : float
        Pearson's chi-square and its p-value.
    method : str
        How the p-value was found.

    Notes
    -----
    With small expected counts the p-value is (b + 1) / (draws + 1), b the tables with
    the same margins that are as extreme: Phipson and Smyth, Statistical Applications in
    Genetics and Molecular Biology 9 (2010), article 39. Drawing ends early where b
    reaches 10 (Besag and Clifford, Biometrika 78 (1991), 301-304).
    """
    total = one + other
    if len(total) < 2:
        return 0.0, 1.0, "one level only"
    rows = np.array([one.sum(), other.sum()], dtype=np.float64)
    expected = rows[:, None] * total / total.sum()
    statistic = _pearson(one[None], expected)[0]
    if expected.min() >= EXPECTED:
        p = float(stats.chi2.sf(statistic, len(total) - 1))
        return float(statistic), p, "chi-square"
    p = _drawn(statistic, total, int(one.sum()), expected, rng)
    return float(statistic), p, "chi-square, Monte Carlo"


def _pearson(
    one: NDArray[np.int64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the statistic of tables with the same margins, of shape (n_tables,)."""
    squares = (one - expected[0]) ** 2
    return np.asarray((squares * (1 / expected).sum(axis=0)).sum(axis=1))


def _drawn(
    statistic: float,
    total: Counted,
    size: int,
    expected: NDArray[np.float64],
    rng: np.random.Generator,
) -> float:
    extreme = drawn = 0
    for draws in DRAWS:
        tables = rng.multivariate_hypergeometric(
            total, size, size=draws, method="marginals"
        )
        # Rounding must not tell tables apart that are equally extreme.
        found = _pearson(tables, expected) >= statistic * (1 - 1e-9)
        extreme, drawn = extreme + int(found.sum()), drawn + draws
        if extreme >= ENOUGH:
            break
    return (extreme + 1) / (drawn + 1)


def least_p(hits: int, rows: int, other_rows: int) -> float:
    """Return the least p-value that so many hits in two samples could ever give.

    A test that cannot reject whatever happens is no test; it is left out of the count
    of those that are corrected for (Tarone, Biometrics 46 (1990), 515-522).

    Examples
    --------
    >>> round(least_p(1, 1000, 1000), 2), least_p(20, 1000, 1000) < 1e-5
    (0.5, True)
    """
    hits = min(hits, rows + other_rows - hits)
    smaller, total = min(rows, other_rows), rows + other_rows
    if hits > smaller:
        return 0.0
    return float(stats.hypergeom.pmf(hits, total, hits, smaller))


def corrected(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected so that of those below q at most a share q is false.

    Notes
    -----
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995),
    289-300, as adjusted p-values.

    Examples
    --------
    >>> [round(p, 3) for p in corrected([0.01, 0.5, 0.03])]
    [0.03, 0.5, 0.045]
    """
    if not len(p_values):
        return []
    adjusted = stats.false_discovery_control(np.clip(p_values, 0, 1), method="bh")
    return [float(p) for p in adjusted]
