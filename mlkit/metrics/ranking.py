"""Metrics of ranked probabilities: the areas under the ROC and the PR curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from mlkit.metrics.resampling import Resampler
from mlkit.metrics.scored import Array, Flags, Scored, Undefined


def roc_auc(scored: Scored) -> float:
    """Return the area under the ROC curve.

    Binary: the probability that a positive row is ranked above a negative one.
    Multiclass: the average of the areas of each class against the rest, plain (macro)
    or by the classes' weight (weighted), over the classes that have rows.

    Raises
    ------
    Undefined
        When only one class has rows.
    """
    areas = [
        sk.roc_auc_score(is_class, score, sample_weight=scored.weight)
        for is_class, score, _ in one_versus_rest(scored)
    ]
    return float(np.dot(areas, class_shares(scored)))


def average_precision(scored: Scored) -> float:
    """Return the average precision, the area under the precision-recall curve.

    Multiclass: averaged over classes as in `roc_auc`.

    Raises
    ------
    Undefined
        When only one class has rows.
    """
    areas = [
        sk.average_precision_score(is_class, score, sample_weight=scored.weight)
        for is_class, score, _ in one_versus_rest(scored)
    ]
    return float(np.dot(areas, class_shares(scored)))


def one_versus_rest(scored: Scored) -> list[tuple[Flags, Array, int]]:
    """Return membership, score and code of each class that has rows.

    A binary task has one entry: the positive class.

    Raises
    ------
    Undefined
        When only one class has rows.
    """
    seen = np.unique(scored.codes)
    if len(seen) < 2:
        raise Undefined("only one class has rows")
    if scored.task == "binary":
        seen = np.array([1])
    return [(scored.codes == c, scored.prediction[:, c], int(c)) for c in seen]


def class_shares(scored: Scored) -> Array:
    """Return the weight of each entry of `one_versus_rest` in an average; sum 1."""
    if scored.task == "binary":
        return np.ones(1)
    seen, index = np.unique(scored.codes, return_inverse=True)
    if scored.average == "macro":
        return np.full(len(seen), 1 / len(seen))
    total = np.bincount(index, weights=scored.weights)
    return np.asarray(total / total.sum())


def auc_influence(scored: Scored) -> tuple[Array, NDArray[np.int64]]:
    """Return what each row adds to the deviation of the area under the ROC curve.

    Returns
    -------
    influence : array of shape (n_samples,)
        Sums to 0 within each class; the sum of squares over a class, times
        c / (c - 1) for its c rows, is that class's part of the variance.
    strata : array of shape (n_samples,)
        The classes within which the rows vary.

    Notes
    -----
    The structural components of DeLong, DeLong and Clarke-Pearson, Biometrics 44
    (1988), 837-845, with sample weights; a multiclass area is a fixed average of such
    areas.
    """
    influence = np.zeros(scored.n)
    shares = class_shares(scored)
    for (is_class, score, _), share in zip(
        one_versus_rest(scored), shares, strict=True
    ):
        for own in (is_class, ~is_class):
            placement = _placement(score, own=own, weight=scored.weights)
            if own is not is_class:
                placement = 1 - placement
            weight = scored.weights[own] / scored.weights[own].sum()
            area = float(np.dot(placement, weight))
            influence[own] += share * weight * (placement - area)
    return influence - _class_means(influence, scored.codes), scored.codes


def _placement(score: Array, *, own: Flags, weight: Array) -> Array:
    """Return, for each own row, the share of other rows ranked below it, ties half."""
    order = np.argsort(score[~own], kind="stable")
    other = score[~own][order]
    below = np.concatenate([[0.0], np.cumsum(weight[~own][order])])
    left = below[np.searchsorted(other, score[own], side="left")]
    right = below[np.searchsorted(other, score[own], side="right")]
    return np.asarray((left + right) / (2 * below[-1]))


def _class_means(values: Array, codes: NDArray[np.int64]) -> Array:
    sums = np.bincount(codes, weights=values)
    counts = np.bincount(codes)
    return np.asarray((sums / np.maximum(counts, 1))[codes])


def resample_average_precision(scored: Scored) -> Resampler:
    """Return the average precision as a function of row counts; NaN where undefined."""
    classes = one_versus_rest(scored)
    curves = [
        _resample_area(is_class, score, scored.weights)
        for is_class, score, _ in classes
    ]
    members = np.column_stack([is_class * scored.weights for is_class, _, _ in classes])

    def values(counts: Array) -> Array:
        areas = np.column_stack([curve(counts) for curve in curves])
        if scored.task == "binary":
            return np.asarray(areas[:, 0])
        seen = ~np.isnan(areas)
        shares = counts @ members if scored.average == "weighted" else seen
        total = np.where(seen, areas * shares, 0.0).sum(axis=1)
        return np.asarray(total / shares.sum(axis=1))

    return values


def _resample_area(is_class: Flags, score: Array, weight: Array) -> Resampler:
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    own = np.where(is_class, weight, 0.0)[order]
    all_rows = weight[order]

    def values(counts: Array) -> Array:
        ordered = counts[:, order]
        above = np.cumsum(ordered * own, axis=1)[:, ends]
        called = np.cumsum(ordered * all_rows, axis=1)[:, ends]
        found = np.diff(above, axis=1, prepend=0.0)
        precision = np.divide(above, called, out=np.zeros_like(above), where=called > 0)
        total = above[:, -1]
        area = (found * precision).sum(axis=1)
        undefined = np.full_like(area, np.nan)
        return np.asarray(np.divide(area, total, out=undefined, where=total > 0))

    return values
