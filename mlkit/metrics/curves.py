"""ROC and precision-recall curves, thinned for plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sk

from mlkit.metrics.ranking import one_versus_rest
from mlkit.metrics.scored import Array, Scored, Undefined

POINTS = 200


@dataclass(frozen=True)
class Curve:
    """Points of a curve of one class against the rest.

    ``x`` and ``y`` are the false and true positive rate (ROC) or recall and precision
    (PR); ``code`` is the class, ``chance`` the height at which guessing would lie: the
    class's share of the rows for a PR curve, None for a ROC curve (its diagonal).
    """

    code: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    chance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "code": self.code,
            "x": list(self.x),
            "y": list(self.y),
            "chance": self.chance,
        }


def roc_curves(scored: Scored, *, points: int = POINTS) -> tuple[Curve, ...]:
    """Return the ROC curve of the positive class, or of each class against the rest.

    Empty where only one class has rows.
    """
    curves = []
    for is_class, score, code in _classes(scored):
        x, y, _ = sk.roc_curve(is_class, score, sample_weight=scored.weight)
        curves.append(Curve(code, *_thin(x, y, points)))
    return tuple(curves)


def pr_curves(scored: Scored, *, points: int = POINTS) -> tuple[Curve, ...]:
    """Return the precision-recall curve of the positive class, or of each class.

    Empty where only one class has rows.
    """
    curves = []
    for is_class, score, code in _classes(scored):
        precision, recall, _ = sk.precision_recall_curve(
            is_class, score, sample_weight=scored.weight, drop_intermediate=True
        )
        chance = float(np.average(is_class, weights=scored.weights))
        curves.append(
            Curve(code, *_thin(recall[::-1], precision[::-1], points), chance)
        )
    return tuple(curves)


def _classes(scored: Scored) -> list[tuple[Any, Array, int]]:
    try:
        return one_versus_rest(scored)
    except Undefined:
        return []


def _thin(
    x: Array, y: Array, points: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Keep at most ``points`` points, evenly spread along the curve, with both ends."""
    if len(x) > points:
        way = np.concatenate(
            [[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
        )
        wanted = np.linspace(0, way[-1], points)
        kept = np.unique(np.minimum(np.searchsorted(way, wanted), len(x) - 1))
        kept[0], kept[-1] = 0, len(x) - 1
        x, y = x[kept], y[kept]
    return tuple(float(v) for v in x), tuple(float(v) for v in y)
