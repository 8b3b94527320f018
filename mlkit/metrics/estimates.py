"""A metric's value with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlkit.metrics.catalog import METRICS, MetricSpec
from mlkit.metrics.digits import number_or_none, show
from mlkit.metrics.intervals import Bounds, class_sizes
from mlkit.metrics.proportions import wilson
from mlkit.metrics.resampling import (
    Resampler,
    canonical_order,
    count_blocks,
    draws,
    rare_class,
)
from mlkit.metrics.scored import Array, Scored, Undefined

# With fewer resamples than this the tails are too thin to read quantiles from.
QUANTILES_FROM = 200
# A metric of the user's own is called once a resample.
OWN_RESAMPLES = 400


@dataclass(frozen=True)
class Estimate:
    """A metric on some rows: value, interval, number of rows and method.

    Where the metric has no meaning the value is NaN and ``reason`` says why; where only
    the interval is unknown its bounds are NaN.
    """

    value: float
    lower: float
    upper: float
    n: int
    method: str
    reason: str | None = None

    @property
    def defined(self) -> bool:
        """Whether the metric has a meaning on these rows."""
        return not math.isnan(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; None stands for a number that does not exist."""
        return {
            "value": number_or_none(self.value),
            "lower": number_or_none(self.lower),
            "upper": number_or_none(self.upper),
            "n": self.n,
            "method": self.method,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        if not self.defined:
            return f"undefined: {self.reason}"
        if math.isnan(self.lower):
            return show(self.value)
        return f"{show(self.value)} ({show(self.lower)} to {show(self.upper)})"


def compute(metric: str | MetricSpec, scored: Scored) -> float:
    """Return the metric's value; NaN where it has no meaning.

    Parameters
    ----------
    metric
        A name in `METRICS`, or the record of a metric of your own.
    scored
        Truth and predictions.

    Examples
    --------
    >>> compute("accuracy", Scored("binary", [0, 1], [[0.8, 0.2], [0.7, 0.3]]))
    0.5
    """
    try:
        return spec_of(metric, scored).function(scored)
    except Undefined:
        return math.nan


def spec_of(metric: str | MetricSpec, scored: Scored) -> MetricSpec:
    """Return the record of a metric, checked against the task of the rows."""
    spec = METRICS.get(metric) if isinstance(metric, str) else metric
    if spec is None or scored.task not in spec.tasks:
        known = [row.name for row in METRICS.values() if scored.task in row.tasks]
        raise ValueError(
            f"metric must be one of {', '.join(known)} in a {scored.task} task, got "
            f"{metric if isinstance(metric, str) else metric.name!r}."
        )
    return spec


def estimate(
    metric: str | MetricSpec,
    scored: Scored,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Return the metric's value with its interval; see `estimates`."""
    spec = spec_of(metric, scored)
    found = estimates(
        [spec], scored, confidence=confidence, resamples=resamples, seed=seed
    )
    return found[spec.name]


def estimates(
    metrics: Iterable[str | MetricSpec],
    scored: Scored,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return value and interval of several metrics on the same rows.

    Parameters
    ----------
    metrics
        Names in `METRICS`, or records of metrics of your own.
    scored
        Truth and predictions.
    confidence
        Level of the two-sided intervals.
    resamples
        Bootstrap resamples; with very many rows fewer are drawn (never below 50).
    seed
        Seed of the bootstrap. The same rows in any order give the same interval.

    Notes
    -----
    Accuracy, and precision, recall and F1 of one class: Wilson. ROC AUC: DeLong. The
    others: percentile bootstrap of rows (Efron and Tibshirani 1993, chapter 13), within
    classes where a class has fewer than 8 rows and could vanish; below 200 resamples a
    normal interval with the bootstrap's standard error. The calibration error,
    which chance raises by an amount between 0 and its floor: a normal interval whose
    lower end is lowered by the floor.
    """
    specs = [spec_of(metric, scored) for metric in metrics]
    values: dict[str, float] = {}
    found: dict[str, Estimate] = {}
    pending: list[MetricSpec] = []
    for spec in specs:
        try:
            values[spec.name] = spec.function(scored)
        except Undefined as error:
            found[spec.name] = _undefined(scored, str(error))
            continue
        bounds = spec.interval(scored, confidence) if spec.interval else None
        if bounds is None:
            pending.append(spec)
        else:
            found[spec.name] = _estimate(scored, values[spec.name], bounds)
    drawn = _bootstrap(pending, scored, resamples=resamples, seed=seed)
    for spec in pending:
        bounds = _bootstrap_bounds(
            spec, scored, values[spec.name], drawn[spec.name], confidence
        )
        found[spec.name] = _estimate(scored, values[spec.name], bounds)
    return {spec.name: found[spec.name] for spec in specs}


def _undefined(scored: Scored, reason: str) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, scored.n, "none", reason)


def _estimate(scored: Scored, value: float, bounds: Bounds) -> Estimate:
    # Rounding may leave a bound a last digit on the wrong side of the value.
    lower, upper = min(bounds.lower, value), max(bounds.upper, value)
    if math.isnan(bounds.lower):
        lower = upper = math.nan
    return Estimate(value, lower, upper, scored.n, bounds.method)


def resampler_of(spec: MetricSpec, scored: Scored) -> Resampler:
    """Return the metric as a function of row counts."""
    if spec.resampler is not None:
        return spec.resampler(scored)
    if spec.losses is None:
        raise ValueError(f"{spec.name} has neither a resampler nor losses.")
    rows = np.column_stack([spec.losses(scored), np.ones(scored.n)])
    rows *= scored.weights[:, None]

    def values(counts: Array) -> Array:
        sums = counts @ rows
        return np.asarray(sums[:, 0] / sums[:, 1])

    return values


def _bootstrap(
    specs: list[MetricSpec], scored: Scored, *, resamples: int, seed: int
) -> dict[str, Array]:
    ordered = scored.take(_order(scored))
    drawn: dict[str, Array] = {}
    for within in (True, False):
        group = [spec for spec in specs if (strata_of(spec, scored) is None) != within]
        drawn |= _drawn(group, ordered, resamples=resamples, seed=seed)
    return drawn


def _drawn(
    specs: list[MetricSpec], scored: Scored, *, resamples: int, seed: int
) -> dict[str, Array]:
    """Return the metrics' values in the same resamples."""
    if not specs:
        return {}
    functions = {spec.name: resampler_of(spec, scored) for spec in specs}
    limits = {
        spec.name: resamples if spec.own is None else min(resamples, OWN_RESAMPLES)
        for spec in specs
    }
    most = draws(scored.n, max(limits.values()))
    strata = strata_of(specs[0], scored)
    values: dict[str, list[Array]] = {spec.name: [] for spec in specs}
    for counts in count_blocks(scored.n, most, seed=seed, strata=strata):
        for name, function in functions.items():
            left = limits[name] - sum(len(block) for block in values[name])
            if left > 0:
                values[name].append(function(counts[:left]))
    return {name: np.concatenate(blocks) for name, blocks in values.items()}


def _order(scored: Scored) -> NDArray[np.int64]:
    columns = np.atleast_2d(scored.prediction.T)
    return canonical_order(scored.y, scored.weights, *columns)


def strata_of(spec: MetricSpec, scored: Scored) -> NDArray[np.int64] | None:
    """Return the classes to draw within, or None where a class lost does no harm.

    Drawing within classes holds their shares fixed, which a mean over rows must not.
    """
    averages_rows = spec.losses is not None or spec.floor is not None
    if scored.task == "regression" or averages_rows or not rare_class(scored.codes):
        return None
    return scored.codes


def _bootstrap_bounds(
    spec: MetricSpec, scored: Scored, value: float, drawn: Array, confidence: float
) -> Bounds:
    usable = drawn[np.isfinite(drawn)]
    if scored.n < 2 or len(usable) < len(drawn) / 2:
        return Bounds(math.nan, math.nan, "none: too few rows to resample")
    within = "" if strata_of(spec, scored) is None else " within classes"
    method = f"bootstrap{within}, {len(drawn)} resamples"
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    if np.ptp(usable) < 1e-9 and value > 1 - 1e-9 and spec.needs != "value":
        share = wilson(1.0, _smallest_support(scored), confidence=confidence)
        return Bounds(*share, "Wilson score interval: no row is wrong")
    half = float(stats.norm.ppf(tails[1])) * float(usable.std(ddof=1))
    if spec.floor is not None:
        lower = max(0.0, value - spec.floor(scored) - half)
        return Bounds(lower, value + half, f"{method}, lowered by the floor")
    if len(usable) < QUANTILES_FROM:
        return Bounds(value - half, value + half, method)
    lower, upper = (float(end) for end in np.quantile(usable, tails))
    return Bounds(lower, upper, method)


def _smallest_support(scored: Scored) -> float:
    """Return the effective number of rows behind a plain average over the classes."""
    sizes = class_sizes(scored)
    return len(sizes) ** 2 / sum(1 / size for size in sizes)
