"""The primary metric of a model on rows whose outcome is known by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlkit import evaluate
from mlkit.data import Column, Dataset, Schema
from mlkit.data.conformance import apply_schema, conform_column
from mlkit.data.labels import read_labels
from mlkit.data.wording import counted, listed
from mlkit.drift import ColumnDrift, Performance
from mlkit.metrics import MetricSpec, Scored, estimate
from mlkit.params import Params
from mlkit.registry import Record


@dataclass(frozen=True)
class Asked:
    """Which metric is measured, and how.

    Attributes
    ----------
    spec : MetricSpec
        The primary metric.
    options : mapping
        Confidence, resamples and seed of its interval.
    threshold : float
        From which probability on a row is called positive.
    average : str
        How classes are averaged.
    """

    spec: MetricSpec
    options: Mapping[str, Any]
    threshold: float
    average: Any

    @classmethod
    def of_params(cls, params: Params) -> Asked:
        """Return what the params ask for."""
        return cls(
            spec=evaluate.metric_specs(params)[params.primary],
            options={
                "confidence": params.evaluate.confidence,
                "resamples": params.evaluate.resamples,
                "seed": params.seed,
            },
            threshold=params.evaluate.threshold,
            average=params.evaluate.average,
        )

    @classmethod
    def of_version(cls, params: Params, record: Record) -> Asked:
        """Return what a version was measured by when it was registered."""
        asked, then = cls.of_params(params), record.manifest["params"]["evaluate"]
        specs = evaluate.metric_specs(params)
        return cls(
            spec=specs.get(then["primary"] or "", asked.spec),
            options=asked.options,
            threshold=then["threshold"],
            average=then["average"],
        )

    def performance(
        self,
        schema: Schema,
        y: np.ndarray,
        answers: np.ndarray,
        weight: Any = None,
    ) -> Performance:
        """Return the metric with its interval."""
        scored = Scored(
            schema.task,
            y,
            answers,
            weight,
            threshold=self.threshold,
            average=self.average,
        )
        return Performance.of(
            estimate(self.spec, scored, **self.options),
            metric=self.spec.name,
            label=self.spec.label,
            greater_is_better=self.spec.greater_is_better,
        )


@dataclass(frozen=True)
class Measured:
    """What the labels of current rows say.

    Attributes
    ----------
    performance : Performance or None
        The metric on the rows whose label the model knows; None where there are none.
    notes : tuple of str
        What was odd about the labels.
    broken : tuple of ColumnDrift
        The target, where the model knows none of the labels that are there.
    """

    performance: Performance | None = None
    notes: tuple[str, ...] = ()
    broken: tuple[ColumnDrift, ...] = ()


def measure(
    asked: Asked, dataset: Dataset, rows: np.ndarray, answers: np.ndarray
) -> Performance:
    """Return the metric of a model on rows of a dataset."""
    weight = None if dataset.weight is None else dataset.weight.iloc[rows]
    return asked.performance(dataset.schema, dataset.target(rows), answers, weight)


def conformed(raw: pd.DataFrame, schema: Schema) -> pd.DataFrame | str:
    """Return rows as a model takes them, or why it cannot be asked about them.

    Values that are not of their column's kind become missing.
    """
    absent = [name for name in schema.features if name not in raw.columns]
    if absent:
        names = ", ".join(map(repr, absent[:5]))
        return f"Predictions are not compared: the current table lacks {names}."
    frame, _ = apply_schema(raw, schema, need_target=False)
    return frame


def measure_rows(
    asked: Asked,
    schema: Schema,
    raw: pd.DataFrame,
    rows: pd.DataFrame,
    answers: np.ndarray,
    *,
    hide: bool = False,
) -> Measured:
    """Return the metric on those rows of a file that have a label, and what was odd.

    Parameters
    ----------
    asked : Asked
        The metric.
    schema : Schema
        The model's columns, target and classes.
    raw, rows : DataFrame of shape (n_rows, n_columns)
        The rows as they were read, and conformed.
    answers : ndarray of shape (n_rows, n_classes) or (n_rows,)
        The model's answers.
    hide : bool
        Mask the labels, as those of a sensitive target are in any case.
    """
    if schema.target not in raw.columns:
        note = f"The current rows have no {schema.target!r}: performance is not known."
        return Measured(notes=(note,))
    target = schema.column(schema.target)
    target = replace(target, sensitive=target.sensitive or hide)
    values, _ = conform_column(raw, target)
    y = values.to_numpy() if schema.classes is None else _codes(values, schema.classes)
    known = np.isfinite(y)
    texts, _ = conform_column(raw, replace(target, kind="category", format=None))
    wrong = texts[~known & texts.notna().to_numpy()]
    notes = _without_label(int(texts.isna().sum()), target.name)
    if len(wrong):
        said = _unknown(wrong, target, schema.classes)
        if not known.any():
            return Measured(None, notes, (_broken(target, f"all {said}"),))
        parted = f"Of {target.name!r}, {said}; they have no part in the performance."
        notes = (*notes, parted)
    if not known.any():
        return Measured(notes=notes)
    weight = _weights(rows, schema)
    found = asked.performance(
        schema, y[known], answers[known], None if weight is None else weight[known]
    )
    return Measured(found, notes)


def _codes(values: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    """Return class codes, NaN for labels that are missing or unknown."""
    codes = pd.Index(classes).get_indexer(pd.Index(read_labels(values)))
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def _without_label(count: int, target: str) -> tuple[str, ...]:
    if not count:
        return ()
    rows = f"{count:,} current row{' has' if count == 1 else 's have'}"
    return (f"{rows} no {target!r} yet and no part in the performance.",)


def _unknown(wrong: pd.Series, target: Column, classes: tuple[str, ...] | None) -> str:
    """Say which labels the model does not know, and which it does."""
    found = listed(sorted(map(str, wrong.unique())), sensitive=target.sensitive)
    if classes is None:
        return f"{counted(len(wrong), 'value')} cannot be read as a number: {found}"
    known = listed(classes, sensitive=target.sensitive)
    verb = "is" if len(wrong) == 1 else "are"
    return (
        f"{counted(len(wrong), 'label')} {verb} unknown to the model: {found}, where "
        f"it knows {known}"
    )


def _broken(target: Column, reason: str) -> ColumnDrift:
    """Return a target that no longer keeps the schema."""
    return ColumnDrift(
        name=target.name,
        kind=target.kind,
        sensitive=target.sensitive,
        state="wrong kind",
        effect=1.0,
        p=None,
        corrected=None,
        flagged=True,
        reason=reason,
    )


def _weights(rows: pd.DataFrame, schema: Schema) -> np.ndarray | None:
    """Return sample weights, where every row has a usable one."""
    names = [column.name for column in schema.columns if column.role == "weight"]
    if not names or names[0] not in rows.columns:
        return None
    weight = rows[names[0]].to_numpy(dtype=np.float64)
    usable = bool((weight >= 0).all() and weight.sum() > 0)
    return weight if usable else None
