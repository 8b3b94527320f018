"""How sure a gain is in a metric without closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlkit.metrics.catalog import MetricSpec
from mlkit.metrics.estimates import (
    OWN_RESAMPLES,
    QUANTILES_FROM,
    resampler_of,
    strata_of,
)
from mlkit.metrics.gains import Contest, Gain, student_gain
from mlkit.metrics.resampling import (
    canonical_order,
    count_blocks,
    draws,
    swap_blocks,
)
from mlkit.metrics.scored import Array, Scored, Undefined


def gain_by_resampling(contest: Contest, *, resamples: int, seed: int) -> Gain:
    """Return the gain in any metric, by drawing rows and by swapping predictions.

    The more cautious of two answers: the percentiles of the paired bootstrap (Efron and
    Tibshirani 1993, chapter 16), and the randomisation test that swaps the two models'
    predictions row by row (Good, Permutation Tests, 2nd ed., 2000), which keeps its
    level when the models differ on few rows.
    """
    spec, value = contest.spec, contest.gain
    order = _order(contest.champion, contest.challenger)
    old, new = contest.champion.take(order), contest.challenger.take(order)
    most = draws(2 * old.n, resamples)
    if spec.own is not None:
        most = min(most, OWN_RESAMPLES)
    drawn = spec.sign * _drawn_gains(spec, old, new, resamples=most, seed=seed)
    if len(drawn) < most / 2:
        raise Undefined("it has no value in most resamples of these rows")
    if spec.floor is not None:
        floors = spec.floor(old) - spec.floor(new)
        return _above_floor(value, floors, float(drawn.std(ddof=1)), old.n)
    swapped = spec.sign * _swapped_gains(spec, old, new, resamples=most, seed=seed)

    def quantile(probability: float) -> float:
        found = (
            value + _deviation(drawn - value, probability),
            value - _deviation(swapped, 1 - probability),
        )
        return min(found) if probability < 0.5 else max(found)

    p_value = max(
        (1 + np.count_nonzero(drawn <= 0)) / (1 + len(drawn)),
        (1 + np.count_nonzero(swapped >= value - 1e-12)) / (1 + len(swapped)),
    )
    method = f"paired bootstrap and row-swap randomisation, {most} resamples each"
    return Gain(value, quantile, float(p_value), method)


def _above_floor(value: float, floors: float, error: float, n: int) -> Gain:
    """Return the gain in a metric that chance raises, by more for some predictions.

    Between equally good models the plain gain is biased towards the one with the lower
    floor and the gain above the floors towards the other, so that the more cautious of
    the two is biased towards neither.
    """
    plain = student_gain(value, error, n - 1, "")
    above = student_gain(value - floors, error, n - 1, "")

    def quantile(probability: float) -> float:
        found = plain.quantile(probability), above.quantile(probability)
        return min(found) if probability < 0.5 else max(found)

    method = "paired bootstrap, with and without the gain that chance explains"
    return Gain(value, quantile, max(plain.p_value, above.p_value), method)


def _drawn_gains(
    spec: MetricSpec, old: Scored, new: Scored, *, resamples: int, seed: int
) -> Array:
    functions = resampler_of(spec, old), resampler_of(spec, new)
    gains = [
        functions[1](counts) - functions[0](counts)
        for counts in count_blocks(
            old.n, resamples, seed=seed, strata=strata_of(spec, old)
        )
    ]
    return _finite(gains)


def _swapped_gains(
    spec: MetricSpec, old: Scored, new: Scored, *, resamples: int, seed: int
) -> Array:
    both = replace(
        old,
        y=np.concatenate([old.y, new.y]),
        prediction=np.concatenate([old.prediction, new.prediction]),
        weight=np.concatenate([old.weights, new.weights]),
    )
    function = resampler_of(spec, both)
    gains = [
        function(np.hstack([flips, 1 - flips]))
        - function(np.hstack([1 - flips, flips]))
        for flips in swap_blocks(old.n, resamples, seed=seed)
    ]
    return _finite(gains)


def _deviation(deviations: Array, probability: float) -> float:
    if len(deviations) < QUANTILES_FROM:
        return float(stats.norm.ppf(probability) * deviations.std(ddof=1))
    return float(np.quantile(deviations, probability))


def _finite(blocks: list[Array]) -> Array:
    values = np.concatenate(blocks)
    return values[np.isfinite(values)]


def _order(champion: Scored, challenger: Scored) -> NDArray[np.int64]:
    """Order rows by their content, treating the two models alike where possible."""
    old, new = (np.atleast_2d(each.prediction.T) for each in (champion, challenger))
    return canonical_order(
        champion.y, champion.weights, *np.minimum(old, new), *np.maximum(old, new), *old
    )
