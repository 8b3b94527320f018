"""Which rows are explained, and which rows they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlkit.data import Column, Dataset
from mlkit.data.wording import counted, did_you_mean, shown
from mlkit.explain.contributed import ExplainError
from mlkit.explain.explanation import value_text

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class ChosenRow:
    """A row that is explained.

    Attributes
    ----------
    position : int
        Its place in the dataset's frame, from 0.
    name : str
        How readers know it.
    reason : str
        Why it was chosen.
    truth : str or None
        Its true outcome; None where that is masked.
    """

    position: int
    name: str
    reason: str
    truth: str | None


def background_rows(dataset: Dataset, size: int, *, seed: int = 0) -> Rows:
    """Return training rows that stand for all: of each class or size of target some.

    Parameters
    ----------
    dataset : Dataset
        The data.
    size : int
        How many; all training rows where there are fewer.
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray of int64
        Positions in the data, ascending: one drawn from each of `size` equal parts of
        the training rows, in the order of their target.
    """
    rows = dataset.train_rows
    if size >= len(rows):
        return rows
    rng = np.random.default_rng(seed)
    ranked = rows[np.lexsort((rng.random(len(rows)), dataset.target(rows)))]
    edges = np.linspace(0, len(rows), size + 1)
    drawn = np.floor(rng.uniform(edges[:-1], edges[1:])).astype(np.int64)
    return np.sort(ranked[np.minimum(drawn, len(rows) - 1)])


def telling_rows(
    dataset: Dataset, predictions: ArrayLike, *, threshold: float = 0.5
) -> tuple[ChosenRow, ...]:
    """Return the test rows that tell most about a model.

    Parameters
    ----------
    dataset : Dataset
        The data.
    predictions : array-like of shape (n_test, n_classes) or (n_test,)
        Probabilities or values for the test rows.
    threshold : float
        Binary tasks: probabilities of at least this are called positive.

    Returns
    -------
    tuple of ChosenRow
        The most confident right, the most confident wrong where there is one, and the
        one closest to the threshold (several classes: with the smallest lead).
        Regression: the best, the worst and the one with the middle error.
    """
    said = np.asarray(predictions, dtype=np.float64)
    truth = dataset.target(dataset.test_rows)
    if dataset.schema.task == "regression":
        places = by_error(np.abs(said - truth))
    elif dataset.schema.task == "binary":
        margin = said[:, 1] - threshold
        right = (margin >= 0) == (truth == 1)
        places = by_confidence(right, np.abs(margin), "closest to the threshold")
    else:
        sorted_shares = np.sort(said, axis=1)
        lead = sorted_shares[:, -1] - sorted_shares[:, -2]
        right = said.argmax(axis=1) == truth
        places = by_confidence(right, lead, "smallest lead of one class")
    taken: dict[int, str] = {}
    for ranked, reason in places:
        free = [place for place in ranked.tolist() if place not in taken]
        if free:
            taken[free[0]] = reason
    return tuple(
        chosen_row(dataset, int(dataset.test_rows[place]), reason=reason)
        for place, reason in taken.items()
    )


def by_error(error: NDArray[np.float64]) -> list[tuple[Rows, str]]:
    """Return rows ranked from the smallest, the largest and the middle error."""
    order = np.argsort(error, kind="stable")
    middle = np.abs(np.arange(len(order)) - len(order) // 2)
    return [
        (order, "the best prediction"),
        (order[::-1], "the worst prediction"),
        (
            order[np.argsort(middle, kind="stable")],
            "a prediction with the middle error",
        ),
    ]


def by_confidence(
    right: NDArray[np.bool_], confidence: NDArray[np.float64], last: str
) -> list[tuple[Rows, str]]:
    """Return right and wrong rows, the surest first, and all, the least sure first."""
    surest = np.argsort(-confidence, kind="stable")
    return [
        (surest[right[surest]], "most confident, right"),
        (surest[~right[surest]], "most confident, wrong"),
        (np.argsort(confidence, kind="stable"), last),
    ]


def named_row(dataset: Dataset, name: Any, *, key: str | None = None) -> ChosenRow:
    """Return a row that somebody named.

    Parameters
    ----------
    dataset : Dataset
        The data.
    name : str, int, float or bool
        A value of the column `key`, or without one the number of a row of the checked
        table, the first being 1.
    key : str, optional
        The column that names rows.

    Raises
    ------
    ExplainError
        There is no such column or row; says what there is.
    """
    if key is None:
        count = len(dataset.frame)
        whole = isinstance(name, int) and not isinstance(name, bool)
        if not whole or not 1 <= name <= count:
            raise ExplainError(
                f"explain.rows: without explain.key a row is named by its number in "
                f"the checked table, 1 to {count:,}; got {name!r}"
            )
        return chosen_row(dataset, name - 1, reason="named in the params")
    if key not in dataset.schema.names:
        raise ExplainError(
            f"explain.key must be a column of the data, got {key!r}. "
            f"{did_you_mean(key, dataset.schema.names)}"
        )
    column = dataset.schema.column(key)
    places = np.flatnonzero(equal_to(dataset.frame[key], name, column))
    if not len(places):
        raise ExplainError(absent(dataset.frame[key], name, column))
    reason = "named in the params"
    if len(places) > 1:
        reason += f", the first of {counted(len(places), 'row')} of this name"
    return chosen_row(dataset, int(places[0]), reason=reason, key=column)


def equal_to(values: pd.Series, name: Any, column: Column) -> NDArray[np.bool_]:
    """Return which values of a column are what somebody wrote."""
    wanted: Any = str(name)
    if column.kind == "number":
        wanted = pd.to_numeric(wanted, errors="coerce")
    if column.kind == "date":
        wanted = pd.to_datetime(wanted, errors="coerce")
    return np.asarray((values == wanted).fillna(False), dtype=bool)


def absent(values: pd.Series, name: Any, column: Column) -> str:
    """Return the message for a row that is not there."""
    wanted = shown(str(name), sensitive=column.sensitive)
    said = f"explain.rows: no row of the checked table has {column.name} = {wanted}. "
    if column.sensitive or not values.notna().any():
        return said + "Rows that a check dropped are not in it"
    known = values.dropna()
    if column.kind in ("number", "date"):
        ends = [value_text(end, column) for end in (known.min(), known.max())]
        return f"{said}They go from {ends[0]} to {ends[1]}"
    return said + did_you_mean(str(name), known.astype(str).unique().tolist())


def chosen_row(
    dataset: Dataset, position: int, *, reason: str, key: Column | None = None
) -> ChosenRow:
    """Return a row with its name and its true outcome."""
    name = f"row {position + 1:,}"
    if key is not None and not key.sensitive:
        name = f"{key.name} {value_text(dataset.frame[key.name].iloc[position], key)}"
    if np.isin(position, dataset.train_rows):
        reason += " (a training row)"
    target = dataset.schema.column(dataset.schema.target)
    truth = dataset.y.iloc[position]
    return ChosenRow(
        position,
        name,
        reason,
        None if target.sensitive else value_text(truth, target),
    )


def spread_rows(rows: Sequence[int] | Rows, size: int, *, seed: int) -> Rows:
    """Return at most so many of some rows, drawn without repetition, ascending."""
    known = np.asarray(rows, dtype=np.int64)
    if len(known) <= size:
        return known
    drawn = np.random.default_rng(seed).choice(known, size, replace=False)
    return np.sort(drawn)
