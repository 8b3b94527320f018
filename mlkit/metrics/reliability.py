"""Calibration: whether a probability of 0.7 comes true in 7 of 10 rows.

The calibration error is a mean of absolute values and therefore above 0 even for a
perfect model; the floor says how far above, with these predictions and this many rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlkit.metrics.proportions import effective_size, wilson
from mlkit.metrics.resampling import Resampler, block_sizes
from mlkit.metrics.scored import Array, Scored

BINS = 10
FEWEST_IN_BIN = 10
SIMULATIONS = 1000
# Simulated labels altogether: about a second.
BUDGET = 20_000_000


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar probability: what was predicted and what happened."""

    predicted: float
    observed: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what happens, and how far they may be by chance.

    ``error`` is the calibration error, ``floor`` what a perfectly calibrated model with
    these predictions would show on average, ``p_value`` how often it would show at
    least this error. ``of`` says which probability is meant.
    """

    error: float
    floor: float
    p_value: float
    n: int
    of: str
    bins: tuple[CalibrationBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**asdict(self), "bins": [asdict(each) for each in self.bins]}


def calibration(scored: Scored, *, seed: int = 0) -> Calibration:
    """Return the calibration error with its floor and the bins behind it.

    Parameters
    ----------
    scored
        Rows of a binary task (the positive class is judged) or a multiclass task (the
        predicted class, which should be right as often as its probability says).
    seed
        Seed of the simulated labels.

    Notes
    -----
    Expected calibration error over at most 10 bins of equal mass; equal probabilities
    share a bin (Roelofs et al., arXiv 2012.08668). The floor and the p-value come from
    labels drawn with the predicted probabilities: consistency resampling, Bröcker and
    Smith, Weather and Forecasting 22 (2007), 651-661.
    """
    probability, outcome = judged(scored)
    bins = _bins(probability, scored.weights)
    simulated = _simulate(scored, seed=seed)
    error = calibration_error(scored)
    return Calibration(
        error=error,
        floor=float(simulated.mean()),
        p_value=float((1 + np.sum(simulated >= error)) / (1 + len(simulated))),
        n=scored.n,
        of="positive class" if scored.task == "binary" else "predicted class",
        bins=tuple(
            _bin(probability[bins == b], outcome[bins == b], scored.weights[bins == b])
            for b in range(bins.max() + 1)
        ),
    )


def calibration_error(scored: Scored) -> float:
    """Return the expected calibration error; see `calibration`."""
    return float(resample_calibration_error(scored)(np.ones((1, scored.n)))[0])


def calibration_floor(scored: Scored, *, seed: int = 0) -> float:
    """Return the mean calibration error of a perfect model with these predictions."""
    return float(_simulate(scored, seed=seed).mean())


def judged(scored: Scored) -> tuple[Array, Array]:
    """Return the probability that is judged and whether it came true, 0 or 1."""
    if scored.task == "binary":
        return scored.prediction[:, 1], scored.y
    top = scored.prediction.max(axis=1)
    return top, (scored.labels == scored.codes).astype(float)


def resample_calibration_error(scored: Scored) -> Resampler:
    """Return the calibration error as a function of row counts, with these bins."""
    probability, outcome = judged(scored)
    bins = _bins(probability, scored.weights)
    inside = (bins[:, None] == np.arange(bins.max() + 1)) * scored.weights[:, None]
    gaps = inside * (outcome - probability)[:, None]

    def values(counts: Array) -> Array:
        weight = counts @ scored.weights
        return np.asarray(np.abs(counts @ gaps).sum(axis=1) / weight)

    return values


def _bins(probability: Array, weight: Array) -> NDArray[np.int64]:
    """Return each row's bin: equal mass, equal probabilities together, none empty."""
    wanted = max(1, min(BINS, len(probability) // FEWEST_IN_BIN))
    index = np.unique(probability, return_inverse=True)[1]
    mass = np.bincount(index, weights=weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    raw = np.minimum((middle * wanted).astype(np.int64), wanted - 1)
    return np.asarray(np.unique(raw, return_inverse=True)[1][index])


def _simulate(scored: Scored, *, seed: int) -> Array:
    """Return calibration errors of labels drawn with the predicted probabilities."""
    probability, _ = judged(scored)
    order = np.lexsort((scored.weights, probability))
    p, weight = probability[order], scored.weights[order]
    bins = _bins(p, weight)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(bins)) + 1])
    rng = np.random.default_rng(seed)
    simulations = min(SIMULATIONS, max(50, BUDGET // len(p)))
    errors = []
    for size in block_sizes(len(p), simulations):
        gaps = ((rng.random((size, len(p))) < p) - p) * weight
        errors.append(np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(axis=1))
    return np.asarray(np.concatenate(errors) / weight.sum())


def _bin(probability: Array, outcome: Array, weight: Array) -> CalibrationBin:
    observed = float(np.average(outcome, weights=weight))
    lower, upper = wilson(observed, effective_size(weight), confidence=0.95)
    return CalibrationBin(
        predicted=float(np.average(probability, weights=weight)),
        observed=observed,
        lower=lower,
        upper=upper,
        n=len(outcome),
    )
