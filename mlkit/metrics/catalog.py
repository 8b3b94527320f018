"""The table of metrics: name, direction, needs, function and paired test of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mlkit.metrics import labels, probabilities, ranking, reliability, values
from mlkit.metrics.intervals import Interval, interval_of_area, interval_of_share
from mlkit.metrics.resampling import Resampler
from mlkit.metrics.scored import Array, Needs, Scored, Task

Compare = Literal["area", "matches", "mean", "squares", "resampling"]

CLASSIFICATION: tuple[Task, ...] = ("binary", "multiclass")
REGRESSION: tuple[Task, ...] = ("regression",)


@dataclass(frozen=True)
class MetricSpec:
    """One metric.

    Attributes
    ----------
    name
        How params and records call it.
    label
        How people call it.
    tasks
        The tasks for which it exists.
    greater_is_better
        The direction of goodness.
    needs
        What it is computed from: predicted classes, probabilities or values.
    function
        ``f(scored) -> float``; raises `Undefined` where the metric has no meaning.
    resampler
        ``f(scored)`` returns the metric as a function of row counts.
    compare
        Which paired test fits; see `paired_test`.
    losses
        Each row's loss, where the metric is their mean or grows with it.
    interval
        The closed form of its interval; None, or its returning None, takes the
        bootstrap.
    floor
        What a perfect model would score by chance, for metrics that chance raises.
    own
        The dotted path of a metric of the user's own; None for built-in ones.
    """

    name: str
    label: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    needs: Needs
    function: Callable[[Scored], float]
    resampler: Callable[[Scored], Resampler] | None = None
    compare: Compare = "resampling"
    losses: Callable[[Scored], Array] | None = None
    interval: Interval | None = None
    floor: Callable[[Scored], float] | None = None
    own: str | None = None

    @property
    def sign(self) -> int:
        """1 where greater is better, -1 where smaller is."""
        return 1 if self.greater_is_better else -1


_ROWS = (
    MetricSpec(
        name="accuracy",
        label="Accuracy",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="label",
        function=labels.accuracy,
        resampler=labels.resample_accuracy,
        compare="matches",
        interval=interval_of_share(labels.accuracy_trials),
    ),
    MetricSpec(
        name="precision",
        label="Precision",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="label",
        function=labels.precision,
        resampler=labels.resample_precision,
        interval=interval_of_share(labels.precision_trials, averaged=True),
    ),
    MetricSpec(
        name="recall",
        label="Recall",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="label",
        function=labels.recall,
        resampler=labels.resample_recall,
        interval=interval_of_share(labels.recall_trials, averaged=True),
    ),
    MetricSpec(
        name="f1",
        label="F1",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="label",
        function=labels.f1,
        resampler=labels.resample_f1,
        interval=interval_of_share(labels.f1_trials, averaged=True, harmonic=True),
    ),
    MetricSpec(
        name="roc_auc",
        label="ROC AUC",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="probability",
        function=ranking.roc_auc,
        compare="area",
        interval=interval_of_area,
    ),
    MetricSpec(
        name="average_precision",
        label="PR AUC",
        tasks=CLASSIFICATION,
        greater_is_better=True,
        needs="probability",
        function=ranking.average_precision,
        resampler=ranking.resample_average_precision,
    ),
    MetricSpec(
        name="log_loss",
        label="Log loss",
        tasks=CLASSIFICATION,
        greater_is_better=False,
        needs="probability",
        function=probabilities.log_loss,
        losses=probabilities.log_losses,
        compare="mean",
    ),
    MetricSpec(
        name="brier",
        label="Brier score",
        tasks=CLASSIFICATION,
        greater_is_better=False,
        needs="probability",
        function=probabilities.brier,
        losses=probabilities.briers,
        compare="mean",
    ),
    MetricSpec(
        name="calibration_error",
        label="Calibration error",
        tasks=CLASSIFICATION,
        greater_is_better=False,
        needs="probability",
        function=reliability.calibration_error,
        resampler=reliability.resample_calibration_error,
        floor=reliability.calibration_floor,
    ),
    MetricSpec(
        name="mae",
        label="Mean absolute error",
        tasks=REGRESSION,
        greater_is_better=False,
        needs="value",
        function=values.mae,
        losses=values.absolute_errors,
        compare="mean",
    ),
    MetricSpec(
        name="rmse",
        label="Root mean squared error",
        tasks=REGRESSION,
        greater_is_better=False,
        needs="value",
        function=values.rmse,
        resampler=values.resample_rmse,
        losses=values.squared_errors,
        compare="squares",
    ),
    MetricSpec(
        name="r2",
        label="R2",
        tasks=REGRESSION,
        greater_is_better=True,
        needs="value",
        function=values.r2,
        resampler=values.resample_r2,
        losses=values.squared_errors,
        compare="squares",
    ),
    MetricSpec(
        name="mape",
        label="Mean absolute percentage error",
        tasks=REGRESSION,
        greater_is_better=False,
        needs="value",
        function=values.mape,
        losses=values.relative_errors,
        compare="mean",
    ),
)

METRICS: Mapping[str, MetricSpec] = MappingProxyType({row.name: row for row in _ROWS})


def metrics_for(task: Task) -> dict[str, MetricSpec]:
    """Return the built-in metrics of a task, in the order in which they are shown.

    Examples
    --------
    >>> list(metrics_for("regression"))
    ['mae', 'rmse', 'r2', 'mape']
    """
    return {name: spec for name, spec in METRICS.items() if task in spec.tasks}
