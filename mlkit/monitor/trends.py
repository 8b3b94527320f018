"""Trends: whether a metric gets better or worse from window to window."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlkit.metrics import METRICS, Estimate, show
from mlkit.monitor.records import Direction, Trend

Numbers = NDArray[np.float64]

FEWEST_WINDOWS = 5
LEVEL = 0.05
CONFIDENCE = 0.95
# The intervals of metrics are those of 95 %.
NORMAL_95 = 1.959963984540054


def find_trend(
    metric: str,
    estimates: Sequence[Estimate | None],
    *,
    greater_is_better: bool,
    label: str | None = None,
) -> Trend:
    """Return where a metric is going.

    Parameters
    ----------
    metric : str
        Its name.
    estimates : sequence of Estimate or None
        Its value in each window, the oldest first; None, or without a value, where it
        is not known.
    greater_is_better : bool
        Its direction.
    label : str, optional
        How people call it; None takes the one of the catalogue.

    Notes
    -----
    A straight line by weighted least squares, each window by the inverse of its squared
    standard error (a quarter of its 95 % interval, roughly), with the residuals'
    scatter where it is more than these errors explain (Birge, Physical Review 40
    (1932), 207-227), and Student's t. Beside it the Mann-Kendall test (Mann,
    Econometrica 13 (1945), 245-259; Kendall, Rank Correlation Methods, 1948), exact
    without ties, which asks for no straight line and minds no outlier. A direction is
    told where both reject at 5 %, two-sided.
    """
    name = label or (METRICS[metric].label if metric in METRICS else metric)
    at = [i for i, each in enumerate(estimates) if each is not None and each.defined]
    if len(at) < FEWEST_WINDOWS:
        reason = (
            f"{name} is known in {len(at)} windows, and a trend needs {FEWEST_WINDOWS}"
        )
        nothing = (None,) * 5
        return Trend(metric, name, *nothing, len(at), "unknown", reason)
    values = np.array([estimates[i].value for i in at])  # type: ignore[union-attr]
    errors = _errors([estimates[i] for i in at])
    slope, lower, upper, p_value = _line(np.array(at, dtype=np.float64), values, errors)
    rank_p = _rank_test(values)
    direction: Direction = "steady"
    if p_value < LEVEL and rank_p < LEVEL and slope:
        direction = "better" if (slope > 0) == greater_is_better else "worse"
    return Trend(
        metric=metric,
        label=name,
        slope=slope,
        lower=lower,
        upper=upper,
        p_value=p_value,
        rank_p=rank_p,
        windows=len(at),
        direction=direction,
        reason=_sentence(name, slope, direction, len(at)),
    )


def _errors(estimates: Sequence[Estimate | None]) -> Numbers:
    """Return standard errors; where one is unknown or 0, the largest of the others."""
    ends = [(each.upper - each.lower) if each else math.nan for each in estimates]
    errors = np.array(ends) / (2 * NORMAL_95)
    usable = np.isfinite(errors) & (errors > 0)
    if not usable.any():
        return np.ones(len(errors))
    return np.where(usable, errors, errors[usable].max())


def _line(x: Numbers, y: Numbers, errors: Numbers) -> tuple[float, float, float, float]:
    """Return slope, both ends of its interval and its two-sided p-value."""
    weight = 1 / errors**2
    centre = float(np.average(x, weights=weight))
    level = float(np.average(y, weights=weight))
    spread = float((weight * (x - centre) ** 2).sum())
    slope = float((weight * (x - centre) * (y - level)).sum()) / spread
    freedom = len(x) - 2
    left = y - level - slope * (x - centre)
    scatter = float((weight * left**2).sum()) / freedom
    error = math.sqrt(max(scatter, 1.0) / spread)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(slope) / error, freedom))
    return slope, slope - half, slope + half, p_value


def _rank_test(values: Numbers) -> float:
    if np.ptp(values) == 0:
        return 1.0
    return float(stats.kendalltau(np.arange(len(values)), values).pvalue)


def _sentence(name: str, slope: float, direction: str, windows: int) -> str:
    if direction == "steady":
        return f"{name} shows no trend over {windows} windows"
    word = "rises" if slope > 0 else "falls"
    change = show(abs(slope))
    return f"{name} {word} by {change} a window over {windows} windows: {direction}"
