"""Significance: how likely a difference is without drift, among many looked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlkit.metrics import fisher_exact

Counted = NDArray[np.int64]

# Below this expected count in any cell the chi-square distribution is not trusted.
EXPECTED = 10.0
MOST_CELLS = 100
UNLIKELY = 1e-3
TAIL_FROM = 6.0
BELOW_2 = (2.00012, 0.247105, -0.0649821, 0.0347962, -0.011672, 0.00168691)
ABOVE_2 = (1.0776, -2.30695, 0.43424, -0.082433, 0.008056, -0.0003146)
# A level whose absence could have a p-value no smaller than this says nothing.
TELLABLE = 0.05
CRAMER_TAIL = 4.0
CRAMER_TERMS = 20
DRAWS = (999, 9_000)
# Above this p-value of the chi-square distribution nothing hangs on a better one.
CLEAR = 0.2
# Numpy deals no more rows than this.
MOST_DEALT = 10**9
# So many draws as extreme as the table say that there is no drift; no more are needed.
ENOUGH = 10


def kolmogorov_smirnov_p(statistic: float, n: int, m: int) -> float:
    """Return how likely a two-sample statistic this large is without drift.

    Notes
    -----
    The limiting distribution with the correction for few rows of Vrbik, Pioneer
    Journal of Theoretical and Applied Statistics 15 (2018), 15-23, at the effective
    number of rows. Of ``scipy.stats.ks_2samp(method="asymp")`` it differs by a few
    percent of itself, and takes a thousandth of the time. Values that occur more than
    once make it larger than it need be, never smaller.

    Examples
    --------
    >>> round(kolmogorov_smirnov_p(0.0607, 1000, 1000), 3)
    0.048
    """
    if not n or not m or statistic <= 0:
        return 1.0
    effective = n * m / (n + m)
    x = statistic * math.sqrt(effective)
    x += 1 / (6 * math.sqrt(effective)) + (x - 1) / (4 * effective)
    return float(special.kolmogorov(max(x, 0.0)))


def cramer_von_mises_p(statistic: float, n: int, m: int) -> float:
    """Return how likely a two-sample statistic this large is without drift.

    Notes
    -----
    The limiting distribution at the statistic brought to its mean and variance, as
    ``scipy.stats.cramervonmises_2samp(method="asymptotic")`` takes it: Anderson, Annals
    of Mathematical Statistics 33 (1962), 1148-1159; equation 1.2 of Csorgo and Faraway,
    Journal of the Royal Statistical Society B 58 (1996), 221-234. Beyond 4, where the
    digits of the sum end, it goes on like its tail exp(-pi^2 x / 2) / sqrt(x). Values
    that many rows share make it larger than it need be.

    Examples
    --------
    >>> round(cramer_von_mises_p(0.461, 5000, 5000), 3)
    0.05
    """
    if n < 2 or m < 2:
        return 1.0
    total, product = n + m, n * m
    mean = (1 + 1 / total) / 6
    spread = (total + 1) * (4 * product * total - 3 * (n * n + m * m) - 2 * product)
    variance = spread / (45 * total**2 * 4 * product)
    x = 1 / 6 + (statistic - mean) / math.sqrt(45 * variance)
    if x <= 0.003:
        return 1.0
    if x > CRAMER_TAIL:
        past = math.exp(-(math.pi**2) * (x - CRAMER_TAIL) / 2)
        return _cramer_tail(CRAMER_TAIL) * past * math.sqrt(CRAMER_TAIL / x)
    return min(1.0, max(0.0, _cramer_tail(x)))


def _cramer_tail(x: float) -> float:
    """Return the chance that the limit of the statistic is above `x`."""
    steps = np.arange(CRAMER_TERMS)
    odd = 4 * steps + 1
    powers = odd**2 / (16 * x)
    logs = special.gammaln(steps + 0.5) - special.gammaln(steps + 1)
    lead = np.exp(logs - 2 * powers)
    below = np.sum(lead * np.sqrt(odd) * special.kve(0.25, powers))
    return float(1 - below / (math.pi**1.5 * math.sqrt(x)))


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


def pooled_cells(
    one: Counted, other: Counted, *, rest: bool = True
) -> tuple[Counted, Counted]:
    """Return the counts with rare cells joined into the last one.

    Whether a cell is rare is decided by the rows of both sides together: choosing by
    one side would make its counts too large, and the test wrong. Kept are only levels
    that, without drift, would not be wanting in the reference: those that are wanting
    are in the last cell already, where they would weigh on one side alone.

    Parameters
    ----------
    one, other : ndarray of int64 of shape (n_cells,)
        Counts of the reference, and current ones.
    rest : bool
        Whether the last cell holds all levels that are not listed. The last bin of
        numbers is a cell like the others: rare ones are joined apart from it.
    """
    if not rest:
        one, other = np.append(one, 0), np.append(other, 0)
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
    """Test whether two samples come from the same shares, and say by which test.

    Where expected counts are small the test is exact: of two cells it is Fisher's, of
    more it is Pearson's with tables drawn at random. No tables are drawn where the
    chi-square distribution gives a p-value above 0.2: a better one would change
    nothing.

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
    p = float(special.chdtrc(len(total) - 1, statistic))
    if expected.min() >= EXPECTED or p > CLEAR:
        return float(statistic), p, "chi-square"
    if len(total) == 2:
        sides = (int(one[0]), int(one.sum()), int(other[0]), int(other.sum()))
        return float(statistic), fisher_exact(*sides), "Fisher's exact test"
    p = _drawn(statistic, total, int(one.sum()), expected, rng)
    return float(statistic), p, "chi-square, Monte Carlo"


