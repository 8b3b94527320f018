"""Fitting as a whole: quality, records, the same digest everywhere, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from mlkit.data import Dataset, prepare
from mlkit.params import Params, params_from_dict
from mlkit.registry import load_model, save_model
from mlkit.synthetic import generate, truth
from mlkit.train import Trained, fit, fitted_estimator, model_digest, predict
from mlkit.train.examples import Examples
from mlkit.train.pipelines import Plan, fit_plan

Prepared = Callable[..., tuple[Dataset, Params]]
QUICK = {
    "hist_gradient_boosting": {"max_iter": 20, "learning_rate": 0.2},
    "random_forest": {"n_estimators": 20},
    "extra_trees": {"n_estimators": 20},
    "lightgbm": {"n_estimators": 20, "learning_rate": 0.2},
    "xgboost": {"n_estimators": 20, "learning_rate": 0.2},
}
NAMED = ("linear", "sgd", *QUICK)


def mixed(task: str, rows: int = 240) -> pd.DataFrame:
    """Return a table with every kind of column, gaps in all of them."""
    rng = np.random.default_rng(8)
    days = pd.to_timedelta(rng.integers(0, 400, rows), "D")
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 10, rows).round(3),
            "cost": rng.lognormal(3, 1, rows).round(2),
            "city": rng.choice(["Aa", "Bb", "Cc", "Dd"], rows),
            "open": rng.choice([True, False], rows),
            "seen": pd.Timestamp("2024-01-01") + days,
            "note": [
                f"{a} {b} and some more words {i}"
                for i, (a, b) in enumerate(
                    zip(
                        rng.choice(["tap", "roof", "lamp"], rows),
                        rng.choice(["leaks badly", "is broken", "makes noise"], rows),
                        strict=True,
                    )
                )
            ],
        }
    )
    signal = (
        (frame["size"] - 50) / 10 + (frame.city == "Aa") + 0.5 * rng.normal(size=rows)
    )
    frame = frame.astype({"open": object})
    for place, column in enumerate(frame.columns):
        frame.loc[place :: 11 + place, column] = None
    if task == "regression":
        return frame.assign(y=signal)
    if task == "binary":
        return frame.assign(y=np.where(signal > 0, "yes", "no"))
    return frame.assign(y=pd.cut(signal, [-9, -0.5, 0.8, 9], labels=["c", "a", "b"]))


def fitted(
    prepared: Prepared, task: str, estimator: str, **train: Any
) -> tuple[Dataset, Trained]:
    """Return a mixed table and a model of few trees fitted on it."""
    options = train.pop("options", QUICK.get(estimator, {}))
    section = {"estimator": estimator, "options": options, "folds": 3, **train}
    columns = {"note": "text", "city": "category"}
    data, params = prepared(mixed(task), task, data={"columns": columns}, train=section)
    assert {c.kind for c in data.schema.columns if c.role == "feature"} == {
        "number",
        "category",
        "boolean",
        "date",
        "text",
    }
    return data, fit(data, params)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("estimator", NAMED)
def test_every_estimator_learns_from_every_kind_and_survives_a_file(
    prepared: Prepared, estimator: str, task: str
) -> None:
    data, found = fitted(prepared, task, estimator)
    X, y = data.X(data.test_rows), data.target(data.test_rows)
    predicted = predict(found.model, X, data.schema.task)
    dummy = predict(found.baselines["dummy"], X, data.schema.task)
    if task == "regression":
        assert predicted.shape == (len(X),)
        assert np.mean((predicted - y) ** 2) < 0.8 * np.mean((dummy - y) ** 2)
    else:
        classes = len(data.schema.classes or ())
        assert predicted.shape == (len(X), classes)
        np.testing.assert_allclose(predicted.sum(axis=1), 1)
        labels = range(classes)
        assert log_loss(y, predicted, labels=labels) < 0.95 * log_loss(
            y, dummy, labels=labels
        )
    again = load_model(save_model(found.model, sample=X))
    assert model_digest(again) == found.digest
    np.testing.assert_array_equal(predict(again, X, data.schema.task), predicted)


@pytest.mark.parametrize("estimator", NAMED)
def test_new_levels_and_rows_of_nothing_are_predicted(
    prepared: Prepared, estimator: str
) -> None:
    data, found = fitted(prepared, "binary", estimator)
    X = data.X(data.test_rows).head(5).copy()
    X["city"], X["note"] = "Zz", "parquet creaks"
    nothing = X.mask(np.ones(X.shape, dtype=bool)).astype(X.dtypes)
    assert nothing.isna().all(axis=None)
    for strange in (X, nothing):
        predicted = predict(found.model, strange, "binary")
        assert np.isfinite(predicted).all()
        assert ((predicted > 0) & (predicted < 1)).all()


@pytest.mark.parametrize("column", ["size", "city", "seen", "note"])
@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "linear"])
def test_one_column_is_enough(prepared: Prepared, column: str, estimator: str) -> None:
    frame = mixed("binary")[[column, "y"]]
    kinds = {"note": "text", "city": "category"}
    data, params = prepared(
        frame,
        "binary",
        data={"columns": {k: v for k, v in kinds.items() if k == column}},
        train={"estimator": estimator, "options": QUICK.get(estimator, {})},
    )
    predicted = predict(fit(data, params).model, data.X(data.test_rows), "binary")
    assert np.isfinite(predicted).all()


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_train
print(test_train.digests())
"""


