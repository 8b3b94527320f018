"""Intervals in closed form: of shares and of areas under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from mlkit.metrics.proportions import area_interval, effective_size, wilson
from mlkit.metrics.ranking import auc_influence, roc_auc
from mlkit.metrics.scored import Array, Scored


class Bounds(NamedTuple):
    """Both ends of an interval and how they were found."""

    lower: float
    upper: float
    method: str


Interval = Callable[[Scored, float], Bounds | None]
Trials = Callable[[Scored], tuple[Array, Array]]


def interval_of_share(
    trials: Trials, *, averaged: bool = False, harmonic: bool = False
) -> Interval:
    """Return the Wilson interval of a metric that is a share of rows.

    Parameters
    ----------
    trials
        Returns hits (0 or 1) and weights of the rows the share is taken of.
    averaged
        Whether the metric is a share only without averaging over classes; with it there
        is no closed form.
    harmonic
        Whether the metric is F1 = 2 s / (1 + s) of the share s = TP / (TP + FP + FN),
        whose interval carries over: Lam, Gopal and Qian, arXiv 2309.14621.
    """

    def bounds(scored: Scored, confidence: float) -> Bounds | None:
        if averaged and scored.average != "binary":
            return None
        hits, weight = trials(scored)
        share = float(np.average(hits, weights=weight))
        ends = wilson(share, effective_size(weight), confidence=confidence)
        method = "Wilson score interval"
        if not harmonic:
            return Bounds(*ends, method)
        lower, upper = (2 * end / (1 + end) for end in ends)
        return Bounds(lower, upper, f"{method} of TP / (TP + FP + FN)")

    return bounds


def interval_of_area(scored: Scored, confidence: float) -> Bounds:
    """Return the interval of the area under the ROC curve.

    Notes
    -----
    The variance of DeLong et al. (1988) on the logit scale, which keeps the bounds in
    0..1: Pepe, The Statistical Evaluation of Medical Tests (2003), section 5.2. Where
    that variance says nothing (an area of 0 or 1, a class of one row) the score
    interval of Newcombe (2006).
    """
    area = roc_auc(scored)
    spread = area_spread(*auc_influence(scored))
    if spread is None or not 1e-9 < area < 1 - 1e-9:
        sizes = class_sizes(scored)
        smallest = min(sizes)
        ends = area_interval(
            area, smallest, sum(sizes) - smallest, confidence=confidence
        )
        return Bounds(*ends, "Newcombe score interval")
    error, freedom = spread
    step = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    centre = math.log(area / (1 - area))
    half = step / (area * (1 - area))
    return Bounds(
        float(special.expit(centre - half)),
        float(special.expit(centre + half)),
        "DeLong on the logit scale",
    )


def area_spread(
    influence: Array, strata: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Return standard error and degrees of freedom of a sum of influences.

    None when a stratum has a single row, whose variance nobody can know.

    Notes
    -----
    Degrees of freedom as Brunner and Munzel, Biometrical Journal 42 (2000), 17-25,
    after Satterthwaite: few positive rows count as few.
    """
    counts = np.bincount(strata)
    seen = counts > 0
    if counts[seen].min() < 2:
        return None
    squares = np.bincount(strata, weights=np.square(influence))[seen]
    parts = squares * counts[seen] / (counts[seen] - 1)
    variance = float(parts.sum())
    if variance == 0:
        return 0.0, float(counts[seen].min() - 1)
    freedom = variance**2 / float((np.square(parts) / (counts[seen] - 1)).sum())
    return math.sqrt(variance), freedom


def class_sizes(scored: Scored) -> list[float]:
    """Return the effective number of rows of each class that has rows."""
    return [
        effective_size(scored.weights[scored.codes == code])
        for code in np.unique(scored.codes)
    ]
