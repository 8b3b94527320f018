"""Intervals: how sure a metric is, whatever the number of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlkit.metrics import Estimate, MetricSpec, Scored, compute, estimates

# More rows make an interval narrower in a known way, and no surer.
MOST_ROWS = 50_000
# An interval that ends so much sooner on one side is near the end of its scale.
LEAST_SHARE = 0.25


def estimated(
    specs: Sequence[MetricSpec],
    scored: Scored,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> dict[str, Estimate]:
    """Return metrics of rows with their intervals, by name.

    Each value is that of all rows. Of more than 50,000 the interval is that of 50,000
    of them, evenly spaced, narrowed to the number of all and laid around the value of
    all. Where it is lopsided, as that of a share near 0 or 1, all rows are taken.

    Parameters
    ----------
    specs : sequence of MetricSpec
        The metrics.
    scored : Scored
        The rows, in order of time.
    confidence, resamples, seed
        As in :func:`mlkit.metrics.estimates`.

    Notes
    -----
    The error of these metrics falls with the square root of the rows, so that an
    interval of m rows is sqrt(n / m) times as wide as one of n: Politis, Romano and
    Wolf, Subsampling (1999), chapter 2.
    """
    options: dict[str, Any] = {
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
    }
    if scored.n <= MOST_ROWS:
        return estimates(specs, scored, **options)
    part = estimates(specs, evenly(scored), **options)
    found = {
        spec.name: _of_all(part[spec.name], compute(spec, scored), scored.n)
        for spec in specs
        if _is_even(part[spec.name])
    }
    rest = [spec for spec in specs if spec.name not in found]
    found |= estimates(rest, scored, **options) if rest else {}
    return {spec.name: found[spec.name] for spec in specs}


def evenly(scored: Scored) -> Scored:
    """Return no more than 50,000 of the rows, evenly spaced."""
    if scored.n <= MOST_ROWS:
        return scored
    return scored.take(np.linspace(0, scored.n - 1, MOST_ROWS).astype(np.intp))


def _is_even(part: Estimate) -> bool:
    sides = part.value - part.lower, part.upper - part.value
    return min(sides) >= LEAST_SHARE * max(sides) > 0


def _of_all(part: Estimate, value: float, n: int) -> Estimate:
    """Return the interval of a part of the rows as one of all of them."""
    narrower = math.sqrt(part.n / n)
    return replace(
        part,
        value=value,
        lower=value - narrower * (part.value - part.lower),
        upper=value + narrower * (part.upper - part.value),
        n=n,
        method=f"{part.method}, of {part.n:,} of the rows",
    )