def digests() -> str:
    """Return the digests of some models of all families, fitted here."""
    found = []
    frame = mixed("binary")
    for estimator in ("auto", *NAMED):
        train = {
            "estimator": estimator,
            "options": QUICK.get(estimator, {}),
            "folds": 2,
        }
        if estimator == "hist_gradient_boosting":
            train["calibration"] = "isotonic"
        data = {"source": "y.csv", "target": "y", "positive": "yes"}
        data["columns"] = {"note": "text"}  # type: ignore[assignment]
        case = {"case": "y", "task": "binary", "data": data, "train": train}
        params = params_from_dict(case)
        found.append(fit(prepare(frame, params), params).digest)
    return " ".join(found)


def test_processes_hash_seeds_and_threads_do_not_change_the_digest() -> None:
    seen = {digests()}
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, os.path.dirname(__file__)],
        env=environment,
        capture_output=True,
        text=True,
    )
    seen.add(run.stdout.strip())
    assert len(seen) == 1, run.stderr
    named = seen.pop().split()[1:]
    assert len(set(named)) == len(NAMED)


@pytest.mark.parametrize(
    ("estimator", "rows", "options"),
    [
        ("hist_gradient_boosting", 4000, {"max_iter": 3, "max_leaf_nodes": 6}),
        ("linear", 20_000, {"max_iter": 10}),
    ],
)
def test_the_digest_is_the_same_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, estimator: str, rows: int, options: dict[str, int]
) -> None:
    monkeypatch.setattr("mlkit.train.pipelines.ROWS_WORTH_THREADS", 1000)
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(rows, 30))).add_prefix("x")
    y = (X.sum(axis=1) > rng.normal(size=rows)).to_numpy().astype(np.int64)
    kinds = dict.fromkeys(X, "number")
    examples = Examples(X, y, None, kinds, "binary", ("no", "yes"))
    seen = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            seen.add(model_digest(fit_plan(Plan(estimator, 0, options), examples)))
    assert len(seen) == 1


def test_options_seed_and_data_change_the_digest(prepared: Prepared) -> None:
    frame = mixed("binary")
    train = {"estimator": "hist_gradient_boosting", "options": {"max_iter": 5}}
    first = fit(*prepared(frame, "binary", train=train)).digest
    assert fit(*prepared(frame, "binary", train=train)).digest == first
    deeper = {**train, "options": {"max_iter": 5, "max_depth": 2}}
    changed = frame.assign(cost=frame.cost + (frame.index == 3))
    for other in (
        fit(*prepared(frame, "binary", train=deeper)),
        fit(*prepared(frame, "binary", train=train, seed=1)),
        fit(*prepared(changed, "binary", train=train)),
        fit(*prepared(frame, "binary", train={**train, "calibration": "sigmoid"})),
    ):
        assert other.digest != first


def test_rows_of_the_test_do_not_reach_the_model(prepared: Prepared) -> None:
    data, params = prepared(mixed("binary"), "binary", train={"estimator": "linear"})
    first = fit(data, params).digest
    data.frame.loc[data.test_rows, "size"] = 1e6
    data.y.iloc[data.test_rows] = "yes"
    assert fit(data, params).digest == first


