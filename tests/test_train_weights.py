"""Weights: what they count for, shown by rows that are there twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.class_weight import compute_class_weight

from mlkit.train.examples import Examples
from mlkit.train.pipelines import Plan, fit_dummy, fit_plan, predict
from mlkit.train.weights import class_weights, row_weights

RNG = np.random.default_rng(5)
X = pd.DataFrame(RNG.normal(size=(400, 3)), columns=list("abc"))
SIGNAL = X.to_numpy() @ [1.0, -1.0, 0.5] + RNG.normal(size=400)
CODES = (SIGNAL > 0.8).astype(np.int64)


def rows(y: Any = CODES, weight: Any = None) -> Examples:
    floating = y.dtype.kind == "f"
    return Examples(
        X=X,
        y=y,
        weight=None if weight is None else np.asarray(weight, dtype=float),
        kinds=dict.fromkeys("abc", "number"),
        task="regression" if floating else "binary",
        classes=() if floating else ("no", "yes"),
    )


def repeated(model: Any, times: Any, y: Any) -> tuple[Any, Any]:
    """Return the encoded rows and the target, each as often as its whole weight."""
    columns = np.asarray(model[:-1].transform(X))
    return np.repeat(columns, times, axis=0), np.repeat(y, times)


def test_class_weights_are_rows_repeated() -> None:
    model = fit_plan(Plan("linear", 0, class_weight={0: 1.0, 1: 3.0}), rows())
    twin = LogisticRegression(max_iter=1000).fit(*repeated(model, 1 + 2 * CODES, CODES))
    np.testing.assert_allclose(model[-1].coef_, twin.coef_, atol=1e-3)
    plain = fit_plan(Plan("linear", 0), rows())
    assert (
        predict(model, X, "binary")[:, 1].mean()
        > predict(plain, X, "binary")[:, 1].mean() + 0.1
    )


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_sample_weights_are_rows_repeated(task: str) -> None:
    times = np.arange(400) % 4 + 1
    y = CODES if task == "binary" else SIGNAL
    model = fit_plan(Plan("linear", 0), rows(y, times))
    twin = LogisticRegression(max_iter=1000) if task == "binary" else Ridge()
    twin.fit(*repeated(model, times, y))
    np.testing.assert_allclose(model[-1].coef_, twin.coef_, atol=1e-3)


def test_class_and_sample_weights_multiply() -> None:
    sample = np.arange(400) % 3 + 1
    model = fit_plan(
        Plan("linear", 0, class_weight={0: 1.0, 1: 2.0}), rows(CODES, sample)
    )
    times = sample * (1 + CODES)
    twin = LogisticRegression(max_iter=1000).fit(*repeated(model, times, CODES))
    np.testing.assert_allclose(model[-1].coef_, twin.coef_, atol=1e-3)
    weights = row_weights(rows(CODES, sample), {0: 1.0, 1: 2.0})
    np.testing.assert_array_equal(weights, times)


def test_an_estimator_without_class_weights_gets_row_weights() -> None:
    plan = Plan("xgboost", 0, {"n_estimators": 20}, {0: 1.0, 1: 3.0})
    by_class = fit_plan(plan, rows())
    by_row = fit_plan(
        Plan("xgboost", 0, {"n_estimators": 20}), rows(CODES, 1 + 2 * CODES)
    )
    np.testing.assert_array_equal(
        predict(by_class, X, "binary"), predict(by_row, X, "binary")
    )


def test_balanced_weights_are_scikit_learns() -> None:
    found = class_weights("balanced", rows())
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=CODES)
    assert found is not None
    np.testing.assert_allclose(list(found.values()), expected)


def test_balanced_weights_balance_the_sample_weights_too() -> None:
    sample = RNG.uniform(0.5, 2, 400)
    examples = rows(CODES, sample)
    weights = row_weights(examples, class_weights("balanced", examples))
    assert weights is not None
    totals = np.bincount(CODES, weights=weights)
    np.testing.assert_allclose(totals, sample.sum() / 2)


def test_weights_by_label_go_to_the_label() -> None:
    assert class_weights({"yes": 3.0, "no": 1.0}, rows()) == {0: 1.0, 1: 3.0}
    assert class_weights(None, rows()) is None
    assert class_weights("balanced", rows(SIGNAL)) is None


def test_a_label_that_is_no_class_is_named_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"train\.class_weight\.yess.*did you mean 'yes'"
    ):
        class_weights({"yess": 2.0, "no": 1.0}, rows())
    with pytest.raises(ValueError, match="is not a class; classes: no, yes"):
        class_weights({"7": 2.0, "no": 1.0}, rows())


def test_a_class_without_a_weight_is_named() -> None:
    with pytest.raises(
        ValueError, match="must weigh every class, and 'no' is not there"
    ):
        class_weights({"yes": 2.0}, rows())


def test_a_class_of_weight_0_cannot_be_balanced() -> None:
    with pytest.raises(ValueError, match="cannot weigh class 'yes'"):
        class_weights("balanced", rows(CODES, 1.0 - CODES))


def test_the_dummy_is_weighted_too() -> None:
    times = 1 + 2 * CODES
    share = np.average(CODES, weights=times)
    dummy = predict(fit_dummy(rows(CODES, times)), X, "binary")
    np.testing.assert_allclose(dummy[:, 1], share)
    mean = predict(fit_dummy(rows(SIGNAL, times)), X, "regression")
    np.testing.assert_allclose(mean, np.average(SIGNAL, weights=times))
