"""Whether a model that is fitted in passes came to rest, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.pipeline import Pipeline

from mlkit.train.examples import Examples
from mlkit.train.pipelines import fitted_estimator
from mlkit.train.weights import row_weights

Array = NDArray[np.float64]
FARTHEST = 1e100


def convergence(model: Pipeline, examples: Examples) -> dict[str, Any] | None:
    """Return how a fit in passes ended; None for a model that is not fitted in passes.

    Returns
    -------
    dict or None
        ``passes`` over the rows (or iterations) and their ``limit``; ``converged``,
        whether the tolerance was reached below the limit; for gradient descent also
        ``loss``, the penalised mean loss on the training rows, and ``gradient_norm``,
        the largest length of its gradient over the one-against-rest problems. Descent
        that ends above the loss it began with has not converged.

    Raises
    ------
    ValueError
        Gradient descent ran away: its loss is no number any more.
    """
    estimator = fitted_estimator(model)
    limit, done = (
        getattr(estimator, "max_iter", None),
        getattr(estimator, "n_iter_", None),
    )
    if limit is None or done is None or hasattr(estimator, "do_early_stopping_"):
        return None
    passes = int(np.max(done))
    record: dict[str, Any] = {
        "passes": passes,
        "limit": int(limit),
        "tolerance": float(estimator.tol),
        "converged": passes < limit,
    }
    descent = isinstance(estimator, SGDClassifier | SGDRegressor)
    if descent and estimator.penalty == "l2" and estimator.loss in LOSSES:
        end = where_it_rests(model, estimator, examples)
        record["converged"] &= end.pop("began_with") >= end["loss"]
        record |= end
    return record


def where_it_rests(
    model: Pipeline, estimator: Any, examples: Examples
) -> dict[str, float]:
    """Return the loss that gradient descent reached and the length of its gradient.

    The loss is the mean over the rows, plus the ridge penalty, of one problem a class
    (its mean over the classes) or of one problem in all; the longest gradient counts.
    """
    columns = np.asarray(model[:-1].transform(examples.X), dtype=np.float64)
    coefficients = np.atleast_2d(estimator.coef_)
    scores = columns @ coefficients.T + estimator.intercept_
    goals = aims(model, examples, scores)
    losses = LOSSES[estimator.loss]
    if not np.abs(scores).max() < FARTHEST:
        raise ValueError(
            "train: gradient descent ran away, and its scores are beyond "
            f"{FARTHEST:g}; a smaller train.options.eta0 may help"
        )
    row_losses, slopes = losses(scores, goals)
    weight = row_weights(examples, getattr(estimator, "class_weight", None))
    share = np.ones(len(examples)) if weight is None else weight
    share = share / len(examples)
    penalty = estimator.alpha * coefficients
    gradients = (slopes * share[:, None]).T @ columns + penalty
    lengths = np.hypot(np.linalg.norm(gradients, axis=1), slopes.T @ share)
    loss = share @ row_losses + (penalty * coefficients).sum(axis=1) / 2
    return {
        "loss": float(loss.mean()),
        "gradient_norm": float(lengths.max()),
        "began_with": float((share @ losses(0 * scores, goals)[0]).mean()),
    }


def logistic(scores: Array, aims: Array) -> tuple[Array, Array]:
    """Return the log-loss of scores against 0 and 1, and its slope."""
    return np.logaddexp(0, scores) - aims * scores, expit(scores) - aims


def squared(scores: Array, aims: Array) -> tuple[Array, Array]:
    """Return half of the squared error of scores, and its slope."""
    return (scores - aims) ** 2 / 2, scores - aims


LOSSES = {"log_loss": logistic, "squared_error": squared}


def aims(model: Pipeline, examples: Examples, scores: Array) -> Array:
    """Return what each problem's scores aim at, of the shape of the scores."""
    last = model[-1]
    if isinstance(last, TransformedTargetRegressor):
        return np.asarray(last.transformer_.transform(examples.y[:, None]))
    if scores.shape[1] == 1:
        return np.asarray(examples.y[:, None] == 1, dtype=np.float64)
    return np.asarray(examples.y[:, None] == np.arange(scores.shape[1]), np.float64)
