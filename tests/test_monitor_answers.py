"""Logged answers as numbers: metrics of a window are sklearn's on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from mlkit.metrics import METRICS, Estimate
from mlkit.monitor.answers import Asked, find_asked, read_answers
from mlkit.monitor.figures import Measures, latency, measure
from mlkit.monitor.trends import find_trend

NAMES = {
    "binary": ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
}


def logged(prediction: Any, probability: Any, actual: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prediction": pd.Series(prediction, dtype=object),
            "probability": pd.Series(probability, dtype=object),
            "actual": pd.Series(actual, dtype=object),
        }
    )


def measures(task: str) -> Measures:
    return Measures(tuple(METRICS[name] for name in NAMES[task]), 10, 7, 0.95, 100, 0)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(30, 80),
    unknown=st.floats(0, 0.5),
    threshold=st.floats(0.2, 0.8),
)
def test_a_binary_windows_metrics_are_those_of_sklearn(
    seed: int, n: int, unknown: float, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(n).round(3)
    truth = np.where(rng.random(n) < p, "yes", "no").astype(object)
    # What was answered need not follow from the probability: it counts as it was.
    said = np.where(p >= threshold, "yes", "no").astype(object)
    known = rng.random(n) >= unknown
    known[:20] = True
    truth[0], truth[1] = "yes", "no"
    answers = read_answers(
        logged(said, p, np.where(known, truth, None)), Asked("binary", ("no", "yes"))
    )
    found = measure(answers, np.ones(n, dtype=bool), measures("binary"))
    y, guess = truth[known] == "yes", said[known] == "yes"
    expected = {
        "accuracy": sk.accuracy_score(y, guess),
        "roc_auc": sk.roc_auc_score(y, p[known]),
        "recall": sk.recall_score(y, guess),
        "f1": sk.f1_score(y, guess),
        "log_loss": sk.log_loss(y, np.column_stack([1 - p, p])[known]),
    }
    for name, value in expected.items():
        if guess.any():
            assert found[name].value == pytest.approx(value), name
            assert found[name].lower <= value <= found[name].upper
    assert found["accuracy"].n == known.sum()


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), form=st.sampled_from(["list", "mapping", "none"]))
def test_a_multiclass_windows_metrics_are_those_of_sklearn(
    seed: int, form: str
) -> None:
    rng = np.random.default_rng(seed)
    classes = ("1", "2", "3")
    p = rng.dirichlet([1, 1, 1], 60)
    truth = rng.integers(1, 4, 60)
    truth[:3] = [1, 2, 3]
    said = p.argmax(axis=1) + 1
    given_as = {
        "list": [row.tolist() for row in p],
        "mapping": [dict(zip((1, 2, 3), row, strict=True)) for row in p.tolist()],
        "none": [None] * 60,
    }[form]
    asked = Asked("multiclass", classes, average="macro")
    answers = read_answers(logged(said.tolist(), given_as, truth.tolist()), asked)
    found = measure(answers, np.ones(60, dtype=bool), measures("multiclass"))
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(truth, said))
    f1 = sk.f1_score(truth, said, average="macro")
    assert found["f1"].value == pytest.approx(f1)
    if form == "none":
        assert "roc_auc" not in found
        return
    area = sk.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert found["roc_auc"].value == pytest.approx(area)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_a_regression_windows_metrics_are_those_of_sklearn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, said = rng.normal(0, 10, 40), rng.normal(0, 10, 40)
    answers = read_answers(logged(said, [None] * 40, y), Asked("regression"))
    found = measure(answers, np.ones(40, dtype=bool), measures("regression"))
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(y, said))
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(y, said))
    assert found["r2"].value == pytest.approx(sk.r2_score(y, said))
    bias = stats.ttest_1samp(said - y, 0).confidence_interval()
    assert found["bias"].value == pytest.approx(np.mean(said - y))
    assert (found["bias"].lower, found["bias"].upper) == pytest.approx(tuple(bias))


def test_labels_are_found_however_they_were_written() -> None:
    asked = Asked("binary", ("no", "yes"))
    frame = logged(["yes", " no ", 1, False, "maybe", None], [None] * 6, [None] * 6)
    answers = read_answers(frame, asked)
    codes = answers.predicted
    assert codes[:4].tolist() == [1, 0, 1, 0]
    assert np.isnan(codes[4:]).all()
    assert (answers.odd_predictions, answers.n_odd_predictions) == (("maybe",), 1)
    numbered = read_answers(
        logged([1.0, 2], [None] * 2, ["2", 1]), Asked("binary", ("1", "2"))
    )
    assert numbered.predicted.tolist() == [0, 1]
    assert numbered.truth.tolist() == [1, 0]


def test_probabilities_that_are_none_are_left_out_and_stand_for_no_label() -> None:
    asked = Asked("binary", ("no", "yes"))
    odd = [
        0.9,
        1.7,
        -0.1,
        "high",
        float("nan"),
        [0.2, 0.8],
        {"yes": 0.3, "no": 0.7},
        [0.4],
    ]
    answers = read_answers(logged([None] * 8, odd, ["yes"] * 8), asked)
    assert answers.probabilities is not None
    usable = answers.by_probability
    assert usable.tolist() == [True, False, False, False, False, True, True, True]
    assert answers.probabilities[usable, 1].tolist() == pytest.approx(
        [0.9, 0.8, 0.3, 0.4]
    )
    # Where only a probability was logged, the label follows from it.
    assert answers.predicted[usable].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("prediction", "probability", "task", "classes"),
    [
        (["yes", "no"], [0.7, 0.2], "binary", ("no", "yes")),
        ([1, 0], [None, None], "binary", ("0", "1")),
        ([True, False], [None, None], "binary", ("False", "True")),
        (["a", "b", "c"], [None] * 3, "multiclass", ("a", "b", "c")),
        ([1.5, 2.25], [None, None], "regression", None),
        (list(range(40)), [None] * 40, "regression", None),
        (["yes"], [0.9], "binary", ("0", "yes")),
        ([None], [0.4], "binary", ("0", "1")),
    ],
)
def test_what_a_model_is_asked_for_shows_in_what_was_logged(
    prediction: list[Any], probability: list[Any], task: str, classes: Any
) -> None:
    found = find_asked(logged(prediction, probability, [None] * len(prediction)))
    assert found is not None
    assert (found.task, found.classes) == (task, classes)


def test_nothing_logged_tells_nothing() -> None:
    assert find_asked(logged([None], [None], [None])) is None
    assert latency(pd.Series([None, "slow", -1.0], dtype=object)) is None


def test_latency_is_that_of_numpy() -> None:
    took = np.random.default_rng(0).gamma(2, 10, 300)
    found = latency(pd.Series([*took, np.nan]))
    assert found is not None
    assert (found.p50, found.p95, found.p99, found.n) == (
        *np.percentile(took, [50, 95, 99]),
        300,
    )


def estimates(values: list[float], half: float = 0.02) -> list[Estimate]:
    return [Estimate(v, v - half, v + half, 100, "a test") for v in values]


def test_a_trend_is_that_of_scipy_where_windows_weigh_alike() -> None:
    values = [0.9, 0.89, 0.87, 0.88, 0.84, 0.82, 0.8]
    # Narrow intervals: the scatter of the windows decides, as in plain regression.
    found = find_trend("roc_auc", estimates(values, 1e-6), greater_is_better=True)
    known = stats.linregress(range(7), values)
    assert found.slope == pytest.approx(known.slope)
    assert found.p_value == pytest.approx(known.pvalue)
    assert found.rank_p == pytest.approx(stats.kendalltau(range(7), values).pvalue)
    assert found.direction == "worse"
    assert find_trend(
        "rmse", estimates(values, 1e-6), greater_is_better=False
    ).direction == ("better")
    # Wide ones: no scatter is needed to know that nothing is known.
    wide = find_trend("roc_auc", estimates(values, 0.5), greater_is_better=True)
    assert wide.direction == "steady"


def test_a_trend_weighs_windows_by_what_they_know() -> None:
    values = [*estimates([0.9, 0.9, 0.9, 0.9, 0.9]), Estimate(0.2, 0.0, 0.9, 3, "few")]
    found = find_trend("roc_auc", values, greater_is_better=True)
    plain = stats.linregress(range(6), [v.value for v in values]).slope
    assert found.slope is not None
    assert abs(found.slope) < abs(plain) / 10
    assert found.direction == "steady"
    few = find_trend("roc_auc", [None, *values[:4]], greater_is_better=True)
    assert (few.direction, few.windows) == ("unknown", 4)
    assert "a trend needs 5" in few.reason


def test_calm_metrics_have_no_trend_more_often_than_chance_has() -> None:
    rng = np.random.default_rng(0)
    found = [
        find_trend(
            "accuracy",
            estimates(rng.normal(0.8, 0.01, 12).tolist()),
            greater_is_better=True,
        )
        for _ in range(200)
    ]
    called = sum(each.direction != "steady" for each in found)
    assert called <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)
