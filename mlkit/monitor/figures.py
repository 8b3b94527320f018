"""Figures: volumes, latency and metrics of the rows of one window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import store
from mlkit.metrics import (
    METRICS,
    Estimate,
    MetricSpec,
    calibration,
    mean_interval,
)
from mlkit.monitor.answers import Answers
from mlkit.monitor.division import Window
from mlkit.monitor.intervals import estimated, evenly
from mlkit.monitor.window_records import Latency, WindowCalibration, WindowFigures
from mlkit.params import Params

Rows = NDArray[np.bool_]

SHOWN = {
    "binary": ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"),
    "regression": ("mae", "rmse", "r2"),
}
CALIBRATION = "calibration_error"
BIAS = "bias"
# A window is looked at again and again; its intervals need no more.
MOST_RESAMPLES = 200


@dataclass(frozen=True)
class Measures:
    """What is measured in each window.

    Attributes
    ----------
    specs : tuple of MetricSpec
        The metrics.
    min_labels : int
        With fewer outcomes none is.
    label_days : float
        Outcomes are due when they are older than this.
    confidence, resamples, seed
        Of the intervals.
    """

    specs: tuple[MetricSpec, ...]
    min_labels: int
    label_days: float
    confidence: float
    resamples: int
    seed: int

    @classmethod
    def of(cls, params: Params, specs: Mapping[str, MetricSpec], primary: str) -> Any:
        """Return what a case asks for: the usual metrics and the primary one."""
        task = params.task
        names = dict.fromkeys([primary, *SHOWN[task]])
        if task != "regression":
            names[CALIBRATION] = None
        return cls(
            specs=tuple(specs[name] for name in names if name in specs),
            min_labels=params.monitor.min_labels,
            label_days=params.monitor.label_days,
            confidence=params.evaluate.confidence,
            resamples=min(params.evaluate.resamples, MOST_RESAMPLES),
            seed=params.seed,
        )


def window_figures(
    window: Window,
    frame: pd.DataFrame,
    answers: Answers,
    measures: Measures,
    *,
    mine: Rows,
    version: str | None,
    now: datetime,
) -> WindowFigures:
    """Return the figures of a window, drift left out.

    Parameters
    ----------
    window : Window
        Its rows.
    frame : DataFrame of shape (n, n_columns)
        ``at``, ``version``, ``latency_ms`` and ``error`` of all rows.
    answers : Answers
        Their predictions and outcomes.
    measures : Measures
        What is measured.
    mine : ndarray of bool of shape (n,)
        The rows that the figures are of.
    version : str or None
        The version that answered them.
    now : datetime
        The present.
    """
    failed = frame["error"].notna().to_numpy()
    rows = window.rows & mine
    answered = rows & ~failed
    due = (frame["at"] < now - timedelta(days=measures.label_days)).to_numpy()
    unknown = answered & ~np.isfinite(answers.truth)
    asked = frame["version"][window.rows & ~failed].value_counts()
    metrics = measure(answers, answered, measures)
    return WindowFigures(
        label=window.label,
        start=window.start.astimezone(UTC).isoformat(),
        end=window.end.astimezone(UTC).isoformat(),
        complete=window.complete,
        predictions=int(answered.sum()),
        errors=int((rows & failed).sum()),
        labelled=int(answered.sum() - unknown.sum()),
        missing_labels=int(unknown.sum()),
        late_labels=int((unknown & due).sum()),
        latency=latency(frame["latency_ms"][answered]),
        metrics=metrics,
        calibration=_calibration(answers, answered, measures),
        versions={str(name): int(count) for name, count in asked.items()},
        version=version,
        digest=_digest(answers, answered),
    )


def _digest(answers: Answers, rows: Rows) -> str:
    """Return a fingerprint of what was answered and what came of it."""
    sides = (answers.predicted, answers.truth, answers.probabilities)
    content = b"".join(side[rows].tobytes() for side in sides if side is not None)
    return store.sha256_bytes(content)[:16]


def latency(milliseconds: pd.Series) -> Latency | None:
    """Return how long answers took; None where it was not logged."""
    values = pd.to_numeric(milliseconds, errors="coerce").to_numpy(dtype=np.float64)
    values = values[np.isfinite(values) & (values >= 0)]
    if not len(values):
        return None
    p50, p95, p99 = (float(each) for each in np.percentile(values, [50, 95, 99]))
    return Latency(p50, p95, p99, len(values))


def measure(answers: Answers, rows: Rows, measures: Measures) -> dict[str, Estimate]:
    """Return the metrics of rows whose outcome is known; none with too few of them.

    Metrics of classes take the label that was answered, others its probabilities.
    """
    options: dict[str, Any] = {
        "confidence": measures.confidence,
        "resamples": measures.resamples,
        "seed": measures.seed,
    }
    found: dict[str, Estimate] = {}
    by_label = [spec for spec in measures.specs if spec.needs != "probability"]
    by_chance = [spec for spec in measures.specs if spec.needs == "probability"]
    sides: Sequence[tuple[Any, list[MetricSpec]]] = (
        (answers.labels(rows), by_label),
        (answers.scored(rows), by_chance),
    )
    for scored, specs in sides:
        if scored is not None and scored.n >= measures.min_labels and specs:
            found |= estimated(specs, scored, **options)
    if answers.asked.task == "regression" and found:
        found[BIAS] = _bias(answers, rows, measures.confidence)
    order = [spec.name for spec in measures.specs] + [BIAS]
    return {name: found[name] for name in order if name in found}


def _bias(answers: Answers, rows: Rows, confidence: float) -> Estimate:
    chosen = rows & answers.known
    errors = answers.predicted[chosen] - answers.truth[chosen]
    lower, upper = mean_interval(errors, confidence=confidence)
    value, n = float(errors.mean()), len(errors)
    return Estimate(value, lower, upper, n, "Student t interval")


def _calibration(
    answers: Answers, rows: Rows, measures: Measures
) -> WindowCalibration | None:
    scored = answers.scored(rows)
    if scored is None or scored.n < measures.min_labels:
        return None
    # How likely an error is by chance is simulated: so many rows tell all there is.
    found = calibration(evenly(scored), seed=measures.seed)
    return WindowCalibration(found.error, found.floor, found.p_value, found.n)


def direction(metric: str, specs: Mapping[str, MetricSpec]) -> bool | None:
    """Return whether a greater value is better; None for a metric nobody knows."""
    spec = specs.get(metric) or METRICS.get(metric)
    return None if spec is None else spec.greater_is_better


def value_of(estimate: Estimate | None) -> float | None:
    """Return a metric's value, None where there is none."""
    if estimate is None or math.isnan(estimate.value):
        return None
    return estimate.value
