"""Evaluation: metrics beside baselines, records for plots, names of metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlkit.data import Dataset, prepare
from mlkit.evaluate import check_metric_names, compare, evaluate, score
from mlkit.metrics import METRICS, compute, estimate, metrics_for, paired_test
from mlkit.params import Params, params_from_dict

Case = tuple[Dataset, dict[str, np.ndarray], Params]


def case_params(task: str = "binary", **sections: Any) -> Params:
    data = {"source": "toy.csv", "target": "y", **sections.pop("data", {})}
    if task == "binary":
        data.setdefault("positive", "yes")
    evaluation = {"resamples": 200, **sections.pop("evaluate", {})}
    if task == "multiclass":
        evaluation.setdefault("average", "macro")
    return params_from_dict(
        {"case": "toy", "task": task, "data": data, "evaluate": evaluation, **sections}
    )


def table(task: str, n: int = 400, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    odds = 1.5 * x + z + rng.logistic(size=n)
    y: Any = odds
    if task == "binary":
        y = np.where(odds > 0, "yes", "no")
    if task == "multiclass":
        y = np.array(["low", "mid", "top"])[np.digitize(odds, [-1.0, 1.0])]
    site = rng.choice(["a", "b", "c <i>"], n, p=[0.6, 0.37, 0.03])
    group = np.where(rng.random(n) < 0.5, "old", "young")
    return pd.DataFrame({"x": x, "z": z, "site": site, "group": group, "y": y})


def case(task: str = "binary", *, n: int = 400, **sections: Any) -> Case:
    """Return a dataset, predictions of a model and its baselines, and the params."""
    params = case_params(task, **sections)
    dataset = prepare(table(task, n), params)
    train, test = dataset.train_rows, dataset.test_rows
    y = dataset.target(train)
    columns = dataset.frame[["x", "z"]]
    rows = len(test)
    if task == "regression":
        fitted = LinearRegression().fit(columns.iloc[train], y)
        weak = LinearRegression().fit(columns[["z"]].iloc[train], y)
        predictions = {
            "model": fitted.predict(columns.iloc[test]),
            "linear": weak.predict(columns[["z"]].iloc[test]),
            "dummy": np.full(rows, y.mean()),
        }
        return dataset, predictions, params
    fitted = LogisticRegression().fit(columns.iloc[train], y)
    weak = LogisticRegression().fit(columns[["z"]].iloc[train], y)
    share = np.bincount(y) / len(y)
    predictions = {
        "model": fitted.predict_proba(columns.iloc[test]),
        "linear": weak.predict_proba(columns[["z"]].iloc[test]),
        "dummy": np.tile(share, (rows, 1)),
    }
    return dataset, predictions, params


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_stands_beside_its_baselines_with_an_interval(task: str) -> None:
    dataset, predictions, params = case(task)
    found = evaluate(dataset, predictions, params)
    scored = score(dataset, predictions, params)
    assert list(found.metrics) == ["model", "linear", "dummy"]
    assert found.n_test == len(dataset.test_rows)
    assert found.classes == dataset.schema.classes
    for model, estimates in found.metrics.items():
        assert list(estimates) == list(metrics_for(params.task))
        for name, each in estimates.items():
            alone = estimate(name, scored[model], resamples=200, seed=params.seed)
            assert each.to_dict() == alone.to_dict(), (model, name)
    primary = found.metrics["model"][params.primary].value
    dummy = found.metrics["dummy"][params.primary].value
    assert METRICS[params.primary].sign * (primary - dummy) > 0
    assert found.against_dummy is not None
    assert found.against_dummy.metric == params.primary
    assert found.against_dummy.lower > 0


def test_metrics_of_the_test_rows_agree_with_scikit_learn() -> None:
    dataset, predictions, params = case(evaluate={"threshold": 0.4})
    found = evaluate(dataset, predictions, params).metrics["model"]
    y = (dataset.frame["y"].iloc[dataset.test_rows] == "yes").to_numpy().astype(int)
    p = predictions["model"][:, 1]
    assert found["roc_auc"].value == pytest.approx(sk.roc_auc_score(y, p))
    assert found["f1"].value == pytest.approx(sk.f1_score(y, p >= 0.4))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_record_is_strict_json_and_reproducible(task: str) -> None:
    dataset, predictions, params = case(task, evaluate={"slices": ["site", "x"]})
    found = evaluate(dataset, predictions, params)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert text == json.dumps(
        evaluate(dataset, predictions, params).to_dict(), allow_nan=False
    )
    record = json.loads(text)
    assert record["primary"] == params.primary
    assert record["greater_is_better"][params.primary] == (task != "multiclass")
    assert record["metrics"]["model"][params.primary]["lower"] is not None


def test_plots_of_a_classification_have_what_they_need() -> None:
    dataset, predictions, params = case("multiclass")
    found = evaluate(dataset, predictions, params)
    y = dataset.target(dataset.test_rows)
    expected = sk.confusion_matrix(y, predictions["model"].argmax(axis=1))
    assert found.confusion == tuple(tuple(row) for row in expected.tolist())
    assert [curve.code for curve in found.roc] == [0, 1, 2]
    assert [curve.code for curve in found.pr] == [0, 1, 2]
    assert all(len(curve.x) <= 200 for curve in (*found.roc, *found.pr))
    assert found.calibration is not None
    assert found.calibration.error == found.metrics["model"]["calibration_error"].value
    assert found.residuals is None


def test_plots_of_a_regression_have_what_they_need() -> None:
    dataset, predictions, params = case("regression", n=1500)
    found = evaluate(dataset, predictions, params)
    off = predictions["model"] - dataset.target(dataset.test_rows)
    assert found.residuals is not None
    assert found.residuals.mean == pytest.approx(off.mean())
    assert dict(found.residuals.quantiles)[0.5] == pytest.approx(np.median(off))
    assert sum(found.residuals.counts) == len(off)
    assert found.residuals.edges[0] == pytest.approx(off.min())
    truths = set(dataset.target(dataset.test_rows))
    assert 100 < len(found.residuals.points) <= 200
    assert all(true in truths for true, _ in found.residuals.points)
    assert found.calibration is None
    assert found.confusion is None
    assert found.roc == found.pr == ()


def test_values_of_a_sensitive_target_are_not_told() -> None:
    dataset, predictions, params = case("regression", data={"sensitive": ["y"]})
    found = evaluate(dataset, predictions, params).residuals
    assert found is not None
    assert found.points == ()
    dataset, predictions, params = case(data={"sensitive": ["y"]})
    assert evaluate(dataset, predictions, params).classes == ("class 1", "class 2")


def test_sample_weights_take_part() -> None:
    params = case_params(data={"weight": "w"})
    raw = table("binary").assign(w=np.where(np.arange(400) % 3, 1.0, 0.0))
    dataset = prepare(raw, params)
    rows = dataset.test_rows
    p = np.random.default_rng(0).random(len(rows))
    predictions = {"model": np.column_stack([1 - p, p])}
    weight = dataset.weight
    assert weight is not None
    used = weight.iloc[rows].to_numpy() > 0
    assert 0 < used.sum() < len(rows)
    params = params.model_copy(
        update={"evaluate": params.evaluate.model_copy(
            update={"gates": [], "slices": ["group"]})}
    )  # fmt: skip
    found = evaluate(dataset, predictions, params)
    y = dataset.target(rows)
    expected = sk.roc_auc_score(y[used], p[used])
    assert found.metrics["model"]["roc_auc"].value == pytest.approx(expected)
    assert sum(part.n for part in found.slices) == used.sum() == found.n_test


def test_a_model_must_be_among_the_predictions() -> None:
    dataset, predictions, params = case()
    with pytest.raises(ValueError, match="must hold those of 'model', got dummy"):
        evaluate(dataset, {"dummy": predictions["dummy"]}, params)
    with pytest.raises(ValueError, match="one row for each"):
        evaluate(dataset, {"model": predictions["model"][:-1]}, params)


def test_without_value_of_the_dummy_the_usual_metric_stands_in() -> None:
    dataset, predictions, params = case(
        evaluate={"primary": "precision", "threshold": 0.8, "gates": []}
    )
    found = evaluate(dataset, predictions, params)
    assert not found.metrics["dummy"]["precision"].defined
    assert found.against_dummy is not None
    assert found.against_dummy.metric == "roc_auc"
    assert found.against_dummy.lower > 0
    alone = evaluate(dataset, {"model": predictions["model"]}, params)
    assert alone.against_dummy is None


def test_a_comparison_is_the_paired_test_of_the_primary_metric() -> None:
    dataset, predictions, params = case(evaluate={"min_gain": 0.02, "confidence": 0.9})
    rows = dataset.test_rows[::2]
    old, new = (predictions[name][::2] for name in ("linear", "model"))
    found = compare(dataset, params, rows=rows, champion=old, challenger=new)
    scored = score(dataset, {"old": old, "new": new}, params, rows=rows)
    expected = paired_test(
        "roc_auc", scored["old"], scored["new"], min_gain=0.02, confidence=0.9,
        resamples=200,
    )  # fmt: skip
    assert found == expected
    assert found.n == len(rows)
    assert found.gain > 0


# --- names of metrics --------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "evaluation", "says"),
    [
        ("binary", {"primary": "auc"}, "evaluate.primary must be one of accuracy, "),
        ("binary", {"primary": "auc"}, "got 'auc'. Did you mean 'roc_auc'?"),
        ("binary", {"primary": "F1-score"}, "Did you mean 'f1'?"),
        ("binary", {"primary": "ECE"}, "Did you mean 'calibration_error'?"),
        ("regression", {"primary": "mse"}, "Did you mean 'rmse'?"),
        ("binary", {"primary": "qqqq"}, "got 'qqqq'. Declare it in evaluate.metrics."),
        (
            "regression",
            {"gates": [{"metric": "r2", "min": 0}, {"metric": "roc_auc", "min": 0.7}]},
            "evaluate.gates[1].metric must be one of mae, rmse, r2, mape in a "
            "regression task (roc_auc is a metric of binary and multiclass tasks), got "
            "'roc_auc'.",
        ),
        (
            "binary",
            {"gates": [{"metric": "acuracy", "min": 0.7}]},
            "evaluate.gates[0].metric must be one of",
        ),
        (
            "binary",
            {"metrics": [
                {"name": "cost", "path": "no_such_room:f", "needs": "label",
                 "greater_is_better": False}
            ]},
            "evaluate.metrics[0].path: 'no_such_room:f' must name a function",
        ),
        (
            "binary",
            {"metrics": [
                {"name": "f1", "path": "math:sqrt", "needs": "label",
                 "greater_is_better": False}
            ]},
            "evaluate.metrics[0].name must differ from every other metric's, got 'f1'.",
        ),
    ],
)  # fmt: skip
def test_a_name_that_is_no_metric_is_refused_with_its_key(
    task: str, evaluation: dict[str, Any], says: str
) -> None:
    params = case_params(task, evaluate=evaluation)
    with pytest.raises(ValueError, match="evaluate") as error:
        check_metric_names(params)
    assert says in str(error.value)
    with pytest.raises(ValueError, match="evaluate"):
        evaluate(*case(task)[:2], params)


def test_the_names_of_every_task_pass() -> None:
    for task in ("binary", "multiclass", "regression"):
        params = case_params(task)
        check_metric_names(params)
        for name in metrics_for(params.task):
            check_metric_names(
                case_params(
                    task,
                    evaluate={"primary": name, "gates": [{"metric": name, "min": 0}]},
                )
            )


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (tmp_path / "toy_costs.py").write_text(
        "import numpy as np\n"
        "def cost(y_true, y_pred):\n"
        "    if len(np.unique(y_true)) < 2:\n"
        "        raise ZeroDivisionError('one class only')\n"
        "    return float(np.mean(np.where(y_true == 1, 5, 1) * (y_true != y_pred)))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    return {
        "name": "cost",
        "path": "toy_costs:cost",
        "needs": "label",
        "greater_is_better": False,
    }


def test_an_own_metric_is_measured_gated_sliced_and_compared(
    own: dict[str, Any],
) -> None:
    dataset, predictions, params = case(
        evaluate={
            "metrics": [own],
            "primary": "cost",
            "slices": ["group", "y"],
            "gates": [
                {"metric": "cost", "max": 2.0},
                {"metric": "primary", "better_than": "dummy", "by": 0.1},
            ],
        }
    )
    found = evaluate(dataset, predictions, params)
    scored = score(dataset, predictions, params)["model"]
    expected = np.mean(
        np.where(scored.codes == 1, 5, 1) * (scored.codes != scored.labels)
    )
    mine = found.metrics["model"]["cost"]
    assert mine.value == pytest.approx(expected)
    assert mine.lower < mine.value < mine.upper
    assert [gate.metric for gate in found.gates] == ["cost", "cost"]
    by_group = {p.value: p.estimate for p in found.slices if p.column == "group"}
    assert all(each.defined for each in by_group.values())
    (one_class, *_) = [p for p in found.slices if p.column == "y"]
    assert "raised ZeroDivisionError: one class only" in str(one_class.estimate.reason)
    test = compare(
        dataset,
        params,
        rows=dataset.test_rows,
        champion=predictions["dummy"],
        challenger=predictions["model"],
    )
    assert test.metric == "cost"
    assert test.gain == pytest.approx(found.metrics["dummy"]["cost"].value - mine.value)
    assert "cost" in found._repr_html_()
    json.dumps(found.to_dict(), allow_nan=False)


# --- tables ------------------------------------------------------------------


class Outline(HTMLParser):
    """Collects tags, scopes of headings and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scopes: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_tables_are_captioned_scoped_and_escaped() -> None:
    dataset, predictions, params = case(n=1000, evaluate={"slices": ["site"]})
    html = evaluate(dataset, predictions, params)._repr_html_()
    outline = Outline()
    outline.feed(html)
    assert outline.tags.count("table") == outline.tags.count("caption") == 3
    assert None not in outline.scopes
    assert "<i>" not in html
    assert "site = c <i>" in outline.text
    assert "ROC AUC (higher is better)" in outline.text
    assert "not enough data" in outline.text


