"""Gradient descent, against the optimum of the same objective found by brute force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from mlkit.data import Dataset
from mlkit.params import Params
from mlkit.train import Trained, fit, fitted_estimator
from mlkit.train.examples import Examples
from mlkit.train.pipelines import Plan, fit_plan

Prepared = Callable[..., tuple[Dataset, Params]]
Array = NDArray[np.float64]


def table(task: str, rows: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(rows, 4)) * [1, 10, 0.1, 5] + [0, 50, 1, -5]
    signal = columns @ [1.0, 0.1, -8.0, 0.0] + rng.normal(size=rows)
    frame = pd.DataFrame(columns, columns=list("abcd"))
    if task == "regression":
        return frame.assign(y=1000 * signal + 5000)
    if task == "binary":
        return frame.assign(y=np.where(signal > np.median(signal), "yes", "no"))
    return frame.assign(y=pd.qcut(signal, 3, labels=["low", "mid", "top"]).astype(str))


def objective(
    task: str, columns: Array, aim: Array, alpha: float
) -> Callable[..., Any]:
    """Return the penalised mean loss of one problem and its gradient."""

    def value(w: Array) -> float:
        score = columns @ w[:-1] + w[-1]
        if task == "regression":
            return float(np.mean((score - aim) ** 2) / 2 + alpha / 2 * w[:-1] @ w[:-1])
        loss = np.log1p(np.exp(-np.where(aim > 0, score, -score)))
        return float(np.mean(loss) + alpha / 2 * w[:-1] @ w[:-1])

    return value


def problems(found: Trained, data: Dataset, task: str) -> list[tuple[Array, Array]]:
    """Return what each one-against-rest problem aims at, and the fitted weights."""
    estimator = fitted_estimator(found.model)
    y = data.target(data.train_rows)
    weights = np.column_stack([np.atleast_2d(estimator.coef_), estimator.intercept_])
    if task == "regression":
        return [((y - y.mean()) / y.std(), weights[0])]
    codes = [1] if len(weights) == 1 else range(len(weights))
    return [
        ((y == code).astype(float), w) for code, w in zip(codes, weights, strict=True)
    ]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_descent_comes_near_the_optimum_of_its_objective(
    prepared: Prepared, task: str
) -> None:
    data, params = prepared(table(task), task, train={"estimator": "sgd"})
    found = fit(data, params)
    columns = np.asarray(found.model[:-1].transform(data.X(data.train_rows)))
    alpha = 0.1 / found.n_train
    reached, best, lengths = [], [], []
    for aim, weights in problems(found, data, task):
        value = objective(task, columns, aim, alpha)
        optimum = minimize(value, np.zeros_like(weights), method="BFGS")
        reached.append(value(weights))
        best.append(optimum.fun)
        slope = [
            (value(weights + d) - value(weights - d)) / 2e-5 for d in 1e-5 * np.eye(5)
        ]
        lengths.append(np.linalg.norm(slope))
    assert found.convergence is not None
    assert found.convergence["loss"] == pytest.approx(np.mean(reached), rel=1e-9)
    assert found.convergence["gradient_norm"] == pytest.approx(max(lengths), rel=1e-4)
    assert np.mean(best) <= found.convergence["loss"] < np.mean(best) + 0.03


def test_the_settings_are_those_of_plain_descent(prepared: Prepared) -> None:
    data, params = prepared(table("binary"), "binary", train={"estimator": "sgd"})
    found = fit(data, params)
    estimator = fitted_estimator(found.model)
    assert estimator.alpha == found.options["alpha"] == 0.1 / len(data.train_rows)
    asked = (estimator.loss, estimator.penalty, estimator.learning_rate, estimator.eta0)
    assert asked == ("log_loss", "l2", "constant", 0.01)
    assert (estimator.tol, estimator.max_iter) == (1e-3, 1000)
    columns = np.asarray(found.model[:-1].transform(data.X(data.train_rows)))
    np.testing.assert_allclose(columns.std(axis=0), 1)


def test_convergence_is_reported_either_way(prepared: Prepared) -> None:
    data, params = prepared(table("binary"), "binary", train={"estimator": "sgd"})
    found = fit(data, params).convergence
    assert found is not None
    assert found["converged"]
    assert 0 < found["passes"] < found["limit"] == 1000
    assert found["tolerance"] == 1e-3
    train = {"estimator": "sgd", "options": {"max_iter": 3}}
    data, params = prepared(table("binary"), "binary", train=train)
    trained = fit(data, params)
    assert trained.convergence is not None
    assert not trained.convergence["converged"]
    assert trained.convergence["passes"] == trained.convergence["limit"] == 3
    assert "stopped at its limit of 3 passes" in trained._repr_html_()


def test_the_size_of_the_target_does_not_matter() -> None:
    frame = table("regression")
    X, y = frame[list("abcd")], frame.y.to_numpy()
    kinds = dict.fromkeys("abcd", "number")
    scores = []
    for size in (1e-6, 1.0, 1e6):
        rows = Examples(X, y * size, None, kinds, "regression")
        predicted = fit_plan(Plan("sgd", 0), rows).predict(X) / size
        scores.append(1 - (y - predicted).var() / y.var())
    np.testing.assert_allclose(scores, scores[0], rtol=1e-6)
    assert scores[0] > 0.5


def test_weights_count_in_the_reported_loss(prepared: Prepared) -> None:
    frame = table("binary").assign(w=lambda f: np.where(f.y == "yes", 3.0, 1.0))
    train = {"estimator": "sgd"}
    data, params = prepared(frame, "binary", data={"weight": "w"}, train=train)
    by_rows = fit(data, params)
    train["class_weight"] = {"yes": 3.0, "no": 1.0}  # type: ignore[assignment]
    data, params = prepared(frame.drop(columns="w"), "binary", train=train)
    by_class = fit(data, params)
    assert by_rows.convergence == pytest.approx(by_class.convergence)


@pytest.mark.parametrize("eta0", [1e3, 1e30, 1e200])
def test_a_step_that_is_too_large_is_not_called_converged(
    prepared: Prepared, eta0: float
) -> None:
    train = {"estimator": "sgd", "options": {"eta0": eta0}}
    data, params = prepared(table("regression"), "regression", train=train)
    if eta0 > 1e100:
        with pytest.raises(ValueError, match=r"smaller train\.options\.eta0 may help"):
            fit(data, params)
        return
    found = fit(data, params).convergence
    assert found is not None
    assert not found["converged"]
