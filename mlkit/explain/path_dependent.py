"""Contributions to large forests: shap's values of encoded columns.

What the exact rules of leaves cost grows with leaves times background patterns. The
path-dependent game needs no background: a column that is not known sends a row both
ways, weighed by the training rows that went there (Lundberg et al., 2020, "From local
explanations to global understanding with explainable AI for trees", algorithm 2).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble
from sklearn.dummy import DummyClassifier, DummyRegressor

from mlkit.explain.contributed import Floats
from mlkit.explain.trees import Tree

CONSTANT_STARTS = (DummyClassifier, DummyRegressor)


@dataclass(frozen=True, eq=False)
class PathSums:
    """The path-dependent Shapley values of a forest's encoded columns.

    Attributes
    ----------
    attribute : callable
        Takes encoded rows; gives the base, of shape (n_outputs,), and values of shape
        (n_rows, n_encoded, n_outputs).
    used : ndarray of int
        Encoded columns that some tree tests.
    cost : int
        What a row costs: leaves times depth, summed over trees.
    """

    attribute: Callable[[NDArray[np.float32]], tuple[Floats, Floats]]
    used: NDArray[np.int64]
    cost: int


def path_sums(estimator: Any, trees: list[Tree]) -> PathSums | None:
    """Return how shap explains a forest or a gradient boosting; None where it cannot.

    Parameters
    ----------
    estimator : fitted forest or gradient boosting of scikit-learn
        Not one of histograms: shap takes its sets of categories for thresholds.
    trees : list of Tree
        Its trees.
    """
    if not shap_knows(estimator):
        return None

    def attribute(rows: NDArray[np.float32]) -> tuple[Floats, Floats]:
        explained = tree_explainer(estimator)
        # Its own check allows one in a hundred; sums are held to the model later.
        values = np.asarray(explained.shap_values(rows, check_additivity=False))
        base = np.atleast_1d(np.asarray(explained.expected_value, dtype=np.float64))
        values = values if values.ndim == 3 else values[:, :, None]
        first = 1 if len(base) == 2 else 0
        return base[first:], values[:, :, first:]

    inner = [each.column[each.left >= 0] for each in trees]
    return PathSums(
        attribute=attribute,
        used=np.unique(np.concatenate(inner)),
        cost=sum(int((each.left < 0).sum()) * each.depth for each in trees),
    )


def shap_knows(estimator: Any) -> bool:
    """Return whether shap takes an estimator: no boosting of several classes."""
    if not isinstance(estimator, ensemble.GradientBoostingClassifier):
        start = getattr(estimator, "init_", None)
        return start is None or isinstance(start, CONSTANT_STARTS)
    single = estimator.estimators_.shape[1] == 1
    return single and isinstance(estimator.init_, CONSTANT_STARTS)


def tree_explainer(estimator: Any) -> Any:
    """Return shap's explainer of a tree ensemble, path-dependent."""
    with warnings.catch_warnings():
        # The import colours its own plots in a way that matplotlib is giving up.
        warnings.filterwarnings(
            "ignore", "The set_", category=PendingDeprecationWarning
        )
        import shap

    return shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
