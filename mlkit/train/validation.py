"""What a plan is worth on rows it has not seen, without touching the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlkit.train.encode import make_encoder
from mlkit.train.estimators import recipe_for
from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.pipelines import Plan, explained, fit_plan, predict, steady, weighed
from mlkit.train.weights import row_weights

MOST_TREES = 1000
MOST_TREES_OF_ALL_CLASSES = 2000
PATIENCE = 20
OTHER_LOSS = {"loss", "scoring"}  # options that make early stopping watch another


@dataclass(frozen=True)
class Candidate:
    """A setting that was tried, and its loss in each fold.

    Attributes
    ----------
    losses : tuple of float
        Log-loss (classification) or root mean squared error in the target's unit
        (regression) on the held-out rows of each fold; smaller is better.
    """

    estimator: str
    options: dict[str, Any]
    losses: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean loss over the folds."""
        return float(np.mean(self.losses))

    @property
    def spread(self) -> float:
        """Standard deviation of the loss between the folds."""
        return float(np.std(self.losses, ddof=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as plain JSON data."""
        return {
            "estimator": self.estimator,
            "options": dict(self.options),
            "losses": list(self.losses),
            "mean": self.mean,
            "spread": self.spread,
        }


def cross_validate(plan: Plan, examples: Examples, folds: Folds) -> Candidate:
    """Return the loss of a plan in each fold.

    Where the plan leaves the number of trees of histogram boosting open, each fold
    stops adding trees when its held-out loss has not fallen for 20 trees, and the
    candidate's options name the mean number.
    """
    if finds_trees(plan):
        return with_trees_found(plan, examples, folds)
    losses = []
    for learn, held in folds.splits:
        model = fit_plan(plan, examples.take(learn))
        losses.append(loss(model, examples.take(held), plan.class_weight))
    return Candidate(plan.estimator, dict(plan.options), tuple(losses))


def most_passes(examples: Examples) -> int:
    """Return how many passes boosting may take; one grows a tree a class."""
    classes = len(examples.classes) if examples.task == "multiclass" else 1
    return max(100, min(MOST_TREES, MOST_TREES_OF_ALL_CLASSES // classes))


def finds_trees(plan: Plan) -> bool:
    """Return whether the number of trees is left to early stopping."""
    named = {"max_iter", "early_stopping"} & set(plan.options)
    return plan.estimator == "hist_gradient_boosting" and not named


def with_trees_found(plan: Plan, examples: Examples, folds: Folds) -> Candidate:
    """Return the candidate whose number of trees the folds agree on."""
    curves = [
        stopping_curve(plan, examples.take(learn), examples.take(held))
        for learn, held in folds.splits
    ]
    trees = max(1, round(float(np.mean([np.argmin(curve) for curve in curves]))))
    options = {**plan.options, "max_iter": trees}
    if OTHER_LOSS & set(plan.options):
        return cross_validate(replace(plan, options=options), examples, folds)
    losses = tuple(float(curve[min(trees, len(curve) - 1)]) for curve in curves)
    return Candidate(plan.estimator, options, losses)


def stopping_curve(plan: Plan, learn: Examples, held: Examples) -> NDArray[np.float64]:
    """Return the held-out loss after 0, 1, 2, ... trees, up to where it stopped.

    It is the log-loss or root mean squared error unless the options ask for another.
    """
    recipe = recipe_for(plan.estimator)
    learn = learn.with_known_columns()
    stopping = {
        "early_stopping": True,
        "scoring": "loss",
        "max_iter": most_passes(learn),
        "n_iter_no_change": PATIENCE,
        "tol": 0.0,
    }
    open_plan = replace(plan, options={**stopping, **plan.options})
    estimator, weight = weighed(open_plan, learn)
    encoder = make_encoder(learn.kinds, recipe.encoding, seed=plan.seed)
    with steady(len(learn)), explained(plan, learn):
        estimator.fit(
            encoder.fit_transform(learn.X),
            learn.y,
            sample_weight=weight,
            X_val=encoder.transform(held.X),
            y_val=held.y,
            sample_weight_val=row_weights(held, plan.class_weight),
        )
    curve = -np.asarray(estimator.validation_score_, dtype=np.float64)
    if learn.task == "regression" and not OTHER_LOSS & set(plan.options):
        return np.sqrt(2 * curve)  # scikit-learn's is half of the mean squared error
    return curve


def loss(
    model: Any, held: Examples, class_weight: Mapping[int, float] | None = None
) -> float:
    """Return the weighted log-loss or root mean squared error on held-out rows."""
    prediction = predict(model, held.X, held.task)
    weight = row_weights(held, class_weight)
    if held.task == "regression":
        squares = (held.y - prediction) ** 2
        return float(np.sqrt(np.average(squares, weights=weight)))
    chosen = prediction[np.arange(len(held)), held.y]
    surprise = -np.log(np.clip(chosen, np.finfo(np.float64).eps, None))
    return float(np.average(surprise, weights=weight))
