"""Models that are explained, and Shapley values by their definition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import train
from mlkit.data import Dataset, prepare
from mlkit.explain import Explainer, explainer
from mlkit.params import params_from_dict

QUICK: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {"max_iter": 12, "learning_rate": 0.2},
    "random_forest": {"n_estimators": 8, "max_depth": 6},
    "extra_trees": {"n_estimators": 8, "max_depth": 6},
    "lightgbm": {"n_estimators": 12, "learning_rate": 0.2},
    "xgboost": {"n_estimators": 12, "learning_rate": 0.2},
    "sklearn.ensemble:GradientBoostingClassifier": {"n_estimators": 12},
    "sklearn.ensemble:GradientBoostingRegressor": {"n_estimators": 12},
    "sklearn.neural_network:MLPClassifier": {"hidden_layer_sizes": 8, "max_iter": 60},
}
KINDS = {"note": "text", "city": "category", "grade": "number"}


def mixed(task: str, rows: int = 240) -> pd.DataFrame:
    """Return a table with every kind of column, with gaps, whose columns interact."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 10, rows).round(3),
            "grade": rng.integers(0, 9, rows).astype(float),
            "city": rng.choice(["Aa", "Bb", "Cc", "Dd"], rows),
            "open": rng.choice([True, False], rows),
            "seen": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 400, rows), "D"),
            "note": [
                f"the {a} in the hall {b} since day {i}"
                for i, (a, b) in enumerate(
                    zip(
                        rng.choice(["tap", "roof", "lamp"], rows),
                        rng.choice(["leaks badly", "is broken"], rows),
                        strict=True,
                    )
                )
            ],
        }
    )
    signal = (frame["size"] - 50) / 10 * (1 + frame.city.isin(["Aa", "Cc"]))
    signal += 0.5 * (frame.grade - 4) * frame.open + frame.note.str.contains("roof")
    signal += 0.3 * rng.normal(size=rows)
    frame = frame.astype({"open": object})
    for place, column in enumerate(frame.columns):
        frame.loc[place :: 11 + place, column] = None
    if task == "regression":
        return frame.assign(y=signal)
    if task == "binary":
        return frame.assign(y=np.where(signal > 0.5, "yes", "no"))
    cut = pd.cut(signal, [-99, -0.6, 1.4, 99], labels=["low", "middle", "top"])
    return frame.assign(y=cut.astype(str))


def fitted(
    task: str, estimator: str, *, frame: pd.DataFrame | None = None, **sections: Any
) -> tuple[Dataset, Any]:
    """Return a table and a model fitted on it."""
    positive = {"positive": "yes"} if task == "binary" else {}
    columns = {name: kind for name, kind in KINDS.items() if frame is None}
    data = {"source": "y.csv", "target": "y", "columns": columns, **positive}
    train_section = {
        "estimator": estimator,
        "options": QUICK.get(estimator, {}),
        "folds": 3,
        **sections.pop("train", {}),
    }
    data |= sections.pop("data", {})
    params = params_from_dict(
        {"case": "y", "task": task, "data": data, "train": train_section, **sections}
    )
    dataset = prepare(mixed(task) if frame is None else frame, params)
    return dataset, train.fit(dataset, params).model


def explained(dataset: Dataset, model: Any, *, background: int = 12) -> Explainer:
    """Return the explainer of a model with the first training rows as background."""
    rows = dataset.X(dataset.train_rows[:background])
    return explainer(model, rows, dataset.schema, seed=3)


def by_definition(
    answer: Callable[[pd.DataFrame], NDArray[np.float64]],
    background: pd.DataFrame,
    row: pd.DataFrame,
) -> NDArray[np.float64]:
    """Return Shapley values from all coalitions, as Shapley defined them in 1953.

    A column outside the coalition has its values of the background rows; the worth of a
    coalition is the mean of what the whole model says.
    """
    columns = list(background.columns)
    n = len(columns)
    sets, frames = [], []
    for size in range(n + 1):
        for members in itertools.combinations(range(n), size):
            mixture = background.copy()
            for at in members:
                mixture[columns[at]] = row[columns[at]].array.repeat(len(background))
            sets.append(members)
            frames.append(mixture)
    said = answer(pd.concat(frames)).reshape(len(sets), len(background), -1)
    worth = dict(zip(sets, said.mean(axis=1), strict=True))
    values = []
    for column in range(n):
        total = 0.0
        for members in worth:
            if column in members:
                continue
            s = len(members)
            weight = math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n)
            joined = tuple(sorted((*members, column)))
            total = total + weight * (worth[joined] - worth[members])
        values.append(total)
    return np.array(values)
