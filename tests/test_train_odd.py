"""Odd tables: each is learnt, or refused with a message that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.data import DataError, Dataset
from mlkit.params import Params
from mlkit.train import Trained, fit, predict
from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.pipelines import Plan, fit_plan

Prepared = Callable[..., tuple[Dataset, Params]]
ROWS = 240
QUICK = {"folds": 2, "estimator": "auto"}


def table(**columns: Any) -> pd.DataFrame:
    """Return a number that decides a binary target, beside the given columns."""
    rng = np.random.default_rng(6)
    size = rng.normal(size=ROWS)
    answer = np.where(size + rng.normal(size=ROWS) > 0, "yes", "no")
    return pd.DataFrame({"size": size, **columns, "y": answer})


def learnt(
    prepared: Prepared, frame: pd.DataFrame, task: str = "binary", **sections: Any
) -> tuple[Trained, np.ndarray]:
    """Return what was fitted, and its predictions of the test rows."""
    data, params = prepared(frame, task, train=QUICK, **sections)
    found = fit(data, params)
    predicted = predict(found.model, data.X(data.test_rows), data.schema.task)
    assert np.isfinite(predicted).all()
    return found, predicted


def test_a_hundred_classes(prepared: Prepared) -> None:
    place = np.repeat(np.arange(100), 8)
    noise = np.random.default_rng(0).normal(size=(2, 800))
    frame = pd.DataFrame({"a": place + noise[0], "b": noise[1], "y": place})
    frame["y"] = frame["y"].map("k{:02d}".format)
    _, predicted = learnt(prepared, frame, "multiclass")
    assert predicted.shape[1] == 100
    assert predicted.max(axis=1).mean() > 0.05


def test_more_columns_than_rows(prepared: Prepared) -> None:
    noise = np.random.default_rng(1).normal(size=(ROWS, 300))
    _, predicted = learnt(prepared, table(**{f"c{i}": noise[:, i] for i in range(300)}))
    assert predicted.shape[1] == 2


def test_a_level_a_row_says_nothing(prepared: Prepared) -> None:
    frame = table(key=[f"id{i}" for i in range(ROWS)])
    found, _ = learnt(prepared, frame, data={"columns": {"key": "category"}})
    alone, _ = learnt(prepared, table())
    assert found.candidates[0].mean < 1.2 * alone.candidates[0].mean


def test_whole_numbers_as_categories(prepared: Prepared) -> None:
    codes = np.random.default_rng(2).integers(0, 30, ROWS)
    learnt(prepared, table(code=codes), data={"columns": {"code": "category"}})


def test_text_without_a_word(prepared: Prepared) -> None:
    marks = np.random.default_rng(3).choice(["!!", "??", "..."], ROWS)
    learnt(prepared, table(note=marks), data={"columns": {"note": "text"}})


def test_features_that_do_not_vary_give_the_share_of_each_class(
    prepared: Prepared,
) -> None:
    data, params = prepared(table(), "binary", train=QUICK)
    data.frame["size"] = 1.0
    found = fit(data, params)
    y = data.target(data.train_rows)
    predicted = predict(found.model, data.X(data.test_rows), "binary")
    np.testing.assert_allclose(predicted[:, 1], y.mean(), atol=0.02)


@pytest.mark.parametrize("estimator", ["auto", "hist_gradient_boosting", "linear"])
def test_a_number_or_date_known_in_a_few_rows_only(
    prepared: Prepared, estimator: str
) -> None:
    number = np.full(ROWS, np.nan)
    number[:20] = 1.5
    date = pd.Series(pd.NaT, index=range(ROWS), dtype="datetime64[us]")
    date[:20] = pd.Timestamp("2024-02-29")
    order = np.arange(float(ROWS))
    data, params = prepared(
        table(number=number, date=date, order=order),
        "binary",
        data={"time": "order", "split": {"by": "time"}, "ignore": ["order"]},
        train={"estimator": estimator},
    )
    assert {"number", "date"} <= set(data.schema.features)
    found = fit(data, params)
    predicted = predict(found.model, data.X(data.test_rows), "binary")
    assert np.isfinite(predicted).all()


def test_a_column_without_values_in_a_fold_is_calibrated_without_it() -> None:
    frame = table(late=[1.0] * 3 + [np.nan] * (ROWS - 3))
    kinds = {"size": "number", "late": "number"}
    y = (frame["y"] == "yes").to_numpy().astype(int)
    rows = Examples(frame[[*kinds]], y, None, kinds, "binary", ("no", "yes"))
    halves = np.arange(ROWS).reshape(2, -1)
    assert rows.with_known_columns() is rows
    assert list(rows.with_known_columns(*halves).kinds) == ["size"]
    assert list(rows.take(halves[1]).with_known_columns().kinds) == ["size"]
    plan = Plan("hist_gradient_boosting", 0, {"max_iter": 5}, None, "sigmoid")
    folds = Folds(((halves[0], halves[1]), (halves[1], halves[0])))
    model = fit_plan(plan, rows, folds)
    assert predict(model, frame, "binary").shape == (ROWS, 2)


def test_rows_without_any_value_are_refused() -> None:
    frame = pd.DataFrame({"size": [np.nan] * 20})
    rows = Examples(frame, np.arange(20.0), None, {"size": "number"}, "regression")
    with pytest.raises(ValueError, match=r"20 training rows no feature has a value"):
        fit_plan(Plan("linear", 0), rows)


def test_numbers_beyond_what_can_be_squared_are_refused(prepared: Prepared) -> None:
    size = np.where(np.arange(ROWS) == 7, 1e300, 1.0)
    with pytest.raises(DataError, match=r"no number may pass 1e\+38.*data row 8"):
        prepared(table(giant=size), "binary", train=QUICK)
    fine = np.random.default_rng(0).normal(size=ROWS) * 1e37
    learnt(prepared, table(giant=fine))
