"""How sure a gain is, in closed form: one paired test for each kind of metric.

Each function returns a `Gain`: the gain of the challenger over the champion and its
confidence distribution, from which bounds of any level are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from mlkit.metrics.catalog import MetricSpec
from mlkit.metrics.intervals import area_spread, class_sizes
from mlkit.metrics.proportions import (
    area_interval,
    difference_quantile,
    effective_size,
    sign_quantile,
)
from mlkit.metrics.ranking import auc_influence
from mlkit.metrics.scored import Array, Scored, Undefined
from mlkit.metrics.values import squared_errors, variance


@dataclass(frozen=True)
class Gain:
    """A gain, the quantiles of its confidence distribution and a one-sided p-value."""

    value: float
    quantile: Callable[[float], float]
    p_value: float
    method: str


@dataclass(frozen=True)
class Contest:
    """Champion and challenger on the same rows, with their values of one metric."""

    spec: MetricSpec
    champion: Scored
    challenger: Scored
    before: float
    after: float

    @property
    def gain(self) -> float:
        """The gain, above 0 where the challenger is better."""
        return self.spec.sign * (self.after - self.before)


def gain_of_area(contest: Contest) -> Gain:
    """Return the gain in the area under the ROC curve.

    Notes
    -----
    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), 837-845, with
    Satterthwaite's degrees of freedom, so that a class of few rows counts as few.
    """
    value = contest.gain
    old, strata = auc_influence(contest.champion)
    new, _ = auc_influence(contest.challenger)
    spread = area_spread(new - old, strata)
    if spread is None:
        raise Undefined("a class has only one row")
    error, freedom = spread
    if error < 1e-12 and abs(value) > 1e-12:
        return _gain_of_certain_areas(contest)
    return student_gain(value, error, freedom, "DeLong")


def _gain_of_certain_areas(contest: Contest) -> Gain:
    """Return the gain between areas that show no variance: constant, or 0 or 1.

    An area of 0 or 1 may be chance; the score interval of Newcombe (2006) knows.
    """
    sizes = class_sizes(contest.champion)
    few, rest = min(sizes), sum(sizes) - min(sizes)

    def ends(area: float, probability: float) -> tuple[float, float]:
        if 1e-9 < area < 1 - 1e-9:
            return area, area
        return area_interval(area, few, rest, confidence=abs(2 * probability - 1))

    def quantile(probability: float) -> float:
        before, after = (ends(a, probability) for a in (contest.before, contest.after))
        if probability < 0.5:
            return after[0] - before[1]
        return after[1] - before[0]

    p_value = _p_value(quantile)
    return Gain(contest.gain, quantile, p_value, "Newcombe score intervals")


def gain_of_matches(contest: Contest) -> Gain:
    """Return the gain in accuracy, from the rows that only one model has right.

    The more cautious of two answers: Tango's score interval (1998), which is close at
    any size of the gain, and the exact test of McNemar, which keeps its level when the
    models differ on few rows. Weighted rows count as the number of equal rows they are
    worth.
    """
    models = (contest.champion, contest.challenger)
    right = [each.labels == each.codes for each in models]
    weight = contest.champion.weights
    differ = right[0] != right[1]
    n = effective_size(weight)
    better = worse = 0.0
    if differ.any():
        # Scaled so that better - worse is n times the gain.
        better = n * float(weight[right[1] & differ].sum() / weight.sum())
        worse = n * float(weight[right[0] & differ].sum() / weight.sum())

    def quantile(probability: float) -> float:
        found = [
            bound(better, worse, n, probability=probability)
            for bound in (difference_quantile, sign_quantile)
        ]
        return min(found) if probability < 0.5 else max(found)

    p_value = 1.0
    if differ.any():
        z = (better - worse) / math.sqrt(better + worse)
        exact = special.betainc(better, worse + 1, 0.5) if better else 1.0
        p_value = max(float(exact), float(stats.norm.sf(z)))
    method = "Tango score interval and exact McNemar test"
    return Gain(contest.gain, quantile, p_value, method)


def gain_of_mean(contest: Contest) -> Gain:
    """Return the gain in a mean of losses.

    The more cautious of two answers: Student's t on the differences, and Hall's
    transformed t, which allows for their skewness: Hall, JRSS B 54 (1992), 221-228.
    """
    losses = contest.spec.losses
    if losses is None:
        raise ValueError(f"{contest.spec.name} is no mean of losses.")
    difference = losses(contest.champion) - losses(contest.challenger)
    return _mean(difference, contest.champion.weights, scale=1.0)


def gain_of_squares(contest: Contest) -> Gain:
    """Return the gain in RMSE or R2, from the differences of squared errors.

    Both grow with the mean squared error, so that its paired test is theirs; its bounds
    are divided by the sum of the two RMSE, as (a^2 - b^2) / (a + b) = a - b, or by the
    variance of the target.
    """
    champion = contest.champion
    difference = squared_errors(champion) - squared_errors(contest.challenger)
    scale = contest.before + contest.after
    if contest.spec.greater_is_better:
        scale = variance(champion)
    return _mean(difference, champion.weights, scale=scale or 1.0)


def _mean(difference: Array, weight: Array, *, scale: float) -> Gain:
    share = weight / weight.sum()
    n = effective_size(weight)
    centre = float(np.dot(share, difference))
    if len(difference) < 2:
        raise Undefined("a single row has no spread")
    deviation = difference - centre
    count = len(difference) / (len(difference) - 1)
    error = math.sqrt(count * float(np.dot(share**2, deviation**2)))
    student = student_gain(centre / scale, error / scale, n - 1, "")
    variance_ = float(np.dot(share, deviation**2))
    if variance_ < 1e-30 or error / scale < 1e-15:
        return replace(student, method="paired t")
    skewness = float(np.dot(share, deviation**3)) / variance_**1.5

    def quantile(probability: float) -> float:
        t = float(stats.t.ppf(1 - probability, n - 1))
        hall = (centre - error * _hall_inverse(t, skewness, n)) / scale
        plain = student.quantile(probability)
        return min(plain, hall) if probability < 0.5 else max(plain, hall)

    p_hall = float(stats.t.sf(_hall(centre / error, skewness, n), n - 1))
    method = "paired t, with and without Hall's correction for skewness"
    return Gain(centre / scale, quantile, max(student.p_value, p_hall), method)


def _hall(t: float, skewness: float, n: float) -> float:
    a = skewness / math.sqrt(n)
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def _hall_inverse(z: float, skewness: float, n: float) -> float:
    a = skewness / math.sqrt(n)
    if abs(a) < 1e-9:
        return z
    return float(3 / a * (np.cbrt(1 + a * (z - a / 6)) - 1))


def student_gain(value: float, error: float, freedom: float, method: str) -> Gain:
    """Return a gain whose deviation over its standard error follows Student's t."""
    if error < 1e-15:
        sure = 0.0 if value > 0 else 1.0
        return Gain(value, lambda _: value, sure, method)

    def quantile(probability: float) -> float:
        return value + float(stats.t.ppf(probability, freedom)) * error

    return Gain(value, quantile, float(stats.t.sf(value / error, freedom)), method)


def _p_value(quantile: Callable[[float], float]) -> float:
    """Return the smallest level at which the lower bound lies above 0."""
    low, high = 1e-6, 1 - 1e-6
    if quantile(low) > 0:
        return low
    if quantile(high) <= 0:
        return high
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if quantile(middle) <= 0 else (low, middle)
    return high
