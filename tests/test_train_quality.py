"""What `auto` is worth on real tables, beside boosting with nothing set.

``benchmarks/quality.py`` measures it on more and larger ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mlkit.data import prepare
from mlkit.params import params_from_dict
from mlkit.train import fit, predict

SEEDS = (0, 1, 2)


def halves(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    learn, test = train_test_split(frame, test_size=0.3, random_state=seed)
    return learn.reset_index(drop=True), test.reset_index(drop=True)


def answers(
    learn: pd.DataFrame, test: pd.DataFrame, task: str, **data: Any
) -> np.ndarray:
    """Return what the model that `auto` takes predicts for the test rows."""
    case = {
        "case": "quality",
        "task": task,
        "data": {"source": "x.csv", "target": "target", "test": "t.csv", **data},
        "train": {"estimator": "auto", "folds": 3},
    }
    params = params_from_dict(case)
    dataset = prepare(learn, params, test=test)
    found = fit(dataset, params)
    return predict(found.model, dataset.X(dataset.test_rows), dataset.schema.task)


@pytest.fixture(scope="module")
def cancer() -> pd.DataFrame:
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame


@pytest.fixture(scope="module")
def diabetes() -> pd.DataFrame:
    frame: pd.DataFrame = load_diabetes(as_frame=True).frame
    return frame


def test_classes_are_ranked_as_well_as_by_plain_boosting(cancer: pd.DataFrame) -> None:
    gains = []
    for seed in SEEDS:
        learn, test = halves(cancer, seed)
        own = answers(learn, test, "binary", positive=1)[:, 1]
        plain = HistGradientBoostingClassifier(random_state=0)
        plain.fit(learn.drop(columns="target"), learn.target)
        other = plain.predict_proba(test.drop(columns="target"))[:, 1]
        gains.append(
            roc_auc_score(test.target, own) - roc_auc_score(test.target, other)
        )
    assert np.mean(gains) > -0.005


def test_values_are_met_as_well_as_by_plain_boosting(diabetes: pd.DataFrame) -> None:
    ratios = []
    for seed in SEEDS:
        learn, test = halves(diabetes, seed)
        own = answers(learn, test, "regression")
        plain = HistGradientBoostingRegressor(random_state=0)
        plain.fit(learn.drop(columns="target"), learn.target)
        other = plain.predict(test.drop(columns="target"))
        errors = [np.mean((test.target - given) ** 2) for given in (own, other)]
        ratios.append(np.sqrt(errors[0] / errors[1]))
    assert np.mean(ratios) < 1.01
