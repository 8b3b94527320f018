"""Residuals: how far predicted values are from true ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlkit.metrics import Scored

SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BINS = 30
POINTS = 200


@dataclass(frozen=True)
class Residuals:
    """Predicted minus true values of a regression, enough to draw them.

    Attributes
    ----------
    mean
        The weighted mean, which is the bias of the model, in units of the target.
    quantiles
        Share of rows and the residual that so many rows do not exceed.
    edges, counts
        Histogram of the residuals: rows between one edge and the next.
    points
        True and predicted value of at most 200 rows, chosen at even steps along the
        true values.
    """

    mean: float
    quantiles: tuple[tuple[float, float], ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    points: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def residuals(scored: Scored, *, points: bool = True) -> Residuals:
    """Return how far predictions are off, predicted minus true.

    Parameters
    ----------
    scored
        Rows of a regression.
    points
        Whether single rows may be shown.
    """
    off = scored.prediction - scored.y
    counts, edges = np.histogram(off, bins=min(BINS, max(1, scored.n // 5)))
    order = np.lexsort((scored.prediction, scored.y))
    steps = np.linspace(0, scored.n - 1, min(POINTS, scored.n)).round().astype(int)
    shown = order[np.unique(steps)] if points else []
    return Residuals(
        mean=float(np.average(off, weights=scored.weights)),
        quantiles=tuple((share, float(np.quantile(off, share))) for share in SHARES),
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
        points=tuple(
            (float(scored.y[row]), float(scored.prediction[row])) for row in shown
        ),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
