"""A model of the loss: how large a regression's error is likely to be for a row.

It is a forest of small trees, kept as plain numbers: whoever reads it runs no code that
came with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Column, Schema
from mlkit.data.conformance import conform_column

Numbers = NDArray[np.float64]

TREES = 60
LEAVES = 16
LEAF_ROWS = 20
# Of either kind: with more rows than this the trees stay as they are.
MOST_ROWS = 20_000
# A category's rarer levels are one.
MOST_LEVELS = 50
MICROSECONDS_A_DAY = 86_400_000_000
LEAF = -1
# Beyond these quantiles of a number there are few labelled rows to learn from.
ENDS = (0.01, 0.99)


@dataclass(frozen=True)
class Feature:
    """A column and how it becomes a number.

    Attributes
    ----------
    levels : tuple of str
        Of a category or boolean column the levels that have a code each, in its order.
    """

    name: str
    kind: Any
    format: str | None
    levels: tuple[str, ...] = ()

    def numbers(self, frame: pd.DataFrame) -> Numbers:
        """Return one number a row; NaN where a value is missing or unreadable."""
        if self.name not in frame.columns:
            return np.full(len(frame), np.nan)
        found = _values(frame, Column(self.name, self.kind, format=self.format))
        if self.kind == "number":
            return found.to_numpy(dtype=np.float64)
        if self.kind == "date":
            micro = found.to_numpy(dtype="datetime64[us]")
            days = micro.astype(np.int64) / MICROSECONDS_A_DAY
            return np.where(np.isnat(micro), np.nan, days)
        if self.kind == "text":
            return np.asarray(found.str.len().astype(np.float64))
        codes = pd.Index(self.levels).get_indexer(pd.Index(found)).astype(np.float64)
        codes[codes < 0] = len(self.levels)
        codes[found.isna().to_numpy()] = np.nan
        return codes


@dataclass(frozen=True)
class Tree:
    """One tree: nodes by number, the root first.

    Attributes
    ----------
    feature : tuple of int
        Column that a node asks for; -1 is a leaf.
    threshold : tuple of float
        A row goes left when its number is at most this.
    left, right : tuple of int
        The next node.
    missing_left : tuple of bool
        Where a missing number goes.
    value : tuple of float
        Mean loss of the node's rows.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    missing_left: tuple[bool, ...]
    value: tuple[float, ...]

    def expected(self, matrix: NDArray[np.float32]) -> Numbers:
        """Return the loss expected of each row of a matrix, shape (n_rows,)."""
        asks = np.array(self.feature)
        threshold, value = np.array(self.threshold), np.array(self.value)
        left, right = np.array(self.left), np.array(self.right)
        missing_left = np.array(self.missing_left)
        node = np.zeros(len(matrix), dtype=np.int64)
        rows = np.arange(len(matrix)) if asks[0] != LEAF else np.arange(0)
        while len(rows):
            here = node[rows]
            number = matrix[rows, asks[here]]
            goes_left = np.where(
                np.isnan(number), missing_left[here], number <= threshold[here]
            )
            node[rows] = np.where(goes_left, left[here], right[here])
            rows = rows[asks[node[rows]] != LEAF]
        return np.asarray(value[node])


