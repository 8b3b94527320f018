"""The metrics that are exposed: their names, kinds, labels and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

PREDICTIONS: Final = "ml_predictions_total"
LATENCY: Final = "ml_prediction_latency_seconds"
ERRORS: Final = "ml_prediction_errors_total"
DRIFTS: Final = "ml_drift_detections_total"
ACCURACY: Final = "ml_model_accuracy"
DRIFT_SCORE: Final = "ml_drift_score"
HEALTH: Final = "ml_model_health"

LABELS: Final = ("model", "version")
# Upper bounds in seconds: a table's row takes well under a millisecond, a text or a
# remote call many of them.
BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
)  # fmt: skip
# One series a model, which min_over_time() and an alert rule can compare.
HEALTH_VALUES: Final[Mapping[str, int]] = {"critical": 0, "degraded": 1, "healthy": 2}


class Metric(NamedTuple):
    """What a metric is and means."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str


METRICS: Final[Mapping[str, Metric]] = {
    PREDICTIONS: Metric("counter", "Predictions that were answered."),
    LATENCY: Metric("histogram", "Seconds that an answer took."),
    ERRORS: Metric("counter", "Requests that failed."),
    DRIFTS: Metric("counter", "Checks that found the data drifted."),
    ACCURACY: Metric(
        "gauge",
        "Accuracy on the newest outcomes; the coefficient of determination (R2) for a "
        "regression.",
    ),
    DRIFT_SCORE: Metric(
        "gauge", "Share of drift in the columns, weighted by importance, from 0 to 1."
    ),
    HEALTH: Metric("gauge", "Health of the model: 0 critical, 1 degraded, 2 healthy."),
}
METRIC_NAMES: Final = tuple(METRICS)
