"""Two independent samples: the difference of their shares or means, and its test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from mlkit.metrics.exact import fisher_exact
from mlkit.metrics.proportions import wilson
from mlkit.metrics.scored import Array

# Below this expected count the tails of the normal distribution are too thin for the
# small levels of a corrected test: at 0.003 and a count of 5 it rejects half too often.
EXACT_BELOW = 10.0
ROUNDING = 1e-12


class Contrast(NamedTuple):
    """A difference, first sample minus second, with its interval and its test."""

    value: float
    lower: float
    upper: float
    p_value: float
    method: str


def compare_shares(
    hits: int, n: int, other_hits: int, other_n: int, *, confidence: float
) -> Contrast:
    """Compare the shares of hits in two samples.

    Parameters
    ----------
    hits, n
        Hits and rows of the first sample; at least one row.
    other_hits, other_n
        Those of the second.
    confidence
        Level of the two-sided interval.

    Notes
    -----
    The interval is method 10 (hybrid score) of Newcombe, Statistics in Medicine 17
    (1998), 873-890. The p-value is that of the pooled z test (the square root of
    Pearson's chi-square), and of Fisher's exact test where the smallest expected count
    is below 10.

    Examples
    --------
    >>> found = compare_shares(56, 70, 48, 80, confidence=0.95)
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.0524, 0.3339)
    """
    one, two = hits / n, other_hits / other_n
    low, high = wilson(one, n, confidence=confidence)
    other_low, other_high = wilson(two, other_n, confidence=confidence)
    gap = one - two
    p_value, test = _share_test(hits, n, other_hits, other_n)
    return Contrast(
        value=gap,
        lower=gap - math.hypot(one - low, other_high - two),
        upper=gap + math.hypot(high - one, two - other_low),
        p_value=p_value,
        method=f"Newcombe hybrid score interval, {test}",
    )


def _share_test(hits: int, n: int, other_hits: int, other_n: int) -> tuple[float, str]:
    total = n + other_n
    pooled = (hits + other_hits) / total
    if min(n, other_n) * min(pooled, 1 - pooled) < EXACT_BELOW:
        return fisher_exact(hits, n, other_hits, other_n), "Fisher's exact test"
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    z = (hits / n - other_hits / other_n) / error
    return float(2 * special.ndtr(-abs(z))), "pooled z test"


def mean_interval(values: Array, *, confidence: float) -> tuple[float, float]:
    """Return Student's t interval of the mean of at least two values.

    Examples
    --------
    >>> lower, upper = mean_interval(np.array([1.0, 2.0, 3.0]), confidence=0.95)
    >>> round(lower, 2), round(upper, 2)
    (-0.48, 4.48)
    """
    n = len(values)
    step = float(special.stdtrit(n - 1, (1 + confidence) / 2))
    half = step * float(values.std(ddof=1)) / math.sqrt(n)
    mean = float(values.mean())
    return mean - half, mean + half


def compare_means(one: Array, two: Array, *, confidence: float) -> Contrast:
    """Compare the means of two samples.

    Parameters
    ----------
    one, two : array of shape (n_samples,)
        The values; at least two each.
    confidence
        Level of the two-sided interval.

    Notes
    -----
    The interval is that of Welch, Biometrika 34 (1947), 28-35. The p-value is the
    larger of Welch's test and of Student's with one variance: where values are skewed
    and one sample is small, each alone finds differences that are not there, Welch's
    in samples that came out narrow and Student's in those that came out wide.
    """
    gap = float(one.mean() - two.mean())
    # What rounding leaves of equal means is no difference, however little varies.
    if abs(gap) <= ROUNDING * max(np.abs(one).max(), np.abs(two).max()):
        gap = 0.0
    n, other_n = len(one), len(two)
    spread, other_spread = float(one.var(ddof=1)), float(two.var(ddof=1))
    parts = spread / n, other_spread / other_n
    error = math.sqrt(sum(parts))
    if error == 0:
        certain = 1.0 if gap == 0 else 0.0
        return Contrast(gap, gap, gap, certain, "no value varies")
    share = parts[0] / sum(parts)
    freedom = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (other_n - 1))
    half = float(special.stdtrit(freedom, (1 + confidence) / 2)) * error
    both = n + other_n - 2
    pooled = ((n - 1) * spread + (other_n - 1) * other_spread) / both
    student = abs(gap) / math.sqrt(pooled * (1 / n + 1 / other_n))
    p_value = 2 * max(
        float(special.stdtr(freedom, -abs(gap) / error)),
        float(special.stdtr(both, -student)),
    )
    method = "Welch t interval, Welch and Student t tests"
    return Contrast(gap, gap - half, gap + half, p_value, method)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are, in the same order.

    Rejecting those of at most alpha rejects any true hypothesis with a probability of
    at most alpha, whatever hangs on what.

    Notes
    -----
    Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    count, largest = len(p_values), 0.0
    corrected = [0.0] * count
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (count - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
