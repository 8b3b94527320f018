"""Estimators whose contributions follow from what they learnt, exactly.

A reader takes the encoded rows and the encoded background, and gives the contributions
to what the estimator itself says: a decision function, a probability or a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import ensemble, linear_model, svm, tree
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor

from mlkit.explain.contributed import Floats, Game
from mlkit.explain.leaf_shapley import tree_contributions
from mlkit.explain.path_dependent import PathSums, path_sums
from mlkit.explain.players import owner_matrix
from mlkit.explain.trees import Tree, hist_trees, plain_tree

Ints = NDArray[np.int64]
# `(rows, background, owners, columns)` to the base, None where it is the average over
# the background, and the values of shape (n_rows, columns, n_outputs).
Attribute = Callable[[Any, Any, Ints, int], tuple[Floats | None, Floats]]

HISTS = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
FORESTS = (
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
)
SINGLE_TREES = (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor)
GRADIENT_TREES = (
    ensemble.GradientBoostingClassifier,
    ensemble.GradientBoostingRegressor,
)
LINEAR = (
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    linear_model.SGDClassifier,
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.BayesianRidge,
    linear_model.HuberRegressor,
    linear_model.SGDRegressor,
    svm.LinearSVR,
)
# Only with these the trees' sum is the prediction itself, not its logarithm.
PLAIN_LOSSES = ("squared_error", "absolute_error", "quantile", "log_loss")


@dataclass(frozen=True, eq=False)
class Reader:
    """How an estimator is read.

    Attributes
    ----------
    name : str
        What is done, for readers of the report.
    game : {"interventional", "path-dependent"}
    matrix : callable
        Turns encoded rows into what the rules of the estimator look at.
    attribute : callable
        Gives base and contributions.
    response : {"decision_function", "predict_proba", "predict", "margin"}
        The method of the estimator whose answer the contributions add up to.
    leaves : int
        Number of leaves, for what it costs to explain; 0 where there are none.
    depth : int
        Tests on the longest path of its trees.
    single : bool
        Whether the estimator computes in float32.
    margin : callable or None
        The answer where no method of the estimator gives it.
    paths : PathSums or None
        A cheaper game for many rows of large forests.
    """

    name: str
    game: Game
    matrix: Callable[[Any], Any]
    attribute: Attribute
    response: str
    leaves: int = 0
    depth: int = 0
    single: bool = False
    margin: Callable[[Any], Floats] | None = None
    paths: PathSums | None = None


def find_reader(estimator: Any) -> Reader | None:
    """Return how an estimator is read; None for those that are only asked."""
    kind = type(estimator)
    if isinstance(estimator, HISTS) and estimator.loss in PLAIN_LOSSES:
        return tree_reader(
            list(hist_trees(estimator)),
            lambda encoded: estimator._preprocess_X(dense(encoded), reset=False),
            "decision_function" if hasattr(kind, "decision_function") else "predict",
        )
    if isinstance(estimator, SINGLE_TREES):
        return tree_reader(whole_trees([estimator]), singles, probability_of(kind))
    if isinstance(estimator, FORESTS):
        trees = whole_trees(estimator.estimators_)
        found = tree_reader(trees, singles, probability_of(kind))
        return replace(found, paths=path_sums(estimator, trees))
    if isinstance(estimator, GRADIENT_TREES) and starts_constant(estimator):
        response = "decision_function" if hasattr(kind, "predict_proba") else "predict"
        trees = boosted_trees(estimator)
        found = tree_reader(trees, singles, response)
        return replace(found, paths=path_sums(estimator, trees))
    if isinstance(estimator, LINEAR):
        response = "decision_function" if is_classifier(estimator) else "predict"
        return linear_reader(estimator, response)
    return booster_reader(estimator)


def probability_of(kind: type) -> str:
    """Return what trees of shares or of means answer with."""
    return "predict_proba" if hasattr(kind, "predict_proba") else "predict"


def dense(encoded: Any) -> NDArray[Any]:
    """Return encoded rows as an array."""
    return encoded.toarray() if sparse.issparse(encoded) else np.asarray(encoded)


def singles(encoded: Any) -> NDArray[np.float32]:
    """Return encoded rows as scikit-learn's plain trees see them."""
    return dense(encoded).astype(np.float32)


def tree_reader(
    trees: list[Tree], matrix: Callable[[Any], Any], response: str
) -> Reader:
    """Return the reader of a sum of trees."""
    outputs = max(each.outputs.stop for each in trees)

    def attribute(
        rows: Any, background: Any, owners: Ints, columns: int
    ) -> tuple[None, Floats]:
        found = tree_contributions(
            trees, rows, background, owners, columns=columns, outputs=outputs
        )
        return None, found

    return Reader(
        name="exact Shapley values from the rules of the trees' leaves",
        game="interventional",
        matrix=matrix,
        attribute=attribute,
        response=response,
        leaves=sum(int((each.left < 0).sum()) for each in trees),
        depth=max(each.depth for each in trees),
    )


