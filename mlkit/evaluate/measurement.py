"""Measure a model: its metrics beside its baselines, by slice, and its gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk

from mlkit.data import Dataset, Schema
from mlkit.evaluate.evaluation import Evaluation
from mlkit.evaluate.gates import gate_results
from mlkit.evaluate.groups import GroupComparison, group_comparisons
from mlkit.evaluate.names import check_metric_names, metric_specs, nearest
from mlkit.evaluate.residuals import residuals
from mlkit.evaluate.slices import SliceResult, slice_results
from mlkit.metrics import (
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
    options = _options(params)
    measured = {
        name: estimates(specs.values(), each, **options)
        for name, each in scored.items()
    }
    return Evaluation(
        task=params.task,
        primary=params.primary,
        n_test=scored["model"].n,
        classes=_class_names(dataset.schema),
        confidence=params.evaluate.confidence,
        specs=specs,
        metrics=measured,
        gates=gate_results(
            params.evaluate.gates, measured, specs, primary=params.primary
        ),
        slices=_slices(dataset, scored["model"], specs, params),
        against_dummy=_against_dummy(scored, specs, params),
        groups=_groups(dataset, scored["model"], params),
        **_details(dataset, scored["model"], params),
    )


def _class_names(schema: Schema) -> tuple[str, ...] | None:
    if schema.classes is None or not schema.column(schema.target).sensitive:
        return schema.classes
    return tuple(f"class {code + 1}" for code in range(len(schema.classes)))


class _Options(TypedDict):
    confidence: float
    resamples: int
    seed: int


def _options(params: Params) -> _Options:
    return {
        "confidence": params.evaluate.confidence,
        "resamples": params.evaluate.resamples,
        "seed": params.seed,
    }


def _details(dataset: Dataset, model: Scored, params: Params) -> dict[str, Any]:
    """Return what the plots of an evaluation are drawn from."""
    target = dataset.schema.column(dataset.schema.target)
    if params.task == "regression":
        found = residuals(model, points=not target.sensitive)
        nothing = {"calibration": None, "confusion": None, "roc": (), "pr": ()}
        return {**nothing, "residuals": found}
    points = CURVE_POINTS[params.task]
    return {
        "calibration": calibration(model, seed=params.seed),
        "confusion": _confusion(model),
        "roc": roc_curves(model, points=points),
        "pr": pr_curves(model, points=points),
        "residuals": None,
    }


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
        **_options(params),
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


def _slices(
    dataset: Dataset,
    model: Scored,
    specs: Mapping[str, MetricSpec],
    params: Params,
) -> tuple[SliceResult, ...]:
    schema = dataset.schema
    for position, name in enumerate(params.evaluate.slices):
        if name not in schema.names:
            near = nearest(name, schema.names)
            raise ValueError(
                f"evaluate.slices[{position}] must be a column of the data "
                f"({', '.join(schema.names)}), got {name!r}. "
                + (f"Did you mean {near!r}?" if near else "Correct the name.")
            )
    names = list(dict.fromkeys([*params.evaluate.slices, *_protected(schema)]))
    return slice_results(
        _test_columns(dataset, names),
        model,
        list(specs.values()),
        primary=params.primary,
        masked=[name for name in names if schema.column(name).sensitive],
        **_options(params),
    )


def _groups(
    dataset: Dataset, model: Scored, params: Params
) -> tuple[GroupComparison, ...]:
    schema, names = dataset.schema, _protected(dataset.schema)
    return group_comparisons(
        _test_columns(dataset, names),
        model,
        target=schema.target,
        classes=_class_names(schema),
        masked=[name for name in names if schema.column(name).sensitive],
        confidence=params.evaluate.confidence,
    )


def _protected(schema: Schema) -> list[str]:
    return [column.name for column in schema.columns if column.protected]


def _test_columns(dataset: Dataset, names: list[str]) -> pd.DataFrame:
    """Return columns of the rows that are scored: those of weight 0 are not."""
    columns = dataset.frame[names].iloc[dataset.test_rows]
    if dataset.weight is None:
        return columns
    return columns[(dataset.weight.iloc[dataset.test_rows] > 0).to_numpy()]


def _confusion(scored: Scored) -> tuple[tuple[int, ...], ...]:
    counts = sk.confusion_matrix(
        scored.codes, scored.labels, labels=np.arange(scored.n_classes)
    )
    return tuple(tuple(int(count) for count in row) for row in counts)
