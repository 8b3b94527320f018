"""Explaining a row, ranking columns, choosing rows: what callers see."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline

from mlkit.data import Dataset
from mlkit.data.records import DataError
from mlkit.explain import (
    ExplainError,
    LimeExplanation,
    Measure,
    background_rows,
    contributions,
    explainer,
    global_importance,
    named_row,
    telling_rows,
)
from mlkit.metrics import METRICS
from mlkit.train import predict
from tests.explained import by_definition, explained, fitted, mixed

HGB = "hist_gradient_boosting"


def linear_truth(rows: int = 400) -> pd.DataFrame:
    """Return a table whose target is a sum of known effects, without noise."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "a": rng.normal(10, 3, rows),
            "b": rng.normal(0, 0.5, rows),
            "idle": rng.normal(0, 1, rows),
            "city": rng.choice(["Aa", "Bb"], rows),
        }
    )
    return frame.assign(y=2 * frame.a - 8 * frame.b + 5 * (frame.city == "Aa"))


def test_a_row_is_explained_from_its_raw_values() -> None:
    dataset, model = fitted("binary", HGB)
    known = explained(dataset, model)
    row = {
        "size": "61.5",
        "grade": 7,
        "city": "Aa",
        "open": "yes",
        "seen": "2024-03-01",
        "note": None,
        "unknown to the model": 3,
    }
    found = known.explain_prediction(row)
    assert sum(found.contributions) + found.base == pytest.approx(found.output)
    sizes = np.abs(found.contributions)
    assert list(sizes) == sorted(sizes, reverse=True)
    shown = dict(zip(found.columns, found.values, strict=True))
    assert shown["note"] == "missing"
    assert shown["seen"] == "2024-03-01"
    odds = np.exp(found.output)
    assert found.prediction == {"yes": pytest.approx(odds / (1 + odds))}
    for same in (pd.Series(row), pd.DataFrame([row])):
        assert known.explain_prediction(same) == found
    assert json.loads(json.dumps(found.to_dict()))["columns"] == list(found.columns)
    assert "What moves yes" in found._repr_html_()


def test_a_new_category_is_explained_and_noted() -> None:
    dataset, model = fitted("binary", HGB)
    known = explained(dataset, model)
    row = dataset.X(dataset.test_rows[:1])
    new = known.explain_prediction(row.assign(city="Atlantis"))
    missing = known.explain_prediction(row.assign(city=None))
    assert new.contributions == pytest.approx(missing.contributions)
    assert "'Atlantis'" in new.notes[0]
    assert missing.notes == ()


def test_a_class_can_be_asked_for() -> None:
    dataset, model = fitted("multiclass", "linear")
    known = explained(dataset, model)
    row = dataset.X(dataset.test_rows[:1])
    likeliest = max((p := known.explain_prediction(row).prediction), key=lambda c: p[c])
    assert known.explain_prediction(row).outcome == likeliest
    assert known.explain_prediction(row, outcome="low").outcome == "low"
    with pytest.raises(ExplainError, match="one of low, middle, top, got 'high'"):
        known.explain_prediction(row, outcome="high")


def test_what_cannot_be_explained_is_refused_in_words() -> None:
    dataset, model = fitted("binary", "linear")
    known = explained(dataset, model)
    two = dataset.X(dataset.test_rows[:2])
    with pytest.raises(ExplainError, match="one row is explained at a time, got 2"):
        known.explain_prediction(two)
    with pytest.raises(ExplainError, match="'shap' or 'lime', got 'ig'"):
        known.explain_prediction(two.iloc[:1], "ig")  # type: ignore[arg-type]
    with pytest.raises(ExplainError, match="at least one row, got none"):
        contributions(known, two.iloc[:0])
    with pytest.raises(ExplainError, match="at least 2 background rows"):
        explainer(model, two.iloc[:1], dataset.schema)
    with pytest.raises(DataError, match="'size': the feature must be a column"):
        known.explain_prediction(two.iloc[:1].drop(columns="size"))