def likelihood_ratio_p(statistic: float, one: Counted, other: Counted) -> float | None:
    """Return the p-value of the G-test; None where expected counts are too small.

    Parameters
    ----------
    statistic : float
        What :func:`mlkit.drift.statistics.likelihood_ratio` returned.
    one, other : ndarray of int64 of shape (n_cells,)
        Counts of the two samples, no cell empty on both sides.
    """
    total = one + other
    smaller = min(int(one.sum()), int(other.sum())) / int(total.sum())
    if int(total.min()) * smaller < EXPECTED:
        return None
    return float(special.chdtrc(len(total) - 1, statistic))


def vanished_p(gone: Counted, total: Counted, n: int, m: int) -> tuple[float, Counted]:
    """Return how likely it is without drift that a level vanishes, and which ones did.

    Parameters
    ----------
    gone : ndarray of int64 of shape (n_levels,)
        Rows of the reference in each level that no current row has, else 0.
    total : ndarray of int64 of shape (n_levels,)
        Rows of both sides in each level.
    n, m : int
        Rows of the reference, and current ones.

    Returns
    -------
    p : float
        The p-value.
    surely : ndarray of int64 of shape (n_levels,)
        Those of `gone` that chance alone does not take away.

    Notes
    -----
    All rows of a level are in the reference by chance as often as so many rows that are
    drawn from both sides are (hypergeometric). The least of these chances is multiplied
    by the number of levels of which it could be small (Bonferroni; Tarone, Biometrics
    46 (1990), 515-522): in a small window, rare levels are wanting for nothing.
    """
    logs = (
        special.gammaln(n + 1)
        - special.gammaln(np.maximum(n - total, 0) + 1)
        - special.gammaln(n + m + 1)
        + special.gammaln(n + m - total + 1)
    )
    chances = np.where(total > n, 0.0, np.exp(logs))
    tellable = int(np.count_nonzero(chances <= TELLABLE))
    own = np.where(chances <= TELLABLE, np.minimum(1.0, tellable * chances), 1.0)
    surely = np.where((gone > 0) & (own <= TELLABLE), gone, 0)
    return float(own[gone > 0].min(initial=1.0)), surely


def beyond_p(below: int, above: int, n: int, m: int) -> float:
    """Return how likely it is without drift that so many rows lie beyond all others.

    Parameters
    ----------
    below, above : int
        Current rows below the smallest value of the reference, and above its largest.
    n, m : int
        Rows of the reference, and current ones.

    Notes
    -----
    The k largest of all rows are all current ones with the chance of drawing k current
    rows: Rosenbaum, Annals of Mathematical Statistics 25 (1954), 146-150. It is taken
    of the side where it is less likely, and doubled.

    Examples
    --------
    >>> round(beyond_p(0, 7, 1000, 1000), 3)
    0.015
    """
    most = max(below, above)
    logs = (
        special.gammaln(m + 1)
        - special.gammaln(m - most + 1)
        - special.gammaln(n + m + 1)
        + special.gammaln(n + m - most + 1)
    )
    return min(1.0, 2 * float(np.exp(logs)))


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
        tables = _tables(total, size, draws, rng)
        # Rounding must not tell tables apart that are equally extreme.
        found = _pearson(tables, expected) >= statistic * (1 - 1e-9)
        extreme, drawn = extreme + int(found.sum()), drawn + draws
        if extreme >= ENOUGH:
            break
    return (extreme + 1) / (drawn + 1)


def _tables(
    total: Counted, size: int, draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return tables with the same margins: first samples of shape (draws, n_cells)."""
    rows = int(total.sum())
    if rows < MOST_DEALT:
        return np.asarray(
            rng.multivariate_hypergeometric(total, size, size=draws, method="marginals")
        )
    # So many rows cannot be dealt one by one. Drawn with return, tables vary a little
    # more than they should, which makes p-values too large and never too small.
    smaller = min(size, rows - size)
    drawn = np.minimum(rng.multinomial(smaller, total / rows, size=draws), total)
    return np.asarray(drawn if smaller == size else total - drawn)


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
    chosen = special.gammaln(smaller + 1) - special.gammaln(smaller - hits + 1)
    every = special.gammaln(total + 1) - special.gammaln(total - hits + 1)
    return float(np.exp(chosen - every))


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
    p = np.clip(np.asarray(p_values, dtype=np.float64), 0, 1)
    order = np.argsort(p)
    steps = p[order] * (len(p) / np.arange(1, len(p) + 1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(steps[::-1])[::-1]
    return [float(each) for each in np.minimum(adjusted, 1.0)]
