"""``auto``: the better of two, on real data and on data made for either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from mlkit.data import Dataset
from mlkit.params import Params
from mlkit.train import Candidate, Trained, fit
from mlkit.train.choose import gain_and_error, settings_of
from mlkit.train.examples import Examples
from mlkit.train.pipelines import Plan

Prepared = Callable[..., tuple[Dataset, Params]]
AUTO = {"estimator": "auto"}
# Rows, the kind of the only column, settings of the linear model and of boosting.
TRIED = [
    (5_001, "number", 1, 1),
    (5_000, "number", 3, 2),
    (5_001, "text", 3, 1),
    (5_000, "text", 5, 2),
]


def cancer() -> pd.DataFrame:
    loaded = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = loaded.data
    return frame.assign(y=np.where(loaded.target == 0, "yes", "no"))


def made(curved: bool) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(600, 4)), columns=list("abcd"))
    signal = frame.a * np.sign(frame.b) if curved else frame.a + frame.b
    return frame.assign(y=signal + 0.3 * rng.normal(size=600))


def contenders(found: Trained) -> dict[str, float]:
    """Return the lowest mean loss of each estimator."""
    best: dict[str, float] = {}
    for tried in found.candidates:
        best[tried.estimator] = min(best.get(tried.estimator, np.inf), tried.mean)
    return best


def test_breast_cancer_is_linear(prepared: Prepared) -> None:
    found = fit(*prepared(cancer(), "binary", train=AUTO))
    losses = contenders(found)
    assert found.estimator == "linear"
    assert found.family == "linear"
    assert losses["linear"] < losses["hist_gradient_boosting"]
    assert "linear" in found.reason
    assert f"{losses['linear']:.4g}" in found.reason


def test_diabetes_is_linear(prepared: Prepared) -> None:
    frame = load_diabetes(as_frame=True).frame.rename(columns={"target": "y"})
    found = fit(*prepared(frame, "regression", train=AUTO))
    assert found.estimator == "linear"
    assert 50 < contenders(found)["linear"] < 60


@pytest.mark.parametrize("curved", [True, False])
def test_the_shape_of_the_data_decides(prepared: Prepared, curved: bool) -> None:
    found = fit(*prepared(made(curved), "regression", train={**AUTO, "folds": 3}))
    assert found.estimator == ("hist_gradient_boosting" if curved else "linear")
    assert all(len(candidate.losses) == 3 for candidate in found.candidates)


def test_the_losses_are_those_of_the_folds(prepared: Prepared) -> None:
    data, params = prepared(made(curved=False), "regression", train=AUTO)
    found = fit(data, params)
    y = data.target(data.train_rows)
    linear = contenders(found)["linear"]
    assert 0.25 < linear < 0.35
    assert linear < y.std() / 2


def test_the_lower_mean_is_taken_and_a_tie_is_linear(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, params = prepared(made(curved=False), "regression", train=AUTO)
    for lead, taken in ((0.01, "hist_gradient_boosting"), (0.0, "linear")):
        losses = {
            "linear": (0.30, 0.40, 0.50, 0.60, 0.70),
            "hist_gradient_boosting": (0.60 - lead, 0.50, 0.40, 0.30, 0.70),
        }

        def given(plan: Plan, *_: object, losses: Any = losses) -> Candidate:
            return Candidate(plan.estimator, {"max_iter": 5}, losses[plan.estimator])

        monkeypatch.setattr("mlkit.train.choose.cross_validate", given)
        found = fit(data, params)
        assert found.estimator == taken
        assert f"That of {taken} is lower" in found.reason
        assert "within the noise" in found.reason


def test_few_rows_are_also_learnt_with_caution(prepared: Prepared) -> None:
    found = fit(*prepared(made(curved=False), "regression", train=AUTO))
    tried = [(candidate.estimator, candidate.options) for candidate in found.candidates]
    assert [options.get("alpha") for name, options in tried if name == "linear"] == [
        *(None, 10.0, 100.0),
    ]
    leaves = [options.get("max_leaf_nodes") for _, options in tried[3:]]
    assert leaves == [None, 7]
    assert "linear (best of 3)" in found.reason
    assert "hist_gradient_boosting (best of 2)" in found.reason


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(("rows", "kind", "linear", "boosted"), TRIED)
def test_few_rows_and_text_ask_for_more_settings(
    task: Any, rows: int, kind: str, linear: int, boosted: int
) -> None:
    column = pd.DataFrame({"x": np.zeros(rows)})
    examples = Examples(column, np.zeros(rows), None, {"x": kind}, task)
    assert len(list(settings_of("linear", examples))) == linear
    assert len(list(settings_of("hist_gradient_boosting", examples))) == boosted


def test_text_is_learnt_by_a_linear_model_with_a_smaller_penalty(
    prepared: Prepared,
) -> None:
    rng = np.random.default_rng(8)
    words = np.array([f"word{i:03d}" for i in range(300)])
    weight = rng.normal(size=300)
    drawn = rng.integers(0, 300, size=(400, 8))
    text = [" ".join(row) for row in words[drawn]]
    answer = np.where(weight[drawn].sum(axis=1) > 0, "yes", "no")
    frame = pd.DataFrame({"note": text, "y": answer})
    data, params = prepared(
        frame, "binary", data={"columns": {"note": "text"}}, train={**AUTO, "folds": 3}
    )
    found = fit(data, params)
    assert found.estimator == "linear"
    assert found.options["C"] >= 10


def test_a_larger_penalty_is_kept_where_columns_are_noise(prepared: Prepared) -> None:
    rng = np.random.default_rng(7)
    noise = pd.DataFrame(rng.normal(size=(150, 60))).add_prefix("c")
    signal = noise["c0"] + noise["c1"] + 3 * rng.normal(size=150)
    data, params = prepared(noise.assign(y=signal), "regression", train=AUTO)
    found = fit(data, params)
    test = data.X(data.test_rows), data.target(data.test_rows)
    assert found.options == {"alpha": 100.0}
    errors = [
        np.mean((model.predict(test[0]) - test[1]) ** 2)
        for model in (found.model, found.baselines["linear"])
    ]
    assert errors[0] < errors[1]


def test_the_standard_error_grows_with_the_overlap_of_the_folds() -> None:
    gain, error = gain_and_error([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 1.0, 4.0])
    differences = np.array([1.0, 0.0, 2.0, 0.0])
    assert gain == differences.mean()
    assert error == pytest.approx(np.sqrt((1 / 4 + 1 / 3) * differences.var(ddof=1)))
