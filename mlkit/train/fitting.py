"""From a dataset and a train section to a fitted model beside its baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sklearn.pipeline import Pipeline

from mlkit.data import Dataset
from mlkit.params import Params, Search
from mlkit.params import Train as TrainParams
from mlkit.train.check import check_estimator
from mlkit.train.choose import choose
from mlkit.train.convergence import convergence
from mlkit.train.digest import model_digest
from mlkit.train.estimators import recipe_for
from mlkit.train.examples import Examples, training_examples
from mlkit.train.folds import Folds, FoldsImpossible, make_folds
from mlkit.train.pipelines import Plan, fit_dummy, fit_plan
from mlkit.train.search import random_search
from mlkit.train.trained import Trained
from mlkit.train.validation import (
    PATIENCE,
    Candidate,
    cross_validate,
    finds_trees,
    most_passes,
)
from mlkit.train.weights import class_weights

MANY_ROWS = 100_000
PLAIN_TREES = 100


@dataclass(frozen=True)
class Settled:
    """A plan with nothing left open, and how it was arrived at."""

    plan: Plan
    reason: str
    folds: Folds | None = None
    candidates: tuple[Candidate, ...] = ()
    search: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def fit(
    dataset: Dataset, params: Params, *, clock: Callable[[], float] = time.monotonic
) -> Trained:
    """Fit the model of a case on the training rows, and its baselines beside it.

    Parameters
    ----------
    dataset : Dataset
        Only its training rows are used.
    params : Params
        The case; its train section says what is fitted, its seed decides every draw.
    clock : callable
        Seconds for the time budget of a search; nothing else depends on time.

    Returns
    -------
    Trained
        The same inputs give the same digest, on any number of threads.

    Raises
    ------
    ParamsError
        The train section cannot be carried out, whatever the data.
    ValueError
        These data cannot be learnt: a class without rows, too few for folds, or the
        estimator refuses.
    """
    check_estimator(params)
    examples = training_examples(dataset, params)
    settled = settle(first_plan(params, examples), examples, params.train, clock)
    plan = settled.plan
    model = fit_plan(plan, examples, settled.folds)
    recipe = recipe_for(plan.estimator)
    return Trained(
        model=model,
        baselines=fit_baselines(examples, plan, model),
        estimator=plan.estimator,
        family=recipe.family,
        options=recipe.defaults(examples.task, len(examples)) | dict(plan.options),
        candidates=settled.candidates,
        convergence=convergence(model, examples),
        search=settled.search,
        digest=model_digest(model),
        n_train=len(examples),
        reason=settled.reason,
        calibration=plan.calibration,
        notes=settled.notes,
        class_weights=_labelled(plan.class_weight, examples.classes),
    )


def _labelled(
    weights: Mapping[int, float] | None, classes: tuple[str, ...]
) -> dict[str, float] | None:
    if weights is None:
        return None
    return {classes[code]: float(weight) for code, weight in weights.items()}


def first_plan(params: Params, examples: Examples) -> Plan:
    """Return what the params ask for, before anything is decided by the data."""
    train = params.train
    weights = class_weights(train.class_weight, examples)
    options = dict(train.options)
    return Plan(train.estimator, params.seed, options, weights, train.calibration)


def fit_baselines(
    examples: Examples, plan: Plan, model: Pipeline
) -> dict[str, Pipeline]:
    """Return the dummy and the plain linear model, which may be the model itself."""
    plain = Plan("linear", plan.seed)
    linear = model if plan == plain else fit_plan(plain, examples)
    return {"dummy": fit_dummy(examples), "linear": linear}


def settle(
    plan: Plan, examples: Examples, train: TrainParams, clock: Callable[[], float]
) -> Settled:
    """Decide by cross-validation what the params leave open."""
    asked = train.estimator == "auto" or train.search or train.calibration
    if not asked:
        return settle_trees(Settled(plan, "named in the params"), examples, train)
    folds = make_folds(examples, train.folds, seed=plan.seed)
    settled = Settled(plan, "named in the params", folds, notes=folds.notes)
    if train.estimator == "auto":
        choice = choose(plan, examples, folds)
        chosen = choice.chosen
        options = {} if train.search else chosen.options
        settled = replace(
            settled,
            plan=replace(plan, estimator=chosen.estimator, options=options),
            reason=choice.reason,
            candidates=choice.candidates,
        )
    if train.search is not None:
        return searched(settled, examples, train.search, clock)
    return settle_trees(settled, examples, train)


def searched(
    settled: Settled, examples: Examples, search: Search, clock: Callable[[], float]
) -> Settled:
    """Return what the search for hyper-parameters settled on."""
    folds = make_folds(examples, search.folds, seed=settled.plan.seed)
    record = random_search(settled.plan, examples, folds, limits=search, clock=clock)
    best = record.tried[record.best]
    return replace(
        settled,
        plan=replace(settled.plan, options=best.options),
        search=record.to_dict(),
        notes=tuple(dict.fromkeys((*settled.notes, *folds.notes))),
    )


def settle_trees(settled: Settled, examples: Examples, train: TrainParams) -> Settled:
    """Find the number of trees where it is open.

    By cross-validation, or where rows are many, on a tenth of them.
    """
    plan = settled.plan
    if not finds_trees(plan):
        return settled
    if len(examples) > MANY_ROWS:
        stopping = {
            "early_stopping": True,
            "max_iter": most_passes(examples),
            "n_iter_no_change": PATIENCE,
        }
        return replace(
            settled, plan=replace(plan, options={**plan.options, **stopping})
        )
    try:
        folds = settled.folds or make_folds(examples, train.folds, seed=plan.seed)
    except FoldsImpossible as error:
        options = {**plan.options, "max_iter": PLAIN_TREES}
        note = f"{PLAIN_TREES} trees without early stopping: {error}"
        return replace(
            settled,
            plan=replace(plan, options=options),
            notes=(*settled.notes, note),
        )
    candidate = cross_validate(plan, examples, folds)
    return replace(
        settled,
        plan=replace(plan, options=candidate.options),
        candidates=(candidate,),
        notes=tuple(dict.fromkeys((*settled.notes, *folds.notes))),
    )