def test_breast_cancer_reaches_its_bars(prepared: Prepared) -> None:
    loaded = load_breast_cancer(as_frame=True)
    frame = loaded.data.assign(y=np.where(loaded.target == 0, "yes", "no"))
    data, params = prepared(frame, "binary")
    found = fit(data, params)
    X, y = data.X(data.test_rows), data.target(data.test_rows)
    right = {
        name: (predict(model, X, "binary").argmax(axis=1) == y).mean()
        for name, model in {"model": found.model, **found.baselines}.items()
    }
    assert found.estimator == "hist_gradient_boosting"
    assert right["linear"] > 0.95
    assert right["model"] > 0.93
    assert right["dummy"] == max((y == 0).mean(), (y == 1).mean())
    columns = data.X(data.train_rows).to_numpy(), data.target(data.train_rows)
    plain = HistGradientBoostingClassifier(random_state=0).fit(*columns)
    loss = log_loss(y, predict(found.model, X, "binary"))
    assert loss < log_loss(y, plain.predict_proba(X.to_numpy())) + 0.01


def test_wine_has_three_classes(prepared: Prepared) -> None:
    loaded = load_wine(as_frame=True)
    frame = loaded.data.assign(y=loaded.target_names[loaded.target])
    data, params = prepared(frame, "multiclass", train={"estimator": "linear"})
    found = fit(data, params)
    X, y = data.X(data.test_rows), data.target(data.test_rows)
    assert (predict(found.model, X, "multiclass").argmax(axis=1) == y).mean() > 0.9


@pytest.fixture(scope="module")
def dispatch() -> dict[str, Any]:
    """Return the case, its model, its truth and the test rows' outcomes.

    Without bias: it hangs on the tenants' group, which the model does not see.
    """
    fair = {"bias": 0}
    case = {
        "case": "dispatch",
        "task": "binary",
        "data": {
            "source": "synthetic:vendor_dispatch",
            "target": "on_time",
            "positive": True,
            "time": "opened_at",
            "ignore": ["tenant_group"],
            "split": {"by": "time"},
        },
    }
    params = params_from_dict(case)
    data = prepare(generate("vendor_dispatch", fair, 2), params)
    found = fit(data, params)
    X = data.X(data.test_rows)
    return {
        "found": found,
        "y": data.target(data.test_rows),
        "model": predict(found.model, X, "binary")[:, 1],
        "linear": predict(found.baselines["linear"], X, "binary")[:, 1],
        "truth": truth("vendor_dispatch", fair, 2).expected[data.test_rows],
    }


def test_vendor_dispatch_is_learnt_nearly_as_well_as_it_can_be(
    dispatch: dict[str, Any],
) -> None:
    y, model, best = dispatch["y"], dispatch["model"], dispatch["truth"]
    assert ((model >= 0.5) == y).mean() > 0.80
    assert f1_score(y, model >= 0.5) > 0.80
    assert log_loss(y, best) < log_loss(y, model) < log_loss(y, best) + 0.12
    assert np.corrcoef(model, best)[0, 1] > 0.85


def test_vendor_dispatch_needs_more_than_a_linear_model(
    dispatch: dict[str, Any],
) -> None:
    y, model, linear = (dispatch[name] for name in ("y", "model", "linear"))
    assert roc_auc_score(y, model) > roc_auc_score(y, linear) + 0.01
    assert log_loss(y, model) < log_loss(y, linear) - 0.02


def test_vendor_dispatch_probabilities_are_what_happens(
    dispatch: dict[str, Any],
) -> None:
    y, model = dispatch["y"], dispatch["model"]
    tenth = np.argsort(np.argsort(model)) * 10 // len(model)
    gaps = [abs(y[tenth == i].mean() - model[tenth == i].mean()) for i in range(10)]
    assert np.mean(gaps) < 0.05


def test_trees_are_counted_by_early_stopping(dispatch: dict[str, Any]) -> None:
    found = dispatch["found"]
    assert 20 < found.options["max_iter"] < 1000
    assert fitted_estimator(found.model).n_iter_ == found.options["max_iter"]
    assert found.candidates[0].options["max_iter"] == found.options["max_iter"]
    assert found.convergence is None