@dataclass(frozen=True)
class LossModel:
    """The absolute error that is to be expected of a row.

    Attributes
    ----------
    features : tuple of Feature
        The columns it looks at, beside the prediction, which comes first.
    trees : tuple of Tree
        Their mean is what is expected.
    low, high : tuple of float
        Of the prediction and each feature, between which most labelled rows lie; a
        level that the labelled rows do not have lies beyond.
    beyond : float
        Share of labelled rows with any number beyond.
    left_out : int
        Sensitive columns, which it does not look at: a tree's thresholds are values.
    """

    features: tuple[Feature, ...]
    trees: tuple[Tree, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    beyond: float = 0.0
    left_out: int = 0

    def unknown(self, frame: pd.DataFrame | None, prediction: Numbers) -> float:
        """Return by how much the share of rows beyond is above the labelled rows'."""
        matrix = _matrix(self.features, frame, prediction)
        return max(0.0, _beyond(matrix, self.low, self.high) - self.beyond)

    def expected(self, frame: pd.DataFrame | None, prediction: Numbers) -> Numbers:
        """Return the absolute error expected of each row, shape (n_rows,)."""
        matrix = _matrix(self.features, frame, prediction)
        found = np.zeros(len(matrix))
        for tree in self.trees:
            found += tree.expected(matrix)
        return found / len(self.trees)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain JSON data."""
        return {
            "features": [
                asdict(each) | {"levels": list(each.levels)} for each in self.features
            ],
            "trees": [
                {name: list(values) for name, values in asdict(tree).items()}
                for tree in self.trees
            ],
            "low": list(self.low),
            "high": list(self.high),
            "beyond": self.beyond,
            "left_out": self.left_out,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the model that `to_dict` wrote."""
        features = tuple(
            Feature(**{**each, "levels": tuple(each["levels"])})
            for each in stored["features"]
        )
        trees = tuple(
            Tree(**{name: tuple(values) for name, values in tree.items()})
            for tree in stored["trees"]
        )
        return cls(
            features,
            trees,
            tuple(stored["low"]),
            tuple(stored["high"]),
            stored["beyond"],
            stored["left_out"],
        )


def fit_loss(
    frame: pd.DataFrame | None,
    schema: Schema | None,
    prediction: Numbers,
    errors: Numbers,
    *,
    seed: int = 0,
) -> tuple[LossModel, Numbers]:
    """Return a model of the absolute errors, and what it expects of rows held out.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns) or None
        The features; None looks at the prediction alone.
    schema : Schema or None
        What they are.
    prediction, errors : ndarray of shape (n_rows,)
        The predictions and their absolute errors.
    seed : int
        Seed of the forest.

    Returns
    -------
    LossModel
    held_out : ndarray of shape (n_rows,)
        The mean of those trees that did not learn from a row.

    Notes
    -----
    Random forest: Breiman, Machine Learning 45 (2001), 5-32, with missing values on the
    side where they do better.
    """
    from sklearn.ensemble import RandomForestRegressor

    features, left_out = _features(frame, schema)
    matrix = _matrix(features, frame, prediction)
    forest = RandomForestRegressor(
        n_estimators=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        max_features=0.5,
        max_samples=min(1.0, MOST_ROWS / len(matrix)),
        oob_score=True,
        random_state=seed,
    )
    forest.fit(matrix, errors)
    low, high = _ends(features, matrix)
    model = LossModel(
        features=features,
        trees=tuple(map(_tree, forest.estimators_)),
        low=low,
        high=high,
        beyond=_beyond(matrix, low, high),
        left_out=left_out,
    )
    return model, np.asarray(forest.oob_prediction_)


def _ends(
    features: Sequence[Feature], matrix: NDArray[np.float32]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return between which numbers most rows lie, column by column."""
    ends = []
    for levels, column in zip(
        ((), *(each.levels for each in features)), matrix.T, strict=True
    ):
        there = column[~np.isnan(column)]
        if levels:
            ends.append((0.0, len(levels) - 1.0))
        elif not len(there):
            ends.append((0.0, 0.0))
        else:
            low, high = np.quantile(there, ENDS)
            ends.append((float(low), float(high)))
    return tuple(low for low, _ in ends), tuple(high for _, high in ends)


def _beyond(
    matrix: NDArray[np.float32], low: Sequence[float], high: Sequence[float]
) -> float:
    # A missing number is neither above nor below.
    out = (matrix < np.array(low, np.float32)) | (matrix > np.array(high, np.float32))
    return float(out.any(axis=1).mean())


def _tree(fitted: Any) -> Tree:
    nodes = fitted.tree_
    leaf = nodes.children_left == LEAF
    return Tree(
        feature=tuple(np.where(leaf, LEAF, nodes.feature).tolist()),
        threshold=tuple(nodes.threshold.tolist()),
        left=tuple(nodes.children_left.tolist()),
        right=tuple(nodes.children_right.tolist()),
        missing_left=tuple(map(bool, nodes.missing_go_to_left)),
        value=tuple(nodes.value[:, 0, 0].tolist()),
    )


def _features(
    frame: pd.DataFrame | None, schema: Schema | None
) -> tuple[tuple[Feature, ...], int]:
    if frame is None or schema is None:
        return (), 0
    columns = [schema.column(name) for name in schema.features if name in frame.columns]
    open_ones = [column for column in columns if not column.sensitive]
    told = [column for column in open_ones if column.kind != "identifier"]
    found = tuple(
        Feature(column.name, column.kind, column.format, _levels(frame, column))
        for column in told
    )
    return found, len(columns) - len(open_ones)


def _levels(frame: pd.DataFrame, column: Column) -> tuple[str, ...]:
    if column.kind not in ("category", "boolean"):
        return ()
    counts = _values(frame, column).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(str(level) for level, _ in ranked[:MOST_LEVELS])


def _values(frame: pd.DataFrame, column: Column) -> pd.Series:
    cells = frame[column.name]
    cells = cells if isinstance(cells, pd.Series) else cells.iloc[:, 0]
    return conform_column(cells.to_frame(column.name), column)[0]


def _matrix(
    features: Sequence[Feature], frame: pd.DataFrame | None, prediction: Numbers
) -> NDArray[np.float32]:
    """Return the prediction and the features; trees compare in single precision."""
    found = [prediction]
    if frame is not None:
        found += [each.numbers(frame) for each in features]
    else:
        found += [np.full(len(prediction), np.nan)] * len(features)
    largest = float(np.finfo(np.float32).max)
    return np.clip(np.column_stack(found), -largest, largest).astype(np.float32)
