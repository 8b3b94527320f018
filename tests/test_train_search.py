"""A search: its order, its budget, and its replay."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import Dataset
from mlkit.params import Params
from mlkit.train import fit
from mlkit.train.examples import Examples
from mlkit.train.pipelines import Plan
from mlkit.train.search import settings, shuffled

Prepared = Callable[..., tuple[Dataset, Params]]


def table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(250, 6)), columns=list("abcdef"))
    chance = 1 / (1 + np.exp(-2 * frame.a - frame.b))
    return frame.assign(y=np.where(rng.random(250) < chance, "yes", "no"))


def examples() -> Examples:
    y = (table().y == "yes").to_numpy().astype(np.int64)
    kinds = dict.fromkeys("abcdef", "number")
    return Examples(table()[list("abcdef")], y, None, kinds, "binary", ("no", "yes"))


def searched(prepared: Prepared, search: dict[str, Any], **more: Any) -> Any:
    train = {"estimator": "linear", "search": search, **more}
    data, params = prepared(table(), "binary", train=train)
    return fit(data, params, clock=itertools.count().__next__)


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_every_setting_comes_once_in_an_order_of_the_seed(
    total: int, seed: int
) -> None:
    order = list(shuffled(total, seed))
    assert sorted(order) == list(range(total))
    assert order == list(shuffled(total, seed))


def test_the_usual_options_come_first_and_fixed_ones_stay() -> None:
    plan = Plan("hist_gradient_boosting", 1, {"learning_rate": 0.2})
    tried = list(itertools.islice(settings(plan, examples(), {}), 30))
    assert tried[0] == {"learning_rate": 0.2}
    assert {setting["learning_rate"] for setting in tried} == {0.2}
    assert len({setting.get("max_leaf_nodes") for setting in tried}) > 2


def test_values_to_try_can_be_named() -> None:
    space: dict[str, list[float]] = {"C": [0.1, 1.0], "max_iter": [50, 60, 70]}
    tried = list(settings(Plan("linear", 1), examples(), space))
    assert len(tried) == 1 + 6
    assert {tuple(sorted(setting)) for setting in tried[1:]} == {("C", "max_iter")}


def test_the_best_of_the_tried_is_fitted(prepared: Prepared) -> None:
    space = {"C": [1e-6, 1e-3, 0.05, 0.3]}
    found = searched(prepared, {"candidates": 9, "seconds": 1e9, "space": space})
    record = found.search
    assert record["stopped_by"] == "space"
    assert record["candidates"] == len(record["tried"]) == 5
    means = [tried["mean"] for tried in record["tried"]]
    assert means[record["best"]] == min(means)
    best = record["tried"][record["best"]]["options"]
    assert found.options == {"max_iter": 1000, **best}
    assert best.get("C", 1.0) == found.model[-1].C
    losses = record["tried"][0]["losses"]
    assert record["tried"][0]["mean"] == pytest.approx(np.mean(losses))
    assert len(losses) == 5
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_budget_ends_the_search_and_the_count_replays_it(
    prepared: Prepared,
) -> None:
    # The clock of these tests moves on by a second each time it is read.
    short = searched(prepared, {"candidates": 10, "seconds": 3.0})
    assert short.search["stopped_by"] == "seconds"
    assert short.search["candidates"] == 3
    again = searched(prepared, {"candidates": 3, "seconds": 1e9})
    assert again.search["stopped_by"] == "candidates"
    assert again.search["tried"] == short.search["tried"]
    assert again.digest == short.digest


def test_at_least_one_setting_is_tried(prepared: Prepared) -> None:
    found = searched(prepared, {"candidates": 5, "seconds": 1e-9})
    assert found.search["candidates"] == 1


def test_auto_searches_what_it_chose(prepared: Prepared) -> None:
    search = {"candidates": 3, "seconds": 1e9, "folds": 3}
    found = searched(prepared, search, estimator="auto", folds=3)
    assert found.estimator == "linear"
    assert {tried.estimator for tried in found.candidates} == {
        *("linear", "hist_gradient_boosting"),
    }
    assert {tried["estimator"] for tried in found.search["tried"]} == {"linear"}
