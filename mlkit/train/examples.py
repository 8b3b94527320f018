"""Rows in the form in which a model learns from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Dataset
from mlkit.params.models import Params, Task

Division = Literal["row", "group", "time"]


@dataclass(frozen=True, eq=False)
class Examples:
    """Features, target and weights of some rows.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The raw features, of the kinds in `kinds`.
    y : ndarray of shape (n_rows,)
        Indices into `classes`, or float64 values for regression.
    weight : ndarray of shape (n_rows,) or None
        Sample weights.
    kinds : mapping
        Kind of each feature.
    classes : tuple of str
        The labels; empty for regression.
    division : {"row", "group", "time"}
        How folds keep rows apart: freely, by `unit` as a group, or by `unit` as an
        order.
    unit : ndarray of shape (n_rows,) or None
        Number of the row's group, or its place in time.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    weight: NDArray[np.float64] | None
    kinds: Mapping[str, str]
    task: Task
    classes: tuple[str, ...] = ()
    division: Division = "row"
    unit: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return these rows only."""
        return replace(
            self,
            X=self.X.iloc[rows],
            y=self.y[rows],
            weight=None if self.weight is None else self.weight[rows],
            unit=None if self.unit is None else self.unit[rows],
        )

    def with_known_columns(self, *parts: NDArray[np.int64]) -> Self:
        """Return the examples without the kinds of columns that have no value here.

        An encoder leaves such columns out. Histogram boosting cannot divide them into
        bins, and a fold may lack values that the training rows have.

        Parameters
        ----------
        *parts : ndarray of int64
            Rows among which a column must have a value as well.

        Raises
        ------
        ValueError
            No column has any value.
        """
        there = self.X[list(self.kinds)].notna().to_numpy()
        every = np.arange(len(self))
        full = np.all([there[rows].any(axis=0) for rows in (every, *parts)], axis=0)
        named = zip(self.kinds.items(), full, strict=True)
        known = {name: kind for (name, kind), has_value in named if has_value}
        if not known:
            raise ValueError(
                f"train: in {len(self)} training rows no feature has a value, so there "
                "is nothing to learn from. Check data.missing and data.split."
            )
        return self if len(known) == len(self.kinds) else replace(self, kinds=known)

    def class_sizes(self) -> dict[str, int]:
        """Return the number of rows of each class."""
        if not self.classes:
            return {}
        counts = np.bincount(self.y, minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, counts, strict=True)}


def training_examples(dataset: Dataset, params: Params) -> Examples:
    """Return the training rows of a dataset.

    Raises
    ------
    ValueError
        There are no features, or a class has no training row.
    """
    schema, rows = dataset.schema, dataset.train_rows
    if not schema.features:
        raise ValueError(
            "train: the data have no feature column left; every column is the target, "
            "ignored or an identifier. Check data.ignore and data.columns."
        )
    division = params.data.split.by
    weight = dataset.weight
    examples = Examples(
        X=dataset.X(rows),
        y=dataset.target(rows),
        weight=None if weight is None else weight.to_numpy(np.float64)[rows],
        kinds={name: schema.column(name).kind for name in schema.features},
        task=schema.task,
        classes=schema.classes or (),
        division=division,
        unit=units(dataset, params, division),
    )
    absent = [name for name, size in examples.class_sizes().items() if size == 0]
    if absent:
        raise ValueError(
            f"train: class {absent[0]!r} of {schema.target!r} has no training row, so "
            "no model can learn it. Gather more rows of it, or leave it out by a "
            "data.query."
        )
    return examples


def units(
    dataset: Dataset, params: Params, division: Division
) -> NDArray[np.int64] | None:
    """Return the group or the place in time of each training row."""
    column = {"row": None, "group": params.data.group, "time": params.data.time}[
        division
    ]
    if column is None:
        return None
    values = dataset.frame[column].iloc[dataset.train_rows]
    codes = pd.factorize(values, sort=division == "time", use_na_sentinel=False)[0]
    return np.asarray(codes, dtype=np.int64)