def test_calibration_mends_a_forest_that_is_too_timid() -> None:
    rng = np.random.default_rng(6)
    X = pd.DataFrame(rng.normal(size=(3000, 8)), columns=list("abcdefgh"))
    chance = 1 / (1 + np.exp(-3 * X.sum(axis=1)))
    frame = X.assign(y=np.where(rng.random(3000) < chance, "yes", "no"))
    options = {"max_depth": 2, "n_estimators": 30}
    loss = {}
    for method in (None, "sigmoid", "isotonic"):
        train = {
            "estimator": "random_forest",
            "options": options,
            "calibration": method,
        }
        data = {"source": "y.csv", "target": "y", "positive": "yes"}
        params = params_from_dict(
            {"case": "y", "task": "binary", "data": data, "train": train}
        )
        table = prepare(frame, params)
        found = fit(table, params)
        y = table.target(table.test_rows)
        predicted = predict(found.model, table.X(table.test_rows), "binary")
        loss[method] = log_loss(y, predicted)
        assert found.calibration == method
        assert np.isfinite(predicted).all()
    assert loss["sigmoid"] < loss[None] - 0.05
    assert loss["isotonic"] < loss[None] - 0.05


def test_calibration_undoes_what_class_weights_did(prepared: Prepared) -> None:
    frame = mixed("binary", 1200).assign(
        y=lambda f: np.where(f["size"] > 62, "yes", "no")
    )
    frame = frame.drop(columns=["size", "note"])
    share = (frame.y == "yes").mean()
    seen = {}
    for method in (None, "sigmoid"):
        train = {
            "estimator": "linear",
            "class_weight": "balanced",
            "calibration": method,
        }
        data, params = prepared(frame, "binary", train=train)
        found = fit(data, params)
        seen[method] = predict(found.model, data.X(), "binary")[:, 1].mean()
    assert abs(seen["sigmoid"] - share) < 0.02 < abs(seen[None] - share)


@pytest.mark.parametrize("estimator", ["lightgbm", "hist_gradient_boosting", "linear"])
def test_calibrated_models_survive_a_file_without_their_folds(
    prepared: Prepared, estimator: str
) -> None:
    data, found = fitted(prepared, "multiclass", estimator, calibration="sigmoid")
    X = data.X(data.test_rows)
    again = load_model(save_model(found.model, sample=X))
    assert model_digest(again) == found.digest
    assert found.model[-1].cv == 3
    assert fitted_estimator(found.model) is not found.model[-1]


def test_a_rare_class_reduces_the_folds_or_is_named(prepared: Prepared) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "y": ["a", "b"] * 150})
    frame.loc[:9, "y"] = "rare"
    data, params = prepared(frame, "multiclass")
    rows = data.train_rows[data.y.iloc[data.train_rows] == "rare"]
    data.y.iloc[rows[3:]] = "a"
    found = fit(data, params)
    assert found.notes == ("3 folds instead of 5: class 'rare' has 3 training row(s)",)
    data.y.iloc[rows[1:]] = "a"
    found = fit(data, params)
    assert found.options["max_iter"] == 100
    assert "class 'rare' has 1 training row(s)" in found.notes[0]
    for train in ({"estimator": "auto"}, {"calibration": "sigmoid"}, {"search": {}}):
        _, other = prepared(frame, "multiclass", train=train)
        with pytest.raises(ValueError, match=r"class 'rare' has 1 training row\(s\)"):
            fit(data, other)


def test_a_class_without_training_rows_is_named(prepared: Prepared) -> None:
    data, params = prepared(mixed("multiclass"), "multiclass")
    data.y[data.y == "b"] = "a"
    with pytest.raises(ValueError, match="class 'b' of 'y' has no training row"):
        fit(data, params)


def test_an_estimator_by_path_is_fitted(prepared: Prepared) -> None:
    path = "sklearn.naive_bayes:GaussianNB"
    data, found = fitted(prepared, "multiclass", path)
    assert (found.estimator, found.family) == (path, "other")
    assert predict(found.model, data.X(data.test_rows), "multiclass").shape[1] == 3
    path = "sklearn.svm:LinearSVC"
    data, found = fitted(prepared, "binary", path, calibration="sigmoid")
    assert isinstance(fitted_estimator(found.model), LinearSVC)
    assert fitted_estimator(found.model).random_state == 0


def test_what_an_estimator_refuses_comes_with_its_name_and_options(
    prepared: Prepared,
) -> None:
    path = "sklearn.naive_bayes:MultinomialNB"
    said = (
        r"MultinomialNB \(alpha=0\.5\) could not be fitted on \d+ rows: Negative values"
    )
    with pytest.raises(ValueError, match=said):
        fitted(prepared, "binary", path, options={"alpha": 0.5})