def test_a_classifier_without_probabilities_is_refused_with_advice() -> None:
    dataset, model = fitted("binary", "linear")
    X, y = dataset.X(dataset.train_rows), dataset.target(dataset.train_rows)
    bare = Pipeline([model.steps[0], ("model", RidgeClassifier())]).fit(X, y)
    with pytest.raises(ExplainError, match=r"RidgeClassifier has none.*calibration"):
        explainer(bare, X.iloc[:20], dataset.schema)


def test_sensitive_values_are_masked() -> None:
    dataset, model = fitted("binary", HGB, data={"sensitive": ["city", "size"]})
    known = explained(dataset, model)
    for method in ("shap", "lime"):
        found = known.explain_prediction(
            dataset.X(dataset.test_rows[:1]), method, seeds=2, samples=100
        )
        shown = dict(zip(found.columns, found.values, strict=True))
        assert (shown["city"], shown["size"]) == ("•••", "•••")
        text = json.dumps(found.to_dict())
        size = float(dataset.frame["size"].iloc[dataset.test_rows[0]])
        assert f"{size:.4g}" not in text
        assert not any(city in text for city in ("Aa", "Bb", "Cc", "Dd"))


@pytest.mark.parametrize("method", ["shap", "lime"])
@pytest.mark.parametrize("estimator", [HGB, "sklearn.neural_network:MLPClassifier"])
def test_the_same_question_gets_the_same_answer(estimator: str, method: Any) -> None:
    dataset, model = fitted("binary", estimator)
    row = dataset.X(dataset.test_rows[:1])
    first, second = (
        explained(dataset, model).explain_prediction(row, method, seeds=2, samples=100)
        for _ in range(2)
    )
    assert first == second


def test_orders_are_drawn_for_many_columns_and_their_sum_is_exact() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 10))).rename(columns=lambda at: f"c{at:02}")
    frame = X.assign(y=np.where(X.c00 * X.c01 + X.c02 > 0, "yes", "no"))
    dataset, model = fitted(
        "binary", "sklearn.neural_network:MLPClassifier", frame=frame
    )
    known = explained(dataset, model)
    rows = dataset.X(dataset.test_rows[:3])
    found = contributions(known, rows)
    assert "random orders" in found.method
    assert found.max_error < 1e-12
    spread = float(found.notes[0].split("at most ")[1].split(".  ")[0].split(". ")[0])
    for place in range(3):
        expected = by_definition(
            lambda X: model.predict_proba(X)[:, 1:],
            known.background,
            rows.iloc[[place]],
        )
        assert np.abs(found.values[place] - expected).max() < 3 * spread


def test_lime_finds_the_weights_of_a_linear_model() -> None:
    frame = linear_truth()
    options = {"options": {"alpha": 1e-6}}
    dataset, model = fitted("regression", "linear", frame=frame, train=options)
    known = explained(dataset, model, background=200)
    row = dataset.X(dataset.test_rows[:1]).assign(city="Aa")
    found = known.explain_prediction(row, "lime", seeds=4, samples=2000)
    weights = dict(zip(found.columns, found.weights, strict=True))
    scale = known.background[["a", "b"]].std(ddof=0)
    assert weights["a"] == pytest.approx(2 * scale.a, rel=0.01)
    assert weights["b"] == pytest.approx(-8 * scale.b, rel=0.01)
    assert weights["city"] == pytest.approx(5, rel=0.01)
    assert weights["idle"] == pytest.approx(0, abs=0.02)
    assert max(found.spread) < 0.02
    assert found.fit > 0.999
    assert found.agreement == 1
    assert found.usable
    assert found.sentence.startswith("LIME can be used here")


def test_lime_says_when_it_cannot_be_used() -> None:
    # What decides is which side of a fine grid a row lies on: nothing is linear.
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-1, 1, size=(900, 6))).rename(
        columns=lambda c: f"x{c}"
    )
    frame = X.assign(y=np.sign(np.sin(9 * X.x0) * np.sin(9 * X.x1) * np.sin(9 * X.x2)))
    dataset, model = fitted(
        "regression", HGB, frame=frame, train={"options": {"max_iter": 60}}
    )
    found = explained(dataset, model, background=100).explain_prediction(
        dataset.X(dataset.test_rows[:1]), "lime", seeds=4, samples=300
    )
    assert not found.usable
    assert found.fit < 0.3
    assert "too unstable to use here" in found.sentence
    assert "SHAP" in found.sentence


