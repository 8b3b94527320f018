"""A model of the loss: how large a regression's error is likely to be for a row.

It is a forest of small trees, kept as plain numbers: whoever reads it runs no code that
came with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Schema
from mlkit.label_free.features import Feature, Numbers, features_of, matrix_of

TREES = 40
LEAVES = 32
LEAF_ROWS = 10
# Of either kind: with more rows than this the trees stay as they are.
MOST_ROWS = 20_000
LEAF = -1


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
    left_out : int
        Sensitive columns, which it does not look at: a tree's thresholds are values.
    """

    features: tuple[Feature, ...]
    trees: tuple[Tree, ...]
    left_out: int = 0

    def expected(self, frame: pd.DataFrame | None, prediction: Numbers) -> Numbers:
        """Return the absolute error expected of each row, shape (n_rows,)."""
        return np.asarray(self.by_tree(frame, prediction).mean(axis=0))

    def by_tree(self, frame: pd.DataFrame | None, prediction: Numbers) -> Numbers:
        """Return what each tree expects of each row, shape (n_trees, n_rows)."""
        matrix = matrix_of(self.features, frame, prediction)
        return np.stack([tree.expected(matrix) for tree in self.trees])

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain JSON data."""
        return {
            "features": [each.to_dict() for each in self.features],
            "trees": [
                {name: list(values) for name, values in asdict(tree).items()}
                for tree in self.trees
            ],
            "left_out": self.left_out,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the model that `to_dict` wrote."""
        features = tuple(map(Feature.from_dict, stored["features"]))
        trees = tuple(
            Tree(**{name: tuple(values) for name, values in tree.items()})
            for tree in stored["trees"]
        )
        return cls(features, trees, stored["left_out"])


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
    Bagged trees: Breiman, Machine Learning 24 (1996), 123-140, with missing values on
    the side where they do better. All look at all columns: a forest that hides some
    expects less of the rows with the largest errors.
    """
    from sklearn.ensemble import RandomForestRegressor

    features, left_out = features_of(frame, schema)
    matrix = matrix_of(features, frame, prediction)
    forest = RandomForestRegressor(
        n_estimators=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        max_samples=min(1.0, MOST_ROWS / len(matrix)),
        oob_score=True,
        random_state=seed,
    )
    forest.fit(matrix, errors)
    model = LossModel(features, tuple(map(_tree, forest.estimators_)), left_out)
    return model, np.asarray(forest.oob_prediction_)


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
