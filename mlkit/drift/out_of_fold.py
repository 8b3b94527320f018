"""Out-of-fold scores: how well rows that were not learned from can be told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlkit.metrics import Estimate, Scored, estimate

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Given the rows to learn from and the rows to score, returns the scores of the latter.
FitAndScore = Callable[[NDArray[np.int64], NDArray[np.int64]], Numbers]

FOLDS = 5


def folds(current: Flags, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row; both sides are spread evenly over the folds.

    Parameters
    ----------
    current : ndarray of bool of shape (n_rows,)
        Which side each row is of.
    """
    found = np.empty(len(current), dtype=np.int64)
    for side in (True, False):
        rows = np.flatnonzero(current == side)
        found[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return found


def scores(fold: NDArray[np.int64], fit_and_score: FitAndScore) -> Numbers:
    """Return the rank of each row among its own fold, between 0 and 1.

    The models of two folds have different levels of scores. Ranks within a fold keep
    that from looking like a difference, or from hiding one.
    """
    from scipy.stats import rankdata

    found = np.empty(len(fold))
    for each in range(FOLDS):
        held_out = np.flatnonzero(fold == each)
        raw = fit_and_score(np.flatnonzero(fold != each), held_out)
        found[held_out] = (rankdata(raw) - 0.5) / len(held_out)
    return found


def area(current: Flags, score: Numbers, *, confidence: float) -> Estimate:
    """Return the area under the ROC curve with DeLong's interval."""
    both = np.column_stack([1 - score, score])
    truth: Any = current.astype(np.int64)
    return estimate("roc_auc", Scored("binary", truth, both), confidence=confidence)
