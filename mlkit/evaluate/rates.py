"""Rates: what is compared between groups of rows, for each task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlkit.metrics import Scored
from mlkit.metrics.scored import Array, Flags

MOST_CLASSES = 10
MOST_SHARES = 5  # more classes than this would bury the rest under their shares


@dataclass(frozen=True)
class Measure:
    """A share or a mean that can be taken of any rows.

    Attributes
    ----------
    name, label
        How programs and people call it.
    share
        Whether it is a share between 0 and 1, or else a mean in units of the target.
    subject, less, more
        Words of a sentence: subject, size of a difference, less or more.
    """

    name: str
    label: str
    share: bool
    subject: str
    less: str
    more: str

    def to_dict(self) -> dict[str, Any]:
        """Return name and label as plain JSON data."""
        return {"name": self.name, "label": self.label, "share": self.share}


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure with its value in each row, and the rows that it is about."""

    measure: Measure
    values: Array
    rows: Flags


def measured(
    scored: Scored, *, target: str, classes: tuple[str, ...] | None
) -> tuple[Measured, ...]:
    """Return what is compared between groups of these rows.

    Parameters
    ----------
    scored
        Truth and predictions.
    target
        Name of the target.
    classes
        Names of the classes, as they may be shown; None for a regression.

    Returns
    -------
    tuple of Measured
        Binary: actual and predicted rate of the positive class, true and false positive
        rate. Multiclass: actual share of each class where there are at most 5,
        accuracy, and recall of the 10 most frequent classes. Regression: mean
        actual value, mean error (predicted minus actual) and mean absolute error.
    """
    if classes is None:
        return _regression(scored, target)
    if scored.task == "binary":
        return _binary(scored, f"{target} = {classes[1]}")
    return _multiclass(scored, classes, target)


def _binary(scored: Scored, positive: str) -> tuple[Measured, ...]:
    truth, called = scored.codes == 1, scored.labels == 1
    every = np.ones(scored.n, dtype=bool)
    often = ("less often", "more often")
    found = ("fewer are found", "more are found")
    mistaken = ("fewer are taken for such", "more are taken for such")
    frequent = ("less frequent", "more frequent")
    table = [
        ("actual", "Actual rate", f"{positive} is", frequent, truth, every),
        ("predicted", "Predicted rate", f"{positive} is predicted", often, called,
         every),
        ("true_positive", "True positive rate", f"of rows that are {positive},", found,
         called, truth),
        ("false_positive", "False positive rate", f"of rows that are not {positive},",
         mistaken, called, ~truth),
    ]  # fmt: skip
    return tuple(
        Measured(Measure(name, label, True, subject, *words), hits.astype(float), rows)
        for name, label, subject, words, hits, rows in table
    )


def _multiclass(
    scored: Scored, classes: tuple[str, ...], target: str
) -> tuple[Measured, ...]:
    right = (scored.codes == scored.labels).astype(float)
    words = ("lower", "higher")
    accuracy = Measure("accuracy", "Accuracy", True, "accuracy is", *words)
    every = np.ones(scored.n, dtype=bool)
    found = _shares(scored, classes, target) if len(classes) <= MOST_SHARES else []
    found.append(Measured(accuracy, right, every))
    counts = np.bincount(scored.codes, minlength=len(classes))
    frequent = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    for code in sorted(frequent):
        label = f"Recall of {classes[code]}"
        subject = f"recall of {classes[code]} is"
        measure = Measure(f"recall:{classes[code]}", label, True, subject, *words)
        found.append(Measured(measure, right, scored.codes == code))
    return tuple(found)


def _shares(scored: Scored, classes: tuple[str, ...], target: str) -> list[Measured]:
    every, found = np.ones(scored.n, dtype=bool), []
    words = ("less frequent", "more frequent")
    for code, name in enumerate(classes):
        subject = f"{target} = {name} is"
        label = f"Actual share of {name}"
        measure = Measure(f"actual:{name}", label, True, subject, *words)
        found.append(Measured(measure, (scored.codes == code).astype(float), every))
    return found


def _regression(scored: Scored, target: str) -> tuple[Measured, ...]:
    every, words = np.ones(scored.n, dtype=bool), ("lower", "higher")
    error = scored.prediction - scored.y
    # What rounding leaves of an exact prediction is no error, and must not be tested.
    error = np.where(np.abs(error) < 1e-12 * np.abs(scored.y).max(), 0.0, error)
    table = [
        ("actual", "Mean actual value", f"the mean of {target} is", scored.y),
        ("error", "Mean error", "predictions, against the truth, are", error),
        ("absolute_error", "Mean absolute error", "the mean absolute error is",
         np.abs(error)),
    ]  # fmt: skip
    return tuple(
        Measured(Measure(name, label, False, subject, *words), values, every)
        for name, label, subject, values in table
    )