def test_lime_holds_what_is_missing_and_copes_with_every_kind() -> None:
    dataset, model = fitted("binary", HGB)
    whole = dataset.X(dataset.test_rows).dropna()
    row = whole.iloc[:1].assign(size=np.nan)
    found = explained(dataset, model, background=60).explain_prediction(
        row, "lime", seeds=2, samples=300
    )
    assert sorted(found.columns) == ["city", "grade", "note", "open", "seen"]
    assert "holds as they are: size (" in found.notes[-1]
    nothing = row.assign(**dict.fromkeys(row.columns))
    empty = explained(dataset, model).explain_prediction(nothing, "lime")
    assert (empty.columns, empty.usable) == ((), False)
    assert "every column is missing" in empty.sentence
    with pytest.raises(ExplainError, match="at least 2 seeds"):
        explained(dataset, model).explain_prediction(row, "lime", seeds=1)


class TestImportance:
    def measured(
        self, dataset: Dataset, model: Any, metric: str, **options: Any
    ) -> Any:
        known = explained(dataset, model, background=50)
        measure = Measure(METRICS[metric])
        return global_importance(known, dataset, measure, **options)

    def test_columns_are_ranked_by_effect_and_by_need(self) -> None:
        dataset, model = fitted("regression", "linear", frame=linear_truth())
        found = self.measured(dataset, model, "rmse", rows=60, repeats=2)
        assert found.columns[0] == "a"
        assert found.columns[-1] == "idle"
        assert found.direction[:2] == ("up", "down")
        assert not found.greater_is_better
        needs = dict(zip(found.columns, found.needs, strict=True))
        assert max(needs, key=lambda name: needs[name]) == "a"
        assert needs["idle"] == pytest.approx(0, abs=0.01)
        triples = zip(found.lower, found.moves, found.upper, strict=True)
        assert all(low <= move <= high for low, move, high in triples)
        assert found.rows == 60
        again = self.measured(dataset, model, "rmse", rows=60, repeats=2)
        assert found == again

    def test_a_metric_without_meaning_leaves_the_contributions(self) -> None:
        dataset, model = fitted("binary", HGB)
        one = dataset.test_rows[dataset.target(dataset.test_rows) == 1]
        found = self.measured(
            replace(dataset, test_rows=one), model, "roc_auc", rows=20, repeats=2
        )
        assert set(found.needs) == {None}
        assert "has no meaning" in found.notes[-1]
        assert found.moves[0] > 0

    def test_an_expensive_model_is_explained_on_fewer_rows_and_says_so(self) -> None:
        dataset, model = fitted("binary", HGB)
        known = explained(dataset, model)
        slow = replace(known, method=replace(known.method, affordable=25))
        found = global_importance(
            slow, dataset, Measure(METRICS["log_loss"]), rows=40, repeats=2
        )
        assert found.rows == 25
        assert "25 test rows instead of explain.global_rows = 40" in found.notes[-1]


