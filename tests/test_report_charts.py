"""Charts: what they say in words is what the data say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas
from sklearn import metrics as sk

from mlkit import data, metrics
from mlkit.metrics import Scored
from mlkit.params.models import Params
from mlkit.report import Figure, columns, curves, intervals, mistakes
from mlkit.report.palette import LIGHT
from mlkit.report.performance import performance

CLASSES = ["late", "on time"]

pytestmark = pytest.mark.usefixtures("dark_as_drawn")


def binary(probability: Any, y: Any) -> Scored:
    p = np.asarray(probability, float)
    return Scored("binary", y, np.column_stack([1 - p, p]))


@pytest.fixture(scope="module")
def models() -> dict[str, Scored]:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=400)
    y = (rng.uniform(size=400) < p).astype(int)
    noisy = np.clip(p + rng.normal(0, 0.3, 400), 0.01, 0.99)
    return {
        "model": binary(p, y),
        "linear": binary(noisy, y),
        "dummy": binary(np.full(400, 0.5), y),
    }


@pytest.fixture(scope="module")
def digits() -> Scored:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 5, 500)
    score = rng.normal(size=(500, 5))
    score[np.arange(500), y] += np.where(y == 2, 0.5, 2.5)
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    return Scored("multiclass", y, p, average="macro")


def column(shown: Figure, name: str) -> list[float]:
    assert shown.table is not None
    place = shown.table.columns.index(name)
    return [float(row[place].replace("−", "-")) for row in shown.table.rows]


def text_of(shown: Figure) -> str:
    return re.sub(rb"<[^>]+>", b" ", shown.light).decode()


def test_roc_says_the_area_and_draws_the_curve(models: dict[str, Scored]) -> None:
    shown = curves.roc(models, CLASSES)
    y, p = models["model"].y, models["model"].prediction[:, 1]
    area = sk.roc_auc_score(y, p)
    assert f"ROC AUC of the model is {area:.3f}" in shown.alt
    assert f"in {100 * area:.1f} % of cases" in shown.alt
    assert f"Model {area:.3f}" in text_of(shown)
    false, true, _ = sk.roc_curve(y, p)
    assert column(shown, "Model") == pytest.approx(
        np.interp(np.linspace(0, 1, 11), false, true), abs=0.02
    )
    assert column(shown, "Dummy baseline") == pytest.approx(np.linspace(0, 1, 11))


def test_precision_recall_of_guessing_is_flat(models: dict[str, Scored]) -> None:
    shown = curves.precision_recall(models, CLASSES)
    rate = models["model"].y.mean()
    heights = column(shown, "Dummy baseline")
    assert heights[1:] == pytest.approx([rate] * 10, abs=0.001)
    area = sk.average_precision_score(
        models["model"].y, models["model"].prediction[:, 1]
    )
    assert f"PR AUC of the model is {area:.3f}" in shown.alt


@pytest.mark.parametrize(
    ("chart", "style"),
    [(curves.roc, "default"), (curves.precision_recall, "steps-pre")],
)
def test_precision_is_drawn_in_steps(
    models: dict[str, Scored], monkeypatch: pytest.MonkeyPatch, chart: Any, style: str
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(curves, "figure", lambda draw, **_: drawn.append(draw))
    chart(models, CLASSES)
    canvas = Canvas()
    drawn[0](canvas, LIGHT)
    labelled = [line for line in canvas.axes[0].lines if line.get_label()[0] != "_"]
    assert [line.get_drawstyle() for line in labelled] == [style] * 3


def test_curves_of_several_classes_name_the_weakest(digits: Scored) -> None:
    names = [f"digit {i}" for i in range(5)]
    for chart in (curves.roc, curves.precision_recall):
        shown = chart({"model": digits}, names)
        assert "Of 5 classes digit 2 is ranked worst." in shown.alt
        assert "digit 2, the weakest" in text_of(shown)
        assert shown.table is not None
        assert set(shown.table.columns[1:]) == set(names)


def test_classes_that_are_ranked_alike_have_no_weakest() -> None:
    scored = Scored("multiclass", [0, 1, 2], np.eye(3), average="macro")
    shown = curves.roc({"model": scored}, ["a", "b", "c"])
    assert "Of 3 classes all are ranked alike." in shown.alt
    assert "every class" in text_of(shown)
    assert "weakest" not in text_of(shown)


def test_without_a_second_class_the_curve_says_that_there_is_none() -> None:
    scored = binary([0.2, 0.9, 0.4], [1, 1, 1])
    for chart in (curves.roc, curves.precision_recall):
        assert "There is no curve" in chart({"model": scored}, CLASSES).alt


def test_calibration_says_error_floor_and_where_it_is_off() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.95, 2000)
    good = binary(p, (rng.uniform(size=2000) < p).astype(int))
    shown = curves.calibration(good, CLASSES)
    found = metrics.calibration(good)
    assert f"off by {found.error:.3f} on average" in shown.alt
    assert f"would show {found.floor:.3f} on 2,000 rows by chance" in shown.alt
    bad = binary(p, (rng.uniform(size=2000) < p**3).astype(int))
    assert re.search(r"In \d+ of 10 bins the interval misses", (
        curves.calibration(bad, CLASSES).alt))  # fmt: skip


def test_confusion_counts_rows_and_names_the_worst_mistake(digits: Scored) -> None:
    names = [f"digit {i}" for i in range(5)]
    shown = mistakes.confusion(digits, names)
    matrix = sk.confusion_matrix(digits.codes, digits.labels)
    assert shown.table is not None
    assert [[int(cell) for cell in row[1:]] for row in shown.table.rows] == (
        matrix.tolist()
    )
    np.fill_diagonal(matrix, 0)
    true, predicted = np.unravel_index(matrix.argmax(), matrix.shape)
    assert f"{matrix.max()} rows of class digit {true} taken for digit {predicted}" in (
        shown.alt
    )


def test_a_perfect_confusion_says_so() -> None:
    shown = mistakes.confusion(binary([0.1, 0.9], [0, 1]), CLASSES)
    assert "2 rows of 2 are predicted right (100 %)" in shown.alt
    assert "No class is taken for another." in shown.alt


@pytest.mark.parametrize("n", [40, 3000])
def test_residuals_say_how_far_off_and_in_which_direction(n: int) -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(100, 20, n)
    guess = true + rng.normal(15, 10, n)
    shown = mistakes.residuals(Scored("regression", true, guess), target="price (EUR)")
    half, most = np.quantile(np.abs(guess - true), [0.5, 0.95])
    assert (
        f"within {half:.2f} of the true price (EUR), 95 % within {most:.2f}"
        in shown.alt
    )
    assert f"Predictions lean high, by {np.median(guess - true):.2f}" in shown.alt
    level = Scored("regression", true, true + rng.normal(0, 10, n))
    assert "neither high nor low" in mistakes.residuals(level, target="x").alt


def test_residuals_of_exact_and_constant_predictions_can_be_drawn() -> None:
    true = np.arange(30.0)
    for guess in (true, np.full(30, 14.5)):
        scored = Scored("regression", true, guess)
        assert mistakes.residuals(scored, target="x").light


def estimate(value: float | None, width: float = 0.05) -> dict[str, Any]:
    ends = (None, None) if value is None else (value - width, value + width)
    return {"value": value, "lower": ends[0], "upper": ends[1], "n": 100}


EVALUATION: dict[str, Any] = {
    "primary": "roc_auc",
    "labels": {"roc_auc": "ROC AUC", "log_loss": "Log loss"},
    "greater_is_better": {"roc_auc": True, "log_loss": False},
    "n_test": 100,
    "metrics": {
        "model": {
            "roc_auc": estimate(0.9),
            "log_loss": estimate(0.3),
            "own": estimate(2),
        },
        "linear": {
            "roc_auc": estimate(0.8),
            "log_loss": estimate(0.2),
            "own": estimate(1),
        },
        "dummy": {
            "roc_auc": estimate(0.5),
            "log_loss": estimate(None),
            "own": estimate(3),
        },
    },
    "gates": [{"metric": "roc_auc", "min": 0.75, "max": None}],
}


def test_metrics_are_compared_in_their_own_direction() -> None:
    shown = intervals.metric_intervals(EVALUATION)
    assert "ROC AUC of the model is 0.900 (0.850 to 0.950)" in shown.alt
    # Log loss is better when lower; the direction of `own` is unknown.
    assert "the best of them in 1 of 2 metrics" in shown.alt
    known = {"greater_is_better": EVALUATION["greater_is_better"] | {"own": True}}
    assert "1 of 3 metrics" in intervals.metric_intervals(EVALUATION | known).alt
    assert {"better →", "← better"} <= set(
        re.findall(r"← better|better →", text_of(shown))
    )


def test_slices_say_the_lowest_and_the_highest() -> None:
    parts = [
        {"column": "region", "value": name, "n": 50, "estimate": estimate(value),
         "note": None if value else "not enough data"}
        for name, value in (("north", 0.9), ("south", 0.7), ("east", None))
    ]  # fmt: skip
    shown = intervals.slices(EVALUATION | {"slices": parts})
    assert "Lowest in region = south (0.700 (0.650 to 0.750))" in shown.alt
    assert "highest in region = north" in shown.alt
    assert shown.table is not None
    assert [row[2] for row in shown.table.rows][2] == "not enough data"
    few = intervals.slices(EVALUATION | {"slices": parts[2:]})
    assert "no slice has enough rows" in few.alt
    assert "no slice has enough rows" in text_of(few)
    none = intervals.slices(EVALUATION | {"slices": []})
    assert none.alt == "No slices are compared: evaluate.slices names no column."


def params(**given: Any) -> Params:
    source = {"source": "x.csv", "target": "y", **given}
    return Params.model_validate({"case": "t", "task": "binary", "data": source})


@pytest.fixture(scope="module")
def dataset() -> data.Dataset:
    rng = np.random.default_rng(4)
    n = 300
    frame = pd.DataFrame(
        {
            "age": rng.gamma(4, 10, n).round(1),
            "region": rng.choice(["north", "south", "east"], n),
            "opened": pd.Timestamp("2025-01-01") + pd.to_timedelta(range(n), unit="D"),
            "mail": rng.choice(["ann@example.org", "bob@example.org"], n),
            "y": rng.choice(["yes", "no"], n, p=[0.3, 0.7]),
        }
    )
    frame.loc[:29, "region"] = None
    return data.prepare(frame, params(positive="yes", sensitive=["mail"]))


def test_distributions_leave_sensitive_columns_out(dataset: data.Dataset) -> None:
    shown = columns.distributions(dataset)
    share = (dataset.y == "yes").mean()
    assert f"{100 * share:.1f}".removesuffix(".0") + " % yes" in shown.alt
    assert "age, region and opened" in shown.alt
    everything = shown.alt + text_of(shown) + repr(shown.table)
    assert "mail" not in everything
    assert "example.org" not in everything


def test_columns_beyond_the_limit_are_counted(dataset: data.Dataset) -> None:
    shown = columns.distributions(dataset, limit=2)
    assert "2 more columns not shown" in shown.caption


def test_missing_values_are_named_with_their_share(dataset: data.Dataset) -> None:
    shown = columns.missing(data.profile(dataset))
    assert shown.alt == "1 of 5 columns lack values, most of all region (10 %)."
    assert "10 %" in text_of(shown)


def test_a_table_without_missing_values_says_so(dataset: data.Dataset) -> None:
    whole = [part for part in data.profile(dataset) if not part.missing]
    shown = columns.missing(data.Profile(tuple(whole)))
    assert shown.alt == "No value is missing in any of the 4 columns."
    assert "No value is missing" in text_of(shown)


def test_checks_stand_with_the_worst_first() -> None:
    found = (
        data.Check("a", "ok", None, "rule a", "found a"),
        data.Check("leakage", "warning", "x", "rule b", "found b", "look at it"),
        data.Check("c", "failed", "y", "rule c", "found c"),
    )
    shown = columns.checks(found)
    assert [row[1] for row in shown.rows] == ["failed", "warning", "ok"]
    assert shown.caption == "3 checks: 1 failed, 1 with a warning, 1 passed"
    assert [row[0] for row in columns.checks(found, name="leakage").rows] == ["x"]


def test_each_task_has_its_figures(
    models: dict[str, Scored], dataset: data.Dataset
) -> None:
    shown = performance(models, dataset.schema)
    assert len(shown.figures) == 4
    assert shown._repr_html_().count("<figure>") == 4
    assert [f["alt"][:7] for f in shown.to_dict()["figures"]][:2] == [
        "ROC AUC",
        "PR AUC ",
    ]


@pytest.mark.parametrize(
    "chart", ["roc", "precision_recall", "calibration", "confusion"]
)
@pytest.mark.parametrize("p", [0.0, 1.0, 0.5])
def test_constant_predictions_can_be_drawn(chart: str, p: float) -> None:
    scored = binary(np.full(60, p), np.arange(60) % 2)
    room: Any = mistakes if chart == "confusion" else curves
    several = chart in ("roc", "precision_recall")
    shown = getattr(room, chart)({"model": scored} if several else scored, CLASSES)
    assert shown.alt
    assert shown.light
