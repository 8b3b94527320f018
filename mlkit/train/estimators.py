"""The estimators by name: where they live, how they are fed, their usual options."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from mlkit.params.models import Task
from mlkit.train.encode import Encoding, categories, width
from mlkit.train.examples import Examples

Family = Literal["linear", "boosting", "forest", "other"]
Options = dict[str, Any]

RIDGE_STRENGTH = 0.1
FAMILIES: dict[str, Family] = {
    "sklearn.linear_model.": "linear",
    "sklearn.ensemble._hist_gradient_boosting.": "boosting",
    "sklearn.ensemble._gb": "boosting",
    "sklearn.ensemble._forest": "forest",
    "sklearn.tree.": "forest",
    "lightgbm.": "boosting",
    "xgboost.": "boosting",
}


def class_defaults(task: Task, rows: int) -> Options:
    """Return no options: the class's own defaults are right."""
    return {}


def nothing(examples: Examples) -> Options:
    """Return no arguments: the columns need none."""
    return {}


@dataclass(frozen=True)
class Recipe:
    """How estimators of one name are built and fed.

    Attributes
    ----------
    classifier, regressor : str
        Dotted paths of the classes.
    defaults : callable
        Options that differ from the class's own defaults, given the task and the number
        of training rows.
    technical : callable
        Constructor arguments that are no hyper-parameters: what only the columns can
        say, and what makes the result the same every time.
    fit_arguments : callable
        The same for ``fit``.
    space : mapping
        Values a search tries for each option.
    extra : str
        The extra of mlkit that installs the class; empty when always installed.
    """

    name: str
    family: Family
    encoding: Encoding
    classifier: str
    regressor: str
    defaults: Callable[[Task, int], Options] = class_defaults
    technical: Callable[[Examples], Options] = nothing
    fit_arguments: Callable[[Examples], Options] = nothing
    space: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    extra: str = ""

    def path(self, task: str) -> str:
        """Return the dotted path of the class for a task."""
        return self.regressor if task == "regression" else self.classifier


def boosted(task: Task, rows: int) -> Options:
    """Return options under which histogram boosting does well on small tables too.

    The penalty on leaf values and the choice among half of the columns at each split
    make for better probabilities than scikit-learn's defaults; the number of trees is
    found by early stopping. A pass grows a tree for each of several classes, so there
    the steps are larger and the passes fewer.
    """
    several = task == "multiclass"
    return {
        "learning_rate": 0.1 if several else 0.05,
        "min_samples_leaf": 10,
        "l2_regularization": 0.3 if several else 3.0,
        "max_features": 0.5,
        "early_stopping": False,
    }


def descent(task: Task, rows: int) -> Options:
    """Return stochastic gradient descent with a ridge penalty on the loss's sum."""
    loss = "squared_error" if task == "regression" else "log_loss"
    return {
        "loss": loss,
        "penalty": "l2",
        "alpha": RIDGE_STRENGTH / rows,
        "learning_rate": "constant",
        "eta0": 0.01,
        "tol": 1e-3,
        "max_iter": 1000,
    }


def logistic_or_ridge(task: Task, rows: int) -> Options:
    """Return enough iterations for a logistic regression; a ridge needs none."""
    return {} if task == "regression" else {"max_iter": 1000}


def bounded_forest(task: Task, rows: int) -> Options:
    """Return trees of a bounded size, so that explaining one row stays affordable."""
    return {"n_estimators": 200, "max_depth": 14, "min_samples_leaf": 2}


def lightgbm_options(task: Task, rows: int) -> Options:
    """Return a smaller step than LightGBM's, more trees and a penalty on leaves."""
    return {
        "n_estimators": 200,
        "learning_rate": 0.05,
        "reg_lambda": 1.0,
    }


def xgboost_options(task: Task, rows: int) -> Options:
    """Return a smaller step than XGBoost's and more trees."""
    return {"n_estimators": 200, "learning_rate": 0.05}


def category_positions(examples: Examples) -> list[int]:
    """Return where the encoder puts the categories: in front."""
    return list(range(len(categories(examples.kinds))))


def hist_categories(examples: Examples) -> Options:
    """Return scikit-learn's way of naming the categorical columns."""
    return {"categorical_features": category_positions(examples) or None}


def xgboost_technical(examples: Examples) -> Options:
    """Return XGBoost's way of naming the categorical columns, and one thread."""
    known = len(category_positions(examples))
    types = ["c"] * known + ["q"] * (width(examples.kinds) - known)
    return {"enable_categorical": True, "feature_types": types, "n_jobs": 1}


