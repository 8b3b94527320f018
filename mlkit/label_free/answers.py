"""Labelled answers: what is kept of a model's answers whose outcome was known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlkit.data import Schema
from mlkit.label_free.calibrating import calibrator, together
from mlkit.label_free.curves import Curve, Numbers, curve
from mlkit.label_free.features import features_of
from mlkit.label_free.loss_model import LossModel, fit_loss
from mlkit.label_free.records import Realised
from mlkit.label_free.support import SEEN_LEVELS, Support, support_of
from mlkit.metrics import METRICS, Scored, calibration, estimates, metrics_for
from mlkit.metrics.scored import Average, Task

FORMAT = 2
# Format 1 had no support of a classification, and classes each for itself.
READABLE = (1, FORMAT)
FEWEST_ROWS = 50
# The binned calibration error has no expectation to read off a curve.
WITHOUT = ("calibration_error",)
# With more classes than this the curves are drawn each for itself: what they have in
# common takes nine numbers for each pair of classes.
MOST_TOGETHER = 20


@dataclass(frozen=True)
class LabelledAnswers:
    """A model's answers on labelled rows it did not learn from, without any row.

    Attributes
    ----------
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    rows : int
        Labelled rows.
    threshold : float
        From which probability on a row is called positive.
    average : str
        How classes are averaged.
    realised : dict of str to Realised
        The metrics on the labelled rows.
    curves : tuple of Curve
        For each class (of a binary task the positive one) how often it happened along
        its probability. Of a regression one: absolute errors, their second and their
        fourth powers along the expected absolute error.
    calibration : dict of str to float or None
        Error, floor and p-value of the probabilities' calibration; None in a
        regression.
    loss : LossModel or None
        The expected absolute error of a row; None in a classification.
    spread : tuple of tuple of float or None
        Covariance of the curves' coefficients, of all classes together; None of a
        binary task, and where each curve is drawn for itself.
    support : Support or None
        What the rows cover; None where no features were kept.
    """

    task: Task
    rows: int
    threshold: float
    average: Average
    realised: Mapping[str, Realised]
    curves: tuple[Curve, ...]
    calibration: Mapping[str, float] | None = None
    loss: LossModel | None = None
    spread: tuple[tuple[float, ...], ...] | None = None
    support: Support | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the answers as plain JSON data."""
        return {
            "format": FORMAT,
            "task": self.task,
            "rows": self.rows,
            "threshold": self.threshold,
            "average": self.average,
            "realised": {name: each.to_dict() for name, each in self.realised.items()},
            "curves": [each.to_dict() for each in self.curves],
            "calibration": None if self.calibration is None else {**self.calibration},
            "loss": self.loss and self.loss.to_dict(),
            "spread": self.spread and [list(row) for row in self.spread],
            "support": self.support and self.support.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the answers that `to_dict` wrote.

        Raises
        ------
        ValueError
            If they were written by a newer version of this package.
        """
        if stored.get("format") not in READABLE:
            raise ValueError(
                f"labelled answers must have format {FORMAT} or an older one, got "
                f"{stored.get('format')!r}; read them with the version of mlkit that "
                "wrote them, or register the model anew"
            )
        realised = {
            name: Realised(*(_number(each[key]) for key in ("value", "lower", "upper")))
            for name, each in stored["realised"].items()
        }
        return cls(
            task=stored["task"],
            rows=stored["rows"],
            threshold=stored["threshold"],
            average=stored["average"],
            realised=realised,
            curves=tuple(Curve.from_dict(each) for each in stored["curves"]),
            calibration=stored["calibration"],
            loss=stored["loss"] and LossModel.from_dict(stored["loss"]),
            spread=_spread(stored),
            support=_support(stored),
        )


def from_dict(stored: Mapping[str, Any]) -> LabelledAnswers:
    """Return the labelled answers that their `to_dict` wrote."""
    return LabelledAnswers.from_dict(stored)


def _spread(stored: Mapping[str, Any]) -> tuple[tuple[float, ...], ...] | None:
    found = stored.get("spread")
    return None if found is None else tuple(map(tuple, found))


def _support(stored: Mapping[str, Any]) -> Support | None:
    rows = stored["rows"]
    if stored["format"] == 1:
        loss = stored["loss"]
        return None if loss is None else Support.of_loss(loss, rows)
    return stored["support"] and Support.from_dict(stored["support"], rows)


def _number(stored: float | None) -> float:
    return math.nan if stored is None else stored


def labelled_answers(
    task: Task,
    y: ArrayLike,
    prediction: ArrayLike,
    *,
    features: pd.DataFrame | None = None,
    schema: Schema | None = None,
    threshold: float = 0.5,
    average: Average = "binary",
    seed: int = 0,
) -> LabelledAnswers:
    """Return what is kept of a model's answers on labelled rows.

    Parameters
    ----------
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    y : array-like of shape (n_rows,)
        Class codes, or values.
    prediction : array-like of shape (n_rows, n_classes) or (n_rows,)
        The model's answers for rows that it has not learned from.
    features : DataFrame of shape (n_rows, n_columns), optional
        The same rows. None expects a regression's errors from the prediction alone,
        and cannot tell later whether rows lie beyond these.
    schema : Schema, optional
        What the features are; needed with `features`.
    threshold, average
        As in :class:`mlkit.metrics.Scored`.
    seed : int
        Seed of intervals and of the model of the loss.

    Raises
    ------
    ValueError
        With fewer than 50 rows, or what :class:`mlkit.metrics.Scored` refuses.
    """
    scored = Scored(task, y, prediction, threshold=threshold, average=average)
    if scored.n < FEWEST_ROWS:
        raise ValueError(
            "labelled answers were asked for, which take at least "
            f"{FEWEST_ROWS} labelled rows, got {scored.n}; give more rows to "
            "data.split.test_size"
        )
    names = [name for name in metrics_for(task) if name not in WITHOUT]
    if task == "regression":
        return _regression(scored, names, features, schema, seed)
    columns = range(1, 2) if task == "binary" else range(scored.n_classes)
    curves = tuple(
        curve(scored.prediction[:, k], [(scored.codes == k).astype(np.float64)])
        for k in columns
    )
    kept, _ = features_of(features, schema, SEEN_LEVELS)
    return LabelledAnswers(
        task=task,
        rows=scored.n,
        threshold=threshold,
        average=average,
        realised=_realised(scored, names, seed),
        curves=curves,
        calibration=_calibration(scored, seed),
        spread=_together(curves, scored.prediction),
        support=support_of(kept, features) if kept else None,
    )


def _together(
    curves: tuple[Curve, ...], given: Numbers
) -> tuple[tuple[float, ...], ...] | None:
    if not 1 < len(curves) <= MOST_TOGETHER:
        return None
    found = together([calibrator(each) for each in curves], given)
    return tuple(map(tuple, found.tolist()))


def _realised(scored: Scored, names: list[str], seed: int) -> dict[str, Realised]:
    found = estimates([METRICS[name] for name in names], scored, seed=seed)
    return {
        name: Realised(each.value, each.lower, each.upper)
        for name, each in found.items()
    }


def _calibration(scored: Scored, seed: int) -> dict[str, float]:
    found = calibration(scored, seed=seed)
    return {"error": found.error, "floor": found.floor, "p_value": found.p_value}


def _regression(
    scored: Scored,
    names: list[str],
    features: pd.DataFrame | None,
    schema: Schema | None,
    seed: int,
) -> LabelledAnswers:
    errors = np.abs(scored.y - scored.prediction)
    loss, held_out = fit_loss(features, schema, scored.prediction, errors, seed=seed)
    kept, _ = features_of(features, schema, SEEN_LEVELS)
    return LabelledAnswers(
        task="regression",
        rows=scored.n,
        threshold=scored.threshold,
        average=scored.average,
        realised=_realised(scored, names, seed),
        curves=(curve(held_out, [errors, errors**2, errors**4]),),
        loss=loss,
        support=support_of(kept, features, scored.prediction),
    )