def test_real_data_are_evaluated(shared_data: Callable[[str], Path]) -> None:
    """Red wines, 1,599 rows: the metrics of a line agree with scikit-learn's."""
    (path, *_) = sorted(shared_data("wine_quality").glob("*red*.csv"))
    raw = pd.read_csv(path, header=None).rename(columns=str)
    params = case_params("regression", data={"target": raw.columns[-1]})
    dataset = prepare(raw, params)
    x, y = dataset.X(), dataset.target()
    train, test = dataset.train_rows, dataset.test_rows
    fitted = LinearRegression().fit(x.iloc[train], y[train])
    predictions = {
        "model": fitted.predict(x.iloc[test]),
        "dummy": np.full(len(test), y[train].mean()),
    }
    found = evaluate(dataset, predictions, params)
    expected = sk.r2_score(y[test], predictions["model"])
    assert found.metrics["model"]["r2"].value == pytest.approx(expected)
    assert found.metrics["model"]["r2"].lower > found.metrics["dummy"]["r2"].upper
    assert found.passed


def test_compute_agrees_with_the_record() -> None:
    dataset, predictions, params = case()
    found = evaluate(dataset, predictions, params)
    scored = score(dataset, predictions, params)
    assert compute("brier", scored["linear"]) == found.metrics["linear"]["brier"].value
