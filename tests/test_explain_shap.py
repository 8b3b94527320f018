"""Contributions against the shap package, and large forests explained by it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlkit.explain import (
    Measure,
    contributions,
    explainer,
    global_importance,
    methods,
)
from mlkit.explain.readers import find_reader
from mlkit.metrics import METRICS
from tests.explained import explained, fitted, mixed

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "The set_", category=PendingDeprecationWarning)
    import shap

Array = NDArray[np.float64]
FORESTS = [
    ("binary", "random_forest"),
    ("multiclass", "extra_trees"),
    ("regression", "random_forest"),
    ("binary", "sklearn.ensemble:RandomForestClassifier"),
    ("binary", "sklearn.ensemble:GradientBoostingClassifier"),
    ("regression", "sklearn.ensemble:GradientBoostingRegressor"),
]


def numbers(task: str) -> tuple[Array, Array]:
    """Return numbers that float32 holds exactly, and a target of them."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 6)).astype(np.float32).astype(np.float64)
    signal = X[:, 0] * (1 + X[:, 1]) + np.sin(2 * X[:, 2])
    if task == "regression":
        return X, signal
    cuts = [0.3] if task == "binary" else [-0.5, 0.8]
    return X, np.digitize(signal, cuts).astype(np.float64)


def own_values(model: Any, rows: Array, background: Array) -> Array:
    """Return what mlkit's reader of an estimator attributes to its columns."""
    reader = find_reader(model)
    assert reader is not None
    seen, known = reader.matrix(rows), reader.matrix(background)
    columns = rows.shape[1]
    return reader.attribute(seen, known, np.arange(columns), columns)[1]


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("binary", RandomForestClassifier(12, random_state=0)),
        ("multiclass", RandomForestClassifier(6, max_depth=6, random_state=0)),
        ("regression", RandomForestRegressor(8, random_state=0)),
        ("binary", GradientBoostingClassifier(n_estimators=20, random_state=0)),
        ("multiclass", DecisionTreeClassifier(random_state=0)),
        ("regression", DecisionTreeRegressor(random_state=0)),
    ],
)
def test_trees_agree_with_shap(task: str, model: Any) -> None:
    X, y = numbers(task)
    model.fit(X, y)
    rows, background = X[:7], X[40:80]
    known = shap.TreeExplainer(
        model, data=background, feature_perturbation="interventional"
    )
    expected = known.shap_values(rows, check_additivity=False)
    expected = expected if expected.ndim == 3 else expected[:, :, None]
    expected = expected[:, :, 1:] if expected.shape[2] == 2 else expected
    found = own_values(model, rows, background)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found).max() > 0.1


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("binary", LogisticRegression()),
        ("multiclass", LogisticRegression()),
        ("regression", Ridge()),
    ],
)
def test_linear_models_agree_with_shap(task: str, model: Any) -> None:
    X, y = numbers(task)
    model.fit(X, y)
    rows, background = X[:7], X[40:80]
    known = shap.LinearExplainer(model, shap.maskers.Independent(background, 100))
    expected = known.shap_values(rows)
    expected = expected if expected.ndim == 3 else expected[:, :, None]
    found = own_values(model, rows, background)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize(("task", "estimator"), FORESTS)
def test_more_rows_than_a_forest_affords_are_explained_by_shap(
    task: str, estimator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, model = fitted(task, estimator)
    leaves = find_reader(model[-1]).leaves  # type: ignore[union-attr]  # it is a forest
    monkeypatch.setattr(methods, "LEAVES_BY_ROWS", 3 * leaves)
    known = explained(dataset, model)
    rows = dataset.X(dataset.test_rows[:40])
    few, many = contributions(known, rows[:3]), contributions(known, rows[:4])
    assert (few.game, many.game) == ("interventional", "path-dependent")
    assert few.notes == ()
    assert "More than 3 rows" in many.notes[0]
    assert "summed over encoded columns" in many.method

    found = contributions(known, rows)
    said = model.predict(rows)[:, None]
    if found.space == "probability":
        said = model.predict_proba(rows)
        said = said[:, 1:] if task == "binary" else said
    if found.space == "log-odds":
        said = model.decision_function(rows)[:, None]
    assert rows.isna().to_numpy().any()
    sums = found.base + found.values.sum(axis=1)
    np.testing.assert_allclose(sums, said, atol=1e-9)
    np.testing.assert_allclose(found.values[:4], many.values, atol=1e-12)
    rank = np.corrcoef(found.values[:3].ravel(), few.values.ravel())[0, 1]
    assert rank > 0.9


def test_columns_that_never_change_in_the_background_keep_their_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "LEAVES_BY_ROWS", 0)
    frame = mixed("binary")
    forest = "sklearn.ensemble:RandomForestClassifier"
    dataset, model = fitted("binary", forest, frame=frame.drop(columns="note"))
    alike = dataset.frame.dropna().index[:1].repeat(3)
    rows = dataset.X(dataset.test_rows)
    known = explainer(model, dataset.X(alike.to_numpy()), dataset.schema).method
    everyone = explained(dataset, model, background=150).method
    one, other = (each.for_rows(40).attribute(rows) for each in (known, everyone))
    assert known.for_rows(40).game == "path-dependent"
    np.testing.assert_allclose(one.values, other.values, atol=1e-12)


def test_a_calibrated_forest_is_explained_by_shap_in_log_odds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "LEAVES_BY_ROWS", 0)
    dataset, model = fitted("binary", "random_forest", train={"calibration": "sigmoid"})
    rows = dataset.X(dataset.test_rows[:20])
    found = contributions(explained(dataset, model), rows)
    assert (found.space, found.game) == ("log-odds", "path-dependent")
    p = model.predict_proba(rows)
    sums = found.base + found.values.sum(axis=1)
    np.testing.assert_allclose(sums, np.log(p[:, 1:] / p[:, :1]), atol=1e-9)


def test_a_large_forest_ranks_columns_on_all_rows_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "LEAVES_BY_ROWS", 0)
    dataset, model = fitted("binary", "random_forest")
    found = global_importance(
        explained(dataset, model),
        dataset,
        Measure(METRICS["log_loss"]),
        rows=40,
        repeats=1,
    )
    assert found.rows == 40
    assert "what its trees learnt" in found.notes[0]


@pytest.mark.parametrize(
    ("task", "estimator"),
    [
        ("binary", "hist_gradient_boosting"),
        ("multiclass", "sklearn.ensemble:GradientBoostingClassifier"),
    ],
)
def test_shap_is_kept_from_what_it_gets_wrong(
    task: str, estimator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "LEAVES_BY_ROWS", 0)
    dataset, model = fitted(task, estimator)
    rows = dataset.X(dataset.test_rows[:30])
    assert contributions(explained(dataset, model), rows).game == "interventional"


def test_few_rows_do_not_need_shap() -> None:
    dataset, model = fitted("binary", "random_forest")
    rows: pd.DataFrame = dataset.X(dataset.test_rows)
    assert contributions(explained(dataset, model), rows).game == "interventional"
