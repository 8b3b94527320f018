"""Metrics of predicted classes: accuracy, precision, recall and F1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn import metrics as sk

from mlkit.metrics.resampling import Resampler
from mlkit.metrics.scored import Array, Flags, Scored, Undefined


def accuracy(scored: Scored) -> float:
    """Return the share of rows whose class is predicted right."""
    return float(
        sk.accuracy_score(scored.codes, scored.labels, sample_weight=scored.weight)
    )


def precision(scored: Scored) -> float:
    """Return the share of rows predicted as a class that are of it.

    Averages run over the classes that have rows or are predicted; a class that has rows
    and is never predicted counts 0.

    Raises
    ------
    Undefined
        With ``average="binary"``, when no row is predicted positive.
    """
    if scored.average == "binary":
        if not scored.labels.any():
            raise Undefined("no row is predicted positive")
        return float(_binary(sk.precision_score, scored))
    return float(
        sk.precision_score(
            scored.codes,
            scored.labels,
            average=scored.average,
            sample_weight=scored.weight,
            zero_division=0.0,
        )
    )


def recall(scored: Scored) -> float:
    """Return the share of a class's rows that are found.

    Averages run over the classes that have rows.

    Raises
    ------
    Undefined
        With ``average="binary"``, when no row is positive.
    """
    if scored.average == "binary":
        if not scored.codes.any():
            raise Undefined("no row is positive")
        return float(_binary(sk.recall_score, scored))
    return float(
        sk.recall_score(
            scored.codes,
            scored.labels,
            labels=np.unique(scored.codes),
            average=scored.average,
            sample_weight=scored.weight,
        )
    )


def f1(scored: Scored) -> float:
    """Return the harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN).

    Averages run over the classes that have rows or are predicted.

    Raises
    ------
    Undefined
        With ``average="binary"``, when no row is positive or predicted positive.
    """
    if scored.average == "binary":
        if not (scored.codes.any() or scored.labels.any()):
            raise Undefined("no row is positive or predicted positive")
        return float(_binary(sk.f1_score, scored))
    return float(
        sk.f1_score(
            scored.codes,
            scored.labels,
            average=scored.average,
            sample_weight=scored.weight,
        )
    )


def _binary(function: Callable[..., float], scored: Scored) -> float:
    return function(
        scored.codes, scored.labels, sample_weight=scored.weight, zero_division=0.0
    )


def accuracy_trials(scored: Scored) -> tuple[Array, Array]:
    """Return hits (0 or 1) and weights of the rows behind the accuracy."""
    return (scored.codes == scored.labels).astype(float), scored.weights


def precision_trials(scored: Scored) -> tuple[Array, Array]:
    """Return hits and weights of the rows that are predicted positive."""
    rows = scored.labels == 1
    return scored.codes[rows].astype(float), scored.weights[rows]


def recall_trials(scored: Scored) -> tuple[Array, Array]:
    """Return hits and weights of the rows that are positive."""
    rows = scored.codes == 1
    return scored.labels[rows].astype(float), scored.weights[rows]


def f1_trials(scored: Scored) -> tuple[Array, Array]:
    """Return hits and weights of the rows that are positive or predicted positive."""
    rows = (scored.codes == 1) | (scored.labels == 1)
    hits = (scored.codes == 1) & (scored.labels == 1)
    return hits[rows].astype(float), scored.weights[rows]


def resample_accuracy(scored: Scored) -> Resampler:
    """Return the accuracy as a function of row counts."""
    hits, weight = accuracy_trials(scored)
    rows = np.column_stack([hits * weight, weight])

    def values(counts: Array) -> Array:
        sums = counts @ rows
        return np.asarray(sums[:, 0] / sums[:, 1])

    return values


def resample_precision(scored: Scored) -> Resampler:
    """Return the precision as a function of row counts; NaN where undefined."""
    return _resample(scored, _precisions)


def resample_recall(scored: Scored) -> Resampler:
    """Return the recall as a function of row counts; NaN where undefined."""
    return _resample(scored, _recalls)


def resample_f1(scored: Scored) -> Resampler:
    """Return the F1 as a function of row counts; NaN where undefined."""
    return _resample(scored, _f1s)


# Each takes sums of shape (n_resamples, n_classes): rows found, predicted and true; and
# returns the values a class with the flags of the classes that take part in an average.
Ratios = Callable[[Array, Array, Array], tuple[Array, Flags]]


def _precisions(hit: Array, predicted: Array, true: Array) -> tuple[Array, Flags]:
    return _ratio(hit, predicted), (predicted > 0) | (true > 0)


def _recalls(hit: Array, predicted: Array, true: Array) -> tuple[Array, Flags]:
    return _ratio(hit, true), true > 0


def _f1s(hit: Array, predicted: Array, true: Array) -> tuple[Array, Flags]:
    return _ratio(2 * hit, predicted + true), (predicted > 0) | (true > 0)


def _ratio(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _resample(scored: Scored, ratios: Ratios) -> Resampler:
    classes = np.arange(scored.n_classes)
    true = (scored.codes[:, None] == classes) * scored.weights[:, None]
    predicted = (scored.labels[:, None] == classes) * scored.weights[:, None]
    hit = np.where(scored.codes[:, None] == scored.labels[:, None], true, 0.0)
    rows = np.hstack([hit, predicted, true])

    def values(counts: Array) -> Array:
        sums = np.split(counts @ rows, 3, axis=1)
        value, used = ratios(*sums)
        if scored.average == "binary":
            return value[:, 1]
        value = np.where(np.isnan(value), 0.0, value)
        share = used.astype(float) if scored.average == "macro" else sums[2]
        return np.asarray((value * share).sum(axis=1) / share.sum(axis=1))

    return values
