"""Metrics: one number for how well predictions fit the truth, and how sure it is.

A metric has a direction (greater or smaller is better), a need (predicted classes,
probabilities or values) and tasks for which it exists; the table `METRICS` says so for
each. An `Estimate` is a metric with its interval, a `PairedTest` the gain of one model
over another on the same rows with its bounds. A metric without meaning on some rows is
NaN with a reason, never 0 and never an error.
"""

from mlkit.metrics.catalog import METRICS, MetricSpec, metrics_for
from mlkit.metrics.curves import Curve, pr_curves, roc_curves
from mlkit.metrics.digits import number_or_none, show
from mlkit.metrics.estimates import Estimate, compute, estimate, estimates
from mlkit.metrics.exact import fisher_exact
from mlkit.metrics.own import OwnMetricError, own_metric
from mlkit.metrics.paired import PairedTest, paired_test
from mlkit.metrics.proportions import wilson
from mlkit.metrics.reliability import Calibration, CalibrationBin, calibration
from mlkit.metrics.scored import Scored, Undefined
from mlkit.metrics.two_samples import (
    Contrast,
    compare_means,
    compare_shares,
    holm,
    mean_interval,
)

__all__ = [
    "METRICS",
    "Calibration",
    "CalibrationBin",
    "Contrast",
    "Curve",
    "Estimate",
    "MetricSpec",
    "OwnMetricError",
    "PairedTest",
    "Scored",
    "Undefined",
    "calibration",
    "compare_means",
    "compare_shares",
    "compute",
    "estimate",
    "estimates",
    "fisher_exact",
    "holm",
    "mean_interval",
    "metrics_for",
    "number_or_none",
    "own_metric",
    "paired_test",
    "pr_curves",
    "roc_curves",
    "show",
    "wilson",
]
