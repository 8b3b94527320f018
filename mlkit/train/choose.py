"""``auto``: a linear or a boosted model, by what cross-validation says.

Both are fitted on the same folds, and the lower mean loss decides; an equal one goes to
the linear model. No lead of a standard error is asked for: on small tables that gives
up more than it saves. The reason says whether the difference is within the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.pipelines import Plan
from mlkit.train.validation import Candidate, cross_validate

CONTENDERS = ("linear", "hist_gradient_boosting")


@dataclass(frozen=True)
class Choice:
    """The estimator that was taken, the contenders and the reason."""

    chosen: Candidate
    candidates: tuple[Candidate, ...]
    reason: str


def choose(plan: Plan, examples: Examples, folds: Folds) -> Choice:
    """Return the better of a linear and a boosted model, with the reason.

    Parameters
    ----------
    plan : Plan
        Seed and class weights for both; its estimator and options are not used.
    """
    linear, boosted = (
        cross_validate(replace(plan, estimator=name, options={}), examples, folds)
        for name in CONTENDERS
    )
    gain, error = gain_and_error(linear.losses, boosted.losses)
    chosen = boosted if gain > 0 else linear
    metric = "RMSE" if examples.task == "regression" else "log-loss"
    said = (
        f"{metric} over {len(folds.splits)} folds: linear {linear.mean:.4g} ± "
        f"{linear.spread:.2g}, hist_gradient_boosting {boosted.mean:.4g} ± "
        f"{boosted.spread:.2g}. "
    )
    return Choice(chosen, (linear, boosted), said + verdict(gain, error))


def gain_and_error(
    linear: Sequence[float], boosted: Sequence[float]
) -> tuple[float, float]:
    """Return how much lower the boosted loss is, and that difference's standard error.

    Folds are paired. Their training rows overlap, which makes the standard error of the
    mean too small, hence the factor of Nadeau and Bengio (2003, "Inference for the
    generalization error", Machine Learning 52).

    Examples
    --------
    >>> gain, error = gain_and_error([1.0, 1.2, 1.1], [0.9, 1.1, 1.0])
    >>> round(gain, 3), round(error, 3)
    (0.1, 0.0)
    """
    differences = np.subtract(linear, boosted)
    folds = len(differences)
    share = 1 / folds + 1 / (folds - 1)
    error = float(np.sqrt(share * np.var(differences, ddof=1)))
    return float(differences.mean()), error


def verdict(gain: float, error: float) -> str:
    """Return the sentence that says which was taken, and how sure that is."""
    winner = "hist_gradient_boosting" if gain > 0 else "linear"
    noise = "within the noise" if abs(gain) <= error else "beyond the noise"
    return (
        f"That of {winner} is lower by {abs(gain):.2g}, {noise} (standard error "
        f"{error:.2g}), so it is taken."
    )