@pytest.mark.parametrize("options", [{"loss": "absolute_error"}, {"scoring": "r2"}])
def test_trees_are_counted_by_the_loss_that_is_asked_for(
    prepared: Prepared, options: dict[str, str]
) -> None:
    data, params = prepared(
        mixed("regression"), "regression", train={"options": options}
    )
    found = fit(data, params)
    y = data.target(data.train_rows)
    assert 1 < found.options["max_iter"] < 1000
    assert 0.4 * y.std() < found.candidates[0].mean < y.std()


def test_a_target_the_loss_cannot_have_is_refused_with_its_name(
    prepared: Prepared,
) -> None:
    train = {"options": {"loss": "poisson"}}
    data, params = prepared(mixed("regression"), "regression", train=train)
    with pytest.raises(
        ValueError, match=r"\(loss=poisson\) could not be fitted on \d+"
    ):
        fit(data, params)


def test_many_rows_stop_early_without_folds(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlkit.train.fitting.MANY_ROWS", 100)
    data, params = prepared(mixed("binary"), "binary")
    found = fit(data, params)
    assert found.candidates == ()
    assert found.options["early_stopping"] is True
    assert 1 < fitted_estimator(found.model).n_iter_ < 200


def test_groups_and_times_divide_the_folds(prepared: Prepared) -> None:
    frame = mixed("binary").assign(who=lambda f: [f"g{i % 30}" for i in f.index])
    split = {"by": "group"}
    data, params = prepared(
        frame,
        "binary",
        data={"group": "who", "split": split},
        train={"estimator": "auto", "folds": 3},
    )
    assert len(fit(data, params).candidates[0].losses) == 3
    whole = frame.assign(seen=frame.seen.ffill().bfill())
    data, params = prepared(
        whole,
        "binary",
        data={"time": "seen", "split": {"by": "time"}},
        train={"calibration": "sigmoid", "folds": 3, "options": {"max_iter": 5}},
    )
    assert fit(data, params).calibration == "sigmoid"


def test_the_record_is_plain_data_and_a_table(prepared: Prepared) -> None:
    _, found = fitted(prepared, "binary", "auto")
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["digest"] == found.digest == model_digest(found.model)
    assert record["baselines"] == ["dummy", "linear"]
    tried = {candidate["estimator"] for candidate in record["candidates"]}
    assert tried == {"linear", "hist_gradient_boosting"}
    page = found._repr_html_()
    assert found.reason.split(":")[0] in page
    assert found.digest[:12] in page
    assert "Settings compared by cross-validation" in page


def test_the_record_shows_class_weights_calibration_and_search(
    prepared: Prepared,
) -> None:
    train = {
        "estimator": "linear",
        "class_weight": {"yes": 3.0, "no": 1.0},
        "search": {"space": {"C": [0.1, 1.0]}, "candidates": 2, "folds": 2},
    }
    data, params = prepared(mixed("binary"), "binary", train=train)
    found = fit(data, params)
    assert found.to_dict()["class_weights"] == {"no": 1.0, "yes": 3.0}
    page = found._repr_html_()
    assert "no = 1, yes = 3" in page
    assert "2 candidates tried" in page
    _, plain = fitted(prepared, "binary", "linear")
    assert plain.to_dict()["class_weights"] is None
    assert "class weights" not in plain._repr_html_()
    data, params = prepared(
        mixed("binary"),
        "binary",
        train={"estimator": "linear", "calibration": "sigmoid", "folds": 2},
    )
    assert "<td>sigmoid</td>" in fit(data, params)._repr_html_()


def test_a_plain_linear_model_is_its_own_baseline(prepared: Prepared) -> None:
    _, found = fitted(prepared, "binary", "linear")
    assert found.baselines["linear"] is found.model
    _, found = fitted(prepared, "binary", "linear", options={"C": 0.1})
    assert found.baselines["linear"] is not found.model
    assert found.baselines["linear"][-1].C == 1.0


def test_no_feature_left_is_said(prepared: Prepared) -> None:
    frame = mixed("binary")[["size", "cost", "y"]]
    data, params = prepared(frame, "binary", train={"estimator": "linear"})
    bare = Dataset(
        **{
            **{name: getattr(data, name) for name in data.__dataclass_fields__},
            "schema": data.schema.__class__(
                columns=tuple(c for c in data.schema.columns if c.name == "y"),
                task="binary",
                target="y",
                classes=data.schema.classes,
                positive="yes",
            ),
        }
    )
    with pytest.raises(ValueError, match="no feature column left"):
        fit(bare, params)