def lightgbm_technical(examples: Examples) -> Options:
    """Return what makes LightGBM silent and the same every time."""
    return {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbose": -1}


def lightgbm_categories(examples: Examples) -> Options:
    """Return LightGBM's way of naming the categorical columns."""
    return {"categorical_feature": category_positions(examples) or "auto"}


TREES = {
    "max_depth": (6, 10, 14),
    "min_samples_leaf": (1, 2, 5, 10),
    "max_features": ("sqrt", 0.3, 0.6, 1.0),
}
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "hist_gradient_boosting",
            "boosting",
            "native",
            "sklearn.ensemble:HistGradientBoostingClassifier",
            "sklearn.ensemble:HistGradientBoostingRegressor",
            defaults=boosted,
            technical=hist_categories,
            space={
                "learning_rate": (0.02, 0.05, 0.1),
                "max_leaf_nodes": (7, 15, 31, 63),
                "min_samples_leaf": (5, 10, 20, 50),
                "l2_regularization": (0.0, 0.3, 1.0, 3.0, 10.0),
                "max_features": (0.2, 0.35, 0.5, 0.75, 1.0),
            },
        ),
        Recipe(
            "linear",
            "linear",
            "scaled",
            "sklearn.linear_model:LogisticRegression",
            "sklearn.linear_model:Ridge",
            defaults=logistic_or_ridge,
            space={
                "C": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
                "alpha": (0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
            },
        ),
        Recipe(
            "sgd",
            "linear",
            "dense",
            "sklearn.linear_model:SGDClassifier",
            "sklearn.linear_model:SGDRegressor",
            defaults=descent,
            space={
                "eta0": (0.0003, 0.001, 0.003, 0.01, 0.03),
                "penalty": ("l2", "l1", "elasticnet"),
            },
        ),
        Recipe(
            "random_forest",
            "forest",
            "ordinal",
            "sklearn.ensemble:RandomForestClassifier",
            "sklearn.ensemble:RandomForestRegressor",
            defaults=bounded_forest,
            space=TREES,
        ),
        Recipe(
            "extra_trees",
            "forest",
            "ordinal",
            "sklearn.ensemble:ExtraTreesClassifier",
            "sklearn.ensemble:ExtraTreesRegressor",
            defaults=bounded_forest,
            space=TREES,
        ),
        Recipe(
            "lightgbm",
            "boosting",
            "native",
            "lightgbm:LGBMClassifier",
            "lightgbm:LGBMRegressor",
            defaults=lightgbm_options,
            technical=lightgbm_technical,
            fit_arguments=lightgbm_categories,
            space={
                "n_estimators": (50, 100, 200, 400),
                "num_leaves": (7, 15, 31, 63),
                "min_child_samples": (5, 10, 20, 50),
                "reg_lambda": (0.0, 1.0, 10.0),
                "colsample_bytree": (0.3, 0.5, 0.8, 1.0),
            },
            extra="boosting",
        ),
        Recipe(
            "xgboost",
            "boosting",
            "native",
            "xgboost:XGBClassifier",
            "xgboost:XGBRegressor",
            defaults=xgboost_options,
            technical=xgboost_technical,
            space={
                "n_estimators": (50, 100, 200, 400),
                "max_depth": (2, 3, 4, 6, 8),
                "min_child_weight": (1, 3, 10),
                "reg_lambda": (0.0, 1.0, 10.0),
                "colsample_bytree": (0.3, 0.5, 0.8, 1.0),
            },
            extra="boosting",
        ),
    )
}


def recipe_for(estimator: str) -> Recipe:
    """Return how an estimator is built: a named one, or one by its dotted path.

    Raises
    ------
    ImportError
        The dotted path's module cannot be imported.
    AttributeError
        The module has no such class.
    """
    if estimator in RECIPES:
        return RECIPES[estimator]
    family = family_of(load_class(estimator))
    return Recipe(estimator, family, "dense", estimator, estimator)


def load_class(path: str) -> type:
    """Import the class at ``package.module:Class``."""
    module, _, name = path.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def family_of(estimator: type) -> Family:
    """Return the family of a class, by where scikit-learn keeps it."""
    place = f"{estimator.__module__}."
    for start, family in FAMILIES.items():
        if place.startswith(start):
            return family
    return "other"


def make_estimator(
    recipe: Recipe, examples: Examples, options: Mapping[str, Any], *, seed: int
) -> Any:
    """Return an unfitted estimator.

    Parameters
    ----------
    options : mapping
        Hyper-parameters laid over the recipe's defaults.
    seed : int
        Given as ``random_state`` to the classes that have one.
    """
    cls = load_class(recipe.path(examples.task))
    estimator = cls(
        **recipe.technical(examples)
        | recipe.defaults(examples.task, len(examples))
        | dict(options),
    )
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=seed)
    if recipe.name == "sgd" and examples.task == "regression":
        # Its tolerance is an absolute one, so the target must have a size of about 1.
        return TransformedTargetRegressor(estimator, transformer=StandardScaler())
    return estimator
