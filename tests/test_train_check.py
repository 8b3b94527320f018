"""What a train section gets told before any data is read."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from mlkit.params import Params, ParamsError, params_from_dict
from mlkit.params.models import ESTIMATORS
from mlkit.train import check_estimator
from mlkit.train.estimators import RECIPES, family_of, load_class, recipe_for


def case(task: str = "binary", **sections: Any) -> Params:
    positive = {"positive": "yes"} if task == "binary" else {}
    data = {"source": "y.csv", "target": "y", **positive, **sections.pop("data", {})}
    return params_from_dict({"case": "y", "task": task, "data": data, **sections})


def complaint(params: Params) -> str:
    with pytest.raises(ParamsError) as caught:
        check_estimator(params)
    return str(caught.value)


class NeedsDepth(BaseEstimator):  # type: ignore[misc]
    def __init__(self, depth: int) -> None:
        self.depth = depth

    fit = predict = None


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_named_estimator_is_fine_as_it_is(name: str, task: str) -> None:
    check_estimator(case(task, train={"estimator": name}))
    assert name == "auto" or name in RECIPES


def test_an_unknown_estimator_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"did you mean `?hist_gradient_boosting"):
        check_estimator(case(train={"estimator": "hist_gradient_bosting"}))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_package.models:Model", "cannot be imported (No module named"),
        ("sklearn.linear_model:LogitRegression", "cannot be imported (module"),
        ("json:JSONDecoder", "must be a scikit-learn estimator with fit, predict and"),
        ("sklearn.linear_model:Ridge", "must be a classifier for task binary"),
        (f"{__name__}:NeedsDepth", "cannot be built without arguments"),
    ],
)
def test_a_path_that_leads_to_no_classifier_is_explained(
    path: str, reason: str
) -> None:
    sys.modules.setdefault(__name__, sys.modules[NeedsDepth.__module__])
    said = complaint(case(train={"estimator": path}))
    assert reason in said
    assert path in said


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightgbm", "xgboost"):
        monkeypatch.setitem(sys.modules, name, None)
        said = complaint(case(train={"estimator": name}))
        assert f'is not installed, got "{name}"' in said
        assert "pip install 'mlkit[boosting]'" in said


def test_every_wrong_option_is_named_with_the_nearest_one() -> None:
    options = {"learning_rat": 0.1, "max_iters": 5, "max_depth": 3}
    said = complaint(case(train={"options": options}))
    assert "train.options.learning_rat is not an option of HistGradientBoosting" in said
    assert "did you mean `learning_rate`?" in said
    assert "did you mean `max_iter`?" in said
    assert "max_depth" not in said


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("learning_rate", -1.0, "must be a float in the range (0.0, inf), got -1.0"),
        ("max_leaf_nodes", 1, "must be an int in the range [2, inf) or None, got 1"),
        ("max_iter", "many", 'must be an int in the range [1, inf), got "many"'),
    ],
)
def test_a_value_the_estimator_refuses_is_named(
    option: str, value: Any, rule: str
) -> None:
    said = complaint(case(train={"options": {option: value}}))
    assert f"train.options.{option} {rule}" in said
    space = {"space": {option: [value]}}
    said = complaint(case(train={"search": space}))
    assert f"train.search.space.{option} {rule}" in said


@pytest.mark.parametrize(
    ("estimator", "option", "instead"),
    [
        ("linear", "random_state", "it follows `seed`"),
        ("linear", "class_weight", "use `train.class_weight`"),
        ("hist_gradient_boosting", "categorical_features", "see `data.columns`"),
    ],
)
def test_an_option_that_is_set_elsewhere_says_where(
    estimator: str, option: str, instead: str
) -> None:
    said = complaint(case(train={"estimator": estimator, "options": {option: 1}}))
    assert f"train.options.{option} cannot be set here; {instead}" in said or (
        instead in said
    )


def test_auto_takes_no_options() -> None:
    said = complaint(case(train={"estimator": "auto", "options": {"C": 1.0}}))
    assert "train.options needs a named estimator, not `auto`" in said
    space = {"estimator": "auto", "search": {"space": {"C": [1.0]}}}
    assert "train.search.space needs a named estimator" in complaint(case(train=space))
    check_estimator(case(train={"estimator": "auto", "search": {"seconds": 1.0}}))


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_class_weights_are_above_0(weight: float) -> None:
    said = complaint(case(train={"class_weight": {"yes": weight, "no": 1.0}}))
    assert "train.class_weight.yes must be a number above 0" in said


def test_a_classifier_without_probabilities_is_sent_to_calibration() -> None:
    svc = {"estimator": "sklearn.svm:LinearSVC"}
    said = complaint(case(train=svc))
    assert "must give probabilities" in said
    assert "train.calibration: sigmoid" in said
    check_estimator(case(train={**svc, "calibration": "sigmoid"}))
    hinge = {"estimator": "sgd", "options": {"loss": "hinge"}}
    assert "must give probabilities" in complaint(case(train=hinge))


def test_weights_that_cannot_be_used_are_refused() -> None:
    knn = "sklearn.neighbors:KNeighborsClassifier"
    said = complaint(case(data={"weight": "w"}, train={"estimator": knn}))
    assert "data.weight cannot be used: KNeighborsClassifier.fit takes no" in said
    said = complaint(case(train={"estimator": knn, "class_weight": "balanced"}))
    assert "takes neither class nor sample weights" in said


def test_class_weights_that_calibration_would_learn_are_refused() -> None:
    train = {"class_weight": "balanced", "calibration": "sigmoid"}
    said = complaint(case(train={"estimator": "xgboost", **train}))
    assert "cannot be joined with calibration" in said
    check_estimator(case(train={"estimator": "lightgbm", **train}))


def test_families_follow_where_a_class_lives() -> None:
    families = {name: recipe.family for name, recipe in RECIPES.items()}
    for name, recipe in RECIPES.items():
        for path in (recipe.classifier, recipe.regressor):
            assert family_of(load_class(path)) == families[name]
    assert recipe_for("sklearn.svm:SVC").family == "other"
    assert recipe_for("sklearn.linear_model:LogisticRegression").family == "linear"
    assert load_class("sklearn.linear_model:LogisticRegression") is LogisticRegression
