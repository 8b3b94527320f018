"""Truth and predictions of the same rows, checked once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Task = Literal["binary", "multiclass", "regression"]
Average = Literal["binary", "macro", "weighted"]
Needs = Literal["label", "probability", "value"]
Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Number = TypeVar("Number", np.float64, np.int64)

SUM_TOLERANCE = 1e-3


class Undefined(ValueError):
    """The metric has no meaning on these rows; the message says why."""


@dataclass(frozen=True, eq=False, init=False)
class Scored:
    """Rows with their truth and one model's predictions.

    Rows of weight 0 are left out: they take part in nothing that is computed.

    Parameters
    ----------
    task
        ``binary``, ``multiclass`` or ``regression``.
    y : array-like of shape (n_samples,)
        Class codes 0..k-1 (binary: 1 is the positive class), or values.
    prediction : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities in the order of the codes, or predicted values.
    weight : array-like of shape (n_samples,), optional
        Sample weights of at least 0; None weighs all rows alike.
    threshold
        Binary tasks: probabilities of at least this are called positive.
    average
        Averaging of precision, recall and F1 over the classes, and of the
        one-versus-rest areas of a multiclass task (there ``macro`` or ``weighted``).

    Raises
    ------
    ValueError
        When shapes differ, a number is missing, a code has no column, a weight is
        negative or probabilities do not lie in 0..1 with sum 1.

    Examples
    --------
    >>> Scored("binary", [0, 1], [[0.8, 0.2], [0.4, 0.6]]).labels
    array([0, 1])
    """

    task: Task
    y: Array
    prediction: Array
    weight: Array | None = None
    threshold: float = 0.5
    average: Average = "binary"

    def __init__(
        self,
        task: Task,
        y: ArrayLike,
        prediction: ArrayLike,
        weight: ArrayLike | None = None,
        threshold: float = 0.5,
        average: Average = "binary",
    ) -> None:
        truth, predicted = _numbers("y", y), _numbers("prediction", prediction)
        _check_shape(task, truth, predicted, average)
        if task != "regression":
            predicted = _probabilities(truth, predicted)
        weights = None
        if weight is not None:
            weights = _weights(weight, len(truth))
            if not weights.all():
                used = weights > 0
                truth, predicted, weights = truth[used], predicted[used], weights[used]
        fields: dict[str, Any] = {
            "task": task,
            "y": _read_only(truth),
            "prediction": _read_only(predicted),
            "weight": None if weights is None else _read_only(weights),
            "threshold": threshold,
            "average": average,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """Number of classes, seen among these rows or not."""
        return int(self.prediction.shape[1])

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """True class codes, shape (n_samples,)."""
        return _read_only(self.y.astype(np.int64))

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Predicted class codes, shape (n_samples,)."""
        if self.task == "binary":
            positive = self.prediction[:, 1] >= self.threshold
            return _read_only(positive.astype(np.int64))
        return _read_only(np.argmax(self.prediction, axis=1).astype(np.int64))

    @cached_property
    def weights(self) -> Array:
        """Sample weights, ones where there are none, shape (n_samples,)."""
        return np.ones(self.n) if self.weight is None else self.weight

    def take(self, rows: NDArray[Any]) -> Scored:
        """Return the given rows, by boolean mask or by position."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(
            self, y=self.y[rows], prediction=self.prediction[rows], weight=weight
        )


def _read_only(array: NDArray[Number]) -> NDArray[Number]:
    # A metric of the user's own gets these arrays; it must not change them.
    view = array.view()
    view.flags.writeable = False
    return view


def _numbers(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        rows = np.unique(np.nonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{name} must hold finite numbers only; {len(rows)} rows do not, the first "
            f"is row {rows[0]}. Leave those rows out or repair them."
        )
    return array


def _check_shape(task: Task, y: Array, prediction: Array, average: Average) -> None:
    if y.ndim != 1 or len(y) == 0:
        raise ValueError(
            f"y must have shape (n_samples,) with at least one row, got {y.shape}."
        )
    if len(prediction) != len(y):
        raise ValueError(
            f"prediction must have one row for each of the {len(y)} rows of y, got "
            f"{len(prediction)}."
        )
    dimensions = 1 if task == "regression" else 2
    if prediction.ndim != dimensions:
        wanted = "(n_samples,)" if dimensions == 1 else "(n_samples, n_classes)"
        raise ValueError(
            f"prediction of a {task} task must have shape {wanted}, got "
            f"{prediction.shape}."
        )
    if task == "binary" and prediction.shape[1] != 2:
        raise ValueError(
            "prediction of a binary task must have two columns, negative and positive "
            f"class; got {prediction.shape[1]}."
        )
    if task == "multiclass" and average == "binary":
        raise ValueError(
            "average must be 'macro' or 'weighted' in a multiclass task, got 'binary'."
        )


def _probabilities(y: Array, prediction: Array) -> Array:
    k = prediction.shape[1]
    if not np.isin(y, np.arange(k)).all():
        odd = np.setdiff1d(y, np.arange(k))[0]
        raise ValueError(
            f"y must hold class codes from 0 to {k - 1}, one for each column of "
            f"prediction; got {odd:g}."
        )
    total = prediction.sum(axis=1)
    off = float(np.abs(total - 1).max())
    if prediction.min() < 0 or prediction.max() > 1 or off > SUM_TOLERANCE:
        raise ValueError(
            "prediction must hold probabilities between 0 and 1 that sum to 1 in each "
            f"row; got {prediction.min():g} to {prediction.max():g} with a sum that is "
            f"off by up to {off:g}."
        )
    # Single-precision probabilities sum to 1 only to seven digits; scikit-learn warns.
    return np.asarray(prediction / total[:, None])


def _weights(weight: ArrayLike, n: int) -> Array:
    weights = _numbers("weight", weight)
    if weights.shape != (n,):
        raise ValueError(
            f"weight must have one number for each of the {n} rows, got shape "
            f"{weights.shape}."
        )
    if weights.min() < 0 or weights.sum() == 0:
        raise ValueError(
            "weight must hold numbers of at least 0, one of them above 0; the smallest "
            f"is {weights.min():g} and the sum {weights.sum():g}."
        )
    return weights
