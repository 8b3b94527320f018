"""Metrics: their values, directions and gaps, against scikit-learn and by hand."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlkit.metrics import (
    METRICS,
    OwnMetricError,
    Scored,
    compute,
    estimate,
    estimates,
    metrics_for,
    own_metric,
    pr_curves,
    roc_curves,
    show,
)

BINARY = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")


def binary(n: int = 200, *, seed: int = 0, **options: Any) -> Scored:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = np.clip(0.25 + 0.4 * y + 0.2 * rng.normal(size=n), 0.01, 0.99).round(2)
    return Scored("binary", y, np.column_stack([1 - p, p]), **options)


def multiclass(
    n: int = 300, *, k: int = 4, seed: int = 0, average: Any = "macro", **options: Any
) -> Scored:
    rng = np.random.default_rng(seed)
    y = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    raw = rng.dirichlet(np.ones(k), n) + 0.5 * np.eye(k)[y]
    prediction = raw / raw.sum(axis=1, keepdims=True)
    return Scored("multiclass", y, prediction, average=average, **options)


def regression(n: int = 200, *, seed: int = 0, **options: Any) -> Scored:
    rng = np.random.default_rng(seed)
    y = rng.normal(50, 10, n)
    return Scored("regression", y, y + rng.normal(0, 4, n), **options)


def oracle(scored: Scored) -> dict[str, float]:
    """Return the same metrics, straight from scikit-learn or from their definition."""
    y, w = scored.y, scored.weight
    if scored.task == "regression":
        p = scored.prediction
        return {
            "mae": sk.mean_absolute_error(y, p, sample_weight=w),
            "rmse": math.sqrt(sk.mean_squared_error(y, p, sample_weight=w)),
            "r2": sk.r2_score(y, p, sample_weight=w),
            "mape": float(np.average(np.abs((y - p) / y), weights=w)),
        }
    p = scored.prediction
    average = scored.average
    if scored.task == "binary":
        labels: Any = (p[:, 1] >= scored.threshold).astype(int)
        ranked: Any = {"y_score": p[:, 1], "sample_weight": w}
        auc = sk.roc_auc_score(y, **ranked)
        ap = sk.average_precision_score(y, **ranked)
        brier = np.average((p[:, 1] - y) ** 2, weights=w)
    else:
        labels = p.argmax(axis=1)
        ranked = {"y_score": p, "sample_weight": w, "average": average}
        auc = sk.roc_auc_score(y, **ranked, multi_class="ovr")
        ap = sk.average_precision_score(np.eye(p.shape[1])[y.astype(int)], **ranked)
        onehot = np.eye(p.shape[1])[y.astype(int)]
        brier = np.average(((p - onehot) ** 2).sum(axis=1), weights=w)
    kinds = {"average": average, "sample_weight": w}
    return {
        "accuracy": sk.accuracy_score(y, labels, sample_weight=w),
        "precision": sk.precision_score(y, labels, **kinds),
        "recall": sk.recall_score(y, labels, **kinds),
        "f1": sk.f1_score(y, labels, **kinds),
        "roc_auc": auc,
        "average_precision": ap,
        "log_loss": sk.log_loss(y, p, sample_weight=w),
        "brier": float(brier),
    }


WEIGHT = np.random.default_rng(7).uniform(0.1, 3, 300)


@pytest.mark.parametrize(
    "scored",
    [
        binary(),
        binary(weight=WEIGHT[:200]),
        binary(threshold=0.3),
        binary(average="macro"),
        binary(average="weighted", weight=WEIGHT[:200]),
        multiclass(),
        multiclass(average="weighted"),
        multiclass(weight=WEIGHT),
        multiclass(average="weighted", weight=WEIGHT),
        regression(),
        regression(weight=WEIGHT[:200]),
    ],
)
def test_every_metric_has_the_value_scikit_learn_gives(scored: Scored) -> None:
    expected = oracle(scored)
    for name in metrics_for(scored.task):
        if name != "calibration_error":
            assert compute(name, scored) == pytest.approx(expected[name]), name


def test_the_table_declares_direction_task_and_need_of_each_metric() -> None:
    smaller = {n for n, spec in METRICS.items() if not spec.greater_is_better}
    losses = {"log_loss", "brier", "calibration_error", "mae", "rmse", "mape"}
    assert smaller == losses
    assert list(metrics_for("binary")) == list(metrics_for("multiclass"))
    assert {spec.needs for spec in metrics_for("regression").values()} == {"value"}
    assert all(name == spec.name for name, spec in METRICS.items())


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_a_row_of_weight_k_counts_as_k_rows(task: str, seed: int) -> None:
    scored = {"binary": binary, "multiclass": multiclass, "regression": regression}[
        task
    ](60, seed=seed)
    weight = np.random.default_rng(seed).integers(0, 4, 60)
    weight[0] = 1
    rows = np.repeat(np.arange(60), weight)
    average = scored.average
    weighted = Scored(scored.task, scored.y, scored.prediction, weight, average=average)
    repeated = scored.take(rows)
    # How many bins the calibration error takes depends on the number of rows.
    for name in metrics_for(scored.task).keys() - {"calibration_error"}:
        value = compute(name, weighted)
        assert value == pytest.approx(compute(name, repeated), nan_ok=True), name


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(40)), seed=st.integers(0, 100))
def test_the_order_of_rows_changes_neither_value_nor_interval(
    order: list[int], seed: int
) -> None:
    for scored in (binary(40, seed=seed), regression(40, seed=seed)):
        shuffled = scored.take(np.array(order))
        options = {"resamples": 200, "seed": 3}
        before = estimates(metrics_for(scored.task), scored, **options)
        after = estimates(metrics_for(scored.task), shuffled, **options)
        for name, one in before.items():
            ends = (one.value, one.lower, one.upper)
            other = (after[name].value, after[name].lower, after[name].upper)
            assert other == pytest.approx(ends, nan_ok=True), name


ONE_CLASS = [
    ("precision", [0, 0], [0.1, 0.2], "no row is predicted positive"),
    ("recall", [0, 0], [0.1, 0.9], "no row is positive"),
    ("f1", [0, 0], [0.1, 0.2], "no row is positive or predicted positive"),
    ("roc_auc", [1, 1], [0.1, 0.2], "only one class has rows"),
    ("average_precision", [1, 1], [0.1, 0.2], "only one class has rows"),
]


@pytest.mark.parametrize(("name", "y", "p", "reason"), ONE_CLASS)
def test_a_metric_without_meaning_is_nan_with_a_reason(
    name: str, y: list[int], p: list[float], reason: str
) -> None:
    scored = Scored("binary", y, np.column_stack([1 - np.array(p), p]))
    found = estimate(name, scored)
    assert math.isnan(compute(name, scored))
    assert found.reason == reason
    assert not found.defined
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["value"] is record["lower"] is record["upper"] is None


def test_one_class_leaves_the_other_metrics_defined_and_silent() -> None:
    scored = Scored("binary", [0] * 40, np.tile([0.8, 0.2], (40, 1)))
    found = estimates(metrics_for("binary"), scored)
    defined = {name for name, each in found.items() if each.defined}
    assert defined == {"accuracy", "log_loss", "brier", "calibration_error"}
    assert found["brier"].value == pytest.approx(0.04)


def test_mape_is_not_applicable_where_a_true_value_is_zero() -> None:
    found = estimate("mape", Scored("regression", [0, 1, 2], [1, 1, 1]))
    assert not found.defined
    assert str(found.reason) == (
        "MAPE divides by the true value, which is 0 in 1 of 3 rows; use mae"
    )


def test_r2_is_not_applicable_to_a_constant_target() -> None:
    found = estimate("r2", Scored("regression", [3, 3, 3], [1, 2, 3]))
    assert found.reason == "the target has the same value in all rows"


def test_averages_leave_out_classes_without_rows() -> None:
    prediction = [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.3, 0.7, 0], [0.1, 0.2, 0.7]]
    scored = Scored("multiclass", [0, 1, 0, 1], prediction, average="macro")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compute("recall", scored) == pytest.approx((1 / 2 + 1 / 2) / 2)
        assert compute("precision", scored) == pytest.approx((1 + 1 / 2 + 0) / 3)
        assert compute("f1", scored) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
        expected = sk.roc_auc_score([0, 1, 0, 1], [0.1, 0.8, 0.7, 0.2])
        first = sk.roc_auc_score([1, 0, 1, 0], [0.9, 0.2, 0.3, 0.1])
        assert compute("roc_auc", scored) == pytest.approx((expected + first) / 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": [0, 2]}, "codes from 0 to 1, one for each column of prediction; got 2"),
        ({"y": [0, math.nan]}, "y must hold finite numbers only; 1 rows do not"),
        ({"y": []}, "at least one row"),
        ({"y": [0, 1, 1]}, "one row for each of the 3 rows of y, got 2"),
        ({"prediction": [[0.5, 0.6], [0.5, 0.5]]}, "sum to 1 in each row; got 0.5"),
        ({"prediction": [[1.2, -0.2], [0.5, 0.5]]}, "probabilities between 0 and 1"),
        ({"prediction": [[math.nan, 1], [0, 1]]}, "the first is row 0"),
        ({"prediction": [0.2, 0.8]}, "must have shape (n_samples, n_classes)"),
        ({"prediction": np.full((2, 3), 1 / 3)}, "two columns, negative and positive"),
        ({"weight": [1, -1]}, "numbers of at least 0"),
        ({"weight": [0, 0]}, "one of them above 0"),
        ({"weight": [1]}, "one number for each of the 2 rows"),
        ({"task": "regression"}, "must have shape (n_samples,)"),
        ({"task": "multiclass"}, "'macro' or 'weighted' in a multiclass task"),
    ],
)
def test_bad_input_is_refused_with_the_rule_and_the_value(
    change: dict[str, Any], says: str
) -> None:
    good = {"task": "binary", "y": [0, 1], "prediction": [[0.7, 0.3], [0.4, 0.6]]}
    with pytest.raises(ValueError, match="must") as error:
        Scored(**{**good, **change})
    assert says in str(error.value)


def test_an_unknown_metric_is_refused_with_those_of_the_task() -> None:
    with pytest.raises(ValueError, match=r"one of mae, rmse, r2, mape .* 'roc_auc'"):
        compute("roc_auc", regression())


def test_probabilities_of_single_precision_are_accepted() -> None:
    rough = binary().prediction.astype(np.float32)
    assert compute("log_loss", Scored("binary", binary().y, rough)) == pytest.approx(
        compute("log_loss", binary()), rel=1e-5
    )


def test_curves_are_those_of_scikit_learn_and_thin_keeps_their_area() -> None:
    scored = binary(3000)
    x, y, _ = sk.roc_curve(scored.y, scored.prediction[:, 1])
    (whole,) = roc_curves(scored, points=10_000)
    assert np.allclose(whole.x, x)
    assert np.allclose(whole.y, y)
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    fine = Scored("binary", rng.random(5000) < p, np.column_stack([1 - p, p]))
    (thin,) = roc_curves(fine, points=200)
    assert len(thin.x) <= 200
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (0, 0, 1, 1)
    area = np.trapezoid(thin.y, thin.x)
    assert area == pytest.approx(compute("roc_auc", fine), abs=2e-3)
    (pr,) = pr_curves(fine, points=200)
    assert len(pr.x) <= 200
    assert pr.chance == pytest.approx(fine.y.mean())
    assert [curve.code for curve in roc_curves(multiclass())] == [0, 1, 2, 3]
    assert roc_curves(Scored("binary", [1, 1], [[0.5, 0.5]] * 2)) == ()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_metrics.py").write_text(
        "import numpy as np\n"
        "from sklearn.metrics import recall_score\n"
        "answer = 42\n"
        "def cost(y_true, y_pred):\n"
        "    return float(np.mean(np.where(y_true == 1, 5, 1) * (y_true != y_pred)))\n"
        "def miss(y_true, y_pred):\n"
        "    return 1 - recall_score(y_true, y_pred)\n"
        "def gap(y_true, y_pred):\n"
        "    return abs(y_true.mean() - y_pred.mean())\n"
        "def worst(y_true, y_pred):\n"
        "    return np.max(np.abs(y_true - y_pred))\n"
        "def shape(y_true, y_pred):\n"
        "    return float(y_pred.shape[1])\n"
        "def broken(y_true, y_pred):\n"
        "    raise RuntimeError('no such cost')\n"
        "def text(y_true, y_pred):\n"
        "    return 'good'\n"
        "def nothing(y_true, y_pred):\n"
        "    return float('nan')\n"
        "def greedy(y_true, y_pred):\n"
        "    y_true[:] = 0\n"
        "    return 0.0\n",
        encoding="utf-8",
    )
    (tmp_path / "own_failing.py").write_text("import no_such_thing_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "own_metrics"


def test_an_own_metric_gets_what_it_needs(own: str) -> None:
    cost = own_metric("cost", f"{own}:cost", needs="label", greater_is_better=False)
    scored = binary()
    by_hand = np.mean(
        [
            (5 if t else 1) * (t != p)
            for t, p in zip(scored.y, scored.labels, strict=True)
        ]
    )
    found = estimate(cost, scored)
    assert found.value == pytest.approx(by_hand)
    assert found.lower < found.value < found.upper
    gap = own_metric("gap", f"{own}:gap", needs="probability", greater_is_better=False)
    truth = abs(scored.y.mean() - scored.prediction[:, 1].mean())
    assert compute(gap, scored) == pytest.approx(truth)
    columns = own_metric(
        "k", f"{own}:shape", needs="probability", greater_is_better=True
    )
    assert compute(columns, multiclass()) == 4
    worst = own_metric("worst", f"{own}:worst", needs="value", greater_is_better=False)
    rows = regression()
    assert compute(worst, rows) == np.abs(rows.y - rows.prediction).max()
    assert worst.tasks == ("regression",)


def test_an_own_metric_may_say_that_it_is_undefined(own: str) -> None:
    one_class = Scored("binary", [0, 0], [[0.8, 0.2]] * 2)
    for name in ("nothing", "miss"):
        spec = own_metric("x", f"{own}:{name}", needs="label", greater_is_better=True)
        found = estimate(spec, one_class)
        assert not found.defined
        assert found.reason


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (
            "no_such_package:f",
            "there is no module 'no_such_package'. Install it, or put",
        ),
        ("own_failing:f", "there is no module 'no_such_thing_at_all'"),
        ("own_metrics:costs", "has no 'costs'. Did you mean 'cost'?"),
        ("own_metrics:answer", "signature f(y_true, y_pred) -> float, got int"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(own: str, path: str, says: str) -> None:
    with pytest.raises(ValueError, match="must name a function") as error:
        own_metric("x", path, needs="label", greater_is_better=True)
    assert str(error.value).startswith(repr(path))
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("broken", "for 200 rows it raised RuntimeError: no such cost"),
        ("text", "must return one number, got str"),
        ("greedy", "read-only"),
    ],
)
def test_an_own_metric_that_fails_is_named(own: str, name: str, says: str) -> None:
    path = f"{own}:{name}"
    spec = own_metric("mine", path, needs="label", greater_is_better=True)
    with pytest.raises(OwnMetricError) as error:
        compute(spec, binary())
    assert f"The metric 'mine' ({path})" in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.91234, "0.912"), (54.983, "54.98"), (123.45, "123.5"), (54321.9, "54,322"),
     (0.00123, "0.0012"), (0.0, "0.000"), (-0.25, "-0.250"), (math.nan, "undefined")],
)  # fmt: skip
def test_numbers_are_shown_with_few_digits(value: float, text: str) -> None:
    assert show(value) == text


def test_a_number_is_told_apart_from_its_bound() -> None:
    assert show(0.74999999, apart_from=0.75) == "0.74999999"
    assert show(0.75, apart_from=0.75) == "0.750"
    assert show(0.7, apart_from=0.75) == "0.700"
