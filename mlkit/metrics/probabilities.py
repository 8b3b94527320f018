"""Metrics of probabilities that are a mean over rows: log loss and Brier score."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sk

from mlkit.metrics.scored import Array, Scored


def log_loss(scored: Scored) -> float:
    """Return the mean of -log(probability of the class that happened), in nats.

    Probabilities are kept at least one rounding step away from 0, as scikit-learn does.
    """
    return float(
        sk.log_loss(
            scored.codes,
            scored.prediction,
            labels=np.arange(scored.n_classes),
            sample_weight=scored.weight,
        )
    )


def brier(scored: Scored) -> float:
    """Return the mean squared distance between probabilities and what happened.

    Binary: (p - y)^2 of the positive class, 0 to 1. Multiclass: summed over the
    classes, 0 to 2, as in Brier, Monthly Weather Review 78 (1950), 1-3.
    """
    if scored.task == "binary":
        return float(
            sk.brier_score_loss(
                scored.codes,
                scored.prediction[:, 1],
                sample_weight=scored.weight,
                pos_label=1,
                labels=[0, 1],
            )
        )
    return float(
        sk.brier_score_loss(
            scored.codes,
            scored.prediction,
            sample_weight=scored.weight,
            labels=np.arange(scored.n_classes),
        )
    )


def log_losses(scored: Scored) -> Array:
    """Return each row's log loss, shape (n_samples,)."""
    step = np.finfo(np.float64).eps
    happened = scored.prediction[np.arange(scored.n), scored.codes]
    return np.asarray(-np.log(np.clip(happened, step, 1 - step)))


def briers(scored: Scored) -> Array:
    """Return each row's Brier score, shape (n_samples,)."""
    happened = scored.codes[:, None] == np.arange(scored.n_classes)
    distance = np.square(scored.prediction - happened)
    if scored.task == "binary":
        return np.asarray(distance[:, 1])
    return np.asarray(distance.sum(axis=1))
