"""What a regression's errors are likely to be, before the values are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlkit.label_free.answers import LabelledAnswers
from mlkit.label_free.curves import Curve, Numbers, ascending
from mlkit.label_free.records import Expected, concluded
from mlkit.label_free.support import (
    MOST_BEYOND,
    MOST_BEYOND_OF_SQUARES,
    Beyond,
    unsupported,
)

NORMAL_95 = 1.959963984540054
# A smaller share of rows beyond the labelled ones is not worth a sentence.
TOLD_BEYOND = 0.02
METRICS = ("mae", "rmse")
ASSUMPTION = (
    "No concept drift: for rows that look alike, errors are as large as they were on "
    "the labelled rows. If the outcome itself follows other rules now, the estimate "
    "does not see it; only labels do."
)
# Quantities of the curve: absolute errors, their second and their fourth powers.
ABSOLUTE, SQUARED, FOURTH = range(3)


def estimate_regression(
    reference: LabelledAnswers,
    predictions: ArrayLike,
    features: pd.DataFrame | None = None,
    *,
    metrics: Sequence[str] = METRICS,
    max_loss: float = 0.0,
) -> tuple[Expected, ...]:
    """Estimate the errors of a regression on rows whose value is not known.

    Parameters
    ----------
    reference : LabelledAnswers
        The same model's answers on labelled rows.
    predictions : array-like of shape (n_rows,)
        Its answers for the rows without values.
    features : DataFrame of shape (n_rows, n_columns), optional
        The same rows, raw or conformed; a column that is not there counts as missing in
        the model of the loss, and None looks at the predictions alone.
    metrics : sequence of str
        ``mae`` and ``rmse``.
    max_loss : float
        A loss of no more than this is no drop, in the target's own unit.

    Returns
    -------
    tuple of Expected
        One for each metric, in the order asked for.

    Raises
    ------
    ValueError
        For a metric that cannot be estimated, and answers that do not fit.

    Notes
    -----
    Direct loss estimation: a model of the absolute error, fitted to labelled rows that
    the regression itself did not learn from, says how large errors are to be expected;
    along that expectation the mean error and the mean squared error of the labelled
    rows are read off (isotonic, as both must grow with it). The interval adds what the
    labelled rows leave open in each bin, weighed by the density ratio; what they leave
    open of the model of the loss, which is the spread of its trees, for each learned
    from a bootstrap sample (Efron and Tibshirani, An Introduction to the Bootstrap
    (1993), chapter 6); and what the errors to come vary by.

    Rows beyond what the labelled rows cover (outside the 1 % and 99 % quantiles of a
    number, or of a new level), as far as there are more of them, raise the upper end by
    the mean error of the worst bin, at its own upper end. Where more than 10 % lie
    beyond by one column, or 3 % for the root mean squared error, and more than by
    chance, the estimate is withheld: errors have no bound that could stand in for it.
    """
    given = _checked(reference, predictions, features, metrics)
    (along,) = reference.curves
    assert reference.loss is not None
    assert reference.support is not None
    trees = reference.loss.by_tree(features, given)
    effective = along.effective_rows(trees.mean(axis=0))
    beyond = reference.support.beyond(features, given)
    found = []
    for metric in metrics:
        value, half, unknown = _absolute(along, trees, beyond.share)
        most = MOST_BEYOND
        if metric == "rmse":
            value, half, unknown = _root(along, trees, beyond.share)
            most = MOST_BEYOND_OF_SQUARES
        found.append(
            concluded(
                metric,
                value,
                half,
                reference.realised.get(metric),
                rows=len(given),
                effective_rows=effective,
                assumption=ASSUMPTION,
                notes=_notes(reference, along, effective, beyond),
                max_loss=max_loss,
                unknown=(0.0, unknown),
                withheld=unsupported(beyond, most),
            )
        )
    return tuple(found)


def _checked(
    reference: LabelledAnswers,
    predictions: ArrayLike,
    features: pd.DataFrame | None,
    metrics: Sequence[str],
) -> Numbers:
    if reference.task != "regression":
        raise ValueError(
            "estimate_regression takes labelled answers of a regression, got those of "
            f"a {reference.task} task; use estimate_classification"
        )
    odd = [name for name in metrics if name not in METRICS]
    if odd:
        raise ValueError(
            f"a metric without values must be one of {', '.join(METRICS)}, got "
            f"{odd[0]!r}; wait for values to know it"
        )
    given = np.asarray(predictions, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise ValueError(
            "predictions must be finite numbers of shape (n_rows,) with at least one "
            f"row, got shape {given.shape} with {int((~np.isfinite(given)).sum())} "
            "that are not finite; leave those rows out"
        )
    if features is not None and len(features) != len(given):
        raise ValueError(
            f"features must have one row for each of the {len(given)} predictions, got "
            f"{len(features)}"
        )
    return given


def _absolute(
    along: Curve, trees: Numbers, beyond: float
) -> tuple[float, float, float]:
    """Return the expected error, half its interval, and what is not known of it."""
    value, half = _mean(along, trees, ABSOLUTE, SQUARED)
    return value, half, beyond * _worst(along, ABSOLUTE, SQUARED)


def _root(along: Curve, trees: Numbers, beyond: float) -> tuple[float, float, float]:
    """Return the same of the root of the mean squared error."""
    square, half = _mean(along, trees, SQUARED, FOURTH)
    value = math.sqrt(square)
    most = math.sqrt(square + beyond * _worst(along, SQUARED, FOURTH))
    return value, half / (2 * value) if value > 0 else 0.0, most - value


def _worst(along: Curve, quantity: int, square: int) -> float:
    """Return how large the mean of a quantity may be in the worst bin."""
    means, spread = along.means(quantity), _within(along, quantity, square)
    ends = means + NORMAL_95 * np.sqrt(spread / np.maximum(along.rows - 1, 1))
    return float(ends.max())


def _within(along: Curve, quantity: int, square: int) -> Numbers:
    """Return the variance of a quantity in each bin."""
    means = along.means(quantity)
    return np.asarray(np.maximum(along.means(square) - np.square(means), 0))


def _mean(
    along: Curve, trees: Numbers, quantity: int, square: int
) -> tuple[float, float]:
    """Return the expected mean of a quantity, and half the width of its interval.

    Parameters
    ----------
    square : int
        The quantity that is its square, from which its variance is known.
    """
    rows, score = along.rows, trees.mean(axis=0)
    means = ascending(along.means(quantity), rows)
    spread = _within(along, quantity, square)
    expected = along.read(means, score)
    share = along.shares(score)
    # What the labelled rows leave open in each bin, and what is still to come.
    known = float((np.square(share) * spread / np.maximum(rows - 1, 1)).sum())
    # Where the rows are others than the labelled ones, the model of the loss is less
    # sure of them, too: by the effective sample size, as in a classification.
    known *= max(1.0, float(rows.sum()) / along.effective_rows(score))
    by_tree = along.read(means, trees).mean(axis=1)
    known += float(by_tree.var())
    to_come = float((share * spread).sum()) / len(score)
    return float(expected.mean()), NORMAL_95 * math.sqrt(known + to_come)


def _notes(
    reference: LabelledAnswers, along: Curve, effective: float, beyond: Beyond
) -> tuple[str, ...]:
    notes = []
    if not _tells(along):
        notes.append(
            "How large an error is could not be told from the row, so the estimate "
            "stays near that of the labelled rows"
        )
    if effective < reference.rows / 2:
        notes.append(
            f"The rows differ from the {reference.rows:,} labelled ones, which are "
            f"worth {effective:,.0f} here"
        )
    if beyond.share > TOLD_BEYOND:
        notes.append(f"{beyond}, where nothing is known of errors")
    left_out = 0 if reference.loss is None else reference.loss.left_out
    if left_out:
        columns = (
            "1 sensitive column" if left_out == 1 else f"{left_out} sensitive ones"
        )
        notes.append(f"Without {columns}, whose values are not kept")
    return tuple(notes)


def _tells(along: Curve) -> bool:
    """Return whether errors grow along what is expected of them, beyond chance."""
    means, rows = along.means(ABSOLUTE), along.rows
    half = len(rows) // 2
    if not half:
        return False
    spread = _within(along, ABSOLUTE, SQUARED)
    low, high = slice(None, half), slice(half, None)
    gap = np.average(means[high], weights=rows[high])
    gap -= np.average(means[low], weights=rows[low])
    errors = [
        np.average(spread[part], weights=rows[part]) / rows[part].sum()
        for part in (low, high)
    ]
    return bool(gap > NORMAL_95 * math.sqrt(sum(errors)))
