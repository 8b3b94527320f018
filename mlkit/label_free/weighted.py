"""Metrics of rows that are of each class in part, for many such divisions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlkit.metrics.scored import Average

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Answers for some rows, and which class each is called.

    Attributes
    ----------
    given : ndarray of shape (n_rows, n_classes)
        Probabilities.
    called : ndarray of shape (n_rows, n_classes)
        1 at the class that the row is called, else 0.
    average : str
        How classes are averaged.
    """

    given: Numbers
    called: Numbers
    average: Average

    @classmethod
    def of(cls, given: Numbers, threshold: float, average: Average) -> Rows:
        """Return the rows, called by threshold (binary) or the largest probability."""
        classes = given.shape[1]
        codes = given.argmax(axis=1)
        if classes == 2:
            codes = (given[:, 1] >= threshold).astype(np.int64)
        called = (codes[:, None] == np.arange(classes)).astype(np.float64)
        return cls(given, called, average)

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """Return the rows at these positions."""
        return Rows(self.given[rows], self.called[rows], self.average)


def weighted_metrics(
    rows: Rows, weights: Numbers, metrics: Sequence[str]
) -> NDArray[np.float64]:
    """Return each metric for each division of the rows among the classes.

    Parameters
    ----------
    rows : Rows
    weights : ndarray of shape (n_divisions, n_rows, n_classes)
        How much of each row is of each class; sums to 1 over the classes.
    metrics : sequence of str
        Of `ESTIMABLE`.

    Returns
    -------
    ndarray of shape (n_divisions, n_metrics)
        NaN where a metric has no meaning.
    """
    return np.column_stack([_FUNCTIONS[name](rows, weights) for name in metrics])


def _confusion(rows: Rows, weights: Numbers) -> Numbers:
    """Return weights by true and called class, shape (n_divisions, true, called)."""
    return np.asarray(np.swapaxes(weights, 1, 2) @ rows.called)


def _accuracy(rows: Rows, weights: Numbers) -> Numbers:
    found = _confusion(rows, weights)
    return np.asarray(np.trace(found, axis1=1, axis2=2) / len(rows.given))


def _precision(rows: Rows, weights: Numbers) -> Numbers:
    found = _confusion(rows, weights)
    seen = found.sum(axis=1) + found.sum(axis=2)
    return _averaged(rows, found, _hits(found), found.sum(axis=1), seen)


def _recall(rows: Rows, weights: Numbers) -> Numbers:
    found = _confusion(rows, weights)
    support = found.sum(axis=2)
    return _averaged(rows, found, _hits(found), support, support)


def _f1(rows: Rows, weights: Numbers) -> Numbers:
    found = _confusion(rows, weights)
    both = found.sum(axis=1) + found.sum(axis=2)
    return _averaged(rows, found, 2 * _hits(found), both, both)


def _hits(found: Numbers) -> Numbers:
    return np.asarray(np.diagonal(found, axis1=1, axis2=2))


def _averaged(
    rows: Rows, found: Numbers, part: Numbers, whole: Numbers, seen: Numbers
) -> Numbers:
    """Return part / whole of each class, averaged over those that are seen."""
    shares = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    if rows.average == "binary":
        none = whole[:, 1] <= 0
        return np.where(none, np.nan, shares[:, 1])
    if rows.average == "weighted":
        support = found.sum(axis=2)
        return np.asarray((shares * support).sum(axis=1) / support.sum(axis=1))
    present = seen > 0
    return np.asarray((shares * present).sum(axis=1) / present.sum(axis=1))


def _roc_auc(rows: Rows, weights: Numbers) -> Numbers:
    classes = range(rows.given.shape[1])
    if len(classes) == 2:
        return _area(rows.given[:, 1], weights[:, :, 1])
    areas = np.column_stack(
        [_area(rows.given[:, k], weights[:, :, k]) for k in classes]
    )
    seen = ~np.isnan(areas)
    support = weights.sum(axis=1) if rows.average == "weighted" else seen
    shares = np.where(seen, support, 0.0)
    total = shares.sum(axis=1)
    sums = (np.where(seen, areas, 0.0) * shares).sum(axis=1)
    undefined = np.full_like(total, np.nan)
    return np.asarray(np.divide(sums, total, out=undefined, where=total > 0))


def _area(score: Numbers, inside: Numbers) -> Numbers:
    """Return the chance that a row inside is ranked above one outside, ties half.

    A row is not held against itself, though part of it is inside and part outside.
    """
    order = np.argsort(score, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(score[order])) + 1])
    own = np.add.reduceat(inside[:, order], starts, axis=1)
    other = np.add.reduceat(1 - inside[:, order], starts, axis=1)
    below = np.cumsum(other, axis=1) - other / 2
    itself = (inside * (1 - inside)).sum(axis=1)
    pairs = own.sum(axis=1) * other.sum(axis=1) - itself
    undefined = np.full(len(inside), np.nan)
    above = (own * below).sum(axis=1) - itself / 2
    return np.asarray(np.divide(above, pairs, out=undefined, where=pairs > 1e-12))


def _log_loss(rows: Rows, weights: Numbers) -> Numbers:
    step = np.finfo(np.float64).eps
    losses = -np.log(np.clip(rows.given, step, 1 - step))
    return np.asarray(np.einsum("bik,ik->b", weights, losses) / len(losses))


def _brier(rows: Rows, weights: Numbers) -> Numbers:
    given = rows.given
    classes = given.shape[1]
    losses = np.column_stack(
        [
            np.square(given - (np.arange(classes) == k)).sum(axis=1)
            for k in range(classes)
        ]
    )
    if classes == 2:
        losses /= 2
    return np.asarray(np.einsum("bik,ik->b", weights, losses) / len(losses))


_FUNCTIONS: dict[str, Callable[[Rows, Numbers], Numbers]] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "brier": _brier,
}
ESTIMABLE: tuple[str, ...] = tuple(_FUNCTIONS)
