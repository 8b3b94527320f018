"""Columns that give the target away are suspected, genuine ones are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.metrics import r2_score, roc_auc_score

from mlkit.data import Dataset, prepare
from mlkit.data.leakage import AUC_BOUND, R2_BOUND
from mlkit.data.relations import parts_of_target
from mlkit.data.strengths import area_under_curve, make_folds, r2, strength
from mlkit.params.models import Params

CHANCE = np.random.default_rng(3)
N = 600


def case(task: str, **data: Any) -> Params:
    sections = {"data": {"source": "rows.csv", "target": "y", **data}}
    return Params.model_validate({"case": "c", "task": task, **sections})


def suspects(dataset: Dataset) -> set[str | None]:
    return {check.column for check in dataset.leakage}


def genuine() -> pd.DataFrame:
    return pd.DataFrame({"a": CHANCE.normal(size=N), "b": CHANCE.choice([*"uvw"], N)})


def binary() -> pd.DataFrame:
    frame = genuine()
    score = frame["a"] + CHANCE.normal(size=N)
    return frame.assign(y=np.where(score > 0, "yes", "no"))


def regression() -> pd.DataFrame:
    frame = genuine()
    return frame.assign(y=np.exp(frame["a"] + CHANCE.normal(size=N)))


def flipped(labels: pd.Series, share: float) -> pd.Series:
    other = labels.map({"yes": "no", "no": "yes"})
    order = np.random.default_rng(5).permutation(len(labels))
    return labels.where(pd.Series(order >= share * len(labels)), other)


def is_yes(frame: pd.DataFrame) -> pd.Series:
    return (frame["y"] == "yes").astype(float)


BINARY_LEAKS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "copy": lambda frame: frame["y"],
    "numbers": is_yes,
    "opposite": lambda frame: 1 - is_yes(frame),
    "noisy copy": lambda frame: is_yes(frame) + CHANCE.normal(0, 0.1, N),
    "copy with 1 % wrong": lambda frame: flipped(frame["y"], 0.01),
    "recode in several levels": lambda frame: frame["y"] + CHANCE.choice([*"123"], N),
    "missing when no": lambda frame: is_yes(frame).where(frame["y"] == "yes"),
    "text missing when no": lambda frame: pd.Series("x", frame.index).where(
        frame["y"] == "yes"
    ),
    "date": lambda frame: (
        pd.Timestamp(2020, 1, 1)
        + pd.to_timedelta(is_yes(frame) * 40 + CHANCE.random(N), unit="D")
    ),
    "two bands": lambda frame: (
        np.where(frame["y"] == "yes", 0, CHANCE.choice([-9, 9], N)) + CHANCE.random(N)
    ),
}


@pytest.mark.parametrize("leak", BINARY_LEAKS)
def test_a_column_that_gives_a_class_away_is_suspected(leak: str) -> None:
    frame = binary()
    dataset = prepare(frame.assign(leak=BINARY_LEAKS[leak](frame)), case("binary"))
    assert suspects(dataset) == {"leak"}
    (check,) = dataset.leakage
    assert "alone it predicts the target almost perfectly: AUC" in check.found
    assert "Put it in data.ignore, or in data.accept_leakage" in check.advice


REGRESSION_LEAKS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "copy": lambda frame: frame["y"],
    "other unit": lambda frame: 60 - 24 * frame["y"],
    "monotone": lambda frame: np.log(frame["y"]),
    "noisy copy": lambda frame: (
        frame["y"] + CHANCE.normal(0, 0.1 * frame["y"].std(), N)
    ),
    "square of the difference": lambda frame: (
        (frame["y"].rank() - 300) ** 2 * np.sign(frame["y"].rank() - 300)
    ),
}


@pytest.mark.parametrize("leak", REGRESSION_LEAKS)
def test_a_column_that_gives_a_number_away_is_suspected(leak: str) -> None:
    frame = regression()
    dataset = prepare(
        frame.assign(leak=REGRESSION_LEAKS[leak](frame)), case("regression")
    )
    assert suspects(dataset) == {"leak"}
    assert "almost perfectly: R2" in dataset.leakage[0].found


def test_a_recode_of_few_amounts_is_suspected() -> None:
    frame = genuine()
    amount = CHANCE.integers(0, 12, N)
    frame["leak"] = np.array([*"qwertyuiopas"])[amount]
    dataset = prepare(frame.assign(y=amount * 10.0), case("regression"))
    assert suspects(dataset) == {"leak"}


def test_a_recode_of_many_classes_is_suspected() -> None:
    frame = genuine()
    classes = CHANCE.integers(0, 8, N)
    frame["text"] = np.array([*"qwertyui"])[classes]
    frame["number"] = np.array([5, 3, 8, 1, 2, 9, 4, 7])[classes]
    frame["blurred"] = classes + CHANCE.normal(0, 0.1, N)
    dataset = prepare(frame.assign(y=[f"c{c}" for c in classes]), case("multiclass"))
    assert suspects(dataset) == {"text", "number", "blurred"}


def test_genuine_columns_are_not_suspected() -> None:
    for frame, task in ((binary(), "binary"), (regression(), "regression")):
        dataset = prepare(frame, case(task))
        assert dataset.leakage == ()
        (check,) = [check for check in dataset.checks if check.name == "leakage"]
        assert check.status == "ok"
        assert check.found.startswith("the strongest, 'a', reaches")


def test_a_copy_with_many_wrong_labels_is_not_suspected() -> None:
    frame = binary()
    frame["weak"] = flipped(frame["y"], 0.05)
    assert prepare(frame, case("binary")).leakage == ()


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("breast_cancer", "binary"),
        ("wine", "multiclass"),
        ("digits", "multiclass"),
        ("diabetes", "regression"),
    ],
)
def test_no_column_of_well_known_tables_is_suspected(name: str, task: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    dataset = prepare(frame.rename(columns={"target": "y"}), case(task))
    assert dataset.leakage == ()
    (check,) = [check for check in dataset.checks if check.name == "leakage"]
    reached = float(check.found.split()[-2])
    bound = R2_BOUND if task == "regression" else AUC_BOUND
    assert reached < bound - 0.01


def test_accepted_columns_do_not_stop_a_promotion() -> None:
    frame = binary()
    frame["leak"] = frame["y"]
    dataset = prepare(frame, case("binary", accept_leakage=["leak"]))
    assert dataset.leakage == ()
    (check,) = [check for check in dataset.checks if check.column == "leak"]
    assert (check.name, check.status) == ("leakage", "ok")
    assert check.found.endswith("accepted in data.accept_leakage")


def test_an_identifier_declared_as_something_else_is_suspected() -> None:
    frame = binary()
    frame["key"] = [f"k{i}" for i in range(N)]
    frame["step"] = range(N)
    declared = {"key": "category", "step": "number"}
    dataset = prepare(frame, case("binary", columns=declared))
    assert suspects(dataset) == {"key", "step"}
    assert "it looks like an identifier: 100.0% of the" in dataset.leakage[0].found
    accepted = case("binary", columns=declared, accept_leakage=["key", "step"])
    assert prepare(frame, accepted).leakage == ()


def test_parts_that_add_up_to_the_target_are_suspected() -> None:
    frame = pd.DataFrame(CHANCE.gamma(2, 30, (N, 6)).round(1), columns=[*"abcdef"])
    params = case("regression")
    pair = prepare(frame.assign(y=frame["b"] + frame["e"]), params)
    assert suspects(pair) == {"b", "e"}
    assert "parts that add up to the target: 'b' + 'e'" in pair.leakage[0].found
    rest = prepare(frame.assign(y=frame["b"] - frame["e"] + 5), params)
    assert "add up to the target: 'b' - 'e'" in rest.leakage[0].found
    three = prepare(frame.assign(y=frame[["a", "b", "c"]].sum(axis=1)), params)
    assert suspects(three) == {"a", "b", "c"}
    mean = prepare(frame.assign(y=0.3 * frame["a"] + 0.7 * frame["d"]), params)
    assert "which is 0.3 x 'a' + 0.7 x 'd' but for a constant" in mean.leakage[0].found


def test_a_sum_with_noise_is_not_suspected() -> None:
    frame = pd.DataFrame(CHANCE.gamma(2, 30, (N, 6)).round(1), columns=[*"abcdef"])
    noisy = frame["b"] + frame["e"] + CHANCE.normal(0, 5, N)
    assert prepare(frame.assign(y=noisy), case("regression")).leakage == ()


def test_sums_are_found_beside_missing_values_and_constant_columns() -> None:
    frame = pd.DataFrame(CHANCE.gamma(2, 30, (N, 4)).round(1), columns=[*"abcd"])
    frame["y"] = frame["a"] + frame["b"]
    frame["same"] = 4.0
    frame.loc[CHANCE.choice(N, 50, replace=False), "c"] = np.nan
    assert suspects(prepare(frame, case("regression"))) == {"a", "b"}


def test_numbers_of_any_size_are_looked_at() -> None:
    frame = regression()
    frame["huge"] = CHANCE.normal(size=N) * 1e36
    frame["tiny"] = CHANCE.normal(size=N) * 1e-307
    frame["leak"] = frame["y"] * 1e34
    assert suspects(prepare(frame, case("regression"))) == {"leak"}
    frame["y"] = frame["y"] * 1e33
    assert suspects(prepare(frame, case("regression"))) == {"leak"}


def test_a_copy_is_suspected_where_it_is_known() -> None:
    frame = regression()
    frame["leak"] = frame["y"].where(CHANCE.random(N) < 0.7)
    assert suspects(prepare(frame, case("regression"))) == {"leak"}


def test_a_mostly_missing_column_hides_no_sum() -> None:
    frame = pd.DataFrame(CHANCE.gamma(2, 30, (N, 3)).round(1), columns=[*"abc"])
    frame["y"] = frame["a"] + frame["b"]
    frame["gaps"] = frame["c"].where(CHANCE.random(N) < 0.02)
    assert suspects(prepare(frame, case("regression"))) == {"a", "b"}


def test_too_few_rows_for_many_columns_give_no_sum() -> None:
    frame = pd.DataFrame(CHANCE.normal(size=(40, 30)), columns=[*map(str, range(30))])
    target = CHANCE.normal(size=40)
    assert parts_of_target(frame, target, make_folds(target)) == {}


def test_counts_that_add_up_are_suspected_in_bike_sharing(
    shared_data: Callable[[str], Path],
) -> None:
    for name in ("day", "hour"):
        raw = pd.read_csv(shared_data(f"bike_sharing/{name}.csv"), dtype=str)
        params = case("regression", target="cnt")
        assert suspects(prepare(raw, params)) == {"casual", "registered"}
        without = case("regression", target="cnt", ignore=["casual", "registered"])
        assert prepare(raw, without).leakage == ()


def test_areas_and_scores_agree_with_scikit_learn() -> None:
    labels = CHANCE.random(200) < 0.3
    score = np.round(CHANCE.normal(size=200) + labels, 1)
    assert area_under_curve(labels, score) == pytest.approx(
        roc_auc_score(labels, score)
    )
    values, predicted = CHANCE.normal(size=50), CHANCE.normal(size=50)
    assert r2(values, predicted) == pytest.approx(r2_score(values, predicted))
    assert area_under_curve(np.ones(5, bool), np.arange(5.0)) == 0.5
    assert r2(np.ones(5), np.arange(5.0)) == 0


def test_each_fold_has_low_and_high_rows() -> None:
    target = np.repeat([0, 1, 2], [50, 30, 7])
    folds = make_folds(target)
    counts = [np.bincount(target[folds == fold], minlength=3) for fold in range(3)]
    assert np.ptp(counts, axis=0).max() <= 1


def test_strength_is_measured_on_rows_that_were_not_looked_at() -> None:
    target = (CHANCE.random(N) < 0.5).astype(np.int64)
    names = pd.Series([f"k{i}" for i in range(N)], dtype="str")
    noise = pd.Series(CHANCE.normal(size=N))
    folds = make_folds(target)
    assert strength(names, target, folds, classes=2) == pytest.approx(0.5, abs=0.02)
    assert strength(noise, target, folds, classes=2) < 0.65
