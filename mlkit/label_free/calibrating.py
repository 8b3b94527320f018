"""Calibrating: how often a probability comes true, from labelled rows in bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag
from scipy.special import expit

from mlkit.label_free.curves import Curve, Numbers

# Probabilities closer to 0 and 1 than this count as this.
CLOSEST = 1e-4
# The model's own words are the prior, with this spread of each coefficient.
OWN_WORDS = np.array([1.0, 1.0, 0.0])
PRIOR_SPREAD = 1.0
STEPS = 50
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A curve from what a model says to how often it comes true.

    Attributes
    ----------
    coefficients : ndarray of shape (3,)
        Of ln p, of -ln(1 - p) and of 1, in the logit; (1, 1, 0) is what is said.
    spread : ndarray of shape (3, 3)
        Their covariance.
    excess : float
        By how much it was widened because the curve does not fit.
    """

    coefficients: Numbers
    spread: Numbers
    excess: float = 1.0

    def probability(self, said: Numbers) -> Numbers:
        """Return calibrated probabilities, of the same shape."""
        return np.asarray(expit(_terms(said) @ self.coefficients))


def drawn_curves(
    calibrators: Sequence[Calibrator],
    said: Sequence[Numbers],
    spread: Numbers | None,
    widening: float,
    draws: int,
    rng: np.random.Generator,
) -> Numbers:
    """Return calibrated probabilities of drawn curves, shape (n_curves, draws, n_rows).

    Parameters
    ----------
    calibrators : sequence of Calibrator
    said : sequence of ndarray of shape (n_rows,)
        What the model says, for each of them.
    spread : ndarray of shape (3 * n_curves, 3 * n_curves) or None
        Covariance of all coefficients; None draws each curve for itself.
    widening : float
        Factor of the covariance.
    draws : int
    rng : Generator
    """
    middle = np.concatenate([each.coefficients for each in calibrators])
    if spread is None:
        spread = np.asarray(block_diag(*(each.spread for each in calibrators)))
    drawn = rng.multivariate_normal(middle, widening * spread, draws, method="eigh")
    parts = np.split(drawn, len(calibrators), axis=1)
    pairs = zip(parts, said, strict=True)
    return np.stack([expit(part @ _terms(each).T) for part, each in pairs])


def together(calibrators: Sequence[Calibrator], given: Numbers) -> Numbers:
    """Return the covariance of all coefficients, shape (3 * n_curves, 3 * n_curves).

    Curves of one class against the others share their rows: where the model is too sure
    of one class, it errs in the others, too, and so do their curves.

    Parameters
    ----------
    calibrators : sequence of Calibrator
        One for each class.
    given : ndarray of shape (n_rows, n_classes)
        Probabilities of the labelled rows.

    Notes
    -----
    Stacked estimating equations: Stefanski and Boos, The American Statistician 56
    (2002), 29-38; the labels of a row vary as those of one multinomial draw.
    """
    terms = [_terms(column) for column in given.T]
    chance = np.stack(
        [c.probability(p) for c, p in zip(calibrators, given.T, strict=True)]
    )
    chance = chance / chance.sum(axis=0)
    prior = np.eye(3) / PRIOR_SPREAD**2
    bread = [each.spread / np.sqrt(each.excess) for each in calibrators]
    rows = []
    for j, first in enumerate(terms):
        row = []
        for k, second in enumerate(terms):
            vary = chance[j] * ((j == k) - chance[k])
            row.append((first.T * vary) @ second + prior * (j == k))
        rows.append(row)
    return np.block(
        [
            [bread[j] @ cell @ bread[k] for k, cell in enumerate(row)]
            for j, row in enumerate(rows)
        ]
    )


def calibrator(curve: Curve) -> Calibrator:
    """Return the curve of best fit, with what the labelled rows leave open of it.

    Notes
    -----
    Beta calibration: Kull, Silva Filho and Flach, AISTATS 2017. Three numbers instead
    of a step at every bin, because steps follow chance and promise more than is true.
    Where the curve fits the bins worse than chance allows, its covariance is widened by
    Pearson's chi-square over its degrees of freedom: McCullagh and Nelder, Generalized
    Linear Models (1989), section 4.5.
    """
    rows, hits = curve.rows, np.array(curve.sums[0])
    terms = _terms(np.array(curve.scores))
    prior = np.eye(3) / PRIOR_SPREAD**2
    found = OWN_WORDS.copy()
    for _ in range(STEPS):
        fitted = expit(terms @ found)
        weight = rows * np.maximum(fitted * (1 - fitted), CLOSEST)
        slope = terms.T @ (hits - rows * fitted) - prior @ (found - OWN_WORDS)
        step = np.linalg.solve((terms.T * weight) @ terms + prior, slope)
        # Far from the fit a full step may overshoot.
        found = found + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < TOLERANCE:
            break
    fitted = expit(terms @ found)
    weight = rows * np.maximum(fitted * (1 - fitted), CLOSEST)
    misfit = float((np.square(hits - rows * fitted) / weight).sum())
    excess = max(1.0, misfit / max(len(rows) - 3, 1)) if len(rows) > 3 else 1.0
    spread = excess * np.linalg.inv((terms.T * weight) @ terms + prior)
    return Calibrator(found, spread, excess)


def _terms(said: Numbers) -> Numbers:
    clipped = np.clip(said, CLOSEST, 1 - CLOSEST)
    return np.column_stack(
        [np.log(clipped), -np.log1p(-clipped), np.ones(len(clipped))]
    )
