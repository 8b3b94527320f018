"""What can be known to be wrong with a train section before any data is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import has_fit_parameter

from mlkit.params import Params, ParamsError, Problem
from mlkit.params.problems import nearest, shown
from mlkit.train.estimators import RECIPES, Recipe, load_class, recipe_for

SET_ELSEWHERE = {
    "random_state": "it follows `seed`",
    "class_weight": "use `train.class_weight`",
    "categorical_features": "it follows the columns' kinds, see `data.columns`",
    "feature_types": "it follows the columns' kinds, see `data.columns`",
    "enable_categorical": "it follows the columns' kinds, see `data.columns`",
}
ESTIMATOR = ("train", "estimator")
OPTIONS = ("train", "options")


def check_estimator(params: Params) -> None:
    """Check the train section as far as that is possible without data.

    Raises
    ------
    ParamsError
        An estimator or option that does not exist, a value the estimator refuses, or
        settings that exclude one another; lists every problem with the nearest name.
    """
    found = list(problems(params))
    if found:
        raise ParamsError(f"params/{params.case}.yaml", found)


def problems(params: Params) -> Iterator[Problem]:
    """Yield what is wrong with the train section."""
    train = params.train
    yield from about_class_weights(params)
    if train.estimator == "auto":
        yield from about_auto(params)
        return
    try:
        recipe = recipe_for(train.estimator)
        cls = load_class(recipe.path(params.task))
    except Exception as error:  # a module of the user's own may fail in any way
        yield unavailable(train.estimator, error)
        return
    yield from about_class(params, recipe, cls)


def about_class_weights(params: Params) -> Iterator[Problem]:
    """Yield weights that would make a class disappear."""
    asked = params.train.class_weight
    for label, weight in asked.items() if isinstance(asked, Mapping) else ():
        if weight <= 0:
            path = ("train", "class_weight", label)
            yield Problem(path, "must be a number above 0", shown(weight))


def about_auto(params: Params) -> Iterator[Problem]:
    """Yield options that `auto` cannot pass on."""
    given = {
        OPTIONS: params.train.options,
        ("train", "search", "space"): params.train.search and params.train.search.space,
    }
    for path, value in given.items():
        if value:
            advice = "name the estimator they belong to"
            yield Problem(path, "needs a named estimator, not `auto`", advice=advice)


def unavailable(estimator: str, error: Exception) -> Problem:
    """Return the problem of a class that cannot be imported."""
    if estimator in RECIPES and RECIPES[estimator].extra:
        advice = f"install the extra: pip install 'mlkit[{RECIPES[estimator].extra}]'"
        return Problem(ESTIMATOR, "is not installed", shown(estimator), advice)
    return Problem(
        ESTIMATOR,
        f"cannot be imported ({error})",
        shown(estimator),
        "install its package into this environment, or correct the path",
    )


def about_class(params: Params, recipe: Recipe, cls: type) -> Iterator[Problem]:
    """Yield what is wrong between a class and what is asked of it."""
    name = shown(params.train.estimator)
    if not all(hasattr(cls, part) for part in ("fit", "predict", "get_params")):
        rule = "must be a scikit-learn estimator with fit, predict and get_params"
        yield Problem(ESTIMATOR, rule, name)
        return
    try:
        estimator: Any = cls()
    except TypeError as error:
        yield Problem(ESTIMATOR, f"cannot be built without arguments ({error})", name)
        return
    right = is_regressor if params.task == "regression" else is_classifier
    if not right(estimator):
        wanted = "regressor" if params.task == "regression" else "classifier"
        yield Problem(ESTIMATOR, f"must be a {wanted} for task {params.task}", name)
        return
    wrong = list(about_options(params, estimator))
    yield from wrong
    if not wrong:
        yield from about_values(params, estimator)
        yield from about_probabilities(params, recipe, estimator)
        yield from about_weights(params, estimator)


def about_options(params: Params, estimator: Any) -> Iterator[Problem]:
    """Yield options that the estimator does not have or that are set elsewhere."""
    known = sorted(set(estimator.get_params(deep=False)) - set(SET_ELSEWHERE))
    search = params.train.search
    asked: list[tuple[str, ...]] = [(*OPTIONS, name) for name in params.train.options]
    asked += [
        ("train", "search", "space", name) for name in (search.space if search else ())
    ]
    for path in asked:
        option = path[-1]
        if option in SET_ELSEWHERE:
            yield Problem(path, "cannot be set here", advice=SET_ELSEWHERE[option])
        elif option not in known:
            near = nearest(option, known)
            advice = f"did you mean `{near}`?" if near else f"known: {', '.join(known)}"
            rule = f"is not an option of {type(estimator).__name__}"
            yield Problem(path, rule, advice=advice)


def about_values(params: Params, estimator: Any) -> Iterator[Problem]:
    """Yield values that the estimator refuses, where it can say so before a fit."""
    # LightGBM inherits the method without the constraints that it checks.
    if not hasattr(estimator, "_parameter_constraints"):
        return
    search = params.train.search
    tried: list[tuple[tuple[str, ...], str, Any]] = [
        (OPTIONS, name, value) for name, value in params.train.options.items()
    ]
    for name, values in (search.space if search else {}).items():
        tried += [(("train", "search", "space"), name, value) for value in values]
    usual = estimator.get_params(deep=False)
    for path, name, value in tried:
        try:
            estimator.set_params(**{name: value})
            estimator._validate_params()
        except ValueError as error:
            rule = str(error).split(" Got ")[0].split(" must be ")[-1].rstrip(".")
            yield Problem((*path, name), f"must be {rule}", shown(value))
        finally:
            estimator.set_params(**{name: usual[name]})


def about_probabilities(
    params: Params, recipe: Recipe, estimator: Any
) -> Iterator[Problem]:
    """Yield a classifier that gives no probabilities and is not asked to learn them."""
    if params.task == "regression" or params.train.calibration is not None:
        return
    usual = recipe.defaults(params.task, params.data.min_rows)
    estimator.set_params(**usual | params.train.options)
    if not hasattr(estimator, "predict_proba"):
        yield Problem(
            ESTIMATOR,
            "must give probabilities (predict_proba)",
            shown(params.train.estimator),
            "set `train.calibration: sigmoid`, which adds them",
        )


def about_weights(params: Params, estimator: Any) -> Iterator[Problem]:
    """Yield weights that the estimator cannot use, or only in a way that misleads."""
    train = params.train
    weighs = bool(has_fit_parameter(estimator, "sample_weight"))
    by_class = "class_weight" in estimator.get_params(deep=False)
    name = type(estimator).__name__
    if params.data.weight is not None and not weighs:
        rule = f"cannot be used: {name}.fit takes no sample_weight"
        yield Problem(("data", "weight"), rule, shown(params.data.weight))
    if train.class_weight is None or by_class:
        return
    path = ("train", "class_weight")
    if not weighs:
        rule = f"cannot be used: {name} takes neither class nor sample weights"
        yield Problem(path, rule, shown(train.class_weight))
    elif train.calibration is not None:
        rule = f"cannot be joined with calibration: {name} takes no class weights"
        advice = "it would calibrate the weights into the probabilities; drop one"
        yield Problem(path, rule, shown(train.class_weight), advice)
