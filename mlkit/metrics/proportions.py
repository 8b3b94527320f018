"""Intervals of shares, and of the difference of two shares of the same rows."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats
from scipy.optimize import brentq

from mlkit.metrics.scored import Array


def effective_size(weight: Array) -> float:
    """Return how many equally weighted rows carry as much: (sum w)^2 / sum w^2.

    Notes
    -----
    Kish, Survey Sampling (1965), section 11.7.
    """
    return float(weight.sum() ** 2 / np.square(weight).sum())


def wilson(share: float, n: float, *, confidence: float) -> tuple[float, float]:
    """Return the two-sided score interval of a share of n rows.

    Notes
    -----
    Wilson, JASA 22 (1927), 209-212. Unlike ``share`` +- z standard errors it keeps a
    width at 0 and at 1.

    Examples
    --------
    >>> lower, upper = wilson(1.0, 36, confidence=0.95)
    >>> round(lower, 3), upper
    (0.904, 1.0)
    """
    z = float(special.ndtri((1 + confidence) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + (z / n) ** 2 / 4)
    # At 0 and 1 the bound is the share itself; rounding must not put it elsewhere.
    lower = 0.0 if share == 0 else max(0.0, centre - half)
    upper = 1.0 if share == 1 else min(1.0, centre + half)
    return lower, upper


def area_interval(
    area: float, positives: float, negatives: float, *, confidence: float
) -> tuple[float, float]:
    """Return the two-sided score interval of an area under the ROC curve.

    Notes
    -----
    Method 5 of Newcombe, Statistics in Medicine 25 (2006), 559-573: the variance of
    Hanley and McNeil at the bound instead of at the estimate, so that an area of 1
    keeps a width.
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    if z < 1e-5:
        return area, area
    mean = (positives + negatives) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + mean * (1 - theta) / (2 - theta) + mean * theta / (1 + theta)
        variance = theta * (1 - theta) * spread / (positives * negatives)
        return (area - theta) ** 2 - z * z * variance

    # At theta = area the excess is at most 0, and at 0 and 1 at least 0.
    tiny = 1e-12
    lower = 0.0 if area <= tiny else brentq(excess, 0.0, area - tiny)
    upper = 1.0 if area >= 1 - tiny else brentq(excess, area + tiny, 1.0)
    return float(lower), float(upper)


def difference_quantile(
    better: float, worse: float, n: float, *, probability: float
) -> float:
    """Return the score bound of a difference of two shares of the same n rows.

    Parameters
    ----------
    better, worse
        Rows that only the second, and only the first, of two models has right. May be
        fractions where rows have weights.
    n
        Number of rows.
    probability
        Confidence that the true difference is below the returned value, in 0..1.

    Notes
    -----
    Tango, Statistics in Medicine 17 (1998), 891-908.
    """
    z = float(stats.norm.ppf(probability))

    def excess(delta: float) -> float:
        a = 2 * n
        b = -better - worse + (2 * n - better + worse) * delta
        c = -worse * delta * (1 - delta)
        share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = max(0.0, n * (2 * share + delta * (1 - delta)))
        return (better - worse - n * delta) + z * math.sqrt(variance)

    low, high = -1 + 1e-9, 1 - 1e-9
    if excess(low) <= 0:
        return -1.0
    if excess(high) >= 0:
        return 1.0
    return float(brentq(excess, low, high))


def sign_quantile(
    better: float, worse: float, n: float, *, probability: float
) -> float:
    """Return the exact bound of the difference, given the rows on which models differ.

    Its sign at ``probability`` agrees with the exact test of McNemar (the sign test on
    the ``better + worse`` rows).

    Notes
    -----
    Clopper and Pearson, Biometrika 26 (1934), 404-413, on the share of ``better``.
    """
    split = better + worse
    if split == 0:
        return 0.0
    if probability < 0.5:
        share = 0.0 if better == 0 else stats.beta.ppf(probability, better, worse + 1)
    else:
        share = 1.0 if worse == 0 else stats.beta.ppf(probability, better + 1, worse)
    return float((2 * share - 1) * split / n)