def whole_trees(estimators: Any) -> list[Tree]:
    """Return trees whose answers are averaged; of two classes the second counts."""
    scale = 1 / len(estimators)
    classes = getattr(estimators[0], "n_classes_", 1)
    outputs = slice(0, 1 if classes <= 2 else classes)
    column = {1: 0, 2: 1}.get(classes)
    return [
        plain_tree(each, outputs, scale=scale, column=column) for each in estimators
    ]


def boosted_trees(estimator: Any) -> list[Tree]:
    """Return the trees of a gradient boosting, one an output and pass."""
    return [
        plain_tree(each, slice(k, k + 1), scale=estimator.learning_rate, column=0)
        for stage in estimator.estimators_
        for k, each in enumerate(stage)
    ]


def starts_constant(estimator: Any) -> bool:
    """Return whether a gradient boosting starts every row alike."""
    init = estimator.init_
    return isinstance(init, DummyClassifier | DummyRegressor | str)


def linear_reader(estimator: Any, response: str) -> Reader:
    """Return the reader of a linear model.

    Its Shapley values are each encoded column's weight times its distance from the
    background's mean, summed over the raw column (Lundberg and Lee, 2017, "A Unified
    Approach to Interpreting Model Predictions", corollary 1).
    """
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T

    def attribute(
        rows: Any, background: Any, owners: Ints, columns: int
    ) -> tuple[None, Floats]:
        to_columns = owner_matrix(owners, columns)
        average = np.asarray(background.mean(axis=0)).reshape(1, -1)
        parts = []
        for weight in weights.T:
            scaled = sparse.diags_array(weight) @ to_columns
            parts.append(dense(rows @ scaled) - average @ scaled)
        return None, np.stack(parts, axis=2)

    return Reader(
        name="exact Shapley values from the linear model's weights",
        game="interventional",
        matrix=lambda encoded: encoded,
        attribute=attribute,
        response=response,
    )


def booster_reader(estimator: Any) -> Reader | None:
    """Return the reader of a LightGBM or XGBoost model, None for anything else."""
    home = type(estimator).__module__.split(".")[0]
    if home == "lightgbm" and hasattr(estimator, "booster_"):
        booster = estimator.booster_

        def parts(rows: Any) -> Floats:
            return np.asarray(booster.predict(rows, pred_contrib=True))

        def margin(rows: Any) -> Floats:
            return np.asarray(booster.predict(rows, raw_score=True))

        return native_reader(parts, margin, "LightGBM", single=False)
    if home == "xgboost" and hasattr(estimator, "get_booster"):
        ask = asking_xgboost(estimator)
        return native_reader(
            lambda rows: ask(rows, pred_contribs=True),
            lambda rows: ask(rows, output_margin=True),
            "XGBoost",
            single=True,
        )
    return None


def asking_xgboost(estimator: Any) -> Callable[..., Floats]:
    """Return the function that asks the booster of an XGBoost model."""

    def ask(rows: Any, **options: bool) -> Floats:
        from xgboost import DMatrix

        table = DMatrix(
            rows,
            missing=estimator.missing,
            feature_types=estimator.feature_types,
            enable_categorical=bool(estimator.enable_categorical),
            nthread=1,
        )
        best = (
            getattr(estimator, "best_iteration", None) if stopped(estimator) else None
        )
        span = (0, 0) if best is None else (0, best + 1)
        answer = estimator.get_booster().predict(table, iteration_range=span, **options)
        return np.asarray(answer, dtype=np.float64)

    return ask


def stopped(estimator: Any) -> bool:
    """Return whether an XGBoost model was stopped early."""
    return estimator.get_booster().attr("best_iteration") is not None


def native_reader(
    parts: Callable[[Any], Floats],
    margin: Callable[[Any], Floats],
    library: str,
    *,
    single: bool,
) -> Reader:
    """Return the reader of a library that gives contributions of encoded columns."""

    def attribute(
        rows: Any, background: Any, owners: Ints, columns: int
    ) -> tuple[Floats, Floats]:
        width = rows.shape[1] + 1
        found = parts(rows).reshape(len(rows), -1, width)
        to_columns = owner_matrix(owners, columns)
        values = np.stack(
            [found[:, k, :-1] @ to_columns for k in range(found.shape[1])], axis=2
        )
        return found[0, :, -1], values

    return Reader(
        name=f"{library}'s own tree Shapley values, summed over encoded columns",
        game="path-dependent",
        matrix=dense,
        attribute=attribute,
        response="margin",
        single=single,
        margin=margin,
    )
