"""What a classifier's metrics are likely to be, from its probabilities alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlkit.label_free.answers import LabelledAnswers
from mlkit.label_free.calibrating import Calibrator, calibrator, drawn_curves
from mlkit.label_free.curves import Numbers
from mlkit.label_free.records import Expected, concluded
from mlkit.label_free.support import Beyond, unsupported
from mlkit.label_free.weighted import ESTIMABLE, Rows, weighted_metrics
from mlkit.metrics import show
from mlkit.metrics.scored import SUM_TOLERANCE

__all__ = ["ESTIMABLE", "estimate_classification"]

NORMAL_95 = 1.959963984540054
DRAWS = 200
# Numbers of all draws at once, 32 MB of them.
CELLS = 4_000_000
OFF_LEVEL = 0.05
# A smaller share of rows beyond the labelled ones is not worth a sentence.
TOLD_BEYOND = 0.02
ASSUMPTION = (
    "No concept drift: a probability comes true as often as it did on the labelled "
    "rows. If the outcome itself follows other rules now, the estimate does not see "
    "it; only labels do."
)


def estimate_classification(
    reference: LabelledAnswers,
    probabilities: ArrayLike,
    features: pd.DataFrame | None = None,
    *,
    metrics: Sequence[str] = ("accuracy", "precision", "recall", "f1", "roc_auc"),
    threshold: float | None = None,
    max_loss: float = 0.0,
    seed: int = 0,
) -> tuple[Expected, ...]:
    """Estimate a classifier's metrics on rows without labels.

    Parameters
    ----------
    reference : LabelledAnswers
        The same model's answers on labelled rows.
    probabilities : array-like of shape (n_rows, n_classes)
        Its answers for the rows without labels.
    features : DataFrame of shape (n_rows, n_columns), optional
        The same rows, raw or conformed; None cannot tell whether they lie beyond the
        labelled ones.
    metrics : sequence of str
        Of `ESTIMABLE`: ``accuracy``, ``precision``, ``recall``, ``f1``, ``roc_auc``,
        ``log_loss``, ``brier``.
    threshold : float, optional
        From which probability on a row of a binary task is called positive; None takes
        that of the labelled rows. With another one nothing is compared with them.
    max_loss : float
        A loss of no more than this is no drop, in each metric's own unit.
    seed : int
        Seed of the draws.

    Returns
    -------
    tuple of Expected
        One for each metric, in the order asked for.

    Raises
    ------
    TypeError, ValueError
        For a metric that cannot be estimated, answers that do not fit, and a threshold
        that is no probability.

    Notes
    -----
    Confidence-based performance estimation, arXiv 2505.05295: probabilities are
    calibrated on the labelled rows (beta calibration) and give an expected confusion
    matrix. The interval has two parts: the calibration is drawn anew from what the
    labelled rows leave open of it, which counts the more the fewer of them are like the
    current ones (by the effective sample size of the density ratio); and the labels to
    come are drawn from the calibrated probabilities.

    Of rows beyond the labelled ones nothing is known. The interval spans what the
    metric would be if their classes were guessed, and if each were what it is called:
    worst-case bounds, Manski, Partial Identification of Probability Distributions
    (2003), chapter 1. Where more than 10 % of the rows lie beyond by one column, and
    more than by chance, the estimate is withheld.
    """
    given = _checked(reference, probabilities, features, metrics)
    called = _threshold(reference.threshold if threshold is None else threshold)
    rows = Rows.of(given, called, reference.average)
    effective = min(
        each.effective_rows(_score(given, place, len(reference.curves)))
        for place, each in enumerate(reference.curves)
    )
    beyond = _beyond(reference, features)
    found = _estimated(reference, rows, metrics, effective, beyond, seed)
    compare = math.isclose(called, reference.threshold)
    return tuple(
        concluded(
            metric,
            value,
            half,
            reference.realised.get(metric) if compare else None,
            rows=len(given),
            effective_rows=effective,
            assumption=ASSUMPTION,
            notes=_notes(reference, effective, beyond),
            max_loss=max_loss,
            unknown=(below, above),
            withheld=None if beyond is None else unsupported(beyond),
        )
        for metric, (value, half, below, above) in zip(
            metrics, found.tolist(), strict=True
        )
    )


def _beyond(reference: LabelledAnswers, features: pd.DataFrame | None) -> Beyond | None:
    """Return how many rows lie beyond the labelled ones; None where none can tell."""
    if reference.support is None or features is None:
        return None
    return reference.support.beyond(features)


def _estimated(
    reference: LabelledAnswers,
    rows: Rows,
    metrics: Sequence[str],
    effective: float,
    beyond: Beyond | None,
    seed: int,
) -> Numbers:
    """Return of each metric the value, half its interval, and what is not known of it.

    Returns
    -------
    ndarray of shape (n_metrics, 4)
        The last two are how much lower and higher it may be for the rows beyond.
    """
    calibrators = [calibrator(each) for each in reference.curves]
    calibrated = _calibrated(calibrators, rows.given)
    values = weighted_metrics(rows, calibrated[None], metrics)[0]
    widening = max(1.0, reference.rows / effective)
    spread = None if reference.spread is None else np.array(reference.spread)
    rng = np.random.default_rng(seed)
    variance = _variance(rows, calibrators, spread, calibrated, metrics, widening, rng)
    share = 0.0 if beyond is None else beyond.share
    unknown = _unknown(rows, calibrated, share, metrics, values)
    return np.column_stack([values, NORMAL_95 * np.sqrt(variance), *unknown])


def _checked(
    reference: LabelledAnswers,
    probabilities: ArrayLike,
    features: pd.DataFrame | None,
    metrics: Sequence[str],
) -> Numbers:
    if reference.task == "regression":
        raise ValueError(
            "estimate_classification takes labelled answers of a classification, got "
            "those of a regression; use estimate_regression"
        )
    odd = [name for name in metrics if name not in ESTIMABLE]
    if odd:
        raise ValueError(
            f"a metric without labels must be one of {', '.join(ESTIMABLE)}, got "
            f"{odd[0]!r}; wait for labels to know it"
        )
    given = np.asarray(probabilities, dtype=np.float64)
    classes = 2 if reference.task == "binary" else len(reference.curves)
    if given.ndim != 2 or given.shape[1] != classes or not len(given):
        raise ValueError(
            f"probabilities must have shape (n_rows, {classes}) with at least one row, "
            f"got {given.shape}; give those of all classes, as the model gives them"
        )
    if features is not None and len(features) != len(given):
        raise ValueError(
            f"features must have one row for each of the {len(given)} rows of "
            f"probabilities, got {len(features)}; give those of the same rows"
        )
    total = given.sum(axis=1)
    inside = (given >= 0).all() and bool((np.abs(total - 1) <= SUM_TOLERANCE).all())
    if not inside:
        raise ValueError(
            "probabilities must be numbers between 0 and 1 that sum to 1 in each row; "
            f"the sums go from {total.min():g} to {total.max():g}. Leave rows without "
            "an answer out"
        )
    return np.asarray(given / total[:, None])


def _threshold(given: object) -> float:
    rule = (
        "threshold must be a probability from 0 to 1, from which on a row is called "
        f"positive, got {given!r}; None takes that of the labelled rows"
    )
    if isinstance(given, bool) or not isinstance(given, Real):
        raise TypeError(rule)
    if not 0 <= float(given) <= 1:
        raise ValueError(rule)
    return float(given)


def _score(given: Numbers, place: int, curves: int) -> Numbers:
    return given[:, 1] if curves == 1 else given[:, place]


def _calibrated(
    calibrators: Sequence[Calibrator], given: Numbers
) -> NDArray[np.float64]:
    """Return calibrated probabilities, shape (n_rows, n_classes)."""
    found = [
        each.probability(_score(given, place, len(calibrators)))
        for place, each in enumerate(calibrators)
    ]
    return np.asarray(_summing_to_one(np.stack(found))[0])


def _summing_to_one(found: Numbers) -> Numbers:
    """Return probabilities by draw, shape (n_draws, n_rows, n_classes).

    Parameters
    ----------
    found : ndarray of shape (n_calibrators, [n_draws,] n_rows)
        Of each class; of a binary task those of the positive one.
    """
    drawn = found[:, None] if found.ndim == 2 else found
    if len(drawn) == 1:
        return np.stack([1 - drawn[0], drawn[0]], axis=-1)
    classes = np.moveaxis(drawn, 0, -1)
    return np.asarray(classes / classes.sum(axis=-1, keepdims=True))


def _variance(
    rows: Rows,
    calibrators: Sequence[Calibrator],
    spread: Numbers | None,
    calibrated: Numbers,
    metrics: Sequence[str],
    widening: float,
    rng: np.random.Generator,
) -> Numbers:
    """Return the variance of each metric, by the curves and by the labels to come."""
    n, classes = rows.given.shape
    chosen = sample(n, max(1, CELLS // (DRAWS * classes)), rng)
    few = rows.take(chosen)
    said = [
        _score(few.given, place, len(calibrators)) for place in range(len(calibrators))
    ]
    drawn = drawn_curves(calibrators, said, spread, widening, DRAWS, rng)
    curves = weighted_metrics(few, _summing_to_one(drawn), metrics)
    labels = weighted_metrics(few, _labels(calibrated[chosen], rng), metrics)
    # Labels of all rows vary less than those of the rows that were drawn.
    part = len(chosen) / n
    return np.asarray(_spread(curves) + part * _spread(labels))


def _unknown(
    rows: Rows,
    calibrated: Numbers,
    beyond: float,
    metrics: Sequence[str],
    values: Numbers,
) -> tuple[Numbers, Numbers]:
    """Return how far each metric may be below and above, for the rows beyond."""
    if not beyond:
        return np.zeros(len(metrics)), np.zeros(len(metrics))
    guessed = np.broadcast_to(calibrated.mean(axis=0), calibrated.shape)
    ends = [
        (1 - beyond) * calibrated + beyond * other for other in (guessed, rows.called)
    ]
    gaps = weighted_metrics(rows, np.stack(ends), metrics) - values
    gaps = np.nan_to_num(gaps)
    return np.maximum(-gaps.min(axis=0), 0), np.maximum(gaps.max(axis=0), 0)


def _spread(drawn: Numbers) -> Numbers:
    """Return the variance of each column's numbers; infinite where there are none."""
    there = ~np.isnan(drawn)
    count = there.sum(axis=0)
    mean = np.where(there, drawn, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(there, np.square(drawn - mean), 0).sum(axis=0)
    unknown = np.full(len(count), np.inf)
    return np.asarray(np.divide(squares, count, out=unknown, where=count > 1))


def sample(n: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return at most that many of n rows, drawn without replacement."""
    if n <= most:
        return np.arange(n)
    return np.asarray(rng.choice(n, most, replace=False), dtype=np.int64)


def _labels(calibrated: Numbers, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return labels drawn from the probabilities, 1 at the class of each row."""
    n, classes = calibrated.shape
    chance = rng.random((DRAWS, n, 1))
    codes = (chance > np.cumsum(calibrated, axis=1)[:, :-1]).sum(axis=2)
    return np.asarray(codes[:, :, None] == np.arange(classes), dtype=np.float64)


def _notes(
    reference: LabelledAnswers, effective: float, beyond: Beyond | None
) -> tuple[str, ...]:
    notes = []
    if beyond is None:
        notes.append(
            "Whether the rows lie beyond the labelled ones is not known, for the "
            "features of one or the other are not at hand"
        )
    elif beyond.share > TOLD_BEYOND:
        notes.append(f"{beyond}, where nothing is known of the outcome")
    found = reference.calibration
    if found is not None and found["p_value"] < OFF_LEVEL:
        notes.append(
            "The model's probabilities are off on the labelled rows (calibration error "
            f"{show(found['error'])}, {show(found['floor'])} by chance) and were "
            "corrected"
        )
    if effective < reference.rows / 2:
        notes.append(
            f"The rows differ from the {reference.rows:,} labelled ones, which are "
            f"worth {effective:,.0f} here"
        )
    return tuple(notes)
