"""Answers: logged predictions and their outcomes as numbers that can be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import label_text
from mlkit.data.labels import find_positive, sort_classes
from mlkit.metrics import Scored
from mlkit.metrics.scored import SUM_TOLERANCE, Average, Task

Numbers = NDArray[np.float64]
Rows = NDArray[np.bool_]

# So many distinct labels are amounts, unless they are texts.
MOST_LABELS = 20


@dataclass(frozen=True)
class Asked:
    """What a model is asked for.

    Attributes
    ----------
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    classes : tuple of str or None
        Labels in the order of the codes: (negative, positive) when binary.
    threshold : float
        From which probability on a row is called positive; only of interest where no
        label was logged.
    average : str
        How classes are averaged.
    """

    task: Task
    classes: tuple[str, ...] | None = None
    threshold: float = 0.5
    average: Average = "binary"


@dataclass(frozen=True, eq=False)
class Answers:
    """Logged predictions and their outcomes, row by row.

    Attributes
    ----------
    asked : Asked
        What the model was asked for.
    predicted : ndarray of shape (n,)
        Class codes or values; NaN where the prediction cannot be read.
    probabilities : ndarray of shape (n, n_classes) or None
        NaN rows where none was logged; None where there are none at all.
    truth : ndarray of shape (n,)
        Class codes or values; NaN where the outcome is not known.
    odd_predictions, odd_outcomes : tuple of str
        What was logged and cannot be read: predictions that are no class, outcomes of
        unknown classes; distinct, sorted.
    n_odd_predictions, n_odd_outcomes : int
        In how many rows.
    """

    asked: Asked
    predicted: Numbers
    probabilities: Numbers | None
    truth: Numbers
    odd_predictions: tuple[str, ...] = ()
    odd_outcomes: tuple[str, ...] = ()
    n_odd_predictions: int = 0
    n_odd_outcomes: int = 0

    def take(self, places: NDArray[np.intp]) -> Answers:
        """Return some rows, by position."""
        given = self.probabilities
        return replace(
            self,
            predicted=self.predicted[places],
            probabilities=None if given is None else given[places],
            truth=self.truth[places],
        )

    @property
    def known(self) -> Rows:
        """Rows with a prediction and an outcome, shape (n,)."""
        return np.isfinite(self.truth) & np.isfinite(self.predicted)

    @property
    def by_probability(self) -> Rows:
        """Rows with probabilities and an outcome, shape (n,)."""
        if self.probabilities is None:
            return np.zeros(len(self.truth), dtype=bool)
        return np.isfinite(self.truth) & np.isfinite(self.probabilities).all(axis=1)

    def labels(self, rows: Rows) -> Scored | None:
        """Return those of the rows that can be scored by what was predicted.

        Of a class it is the logged label, whatever its probability says.
        """
        chosen = rows & self.known
        if not chosen.any():
            return None
        predicted = self.predicted[chosen]
        if self.asked.classes is not None:
            codes = predicted.astype(np.int64)
            predicted = np.eye(len(self.asked.classes))[codes]
        return self._scored(chosen, predicted, threshold=0.5)

    def scored(self, rows: Rows) -> Scored | None:
        """Return those of the rows that can be scored by their probabilities."""
        chosen = rows & self.by_probability
        if self.probabilities is None or not chosen.any():
            return None
        given = self.probabilities[chosen]
        return self._scored(chosen, given, threshold=self.asked.threshold)

    def _scored(self, rows: Rows, prediction: Numbers, *, threshold: float) -> Scored:
        return Scored(
            self.asked.task,
            self.truth[rows],
            prediction,
            threshold=threshold,
            average=self.asked.average,
        )


def read_answers(frame: pd.DataFrame, asked: Asked) -> Answers:
    """Return logged predictions as numbers.

    Parameters
    ----------
    frame : DataFrame of shape (n, n_columns)
        ``prediction``, ``probability`` and ``actual``, as they were logged. A
        probability is a number (of the positive class), one for each class in their
        order, or a mapping of class to number.
    asked : Asked
        What the model was asked for.
    """
    if asked.classes is None:
        return _amounts(frame, asked)
    probabilities = _probabilities(frame["probability"], asked.classes)
    codes, odd = _codes(frame["prediction"], asked.classes)
    if probabilities is not None:
        # A service may log a probability alone.
        blank = frame["prediction"].isna().to_numpy() & np.isfinite(probabilities[:, 0])
        codes = np.where(blank, _decided(probabilities, asked), codes)
    truth, unknown = _codes(frame["actual"], asked.classes)
    return Answers(
        asked=asked,
        predicted=codes,
        probabilities=probabilities,
        truth=truth,
        odd_predictions=_distinct(odd),
        odd_outcomes=_distinct(unknown),
        n_odd_predictions=len(odd),
        n_odd_outcomes=len(unknown),
    )


def _amounts(frame: pd.DataFrame, asked: Asked) -> Answers:
    predicted, odd = _values(frame["prediction"])
    truth, unknown = _values(frame["actual"])
    return Answers(
        asked=asked,
        predicted=predicted,
        probabilities=None,
        truth=truth,
        odd_predictions=_distinct(odd),
        odd_outcomes=_distinct(unknown),
        n_odd_predictions=len(odd),
        n_odd_outcomes=len(unknown),
    )


def _distinct(odd: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(odd)))


def _values(cells: pd.Series) -> tuple[Numbers, list[str]]:
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    wrong = np.isnan(numbers) & cells.notna().to_numpy()
    return numbers, [str(cell) for cell in cells[wrong]]


def _codes(cells: pd.Series, classes: tuple[str, ...]) -> tuple[Numbers, list[str]]:
    """Return class codes, NaN where there is none, and what is no class."""
    known = {label: float(code) for code, label in enumerate(classes)}
    known |= {k: v for k, v in _by_other_names(classes).items() if k not in known}
    places, texts = _texts(cells)
    # The last is that of a cell without a value.
    table = np.array([*(known.get(text, np.nan) for text in texts), np.nan])
    strange = np.array([*(bool(text) and text not in known for text in texts), False])
    odd = [texts[place] for place in places[strange[places]]]
    return table[places], odd


def _texts(cells: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """Return the place of each cell's text among all texts, -1 where there is none."""
    if cells.dtype == object:
        # Here True and 1 are equal, and are not the same text.
        cells = pd.Series([_text(cell) for cell in cells], dtype="str")
    places, values = pd.factorize(cells)
    return places, [_text(value) for value in values]


