"""``auto``: a linear or a boosted model, by what cross-validation says.

Both are fitted on the same folds, and the lower mean loss decides; an equal one goes to
the linear model. No lead of a standard error is asked for: on small tables that gives
up more than it saves. The reason says whether the difference is within the noise.

Where rows are few, what is usual fits the noise too closely, so each is also tried with
more caution: the linear model with larger penalties, boosting with smaller trees that
see fewer columns. Where there is text, the linear model is also tried with smaller
penalties, as each of its many words has little weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.pipelines import Plan
from mlkit.train.validation import Candidate, cross_validate

CONTENDERS = ("linear", "hist_gradient_boosting")
FEW_ROWS = 5_000
LARGER_PENALTIES = {
    "regression": ({"alpha": 10.0}, {"alpha": 100.0}),
    "classification": ({"C": 0.1}, {"C": 0.01}),
}
SMALLER_PENALTIES = {
    "regression": ({"alpha": 0.1}, {"alpha": 0.01}),
    "classification": ({"C": 10.0}, {"C": 100.0}),
}
SMALLER_TREES = {
    "max_leaf_nodes": 7,
    "min_samples_leaf": 5,
    "l2_regularization": 1.0,
    "max_features": 0.3,
}


@dataclass(frozen=True)
class Choice:
    """The estimator that was taken, the contenders and the reason."""

    chosen: Candidate
    candidates: tuple[Candidate, ...]
    reason: str


def choose(plan: Plan, examples: Examples, folds: Folds) -> Choice:
    """Return the better of a linear and a boosted model, with the reason.

    Parameters
    ----------
    plan : Plan
        Seed and class weights for both; its estimator and options are not used.
    """
    tried = {
        name: [
            cross_validate(
                replace(plan, estimator=name, options=options), examples, folds
            )
            for options in settings_of(name, examples)
        ]
        for name in CONTENDERS
    }
    linear, boosted = (
        min(tried[name], key=lambda candidate: candidate.mean) for name in CONTENDERS
    )
    gain, error = gain_and_error(linear.losses, boosted.losses)
    chosen = boosted if gain > 0 else linear
    metric = "RMSE" if examples.task == "regression" else "log-loss"
    said = ", ".join(
        f"{best.estimator}{of_several(tried[best.estimator])} {best.mean:.4g} ± "
        f"{best.spread:.2g}"
        for best in (linear, boosted)
    )
    reason = f"{metric} over {len(folds.splits)} folds: {said}. {verdict(gain, error)}"
    return Choice(chosen, (*tried[linear.estimator], *tried[boosted.estimator]), reason)


def settings_of(estimator: str, examples: Examples) -> Iterator[Mapping[str, Any]]:
    """Yield the options a contender is tried with: none, then what the rows suggest."""
    few = len(examples) <= FEW_ROWS
    yield {}
    if estimator == "hist_gradient_boosting":
        if few:
            yield SMALLER_TREES
        return
    kind = "regression" if examples.task == "regression" else "classification"
    if few:
        yield from LARGER_PENALTIES[kind]
    if "text" in examples.kinds.values():
        yield from SMALLER_PENALTIES[kind]


def of_several(candidates: Sequence[Candidate]) -> str:
    """Return words that say among how many settings a contender's best was found."""
    return f" (best of {len(candidates)})" if len(candidates) > 1 else ""


def gain_and_error(
    linear: Sequence[float], boosted: Sequence[float]
) -> tuple[float, float]:
    """Return how much lower the boosted loss is, and that difference's standard error.

    Folds are paired. Their training rows overlap, which makes the standard error of the
    mean too small, hence the factor of Nadeau and Bengio (2003, "Inference for the
    generalization error", Machine Learning 52).

    Examples
    --------
    >>> gain, error = gain_and_error([1.0, 1.2, 1.1], [0.9, 1.1, 1.0])
    >>> round(gain, 3), round(error, 3)
    (0.1, 0.0)
    """
    differences = np.subtract(linear, boosted)
    folds = len(differences)
    share = 1 / folds + 1 / (folds - 1)
    error = float(np.sqrt(share * np.var(differences, ddof=1)))
    return float(differences.mean()), error


def verdict(gain: float, error: float) -> str:
    """Return the sentence that says which was taken, and how sure that is."""
    winner = "hist_gradient_boosting" if gain > 0 else "linear"
    noise = "within the noise" if abs(gain) <= error else "beyond the noise"
    return (
        f"That of {winner} is lower by {abs(gain):.2g}, {noise} (standard error "
        f"{error:.2g}), so it is taken."
    )
