"""Evaluate a model: its metrics beside its baselines, by slice, and its gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk

from mlkit.data import Dataset
from mlkit.evaluate.gates import GateResult, gate_results
from mlkit.evaluate.names import check_metric_names, metric_specs
from mlkit.evaluate.residuals import Residuals, residuals
from mlkit.evaluate.slices import SliceResult, slice_results
from mlkit.evaluate.tables import evaluation_html
from mlkit.metrics import (
    Calibration,
    Curve,
    Estimate,
    MetricSpec,
    PairedTest,
    Scored,
    calibration,
    estimates,
    paired_test,
    pr_curves,
    roc_curves,
)
from mlkit.params import Params
from mlkit.params.models import PRIMARY_METRIC

CURVE_POINTS = {"binary": 200, "multiclass": 60}


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on the test rows, and what that is worth.

    Attributes
    ----------
    task, primary, n_test, classes, confidence
        The task, the primary metric, the number of test rows, the class names in the
        order of the codes (None for a regression) and the level of the intervals.
    specs
        The metrics by name, in the order in which they are shown.
    metrics
        For each model (``model`` and its baselines) the estimate of each metric.
    gates
        The results of the gates.
    slices
        The model's metrics for parts of the test rows.
    against_dummy
        The paired test of the model against the dummy baseline: in the primary metric,
        or in the task's usual one where the dummy has no value in the primary; None
        where no dummy was evaluated.
    calibration
        Of the model; None for a regression.
    confusion : tuple of shape (n_classes, n_classes)
        Rows by true and predicted class, not weighted; None for a regression.
    roc, pr
        Curves of the model; empty for a regression.
    residuals
        Of the model; None for a classification.
    """

    task: str
    primary: str
    n_test: int
    classes: tuple[str, ...] | None
    confidence: float
    specs: Mapping[str, MetricSpec]
    metrics: Mapping[str, Mapping[str, Estimate]]
    gates: tuple[GateResult, ...]
    slices: tuple[SliceResult, ...]
    against_dummy: PairedTest | None
    calibration: Calibration | None
    confusion: tuple[tuple[int, ...], ...] | None
    roc: tuple[Curve, ...]
    pr: tuple[Curve, ...]
    residuals: Residuals | None

    @property
    def passed(self) -> bool:
        """Whether every gate is kept."""
        return all(gate.passed for gate in self.gates)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; None stands for a number that does not exist."""
        return {
            "task": self.task,
            "primary": self.primary,
            "n_test": self.n_test,
            "classes": None if self.classes is None else list(self.classes),
            "confidence": self.confidence,
            "labels": {name: spec.label for name, spec in self.specs.items()},
            "greater_is_better": {
                name: spec.greater_is_better for name, spec in self.specs.items()
            },
            "metrics": {
                model: {name: each.to_dict() for name, each in found.items()}
                for model, found in self.metrics.items()
            },
            "passed": self.passed,
            "gates": [gate.to_dict() for gate in self.gates],
            "slices": [part.to_dict() for part in self.slices],
            "against_dummy": _plain(self.against_dummy),
            "calibration": _plain(self.calibration),
            "confusion": self.confusion and [list(row) for row in self.confusion],
            "roc": [curve.to_dict() for curve in self.roc],
            "pr": [curve.to_dict() for curve in self.pr],
            "residuals": _plain(self.residuals),
        }

    def _repr_html_(self) -> str:
        return evaluation_html(
            self.specs, self.metrics, self.gates, self.slices, primary=self.primary
        )


def _plain(record: Any) -> dict[str, Any] | None:
    return None if record is None else dict(record.to_dict())


def score(
    dataset: Dataset,
    predictions: Mapping[str, ArrayLike],
    params: Params,
    *,
    rows: NDArray[np.int64] | None = None,
) -> dict[str, Scored]:
    """Return truth and predictions of the same rows, for each model.

    Parameters
    ----------
    dataset
        The data.
    predictions : mapping of str to array-like of shape (n_rows, n_classes) or (n_rows,)
        For each model its probabilities or values for these rows.
    params
        The case: threshold and averaging.
    rows : array of shape (n_rows,), optional
        Positions in the data; None takes the test rows.
    """
    chosen = dataset.test_rows if rows is None else rows
    weight = None if dataset.weight is None else dataset.weight.iloc[chosen]
    return {
        name: Scored(
            params.task,
            dataset.target(chosen),
            prediction,
            weight,
            threshold=params.evaluate.threshold,
            average=params.evaluate.average,
        )
        for name, prediction in predictions.items()
    }


def evaluate(
    dataset: Dataset, predictions: Mapping[str, ArrayLike], params: Params
) -> Evaluation:
    """Measure a model on the test rows.

    Parameters
    ----------
    dataset
        The data, with their test rows.
    predictions : mapping of str to array-like of shape (n_test, n_classes) or (n_test,)
        Predictions of ``model`` and of its baselines, such as ``dummy`` and ``linear``,
        for the test rows.
    params
        The case.

    Returns
    -------
    Evaluation
        The same inputs give the same record: all that is random has the params' seed.

    Raises
    ------
    ValueError
        When ``model`` is missing, a metric, a baseline or a slice column does not
        exist, or the predictions do not fit the test rows.
    """
    check_metric_names(params)
    if "model" not in predictions:
        raise ValueError(
            f"predictions must hold those of 'model', got {', '.join(predictions)}. "
            "Add them under that name."
        )
    specs = metric_specs(params)
    scored = score(dataset, predictions, params)
    model = scored["model"]
    options: dict[str, Any] = {
        "confidence": params.evaluate.confidence,
        "resamples": params.evaluate.resamples,
        "seed": params.seed,
    }
    measured = {
        name: estimates(specs.values(), each, **options)
        for name, each in scored.items()
    }
    columns, masked = _slice_columns(dataset, params)
    classifies = params.task != "regression"
    points = CURVE_POINTS.get(params.task, 0)
    target = dataset.schema.column(dataset.schema.target)
    return Evaluation(
        task=params.task,
        primary=params.primary,
        n_test=model.n,
        classes=dataset.schema.classes,
        confidence=params.evaluate.confidence,
        specs=specs,
        metrics=measured,
        gates=gate_results(
            params.evaluate.gates, measured, specs, primary=params.primary
        ),
        slices=slice_results(
            columns,
            model,
            list(specs.values()),
            primary=params.primary,
            masked=masked,
            **options,
        ),
        against_dummy=_against_dummy(scored, specs, params),
        calibration=calibration(model, seed=params.seed) if classifies else None,
        confusion=_confusion(model) if classifies else None,
        roc=roc_curves(model, points=points) if classifies else (),
        pr=pr_curves(model, points=points) if classifies else (),
        residuals=(
            None if classifies else residuals(model, points=not target.sensitive)
        ),
    )


def compare(
    dataset: Dataset,
    params: Params,
    *,
    rows: NDArray[np.int64],
    champion: ArrayLike,
    challenger: ArrayLike,
) -> PairedTest:
    """Test in the primary metric whether a challenger is better than the champion.

    Parameters
    ----------
    dataset, params
        The data and the case.
    rows : array of shape (n_rows,)
        Positions of rows that neither model was trained on; at least one.
    champion, challenger : array-like of shape (n_rows, n_classes) or (n_rows,)
        Their predictions for those rows.
    """
    scored = score(
        dataset, {"champion": champion, "challenger": challenger}, params, rows=rows
    )
    return _test(
        metric_specs(params)[params.primary],
        scored["champion"],
        scored["challenger"],
        params,
        min_gain=params.evaluate.min_gain,
    )


def _test(
    spec: MetricSpec,
    champion: Scored,
    challenger: Scored,
    params: Params,
    *,
    min_gain: float = 0.0,
) -> PairedTest:
    return paired_test(
        spec,
        champion,
        challenger,
        min_gain=min_gain,
        confidence=params.evaluate.confidence,
        resamples=params.evaluate.resamples,
        seed=params.seed,
    )


def _against_dummy(
    scored: Mapping[str, Scored], specs: Mapping[str, MetricSpec], params: Params
) -> PairedTest | None:
    if "dummy" not in scored:
        return None
    dummy, model = scored["dummy"], scored["model"]
    found = _test(specs[params.primary], dummy, model, params)
    usual = PRIMARY_METRIC[params.task]
    if found.defined or params.primary == usual:
        return found
    instead = _test(specs[usual], dummy, model, params)
    return instead if instead.defined else found


def _slice_columns(
    dataset: Dataset, params: Params
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    schema = dataset.schema
    for position, name in enumerate(params.evaluate.slices):
        if name not in schema.names:
            raise ValueError(
                f"evaluate.slices[{position}] must be a column of the data "
                f"({', '.join(schema.names)}), got {name!r}. Correct the name."
            )
    protected = [column.name for column in schema.columns if column.protected]
    names = list(dict.fromkeys([*params.evaluate.slices, *protected]))
    columns = dataset.frame[names].iloc[dataset.test_rows]
    if dataset.weight is not None:
        columns = columns[(dataset.weight.iloc[dataset.test_rows] > 0).to_numpy()]
    masked = tuple(name for name in names if schema.column(name).sensitive)
    return columns, masked


def _confusion(scored: Scored) -> tuple[tuple[int, ...], ...]:
    counts = sk.confusion_matrix(
        scored.codes, scored.labels, labels=np.arange(scored.n_classes)
    )
    return tuple(tuple(int(count) for count in row) for row in counts)
