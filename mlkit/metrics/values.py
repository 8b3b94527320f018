"""Metrics of predicted values: MAE, RMSE, R2 and MAPE."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sk

from mlkit.metrics.resampling import Resampler
from mlkit.metrics.scored import Array, Scored, Undefined


def mae(scored: Scored) -> float:
    """Return the mean absolute error, in units of the target."""
    return float(
        sk.mean_absolute_error(scored.y, scored.prediction, sample_weight=scored.weight)
    )


def rmse(scored: Scored) -> float:
    """Return the root of the mean squared error, in units of the target."""
    return float(
        sk.root_mean_squared_error(
            scored.y, scored.prediction, sample_weight=scored.weight
        )
    )


def r2(scored: Scored) -> float:
    """Return the share of the target's variance that is explained; at most 1.

    Raises
    ------
    Undefined
        When the target has the same value in all rows.
    """
    if np.ptp(scored.y) == 0:
        raise Undefined("the target has the same value in all rows")
    return float(sk.r2_score(scored.y, scored.prediction, sample_weight=scored.weight))


def mape(scored: Scored) -> float:
    """Return the mean absolute error as a share of the true value (0.1 is 10 %).

    Raises
    ------
    Undefined
        When a true value is 0: the share of 0 does not exist, and leaving such rows out
        would flatter the model.
    """
    _check_zeros(scored)
    return float(
        sk.mean_absolute_percentage_error(
            scored.y, scored.prediction, sample_weight=scored.weight
        )
    )


def _check_zeros(scored: Scored) -> None:
    zeros = int(np.count_nonzero(scored.y == 0))
    if zeros:
        raise Undefined(
            f"MAPE divides by the true value, which is 0 in {zeros} of {scored.n} "
            "rows; use mae"
        )


def absolute_errors(scored: Scored) -> Array:
    """Return each row's absolute error, shape (n_samples,)."""
    return np.abs(scored.y - scored.prediction)


def squared_errors(scored: Scored) -> Array:
    """Return each row's squared error, shape (n_samples,)."""
    return np.square(scored.y - scored.prediction)


def relative_errors(scored: Scored) -> Array:
    """Return each row's absolute error over its true value, shape (n_samples,)."""
    _check_zeros(scored)
    return np.asarray(absolute_errors(scored) / np.abs(scored.y))


def resample_rmse(scored: Scored) -> Resampler:
    """Return the RMSE as a function of row counts."""
    rows = np.column_stack([squared_errors(scored), np.ones(scored.n)])
    rows *= scored.weights[:, None]

    def values(counts: Array) -> Array:
        sums = counts @ rows
        return np.sqrt(sums[:, 0] / sums[:, 1])

    return values


def resample_r2(scored: Scored) -> Resampler:
    """Return R2 as a function of row counts; NaN where the target is constant."""
    centred = scored.y - np.average(scored.y, weights=scored.weights)
    rows = np.column_stack(
        [squared_errors(scored), np.square(centred), centred, np.ones(scored.n)]
    )
    rows *= scored.weights[:, None]

    def values(counts: Array) -> Array:
        error, square, total, weight = (counts @ rows).T
        spread = square - total**2 / weight
        # A resample of one row repeated leaves only rounding errors.
        varies = spread > 1e-12 * square
        share = np.divide(error, spread, out=np.full_like(error, np.nan), where=varies)
        return np.asarray(1 - share)

    return values


def variance(scored: Scored) -> float:
    """Return the weighted variance of the true values."""
    mean = np.average(scored.y, weights=scored.weights)
    return float(np.average(np.square(scored.y - mean), weights=scored.weights))
