"""Contributions against Shapley's definition, and against the fitted model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor

from mlkit.data import Column, Schema
from mlkit.explain import AdditivityError, contributions, explainer
from mlkit.explain.leaf_shapley import MOST_PLAYERS, tree_contributions
from mlkit.explain.players import find_owners
from mlkit.explain.trees import hist_trees
from mlkit.train.encode import make_encoder
from tests.explained import by_definition, explained, fitted

Array = NDArray[np.float64]
CLASSIFIERS = (
    "hist_gradient_boosting",
    "random_forest",
    "linear",
    "sgd",
    "sklearn.tree:DecisionTreeClassifier",
    "sklearn.ensemble:GradientBoostingClassifier",
)
REGRESSORS = (
    "hist_gradient_boosting",
    "extra_trees",
    "linear",
    "sgd",
    "sklearn.ensemble:GradientBoostingRegressor",
)
CASES = [
    *[("binary", name) for name in CLASSIFIERS],
    *[("multiclass", name) for name in CLASSIFIERS],
    *[("regression", name) for name in REGRESSORS],
]


def fitted_answer(model: Any, task: str, space: str) -> Any:
    """Return what the fitted model itself says, without a line of mlkit."""

    def answer(X: pd.DataFrame) -> Array:
        if space == "value":
            return np.asarray(model.predict(X))[:, None]
        if space == "probability":
            found = np.asarray(model.predict_proba(X))
            return found[:, 1:] if found.shape[1] == 2 else found
        if task == "binary":
            p = np.asarray(model.predict_proba(X), dtype=np.float64)
            return np.log(p[:, [1]] / p[:, [0]])
        return np.asarray(model.decision_function(X))

    return answer


@pytest.mark.parametrize(("task", "estimator"), CASES)
def test_contributions_are_the_shapley_values_of_raw_columns(
    task: str, estimator: str
) -> None:
    dataset, model = fitted(task, estimator)
    known = explained(dataset, model)
    assert known.method.name.startswith("exact")
    rows = dataset.X(dataset.test_rows[:3])
    found = contributions(known, rows)
    answer = fitted_answer(model, task, found.space)
    for place in range(len(rows)):
        row = rows.iloc[[place]]
        expected = by_definition(answer, known.background, row)
        np.testing.assert_allclose(found.values[place], expected, atol=1e-9)
        sums = found.base + found.values[place].sum(axis=0)
        np.testing.assert_allclose(sums, answer(row)[0], rtol=1e-9, atol=1e-12)
    assert found.max_error < 1e-9
    assert found.game == "interventional"


@pytest.mark.parametrize(
    "estimator", ["hist_gradient_boosting", "random_forest", "linear"]
)
def test_a_sigmoid_calibration_is_explained_exactly_in_log_odds(estimator: str) -> None:
    dataset, model = fitted("binary", estimator, train={"calibration": "sigmoid"})
    known = explained(dataset, model)
    row = dataset.X(dataset.test_rows[:1])
    found = contributions(known, row)
    assert found.space == "log-odds"
    answer = fitted_answer(model, "binary", "log-odds")
    expected = by_definition(answer, known.background, row)
    np.testing.assert_allclose(found.values[0], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("task", "calibration", "estimator"),
    [
        ("binary", "isotonic", "hist_gradient_boosting"),
        ("multiclass", "sigmoid", "linear"),
        ("binary", "sigmoid", "lightgbm"),
        ("binary", None, "sklearn.neural_network:MLPClassifier"),
    ],
)
def test_what_cannot_be_read_is_asked_about_every_coalition(
    task: str, calibration: str | None, estimator: str
) -> None:
    dataset, model = fitted(task, estimator, train={"calibration": calibration})
    known = explained(dataset, model)
    row = dataset.X(dataset.test_rows[:1])
    found = contributions(known, row)
    assert (found.space, found.notes) == ("probability", ())
    answer = fitted_answer(model, task, "probability")
    expected = by_definition(answer, known.background, row)
    np.testing.assert_allclose(found.values[0], expected, atol=1e-9)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("estimator", ["lightgbm", "xgboost"])
def test_boosters_add_up_to_what_they_say(task: str, estimator: str) -> None:
    dataset, model = fitted(task, estimator)
    rows = dataset.X(dataset.test_rows)
    found = contributions(explained(dataset, model), rows)
    assert found.game == "path-dependent"
    assert found.columns == dataset.schema.features
    assert found.max_error < (1e-6 if estimator == "lightgbm" else 1e-5)
    sums = found.base + found.values.sum(axis=1)
    if task == "regression":
        said = model.predict(rows)[:, None]
    else:
        odds = np.exp(sums)
        said = model.predict_proba(rows)
        odds = odds / (1 + odds) if task == "binary" else odds
        sums = odds if task == "binary" else odds / odds.sum(axis=1, keepdims=True)
        said = said[:, 1:] if task == "binary" else said
    np.testing.assert_allclose(sums, said, rtol=2e-5, atol=1e-6)


def test_a_boosters_constant_columns_keep_their_part() -> None:
    # In one row against two alike, no encoded column can be told by its changes.
    dataset, model = fitted("binary", "lightgbm")
    rows = dataset.X(dataset.test_rows[[0, 0, 0]])
    known = explainer(model, rows.iloc[:2], dataset.schema)
    found = contributions(known, rows.iloc[[2]])
    everyone = contributions(explained(dataset, model), rows.iloc[[2]])
    np.testing.assert_allclose(found.values, everyone.values)


def test_histogram_boosting_is_right_where_the_background_lies_on_the_splits() -> None:
    # Thresholds are training values, so float32 would send training rows astray.
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"a": rng.normal(size=900), "b": rng.normal(size=900)})
    frame = X.assign(y=X.a * 2 + np.sin(3 * X.b))
    options = {"max_iter": 30, "max_features": 1.0}
    dataset, model = fitted(
        "regression", "hist_gradient_boosting", frame=frame, train={"options": options}
    )
    known = explained(dataset, model, background=60)
    row = dataset.X(dataset.train_rows[70:71])
    expected = by_definition(
        fitted_answer(model, "regression", "value"), known.background, row
    )
    np.testing.assert_allclose(contributions(known, row).values[0], expected, atol=1e-9)


def test_a_category_that_training_never_saw_goes_the_way_the_model_sends_it() -> None:
    dataset, model = fitted("binary", "hist_gradient_boosting")
    known = explained(dataset, model)
    row = dataset.X(dataset.test_rows[:1]).assign(city="Atlantis")
    expected = by_definition(
        fitted_answer(model, "binary", "log-odds"), known.background, row
    )
    np.testing.assert_allclose(contributions(known, row).values[0], expected, atol=1e-9)


class Shifted(HistGradientBoostingClassifier):
    """A boosting that says more than its trees do."""

    def decision_function(self, X: Any) -> Any:
        wrong = np.nan_to_num(np.asarray(X, dtype=np.float64)[:, -1]) * 1e-3
        return super().decision_function(X) + wrong


def test_sums_that_are_not_what_the_model_says_are_an_error() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    frame = X.assign(y=np.where(X.a > 0, "yes", "no"))
    dataset, model = fitted("binary", "hist_gradient_boosting", frame=frame)
    broken = Shifted(max_iter=5).fit(model[:-1].transform(X), (X.a > 0).astype(int))
    wrong = Pipeline([*model.steps[:-1], ("model", broken)])
    known = explained(dataset, wrong)
    with pytest.raises(AdditivityError, match="add up to what the fitted model says"):
        contributions(known, dataset.X(dataset.test_rows))


def test_columns_that_an_encoder_mixes_are_not_told_apart() -> None:
    pool = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 1.0], "c": 1.0})

    def mixing(frame: pd.DataFrame) -> Array:
        return np.column_stack([frame.a, frame.a * frame.b])

    assert find_owners(mixing, pool) is None
    plain = find_owners(lambda frame: frame.to_numpy()[:, [2, 1, 0, 1]], pool)
    assert plain is not None
    assert plain.tolist() == [-1, 1, 0, 1]


def test_many_columns_are_told_apart_by_few_encodings() -> None:
    rng = np.random.default_rng(0)
    pool = pd.DataFrame(rng.normal(size=(5, 300))).rename(columns=str)
    shuffled = rng.permutation(300)
    calls = []

    def encode(frame: pd.DataFrame) -> Array:
        calls.append(1)
        return np.repeat(frame.to_numpy()[:, shuffled], 2, axis=1)

    owners = find_owners(encode, pool)
    assert owners is not None
    assert owners.tolist() == np.repeat(shuffled, 2).tolist()
    assert len(calls) == 1 + 2 * 9


def test_a_path_over_very_many_columns_is_asked_about_instead() -> None:
    # A staircase: the tree takes one row off at a time, each by another column.
    n = 70
    names = [f"c{place:02}" for place in range(n)]
    X = pd.DataFrame(np.tril(np.ones((n, n))), columns=names)
    columns = [Column(name, "number") for name in [*names, "y"]]
    schema = Schema(
        (*columns[:-1], replace(columns[-1], role="target")), "regression", "y"
    )
    steps = [
        ("encode", make_encoder(dict.fromkeys(names, "number"), "ordinal")),
        ("model", DecisionTreeRegressor(random_state=0)),
    ]
    model = Pipeline(steps).fit(X, 3.0 ** np.arange(n))
    assert model[-1].get_depth() > MOST_PLAYERS
    found = contributions(explainer(model, X.iloc[:3], schema), X.iloc[[5, 40]])
    assert found.method.startswith("Shapley values by asking")
    assert found.max_error < 1e-6


def test_a_tree_that_is_one_leaf_moves_nothing() -> None:
    stump = HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=50)
    stump.fit(np.zeros((60, 2)), np.ones(60))
    rows = np.zeros((3, 2))
    found = tree_contributions(
        hist_trees(stump), rows, rows, np.array([0, 1]), columns=2, outputs=1
    )
    assert not found.any()