class TestRows:
    def test_the_background_stands_for_all_training_rows(self) -> None:
        frame = mixed("binary", rows=600)
        dataset, _ = fitted("binary", "linear", frame=frame.assign(note="same"))
        rows = background_rows(dataset, 50, seed=3)
        assert len(set(rows)) == 50
        assert set(rows) <= set(dataset.train_rows)
        share = dataset.target(dataset.train_rows).mean()
        assert dataset.target(rows).mean() == pytest.approx(share, abs=0.02)
        assert rows.tolist() == background_rows(dataset, 50, seed=3).tolist()
        assert rows.tolist() != background_rows(dataset, 50, seed=4).tolist()
        everything = background_rows(dataset, 10_000)
        assert everything.tolist() == dataset.train_rows.tolist()

    def test_binary_rows_that_tell(self) -> None:
        dataset, model = fitted("binary", HGB)
        said = predict(model, dataset.X(dataset.test_rows), "binary")
        right, wrong, close = telling_rows(dataset, said, threshold=0.6)
        places = np.searchsorted(
            dataset.test_rows, [r.position for r in (right, wrong, close)]
        )
        p, truth = said[places, 1], dataset.target(dataset.test_rows)[places]
        assert ((p[0] >= 0.6) == (truth[0] == 1), (p[1] >= 0.6) == (truth[1] == 1)) == (
            True,
            False,
        )
        assert abs(p[2] - 0.6) == np.abs(said[:, 1] - 0.6).min()
        assert right.truth == ("yes" if truth[0] else "no")

    def test_a_model_that_is_never_wrong_has_no_wrong_row(self) -> None:
        dataset, _ = fitted("multiclass", "linear")
        perfect = np.eye(3)[dataset.target(dataset.test_rows)]
        reasons = [row.reason for row in telling_rows(dataset, perfect)]
        assert reasons == ["most confident, right", "smallest lead of one class"]

    def test_regression_rows_that_tell(self) -> None:
        dataset, _ = fitted("regression", "linear")
        truth = dataset.target(dataset.test_rows)
        said = truth + np.arange(len(truth)) * 0.1
        found = [row.position for row in telling_rows(dataset, said)]
        middle = dataset.test_rows[len(truth) // 2]
        assert found == [dataset.test_rows[0], dataset.test_rows[-1], middle]

    def test_named_rows(self) -> None:
        frame = mixed("binary").assign(order=[f"K{at:03}" for at in range(240)])
        columns = {"order": "identifier", "note": "text", "grade": "number"}
        dataset, _ = fitted("binary", "linear", frame=frame, data={"columns": columns})
        assert named_row(dataset, 7).position == 6
        found = named_row(dataset, "K017", key="order")
        assert (found.position, found.name) == (17, "order K017")
        again = named_row(dataset, dataset.frame.grade.max(), key="grade")
        assert "the first of" in again.reason
        trained = named_row(dataset, int(dataset.train_rows[0]) + 1)
        assert trained.reason == "named in the params (a training row)"

    @pytest.mark.parametrize(
        ("name", "key", "said"),
        [
            (0, None, "by its number in the checked table, 1 to 240; got 0"),
            (241, None, "1 to 240; got 241"),
            ("K1", None, "got 'K1'"),
            (True, None, "got True"),
            ("K0017", "order", "Did you mean 'K017'"),
            (99, "grade", "They go from 0 to 8"),
            ("1999-01-01", "seen", "They go from 2024-01-0"),
            (1, "ordr", "Did you mean 'order'"),
        ],
    )
    def test_a_row_that_is_not_there_is_said(
        self, name: Any, key: str | None, said: str
    ) -> None:
        frame = mixed("binary").assign(order=[f"K{at:03}" for at in range(240)])
        columns = {"order": "identifier", "note": "text", "grade": "number"}
        dataset, _ = fitted("binary", "linear", frame=frame, data={"columns": columns})
        with pytest.raises(ExplainError, match=said):
            named_row(dataset, name, key=key)

    def test_a_sensitive_key_is_not_told(self) -> None:
        data = {"columns": {"city": "category"}, "sensitive": ["city"]}
        dataset, _ = fitted("binary", "linear", data=data)
        with pytest.raises(ExplainError) as error:
            named_row(dataset, "Ab", key="city")
        assert "'Ab'" not in str(error.value)
        assert "Aa" not in str(error.value)
        assert named_row(dataset, "Aa", key="city").name.startswith("row ")


@pytest.mark.parametrize(("row", "kind"), [([1, 2], "list"), (3, "int")])
def test_what_is_no_row_is_refused_in_words(row: Any, kind: str) -> None:
    known = explained(*fitted("binary", "linear"))
    with pytest.raises(ExplainError, match=f"mapping of column to value.*got {kind}"):
        known.explain_prediction(row)


def test_numbers_of_an_explanation_are_written_as_people_write_them() -> None:
    frame = linear_truth()
    frame["a"] *= 5_000
    known = explained(*fitted("regression", "linear", frame=frame))
    row = {"a": 21_000.5, "b": -1.8, "idle": 0, "city": "Aa"}
    assert "−1.8" in known.explain_prediction(row).values
    lime = known.explain_prediction(row, "lime", seeds=2, samples=200)
    assert isinstance(lime, LimeExplanation)
    said = lime.meaning[lime.columns.index("a")]
    assert re.fullmatch(r"1\d,\d{3} more \(a standard deviation\)", said)