def _text(cell: Any) -> str:
    if isinstance(cell, list | dict):
        return repr(cell)
    return label_text(cell) or ""


def _by_other_names(classes: tuple[str, ...]) -> dict[str, float]:
    """Return how else the two classes of a binary task are called: by code, by truth.

    Not where a class itself is called so, such as ("1", "2").
    """
    if len(classes) != 2 or {"0", "1", "true", "false"} & {c.lower() for c in classes}:
        return {c.title(): float(i) for i, c in enumerate(classes) if len(classes) == 2}
    return {"0": 0.0, "1": 1.0, "False": 0.0, "True": 1.0}


def _probabilities(cells: pd.Series, classes: tuple[str, ...]) -> Numbers | None:
    found = np.full((len(cells), len(classes)), np.nan)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        if len(classes) == 2:
            positive = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            found = np.column_stack([1 - positive, positive])
    else:
        for row, cell in enumerate(cells):
            found[row] = _one(cell, classes)
    sums = found.sum(axis=1)
    with np.errstate(invalid="ignore"):
        sound = (found >= 0).all(axis=1) & (np.abs(sums - 1) <= SUM_TOLERANCE)
    found[~sound] = np.nan
    return found if sound.any() else None


def _one(cell: Any, classes: tuple[str, ...]) -> Any:
    """Return the probabilities of a cell in the order of the classes, else NaN."""
    k = len(classes)
    try:
        if isinstance(cell, Mapping):
            named = {_text(name): value for name, value in cell.items()}
            return [float(named[name]) for name in classes]
        if isinstance(cell, list | tuple | np.ndarray):
            values = [float(value) for value in cell]
            return values if len(values) == k else _one(values[0], classes)
        if k == 2 and cell is not None and cell is not pd.NA:
            return [1 - float(cell), float(cell)]
    except (KeyError, TypeError, ValueError, IndexError):
        return [np.nan] * k
    return [np.nan] * k


def _decided(probabilities: Numbers, asked: Asked) -> Numbers:
    if asked.task == "binary":
        positive: Numbers = probabilities[:, 1]
        return np.asarray(positive >= asked.threshold, dtype=np.float64)
    best = np.argmax(np.nan_to_num(probabilities), axis=1)
    return np.asarray(best, dtype=np.float64)


def find_asked(frame: pd.DataFrame) -> Asked | None:
    """Return what a model seems to be asked for, by what was logged alone.

    Numbers without probabilities are amounts, unless they are few and whole; anything
    else are classes. Of two classes the one whose name means yes is the positive one;
    where none does, it is the latter in order.

    Parameters
    ----------
    frame : DataFrame of shape (n, n_columns)
        ``prediction``, ``probability`` and ``actual``.

    Returns
    -------
    Asked or None
        None where nothing was logged.
    """
    both = pd.concat([frame["prediction"], frame["actual"]]).dropna()
    if not len(both) and not frame["probability"].notna().any():
        return None
    labels = sort_classes(list({text for cell in both if (text := _text(cell))}))
    if not frame["probability"].notna().any() and _are_amounts(both, labels):
        return Asked("regression")
    if len(labels) > 2:
        return Asked("multiclass", labels, average="macro")
    if len(labels) == 2:
        positive = find_positive(labels) or labels[1]
        negative = labels[0] if positive == labels[1] else labels[1]
        return Asked("binary", (negative, positive))
    missing = "0" if labels != ("0",) else "1"
    return Asked("binary", sort_classes([*labels, missing] if labels else ["0", "1"]))


def _are_amounts(values: pd.Series, labels: Sequence[str]) -> bool:
    if any(isinstance(value, bool | np.bool_) for value in values):
        return False
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        return False
    whole = bool((numbers == np.round(numbers)).all())
    return not whole or len(labels) > MOST_LABELS
