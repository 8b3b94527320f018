"""Performance: whether the version is worse than it was when it was registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlkit.alerts import Finding
from mlkit.drift import Performance, PerformanceDrift, compare_performance
from mlkit.metrics import MetricSpec, Scored, show
from mlkit.monitor.answers import Answers
from mlkit.monitor.division import Window
from mlkit.monitor.figures import Measures
from mlkit.monitor.found import Found
from mlkit.monitor.intervals import estimated
from mlkit.monitor.records import Trend
from mlkit.monitor.trends import NORMAL_95
from mlkit.monitor.window_records import WindowCalibration

Rows = NDArray[np.bool_]

TREND_LEVEL = 0.01


def scored_for(spec: MetricSpec, answers: Answers, rows: Rows) -> Scored | None:
    """Return the rows that a metric can be taken of."""
    if spec.needs == "probability":
        return answers.scored(rows)
    return answers.labels(rows)


def compare_with_reference(
    reference: Performance | None,
    answers: Answers,
    windows: Sequence[Window],
    mine: Rows,
    spec: MetricSpec,
    measures: Measures,
    *,
    max_loss: float,
    level: float,
) -> PerformanceDrift | None:
    """Return how the primary metric changed since the version was registered.

    Two spans are looked at: the newest windows that have enough outcomes together,
    which shows a sudden change soon, and all of them, which shows a small one. The one
    that dropped is returned, else the newest.

    Parameters
    ----------
    reference : Performance or None
        The metric when the version was registered.
    answers : Answers
        All rows.
    windows : sequence of Window
        The oldest first.
    mine : ndarray of bool of shape (n,)
        The rows that the version answered.
    spec : MetricSpec
        The primary metric.
    measures : Measures
        How intervals are made.
    max_loss : float
        A loss of no more than this is no drop.
    level : float
        Chance of a false alarm, shared by both spans.

    Returns
    -------
    PerformanceDrift or None
        None without a reference or any outcome.
    """
    if reference is None or reference.metric != spec.name:
        return None
    found = []
    for rows in _spans(answers, windows, mine, spec, measures.min_labels):
        scored = scored_for(spec, answers, rows)
        if scored is None:
            continue
        current = Performance.of(
            estimated(
                [spec],
                scored,
                confidence=measures.confidence,
                resamples=measures.resamples,
                seed=measures.seed,
            )[spec.name],
            metric=spec.name,
            label=spec.label,
            greater_is_better=spec.greater_is_better,
        )
        compared = compare_performance(
            reference, current, max_loss=max_loss, min_rows=measures.min_labels
        )
        found.append(_held(compared, max_loss, level / 2))
    dropped = (each for each in found if each.dropped)
    return next(dropped, found[0] if found else None)


def _spans(
    answers: Answers,
    windows: Sequence[Window],
    mine: Rows,
    spec: MetricSpec,
    least: int,
) -> Iterator[Rows]:
    usable = answers.by_probability if spec.needs == "probability" else answers.known
    usable = usable & mine
    newest = np.zeros(len(mine), dtype=bool)
    for window in reversed(windows):
        newest |= window.rows & usable
        if newest.sum() >= least:
            break
    yield newest
    if (usable & ~newest).any():
        yield usable


def _held(found: PerformanceDrift, max_loss: float, level: float) -> PerformanceDrift:
    """Return a comparison whose drop is held to a level of its own.

    The interval is stretched as that of a normal estimate would be.
    """
    if found.loss is None or found.lower is None:
        return found
    wider = float(stats.norm.isf(level)) / NORMAL_95
    sure = found.loss - wider * (found.loss - found.lower) > 0
    dropped = sure and found.loss > max_loss
    if found.dropped and not dropped:
        more = "; of all looks in a year some will show this by chance"
        return replace(found, dropped=False, reason=found.reason + more)
    return replace(found, dropped=dropped)


def judge_performance(found: PerformanceDrift | None) -> Found:
    """Return whether the primary metric dropped, as a finding."""
    if found is None or found.loss is None:
        return Found()
    cause = f"performance.{found.current.metric}"
    if not found.dropped:
        return Found(checked=(cause,))
    evidence = {
        "value": found.current.value,
        "lower": found.current.lower,
        "upper": found.current.upper,
        "n": found.current.n,
        "reference": found.reference.value,
        "loss": found.loss,
    }
    return Found((Finding(cause, "critical", found.reason, evidence),), (cause,))


def judge_trend(trend: Trend | None, *, max_loss: float) -> Found:
    """Return whether a metric gets worse for sure and by much, as a finding."""
    if trend is None or trend.slope is None:
        return Found()
    cause = f"trend.{trend.metric}"
    change = abs(trend.slope) * (trend.windows - 1)
    sure = max(trend.p_value or 0.0, trend.rank_p or 0.0) < TREND_LEVEL
    if trend.direction != "worse" or not sure or change <= max_loss:
        return Found(checked=(cause,))
    evidence = {"slope": trend.slope, "p_value": trend.p_value, "rank_p": trend.rank_p}
    said = f"{trend.reason}, by {show(change)} in all"
    return Found((Finding(cause, "warning", said, evidence),), (cause,))


def judge_calibration(
    found: WindowCalibration | None, *, bound: float, level: float
) -> Found:
    """Return whether probabilities are off, as a finding.

    A simulated p-value cannot be smaller than one in its draws, so it is held to 1 %;
    the size of the error does the rest.
    """
    if found is None:
        return Found()
    if found.excess <= bound or found.p_value >= max(level, TREND_LEVEL):
        return Found(checked=("calibration",))
    said = (
        f"probabilities are off by {show(found.error)} on average, of which "
        f"{show(found.floor)} may be chance; {bound:g} beyond chance is allowed "
        "(monitor.max_calibration_error)"
    )
    evidence: Mapping[str, Any] = found.to_dict() | {"excess": found.excess}
    return Found((Finding("calibration", "warning", said, evidence),), ("calibration",))
