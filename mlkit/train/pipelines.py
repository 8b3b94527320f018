"""A model is one pipeline: an encoder for the raw frame, then an estimator."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from mlkit.params.models import Task
from mlkit.train.encode import make_encoder
from mlkit.train.estimators import make_estimator, recipe_for
from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.weights import row_weights

ROWS_WORTH_THREADS = 200_000


@dataclass(frozen=True)
class Plan:
    """What to fit: an estimator's name, its options and the weights of the classes.

    Attributes
    ----------
    class_weight : mapping of int to float or None
        Weight of each class's index.
    """

    estimator: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    class_weight: Mapping[int, float] | None = None
    calibration: str | None = None


@contextmanager
def steady(rows: int) -> Iterator[None]:
    """Compute so that the result is the same on any number of processors.

    Linear algebra runs on one thread, as its sums depend on how threads divide them.
    Those of histogram boosting do not, but its threads wait for each other busily,
    which on a machine with other work pays only where rows are many. A fit that stops
    at its limit of passes is no warning here: the record of the fit says so.
    """
    threads = {"blas": 1, "openmp": None if rows >= ROWS_WORTH_THREADS else 1}
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def fit_plan(plan: Plan, examples: Examples, folds: Folds | None = None) -> Pipeline:
    """Return the fitted pipeline of a plan.

    Parameters
    ----------
    folds : Folds or None
        Needed when the plan calibrates the probabilities.

    Raises
    ------
    ValueError
        The estimator could not learn from these rows; the message says what it said.
    """
    recipe = recipe_for(plan.estimator)
    divided = folds.splits if plan.calibration is not None and folds else ()
    examples = examples.with_known_columns(*(learn for learn, _ in divided))
    estimator, weight = weighed(plan, examples)
    if divided:
        estimator = CalibratedClassifierCV(
            estimator, method=plan.calibration, cv=list(divided), ensemble=False
        )
    encoder = make_encoder(examples.kinds, recipe.encoding, seed=plan.seed)
    model = Pipeline([("encode", encoder), ("model", estimator)])
    arguments = {"sample_weight": weight} if weight is not None else {}
    arguments |= recipe.fit_arguments(examples)
    named = {f"model__{name}": value for name, value in arguments.items()}
    with steady(len(examples)), explained(plan, examples):
        model.fit(examples.X, examples.y, **named)
    if divided:
        # The row numbers of the folds are no part of the model.
        estimator.set_params(cv=len(divided))
    return model


def weighed(plan: Plan, examples: Examples) -> tuple[Any, NDArray[np.float64] | None]:
    """Return the unfitted estimator and the row weights.

    Class weights go into the estimator where it has them, so that a calibration around
    it sees the classes as frequent as they are; into the row weights otherwise.
    """
    recipe = recipe_for(plan.estimator)
    estimator = make_estimator(recipe, examples, plan.options, seed=plan.seed)
    if plan.class_weight is None or "class_weight" not in estimator.get_params():
        return estimator, row_weights(examples, plan.class_weight)
    return estimator.set_params(class_weight=dict(plan.class_weight)), examples.weight


@contextmanager
def explained(plan: Plan, examples: Examples) -> Iterator[None]:
    """Say what was fitted on what when an estimator refuses the rows."""
    try:
        yield
    except ValueError as error:
        options = ", ".join(f"{name}={value}" for name, value in plan.options.items())
        raise ValueError(
            f"train: {plan.estimator} ({options or 'its usual options'}) could not be "
            f"fitted on {len(examples)} rows: {error}"
        ) from error


def fit_dummy(examples: Examples) -> Pipeline:
    """Return a model that knows the target's mean or the classes' shares, no more."""
    regression = examples.task == "regression"
    dummy = DummyRegressor() if regression else DummyClassifier(strategy="prior")
    model = Pipeline([("model", dummy)])
    model.fit(examples.X, examples.y, model__sample_weight=examples.weight)
    return model


def fitted_estimator(model: Pipeline) -> Any:
    """Return what was fitted on the encoded columns, without calibration around it.

    The `sgd` of a regression predicts the target scaled to mean 0 and deviation 1.
    """
    last = model[-1]
    if isinstance(last, CalibratedClassifierCV):
        last = last.calibrated_classifiers_[0].estimator
    return last.regressor_ if isinstance(last, TransformedTargetRegressor) else last


def predict(model: Any, X: pd.DataFrame, task: Task) -> NDArray[np.float64]:
    """Return a model's predictions for raw rows.

    Parameters
    ----------
    model : Pipeline
        As `fit` returned it.
    X : DataFrame of shape (n_rows, n_features)
        The features, conformed to the schema the model was trained on.
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    ndarray of shape (n_rows, n_classes) or (n_rows,)
        Probabilities in the order of the schema's classes, each row of sum 1; values
        for regression.
    """
    with steady(len(X)):
        if task == "regression":
            return np.asarray(model.predict(X), dtype=np.float64)
        probabilities = np.asarray(model.predict_proba(X), dtype=np.float64)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))
